//! From checked bytes to a running pack: a private copy named by its content, then the dynamic linker, then the layouts.
//!
//! Never unloads, and never maps the same bytes twice.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use harness_abi::{C_SYMBOL, ROOT_SYMBOL};
use harness_files::{Access, Folder};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::{HostError, Inspected, Refusal, pack_root::PackRoot, per_key::PerKey};

/// What this process has mapped, by content.
fn mapped() -> &'static PerKey<String, PackRoot> {
    static MAPPED: OnceLock<PerKey<String, PackRoot>> = OnceLock::new();
    MAPPED.get_or_init(PerKey::default)
}

/// Loads a pack from the bytes that were inspected: what was checked is what runs, whatever became of the file since.
pub(crate) fn load(file: &Inspected, bytes: &[u8], store: &Path) -> Result<PackRoot, HostError> {
    let admit = || {
        let copy = stage(bytes, store, &file.sha256).map_err(|(path, source)| Refusal::Stage { path, source })?;
        let pack = link(&copy)?;
        // A pack in C says what it is in its section alone.
        if let PackRoot::Rust(pack) = pack
            && (pack.manifest())().as_str() != crate::elf::manifest(bytes)?
        {
            return Err(Refusal::TwoFaced);
        }
        Ok(pack)
    };
    let refused = |refusal| HostError::Refused { path: file.path.clone(), refusal };
    mapped().get_or_make(file.sha256.clone(), || admit().map_err(refused))
}

/// Writes the bytes into the private store under their own hash; a file already there is used if it has these bytes.
pub(crate) fn stage(bytes: &[u8], store: &Path, sha256: &str) -> Result<PathBuf, (PathBuf, std::io::Error)> {
    let name = format!("{sha256}.so");
    let copy = store.join(&name);
    let stage = || {
        let store = Folder::open_private(store)?;
        // As long as the bytes and no longer is all that is read: a file of another length is another file.
        let present = store.file(Path::new(&name)).and_then(|file| same(file, bytes));
        if present.is_ok_and(|same| same) {
            return Ok(());
        }
        store.replace(Path::new(&name), bytes, Access::Code)
    };
    stage().map_err(|error| (copy.clone(), error))?;
    Ok(copy)
}

/// Whether a file has these bytes.
fn same(file: File, bytes: &[u8]) -> std::io::Result<bool> {
    if file.metadata()?.len() != bytes.len() as u64 {
        return Ok(false);
    }
    let mut present = Vec::with_capacity(bytes.len());
    file.take(bytes.len() as u64).read_to_end(&mut present)?;
    Ok(present == bytes)
}

pub(crate) fn link(copy: &Path) -> Result<PackRoot, Refusal> {
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
        (Ok(root), _) => {
            unsafe { harness_abi::admit(root) }.map(|(pack, _)| PackRoot::Rust(pack)).map_err(Refusal::Layout)
        }
        // SAFETY: as above, of the symbol of packs in C.
        (_, Ok(table)) => unsafe { harness_abi::admit_c(table) }.map(PackRoot::C).map_err(Refusal::Layout),
        (Err(refusal), _) => Err(refusal),
    }
}
