//! The host's side of the plugin ABI: from a looked-up symbol to a pack whose layout is proven compatible.

use std::ffi::c_void;

use abi_stable::{
    StableAbi,
    abi_stability::abi_checking::{CheckingGlobals, check_layout_compatibility_with_globals},
    library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL},
    type_layout::TypeLayout,
};

use crate::PackRef;

/// The one symbol a pack exports, with its closing NUL.
pub const ROOT_SYMBOL: &[u8] = ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes();

/// Which side of the plugin ABI is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The pack was built against this version of the interface or a later one.
    SameOrNewerPack,
    /// The pack was built against an earlier version.
    OlderPack,
}

/// Turns the address of [`ROOT_SYMBOL`] into the pack's root, or says why the layouts do not fit.
///
/// Layouts are compared both ways: abi_stable's own check asks only whether the pack offers at least what the host
/// knows, which would refuse every older pack on a newer host. Either direction is sound, because everything that
/// grows is checked at run time (prefix fields, trait methods, enum variants).
///
/// # Safety
///
/// `symbol` is the address of [`ROOT_SYMBOL`] in a library that stays loaded for ever.
///
/// # Errors
///
/// A short text of what differs.
pub unsafe fn admit(symbol: *mut c_void) -> Result<(PackRef, Relation), String> {
    let Some(symbol) = std::ptr::NonNull::new(symbol) else {
        return Err("the pack's root symbol has no address".to_owned());
    };
    // SAFETY: the caller vouches for the symbol; AbiHeaderRef is a transparent reference to the static behind it.
    let header: AbiHeaderRef = unsafe { std::mem::transmute(symbol) };
    let header = header.upgrade().map_err(|error| brief(&error.to_string()))?;
    let host = <PackRef as StableAbi>::LAYOUT;
    let pack = header.layout().ok_or("the pack hides its layout")?;
    let relation = match check(host, pack) {
        Ok(()) => Relation::SameOrNewerPack,
        Err(error) => {
            check(pack, host).map_err(|_| error)?;
            Relation::OlderPack
        }
    };
    // SAFETY: the layout is compatible in one direction; what the older side lacks is checked at every access.
    let root = unsafe { header.init_root_module_with_unchecked_layout::<PackRef>() };
    root.map(|root| (root, relation)).map_err(|error| brief(&error.to_string()))
}

/// Whether `interface` is part of `implementation`.
///
/// Nothing is remembered from one pack to the next: abi_stable would compare each pack with the largest layout any pack
/// before it showed, in one direction, and so refuse a newer pack because an older one came first.
fn check(interface: &'static TypeLayout, implementation: &'static TypeLayout) -> Result<(), String> {
    check_layout_compatibility_with_globals(interface, implementation, &CheckingGlobals::new())
        .map_err(|error| brief(&error.to_string()))
}

/// abi_stable prints up to 28 KB per mismatch: keeps the innermost errors.
fn brief(text: &str) -> String {
    const LIMIT: usize = 400;
    let leaves: Vec<String> = text
        .split("Error:")
        .skip(1)
        .map(|chunk| {
            let lines = chunk.lines().take_while(|line| !line.contains("error(s)"));
            lines.map(str::trim).filter(|line| !line.is_empty()).take(8).collect::<Vec<_>>().join(" ")
        })
        .collect();
    let text =
        if leaves.is_empty() { text.split_whitespace().collect::<Vec<_>>().join(" ") } else { leaves.join("; ") };
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
