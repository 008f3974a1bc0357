//! `harness plugin verify`: whether everything is as harness.lock says: bytes, signatures, permissions, and what tools say of
//! themselves today. Refuses to pass a workspace without a lock.

use harness_host::{Host, HostError};
use harness_spec::LockedPack;
use serde_json::json;

use super::{Global, review};
use crate::{failure::Failure, output, wire};

/// Checks every entry of the lock.
pub fn run(global: &Global) -> Result<(), Failure> {
    let lock = wire::lock()?.ok_or_else(|| {
        Failure::input("there is no harness.lock to verify").hint("`harness plugin add` or `lock` writes one")
    })?;
    let host = wire::host(&global.plugins)?;
    let verdicts: Vec<(&LockedPack, Result<(), String>)> =
        lock.packs.iter().map(|pack| (pack, verify(&host, pack))).collect();
    let bad = verdicts.iter().filter(|(_, verdict)| verdict.is_err()).count();
    if global.json {
        let packs: Vec<_> = verdicts
            .iter()
            .map(|(pack, verdict)| json!({"name": pack.name, "version": pack.version, "problem": verdict.as_ref().err()}))
            .collect();
        output::json(&json!({"packs": packs, "bad": bad}))?;
    } else {
        for (pack, verdict) in &verdicts {
            let signed = if pack.publisher.is_some() { ", signed" } else { "" };
            match verdict {
                Ok(()) => output::line(format_args!("ok    {} {}{signed}", pack.name, pack.version))?,
                Err(problem) => output::line(format_args!("BAD   {} {}: {problem}", pack.name, pack.version))?,
            }
        }
    }
    match bad {
        0 => Ok(()),
        _ => Err(Failure::new(format!("{bad} of {} packs are not as harness.lock says", verdicts.len()))
            .hint("restore the file, or approve what changed: `harness plugin remove` and `add`")),
    }
}

fn verify(host: &Host, locked: &LockedPack) -> Result<(), String> {
    let (name, version) = (&locked.name, locked.version);
    let Some(file) = host.file(name, version) else {
        return Err(refusal(host, locked).unwrap_or_else(|| "no such file on the search path".to_owned()));
    };
    if file.manifest.permissions() != locked.permissions {
        return Err("its permissions are not those that were approved".to_owned());
    }
    let shown = review::shown(host, name, version).map_err(|failure| failure.to_string())?;
    let changed: Vec<&str> = shown
        .iter()
        .filter(|(module, hash)| locked.shown.get(*module) != Some(hash))
        .map(|(module, _)| module.as_str())
        .chain(locked.shown.keys().filter(|module| !shown.contains_key(*module)).map(String::as_str))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    Err(format!("it shows models something else than when it was locked: {}", changed.join(", ")))
}

/// Why the file of this entry was not admitted, if one was found.
fn refusal(host: &Host, locked: &LockedPack) -> Option<String> {
    host.refused().iter().find_map(|error| match error {
        HostError::Refused { path, refusal } => {
            let pack = harness_host::inspect(path).ok()?.manifest.pack;
            let same = pack.name == locked.name && pack.version == locked.version;
            same.then(|| format!("{} {refusal}", path.display()))
        }
        _ => None,
    })
}
