//! The machine's policy on packs: read from the user's own configuration, extended by `harness plugin trust`. Refuses to look for
//! one in the workspace.

use std::path::{Path, PathBuf};

use harness_spec::{Policy, PublicKey, Publisher};

use crate::{failure::Failure, paths, replace::replace};

/// The policy; without a file nobody is trusted.
pub fn policy() -> Result<Policy, Failure> {
    let Some(path) = paths::policy() else { return Ok(Policy::default()) };
    match std::fs::read_to_string(&path) {
        Ok(text) => parse(&path, &text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Policy::default()),
        Err(error) => Err(Failure::input(format!("{}: {error}", path.display()))),
    }
}

fn parse(path: &Path, text: &str) -> Result<Policy, Failure> {
    Policy::parse(text).map_err(|error| Failure::input(format!("{}: {error}", path.display())))
}

/// Adds a publisher at the end of the file, and says which that is; what a person wrote there stays as it is.
pub fn trust(publisher: Publisher) -> Result<PathBuf, Failure> {
    let path = paths::policy()
        .ok_or_else(|| Failure::new("no home to keep a policy in").hint("set $HOME, or $HARNESS_POLICY to a file"))?;
    let former = std::fs::read_to_string(&path).unwrap_or_default();
    let addition = Policy { publishers: vec![publisher], ..Policy::default() }.to_toml();
    let gap = if former.is_empty() || former.ends_with("\n\n") { "" } else { "\n" };
    let text = format!("{former}{gap}{addition}");
    parse(&path, &text)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::new(format!("cannot make {}: {error}", folder.display())))?;
    }
    replace(&path, &text)?;
    Ok(path)
}

/// The key a person names: itself, or a `.pub` file that holds it.
pub fn key(named: &str) -> Result<PublicKey, Failure> {
    if let Ok(key) = named.parse() {
        return Ok(key);
    }
    let text = std::fs::read_to_string(named).map_err(|error| {
        Failure::input(format!("`{named}` is neither a publisher's key nor a file that holds one: {error}"))
            .hint("`harness plugin keygen` makes one; a key begins with RW")
    })?;
    text.parse().map_err(|error| Failure::input(format!("{named}: {error}")))
}
