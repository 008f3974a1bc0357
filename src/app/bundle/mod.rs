//! `harness bundle`: one folder that runs the same harness on another machine, byte for byte. Refuses to bundle what does not come up
//! here, and to write over anything.

mod open;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use harness_core::assemble;
use harness_files::Draft;
use harness_host::{Lock, signature_path};
use harness_spec::{LockedPack, Pool, Version};
use serde::{Deserialize, Serialize};

use self::open::LOCK;
pub use self::open::Seal;
pub(crate) use self::open::{HARNESS, Opened, PACKS, SEAL, digest_of, open, variants};
use super::{App, folder_trust::Asking, pack};
use crate::{Control, Failure, replace::unwritten};

/// What goes into a bundle, and where it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleRequest {
    /// The harness file.
    pub file: PathBuf,
    /// The folder to make; it must not be there.
    pub out: PathBuf,
    /// The model that plays, put into the harness in place of the file's.
    #[serde(default)]
    pub model: Option<String>,
    /// Reports to go with it.
    #[serde(default)]
    pub reports: Vec<PathBuf>,
}

/// A bundle that was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bundle {
    /// Its folder.
    pub folder: PathBuf,
    /// What the folder must be.
    pub seal: Seal,
    /// The packs it brings, as its lock has them.
    #[serde(skip)]
    pub packs: Vec<LockedPack>,
}

/// Makes the folder.
///
/// # Errors
///
/// The folder is there, the harness does not come up here, a file cannot be read or written, or it was cancelled.
pub fn make(app: &App, request: &BundleRequest, control: &Control) -> Result<Bundle, Failure> {
    let out = &request.out;
    if out.exists() {
        return Err(
            Failure::input(format!("{} is there already", out.display())).hint("choose another --out, or move it away")
        );
    }
    let opened = open(app, &request.file)?;
    let (pool, host) = (opened.played_by(app, request.model.as_deref(), &request.file)?, &opened.host);
    let mut models = BTreeMap::new();
    for (name, harness) in &pool.variants {
        control.check()?;
        let agent = assemble(harness, host)?;
        opened.check(name, &agent)?;
        models.insert(name.clone(), agent.model_digests());
    }

    let draft = Draft::beside(out).map_err(unwritten(out))?;
    draft.folder().below(Path::new(PACKS), true).map_err(unwritten(out))?;
    let mut lock = Lock::default();
    let mut built_in = BTreeMap::new();
    for (name, version) in used(&pool, host)? {
        control.check()?;
        let Some(file) = host.file(&name, version) else {
            built_in.insert(name, version);
            continue;
        };
        let trust = host.trust(&name, version);
        lock.insert(LockedPack {
            sha256: file.sha256.clone(),
            publisher: trust.and_then(|trust| trust.signer.key().cloned()),
            permissions: file.manifest.permissions(),
            shown: pack::shown(host, &name, version)?,
            name: name.clone(),
            version,
        });
        let to = format!("{PACKS}/{name}-{version}.so");
        copy(&draft, &file.path, &to)?;
        let signature = signature_path(&file.path);
        if signature.exists() {
            copy(&draft, &signature, &format!("{to}.minisig"))?;
        }
        // The file may have changed since it was looked at.
        if digest_of(&draft.path().join(&to))? != file.sha256 {
            return Err(
                Failure::input(format!("{} changed while it was bundled", file.path.display())).hint("try again")
            );
        }
    }
    for (_, tool, _) in pack::foreign(&pool, host)? {
        lock.insert_tool(tool);
    }
    for report in &request.reports {
        let name = report.file_name().ok_or_else(|| Failure::input(format!("{} is no file", report.display())))?;
        copy(&draft, report, &format!("report/{}", name.to_string_lossy()))?;
    }
    match request.model {
        // As the person wrote it, comments and all.
        None => {
            let source = if request.file.is_dir() { request.file.join(HARNESS) } else { request.file.clone() };
            copy(&draft, &source, HARNESS)?;
        }
        Some(_) => write(&draft, HARNESS, &pool.to_toml().map_err(Failure::input)?)?,
    }
    write(&draft, LOCK, &lock.to_toml())?;
    let variants = variants(&pool, host.catalogue());
    let seal = Seal::new(variants, models, built_in, digests(&draft)?);
    write(&draft, SEAL, &format!("{}\n", serde_json::to_string_pretty(&seal).map_err(Failure::new)?))?;
    // As another machine will, before anybody relies on it.
    open::open_sealed(app, draft.path())?;
    draft.finish().map_err(unwritten(out))?;
    // What was made here by the user is the user's.
    born(app, out, &pool)?;
    Ok(Bundle { folder: out.clone(), seal, packs: lock.packs })
}

/// What a bundle does that was just made of what the user has allowed is allowed in its folder too.
fn born(app: &App, folder: &Path, pool: &Pool) -> Result<(), Failure> {
    let host = app.host_of_bundle(folder)?;
    let mut asking = Asking::new(app, &host);
    asking.pool(Some(&folder.join(HARNESS)), pool);
    asking.born()
}

/// Names and versions of the packs whose modules a harness names.
fn used(pool: &Pool, host: &harness_host::Host) -> Result<BTreeSet<(String, Version)>, Failure> {
    let mut used = BTreeSet::new();
    let inner: Vec<_> = pool.variants.values().flat_map(|harness| harness.all_inner(host.catalogue())).collect();
    let all = pool.variants.values().chain(inner.iter().map(|(_, inner)| inner));
    for reference in all.flat_map(harness_spec::Harness::modules) {
        let entry = host.catalogue().lookup(reference).map_err(harness_host::HostError::from)?;
        used.insert((entry.pack.pack.name.clone(), entry.pack.pack.version));
    }
    Ok(used)
}

/// Copies a file into the folder that is being made.
fn copy(draft: &Draft, from: &Path, to: &str) -> Result<(), Failure> {
    let fail = |error| Failure::input(format!("cannot copy {} to {}: {error}", from.display(), draft.path().display()));
    draft.copy(from, to).map_err(fail)
}

/// Writes a file of the folder that is being made.
fn write(draft: &Draft, to: &str, text: &str) -> Result<(), Failure> {
    draft.write(to, text.as_bytes()).map_err(unwritten(&draft.path().join(to)))
}

/// SHA-256 of every file, by its path in the folder.
fn digests(draft: &Draft) -> Result<BTreeMap<String, String>, Failure> {
    let (mut digests, mut folders) = (BTreeMap::new(), vec![draft.path().to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(draft.path()) {
                digests.insert(name.to_string_lossy().into_owned(), digest_of(&path)?);
            }
        }
    }
    Ok(digests)
}
