//! Where things are kept: the workspace's `.harness`, the user's cache, data and configuration directories. Made once, where the program
//! begins: nothing below asks for the current folder or for a variable of the process.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// A folder to work in, and the variables that say where a user keeps things.
///
/// Paths in requests and in harness files are not relative to this folder but, as everywhere, to the current one of the process.
#[derive(Clone, PartialEq, Eq)]
pub struct Workspace {
    folder: PathBuf,
    variables: BTreeMap<OsString, OsString>,
}

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values of variables may be keys.
        let names: Vec<_> = self.variables.keys().collect();
        f.debug_struct("Workspace").field("folder", &self.folder).field("variables", &names).finish()
    }
}

/// A variable of the environment that holds something else than text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotText(pub String);

impl std::fmt::Display for NotText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the environment variable {} is not UTF-8; set it anew or unset it", self.0)
    }
}

impl std::error::Error for NotText {}

impl Workspace {
    /// The current folder, with the variables of this process.
    pub fn here() -> Self {
        Self { folder: PathBuf::from("."), variables: std::env::vars_os().collect() }
    }

    /// A folder, without any variable: nothing of a user's home is read.
    pub fn of(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), variables: BTreeMap::new() }
    }

    /// Sets a variable, such as `HOME`, `XDG_CACHE_HOME`, `HARNESS_PLUGINS`, `HARNESS_POLICY`, `ALFWORLD_DATA`, `OPENAI_BASE_URL`.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// A variable that is set, whatever it holds.
    pub fn var_os(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// A variable that is set to some text; `None` also where it is empty.
    ///
    /// # Errors
    ///
    /// It holds something that is not UTF-8.
    pub fn var(&self, name: &str) -> Result<Option<&str>, NotText> {
        let Some(value) = self.var_os(name) else { return Ok(None) };
        let text = value.to_str().ok_or_else(|| NotText(name.to_owned()))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A variable that names a path.
    pub fn var_path(&self, name: &str) -> Option<PathBuf> {
        self.var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    fn home(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        self.var_path(variable).or_else(|| self.var_path("HOME").map(|home| home.join(below_home)))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The workspace's record.
    pub fn record(&self) -> PathBuf {
        self.folder.join(".harness/record.sqlite")
    }

    /// Where it is said which process works on what.
    pub fn locks(&self) -> PathBuf {
        self.folder.join(".harness/locks")
    }

    /// What the user decided and this program keeps for this workspace, in a folder that no pack and no command of a model writes:
    /// `workspaces/KEY` in `$XDG_STATE_HOME/harness`, else in `~/.local/state/harness`; the key is of the workspace's path. `None` where
    /// there is no home.
    pub fn decisions(&self) -> Option<PathBuf> {
        Some(harness_host::decisions(&self.state()?, &self.folder))
    }

    /// The user's state folder.
    pub fn state(&self) -> Option<PathBuf> {
        Some(self.home("XDG_STATE_HOME", ".local/state")?.join("harness"))
    }

    /// Where versions before kept the workspace's packs that were given up: what it names stays out until it is released.
    pub fn former_quarantine(&self) -> PathBuf {
        self.folder.join(".harness/quarantine.json")
    }

    /// The lock of the workspace's packs.
    pub fn lock(&self) -> PathBuf {
        self.folder.join("harness.lock")
    }

    /// The folder of the workspace's packs.
    pub fn plugins(&self) -> PathBuf {
        self.folder.join(".harness/plugins")
    }

    /// Where reports of evolutions are written, a folder a run.
    pub fn reports(&self) -> PathBuf {
        self.folder.join(".harness/evolve")
    }

    /// The machine's policy on packs: `$HARNESS_POLICY`, else `policy.toml` in `$XDG_CONFIG_HOME/harness`, else in `~/.config/harness`.
    /// Nowhere else: a folder that others may write to would let them trust themselves.
    pub fn policy(&self) -> Option<PathBuf> {
        self.var_path("HARNESS_POLICY")
            .or_else(|| Some(self.home("XDG_CONFIG_HOME", ".config")?.join("harness/policy.toml")))
    }

    /// The user's cache (`$XDG_CACHE_HOME/harness`, else `~/.cache/harness`): weights, benchmark data, private copies of packs.
    pub fn cache(&self) -> PathBuf {
        self.home("XDG_CACHE_HOME", ".cache").unwrap_or_else(std::env::temp_dir).join("harness")
    }

    /// The user's data directory, in which `harness/plugins` is searched for packs.
    pub fn data(&self) -> Option<PathBuf> {
        self.home("XDG_DATA_HOME", ".local/share")
    }
}
