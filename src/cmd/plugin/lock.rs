//! `harness plugin lock`: pins every installed file by its bytes. A lock there was is what it replaces, not what it obeys.

use harness_host::Lock;
use harness_spec::LockedPack;
use serde_json::json;

use super::Global;
use crate::{failure::Failure, output, paths, replace::replace, wire};

/// Writes `harness.lock`.
pub fn run(global: &Global) -> Result<(), Failure> {
    let host = wire::host_without_lock(&global.plugins)?;
    let former = wire::lock()?.unwrap_or_default();
    let mut lock = Lock::default();
    let mut lines = Vec::new();
    for pack in host.catalogue().packs() {
        let Some(file) = host.file(&pack.pack.name, pack.pack.version) else { continue };
        let (name, version) = (&pack.pack.name, pack.pack.version);
        let what = match former.get(name, version) {
            Some(locked) if locked.sha256 == file.sha256 => "unchanged",
            Some(_) => "changed",
            None => "added",
        };
        lines.push((what, name.clone(), version, file.sha256.clone()));
        lock.insert(LockedPack {
            name: name.clone(),
            version,
            sha256: file.sha256.clone(),
            publisher: host.trust(name, version).and_then(|trust| trust.signer.key().cloned()),
            permissions: pack.permissions(),
            shown: super::offer::shown(&host, name, version)?,
        });
    }
    for gone in former.packs.iter().filter(|pack| lock.get(&pack.name, pack.version).is_none()) {
        lines.push(("removed", gone.name.clone(), gone.version, gone.sha256.clone()));
    }
    let path = paths::lock();
    replace(&path, &lock.to_toml())?;
    if global.json {
        let packs: Vec<_> = lines
            .iter()
            .map(|(what, name, version, sha256)| json!({"name": name, "version": version, "sha256": sha256, "change": what}))
            .collect();
        return output::json(&json!({"lock": path, "packs": packs}));
    }
    for (what, name, version, sha256) in &lines {
        output::line(format_args!("{what:<9} {name} {version} sha256 {sha256}"))?;
    }
    for error in host.refused() {
        output::line(format_args!("refused   {error}"))?;
    }
    output::line(format_args!("{} packs are locked in {}", lock.packs.len(), path.display()))
}
