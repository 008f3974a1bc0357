//! `harness edit`: edits of a harness from the command line. Comments and layout stay; an edit is applied whole or not at all, and
//! only if what comes out fits what is installed.

use std::path::PathBuf;

use clap::Args;
use harness_abi::Kind;
use harness_core::AssembleError;
use harness_host::Host;
use harness_spec::{
    Catalogue, Change, Edit, FieldType, Harness, ModuleRef, Place, Position, Setting, SpecProblem, Vocabulary, check,
    diff,
};
use serde_json::{Value, json};

use super::Global;
use crate::{failure::Failure, output, replace::replace, wire};

/// Change a harness file, keeping its layout; or compare two
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness edit my.toml --set budget.steps=10 --set sampling.temperature=0.7
  harness edit my.toml --set router.k=5                     a config field of the module with id router
  harness edit my.toml --set router.k=                      back to its default
  harness edit my.toml --set model.main=openai:llama-3 --set model.main.base_url=http://localhost:8080/v1
  harness edit my.toml --insert std/loop_guard --after system_prompt
  harness edit my.toml --remove notes --dry-run
  harness edit my.toml --diff other.toml                    what leads from one to the other

Removals come first, then insertions, then settings. A value is JSON, or else text.")]
pub struct EditArgs {
    /// The harness
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// Set a config field of a module, a setting (budget.steps, sampling.temperature, action, …) or a model role
    #[arg(long, value_name = "ID.KEY=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Add a processor or a tool
    #[arg(long, value_name = "PACK/MODULE")]
    insert: Vec<ModuleRef>,
    /// Where to insert: after the module of this id; by default at the end
    #[arg(long, value_name = "ID", requires = "insert")]
    after: Option<String>,
    /// Take a processor or a tool out
    #[arg(long, value_name = "ID")]
    remove: Vec<String>,
    /// Show the edit that leads to another file; writes nothing
    #[arg(long, value_name = "OTHER.toml", conflicts_with_all = ["set", "insert", "remove", "dry_run"])]
    diff: Option<PathBuf>,
    /// Show what would be written; write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the subcommand.
pub fn run(global: &Global, args: &EditArgs) -> Result<(), Failure> {
    let before = wire::harness_file(&args.file)?;
    let host = wire::host(&global.plugins)?;
    if let Some(other) = &args.diff {
        let after = wire::harness_file(other)?;
        return show(global, &host, &before, &after, &diff(&before, &after), None);
    }
    let changes = changes(args, &before, host.catalogue())?;
    if changes.is_empty() {
        return Err(Failure::input("no change was given")
            .hint("--set, --insert, --remove or --diff; see `harness edit --help`"));
    }
    let name = args.file.display();
    let edit = Edit::from_changes(&changes, &before).map_err(Failure::input)?;
    let after = edit.apply(&before).map_err(Failure::input)?;
    fits(&after, host.catalogue())?;
    let text =
        std::fs::read_to_string(&args.file).map_err(|error| Failure::input(format!("cannot read {name}: {error}")))?;
    let text = edit.apply_to_file(&text).map_err(|error| Failure::input(format!("{name}: {error}")))?;
    if !args.dry_run {
        replace(&args.file, &text)?;
    }
    show(global, &host, &before, &after, &edit, args.dry_run.then_some(&*text))
}

/// A file may leave the model to the command line; everything else must fit.
fn fits(harness: &Harness, catalogue: &Catalogue) -> Result<(), Failure> {
    let mut errors = check(harness, catalogue).err().unwrap_or_default();
    errors.retain(|error| !matches!(*error.problem, SpecProblem::NoMain));
    if errors.is_empty() { Ok(()) } else { Err(AssembleError::Spec(errors).into()) }
}

fn show(
    global: &Global,
    host: &Host,
    before: &Harness,
    after: &Harness,
    edit: &Edit,
    draft: Option<&str>,
) -> Result<(), Failure> {
    let id = |harness: &Harness| harness.variant_id(host.catalogue());
    let (old, new) = (id(before), id(after));
    if global.json {
        return output::json(&json!({
            "before": old.to_string(), "after": new.to_string(), "edit": edit, "words": edit.to_string(), "text": draft,
        }));
    }
    output::line(format_args!("{} → {}", old.short(), new.short()))?;
    output::line(edit)?;
    draft.map_or(Ok(()), |text| output::line(format_args!("not written (--dry-run):\n\n{}", text.trim_end())))
}

fn changes(args: &EditArgs, harness: &Harness, catalogue: &Catalogue) -> Result<Vec<Change>, Failure> {
    let mut changes = Vec::new();
    for id in &args.remove {
        changes.push(Change::Remove { place: place_of(harness, id), id: id.clone() });
    }
    let mut after = args.after.clone();
    for module in &args.insert {
        let place = match catalogue.lookup(module).map_err(harness_host::HostError::from)?.module.kind {
            Kind::Processor => Place::Processor,
            Kind::Tool => Place::Tool,
            other => {
                let kind = Vocabulary::name(other);
                return Err(Failure::input(format!(
                    "`{module}` is a {kind}; only processors and tools can be inserted"
                ))
                .hint("a model is set: --set model.main=NAME"));
            }
        };
        let at = after.map_or(Position::Last, Position::After);
        // The next one comes behind this one.
        after = args.after.is_some().then(|| module.module.clone());
        changes.push(Change::Insert { place, module: module.clone(), id: None, config: Default::default(), at });
    }
    for set in &args.set {
        // What was just inserted can be configured.
        let now = Edit::from_changes(&changes, harness).and_then(|edit| edit.apply(harness)).map_err(Failure::input)?;
        changes.push(setting(set, &now, catalogue)?);
    }
    Ok(changes)
}

/// Which list an id is in; the processors, where it is in neither.
fn place_of(harness: &Harness, id: &str) -> Place {
    if harness.processor(id).is_none() && harness.tool(id).is_some() { Place::Tool } else { Place::Processor }
}

fn setting(set: &str, harness: &Harness, catalogue: &Catalogue) -> Result<Change, Failure> {
    let wrong = || {
        Failure::input(format!("--set takes ID.KEY=VALUE, got `{set}`"))
            .hint("for example --set budget.steps=10 or --set router.k=5; no VALUE means the default")
    };
    let (path, text) = set.split_once('=').ok_or_else(wrong)?;
    if let Some(key) = Setting::from_name(path) {
        return Ok(Change::Set { key, value: value(text, key == Setting::Action) });
    }
    let (id, key) = path.split_once('.').ok_or_else(wrong)?;
    if id == "model" {
        return model(key, text, harness, catalogue);
    }
    let place = place_of(harness, id);
    let spec = harness.processor(id).or_else(|| harness.tool(id));
    let is_text = spec.is_some_and(|spec| is_text(&spec.module, key, catalogue));
    Ok(Change::Configure { place, id: id.to_owned(), key: key.to_owned(), value: value(text, is_text) })
}

/// `ROLE` is given a model by name; `ROLE.KEY` sets a config field of the one it has.
fn model(path: &str, text: &str, harness: &Harness, catalogue: &Catalogue) -> Result<Change, Failure> {
    let Some((role, key)) = path.split_once('.') else {
        let model = (!text.is_empty()).then(|| wire::model(text)).transpose()?;
        return Ok(Change::Model { role: path.to_owned(), model });
    };
    let mut model = harness.models.get(role).cloned().ok_or_else(|| {
        Failure::input(format!("no model serves the role `{role}`"))
            .hint(format!("give it one: --set model.{role}=NAME"))
    })?;
    match value(text, is_text(&model.module, key, catalogue)) {
        Some(value) => model.config.insert(key.to_owned(), value),
        None => model.config.remove(key),
    };
    Ok(Change::Model { role: role.to_owned(), model: Some(model) })
}

fn is_text(module: &ModuleRef, key: &str, catalogue: &Catalogue) -> bool {
    let field = catalogue.lookup(module).ok().and_then(|entry| entry.module.config.get(key));
    field.is_some_and(|field| field.field_type == FieldType::String)
}

/// Nothing is the default; what a text field is given need not be quoted, whatever it looks like.
fn value(text: &str, is_text: bool) -> Option<Value> {
    if text.is_empty() {
        return None;
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) if !is_text || value.is_string() => Some(value),
        _ => Some(text.into()),
    }
}
