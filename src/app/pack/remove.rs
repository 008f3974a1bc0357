//! Takes a pack out of the workspace and out of harness.lock. Refuses to guess which of several versions.

use std::path::PathBuf;

use harness_host::{Lock, signature_path};
use harness_spec::Version;
use serde::Serialize;

use super::super::App;
use crate::Failure;

/// A pack that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Its file, if that was the workspace's own and is deleted.
    pub deleted: Option<PathBuf>,
    /// Whether it was in the lock.
    pub unlocked: bool,
}

/// Removes `NAME` or `NAME@VERSION`. A file that is found elsewhere than in the workspace stays, and is no longer admitted.
///
/// # Errors
///
/// No such pack is there, several versions are, or a file cannot be deleted or written.
pub fn remove(app: &App, what: &str) -> Result<Removed, Failure> {
    let (name, version) = match what.split_once('@') {
        Some((name, version)) => (name, Some(version.parse::<Version>().map_err(Failure::input)?)),
        None => (what, None),
    };
    let host = app.host_of_workspace_without_lock()?;
    let lock = app.lock()?;
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
            return Err(Failure::input(format!("no pack `{}` is there", what))
                .hint("`harness plugin list` shows what is installed"));
        }
    };
    let file = host.file(name, version).map(|file| file.path.clone());
    let own = file.filter(|file| file.starts_with(app.workspace().plugins()));
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
    let was_locked = lock.is_some() && app.change_lock(unlock)?;
    if own.is_none() && !was_locked {
        return Err(Failure::input(format!("{name} {version} is not in .harness/plugins and not in harness.lock"))
            .hint("`harness plugin list` shows where it is; delete it there"));
    }
    Ok(Removed { name: name.to_owned(), version, deleted: own, unlocked: was_locked })
}
