//! A bundle: a folder with everything that makes it what it is, and `bundle.json`, which says so byte for byte. Refuses to
//! open one that differs in anything: another harness under the same name is not the one that was proven.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use harness_core::Agent;
use harness_host::Host;
use harness_spec::{Catalogue, Pool, Version};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::{App, folder_trust::Asking, hosts, models};
use crate::Failure;

/// The harness.
pub(crate) const HARNESS: &str = "harness.toml";
/// The lock of its packs.
pub(super) const LOCK: &str = "harness.lock";
/// The folder of its packs.
pub(crate) const PACKS: &str = "packs";
/// What the folder must be.
pub(crate) const SEAL: &str = "bundle.json";

/// The form of `bundle.json`.
const FORM: u32 = 1;

/// What a bundle was when it was bundled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// The form of this file.
    pub form: u32,
    /// The program that made the bundle, for a person.
    pub program: String,
    /// Variant ids by the variants' names.
    pub variants: BTreeMap<String, String>,
    /// By variant and role, what each model said it is.
    pub models: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Versions of the built-in packs it uses.
    pub built_in: BTreeMap<String, Version>,
    /// SHA-256 of every file of the folder but this one.
    pub files: BTreeMap<String, String>,
}

/// A harness from a file or a bundle, and the host to run it on.
pub(crate) struct Opened {
    /// Its variants.
    pub pool: Pool,
    /// What is installed, or what it brought.
    pub host: Host,
    seal: Option<(PathBuf, Seal)>,
}

/// Opens `path`: a harness file, a bundle, or the harness file in one.
pub(crate) fn open(app: &App, path: &Path) -> Result<Opened, Failure> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let sealed = folder.join(SEAL).is_file() && (path.is_dir() || path.file_name().is_some_and(|name| name == HARNESS));
    if sealed {
        if !app.first_folders().is_empty() {
            return Err(Failure::input("a bundle brings its own packs").hint("leave --plugins out"));
        }
        return open_sealed(app, folder);
    }
    if path.is_dir() {
        return Err(Failure::input(format!("{} is no bundle: it has no {SEAL}", path.display()))
            .hint("name a harness file, or make such a folder: harness bundle FILE.toml --out DIR"));
    }
    Ok(Opened { pool: hosts::pool_file(path)?, host: app.host()?, seal: None })
}

/// Opens a bundle, whatever folders are searched first elsewhere.
pub(super) fn open_sealed(app: &App, folder: &Path) -> Result<Opened, Failure> {
    let again = "restore the folder as it was bundled, or bundle the harness again: harness bundle FILE.toml --out DIR";
    let path = folder.join(SEAL);
    let bad = |problem: String| Failure::input(format!("{}: {problem}", path.display())).hint(again);
    let text = harness_files::read_text(&path, harness_files::MOST_TEXT).map_err(|error| bad(error.to_string()))?;
    let seal: Seal = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
    if seal.form != FORM {
        return Err(bad(format!("its form is {}, this program knows {FORM}", seal.form)));
    }
    let opened = harness_files::Folder::open(folder).map_err(|error| bad(error.to_string()))?;
    for (file, sha256) in &seal.files {
        let path = folder.join(file);
        // Beneath the folder and through no link: what else there is on this machine is none of a bundle's.
        let found = opened.file(Path::new(file)).and_then(digest_of_file).map_err(|error| {
            Failure::input(format!("{}, which belongs to the bundle: {error}", path.display())).hint(again)
        })?;
        if found != *sha256 {
            let text =
                format!("{} is not the file that was bundled: sha256 {found}, bundled was {sha256}", path.display());
            return Err(Failure::input(text).hint(again));
        }
    }
    // Named by the seal or not at all: the files that were just compared are those that are read.
    for needed in [HARNESS, LOCK] {
        if !seal.files.contains_key(needed) {
            return Err(bad(format!("it does not name {needed}")));
        }
    }
    let lock = hosts::lock_file(&folder.join(LOCK))?.unwrap_or_default();
    let mut host = app.host_of_folder(folder.join(PACKS), lock)?;
    if let Some(refused) = host.take_refused().into_iter().next() {
        return Err(refused.into());
    }
    let pool = hosts::pool_file(&folder.join(HARNESS))?;
    for (name, version) in &seal.built_in {
        let here = host.catalogue().packs().find(|pack| pack.pack.name == *name).map(|pack| pack.pack.version);
        if here != Some(*version) {
            let here = here.map_or_else(|| "absent".to_owned(), |version| version.to_string());
            return Err(Failure::input(format!("the built-in pack `{name}` is {here} here, bundled was {version}"))
                .hint(format!("run it with the program that made the bundle, {}, or bundle it again", seal.program)));
        }
    }
    let found = variants(&pool, host.catalogue());
    if found != seal.variants {
        let text = format!("the variant ids are {found:?} here, bundled were {:?}", seal.variants);
        return Err(bad(text));
    }
    Ok(Opened { pool, host, seal: Some((folder.to_owned(), seal)) })
}

impl Opened {
    /// Whether it was bundled: then nothing of it may be replaced.
    pub(crate) fn is_bundle(&self) -> bool {
        self.seal.is_some()
    }

    /// The variants of `file`, each with the model that plays: `model` if one is given, else its own. A bundle keeps its own. From here on
    /// they may be assembled.
    ///
    /// # Errors
    ///
    /// There is no such model, a variant has none, or nobody has allowed what the file or its packs would do.
    pub(crate) fn played_by(&self, app: &App, model: Option<&str>, file: &Path) -> Result<Pool, Failure> {
        let mut pool = self.pool.clone();
        let mut asking = Asking::new(app, &self.host);
        if let Some(model) = model {
            if self.is_bundle() {
                return Err(Failure::input("a bundle keeps its model").hint("bundle the file it was made of: --model"));
            }
            let model = models::model_named(app.workspace(), model)?;
            asking.word(&model);
            for harness in pool.variants.values_mut() {
                harness.models.insert("main".to_owned(), model.clone());
            }
        }
        match &self.seal {
            Some((folder, _)) => asking.pool(Some(&folder.join(HARNESS)), &pool),
            None => asking.pool(Some(file), &pool),
        }
        asking.allowed()?;
        match pool.variants.iter().find(|(_, harness)| !harness.models.contains_key("main")) {
            None => Ok(pool),
            Some((name, _)) => Err(Failure::input(format!("variant `{name}` of {} names no model", file.display()))
                .hint("give one: --model smollm2, or [model.main] in the file")),
        }
    }

    /// Whether the models of a variant are those it was bundled with.
    ///
    /// # Errors
    ///
    /// They are others, such as other weights under the same name.
    pub(crate) fn check(&self, variant: &str, agent: &Agent) -> Result<(), Failure> {
        let Some((folder, seal)) = &self.seal else { return Ok(()) };
        let (found, bundled) = (agent.model_digests(), seal.models.get(variant).cloned().unwrap_or_default());
        for (role, models) in &bundled {
            if found.get(role) != Some(models) {
                let found = found.get(role).map(|models| models.join(", ")).unwrap_or_default();
                return Err(Failure::input(format!(
                    "the model of role `{role}` is {found} here, {} was bundled with {}",
                    folder.display(),
                    models.join(", ")
                ))
                .hint("give it the same weights or server, or bundle the harness again with this one"));
            }
        }
        Ok(())
    }
}

/// Variant ids by name.
pub(crate) fn variants(pool: &Pool, catalogue: &Catalogue) -> BTreeMap<String, String> {
    pool.variants.iter().map(|(name, harness)| (name.clone(), harness.variant_id(catalogue).to_string())).collect()
}

impl Seal {
    /// The seal of what has just been put into a folder.
    pub(super) fn new(
        variants: BTreeMap<String, String>,
        models: BTreeMap<String, BTreeMap<String, Vec<String>>>,
        built_in: BTreeMap<String, Version>,
        files: BTreeMap<String, String>,
    ) -> Self {
        let program = concat!("harness ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { form: FORM, program, variants, models, built_in, files }
    }
}

/// SHA-256 of a regular file in hexadecimal digits.
pub(crate) fn digest_of(path: &Path) -> std::io::Result<String> {
    digest_of_file(harness_files::open(path)?)
}

fn digest_of_file(mut file: std::fs::File) -> std::io::Result<String> {
    let mut digest = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => digest.update(piece.get(..read).unwrap_or_default()),
        }
    }
}
