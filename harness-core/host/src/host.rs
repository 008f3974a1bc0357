//! The host: what is installed, and modules brought up from it.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use harness_abi::{EnvironmentBox, GraderBox, Kind, ModelBox, ModelInfo, ModuleError, PackRef, ProcessorBox, ToolBox};
use harness_spec::{Catalogue, Config, Isolation, LookupError, Module, ModuleRef, PackManifest, Version};

use crate::{
    ChildSettings, Consent, HostError, Inspected, LoadedModel, Lock, Policy, Refusal, Starting, Trust,
    admit::Rules,
    child::{
        Supervisor, proxy,
        quarantine::{Quarantine, QuarantineError, Quarantined},
    },
    elf::sha256,
    find::{Found, find},
    installed::{Installed, Source},
    load,
    pack_root::PackRoot,
    per_key::PerKey,
    shown::LockedShown,
};

/// Puts a [`Host`] together.
#[derive(Debug, Default)]
pub struct HostBuilder {
    linked: Vec<PackRef>,
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
    store: PathBuf,
    rules: Rules,
    only: Option<BTreeSet<String>>,
    children: ChildSettings,
    consent: Option<Arc<dyn Consent>>,
}

impl HostBuilder {
    /// Adds a pack that is linked into this program.
    #[must_use]
    pub fn linked(mut self, pack: PackRef) -> Self {
        self.linked.push(pack);
        self
    }

    /// Searches these folders for packs, in this order.
    #[must_use]
    pub fn search(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        self.folders.extend(folders);
        self
    }

    /// Adds the pack in this file; it goes before those of folders.
    #[must_use]
    pub fn file(mut self, file: impl Into<PathBuf>) -> Self {
        self.files.push(file.into());
        self
    }

    /// Admits only what the lock names, with the bytes it names.
    #[must_use]
    pub fn lock(mut self, lock: Option<Lock>) -> Self {
        self.rules.lock = lock;
        self
    }

    /// Keeps private copies of loaded packs in this folder.
    #[must_use]
    pub fn store(mut self, folder: impl Into<PathBuf>) -> Self {
        self.store = folder.into();
        self
    }

    /// Admits by this policy: it says who may run in this process. Without one everything does. Packs that are linked into the
    /// program always do.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.rules.policy = Some(policy);
        self
    }

    /// Decides for each inspected file where its code runs, or why not at all, whatever the policy says.
    #[must_use]
    pub fn isolation(
        mut self,
        decide: impl Fn(&Inspected) -> Result<Isolation, Refusal> + Send + Sync + 'static,
    ) -> Self {
        self.rules.decide = Some(Arc::new(decide));
        self
    }

    /// Leaves every file out whose SHA-256 is not among these, without a word: [`Host::rescan`] may find it.
    #[must_use]
    pub fn only(mut self, digests: Option<BTreeSet<String>>) -> Self {
        self.only = digests;
        self
    }

    /// Says how packs are run whose code runs in a process of its own.
    #[must_use]
    pub fn children(mut self, settings: ChildSettings) -> Self {
        self.children = settings;
        self
    }

    /// Asks whether a module may do what it would do before it is brought up. Without this every module may.
    #[must_use]
    pub fn consent(mut self, consent: Arc<dyn Consent>) -> Self {
        self.consent = Some(consent);
        self
    }

    /// Inspects everything; loads nothing.
    ///
    /// # Errors
    ///
    /// Only for the program's own packs. What is wrong with files is in [`Host::refused`], so that one bad file does
    /// not keep the others out.
    pub fn build(self) -> Result<Host, HostError> {
        let mut installed = Installed::default();
        for pack in self.linked {
            let text = (pack.manifest())();
            let manifest = PackManifest::parse(text.as_str()).map_err(|error| HostError::Linked(error.to_string()))?;
            installed.add(manifest, Source::Linked(pack));
        }
        let wanted = |file: &Inspected| self.only.as_ref().is_none_or(|only| only.contains(&file.sha256));
        let mut refused = Vec::new();
        take_in(find(&self.files, &self.folders, &self.rules, &wanted), &mut installed, &mut refused);
        Ok(Host {
            installed,
            refused,
            folders: self.folders,
            rules: self.rules,
            store: self.store,
            models: PerKey::default(),
            quarantine: Arc::new(Quarantine::open(self.children.quarantine.clone())),
            children: Arc::new(self.children),
            consent: self.consent,
            supervisors: PerKey::default(),
        })
    }
}

/// Takes in what was found; gives those packs that were not known.
fn take_in(found: Vec<Found>, installed: &mut Installed, refused: &mut Vec<HostError>) -> Vec<Inspected> {
    let mut new = Vec::new();
    for one in found {
        match one {
            Ok(Some((inspected, source))) => {
                if installed.add(inspected.manifest.clone(), source) {
                    new.push(inspected);
                }
            }
            Ok(None) => {}
            Err(error) => refused.push(error),
        }
    }
    new
}

/// The plugin host: keeps the catalogue of what is installed and brings modules up.
#[derive(Debug)]
pub struct Host {
    installed: Installed,
    refused: Vec<HostError>,
    folders: Vec<PathBuf>,
    rules: Rules,
    store: PathBuf,
    models: PerKey<(String, String), Arc<LoadedModel>>,
    children: Arc<ChildSettings>,
    quarantine: Arc<Quarantine>,
    consent: Option<Arc<dyn Consent>>,
    /// Whose code runs in a child, by the digest of its bytes.
    supervisors: PerKey<String, Arc<Supervisor>>,
}

impl Host {
    /// A host with nothing installed yet.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// Looks through the folders again, under this lock, for packs that are `wanted` and were not there before. What is
    /// running is not touched, and a reference without a version keeps its meaning: a newer version is named by its own.
    /// Gives what was found.
    pub fn rescan(&self, lock: Option<Lock>, wanted: impl Fn(&Inspected) -> bool + Sync) -> Vec<Inspected> {
        let rules = Rules { lock, ..self.rules.clone() };
        let mut later = self.installed.latest().successor();
        // What is refused now is told by the next host: this one's list is that of its beginning.
        let found = take_in(find(&[], &self.folders, &rules, &wanted), &mut later, &mut Vec::new());
        if !found.is_empty() {
            self.installed.append(later);
        }
        found
    }

    fn source(&self, name: &str, version: Version) -> Option<&Source> {
        self.installed.latest().get(name, version)
    }

    /// Manifests of all that is installed.
    pub fn catalogue(&self) -> &Catalogue {
        &self.installed.latest().catalogue
    }

    /// Files that were found and not admitted.
    pub fn refused(&self) -> &[HostError] {
        &self.refused
    }

    /// As [`Host::refused`], and forgets them.
    pub fn take_refused(&mut self) -> Vec<HostError> {
        std::mem::take(&mut self.refused)
    }

    /// What is known of the file of an installed pack; `None` for a linked one.
    pub fn file(&self, name: &str, version: Version) -> Option<&Inspected> {
        match self.source(name, version)? {
            Source::File(inspected, ..) => Some(inspected),
            Source::Linked(_) => None,
        }
    }

    /// Where the code of an installed pack runs.
    pub fn isolation(&self, name: &str, version: Version) -> Option<Isolation> {
        match self.source(name, version)? {
            Source::File(_, _, trust) => Some(trust.isolation),
            Source::Linked(_) => Some(Isolation::InProcess),
        }
    }

    /// On what terms the file of an installed pack was let in; `None` for a linked one.
    pub fn trust(&self, name: &str, version: Version) -> Option<&Trust> {
        match self.source(name, version)? {
            Source::File(_, _, trust) => Some(trust),
            Source::Linked(_) => None,
        }
    }

    /// Finds a module, asks whether it may be brought up, loads its pack if that has not happened yet, and completes its configuration
    /// with defaults.
    ///
    /// # Errors
    ///
    /// Nothing of that name is installed, the user has not allowed what it would do, its pack does not load, or the configuration does not fit the manifest.
    pub fn resolve(&self, reference: &ModuleRef, config: &Config) -> Result<Resolved, HostError> {
        let entry = self.catalogue().lookup(reference)?;
        let defaults: serde_json::Map<_, _> = entry.module.defaults().into_iter().collect();
        let mut complete = defaults.clone();
        complete.extend(config.iter().map(|(key, value)| (key.clone(), value.clone())));
        if let Some(consent) = &self.consent {
            let (pack, file) = (&entry.pack.pack.name, self.file(&entry.pack.pack.name, entry.pack.pack.version));
            let asked = consent.ask(&Starting { pack, manifest: entry.module, config: &complete, file });
            asked.map_err(|acts| HostError::NotAllowed { module: reference.clone(), acts })?;
        }
        let code = self.code(&entry.pack.pack.name, entry.pack.pack.version)?;
        let mut manifest = entry.module.clone();
        // A call of another process may take long, whatever the module says.
        manifest.blocking |= matches!(code, Code::Child(_)) && manifest.kind != Kind::Processor;
        let trust = self.trust(&entry.pack.pack.name, entry.pack.pack.version).filter(|_| complete == defaults);
        let locked = trust.and_then(|trust| trust.shown.get(&entry.module.name)).map(|hash| hash.as_str().into());
        let config = serde_json::Value::Object(complete).to_string();
        let locked_shown = match (&self.rules.lock, entry.module.foreign) {
            (Some(lock), true) => {
                let module = format!("{}/{}", reference.pack, reference.module);
                let known = lock.tool(&module, &sha256(config.as_bytes()));
                known.map_or(LockedShown::Unknown, |tool| LockedShown::Digest(tool.shown.as_str().into()))
            }
            _ => locked.map_or(LockedShown::Free, LockedShown::Digest),
        };
        Ok(Resolved { reference: reference.clone(), manifest: Arc::new(manifest), config, locked_shown, code })
    }

    /// Why an installed pack was given up, if it was.
    ///
    /// # Errors
    ///
    /// If the quarantine cannot be read: then no pack runs in a child.
    pub fn quarantine(&self, name: &str, version: Version) -> Result<Option<String>, QuarantineError> {
        self.file(name, version).map_or(Ok(None), |file| self.quarantine.reason(&file.sha256))
    }

    /// Packs that were given up, and why.
    ///
    /// # Errors
    ///
    /// If the quarantine cannot be read: then no pack runs in a child.
    pub fn quarantined(&self) -> Result<Vec<Quarantined>, QuarantineError> {
        self.quarantine.packs()
    }

    fn code(&self, name: &str, version: Version) -> Result<Code, HostError> {
        match self.source(name, version) {
            Some(Source::Linked(pack)) => Ok(Code::Here(PackRoot::Rust(*pack))),
            Some(Source::File(file, bytes, trust)) => match trust.isolation {
                Isolation::InProcess => load::load(file, bytes, &self.store).map(Code::Here),
                Isolation::Process => self
                    .supervisor(file, bytes)
                    .map(Code::Child)
                    .map_err(|refusal| HostError::Refused { path: file.path.clone(), refusal }),
            },
            None => Err(LookupError::Pack { pack: name.to_owned(), hint: String::new() }.into()),
        }
    }

    /// Who keeps a pack's child; the child is up when this returns.
    fn supervisor(&self, file: &Inspected, bytes: &[u8]) -> Result<Arc<Supervisor>, Refusal> {
        let make = || {
            let (children, quarantine) = (self.children.clone(), self.quarantine.clone());
            Supervisor::new(children, quarantine, file, bytes, &self.store).map(Arc::new)
        };
        let supervisor = self.supervisors.get_or_make(file.sha256.clone(), make)?;
        supervisor.child().map_err(|error| Refusal::Child(error.message.into()))?;
        Ok(supervisor)
    }

    /// Brings a model up, or gives the one that is up with this configuration.
    ///
    /// # Errors
    ///
    /// As [`Host::resolve`]; and the model does not come up.
    pub fn model(&self, reference: &ModuleRef, config: &Config) -> Result<Arc<LoadedModel>, HostError> {
        let resolved = self.resolve(reference, config)?;
        let key = (resolved.reference.to_string(), resolved.config.clone());
        let fail = |error| HostError::Module { module: reference.clone(), error: Box::new(error) };
        self.models.get_or_make(key, || {
            let model = resolved.model().map_err(fail)?;
            let info = model.info().into_result().map_err(fail)?;
            let info: ModelInfo = serde_json::from_str(info.as_str()).map_err(|error| fail(error.into()))?;
            Ok(Arc::new(LoadedModel { info, blocking: resolved.manifest.blocking, model }))
        })
    }
}

/// A pack's code.
#[derive(Debug, Clone)]
enum Code {
    /// In this process.
    Here(PackRoot),
    /// In a child.
    Child(Arc<Supervisor>),
}

/// A module that was found, with its complete configuration: makes as many instances as one likes.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// How it was asked for.
    pub reference: ModuleRef,
    /// What it says of itself.
    pub manifest: Arc<Module>,
    /// Its configuration, complete with defaults: JSON as text.
    pub config: String,
    /// What the lock says this module shows to a model.
    pub(crate) locked_shown: LockedShown,
    code: Code,
}

impl Resolved {
    fn build<T>(
        &self,
        here: impl FnOnce(PackRoot, &str, &str) -> Result<T, ModuleError>,
        child: impl FnOnce(&Arc<Supervisor>, &str, &str) -> Result<T, ModuleError>,
    ) -> Result<T, ModuleError> {
        match &self.code {
            Code::Here(root) => here(*root, &self.manifest.name, &self.config),
            Code::Child(supervisor) => child(supervisor, &self.manifest.name, &self.config),
        }
    }

    /// The id of the child process its code runs in, which is started if need be; `None` when it runs in this one.
    pub fn process_id(&self) -> Option<u32> {
        match &self.code {
            Code::Here(_) => None,
            Code::Child(supervisor) => Some(supervisor.child().ok()?.id()),
        }
    }

    /// A fresh processor.
    ///
    /// # Errors
    ///
    /// The module refuses its configuration, or its child does not start.
    pub fn processor(&self) -> Result<ProcessorBox, ModuleError> {
        self.build(PackRoot::processor, proxy::processor)
    }

    /// A fresh tool.
    ///
    /// # Errors
    ///
    /// The module refuses its configuration, or its child does not start.
    pub fn tool(&self) -> Result<ToolBox, ModuleError> {
        let shared = self.manifest.shared;
        self.build(PackRoot::tool, |supervisor, name, config| proxy::tool(supervisor, name, config, shared))
    }

    /// A fresh environment.
    ///
    /// # Errors
    ///
    /// The module refuses its configuration, or its child does not start.
    pub fn environment(&self) -> Result<EnvironmentBox, ModuleError> {
        self.build(PackRoot::environment, proxy::environment)
    }

    /// A fresh grader.
    ///
    /// # Errors
    ///
    /// The module refuses its configuration, or its child does not start.
    pub fn grader(&self) -> Result<GraderBox, ModuleError> {
        self.build(PackRoot::grader, proxy::grader)
    }

    fn model(&self) -> Result<ModelBox, ModuleError> {
        self.build(PackRoot::model, proxy::model)
    }
}
