//! What is refused before money is spent. Refuses to judge worth: that is the screen's and the gate's.

use std::collections::BTreeSet;
use std::future::Future;

use harness_spec::{Change, Config};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::candidate::Candidate;
use crate::digest::Anchor;
use crate::error::EvolveError;
use crate::planner::View;

/// Why a candidate is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Objection {
    /// An edit of the same changes did not ship before, against the same incumbent.
    #[error("a duplicate: the same edit of the same harness was tried and did not ship")]
    Duplicate,
    /// Its parts cannot stand together.
    #[error("a collision: {0}")]
    Collision(String),
    /// It points at nothing.
    #[error("no evidence: no place in the record shows a failure it is meant for")]
    NoEvidence,
    /// It points at something that is not there.
    #[error("evidence that does not exist: episode {0} was not digested")]
    FalseEvidence(String),
    /// A text of it names a task or holds an answer.
    #[error("leakage: `{field}` holds `{found}`, which belongs to a task")]
    Leak {
        /// The config field.
        field: String,
        /// What it holds.
        found: String,
    },
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
}

/// What a critic may compare with.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Edits that met the judge against this incumbent and did not ship, as their changes in JSON.
    pub rejected: &'a BTreeSet<String>,
    /// Places in digested traces.
    pub anchors: &'a BTreeSet<Anchor>,
    /// Ids of tasks and groups.
    pub names: &'a BTreeSet<String>,
}

/// The critic that needs no model.
#[derive(Debug, Clone, Default)]
pub struct AuditCritic {
    secrets: Vec<String>,
}

/// Shorter texts occur by chance.
const SHORTEST: usize = 6;

impl AuditCritic {
    /// With texts that may stand in no config beside the names of tasks: gold answers, formats of the verifier. Texts
    /// below six characters are passed over: they occur by chance.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let secrets = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST);
        Self { secrets: secrets.map(|secret| secret.to_lowercase()).collect() }
    }

    fn objection(&self, view: View<'_>, candidate: &Candidate, known: &Known<'_>) -> Option<Objection> {
        if known.rejected.contains(&wish(&candidate.changes)) {
            return Some(Objection::Duplicate);
        }
        if let Err(error) = candidate.edit.admit(view.incumbent, view.catalogue) {
            return Some(Objection::Collision(error.to_string()));
        }
        if candidate.manifest.evidence.is_empty() {
            return Some(Objection::NoEvidence);
        }
        if let Some(anchor) = candidate.manifest.evidence.iter().find(|anchor| !known.anchors.contains(anchor)) {
            return Some(Objection::FalseEvidence(anchor.episode.clone()));
        }
        candidate.changes.iter().find_map(|change| self.leak(change, known))
    }

    fn leak(&self, change: &Change, known: &Known<'_>) -> Option<Objection> {
        texts(change).into_iter().find_map(|(field, text)| {
            let lower = text.to_lowercase();
            let names = known.names.iter().filter(|name| name.len() >= SHORTEST && text.contains(name.as_str()));
            let secrets = self.secrets.iter().filter(|secret| lower.contains(secret.as_str()));
            let found = names.chain(secrets).next()?.clone();
            Some(Objection::Leak { field, found })
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
        Ok(candidates.iter().map(|candidate| self.objection(view, candidate, known)).collect())
    }
}

/// Changes in one text, to compare them by.
pub(crate) fn wish(changes: &[Change]) -> String {
    changes.iter().map(|change| serde_json::to_string(change).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Every text a change brings in, with the field it is for.
fn texts(change: &Change) -> Vec<(String, String)> {
    fn walk(field: &str, value: &Value, found: &mut Vec<(String, String)>) {
        match value {
            Value::String(text) => found.push((field.to_owned(), text.clone())),
            Value::Array(items) => items.iter().for_each(|item| walk(field, item, found)),
            Value::Object(entries) => entries.values().for_each(|item| walk(field, item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    let mut config = |config: &Config| config.iter().for_each(|(key, value)| walk(key, value, &mut found));
    match change {
        Change::Insert { config: given, .. } | Change::Replace { config: given, .. } => config(given),
        Change::Model { model: Some(model), .. } => config(&model.config),
        Change::Configure { key, value: Some(value), .. } => walk(key, value, &mut found),
        _ => {}
    }
    found
}
