//! Edits a model writes itself: prompts in its own words, values, modules, rules, several changes at once. They are typed,
//! admitted and reviewed like all others, and get at most half of the places.

use std::collections::BTreeSet;
use std::fmt::Write;

use harness_spec::{Change, Config, Module, ModuleRef, ModuleSpec, Place, Setting, VariantId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::planner::{described, failures, tried as tried_text};
use super::{Meta, MetaClient, Question, Stage};
use crate::admission::candidate;
use crate::candidate::{Candidate, Origin};
use crate::categories::Category;
use crate::claims::claims;
use crate::config::EditKind;
use crate::digest::TaskDigest;
use crate::error::EvolveError;
use crate::ledger::Ledger;
use crate::propose::{Evolver, proposals};
use crate::view::{Direction, View};

/// Directions shown.
const SHOWN: usize = 16;

/// The catalogue's proposals; the model's own first, where there is one.
pub struct MetaEvolver<'a, M, L> {
    pub(super) client: Option<&'a MetaClient<'a, M, L>>,
}

#[derive(Deserialize)]
struct Edits {
    edits: Vec<Wish>,
}

#[derive(Deserialize)]
struct Wish {
    changes: Vec<Value>,
    #[serde(default)]
    category: String,
}

impl<M: Meta, L: Ledger> Evolver for MetaEvolver<'_, M, L> {
    async fn propose(
        &self,
        view: View<'_>,
        directions: &[Direction],
        digests: &[TaskDigest],
        tried: &BTreeSet<VariantId>,
        most: usize,
    ) -> Result<Vec<Candidate>, EvolveError> {
        let Some(client) = self.client else { return Ok(proposals(view, directions, digests, tried, most)) };
        let own = client.ask::<Edits>(&question(view, directions, most.div_ceil(2))).await?;
        let mut met = tried.clone();
        let mut candidates = Vec::new();
        for wish in own.into_iter().flat_map(|answer| answer.edits) {
            let made = made(view, digests, &wish).filter(|candidate| met.insert(candidate.variant));
            candidates.extend(made.filter(|_| candidates.len() < most.div_ceil(2)));
        }
        let rest = most - candidates.len();
        candidates.extend(proposals(view, directions, digests, &met, rest));
        Ok(candidates)
    }
}

/// A candidate of what a model wishes; `None` for what is no edit, or none that is allowed.
fn made(view: View<'_>, digests: &[TaskDigest], wish: &Wish) -> Option<Candidate> {
    let changes: Vec<Change> =
        wish.changes.iter().map(|change| serde_json::from_value(change.clone()).ok()).collect::<Option<_>>()?;
    let kinds: Vec<EditKind> = changes.iter().map(|change| allowed(view, change)).collect::<Option<_>>()?;
    let category = Category::from(wish.category.clone());
    let category = view.landscape.cluster(&category).map(|cluster| cluster.category.clone());
    let of = |change: &Change, kind: EditKind| {
        let (module, place, target) = subject(view, change);
        let (category, wishes) = (category.clone(), vec![changes.clone()]);
        Direction { kind, module, place, target, wishes, category, score: 0.0, untried: false }
    };
    let (first, others) = changes.split_first()?;
    let mut manifest = claims(view, &of(first, *kinds.first()?), &changes, digests);
    for (change, kind) in others.iter().zip(kinds.iter().skip(1)) {
        let more = claims(view, &of(change, *kind), &[], digests);
        manifest.directions.extend(more.directions);
        manifest.modules.extend(more.modules);
        manifest.capability.extend(more.capability);
    }
    candidate(view, changes, Origin::Proposed, manifest)
}

/// The kind of a change, if it is one this run may make: of an allowed kind, from an allowed pack, on fields its module
/// lets be tuned.
fn allowed(view: View<'_>, change: &Change) -> Option<EditKind> {
    let module = |reference: &ModuleRef| view.catalogue.lookup(reference).ok().map(|entry| entry.module);
    let tunable =
        |module: &Module, key: &str| module.config.get(key).is_some_and(|field| field.tunable || field.required);
    let brings = |reference: &ModuleRef, config: &Config| {
        let module = module(reference).filter(|_| view.config.allows_pack(&reference.pack))?;
        config.keys().all(|key| tunable(module, key)).then_some(())
    };
    let kind = match change {
        Change::Insert { module, config, .. } => brings(module, config).map(|()| EditKind::Insert),
        Change::Replace { module, config, .. } => brings(module, config).map(|()| EditKind::Replace),
        Change::Remove { .. } => Some(EditKind::Remove),
        Change::Configure { place, id, key, .. } => {
            module(&placed(view, *place, id)?.module).filter(|module| tunable(module, key)).map(|_| EditKind::Configure)
        }
        Change::Set { key: Setting::Steps | Setting::Tokens | Setting::Seconds | Setting::Cost, .. } => {
            Some(EditKind::Budget)
        }
        // A seed of its own would make luck a part of the harness.
        Change::Set { key: Setting::Seed, .. } => None,
        Change::Set { .. } => Some(EditKind::Setting),
        Change::Model { .. } => Some(EditKind::Model),
        Change::Adapt { rule } => {
            let parts: Option<Vec<EditKind>> = rule.apply.iter().map(|change| allowed(view, change)).collect();
            parts.map(|_| EditKind::Adapt)
        }
        Change::Unadapt { .. } => Some(EditKind::Adapt),
        Change::Move { .. } => None,
    };
    kind.filter(|kind| view.config.allowed_kinds.contains(kind))
}

/// What stands in a list of the incumbent under this id.
fn placed<'a>(view: View<'a>, place: Place, id: &str) -> Option<&'a ModuleSpec> {
    match place {
        Place::Processor => view.incumbent.processor(id),
        Place::Tool => view.incumbent.tool(id),
    }
}

/// What a change is about: module, list, and the id it is aimed at.
fn subject(view: View<'_>, change: &Change) -> (String, Place, Option<String>) {
    let of_id = |place: Place, id: &str| {
        let spec = placed(view, place, id);
        let bare = |module: &ModuleRef| format!("{}/{}", module.pack, module.module);
        (spec.map_or_else(|| id.to_owned(), |spec| bare(&spec.module)), place, Some(id.to_owned()))
    };
    match change {
        Change::Insert { module, place, .. } => (format!("{}/{}", module.pack, module.module), *place, None),
        Change::Replace { module, place, id, .. } => {
            (format!("{}/{}", module.pack, module.module), *place, Some(id.clone()))
        }
        Change::Remove { place, id } | Change::Configure { place, id, .. } | Change::Move { place, id, .. } => {
            of_id(*place, id)
        }
        Change::Model { role, .. } => (format!("model.{role}"), Place::Processor, None),
        Change::Set { key, .. } => (key.to_string(), Place::Processor, None),
        Change::Adapt { rule } => (format!("adapt {}", rule.id), Place::Processor, None),
        Change::Unadapt { id } => (format!("adapt {id}"), Place::Processor, None),
    }
}

/// The fields of a module a model may write, in one line each.
fn fields(module: &Module) -> String {
    let mut text = String::new();
    for (key, field) in module.config.iter().filter(|(_, field)| field.tunable) {
        let _: std::fmt::Result = writeln!(text, "   {key}: {}, {}", field.expects(), field.description);
    }
    text
}

fn question(view: View<'_>, directions: &[Direction], most: usize) -> Question {
    let harness = view.incumbent.to_toml().unwrap_or_default();
    let mut list = String::new();
    for direction in directions.iter().take(SHOWN) {
        let _: std::fmt::Result = writeln!(list, "- {}", described(view, direction));
        let entry = direction.module.parse::<ModuleRef>().ok();
        let entry = entry.as_ref().and_then(|reference| view.catalogue.lookup(reference).ok());
        list += &entry.map(|entry| fields(entry.module)).unwrap_or_default();
    }
    let prompt = format!(
        "You improve the harness of an agent: the model stays, what is around it changes. The harness now:\n\n{harness}\n\
         How it does. {}\nTried so far:\n{}\nWhat could be done, with the fields that may be set:\n{list}\n\
         Propose at most {most} edits, each meant for one kind of failure, each as one or more changes of these forms:\n\
         {{\"op\":\"configure\",\"id\":ID,\"key\":FIELD,\"value\":VALUE}}\n\
         {{\"op\":\"insert\",\"use\":\"pack/module\",\"config\":{{FIELD:VALUE}}}}\n\
         {{\"op\":\"replace\",\"id\":ID,\"use\":\"pack/module\",\"config\":{{}}}}\n\
         {{\"op\":\"remove\",\"id\":ID}}\n\
         {{\"op\":\"set\",\"key\":\"sampling.temperature\",\"value\":0.7}}\n\
         {{\"op\":\"adapt\",\"rule\":{{\"id\":\"loop\",\"when\":{{\"loop_detected\":3}},\"apply\":[CHANGE]}}}}\n\
         Prompts must hold for all tasks of this kind: no names, answers or words of single tasks.\n\
         Reply with JSON: {{\"edits\":[{{\"changes\":[…],\"category\":KIND OF FAILURE}}]}}.",
        failures(view),
        tried_text(view),
    );
    let schema = json!({
        "type": "object",
        "properties": {"edits": {"type": "array", "items": {
            "type": "object",
            "properties": {
                "changes": {"type": "array", "items": {"type": "object"}},
                "category": {"type": "string"},
            },
            "required": ["changes", "category"],
        }}},
        "required": ["edits"],
    });
    Question { stage: Stage::Evolver, prompt, schema, max_tokens: 1500 }
}
