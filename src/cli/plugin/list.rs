//! `harness plugin list`: what is installed, where it lies, and what was refused.

use std::fmt::Write;

use harness::{
    App, Failure,
    app::pack::{ListedPack, ModuleLine, list},
};

use crate::cli::{Global, output};

/// Shows the list.
pub fn run(app: &App, global: &Global) -> Result<(), Failure> {
    let listed = list(app)?;
    if global.json {
        return output::json(&listed);
    }
    let mut text = String::new();
    for pack in &listed.packs {
        describe(&mut text, pack);
    }
    for (index, file) in listed.refused.iter().enumerate() {
        text += if index == 0 { "refused:\n" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}", file.text);
    }
    text += "searched:";
    for folder in &listed.searched {
        let _ = write!(text, "\n  {}{}", folder.display(), if folder.is_dir() { "" } else { " (not there)" });
    }
    output::line(text)
}

fn describe(text: &mut String, pack: &ListedPack) {
    let place = match (&pack.path, &pack.sha256) {
        (Some(path), Some(sha256)) => format!("{}, sha256 {}…", path.display(), sha256.get(..12).unwrap_or(sha256)),
        _ => "built in".to_owned(),
    };
    let trust = match (pack.signer, pack.isolation) {
        (Some(signer), Some(isolation)) => {
            let who = pack.trusted_as.as_ref().map_or_else(|| signer.to_owned(), |name| format!("signed by {name}"));
            format!(", {who}, {isolation}")
        }
        _ => String::new(),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{} {} — {}\n  {place}{trust}", pack.name, pack.version, output::flat(&pack.description));
    match &pack.quarantine {
        Ok(Some(reason)) => {
            let (reason, name) = (output::flat(reason), &pack.name);
            let _ = writeln!(text, "  in quarantine: {reason}; `harness plugin release {name}` lets it out");
        }
        Ok(None) => {}
        Err(error) => {
            let _ = writeln!(text, "  perhaps in quarantine: {error}");
        }
    }
    let width = |of: fn(&ModuleLine) -> usize| pack.modules.iter().map(of).max().unwrap_or_default();
    let (names, kinds) = (width(|module| module.name.len()), width(|module| module.kind_and_role().len()));
    for module in &pack.modules {
        let _ = writeln!(
            text,
            "    {:<names$}  {:<kinds$}  {}",
            module.name,
            module.kind_and_role(),
            output::flat(&module.summary)
        );
    }
}
