//! The one place where this program writes files, and opens files that come from outside.
//!
//! **Writing.** The folder may belong to somebody who wants our bytes elsewhere: a command of a model works in the workspace, a pack with
//! the permission `fs` too. So nothing is written through a link, under a name that can be guessed, or half: a [`Folder`] is opened
//! once, every further component is opened relative to it without following links, new bytes go into a file with a random name that did
//! not exist before, are synced, and take the old file's place by a rename.
//!
//! **Changing.** Reading, deciding and writing happen under one lock between processes ([`Folder::change`]). What cannot be read is an
//! error, never an empty file.
//!
//! **Reading.** A file from outside may be a pipe, a device or endless: [`open`] and [`read`] take regular files alone, never wait, and
//! know a limit.
//!
//! `cargo xtask tidy` keeps `std::fs::write`, `rename`, `copy` and `File::create` out of every other crate.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test stops where it fails"))]

mod draft;
mod folder;
mod lock;
mod named;
mod read;

pub use draft::Draft;
pub use folder::{Access, Folder};
pub use lock::Held;
pub use named::{change, copy, create, folder_of, make_folders, replace};
pub use read::{open, read, read_text};

/// Most bytes of a file that a person writes or reads: settings, locks, manifests, suites.
pub const MOST_TEXT: u64 = 64 << 20;
