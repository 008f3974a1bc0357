//! Which program is started as the supervisor: this one, unless a test, whose own program is none, names another.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use crate::SandboxError;

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// The argument that makes the command line call [`serve`](crate::serve).
pub(crate) const SUBCOMMAND: &str = "sandbox-exec";

/// Names the program whose subcommand `sandbox-exec` calls [`serve`](crate::serve). Only the first call counts.
pub fn set_program(path: &Path) {
    let _ = PROGRAM.set(path.to_owned());
}

pub(crate) fn program() -> Result<PathBuf, SandboxError> {
    match PROGRAM.get() {
        Some(path) => Ok(path.clone()),
        None => std::env::current_exe()
            .map_err(|error| SandboxError::Start(format!("this program cannot be found: {error}"))),
    }
}
