//! `harness plugin inspect`: everything a pack says of itself.

use std::{fmt::Write, path::PathBuf};

use clap::Args;
use harness::{
    App, Failure,
    app::pack::{Inspected, ModuleLine, inspect},
    spec::{Field, Module, Vocabulary},
};
use harness_terminal::line;

use crate::cli::{Global, output};

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
pub fn run(app: &App, global: &Global, args: &InspectArgs) -> Result<(), Failure> {
    let inspected = inspect(app, &args.what)?;
    if global.json { output::json(&inspected) } else { output::line(text(&inspected)) }
}

fn text(inspected: &Inspected) -> String {
    let (pack, file) = (&inspected.manifest, inspected.file.as_ref());
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
    let mut text = format!("\n{} — {}, {}\n", module.name, ModuleLine::of(module).kind_and_role(), module.dimension);
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
