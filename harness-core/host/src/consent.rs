//! Whether the user has allowed what a module would do: asked of whoever built the host, before the module's pack is loaded and before an
//! instance is made. There is no other way to an instance, so nothing that brings modules up can forget to ask.

use std::fmt::Debug;

use harness_spec::Module;
use serde_json::{Map, Value};

use crate::Inspected;

/// A module that is about to be brought up.
#[derive(Debug, Clone, Copy)]
pub struct Starting<'a> {
    /// Its pack's name.
    pub pack: &'a str,
    /// What it says of itself.
    pub manifest: &'a Module,
    /// Its configuration, complete with defaults.
    pub config: &'a Map<String, Value>,
    /// Its pack's file; `None`: the pack is linked into this program.
    pub file: Option<&'a Inspected>,
}

/// Who knows what the user allowed.
pub trait Consent: Debug + Send + Sync {
    /// Whether the module may be brought up with this configuration.
    ///
    /// # Errors
    ///
    /// What it would do that nobody allowed, in words.
    fn ask(&self, starting: &Starting<'_>) -> Result<(), String>;
}
