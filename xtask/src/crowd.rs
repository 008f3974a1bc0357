//! Two hundred installed packs, each a version of `hello`, signed and trusted: what `harness plugin list` is measured on.

use std::{fs, path::PathBuf};

use crate::{
    failure::{Failure, Outcome},
    packs, place, process,
};

/// Packs in the folder.
pub const PACKS: usize = 200;
/// What stands in the manifest of `hello`, and what takes its place, as long.
const VERSION: &[u8] = b"version = \"0.1.0\"";

/// The crowd's folder and the policy that trusts its publisher; the release build of `hello` must be there.
pub fn make() -> Outcome<(PathBuf, PathBuf)> {
    let folder = place::target().join("bench/crowd");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
    }
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
    let (keys, policy) = (folder.join("publisher"), folder.join("policy.toml"));
    let quiet = |arguments: &[&std::ffi::OsStr]| {
        let mut harness = process::harness();
        harness.args(["plugin", "--json"]).args(arguments).env("HARNESS_POLICY", &policy);
        process::answer(&mut harness).ok_or_else(|| Failure::new("`harness plugin` failed on the crowd")).map(drop)
    };
    let (secret, public) = (keys.with_extension("key"), keys.with_extension("pub"));
    quiet(&["keygen".as_ref(), keys.as_os_str()])?;
    quiet(&["trust".as_ref(), public.as_os_str(), "--name".as_ref(), "Crowd".as_ref()])?;
    let hello = place::built(&packs::library("hello"));
    let bytes = fs::read(&hello).map_err(|error| Failure::file(&hello, error))?;
    let at = |start: &usize| bytes[*start..].starts_with(VERSION);
    let places: Vec<usize> = (0..bytes.len().saturating_sub(VERSION.len())).filter(at).collect();
    for number in 100..100 + PACKS {
        let mut bytes = bytes.clone();
        for start in &places {
            let version = format!("version=\"0.0.{number}\"");
            bytes[*start..start + VERSION.len()].copy_from_slice(version.as_bytes());
        }
        let path = folder.join(format!("hello-{number}.so"));
        fs::write(&path, bytes).map_err(|error| Failure::file(&path, error))?;
        quiet(&["sign".as_ref(), path.as_os_str(), "--key".as_ref(), secret.as_os_str()])?;
    }
    Ok((folder, policy))
}
