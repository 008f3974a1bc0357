//! `harness plugin remove`: takes a pack out of the workspace and out of harness.lock. Refuses to guess which of several versions.

use clap::Args;
use harness_host::{Lock, signature_path};
use harness_spec::Version;
use serde_json::json;

use super::Global;
use crate::{failure::Failure, output, paths, wire};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin remove my_pack
  harness plugin remove my_pack@0.1.0

Only a file in .harness/plugins is deleted. One that is found elsewhere stays, and is no longer admitted.")]
pub struct RemoveArgs {
    /// The pack, and its version where several are installed
    #[arg(value_name = "NAME[@VERSION]")]
    what: String,
}

/// Removes it.
pub fn run(global: &Global, args: &RemoveArgs) -> Result<(), Failure> {
    let (name, version) = match args.what.split_once('@') {
        Some((name, version)) => (name, Some(version.parse::<Version>().map_err(Failure::input)?)),
        None => (args.what.as_str(), None),
    };
    let host = wire::host_without_lock(&[])?;
    let lock = wire::lock()?;
    let installed = host.catalogue().packs().filter(|pack| pack.pack.name == name).map(|pack| pack.pack.version);
    let locked = lock.iter().flat_map(|lock| &lock.packs).filter(|pack| pack.name == name).map(|pack| pack.version);
    let mut versions: Vec<Version> = installed.chain(locked).collect();
    versions.sort_unstable();
    versions.dedup();
    let version = match (version, versions.as_slice()) {
        (Some(version), all) if all.contains(&version) => version,
        (None, [only]) => *only,
        (None, [_, ..]) => {
            let all: Vec<String> = versions.iter().map(|version| format!("{name}@{version}")).collect();
            return Err(Failure::input(format!("several versions of {name} are there: {}", all.join(", ")))
                .hint(format!("harness plugin remove {}", all[0])));
        }
        _ => {
            return Err(Failure::input(format!("no pack `{}` is there", args.what))
                .hint("`harness plugin list` shows what is installed"));
        }
    };
    let file = host.file(name, version).map(|file| file.path.clone());
    let own = file.filter(|file| file.starts_with(paths::plugins()));
    if let Some(file) = &own {
        std::fs::remove_file(file)
            .map_err(|error| Failure::new(format!("cannot delete {}: {error}", file.display())))?;
        // It may have none.
        let _ = std::fs::remove_file(signature_path(file));
    }
    let unlock = |present: Option<Lock>| {
        let mut present = present.unwrap_or_default();
        let there = present.remove(name, version).is_some();
        Ok((present, there))
    };
    let was_locked = lock.is_some() && wire::change_lock(unlock)?;
    if own.is_none() && !was_locked {
        return Err(Failure::input(format!("{name} {version} is not in .harness/plugins and not in harness.lock"))
            .hint("`harness plugin list` shows where it is; delete it there"));
    }
    if global.json {
        return output::json(&json!({"name": name, "version": version, "deleted": own, "unlocked": was_locked}));
    }
    let deleted =
        own.map_or_else(|| "its file stays where it is".to_owned(), |file| format!("deleted {}", file.display()));
    let unlocked = if was_locked { "; it is no longer in harness.lock" } else { "" };
    output::line(format_args!("removed {name} {version}: {deleted}{unlocked}"))
}
