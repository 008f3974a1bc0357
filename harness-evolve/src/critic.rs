//! What is refused before money is spent, and in which order the rest is tried. Refuses to judge worth: that is the
//! screen's and the gate's.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use harness_spec::{AdmitError, Change, Edit, Permission, SpecProblem};
use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::categories::Category;
use crate::digest::Anchor;
use crate::error::EvolveError;
use crate::text_match::{Words, texts};
use crate::view::View;

/// Why a candidate is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Objection {
    /// An edit of the same changes did not ship before, against the same incumbent.
    #[error("a duplicate: the same edit of the same harness was tried and did not ship")]
    Duplicate,
    /// It names what is not installed.
    #[error("a missing module: {0}")]
    Missing(String),
    /// Its parts cannot stand together.
    #[error("a collision: {0}")]
    Collision(String),
    /// Changes, edit and harness are not of one another.
    #[error("not what it says: {0}")]
    NotCanonical(String),
    /// It may do what nobody allowed, and must not be run to find out.
    #[error("it may use `{0}`, which was not approved")]
    Permission(Permission),
    /// It points at nothing.
    #[error("no evidence: no place in the record shows a failure it is meant for")]
    NoEvidence,
    /// It points at something that is not there.
    #[error("evidence that does not exist: step {1} of episode {0} was not digested as a failure")]
    FalseEvidence(String, u64),
    /// It predicts the fate of a task no stage has seen.
    #[error("a prediction from nowhere: `{0}` is no task of the explore split")]
    Stranger(String),
    /// A text of it names a task or holds an answer.
    #[error("leakage: `{field}` holds `{found}`, which belongs to a task")]
    Leak {
        /// The config field.
        field: String,
        /// What it holds.
        found: String,
    },
    /// A text of it speaks the grader's language or names its files.
    #[error("written towards the grader: `{field}` holds `{found}`")]
    Format {
        /// The config field.
        field: String,
        /// What it holds.
        found: String,
    },
    /// Its bucket was shipped for again and again while predictions came true less and less.
    #[error(
        "a worn bucket: {ships} ships were meant for `{}`, and predictions came true in {before:.2}, then {now:.2} of the tasks",
        category.name()
    )]
    Worn {
        /// The bucket.
        category: Category,
        /// Ships meant for it.
        ships: usize,
        /// Hit rate of the one before the last.
        before: f64,
        /// Hit rate of the last.
        now: f64,
    },
    /// Somebody who read it objects.
    #[error("the reviewer objects: {0}")]
    Reviewer(String),
}

/// Reviews candidates.
pub trait Critic: Send + Sync {
    /// An objection for each candidate that has one, in their order.
    fn review(
        &self,
        view: View<'_>,
        candidates: &[Candidate],
        known: &Known<'_>,
    ) -> impl Future<Output = Result<Vec<Option<Objection>>, EvolveError>> + Send;

    /// In which order candidates without objection are to be tried, by their places; who is left out is not tried. The
    /// cycle takes as many as the settings allow.
    fn rank(
        &self,
        view: View<'_>,
        candidates: &[Candidate],
    ) -> impl Future<Output = Result<Vec<usize>, EvolveError>> + Send {
        std::future::ready(Ok(spread(view, candidates)))
    }
}

/// What a critic may compare with.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Edits that met the judge against this incumbent and did not ship, as their changes in JSON.
    pub rejected: &'a BTreeSet<String>,
    /// Places in digested traces.
    pub anchors: &'a BTreeSet<Anchor>,
    /// Ids of tasks and groups of every split.
    pub names: &'a BTreeSet<String>,
    /// Explore tasks.
    pub tasks: &'a BTreeSet<String>,
    /// What modules may do.
    pub permissions: &'a BTreeSet<Permission>,
}

/// The critic that needs no model.
#[derive(Debug, Clone, Default)]
pub struct AuditCritic {
    secrets: Vec<Words>,
    formats: Vec<Words>,
}

impl AuditCritic {
    /// With texts that may stand in no config beside the names of tasks: gold answers. What is too short to be told from
    /// chance is passed over ([`Words::of`]).
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        Self { secrets: secrets.into_iter().filter_map(|secret| Words::of(&secret)).collect(), formats: Vec::new() }
    }

    /// And with the grader's own words: keys of its gold, names of its files.
    #[must_use]
    pub fn formats(mut self, formats: impl IntoIterator<Item = String>) -> Self {
        self.formats.extend(formats.into_iter().filter_map(|format| Words::of(&format)));
        self
    }

    fn objection(
        &self,
        view: View<'_>,
        candidate: &Candidate,
        known: &Known<'_>,
        names: &[Words],
    ) -> Option<Objection> {
        let manifest = &candidate.manifest;
        canonical(view, candidate)
            .or_else(|| known.rejected.contains(&wish(&candidate.changes)).then_some(Objection::Duplicate))
            .or_else(|| forbidden(view, candidate, known))
            .or_else(|| manifest.evidence.is_empty().then_some(Objection::NoEvidence))
            .or_else(|| {
                let made_up = manifest.evidence.iter().find(|anchor| !known.anchors.contains(anchor))?;
                Some(Objection::FalseEvidence(made_up.episode.clone(), made_up.step))
            })
            .or_else(|| {
                let predicted = manifest.unlock.iter().chain(&manifest.stabilize).chain(&manifest.at_risk);
                predicted.into_iter().find(|task| !known.tasks.contains(*task)).cloned().map(Objection::Stranger)
            })
            .or_else(|| self.leak(&candidate.changes, names))
            .or_else(|| worn(view, candidate))
    }

    /// Every text of the candidate by itself, then all of them read in one go: an answer may be spread over fields.
    fn leak(&self, changes: &[Change], names: &[Words]) -> Option<Objection> {
        let mut texts: Vec<(String, String)> = changes.iter().flat_map(texts).collect();
        if texts.len() > 1 {
            let all = texts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ");
            texts.push(("all fields".to_owned(), all));
        }
        texts.into_iter().find_map(|(field, text)| {
            let read = Words::read(&text);
            let held = |words: &[Words]| words.iter().find(|word| read.hold(word)).map(|word| word.original.clone());
            let secret = held(names).or_else(|| held(&self.secrets));
            let secret = secret.map(|found| Objection::Leak { field: field.clone(), found });
            secret.or_else(|| held(&self.formats).map(|found| Objection::Format { field, found }))
        })
    }
}

impl Critic for AuditCritic {
    async fn review(
        &self,
        view: View<'_>,
        candidates: &[Candidate],
        known: &Known<'_>,
    ) -> Result<Vec<Option<Objection>>, EvolveError> {
        let names: Vec<Words> = known.names.iter().filter_map(|name| Words::of(name)).collect();
        Ok(candidates.iter().map(|candidate| self.objection(view, candidate, known, &names)).collect())
    }
}

/// Whether changes, edit, harness and variant are of one another, and the harness one that can be.
fn canonical(view: View<'_>, candidate: &Candidate) -> Option<Objection> {
    let refuse = |error: AdmitError| match &error {
        AdmitError::Spec(all) => match all.first().map(|first| &*first.problem) {
            Some(SpecProblem::Lookup(_)) => Objection::Missing(error.to_string()),
            _ => Objection::Collision(error.to_string()),
        },
        AdmitError::Edit(_) => Objection::Collision(error.to_string()),
    };
    let harness = match candidate.edit.admit(view.incumbent, view.catalogue) {
        Ok(harness) => harness,
        Err(error) => return Some(refuse(error)),
    };
    let differs = |what: &str| Some(Objection::NotCanonical(what.to_owned()));
    match Edit::from_changes(&candidate.changes, view.incumbent) {
        Ok(edit) if edit == candidate.edit => {}
        Ok(_) => return differs("its edit does something other than its changes"),
        Err(error) => return Some(Objection::Collision(error.to_string())),
    }
    if harness != candidate.harness || harness.variant_id(view.catalogue) != candidate.variant {
        return differs("its harness is not what its edit gives");
    }
    None
}

fn forbidden(view: View<'_>, candidate: &Candidate, known: &Known<'_>) -> Option<Objection> {
    let rules = candidate.harness.adapt.iter().flat_map(|rule| &rule.apply);
    let brought = rules.filter_map(|change| match change {
        Change::Insert { module, .. } | Change::Replace { module, .. } => Some(module),
        _ => None,
    });
    let specs = candidate.harness.processors.iter().chain(&candidate.harness.tools).map(|spec| &spec.module);
    let entries = specs.chain(brought).filter_map(|module| view.catalogue.lookup(module).ok());
    let mut asked = entries.flat_map(|entry| &entry.module.permissions);
    asked.find(|permission| !known.permissions.contains(permission)).copied().map(Objection::Permission)
}

/// New modules are free to try their luck where others wore a bucket out.
fn worn(view: View<'_>, candidate: &Candidate) -> Option<Objection> {
    let manifest = &candidate.manifest;
    let category = manifest.category.as_ref()?;
    if manifest.kind.structural() && !manifest.modules.iter().any(|module| view.history.tried(module)) {
        return None;
    }
    let worn = view.history.worn(category)?;
    Some(Objection::Worn { category: category.clone(), ships: worn.ships, before: worn.before, now: worn.now })
}

/// Most of a portfolio that may be meant for one bucket while others are waiting.
const CROWD: f64 = 0.75;

/// As they came, but a bucket that would have more than its share of the places waits behind the others.
pub(crate) fn spread(view: View<'_>, candidates: &[Candidate]) -> Vec<usize> {
    let several = view.landscape.clusters.len() > 1;
    let mut waiting: Vec<usize> = (0..candidates.len()).collect();
    let mut order = Vec::with_capacity(waiting.len());
    let mut given: BTreeMap<Option<&Category>, usize> = BTreeMap::new();
    let bucket = |k: usize| candidates.get(k).and_then(|candidate| candidate.manifest.category.as_ref());
    while !waiting.is_empty() {
        let places = (order.len() + 1) as f64;
        let crowded = |k: usize| {
            let of_it = given.get(&bucket(k)).copied().unwrap_or(0) + 1;
            several && bucket(k).is_some() && order.len() >= 3 && of_it as f64 > CROWD * places
        };
        let next = waiting.iter().position(|&k| !crowded(k)).unwrap_or(0);
        let k = waiting.remove(next);
        *given.entry(bucket(k)).or_default() += 1;
        order.push(k);
    }
    order
}

/// Changes in one text, to compare them by.
pub(crate) fn wish(changes: &[Change]) -> String {
    changes.iter().map(|change| serde_json::to_string(change).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}
