//! `harness plugin inspect`: everything a pack says of itself, read from its file. Never loads it.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use clap::Args;
use harness_host::{Host, Inspected};
use harness_spec::{Field, Module, PackManifest, Version, Vocabulary, nearest};
use harness_terminal::line;
use serde_json::{Value, json};

use super::{Global, list::kind};
use crate::{failure::Failure, output, wire};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin inspect ./libpack.so
  harness plugin inspect routers
  harness plugin inspect routers@0.1.0 --json")]
pub struct InspectArgs {
    /// A .so file, or the name of an installed pack (NAME or NAME@VERSION)
    #[arg(value_name = "FILE|NAME")]
    what: String,
}

/// Shows the pack.
pub fn run(global: &Global, args: &InspectArgs) -> Result<(), Failure> {
    let path = Path::new(&args.what);
    if args.what.contains('/') || args.what.ends_with(".so") || path.is_file() {
        let file = harness_host::inspect(path)?;
        return show(global, &file.manifest, Some(&file));
    }
    let host = wire::host(&global.plugins)?;
    let pack = find(&host, &args.what)?;
    show(global, pack, host.file(&pack.pack.name, pack.pack.version))
}

/// The installed pack of that name; without a version, the highest.
fn find<'a>(host: &'a Host, what: &str) -> Result<&'a PackManifest, Failure> {
    let (name, version) = match what.split_once('@') {
        Some((name, version)) => (name, Some(version.parse::<Version>().map_err(Failure::input)?)),
        None => (what, None),
    };
    let fits =
        |pack: &&PackManifest| pack.pack.name == name && version.is_none_or(|version| version == pack.pack.version);
    host.catalogue().packs().filter(fits).last().ok_or_else(|| {
        let names = host.catalogue().packs().map(|pack| pack.pack.name.as_str());
        let hint = match nearest(name, names) {
            Some(near) => format!("did you mean `{near}`? `harness plugin list` shows all"),
            None => "`harness plugin list` shows what is installed; a file is named by its path".to_owned(),
        };
        Failure::input(format!("no pack `{what}` is installed")).hint(hint)
    })
}

fn show(global: &Global, pack: &PackManifest, file: Option<&Inspected>) -> Result<(), Failure> {
    if global.json { output::json(&object(pack, file)?) } else { output::line(text(pack, file)) }
}

fn object(pack: &PackManifest, file: Option<&Inspected>) -> Result<Value, Failure> {
    let mut object = serde_json::to_value(pack).map_err(Failure::new)?;
    if let Some(modules) = object["module"].as_array_mut() {
        for (value, module) in modules.iter_mut().zip(&pack.modules) {
            value["config_schema"] = module.json_schema();
        }
    }
    object["path"] = json!(file.map(|file| &file.path));
    object["sha256"] = json!(file.map(|file| &file.sha256));
    object["size"] = json!(file.map(|file| file.size));
    Ok(object)
}

fn text(pack: &PackManifest, file: Option<&Inspected>) -> String {
    let mut text = format!("{} {} — {}\n", pack.pack.name, pack.pack.version, output::flat(&pack.pack.description));
    let mut row = |key: &str, value: String| {
        if !value.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {key:<12} {}", line(value));
        }
    };
    let path = file.map_or_else(PathBuf::new, |file| file.path.clone());
    row("file", file.map_or("built in".to_owned(), |file| format!("{} ({} bytes)", path.display(), file.size)));
    row("sha256", file.map_or_else(String::new, |file| file.sha256.clone()));
    row("publisher", pack.pack.publisher.clone().unwrap_or_default());
    row("interface", pack.pack.abi.to_string());
    row("permissions", or_none(&names(&pack.permissions())));
    for module in &pack.modules {
        text += &describe(module);
    }
    text.truncate(text.trim_end().len());
    text
}

fn describe(module: &Module) -> String {
    let mut text = format!("\n{} — {}, {}\n", module.name, kind(module), module.dimension);
    let mut row = |key: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {key:<12} {}", line(value));
        }
    };
    row("", &output::flat(&module.summary));
    row("hooks", &names(&module.hooks));
    if !module.hooks.is_empty() {
        row("order", module.order.name());
    }
    row("after", &module.after.join(", "));
    row("addresses", &module.addresses.join(", "));
    row("needs", &names(&module.needs));
    row("provides", &names(&module.provides));
    row("permissions", &or_none(&names(&module.permissions)));
    let traits = [("blocking", module.blocking), ("deterministic", module.deterministic), ("shared", module.shared)];
    let traits: Vec<&str> = traits.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect();
    row("is", &traits.join(", "));
    for (name, field) in &module.config {
        row("config", &format!("{name}: {}", output::flat(&setting(field))));
    }
    text
}

/// A config field in one line: what it must be, its default, what an evolver may do, what it is for.
fn setting(field: &Field) -> String {
    let mut text = field.expects();
    if field.required {
        text += "; required";
    }
    if let Some(default) = &field.default {
        text += &format!("; default {default}");
    }
    if field.tunable {
        text += "; tunable";
        if !field.variants.is_empty() {
            text += &format!(", {} ready values", field.variants.len());
        }
    }
    if !field.description.is_empty() {
        text += &format!(" — {}", field.description);
    }
    text
}

fn names<V: Vocabulary>(all: &[V]) -> String {
    all.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ")
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { text.to_owned() }
}
