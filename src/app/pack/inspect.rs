//! Everything a pack says of itself, read from its file. Never loads it.

use std::path::{Path, PathBuf};

use harness_host::Host;
use harness_spec::{PackManifest, Version, nearest};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::super::App;
use crate::Failure;

/// What a pack says of itself. As JSON, its manifest with the JSON Schema of each module's settings, and its file.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// Its manifest.
    pub manifest: PackManifest,
    /// Its file; `None`: it is linked into the program.
    pub file: Option<InspectedFile>,
}

/// The file of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InspectedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
}

impl InspectedFile {
    fn of(file: &harness_host::Inspected) -> Self {
        Self { path: file.path.clone(), sha256: file.sha256.clone(), size: file.size }
    }
}

impl Serialize for Inspected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serde_json::to_value(&self.manifest).map_err(serde::ser::Error::custom)?;
        if let Some(modules) = object["module"].as_array_mut() {
            for (value, module) in modules.iter_mut().zip(&self.manifest.modules) {
                value["config_schema"] = module.json_schema();
            }
        }
        let file = self.file.as_ref();
        object["path"] = json!(file.map(|file| &file.path));
        object["sha256"] = json!(file.map(|file| &file.sha256));
        object["size"] = json!(file.map(|file| file.size));
        Value::serialize(&object, serializer)
    }
}

/// A pack by its file (`path/to/lib.so`), or an installed one by `NAME` or `NAME@VERSION`; without a version the highest.
///
/// # Errors
///
/// The file is no pack, or no such pack is installed.
pub fn inspect(app: &App, what: &str) -> Result<Inspected, Failure> {
    let path = Path::new(what);
    if what.contains('/') || what.ends_with(".so") || path.is_file() {
        let file = harness_host::inspect(path)?;
        return Ok(Inspected { file: Some(InspectedFile::of(&file)), manifest: file.manifest });
    }
    let host = app.host()?;
    let pack = find(&host, what)?;
    let file = host.file(&pack.pack.name, pack.pack.version).map(InspectedFile::of);
    Ok(Inspected { manifest: pack.clone(), file })
}

/// The installed pack of that name; without a version, the highest.
fn find<'a>(host: &'a Host, what: &str) -> Result<&'a PackManifest, Failure> {
    let (name, version) = match what.split_once('@') {
        Some((name, version)) => (name, Some(version.parse::<Version>().map_err(Failure::input)?)),
        None => (what, None),
    };
    let fits =
        |pack: &&PackManifest| pack.pack.name == name && version.is_none_or(|version| version == pack.pack.version);
    host.catalogue().packs().filter(fits).last().ok_or_else(|| {
        let names = host.catalogue().packs().map(|pack| pack.pack.name.as_str());
        let hint = match nearest(name, names) {
            Some(near) => format!("did you mean `{near}`? `harness plugin list` shows all"),
            None => "`harness plugin list` shows what is installed; a file is named by its path".to_owned(),
        };
        Failure::input(format!("no pack `{what}` is installed")).hint(hint)
    })
}
