//! Hosts of packs: the built-in ones, those linked into the program, and whatever the search path holds.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use harness_abi::PackRef;
use harness_host::{ChildSettings, Host, Lock, QuarantineFiles, search_path};
use harness_spec::{Harness, PackManifest, Policy, Pool};
use serde_json::{Value, json};

use super::App;
use crate::{Failure, policy, replace::change};

/// Packs of this program.
fn built_in() -> [PackRef; 8] {
    [
        harness_modules::pack(),
        harness_models::pack(),
        harness_memory::pack(),
        harness_tools::pack(),
        harness_mcp::pack(),
        bench_functions::pack(),
        bench_menus::pack(),
        bench_tasks::pack(),
    ]
}

/// Whether linked packs can be told from one another, and from the built-in ones.
pub(super) fn check_linked(linked: &[PackRef]) -> Result<(), Failure> {
    let mut names = BTreeSet::new();
    for pack in built_in().iter().chain(linked) {
        let text = (pack.manifest())();
        let manifest = PackManifest::parse(text.as_str())
            .map_err(|error| Failure::input(format!("the manifest of a linked pack cannot be read: {error}")))?;
        let name = manifest.pack.name;
        if names.contains(&name) {
            return Err(Failure::input(format!("two linked packs are called `{name}`"))
                .hint("choose another name in the pack's manifest"));
        }
        names.insert(name);
    }
    Ok(())
}

impl App {
    /// A host with the built-in packs and whatever the search path holds, under the workspace's lock if there is one.
    pub(super) fn host(&self) -> Result<Host, Failure> {
        self.build_host(self.folders(), self.lock()?, None)
    }

    /// A host with the built-in packs and those in one folder, under this lock: what a bundle brings with it.
    pub(super) fn host_of_folder(&self, folder: PathBuf, lock: Lock) -> Result<Host, Failure> {
        self.trust.brings(&folder, folder.parent().unwrap_or(&folder));
        self.build_host(vec![folder], Some(lock), None)
    }

    /// A host with the built-in packs and those of a bundle, to read what it would do.
    pub(super) fn host_of_bundle(&self, bundle: &Path) -> Result<Host, Failure> {
        let packs = bundle.join(super::bundle::PACKS);
        self.trust.brings(&packs, bundle);
        self.build_host(vec![packs], None, None)
    }

    /// A host with the built-in packs, those in these folders and those of the search path, whatever a lock says: to read what
    /// folders would do.
    pub(super) fn host_with(&self, folders: &[PathBuf]) -> Result<Host, Failure> {
        let all = folders.iter().cloned().chain(self.folders());
        self.build_host(all.collect(), None, None)
    }

    /// As [`App::host`], with no other files than those a run began with: what [`App::installed`] said then.
    pub(super) fn host_as_of(&self, installed: &Value) -> Result<Host, Failure> {
        let digests = installed.as_object().into_iter().flat_map(|packs| packs.values());
        let digests = digests.filter_map(Value::as_str).map(str::to_owned).collect();
        self.build_host(self.folders(), self.lock()?, Some(digests))
    }

    /// As [`App::host`], whatever the lock says: for writing a new one.
    pub(super) fn host_without_lock(&self) -> Result<Host, Failure> {
        self.build_host(self.folders(), None, None)
    }

    /// As [`App::host`], without the folders that this application searches first: what the workspace itself has.
    pub(super) fn host_of_workspace(&self) -> Result<Host, Failure> {
        self.build_host(self.folders_after(&[]), self.lock()?, None)
    }

    /// As [`App::host_of_workspace`], whatever the lock says.
    pub(super) fn host_of_workspace_without_lock(&self) -> Result<Host, Failure> {
        self.build_host(self.folders_after(&[]), None, None)
    }

    /// Folders that are searched before those of the workspace.
    pub(super) fn first_folders(&self) -> &[PathBuf] {
        &self.plugins
    }

    /// Where packs are searched for.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        self.folders_after(&self.plugins)
    }

    fn folders_after(&self, first: &[PathBuf]) -> Vec<PathBuf> {
        let variable = self.workspace.var_os("HARNESS_PLUGINS");
        let mut folders = search_path(first, variable, self.workspace.folder(), self.workspace.data().as_deref());
        folders.extend(self.own_plugins.iter().filter(|own| !folders.contains(own)).cloned().collect::<Vec<_>>());
        folders
    }

    fn build_host(
        &self,
        folders: Vec<PathBuf>,
        lock: Option<Lock>,
        only: Option<BTreeSet<String>>,
    ) -> Result<Host, Failure> {
        let policy = policy::policy(&self.workspace)?;
        self.trust.keys(&policy);
        let mut host = Host::builder().consent(self.trust.clone());
        for pack in built_in().into_iter().chain(self.linked.iter().copied()) {
            host = host.linked(pack);
        }
        let host = host.search(folders).lock(lock).only(only).children(self.children(&policy)).policy(policy);
        Ok(host.store(self.store()).build()?)
    }

    /// A host with nothing but the pack in this file, on the terms of the policy, whatever a lock says.
    pub(super) fn host_of_file(&self, file: &Path) -> Result<Host, Failure> {
        let policy = policy::policy(&self.workspace)?;
        let host = Host::builder().file(file).children(self.children(&policy)).policy(policy);
        let mut host = host.store(self.store()).build()?;
        match host.take_refused().pop() {
            Some(refused) => Err(refused.into()),
            None => Ok(host),
        }
    }

    /// How packs are run whose code runs in a process of its own.
    fn children(&self, policy: &Policy) -> ChildSettings {
        ChildSettings {
            program: self.program.clone(),
            quarantine: self.quarantine(),
            unconfined: policy.unconfined,
            guarded: self.guarded(),
            ..ChildSettings::default()
        }
    }

    /// Where the packs are written down that were given up.
    pub(super) fn quarantine(&self) -> QuarantineFiles {
        QuarantineFiles {
            own: self.workspace.decisions().map(|folder| folder.join("quarantine.json")),
            former: Some(self.workspace.former_quarantine()),
        }
    }

    /// What no pack and no command of a model writes, wherever else it may: who is trusted, what the user decided, copies of packs that
    /// were checked, installed packs.
    fn guarded(&self) -> Vec<PathBuf> {
        let workspace = &self.workspace;
        let data = workspace.data().map(|data| data.join("harness"));
        let record = workspace.record();
        let own = [workspace.policy(), workspace.state(), Some(self.store()), data, Some(workspace.lock())];
        for place in own.iter().flatten().map(PathBuf::as_path).chain(record.parent()) {
            // Only fails where there is no present folder, and then there is no workspace.
            let _ = harness_sandbox::guard(place);
        }
        harness_sandbox::guarded().into_iter().collect()
    }

    /// Where private copies of loaded packs are kept.
    fn store(&self) -> PathBuf {
        self.workspace.cache().join("packs")
    }

    /// The workspace's lock; `None` when there is none.
    pub(super) fn lock(&self) -> Result<Option<Lock>, Failure> {
        lock_file(&self.workspace.lock())
    }

    /// Changes the workspace's lock (`None`: there is none) while no other process does; gives what `edit` gives besides.
    ///
    /// # Errors
    ///
    /// What `edit` says, and if the lock cannot be read, understood or written: it is then as it was.
    pub(super) fn change_lock<T>(
        &self,
        edit: impl FnOnce(Option<Lock>) -> Result<(Lock, T), Failure>,
    ) -> Result<T, Failure> {
        let path = self.workspace.lock();
        change(&path, |former| {
            let fail = |error| Failure::input(format!("{}: {error}", path.display()));
            let former = former.map(|text| Lock::parse(&text).map_err(fail)).transpose()?;
            let (lock, result) = edit(former)?;
            Ok((lock.to_toml(), result))
        })
    }

    /// What is installed, byte for byte: part of the identity of a run, because outcomes rest on it.
    pub(super) fn installed(&self, host: &Host) -> Value {
        let own = self.linked.iter().filter_map(|pack| PackManifest::parse((pack.manifest())().as_str()).ok());
        let own: BTreeSet<String> = own.map(|manifest| manifest.pack.name).collect();
        let packs = host.catalogue().packs().map(|pack| {
            let pack = &pack.pack;
            let identity = match host.file(&pack.name, pack.version) {
                Some(file) => file.sha256.as_str(),
                None if own.contains(&pack.name) => program(),
                None => concat!("linked into harness ", env!("CARGO_PKG_VERSION")),
            };
            (format!("{} {}", pack.name, pack.version), json!(identity))
        });
        Value::Object(packs.collect())
    }
}

/// What this program is, for packs that only it is known to hold: another build may hold others under the same names.
fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let digest = std::env::current_exe().and_then(|path| super::bundle::digest_of(&path));
        match digest {
            Ok(sha256) => format!("linked into a program with sha256 {sha256}"),
            Err(_) => "linked into a program".to_owned(),
        }
    })
}

/// A lock; `None` when there is no such file.
pub(super) fn lock_file(path: &Path) -> Result<Option<Lock>, Failure> {
    match harness_files::read_text(path, harness_files::MOST_TEXT) {
        Ok(text) => match Lock::parse(&text) {
            Ok(lock) => Ok(Some(lock)),
            Err(error) => Err(Failure::input(format!("{}: {error}", path.display()))),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::input(format!("{}: {error}", path.display()))),
    }
}

/// A harness from a file.
pub(super) fn harness_file(path: &Path) -> Result<Harness, Failure> {
    Harness::parse(&text(path)?).map_err(|error| Failure::input(format!("{}: {error}", path.display())))
}

/// A harness or several with their routes, from a file.
pub(super) fn pool_file(path: &Path) -> Result<Pool, Failure> {
    Pool::parse(&text(path)?).map_err(|error| Failure::input(format!("{}: {error}", path.display())))
}

/// The text of a harness. What it says decides what a model may do, so no command of a model writes it from here on.
fn text(path: &Path) -> Result<String, Failure> {
    let fail = |error| Failure::input(format!("cannot read harness {}: {error}", path.display()));
    let text = harness_files::read_text(path, harness_files::MOST_TEXT).map_err(fail)?;
    harness_sandbox::guard(path).map_err(fail)?;
    Ok(text)
}
