//! `harness plugin-host`: the child's side of a pack in a process of its own. Started by the host, never by a person.

use crate::failure::Failure;

/// Serves the host at standard input until it is gone.
pub fn run() -> Result<(), Failure> {
    match harness_host::serve() {
        Ok(never) => match never {},
        Err(error) => Err(Failure::new(error)),
    }
}
