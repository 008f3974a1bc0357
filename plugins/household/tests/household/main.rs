//! The household pack, driven as a host drives it.

mod episodes;
mod world;
