//! The engine against recorded play of the reference, against broken files and against itself.

mod data;
mod reference;
