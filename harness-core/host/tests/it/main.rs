//! The doorman against real files: good packs, every kind of bad one, locks and versions.

mod admission;
mod bad_files;
mod support;
