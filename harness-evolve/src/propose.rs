//! From directions to candidates: typed edits over everything that is installed, each admitted by the catalogue before it
//! is proposed. Refuses edits that give a harness which was tried before.

use std::collections::BTreeSet;
use std::future::Future;

use harness_abi::Kind;
use harness_spec::{
    Change, Config, Edit, Field, FieldType, Harness, Module, ModuleRef, ModuleSpec, Place, Position, VariantId,
};
use serde_json::Value;

use crate::candidate::{Candidate, EditKind, Manifest, Origin, Signature};
use crate::digest::TaskDigest;
use crate::error::EvolveError;
use crate::planner::{Direction, View};

/// Turns directions into candidates.
pub trait Evolver: Send + Sync {
    /// At most `most` candidates, best first. `tried` are harnesses the run has met; `digests` the explore tasks.
    fn propose(
        &self,
        view: View<'_>,
        directions: &[Direction],
        digests: &[TaskDigest],
        tried: &BTreeSet<VariantId>,
        most: usize,
    ) -> impl Future<Output = Result<Vec<Candidate>, EvolveError>> + Send;
}

/// The evolver that needs no model: every direction's plain edit first, then each direction's next best value, and so on
/// in turns, so that breadth comes before depth.
#[derive(Debug, Clone, Copy, Default)]
pub struct CatalogueEvolver;

impl Evolver for CatalogueEvolver {
    async fn propose(
        &self,
        view: View<'_>,
        directions: &[Direction],
        digests: &[TaskDigest],
        tried: &BTreeSet<VariantId>,
        most: usize,
    ) -> Result<Vec<Candidate>, EvolveError> {
        let mut met = tried.clone();
        let mut candidates = Vec::new();
        let wishes: Vec<Vec<Change>> = directions.iter().map(|direction| wishes(view, direction)).collect();
        let deepest = wishes.iter().map(Vec::len).max().unwrap_or(0);
        'rows: for depth in 0..deepest {
            for (direction, wishes) in directions.iter().zip(&wishes) {
                if candidates.len() >= most {
                    break 'rows;
                }
                let Some(change) = wishes.get(depth) else { continue };
                let mut manifest = manifest(view, direction, digests);
                if let (Change::Insert { id: Some(id), .. }, Some(sign)) = (change, manifest.signature.first_mut()) {
                    sign.module.clone_from(id);
                }
                let Some(candidate) = candidate(view, vec![change.clone()], Origin::Proposed, manifest) else {
                    continue;
                };
                if met.insert(candidate.variant) {
                    candidates
                        .push(Candidate { id: format!("{}.{:02}", view.round, candidates.len() + 1), ..candidate });
                }
            }
        }
        Ok(candidates)
    }
}

/// A candidate of these changes, if the incumbent and the catalogue admit it and it changes anything. Its id is left
/// empty.
pub(crate) fn candidate(view: View<'_>, changes: Vec<Change>, origin: Origin, manifest: Manifest) -> Option<Candidate> {
    let edit = Edit::from_changes(&changes, view.incumbent).ok()?;
    let harness: Harness = edit.admit(view.incumbent, view.catalogue).ok()?;
    let variant = harness.variant_id(view.catalogue);
    let changed = variant != view.incumbent.variant_id(view.catalogue);
    changed.then(|| Candidate { id: String::new(), changes, edit, variant, origin, manifest, harness })
}

/// The edits of a direction, the plain one first.
fn wishes(view: View<'_>, direction: &Direction) -> Vec<Change> {
    let Ok(reference) = direction.module.parse::<ModuleRef>() else { return Vec::new() };
    let Ok(entry) = view.catalogue.lookup(&reference) else { return Vec::new() };
    let place = direction.place;
    let target = direction.target.clone().unwrap_or_default();
    match direction.kind {
        EditKind::Remove => vec![Change::Remove { place, id: target }],
        EditKind::Configure => {
            let list = list(view.incumbent, place);
            let Some(spec) = list.iter().find(|spec| spec.id == target) else { return Vec::new() };
            let fields = entry.module.config.iter().filter(|(_, field)| field.tunable);
            let values = fields.map(|(key, field)| {
                let now = spec.config.get(key).or(field.default.as_ref());
                alternatives(field, now).into_iter().map(|value| (key.clone(), value)).collect()
            });
            let set = |(key, value)| Change::Configure { place, id: target.clone(), key, value: Some(value) };
            in_turns(values.collect()).into_iter().map(set).collect()
        }
        EditKind::Insert | EditKind::Replace => {
            let Some(required) = required(entry.module) else { return Vec::new() };
            let make = |config: Config| match direction.kind {
                EditKind::Replace => Change::Replace { place, id: target.clone(), module: reference.clone(), config },
                _ => Change::Insert {
                    place,
                    module: reference.clone(),
                    id: free_id(list(view.incumbent, place), &reference),
                    config,
                    at: Position::Last,
                },
            };
            let fields = entry.module.config.iter().filter(|(_, field)| field.tunable);
            let values = fields.map(|(key, field)| {
                let now = required.get(key).or(field.default.as_ref());
                alternatives(field, now).into_iter().map(|value| (key.clone(), value)).collect()
            });
            let tuned = in_turns(values.collect()).into_iter().map(|(key, value)| {
                let mut config = required.clone();
                config.insert(key, value);
                make(config)
            });
            std::iter::once(make(required.clone())).chain(tuned).collect()
        }
    }
}

fn list(harness: &Harness, place: Place) -> &[ModuleSpec] {
    match place {
        Place::Processor => &harness.processors,
        Place::Tool => &harness.tools,
    }
}

/// The first of each list, then the second of each, and so on.
fn in_turns<T>(lists: Vec<Vec<T>>) -> Vec<T> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    loop {
        let row: Vec<T> = lists.iter_mut().filter_map(Iterator::next).collect();
        if row.is_empty() {
            return all;
        }
        all.extend(row);
    }
}

/// Values for the fields that must be given: the first ready one. `None` where there is no ready value.
fn required(module: &Module) -> Option<Config> {
    let required = module.config.iter().filter(|(_, field)| field.required);
    let first = |field: &Field| field.variants.iter().chain(&field.choices).next().cloned();
    required.map(|(key, field)| Some((key.clone(), first(field)?))).collect()
}

/// An id for a module whose name is taken; `None`: its own name is free.
fn free_id(present: &[ModuleSpec], reference: &ModuleRef) -> Option<String> {
    let taken = |id: &str| present.iter().any(|spec| spec.id == id);
    if !taken(&reference.module) {
        return None;
    }
    let long = format!("{}_{}", reference.pack, reference.module);
    if !taken(&long) {
        return Some(long);
    }
    (2..).map(|n| format!("{long}_{n}")).find(|id| !taken(id))
}

/// Other values of a tunable field: listed ones, the other truth value, or a number halved, doubled, and the ends of its
/// range (both ends needed: an open range gives only half and double).
fn alternatives(field: &Field, now: Option<&Value>) -> Vec<Value> {
    let mut values: Vec<Value> = field.choices.iter().chain(&field.variants).cloned().collect();
    if values.is_empty() {
        match field.field_type {
            FieldType::Boolean => values.push((!now.and_then(Value::as_bool).unwrap_or(false)).into()),
            FieldType::Integer | FieldType::Number => values.extend(numbers(field, now)),
            FieldType::String | FieldType::Array | FieldType::Object => {}
        }
    }
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        if Some(&value) != now && !kept.contains(&value) && field.accepts(&value).is_ok() {
            kept.push(value);
        }
    }
    kept
}

fn numbers(field: &Field, now: Option<&Value>) -> Vec<Value> {
    let mut wanted = Vec::new();
    if let Some(now) = now.and_then(Value::as_f64) {
        wanted.extend(if now == 0.0 { vec![1.0] } else { vec![now * 2.0, now / 2.0] });
    }
    if let (Some(low), Some(high)) = (field.minimum, field.maximum) {
        wanted.extend([high, low]);
    }
    let whole = field.field_type == FieldType::Integer;
    let bound = |value: f64| value.max(field.minimum.unwrap_or(f64::MIN)).min(field.maximum.unwrap_or(f64::MAX));
    let to_json = |value: f64| if whole { Value::from(bound(value).round() as i64) } else { Value::from(bound(value)) };
    wanted.into_iter().map(to_json).collect()
}

/// What is claimed of a direction's edit.
fn manifest(view: View<'_>, direction: &Direction, digests: &[TaskDigest]) -> Manifest {
    let clusters = &view.landscape.clusters;
    let meant = direction.category.and_then(|category| view.landscape.cluster(category));
    let shown = meant.or_else(|| clusters.first());
    let steps = digests.iter().filter(|digest| digest.passes()).map(|digest| digest.steps).max().unwrap_or(0);
    let entry = direction.module.parse::<ModuleRef>().ok();
    let entry = entry.as_ref().and_then(|reference| view.catalogue.lookup(reference).ok());
    let id = direction.target.clone().or_else(|| entry.map(|entry| entry.module.name.clone())).unwrap_or_default();
    let hooks = entry.map(|entry| entry.module.hooks.clone()).unwrap_or_default();
    let mut capability = Vec::new();
    if let Some(entry) = entry {
        capability.push(format!("{} {}: {}", entry.reference(), entry.pack.pack.version, entry.module.summary));
        if !entry.module.needs.is_empty() {
            let needs: Vec<String> = entry.module.needs.iter().map(ToString::to_string).collect();
            capability.push(format!("needs {}; the main model provides it", needs.join(", ")));
        }
    }
    let decides = entry.is_some_and(|entry| entry.module.kind == Kind::Processor) && direction.kind != EditKind::Remove;
    Manifest {
        kind: direction.kind,
        modules: vec![direction.module.clone()],
        category: direction.category,
        evidence: shown.map(|cluster| cluster.anchors.clone()).unwrap_or_default(),
        capability,
        unlock: meant.map(|cluster| cluster.tasks.clone()).unwrap_or_default(),
        stabilize: digests.iter().filter(|digest| digest.wavers()).map(|digest| digest.task.clone()).collect(),
        // The longest passes are the ones a change of behaviour has most chances to break.
        at_risk: digests.iter().filter(|d| d.passes() && d.steps * 4 > steps * 3).map(|d| d.task.clone()).collect(),
        signature: if decides { vec![Signature { module: id, hooks }] } else { Vec::new() },
    }
}

/// A candidate that brings one module in, with each of that module's tunable fields in turn at another value.
pub(crate) fn tuned(view: View<'_>, parent: &Candidate) -> Vec<Candidate> {
    let [change @ (Change::Insert { module, config, .. } | Change::Replace { module, config, .. })] =
        parent.changes.as_slice()
    else {
        return Vec::new();
    };
    let Ok(entry) = view.catalogue.lookup(module) else { return Vec::new() };
    let fields = entry.module.config.iter().filter(|(_, field)| field.tunable);
    let values = fields.map(|(key, field)| {
        let now = config.get(key).or(field.default.as_ref());
        alternatives(field, now).into_iter().map(|value| (key.clone(), value)).collect()
    });
    let with = |(key, value)| {
        let mut change = change.clone();
        if let Change::Insert { config, .. } | Change::Replace { config, .. } = &mut change {
            config.insert(key, value);
        }
        let origin = Origin::Tuned(parent.id.clone());
        candidate(view, vec![change], origin, parent.manifest.clone())
    };
    in_turns(values.collect()).into_iter().filter_map(with).collect()
}

/// Two candidates together, if they can be.
pub(crate) fn combine(view: View<'_>, a: &Candidate, b: &Candidate) -> Option<Candidate> {
    let both = |a: &[String], b: &[String]| -> Vec<String> {
        a.iter().chain(b).cloned().collect::<BTreeSet<_>>().into_iter().collect()
    };
    let changes = a.changes.iter().chain(&b.changes).cloned().collect();
    let (x, y) = (&a.manifest, &b.manifest);
    let manifest = Manifest {
        kind: x.kind,
        modules: both(&x.modules, &y.modules),
        category: x.category.or(y.category),
        evidence: x.evidence.iter().chain(&y.evidence).cloned().collect::<BTreeSet<_>>().into_iter().collect(),
        capability: both(&x.capability, &y.capability),
        unlock: both(&x.unlock, &y.unlock),
        stabilize: both(&x.stabilize, &y.stabilize),
        at_risk: both(&x.at_risk, &y.at_risk),
        signature: x.signature.iter().chain(&y.signature).cloned().collect(),
    };
    let combined = candidate(view, changes, Origin::Combined(a.id.clone(), b.id.clone()), manifest)?;
    // Two replacements of one module are no combination: the second undoes the first.
    (combined.variant != a.variant && combined.variant != b.variant).then_some(combined)
}
