//! The engine against recorded play of the reference, against broken files and against itself.

mod broken;
mod data;
mod generated;
mod reference;
mod tiny;
