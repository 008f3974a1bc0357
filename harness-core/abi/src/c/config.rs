//! The configuration as C reads it: field by field and by type, so that a module needs no JSON parser and a field of the
//! wrong type never reaches it.

use std::{cell::RefCell, ffi::c_void};

use serde_json::{Map, Value};

use super::Text;
use crate::{ErrorClass, ModuleError, kit::guarded};

/// `harness_config`.
#[repr(C)]
pub(super) struct RawConfig {
    size: u32,
    host: *const c_void,
    text: unsafe extern "C" fn(*const RawConfig, Text) -> Text,
    number: unsafe extern "C" fn(*const RawConfig, Text) -> f64,
    boolean: unsafe extern "C" fn(*const RawConfig, Text) -> u32,
    json: unsafe extern "C" fn(*const RawConfig, Text) -> Text,
    fail: unsafe extern "C" fn(*const RawConfig, u32, Text),
}

/// What stands behind `host` while a module is created.
struct Fields {
    values: Map<String, Value>,
    /// Texts made for the module; they live as long as the call.
    made: RefCell<Vec<Box<str>>>,
    failure: RefCell<Option<ModuleError>>,
}

impl Fields {
    fn fail(&self, error: ModuleError) {
        // The first is the reason, what follows may come of it.
        self.failure.borrow_mut().get_or_insert(error);
    }

    /// Looks a field up and reads it; what goes wrong fails the creation.
    fn read<T>(&self, key: Text, otherwise: T, read: impl FnOnce(&str, Option<&Value>) -> Result<T, ModuleError>) -> T {
        // SAFETY: the header says that what is passed can be read during the call.
        let outcome = guarded(|| unsafe { key.read() }.and_then(|key| read(key, self.values.get(key))));
        outcome.into_result().unwrap_or_else(|error| {
            self.fail(error);
            otherwise
        })
    }
}

fn wrong(key: &str, value: Option<&Value>, expected: &str) -> ModuleError {
    match value {
        Some(value) => ModuleError::config(format_args!("`{key}` is {value}, it must be {expected}")),
        None => ModuleError::config(format_args!("`{key}` is not there, it must be {expected}")),
    }
}

/// Creates an instance of `module`.
pub(super) fn create(
    create: unsafe extern "C" fn(Text, *const RawConfig) -> *mut c_void,
    destroy: unsafe extern "C" fn(*mut c_void),
    module: &str,
    config: &str,
) -> Result<*mut c_void, ModuleError> {
    let text = if config.is_empty() { "{}" } else { config };
    let values = serde_json::from_str(text).map_err(ModuleError::config)?;
    let fields = Fields { values, made: RefCell::default(), failure: RefCell::default() };
    let raw = RawConfig {
        size: size_of::<RawConfig>() as u32,
        host: (&raw const fields).cast(),
        text: read_text,
        number: read_number,
        boolean: read_boolean,
        json: read_json,
        fail,
    };
    // SAFETY: the function belongs to a pack that stays loaded; name and configuration outlive the call.
    let instance = unsafe { create(Text::of(module), &raw const raw) };
    match fields.failure.into_inner() {
        None if !instance.is_null() => Ok(instance),
        failure => {
            if !instance.is_null() {
                // SAFETY: it was just made by this pack, and nobody else has it.
                unsafe { destroy(instance) };
            }
            Err(failure.unwrap_or_else(|| ModuleError::config("the module does not start and does not say why")))
        }
    }
}

/// The fields behind a configuration that C handed back.
///
/// # Safety
///
/// `config` is the pointer `create` passed, during that call.
unsafe fn fields<'a>(config: *const RawConfig) -> &'a Fields {
    // SAFETY: as the caller vouches, `host` is the address of the `Fields` on the stack of `create`.
    unsafe { &*(*config).host.cast::<Fields>() }
}

unsafe extern "C" fn read_text(config: *const RawConfig, key: Text) -> Text {
    // SAFETY: the header says so.
    let fields = unsafe { fields(config) };
    fields.read(key, Text::EMPTY, |key, value| match value {
        Some(Value::String(text)) => Ok(Text::of(text)),
        other => Err(wrong(key, other, "a string")),
    })
}

unsafe extern "C" fn read_number(config: *const RawConfig, key: Text) -> f64 {
    // SAFETY: the header says so.
    let fields = unsafe { fields(config) };
    fields.read(key, 0.0, |key, value| value.and_then(Value::as_f64).ok_or_else(|| wrong(key, value, "a number")))
}

unsafe extern "C" fn read_boolean(config: *const RawConfig, key: Text) -> u32 {
    // SAFETY: the header says so.
    let fields = unsafe { fields(config) };
    fields.read(key, 0, |key, value| {
        value.and_then(Value::as_bool).map(u32::from).ok_or_else(|| wrong(key, value, "true or false"))
    })
}

unsafe extern "C" fn read_json(config: *const RawConfig, key: Text) -> Text {
    // SAFETY: the header says so.
    let fields = unsafe { fields(config) };
    fields.read(key, Text::EMPTY, |_, value| {
        let Some(value) = value else { return Ok(Text::EMPTY) };
        let made = value.to_string().into_boxed_str();
        let text = Text::of(&made);
        fields.made.borrow_mut().push(made);
        Ok(text)
    })
}

unsafe extern "C" fn fail(config: *const RawConfig, class: u32, message: Text) {
    // SAFETY: the header says so.
    let (fields, message) = unsafe { (fields(config), message.read()) };
    fields.fail(match message {
        Ok(message) => ModuleError::new(ErrorClass(class), message),
        Err(error) => error,
    });
}
