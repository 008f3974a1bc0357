//! `harness sandbox-exec`: the supervisor of a command in its box, and the process that becomes the command. Started by a
//! sandbox, never by a person.

use crate::failure::Failure;

/// Serves the sandbox at standard input.
pub fn run() -> Result<(), Failure> {
    harness_sandbox::serve().map_err(Failure::new)
}
