//! What can be known of a pack's file without running it.

use std::path::{Path, PathBuf};

use harness_spec::PackManifest;

use crate::{HostError, Refusal, elf};

/// Most bytes of a pack.
const MOST_BYTES: u64 = 4 << 30;

/// A pack's file, read once.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// Where it lies.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: PackManifest,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Reads a pack's file and checks all that can be checked without running it.
///
/// # Errors
///
/// Why the file is no pack that could be loaded.
pub fn inspect(path: &Path) -> Result<Inspected, HostError> {
    read(path).map(|(inspected, _)| inspected)
}

/// As [`inspect`], and gives the bytes too: what was checked is what will be run.
pub(crate) fn read(path: &Path) -> Result<(Inspected, Vec<u8>), HostError> {
    examine(path).map_err(|refusal| HostError::Refused { path: path.to_owned(), refusal })
}

fn examine(path: &Path) -> Result<(Inspected, Vec<u8>), Refusal> {
    let bytes = harness_files::read(path, MOST_BYTES).map_err(Refusal::Read)?;
    let manifest = manifest(&bytes)?;
    let inspected =
        Inspected { path: path.to_owned(), manifest, sha256: elf::sha256(&bytes), size: bytes.len() as u64 };
    Ok((inspected, bytes))
}

/// The manifest in a pack's bytes, once all that can be checked of them without running them holds.
///
/// # Errors
///
/// Why these bytes are not admitted.
pub fn manifest(bytes: &[u8]) -> Result<PackManifest, Refusal> {
    let text = elf::manifest(bytes)?;
    let manifest = PackManifest::parse(&text).map_err(|error| Refusal::Manifest(error.to_string()))?;
    let abi = manifest.pack.abi.to_string();
    if abi.split('.').next() != harness_abi::ABI_VERSION.split('.').next() {
        return Err(Refusal::AbiVersion { pack: abi, host: harness_abi::ABI_VERSION });
    }
    Ok(manifest)
}
