//! The machine's policy on packs: read from the user's own configuration, extended by `harness plugin trust`. Refuses to look for
//! one in the workspace.

use std::path::{Path, PathBuf};

use harness_files::Folder;
use harness_spec::{Policy, PublicKey, Publisher};

use crate::{
    Failure, Workspace,
    replace::{change, unwritten},
};

/// The policy; without a file nobody is trusted.
///
/// # Errors
///
/// If there is a file and it cannot be read or understood: then nobody is let in.
pub(crate) fn policy(workspace: &Workspace) -> Result<Policy, Failure> {
    let Some(path) = workspace.policy() else { return Ok(Policy::default()) };
    match harness_files::read_text(&path, harness_files::MOST_TEXT) {
        Ok(text) => parse(&path, &text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Policy::default()),
        Err(error) => Err(Failure::input(format!("{}: {error}", path.display()))),
    }
}

fn parse(path: &Path, text: &str) -> Result<Policy, Failure> {
    Policy::parse(text).map_err(|error| Failure::input(format!("{}: {error}", path.display())))
}

/// Adds a publisher at the end of the file, and says which that is; what a person wrote there stays as it is, and what other processes
/// add meanwhile stays too.
///
/// # Errors
///
/// If the key is trusted already, or the file cannot be read, understood or written: it is then as it was.
pub(crate) fn trust(workspace: &Workspace, publisher: Publisher) -> Result<PathBuf, Failure> {
    let path = writable(workspace)?;
    let add = |former: Option<String>| {
        let former = former.unwrap_or_default();
        if let Some(known) = parse(&path, &former)?.publisher(&publisher.key) {
            return Err(Failure::input(format!("this key is trusted already, as `{}`", known.name)));
        }
        let addition = Policy { publishers: vec![publisher], ..Policy::default() }.to_toml();
        let gap = if former.is_empty() || former.ends_with("\n\n") { "" } else { "\n" };
        let text = format!("{former}{gap}{addition}");
        parse(&path, &text)?;
        Ok((text, ()))
    };
    change(&path, add)?;
    Ok(path)
}

/// The file, in a folder that is there.
fn writable(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let path = workspace
        .policy()
        .ok_or_else(|| Failure::new("no home to keep a policy in").hint("set $HOME, or $HARNESS_POLICY to a file"))?;
    // The user's own configuration may be a link to where it is kept; nobody who is confined writes there.
    let path = path.canonicalize().unwrap_or(path);
    if let Some(folder) = path.parent() {
        Folder::open_private(folder).map_err(unwritten(&path))?;
    }
    Ok(path)
}

/// Writes down that the key in a variable may be sent to a host; what a person wrote stays as it is.
///
/// # Errors
///
/// The file cannot be read, understood or written: it is then as it was.
pub(crate) fn bind(workspace: &Workspace, variable: &str, host: &str) -> Result<(), Failure> {
    let path = writable(workspace)?;
    change(&path, |former| {
        let former = former.unwrap_or_default();
        let mut hosts = parse(&path, &former)?.keys.remove(variable).unwrap_or_default();
        if !hosts.iter().any(|known| known == host) {
            hosts.push(host.to_owned());
        }
        let fail = |error: toml_edit::TomlError| Failure::input(format!("{}: {error}", path.display()));
        let mut document: toml_edit::DocumentMut = former.parse().map_err(fail)?;
        document["keys"][variable] = toml_edit::value(hosts.into_iter().collect::<toml_edit::Array>());
        if let Some(keys) = document["keys"].as_inline_table_mut() {
            // A table of its own is what a person expects to find.
            document["keys"] = toml_edit::Item::Table(std::mem::take(keys).into_table());
        }
        let text = document.to_string();
        parse(&path, &text)?;
        Ok((text, ()))
    })
}

/// The key a person names: itself, or a `.pub` file that holds it.
pub(crate) fn key(named: &str) -> Result<PublicKey, Failure> {
    if let Ok(key) = named.parse() {
        return Ok(key);
    }
    let text = harness_files::read_text(Path::new(named), harness_files::MOST_TEXT).map_err(|error| {
        Failure::input(format!("`{named}` is neither a publisher's key nor a file that holds one: {error}"))
            .hint("`harness plugin keygen` makes one; a key begins with RW")
    })?;
    text.parse().map_err(|error| Failure::input(format!("{named}: {error}")))
}
