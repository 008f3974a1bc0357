//! Processes that this program starts of itself: for packs which run in a process of their own, and for commands in their box.
//! The `harness` binary has a hidden subcommand for each; another program serves them with [`serve`].

use std::ffi::OsStr;

use crate::Failure;

/// Serves a pack to the process that started this one, on standard input, until that is gone.
///
/// # Errors
///
/// What comes in is not from a host.
pub fn plugin_host() -> Result<(), Failure> {
    match harness_host::serve() {
        Ok(never) => match never {},
        Err(error) => Err(Failure::new(error)),
    }
}

/// Serves the sandbox that started this process, on standard input: supervises a command, or becomes it.
///
/// # Errors
///
/// What comes in is not from a sandbox.
pub fn sandbox_exec() -> Result<(), Failure> {
    harness_sandbox::serve().map_err(Failure::new)
}

/// To be called first of all, with the first argument of the process, in a program that is not named by
/// [`AppBuilder::program`](super::AppBuilder::program): serves where this process was started for it, and gives `None` otherwise.
pub fn serve(first_argument: Option<&OsStr>) -> Option<Result<(), Failure>> {
    match first_argument?.to_str()? {
        "plugin-host" => Some(plugin_host()),
        "sandbox-exec" => Some(sandbox_exec()),
        _ => None,
    }
}
