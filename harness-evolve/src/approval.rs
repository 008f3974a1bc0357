//! Ships that wait for a person: what is asked, and who answered what. The question is a fact before the run stops for it,
//! the answer a fact before the run goes on; the first answer counts. Refuses to ship without one.

use evolve_gate::interval::{Interval, difference_interval};
use evolve_gate::{Certificate, Pair};
use harness_trace::Rollout;
use serde::{Deserialize, Serialize};

use crate::error::EvolveError;
use crate::evaluator::Evaluator;
use crate::judge::ArmPair;
use crate::ledger::Ledger;
use crate::session::Session;

/// Kind of the facts that ask; the key is the candidate.
const ASKED: &str = "evolve.approval";
/// Kind of the facts that answer; the key is the candidate.
const ANSWERED: &str = "evolve.approval.answer";

/// A proven edit that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The candidate.
    pub candidate: String,
    /// Its edit, for a person.
    pub edit: String,
    /// The tasks it makes a variant for, if it does.
    pub fork: Option<String>,
    /// Mean paired difference at the stop with a 95 % interval over groups: biased upwards by stopping.
    pub difference: Option<Interval>,
    /// The level it was proven at, and the capital reached.
    pub proof: (f64, f64),
    /// Tokens an episode takes, before and after.
    pub tokens: (f64, f64),
    /// Steps an episode takes, before and after.
    pub steps: (f64, f64),
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether it may ship.
    pub approved: bool,
    /// Who said so.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
}

/// Requests of a run that nobody has answered yet.
///
/// # Errors
/// The ledger cannot be read.
pub fn pending<L: Ledger>(ledger: &L, run: &str) -> Result<Vec<Request>, EvolveError> {
    let answered = ledger.all(run, ANSWERED)?;
    let mut open: Vec<Request> = Vec::new();
    for (key, value) in ledger.all(run, ASKED)? {
        let known = answered.iter().any(|(answer, _)| *answer == key) || open.iter().any(|one| one.candidate == key);
        if !known {
            open.push(serde_json::from_value(value)?);
        }
    }
    Ok(open)
}

/// Answers a request. An answer that is there already stays.
///
/// # Errors
/// The ledger cannot be read or written.
pub fn answer<L: Ledger>(ledger: &L, run: &str, candidate: &str, answer: &Answer) -> Result<Answer, EvolveError> {
    if let Some(first) = given(ledger, run, candidate)? {
        return Ok(first);
    }
    ledger.put(run, ANSWERED, candidate, &serde_json::to_value(answer)?)?;
    Ok(answer.clone())
}

fn given<L: Ledger>(ledger: &L, run: &str, candidate: &str) -> Result<Option<Answer>, EvolveError> {
    let found = ledger.all(run, ANSWERED)?.into_iter().find(|(key, _)| key == candidate);
    found.map(|(_, value)| Ok(serde_json::from_value(value)?)).transpose()
}

impl<A: Evaluator, L: Ledger> Session<'_, A, L> {
    /// The answer to a request, which is asked if it was not yet. `None`: nobody has answered.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Option<Answer>, EvolveError> {
        let (ledger, run) = (self.ledger(), self.config.run.clone());
        if ledger.all(&run, ASKED)?.iter().all(|(key, _)| *key != request.candidate) {
            ledger.put(&run, ASKED, &request.candidate, &serde_json::to_value(request)?)?;
        }
        given(ledger, &run, &request.candidate)
    }

    /// What a person is shown of a proven candidate.
    pub(crate) fn request(&self, candidate: &str, edit: &str, proof: &Certificate, arms: ArmPair<'_>) -> Request {
        let groups: Vec<Vec<f64>> = proof.counted.iter().map(|group| group.pairs.iter().map(gain).collect()).collect();
        let pairs = proof.counted.iter().flat_map(|group| &group.pairs);
        let rollouts: Vec<Rollout> = pairs.map(|pair| Rollout { task: pair.task.clone(), seed: pair.seed }).collect();
        let (old, new) = (self.spent_on(arms.incumbent, &rollouts), self.spent_on(arms.candidate, &rollouts));
        Request {
            candidate: candidate.to_owned(),
            edit: edit.to_owned(),
            fork: None,
            difference: difference_interval(self.config.seed, &groups, 0.95, 10_000),
            proof: (proof.plan.terms.alpha.value(), proof.capital),
            tokens: (old.0, new.0),
            steps: (old.1, new.1),
        }
    }
}

fn gain(pair: &Pair) -> f64 {
    let value = |outcome: evolve_gate::Outcome| outcome.score().map_or(0.0, |score| score.value());
    value(pair.candidate) - value(pair.incumbent)
}
