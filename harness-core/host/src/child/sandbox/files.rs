//! Which files a child may open (Landlock). Without a permission: the system's libraries and its own copy, to read.

use std::path::{Path, PathBuf};

use harness_sandbox::Own;
use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError,
};

use super::Allowed;

/// Truncation is guarded since this version; older kernels would let it through.
const LEAST: ABI = ABI::V3;
/// Where the dynamic linker looks.
const LIBRARIES: &[&str] = &["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"];
/// What resolving names and checking certificates reads.
const NETWORK: &[&str] =
    &["/etc", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/run/systemd/resolve"];
/// Where programs are.
const PROGRAMS: &[&str] = &["/bin", "/sbin", "/usr", "/etc"];

/// Confines the process, and all it starts, for ever. It writes none of `guarded`, nor what the working folder keeps for its user.
pub fn confine(copy: &str, allowed: Allowed, guarded: &[String]) -> Result<(), String> {
    let mut places: Vec<PathBuf> = Vec::new();
    let mut own = Own::default();
    if allowed.fs {
        let scratch = std::env::temp_dir();
        places.extend(workspace().into_iter().chain([scratch.canonicalize().unwrap_or(scratch)]));
        let guarded = guarded.iter().map(PathBuf::from).chain(harness_sandbox::guarded()).collect();
        own = Own::below(&places, &guarded).map_err(|error| error.to_string())?;
        // By mounts where the system lets us, else by rules.
        if own.mount(false).is_ok() {
            own = Own::default();
        }
    }
    rules(copy, allowed, &places, &own).map_err(|error| error.to_string())
}

fn rules(copy: &str, allowed: Allowed, places: &[PathBuf], own: &Own) -> Result<(), RulesetError> {
    let all = AccessFs::from_all(LEAST);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let handled = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(all)?;
    let mut rules = handled.create()?;
    rules = allow(rules, LIBRARIES, read)?;
    rules = allow(rules, &[copy], AccessFs::ReadFile.into())?;
    rules = allow(rules, &["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"], AccessFs::ReadFile.into())?;
    rules = allow(rules, &["/dev/null"], AccessFs::WriteFile.into())?;
    if allowed.net {
        rules = allow(rules, NETWORK, read)?;
    }
    if allowed.exec {
        rules = allow(rules, PROGRAMS, read | AccessFs::Execute)?;
    }
    if allowed.fs {
        // Reads are the user's own; writes stay in the folder the host works in and in the one for scratch.
        rules = allow(rules, &["/"], read)?;
        for place in places {
            rules = own.grant(rules, place, all & !AccessFs::Execute, false)?;
        }
    }
    rules.restrict_self().map(drop)
}

/// The folder the host works in, unless the user's own lies in it: what a shell reads when it starts, and who is trusted, is
/// no work of a pack.
fn workspace() -> Option<PathBuf> {
    let folder = std::env::current_dir().and_then(|folder| folder.canonicalize()).ok()?;
    let own = std::env::var_os("HOME").map(PathBuf::from);
    let own = own.map(|own| own.canonicalize().unwrap_or(own));
    (!own.is_some_and(|own| own.starts_with(&folder))).then_some(folder)
}

/// Allows this much beneath the places that are there.
fn allow<P: AsRef<Path>>(
    mut rules: RulesetCreated,
    places: &[P],
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    for place in places {
        let place = place.as_ref();
        let Ok(opened) = PathFd::new(place) else { continue };
        // Rights that only folders have are refused for a file.
        let access = if place.is_dir() { access } else { access & AccessFs::from_file(LEAST) };
        rules = rules.add_rule(PathBeneath::new(opened, access))?;
    }
    Ok(rules)
}
