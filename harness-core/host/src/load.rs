//! From checked bytes to a running pack: a private copy named by its content, then the dynamic linker, then the layouts.
//!
//! Never unloads, and never maps the same bytes twice.

use std::{
    collections::HashMap,
    fs,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use harness_abi::{PackRef, ROOT_SYMBOL};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::{HostError, Refusal, inspect};

/// What this process has mapped, by content.
fn mapped() -> &'static Mutex<HashMap<String, PackRef>> {
    static MAPPED: OnceLock<Mutex<HashMap<String, PackRef>>> = OnceLock::new();
    MAPPED.get_or_init(Mutex::default)
}

/// Loads the pack at `path`, which must still have the bytes that were inspected as `sha256`.
pub(crate) fn load(path: &Path, sha256: &str, store: &Path) -> Result<PackRef, HostError> {
    let mut mapped = mapped().lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pack) = mapped.get(sha256) {
        return Ok(*pack);
    }
    let (inspected, bytes) = inspect::read(path)?;
    let refuse = |refusal| HostError::Refused { path: path.to_owned(), refusal };
    if inspected.sha256 != sha256 {
        return Err(refuse(Refusal::Changed { locked: sha256.to_owned(), found: inspected.sha256 }));
    }
    let copy = stage(&bytes, store, sha256).map_err(|(path, source)| refuse(Refusal::Stage { path, source }))?;
    let pack = link(&copy).map_err(refuse)?;
    let section = crate::elf::manifest(&bytes).map_err(refuse)?;
    if (pack.manifest())().as_str() != section {
        return Err(refuse(Refusal::TwoFaced));
    }
    mapped.insert(sha256.to_owned(), pack);
    Ok(pack)
}

/// Writes the bytes into the private store under their own hash; a file already there is used if it has these bytes.
fn stage(bytes: &[u8], store: &Path, sha256: &str) -> Result<PathBuf, (PathBuf, std::io::Error)> {
    let copy = store.join(format!("{sha256}.so"));
    if fs::read(&copy).is_ok_and(|present| present == bytes) {
        return Ok(copy);
    }
    let temporary = store.join(format!(".{sha256}.{}", std::process::id()));
    let write = || {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(store)?;
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o500)
            .open(&temporary)?
            .write_all(bytes)?;
        fs::rename(&temporary, &copy)
    };
    write().map_err(|error| (copy.clone(), error))?;
    Ok(copy)
}

fn link(copy: &Path) -> Result<PackRef, Refusal> {
    // SAFETY: the file's bytes were checked and lie in a private folder; its initialisers run now, which is what
    // admitting it means. It is leaked below, so nothing of it is ever unmapped.
    let library = unsafe { Library::open(Some(copy), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|error| Refusal::Link(error.to_string()))?;
    // SAFETY: only the address is taken; `admit` checks what stands there.
    let symbol = unsafe { library.get::<*mut std::ffi::c_void>(ROOT_SYMBOL) };
    let address = symbol.map(|symbol| symbol.as_raw_ptr()).map_err(|error| Refusal::Link(error.to_string()))?;
    std::mem::forget(library);
    // SAFETY: the address is that of the root symbol of a library that is never unloaded.
    let (pack, _) = unsafe { harness_abi::admit(address) }.map_err(Refusal::Layout)?;
    Ok(pack)
}
