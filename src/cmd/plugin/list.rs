//! `harness plugin list`: what is installed, where it lies, and what was refused. Never loads a pack.

use std::fmt::Write;

use harness_host::{Host, HostError};
use harness_spec::{Module, PackManifest, Vocabulary};
use serde_json::{Value, json};

use super::{Global, review};
use crate::{failure::Failure, output, wire};

/// Shows the list.
pub fn run(global: &Global) -> Result<(), Failure> {
    let host = wire::host(&global.plugins)?;
    let folders = wire::folders(&global.plugins);
    if global.json {
        let packs: Vec<Value> = host.catalogue().packs().map(|pack| object(&host, pack)).collect();
        let refused: Vec<Value> = host.refused().iter().map(refusal).collect();
        return output::json(&json!({"packs": packs, "refused": refused, "searched": folders}));
    }
    let mut text = String::new();
    for pack in host.catalogue().packs() {
        describe(&mut text, &host, pack);
    }
    for (index, error) in host.refused().iter().enumerate() {
        text += if index == 0 { "refused:\n" } else { "" };
        let _ = writeln!(text, "  {error}");
    }
    text += "searched:";
    for folder in folders {
        let _ = write!(text, "\n  {}{}", folder.display(), if folder.is_dir() { "" } else { " (not there)" });
    }
    output::line(text)
}

/// `kind`, and the role where there is one.
pub fn kind(module: &Module) -> String {
    let kind = Vocabulary::name(module.kind);
    module.role.as_ref().map_or_else(|| kind.to_owned(), |role| format!("{kind} ({role})"))
}

fn describe(text: &mut String, host: &Host, pack: &PackManifest) {
    let place = host.file(&pack.pack.name, pack.pack.version).map_or_else(
        || "built in".to_owned(),
        |file| format!("{}, sha256 {}…", file.path.display(), file.sha256.get(..12).unwrap_or(&file.sha256)),
    );
    let trust = host.trust(&pack.pack.name, pack.pack.version).map_or_else(String::new, |trust| {
        let who = trust
            .publisher
            .as_ref()
            .map_or_else(|| review::signer(&trust.signer).to_owned(), |name| format!("signed by {name}"));
        format!(", {who}, {}", trust.isolation)
    });
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} {} — {}\n  {place}{trust}",
        pack.pack.name,
        pack.pack.version,
        output::flat(&pack.pack.description)
    );
    match host.quarantine(&pack.pack.name, pack.pack.version) {
        Ok(Some(reason)) => {
            let name = &pack.pack.name;
            let _ = writeln!(
                text,
                "  in quarantine: {}; `harness plugin release {name}` lets it out",
                output::flat(&reason)
            );
        }
        Ok(None) => {}
        Err(error) => {
            let _ = writeln!(text, "  perhaps in quarantine: {error}");
        }
    }
    let width = |of: fn(&Module) -> usize| pack.modules.iter().map(of).max().unwrap_or_default();
    let (names, kinds) = (width(|module| module.name.len()), width(|module| kind(module).len()));
    for module in &pack.modules {
        let _ =
            writeln!(text, "    {:<names$}  {:<kinds$}  {}", module.name, kind(module), output::flat(&module.summary));
    }
}

fn object(host: &Host, pack: &PackManifest) -> Value {
    let file = host.file(&pack.pack.name, pack.pack.version);
    let trust = host.trust(&pack.pack.name, pack.pack.version);
    let modules: Vec<Value> = pack
        .modules
        .iter()
        .map(|module| {
            json!({
                "name": module.name, "kind": module.kind, "role": module.role, "dimension": module.dimension,
                "summary": module.summary,
            })
        })
        .collect();
    json!({
        "name": pack.pack.name, "version": pack.pack.version, "publisher": pack.pack.publisher,
        "description": pack.pack.description, "path": file.map(|file| &file.path),
        "sha256": file.map(|file| &file.sha256), "size": file.map(|file| file.size),
        "quarantine": host.quarantine(&pack.pack.name, pack.pack.version).unwrap_or_else(|error| Some(error.to_string())), "modules": modules,
        "signer": trust.map(|trust| review::signer(&trust.signer)), "key": trust.and_then(|trust| trust.signer.key()),
        "trusted_as": trust.and_then(|trust| trust.publisher.as_ref()),
        "isolation": host.isolation(&pack.pack.name, pack.pack.version),
    })
}

fn refusal(error: &HostError) -> Value {
    match error {
        HostError::Refused { path, refusal } => json!({"path": path, "reason": refusal.to_string()}),
        other => json!({"path": null, "reason": other.to_string()}),
    }
}
