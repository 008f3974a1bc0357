//! What confines a child before a byte of its pack runs: limits, files, system calls. What its permissions do not allow ends
//! it, and is named; where the kernel cannot confine, it refuses to go on unless it was told otherwise.

mod calls;
mod files;
mod limits;
mod named;
mod trap;

use harness_spec::Permission;

use super::protocol::Setup;

/// What a pack may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    pub fs: bool,
    pub net: bool,
    pub exec: bool,
}

impl Allowed {
    fn new(permissions: &[Permission]) -> Self {
        let has = |permission| permissions.contains(&permission);
        Self { fs: has(Permission::Fs), net: has(Permission::Net), exec: has(Permission::Exec) }
    }

    /// Whether it needs to open files once it is loaded: of its own, of the resolver, of the programs it starts.
    fn opens(self) -> bool {
        self.fs || self.net || self.exec
    }
}

fn missing(setup: &Setup, what: &str, error: &str) -> Result<(), String> {
    if setup.unconfined {
        return Ok(());
    }
    Err(format!(
        "this kernel cannot confine it ({what}: {error}); `unconfined = true` in the policy lets it run all the same"
    ))
}

/// Confines the process; from here on nothing can be had back.
pub fn enter(setup: &Setup) -> Result<(), String> {
    let allowed = Allowed::new(&setup.permissions);
    limits::set(setup.memory, allowed).map_err(|error| format!("its limits cannot be set: {error}"))?;
    files::confine(&setup.copy, allowed, &setup.guarded).or_else(|error| missing(setup, "Landlock", &error))?;
    trap::listen().map_err(|error| format!("no handler for what is not allowed: {error}"))?;
    calls::confine(allowed).or_else(|error| missing(setup, "seccomp", &error))
}

/// Now that the pack is loaded, what only loading needed is taken away too.
pub fn seal(setup: &Setup) -> Result<(), String> {
    let allowed = Allowed::new(&setup.permissions);
    if allowed.opens() {
        return Ok(());
    }
    calls::seal().or_else(|error| missing(setup, "seccomp", &error))
}
