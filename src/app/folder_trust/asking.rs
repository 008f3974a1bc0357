//! What a request would do because of what folders say, gathered before any of it is done. All that nobody has allowed is said at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use harness_bench::{GraderSpec, Part, Suite, Use};
use harness_host::{Host, Starting};
use harness_spec::{Config, Edit, Harness, ModelSpec, ModuleRef, Pool};
use serde_json::Map;

use super::{
    super::App,
    act::Act,
    keys,
    module::{self, Inside},
    store,
};
use crate::{Failure, policy};

/// An act, and who asks for it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The folder that decides, without links.
    pub folder: PathBuf,
    /// The file that says so.
    pub file: PathBuf,
    /// What is done.
    pub act: Act,
}

/// A file that asks.
#[derive(Debug, Clone)]
struct Asker {
    file: PathBuf,
    folder: PathBuf,
}

impl Asker {
    fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), folder: real(super::folder_of(file)) }
    }
}

/// A path without links, or as it is where it is not there.
pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// The folder that decides about tasks that no suite brings: their own, or the one their file lies in.
pub(super) fn folder_of_tasks(place: &Path) -> PathBuf {
    real(if place.is_dir() { place } else { super::folder_of(place) })
}

/// Gathers what a request would do.
pub(in crate::app) struct Asking<'a> {
    app: &'a App,
    host: &'a Host,
    asked: Vec<Asked>,
    /// What the user says with this request.
    words: Vec<Act>,
    /// Files of packs that would run, by the folder that brings them.
    packs: BTreeSet<(PathBuf, PathBuf)>,
    /// Folders of the files that were gathered from.
    folders: BTreeSet<PathBuf>,
}

impl<'a> Asking<'a> {
    /// Nothing yet; modules are those of `host`.
    pub fn new(app: &'a App, host: &'a Host) -> Self {
        Self { app, host, asked: Vec::new(), words: Vec::new(), packs: BTreeSet::new(), folders: BTreeSet::new() }
    }

    /// The harnesses of a file; `None`: they come with the program.
    pub fn pool(&mut self, file: Option<&Path>, pool: &Pool) {
        pool.variants.values().for_each(|harness| self.harness(file, harness));
    }

    /// A harness of a file (`None`: it comes with the program): what it names, what its rules may bring in, and the harnesses that lie
    /// in it.
    pub fn harness(&mut self, file: Option<&Path>, harness: &Harness) {
        self.of_harness(file.map(Asker::new).as_ref(), harness);
    }

    /// All harnesses that a suite names.
    pub fn suite_harnesses(&mut self, suite: &Suite) {
        suite.harnesses.values().for_each(|harness| self.harness(suite.file.as_deref(), harness));
        for part in &suite.parts {
            part.harnesses.values().for_each(|harness| self.harness(part.file.as_deref(), harness));
        }
    }

    fn of_harness(&mut self, asker: Option<&Asker>, harness: &Harness) {
        self.folders.extend(asker.map(|asker| asker.folder.clone()));
        // A rule that cannot apply fails when the harness is assembled; here it brings nothing in.
        let ruled =
            harness.adapt.iter().filter_map(|rule| Edit::from_changes(&rule.apply, harness).ok()?.apply(harness).ok());
        for whole in ruled.chain([harness.clone()]) {
            let inner = whole.all_inner(self.host.catalogue());
            for one in std::iter::once(&whole).chain(inner.iter().map(|(_, inner)| inner)) {
                one.models.values().for_each(|model| self.model(asker, model));
                for spec in one.processors.iter().chain(&one.tools) {
                    self.module(asker, &spec.module, &spec.config);
                }
            }
        }
    }

    fn model(&mut self, asker: Option<&Asker>, model: &ModelSpec) {
        self.module(asker, &model.module, &model.config);
        for fallback in &model.fallbacks {
            self.module(asker, &fallback.module, &fallback.config);
        }
    }

    /// A model that the user names, wherever it is put: what it does is the user's word.
    pub fn word(&mut self, model: &ModelSpec) {
        self.model(None, model);
    }

    /// A part of a suite in `file` (`None`: it comes with the program), and what became of it by what the user gave besides.
    pub fn part(&mut self, file: Option<&Path>, part: &Part, environment: &Use) {
        let asker = file.map(Asker::new);
        let asker = asker.as_ref();
        self.folders.extend(asker.map(|asker| asker.folder.clone()));
        let own = asker.map(|asker| self.acts(Some(asker), &part.environment.module, &part.environment.config));
        let own = own.unwrap_or_default();
        for act in self.acts(asker, &environment.module, &environment.config) {
            match (asker, &act) {
                (Some(asker), act) if own.contains(act) => self.ask(asker, act.clone()),
                // Data that the user names may bring scripts of others.
                (_, Act::Scripts { place, .. }) => {
                    self.ask(&Asker { file: place.clone(), folder: folder_of_tasks(place) }, act.clone());
                }
                _ => self.words.push(act),
            }
        }
        self.pack_of(&environment.module);
        match &part.grader {
            GraderSpec::Module(grader) => self.module(asker, &grader.module, &grader.config),
            GraderSpec::Model(grader) => self.module(asker, &grader.model.module, &grader.model.config),
        }
        for grader in &part.also {
            self.module(asker, &grader.module, &grader.config);
        }
    }

    /// Every pack that is installed: whatever is done may come to run it.
    pub fn installed(&mut self) {
        let packs = self.host.catalogue().packs();
        let files = packs.filter_map(|pack| self.host.file(&pack.pack.name, pack.pack.version));
        let acts: Vec<Asked> = files.filter_map(|file| self.app.trust.pack(file)).collect();
        self.asked.extend(acts);
    }

    fn module(&mut self, asker: Option<&Asker>, reference: &ModuleRef, config: &Config) {
        let acts = self.acts(asker, reference, config);
        match asker {
            Some(asker) => acts.into_iter().for_each(|act| self.ask(asker, act)),
            None => self.words.extend(acts),
        }
        self.pack_of(reference);
    }

    fn ask(&mut self, asker: &Asker, act: Act) {
        // What the user says with the request is not asked of the folder.
        if self.words.contains(&act) {
            return;
        }
        self.asked.push(Asked { folder: asker.folder.clone(), file: asker.file.clone(), act });
    }

    /// What a module does by its configuration; nothing for one that is not there: it does not come up either.
    fn acts(&self, asker: Option<&Asker>, reference: &ModuleRef, config: &Config) -> Vec<Act> {
        let Ok(entry) = self.host.catalogue().lookup(reference) else { return Vec::new() };
        let mut complete: Map<_, _> = entry.module.defaults().into_iter().collect();
        complete.extend(config.iter().map(|(key, value)| (key.clone(), value.clone())));
        let (pack, file) = (&entry.pack.pack.name, self.host.file(&entry.pack.pack.name, entry.pack.pack.version));
        let starting = Starting { pack, manifest: entry.module, config: &complete, file };
        let mut inside: Vec<PathBuf> = asker.map(|asker| asker.folder.clone()).into_iter().collect();
        inside.push(self.app.trust.cache.clone());
        module::acts(&starting, Inside(&inside))
    }

    fn pack_of(&mut self, reference: &ModuleRef) {
        let Ok(entry) = self.host.catalogue().lookup(reference) else { return };
        let file = self.host.file(&entry.pack.pack.name, entry.pack.pack.version);
        let asked = file.and_then(|file| self.app.trust.pack(file));
        self.asked.extend(asked.filter(|asked| self.packs.insert((asked.folder.clone(), asked.file.clone()))));
    }

    /// What is asked for, each once.
    pub(super) fn into_asked(self) -> Vec<Asked> {
        let mut seen = BTreeSet::new();
        let mut asked = self.asked;
        asked.retain(|one| seen.insert((one.folder.clone(), one.act.digest())));
        asked
    }

    /// Goes on if the user has allowed all of it: from here on it may be done.
    ///
    /// # Errors
    ///
    /// All that nobody has allowed, or what was allowed cannot be read.
    pub fn allowed(self) -> Result<(), Failure> {
        let (app, words, folders) = (self.app, self.words.clone(), self.folders.clone());
        let policy = policy::policy(app.workspace())?;
        let mut known: BTreeMap<PathBuf, store::TrustedFolder> = BTreeMap::new();
        let (mut may, mut missing) = (Vec::new(), Vec::new());
        for asked in self.into_asked() {
            if !known.contains_key(&asked.folder) {
                known.insert(asked.folder.clone(), store::allowed(app.workspace(), &asked.folder)?);
            }
            let trusted = known.get(&asked.folder).is_some_and(|known| known.acts.contains_key(&asked.act.digest()));
            let bound = keys::bound(&policy, &asked.act);
            match (trusted || app.trust.everything, bound) {
                (true, true) => may.extend(trusted.then_some(asked.act)),
                _ => missing.push((asked, bound)),
            }
        }
        if missing.is_empty() {
            app.trust.may(folders, may.iter().chain(&words));
            return Ok(());
        }
        Err(refusal(&missing))
    }

    /// Writes down that what was gathered is the user's own: it came about by a command of this program. Left out is what the user never
    /// said: what was let through by a flag for one process.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn born(self) -> Result<(), Failure> {
        let app = self.app;
        let mut folders: BTreeMap<PathBuf, Vec<Act>> = BTreeMap::new();
        for asked in self.into_asked().into_iter().filter(|asked| app.trust.has_said(&asked.act)) {
            folders.entry(asked.folder).or_default().push(asked.act);
        }
        if app.workspace().state().is_none() {
            return Ok(());
        }
        folders.iter().try_for_each(|(folder, acts)| store::allow(app.workspace(), folder, acts))
    }
}

/// Everything that nobody allowed, by the file that asks for it.
fn refusal(missing: &[(Asked, bool)]) -> Failure {
    let mut files: BTreeMap<&Path, Vec<String>> = BTreeMap::new();
    let mut folders: BTreeMap<&Path, &Path> = BTreeMap::new();
    for (asked, bound) in missing {
        let unbound = if *bound { "" } else { " (no policy of yours binds this key to this host)" };
        files.entry(&asked.file).or_default().push(format!("    {}{unbound}", asked.act));
        folders.insert(&asked.folder, &asked.file);
    }
    let lines = files.iter().map(|(file, acts)| format!("\n  {}\n{}", file.display(), acts.join("\n")));
    let text = format!("nobody has allowed what this would do:{}", lines.collect::<String>());
    // Who trusts a folder trusts what lies in it.
    let outermost =
        folders.iter().filter(|(folder, _)| !folders.keys().any(|other| other != *folder && folder.starts_with(other)));
    let names: Vec<String> = outermost.map(|(_, file)| format!("`harness trust {}`", named(file).display())).collect();
    Failure::waiting(text).hint(format!(
        "nothing was run, sent or read for it; look at it, then {} (once for the same bytes), or for this one command --trust-folder",
        names.join(" and ")
    ))
}

/// What a person gives to `harness trust`: the folder of a file, or the file where its name does not say what it is.
fn named(file: &Path) -> &Path {
    match file.extension().is_some_and(|extension| extension == "toml" || extension == "so") {
        true => super::root_of(file),
        false => file,
    }
}
