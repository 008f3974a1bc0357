//! Where things are kept: the workspace's `.harness`, the user's cache, data and configuration directories.

use std::path::PathBuf;

fn home(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set(variable).or_else(|| set("HOME").map(|home| home.join(below_home)))
}

/// The workspace: the current folder.
pub fn workspace() -> PathBuf {
    PathBuf::from(".")
}

/// The workspace's record.
pub fn record() -> PathBuf {
    workspace().join(".harness/record.sqlite")
}

/// Where it is said which process works on what.
pub fn locks() -> PathBuf {
    workspace().join(".harness/locks")
}

/// What the user decided and this program keeps for the present workspace, in a folder that no pack and no command of a model writes:
/// `workspaces/KEY` in `$XDG_STATE_HOME/harness`, else in `~/.local/state/harness`; the key is of the workspace's path. `None` where there
/// is no home.
pub fn decisions() -> Option<PathBuf> {
    Some(harness_host::decisions(&state()?, &workspace()))
}

/// The user's state folder.
pub fn state() -> Option<PathBuf> {
    Some(home("XDG_STATE_HOME", ".local/state")?.join("harness"))
}

/// Where versions before kept the workspace's packs that were given up: what it names stays out until it is released.
pub fn former_quarantine() -> PathBuf {
    workspace().join(".harness/quarantine.json")
}

/// The lock of the workspace's packs.
pub fn lock() -> PathBuf {
    workspace().join("harness.lock")
}

/// The folder of the workspace's packs.
pub fn plugins() -> PathBuf {
    workspace().join(".harness/plugins")
}

/// The machine's policy on packs: `$HARNESS_POLICY`, else `policy.toml` in `$XDG_CONFIG_HOME/harness`, else in `~/.config/harness`.
/// Nowhere else: a folder that others may write to would let them trust themselves.
pub fn policy() -> Option<PathBuf> {
    let named = std::env::var_os("HARNESS_POLICY").filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(home("XDG_CONFIG_HOME", ".config")?.join("harness/policy.toml")))
}

/// The user's cache (`$XDG_CACHE_HOME/harness`, else `~/.cache/harness`): weights, benchmark data, private copies of packs.
pub fn cache() -> PathBuf {
    home("XDG_CACHE_HOME", ".cache").unwrap_or_else(std::env::temp_dir).join("harness")
}

/// The user's data directory, in which `harness/plugins` is searched for packs.
pub fn data() -> Option<PathBuf> {
    home("XDG_DATA_HOME", ".local/share")
}
