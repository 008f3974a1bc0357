//! The cycle over simulated arenas: what it finds, what it refuses, and that it survives being killed anywhere.

mod laws;
mod resume;
mod world;
