//! The other way in: packs written in C. A table of functions behind a second symbol, adapted to the same
//! [`ProcessorBox`] that packs in Rust give, so that nothing behind it knows the difference.
//!
//! `include/harness_pack.h` is the interface; the types here are its mirror. Never trusts a size, a version, a pointer
//! that may be null or a text to be UTF-8; it must trust a function pointer, as whoever loads a library does.

mod config;
mod context;

use std::ffi::c_void;

use abi_stable::{
    sabi_trait::TD_Opaque,
    std_types::{RResult, RVec},
};

use crate::{
    ContextRef, ErrorClass, ModuleError, ProcessorBox, RawProcessor, StoredDecision, kit::guarded,
    processor::RawProcessor_TO,
};

use config::RawConfig;
use context::{Episode, RawHookContext};

/// The symbol a pack in C exports, with its closing NUL.
pub const C_SYMBOL: &[u8] = b"harness_c_pack_1\0";

/// The version in the table behind [`C_SYMBOL`].
const VERSION: u32 = 1;

/// UTF-8 with a length: `harness_text`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct Text {
    data: *const u8,
    length: usize,
}

impl Text {
    const EMPTY: Self = Self { data: std::ptr::null(), length: 0 };

    fn of(text: &str) -> Self {
        Self { data: text.as_ptr(), length: text.len() }
    }

    /// The text, if it is one.
    ///
    /// # Safety
    ///
    /// Where `data` is not null, `length` bytes can be read there for `'a`.
    unsafe fn read<'a>(self) -> Result<&'a str, ModuleError> {
        if self.data.is_null() || self.length == 0 {
            return Ok("");
        }
        if isize::try_from(self.length).is_err() {
            return Err(ModuleError::input(format_args!("a text of {} bytes cannot be", self.length)));
        }
        // SAFETY: as the caller vouches; it is not null and no longer than an object can be.
        let bytes = unsafe { std::slice::from_raw_parts(self.data, self.length) };
        std::str::from_utf8(bytes).map_err(|error| ModuleError::input(format_args!("a text is not UTF-8: {error}")))
    }
}

/// `harness_c_pack`, as far as version 1 knows it.
#[repr(C)]
#[derive(Clone, Copy)]
struct RawTable {
    version: u32,
    size: u32,
    create: Option<unsafe extern "C" fn(Text, *const RawConfig) -> *mut c_void>,
    on: Option<unsafe extern "C" fn(*mut c_void, u32, *const RawHookContext) -> u32>,
    destroy: Option<unsafe extern "C" fn(*mut c_void)>,
}

/// A pack written in C.
#[derive(Debug, Clone, Copy)]
pub struct CPack {
    create: unsafe extern "C" fn(Text, *const RawConfig) -> *mut c_void,
    on: unsafe extern "C" fn(*mut c_void, u32, *const RawHookContext) -> u32,
    destroy: unsafe extern "C" fn(*mut c_void),
}

/// Turns the address of [`C_SYMBOL`] into a pack, or says why it is none.
///
/// # Safety
///
/// `symbol` is the address of [`C_SYMBOL`] in a library that stays loaded for ever.
///
/// # Errors
///
/// A short text of what does not fit.
pub unsafe fn admit_c(symbol: *const c_void) -> Result<CPack, String> {
    let table = symbol.cast::<RawTable>();
    if table.is_null() || !table.is_aligned() {
        return Err("the pack's table has no address that could be one".to_owned());
    }
    // SAFETY: the caller vouches for the symbol; a table of any version begins with these two numbers.
    let (version, size) = unsafe { ((&raw const (*table).version).read(), (&raw const (*table).size).read()) };
    if version != VERSION {
        return Err(format!("its table is of version {version}, this host knows version {VERSION}"));
    }
    if (size as usize) < size_of::<RawTable>() {
        return Err(format!("its table has {size} bytes, version {VERSION} has at least {}", size_of::<RawTable>()));
    }
    // SAFETY: it says it is as large as this.
    let table = unsafe { table.read() };
    match (table.create, table.on, table.destroy) {
        (Some(create), Some(on), Some(destroy)) => Ok(CPack { create, on, destroy }),
        _ => Err("a function of its table is null".to_owned()),
    }
}

impl CPack {
    /// A fresh processor.
    ///
    /// # Errors
    ///
    /// What the pack says of its configuration; and, before it is asked, a configuration that is no JSON object.
    pub fn processor(&self, name: &str, config: &str) -> Result<ProcessorBox, ModuleError> {
        let instance = config::create(self.create, self.destroy, name, config)?;
        let processor = CProcessor { pack: *self, instance };
        Ok(RawProcessor_TO::from_value(processor, TD_Opaque))
    }
}

/// An instance of a module in C.
struct CProcessor {
    pack: CPack,
    instance: *mut c_void,
}

// SAFETY: the header says that an instance is called by one thread at a time and not always the same.
unsafe impl Send for CProcessor {}

impl RawProcessor for CProcessor {
    fn on(&mut self, hook: u32, cx: &ContextRef<'_>) -> RResult<RVec<StoredDecision>, ModuleError> {
        guarded(|| {
            let episode = Episode::new(cx);
            let raw = RawHookContext::of(&episode);
            // SAFETY: the instance came from `create` of this pack and lives until `drop`; the context outlives the call.
            let class = unsafe { (self.pack.on)(self.instance, hook, &raw const raw) };
            episode.finish(ErrorClass(class))
        })
    }
}

impl Drop for CProcessor {
    fn drop(&mut self) {
        // SAFETY: the instance came from `create` of this pack and is not used again.
        unsafe { (self.pack.destroy)(self.instance) };
    }
}
