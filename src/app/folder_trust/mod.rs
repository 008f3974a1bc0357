//! Trust in folders: what a folder brings from elsewhere runs nothing, sends nothing and reads nothing outside until the user has allowed
//! it. What was allowed is known by folder and content, and kept outside of the folder. Asked twice: before a request does anything, so
//! that a person reads all of it at once, and by the plugin host before each module, so that no way in is forgotten.

mod act;
mod asking;
mod keys;
mod module;
mod store;
mod walk;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use harness_host::{Consent, Inspected, Starting};
use harness_spec::Policy;
use serde::Serialize;

pub(super) use self::asking::Asking;
use self::asking::{Asked, real};
pub use self::{act::Act, store::TrustedFolder};
use super::App;
use crate::{Control, Failure, Workspace, policy};

/// The variable that trusts every folder for one process.
pub(super) const VARIABLE: &str = "HARNESS_TRUST_FOLDER";

/// What this process may do because of folders; by default nothing.
#[derive(Debug, Default)]
pub(super) struct FolderTrust {
    /// Whether folders are trusted for this process, as the user said where it was started.
    pub everything: bool,
    /// What this program keeps for the user: reading it asks nothing.
    pub cache: PathBuf,
    /// Where what the user allows is written down, by other processes too.
    workspace: Option<Workspace>,
    /// Folders of packs that the user named, or keeps for all workspaces.
    users: Vec<PathBuf>,
    said: Mutex<Said>,
}

/// What was said so far.
#[derive(Debug, Default)]
struct Said {
    /// What may be done, by digest.
    acts: BTreeSet<String>,
    /// Folders whose requests were let through: what they read of themselves asks nothing.
    folders: BTreeSet<PathBuf>,
    /// Folders of packs that a folder brings, and that folder.
    packs: Vec<(PathBuf, PathBuf)>,
    /// Who may be sent which key.
    policy: Policy,
}

impl FolderTrust {
    /// For an application in this workspace. `everything`: folders are trusted; `plugins`: folders of packs that the user named.
    ///
    /// # Errors
    ///
    /// The variable that trusts folders says neither yes nor no.
    pub(super) fn new(workspace: &Workspace, everything: bool, plugins: &[PathBuf]) -> Result<Self, Failure> {
        let everything = everything
            || match workspace.var_os(VARIABLE).map(|value| value.to_str().unwrap_or("?")) {
                Some("1") => true,
                None | Some("0" | "") => false,
                Some(other) => {
                    return Err(Failure::input(format!("${VARIABLE} is `{other}`"))
                        .hint("1 trusts every folder for this process; 0, or not set, trusts none"));
                }
            };
        let named = workspace.var_os("HARNESS_PLUGINS").into_iter().flat_map(std::env::split_paths);
        let named = named.filter(|folder| !folder.as_os_str().is_empty());
        let own = workspace.data().map(|data| data.join("harness/plugins"));
        let users = plugins.iter().cloned().chain(named).chain(own).map(|folder| real(&folder)).collect();
        let packs = vec![(workspace.plugins(), workspace.folder().to_owned())];
        let (cache, said) = (real(&workspace.cache()), Mutex::new(Said { packs, ..Said::default() }));
        Ok(Self { everything, cache, workspace: Some(workspace.clone()), users, said })
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who may be sent which key, as the user's policy says now.
    pub(super) fn keys(&self, policy: &Policy) {
        self.said().policy = policy.clone();
    }

    /// That the packs in `packs` are brought by `folder`.
    pub(super) fn brings(&self, packs: &Path, folder: &Path) {
        let entry = (packs.to_owned(), folder.to_owned());
        let mut said = self.said();
        if !said.packs.contains(&entry) {
            said.packs.push(entry);
        }
    }

    /// That this may be done, because of these folders or by the user's word.
    fn may<'a>(&self, folders: impl IntoIterator<Item = PathBuf>, acts: impl IntoIterator<Item = &'a Act>) {
        let mut said = self.said();
        said.folders.extend(folders);
        said.acts.extend(acts.into_iter().map(Act::digest));
    }

    /// Whether the user said that this may be done: by trusting it, or by doing it.
    fn has_said(&self, act: &Act) -> bool {
        self.said().acts.contains(&act.digest())
    }

    /// What running this pack is, unless the user keeps it or named the folder it lies in.
    fn pack(&self, file: &Inspected) -> Option<Asked> {
        let place = real(folder_of(&file.path));
        if self.users.contains(&place) {
            return None;
        }
        // Compared now: a folder may have come since it was named.
        let brings = self.said().packs.iter().find(|(packs, _)| real(packs) == place).map(|(_, folder)| real(folder));
        let folder = brings.unwrap_or_else(|| real(root_of(&file.path)));
        Some(Asked { folder, file: file.path.clone(), act: run_pack(file) })
    }

    /// Whether this pack may run: allowed before, or meanwhile by another process, such as `harness plugin add` during a run.
    ///
    /// # Errors
    ///
    /// What is written down cannot be read.
    pub(super) fn may_run(&self, file: &Inspected) -> Result<bool, Failure> {
        let Some(asked) = self.pack(file) else { return Ok(true) };
        if self.everything || self.has_said(&asked.act) {
            return Ok(true);
        }
        let Some(workspace) = &self.workspace else { return Ok(false) };
        Ok(store::allowed(workspace, &asked.folder)?.acts.contains_key(&asked.act.digest()))
    }
}

/// What running a pack is.
fn run_pack(file: &Inspected) -> Act {
    Act::Pack {
        name: file.manifest.pack.name.clone(),
        version: file.manifest.pack.version,
        sha256: file.sha256.clone(),
        permissions: file.manifest.permissions(),
    }
}

impl Consent for FolderTrust {
    fn ask(&self, starting: &Starting<'_>) -> Result<(), String> {
        let mut inside: Vec<PathBuf> = self.said().folders.iter().cloned().collect();
        inside.push(self.cache.clone());
        let mut acts = module::acts(starting, module::Inside(&inside));
        if let Some(file) = starting.file
            && !self.may_run(file).map_err(|failure| failure.to_string())?
        {
            acts.push(run_pack(file));
        }
        let said = self.said();
        let may = |act: &Act| said.acts.contains(&act.digest()) || (self.everything && keys::bound(&said.policy, act));
        let missing: Vec<String> = acts.iter().filter(|act| !may(act)).map(ToString::to_string).collect();
        if missing.is_empty() { Ok(()) } else { Err(missing.join("; ")) }
    }
}

/// The folder that a file lies in.
fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The folder that a file belongs to: of a pack the one that brings it.
fn root_of(file: &Path) -> &Path {
    let folder = folder_of(file);
    if file.extension().is_none_or(|extension| extension != "so") {
        return folder;
    }
    if folder.ends_with(".harness/plugins") {
        return folder.parent().map_or(folder, folder_of);
    }
    folder_of(folder)
}

/// What a folder, or a file in one, asks for.
#[derive(Debug, Clone, Serialize)]
pub struct Review {
    /// Everything it can make this program do.
    pub acts: Vec<ReviewedAct>,
    #[serde(skip)]
    asked: Vec<Asked>,
}

/// Something that a folder can make this program do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReviewedAct {
    /// The folder.
    pub folder: PathBuf,
    /// The file that says so.
    pub file: PathBuf,
    /// What it does, in words.
    pub text: String,
    /// What it does.
    pub act: Act,
    /// Whether the user has allowed it.
    pub allowed: bool,
    /// Whether allowing it binds a key to a host, in the policy.
    pub binds: bool,
}

impl Review {
    /// Whether there is something that nobody has allowed.
    pub fn asks(&self) -> bool {
        self.acts.iter().any(|act| !act.allowed)
    }
}

/// What `path` asks for: a folder with all that lies in it, a harness file, a suite, a bundle, a pack. Runs nothing.
///
/// # Errors
///
/// There is no such path, it holds too much to look through, or what was allowed cannot be read.
pub fn review(app: &App, path: &Path, control: &Control) -> Result<Review, Failure> {
    let policy = policy::policy(app.workspace())?;
    let asked = walk::asked(app, path, control)?;
    let mut acts = Vec::new();
    for one in &asked {
        let bound = keys::bound(&policy, &one.act);
        let known = store::allowed(app.workspace(), &one.folder)?;
        acts.push(ReviewedAct {
            folder: one.folder.clone(),
            file: one.file.clone(),
            text: one.act.to_string(),
            act: one.act.clone(),
            allowed: bound && known.acts.contains_key(&one.act.digest()),
            binds: !bound,
        });
    }
    Ok(Review { acts, asked })
}

/// Allows all of what was reviewed. A key that was bound to another host or none is bound in the policy.
///
/// # Errors
///
/// It cannot be written.
pub fn allow(app: &App, review: &Review) -> Result<(), Failure> {
    allow_all(app, &review.asked)
}

fn allow_all(app: &App, asked: &[Asked]) -> Result<(), Failure> {
    let policy = policy::policy(app.workspace())?;
    for one in asked {
        if let (Act::Key { variable, host }, false) = (&one.act, keys::bound(&policy, &one.act)) {
            policy::bind(app.workspace(), variable, host)?;
        }
    }
    let folders: BTreeSet<&Path> = asked.iter().map(|one| one.folder.as_path()).collect();
    for folder in folders {
        store::allow(app.workspace(), folder, asked.iter().filter(|one| one.folder == folder).map(|one| &one.act))?;
    }
    Ok(())
}

/// Every folder that may do something.
///
/// # Errors
///
/// What is written down cannot be read.
pub fn list(app: &App) -> Result<Vec<TrustedFolder>, Failure> {
    store::all(app.workspace())
}

/// Forgets what a folder, and every folder in it, may do; gives what that was.
///
/// # Errors
///
/// What is written down cannot be read or taken away.
pub fn forget(app: &App, folder: &Path) -> Result<Vec<TrustedFolder>, Failure> {
    let folder = real(folder);
    let mut known: Vec<PathBuf> = store::all(app.workspace())?.into_iter().map(|known| known.folder).collect();
    known.retain(|known| known.starts_with(&folder));
    known.iter().map(|folder| store::forget(app.workspace(), folder)).collect()
}

/// What a harness came to do by the user's own edit is allowed from the start: the user said it.
pub(super) fn edited(
    app: &App,
    host: &harness_host::Host,
    file: &Path,
    before: &harness_spec::Harness,
    after: &harness_spec::Harness,
) -> Result<(), Failure> {
    let asked = |harness| {
        let mut asking = Asking::new(app, host);
        asking.harness(Some(file), harness);
        asking.into_asked()
    };
    let former: Vec<Act> = asked(before).into_iter().map(|one| one.act).collect();
    // A pack is allowed where it is installed, not where it is named.
    let mut new = asked(after);
    new.retain(|one| !former.contains(&one.act) && !matches!(one.act, Act::Pack { .. }));
    match app.workspace().state() {
        Some(_) => allow_all(app, &new),
        None => Ok(()),
    }
}

/// What the user has allowed a harness file is allowed a copy of it that this program made.
pub(super) fn copied(app: &App, from: &Path, to: &Path) -> Result<(), Failure> {
    if app.workspace().state().is_none() {
        return Ok(());
    }
    let (host, pool) = (app.host()?, super::hosts::pool_file(from)?);
    let asked = |file| {
        let mut asking = Asking::new(app, &host);
        asking.pool(Some(file), &pool);
        asking.into_asked()
    };
    let mut allowed = Vec::new();
    for one in asked(from) {
        let known = store::allowed(app.workspace(), &one.folder)?;
        allowed.extend(known.acts.contains_key(&one.act.digest()).then_some(one.act));
    }
    let copies = asked(to).into_iter().filter(|one| allowed.contains(&one.act) && !matches!(one.act, Act::Pack { .. }));
    let copies: Vec<Act> = copies.map(|one| one.act).collect();
    store::allow(app.workspace(), &real(folder_of(to)), &copies)
}

/// A pack that the user installed with this program may run.
pub(super) fn installed(app: &App, file: &Inspected) -> Result<(), Failure> {
    let asked = app.trust.pack(file);
    match app.workspace().state() {
        Some(_) => allow_all(app, &asked.into_iter().collect::<Vec<_>>()),
        None => Ok(()),
    }
}
