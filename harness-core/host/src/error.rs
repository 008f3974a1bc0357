//! What can be wrong with a pack, and what to do about it.

use std::path::PathBuf;

use harness_abi::ModuleError;
use harness_spec::{LookupError, ModuleRef, PublicKey};

/// Why a file was not admitted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    /// It is no shared library for this system.
    #[error("is not a shared library: {0}")]
    NotElf(String),
    /// It was built for another processor.
    #[error("is built for {found}, this host runs on {host}; ask its vendor for a {host} build")]
    Architecture {
        /// What it is built for.
        found: String,
        /// What this host runs on.
        host: &'static str,
    },
    /// It ends too early; loading it would kill the process.
    #[error("is truncated: its segments end at byte {need}, the file has {have}; copy it again")]
    Truncated {
        /// Bytes its headers ask for.
        need: u64,
        /// Bytes it has.
        have: u64,
    },
    /// It carries no manifest.
    #[error("is a shared library but no module pack: it has no section {}", crate::elf::SECTION)]
    NotAPack,
    /// Its manifest is wrong.
    #[error("has a bad manifest: {0}")]
    Manifest(String),
    /// It was built against an interface this host cannot serve.
    #[error("is built against interface {pack}, this host serves {host}; use a pack built for major version {}", .host.split('.').next().unwrap_or_default())]
    AbiVersion {
        /// Version in its manifest.
        pack: String,
        /// This host's version.
        host: &'static str,
    },
    /// The lock file names other bytes.
    #[error(
        "was changed after it was locked: harness.lock has sha256 {locked}, the file has {found}; restore the file or lock it anew"
    )]
    Changed {
        /// In the lock.
        locked: String,
        /// Of the file.
        found: String,
    },
    /// The lock file does not name it.
    #[error("is not in harness.lock; lock it before it may load")]
    Unlocked,
    /// Its signature is none, or does not hold.
    #[error("has a bad signature: {0}; get file and signature from its publisher again")]
    Signature(String),
    /// It was locked with a signature that is not there now.
    #[error("is locked as signed with the key {locked}, and is not signed with it; put its .minisig beside it again")]
    Publisher {
        /// The key in the lock.
        locked: PublicKey,
    },
    /// Policy asks for a trusted publisher.
    #[error("is not signed by a publisher that policy.toml trusts, and `only_signed` asks for one")]
    Untrusted,
    /// It asks for more than was approved.
    #[error("asks for permissions that harness.lock does not list: {0}; approve it anew with `harness plugin add`")]
    Permissions(String),
    /// The private copy cannot be written.
    #[error("cannot be copied to {path}: {source}; is the disk full?")]
    Stage {
        /// Where to.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The dynamic linker refused it.
    #[error("does not load: {0}")]
    Link(String),
    /// Its binary layout does not fit.
    #[error("has an incompatible binary layout: {0}")]
    Layout(String),
    /// Its child process does not come up.
    #[error("does not run in a process of its own: {0}")]
    Child(String),
    /// What its code says differs from its section.
    #[error(
        "says one thing in its section and another in its code: the embedded manifest differs from `pack().manifest`"
    )]
    TwoFaced,
}

/// An error of the host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A pack was refused.
    #[error("pack {path} {refusal}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        refusal: Refusal,
    },
    /// No such pack or module.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// A module did not come up.
    #[error("module `{module}` does not start: {error}")]
    Module {
        /// Which.
        module: ModuleRef,
        /// Why.
        error: Box<ModuleError>,
    },
    /// The user has not allowed what a module would do.
    #[error("module `{module}` is not started, because nobody has allowed what it would do: {acts}")]
    NotAllowed {
        /// Which.
        module: ModuleRef,
        /// What it would do.
        acts: String,
    },
    /// A linked-in pack has a bad manifest: a bug of this program.
    #[error("the built-in pack has a bad manifest: {0}")]
    Linked(String),
}
