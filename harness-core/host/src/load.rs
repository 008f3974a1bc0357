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

use harness_abi::{C_SYMBOL, ROOT_SYMBOL};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::{HostError, Inspected, Refusal, root::Root};

/// What this process has mapped, by content.
fn mapped() -> &'static Mutex<HashMap<String, Root>> {
    static MAPPED: OnceLock<Mutex<HashMap<String, Root>>> = OnceLock::new();
    MAPPED.get_or_init(Mutex::default)
}

/// Loads a pack from the bytes that were inspected: what was checked is what runs, whatever became of the file since.
pub(crate) fn load(file: &Inspected, bytes: &[u8], store: &Path) -> Result<Root, HostError> {
    let mut mapped = mapped().lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pack) = mapped.get(&file.sha256) {
        return Ok(*pack);
    }
    let admit = || {
        let copy = stage(bytes, store, &file.sha256).map_err(|(path, source)| Refusal::Stage { path, source })?;
        let pack = link(&copy)?;
        // A pack in C says what it is in its section alone.
        if let Root::Rust(pack) = pack
            && (pack.manifest())().as_str() != crate::elf::manifest(bytes)?
        {
            return Err(Refusal::TwoFaced);
        }
        Ok(pack)
    };
    let pack = admit().map_err(|refusal| HostError::Refused { path: file.path.clone(), refusal })?;
    mapped.insert(file.sha256.clone(), pack);
    Ok(pack)
}

/// Writes the bytes into the private store under their own hash; a file already there is used if it has these bytes.
pub(crate) fn stage(bytes: &[u8], store: &Path, sha256: &str) -> Result<PathBuf, (PathBuf, std::io::Error)> {
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

pub(crate) fn link(copy: &Path) -> Result<Root, Refusal> {
    // SAFETY: the file's bytes were checked and lie in a private folder; its initialisers run now, which is what
    // admitting it means. It is leaked below, so nothing of it is ever unmapped.
    let library = unsafe { Library::open(Some(copy), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|error| Refusal::Link(error.to_string()))?;
    let address = |symbol: &[u8]| {
        // SAFETY: only the address is taken; `admit` and `admit_c` check what stands there.
        let found = unsafe { library.get::<*mut std::ffi::c_void>(symbol) };
        found.map(|symbol| symbol.as_raw_ptr()).map_err(|error| Refusal::Link(error.to_string()))
    };
    let (root, table) = (address(ROOT_SYMBOL), address(C_SYMBOL));
    std::mem::forget(library);
    match (root, table) {
        // SAFETY: the address is that of the root symbol of a library that is never unloaded.
        (Ok(root), _) => unsafe { harness_abi::admit(root) }.map(|(pack, _)| Root::Rust(pack)).map_err(Refusal::Layout),
        // SAFETY: as above, of the symbol of packs in C.
        (_, Ok(table)) => unsafe { harness_abi::admit_c(table) }.map(Root::C).map_err(Refusal::Layout),
        (Err(refusal), _) => Err(refusal),
    }
}
