//! Edits of a harness file. Comments and layout stay; an edit is applied whole or not at all, and only if what comes out fits what is
//! installed.

use std::path::PathBuf;

use harness_abi::Kind;
use harness_core::AssembleError;
use harness_spec::{
    Catalogue, Change, Edit, FieldType, Harness, ModuleRef, Place, Position, Setting, SpecProblem, VariantId,
    Vocabulary, check,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{App, folder_trust, hosts, models};
use crate::{Control, Failure, Workspace, replace::replace};

/// Changes of a harness file: removals come first, then insertions, then settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditRequest {
    /// The harness file.
    pub file: PathBuf,
    /// `ID.KEY=VALUE`: a config field of a module, a setting such as `budget.steps`, or a model role (`model.ROLE`). The value is JSON, or
    /// else text; without one the default comes back.
    #[serde(default)]
    pub set: Vec<String>,
    /// Processors and tools to add.
    #[serde(default)]
    pub insert: Vec<ModuleRef>,
    /// The id of the module to add them after; by default at the end.
    #[serde(default)]
    pub after: Option<String>,
    /// Ids of processors and tools to take out.
    #[serde(default)]
    pub remove: Vec<String>,
    /// Whether nothing is written.
    #[serde(default)]
    pub dry_run: bool,
}

/// An edit of a harness.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Edited {
    /// The variant's id before.
    pub before: String,
    /// The variant's id after.
    pub after: String,
    /// The edit.
    pub edit: Edit,
    /// The edit in words.
    pub words: String,
    /// What would be written, where nothing was.
    pub text: Option<String>,
    /// Both ids, short enough for a person.
    #[serde(skip)]
    pub short: [String; 2],
}

impl Edited {
    fn new(catalogue: &Catalogue, before: &Harness, after: &Harness, edit: Edit, text: Option<String>) -> Self {
        let [old, new]: [VariantId; 2] = [before, after].map(|harness| harness.variant_id(catalogue));
        Self {
            before: old.to_string(),
            after: new.to_string(),
            words: edit.to_string(),
            edit,
            text,
            short: [old.short().to_string(), new.short().to_string()],
        }
    }
}

/// Changes the file.
///
/// # Errors
///
/// No change was given, what comes out does not fit what is installed, the file cannot be written, or it was cancelled.
pub fn edit(app: &App, request: &EditRequest, control: &Control) -> Result<Edited, Failure> {
    let before = hosts::harness_file(&request.file)?;
    let host = app.host()?;
    let changes = changes(app.workspace(), request, &before, host.catalogue())?;
    if changes.is_empty() {
        return Err(Failure::input("no change was given")
            .hint("--set, --insert, --remove or --diff; see `harness edit --help`"));
    }
    let name = request.file.display();
    let edit = Edit::from_changes(&changes, &before).map_err(Failure::input)?;
    let after = edit.apply(&before).map_err(Failure::input)?;
    fits(&after, host.catalogue())?;
    let text = std::fs::read_to_string(&request.file)
        .map_err(|error| Failure::input(format!("cannot read {name}: {error}")))?;
    let text = edit.apply_to_file(&text).map_err(|error| Failure::input(format!("{name}: {error}")))?;
    control.check()?;
    if !request.dry_run {
        replace(&request.file, &text)?;
        folder_trust::edited(app, &host, &request.file, &before, &after)?;
    }
    Ok(Edited::new(host.catalogue(), &before, &after, edit, request.dry_run.then_some(text)))
}

/// Two harness files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareFilesRequest {
    /// The one.
    pub file: PathBuf,
    /// The other.
    pub other: PathBuf,
}

/// The edit that leads from one file to another; writes nothing.
///
/// # Errors
///
/// A file cannot be read.
pub fn diff(app: &App, request: &CompareFilesRequest) -> Result<Edited, Failure> {
    let (before, host) = (hosts::harness_file(&request.file)?, app.host()?);
    let after = hosts::harness_file(&request.other)?;
    let edit = harness_spec::diff(&before, &after);
    Ok(Edited::new(host.catalogue(), &before, &after, edit, None))
}

/// A file may leave the model to the command line; everything else must fit.
fn fits(harness: &Harness, catalogue: &Catalogue) -> Result<(), Failure> {
    let mut errors = check(harness, catalogue).err().unwrap_or_default();
    errors.retain(|error| !matches!(*error.problem, SpecProblem::NoMain));
    if errors.is_empty() { Ok(()) } else { Err(AssembleError::Spec(errors).into()) }
}

fn changes(
    workspace: &Workspace,
    request: &EditRequest,
    harness: &Harness,
    catalogue: &Catalogue,
) -> Result<Vec<Change>, Failure> {
    let mut changes = Vec::new();
    for id in &request.remove {
        changes.push(Change::Remove { place: place_of(harness, id), id: id.clone() });
    }
    let mut after = request.after.clone();
    for module in &request.insert {
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
        after = request.after.is_some().then(|| module.module.clone());
        changes.push(Change::Insert { place, module: module.clone(), id: None, config: Default::default(), at });
    }
    for set in &request.set {
        // What was just inserted can be configured.
        let now = Edit::from_changes(&changes, harness).and_then(|edit| edit.apply(harness)).map_err(Failure::input)?;
        changes.push(setting(workspace, set, &now, catalogue)?);
    }
    Ok(changes)
}

/// Which list an id is in; the processors, where it is in neither.
fn place_of(harness: &Harness, id: &str) -> Place {
    if harness.processor(id).is_none() && harness.tool(id).is_some() { Place::Tool } else { Place::Processor }
}

fn setting(workspace: &Workspace, set: &str, harness: &Harness, catalogue: &Catalogue) -> Result<Change, Failure> {
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
        return model(workspace, key, text, harness, catalogue);
    }
    let place = place_of(harness, id);
    let spec = harness.processor(id).or_else(|| harness.tool(id));
    let is_text = spec.is_some_and(|spec| is_text(&spec.module, key, catalogue));
    Ok(Change::Configure { place, id: id.to_owned(), key: key.to_owned(), value: value(text, is_text) })
}

/// `ROLE` is given a model by name; `ROLE.KEY` sets a config field of the one it has.
fn model(
    workspace: &Workspace,
    path: &str,
    text: &str,
    harness: &Harness,
    catalogue: &Catalogue,
) -> Result<Change, Failure> {
    let Some((role, key)) = path.split_once('.') else {
        let model = (!text.is_empty()).then(|| models::model_named(workspace, text)).transpose()?;
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
