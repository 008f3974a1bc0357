//! From directions to candidates: typed edits over everything that is installed, each admitted by the catalogue before it
//! is proposed. Refuses edits that give a harness which was tried before.

use std::collections::BTreeSet;
use std::future::Future;

use harness_spec::{Change, Config, Harness, Module, ModuleRef, ModuleSpec, Place, Position, VariantId};

use crate::admission::candidate;
use crate::candidate::{Candidate, Manifest, Origin};
use crate::claims::claims;
use crate::config::EditKind;
use crate::config_values::{alternatives, free_id, interleaved, required};
use crate::critic::Objection;
use crate::digest::TaskDigest;
use crate::error::EvolveError;
use crate::repair::repaired;
use crate::view::{Direction, View};

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

    /// The candidate without what the critic objects to, if it can be had: asked once.
    fn revise(
        &self,
        view: View<'_>,
        candidate: &Candidate,
        objection: &Objection,
    ) -> impl Future<Output = Result<Option<Candidate>, EvolveError>> + Send {
        std::future::ready(Ok(repaired(view, candidate, objection)))
    }
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
        Ok(proposals(view, directions, digests, tried, most))
    }
}

/// What the catalogue evolver proposes.
pub(crate) fn proposals(
    view: View<'_>,
    directions: &[Direction],
    digests: &[TaskDigest],
    tried: &BTreeSet<VariantId>,
    most: usize,
) -> Vec<Candidate> {
    let mut met = tried.clone();
    let mut candidates = Vec::new();
    let wishes: Vec<Vec<Vec<Change>>> = directions.iter().map(|direction| wishes(view, direction)).collect();
    let deepest = wishes.iter().map(Vec::len).max().unwrap_or(0);
    for depth in 0..deepest {
        for (direction, wishes) in directions.iter().zip(&wishes) {
            if candidates.len() >= most {
                return candidates;
            }
            let Some(changes) = wishes.get(depth) else { continue };
            let manifest = claims(view, direction, changes, digests);
            let made = candidate(view, changes.clone(), Origin::Proposed, manifest);
            if let Some(candidate) = made.filter(|candidate| met.insert(candidate.variant)) {
                candidates.push(Candidate { id: format!("{}.{:02}", view.round, candidates.len() + 1), ..candidate });
            }
        }
    }
    candidates
}

/// The edits of a direction, the plain one first.
fn wishes(view: View<'_>, direction: &Direction) -> Vec<Vec<Change>> {
    if direction.wishes.is_empty() {
        return of_module(view, direction).into_iter().map(|change| vec![change]).collect();
    }
    direction.wishes.clone()
}

/// The edits that have to do with one module.
fn of_module(view: View<'_>, direction: &Direction) -> Vec<Change> {
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
            interleaved(values.collect()).into_iter().map(set).collect()
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
            let tuned = interleaved(values.collect()).into_iter().map(|(key, value)| {
                let mut config = required.clone();
                config.insert(key, value);
                make(config)
            });
            // What nobody allowed is proposed once, so that its refusal is said, and in no other form.
            let forms = if granted(view, entry.module) { usize::MAX } else { 0 };
            std::iter::once(make(required.clone())).chain(tuned.take(forms)).collect()
        }
        // These come with their wishes.
        EditKind::Setting | EditKind::Budget | EditKind::Model | EditKind::Adapt => Vec::new(),
    }
}

/// Whether a module may do no more than the settings allow or a module of the incumbent may already.
fn granted(view: View<'_>, module: &Module) -> bool {
    let incumbent = view.incumbent.processors.iter().chain(&view.incumbent.tools);
    let of_incumbent = |permission| {
        let mut entries = incumbent.clone().filter_map(|spec| view.catalogue.lookup(&spec.module).ok());
        entries.any(|entry| entry.module.permissions.contains(permission))
    };
    let allowed = &view.config.allowed_permissions;
    module.permissions.iter().all(|permission| allowed.contains(permission) || of_incumbent(permission))
}

fn list(harness: &Harness, place: Place) -> &[ModuleSpec] {
    match place {
        Place::Processor => &harness.processors,
        Place::Tool => &harness.tools,
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
    interleaved(values.collect()).into_iter().filter_map(with).collect()
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
        directions: both(&x.directions, &y.directions),
        modules: both(&x.modules, &y.modules),
        category: x.category.clone().or_else(|| y.category.clone()),
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
