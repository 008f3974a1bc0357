//! Which files a command may open, without bubblewrap: Landlock. And the scope that keeps signals among the command's own.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};

use crate::{Job, Own, places};

/// Truncation is guarded since this version; older kernels would let it through.
const LEAST: ABI = ABI::V3;
/// Devices and signals are guarded where the kernel can.
const WANTED: ABI = ABI::V6;

/// Whether this kernel can do what [`confine`] needs.
pub(crate) fn possible() -> Result<(), String> {
    let handled =
        Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(AccessFs::from_all(LEAST));
    handled.and_then(Ruleset::create).map(drop).map_err(|error| error.to_string())
}

/// Whether signals can be kept from processes outside.
pub(crate) fn keeps_signals() -> bool {
    let scoped = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).scope(Scope::Signal);
    scoped.and_then(Ruleset::create).is_ok()
}

/// From here on this thread, and all it starts, can signal nobody but what it starts: a number that was used again is then no
/// danger to others. Where the kernel cannot, nothing changes.
pub(crate) fn keep_signals() -> Result<(), String> {
    if !keeps_signals() {
        return Ok(());
    }
    let scoped = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).scope(Scope::Signal);
    scoped
        .and_then(Ruleset::create)
        .and_then(RulesetCreated::restrict_self)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Confines this thread, and all it starts, for ever. `scratch` is its folder for temporary files; `mounted` says that what the workspace
/// keeps for its user is read-only by a mount already.
pub(crate) fn confine(job: &Job, scratch: &Path, mounted: bool) -> Result<(), String> {
    rules(job, scratch, mounted).map_err(|error| error.to_string())
}

fn rules(job: &Job, scratch: &Path, mounted: bool) -> Result<(), RulesetError> {
    let all = AccessFs::from_all(LEAST);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let run = read | AccessFs::Execute;
    let nodes = AccessFs::MakeChar | AccessFs::MakeBlock;
    let mut handled = Ruleset::default().set_compatibility(CompatLevel::HardRequirement).handle_access(all)?;
    handled = handled.set_compatibility(CompatLevel::BestEffort).handle_access(AccessFs::from_all(WANTED))?;
    handled = handled.scope(Scope::from_all(WANTED))?;
    let mut rules = handled.create()?.set_compatibility(CompatLevel::BestEffort);
    rules = allow(rules, places::PROGRAMS, run)?;
    rules = allow(rules, places::SETTINGS, read)?;
    rules = allow(rules, places::MACHINE, read)?;
    rules = allow(rules, places::DEVICES, AccessFs::ReadFile | AccessFs::WriteFile)?;
    if job.network {
        rules = allow(rules, places::RESOLVING, read)?;
    }
    rules = allow(rules, &[scratch], all & !nodes)?;
    let own = if mounted { Own::default() } else { job.own.clone() };
    let writable = job.mounts.iter().filter(|mount| mount.write).map(|mount| mount.from.as_path());
    for place in writable.chain([job.workspace.as_path()]) {
        rules = own.grant(rules, place, all & !nodes, true)?;
    }
    let shown: Vec<&Path> = job.mounts.iter().filter(|mount| !mount.write).map(|mount| mount.from.as_path()).collect();
    rules = allow(rules, &shown, run)?;
    rules.restrict_self().map(drop)
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
