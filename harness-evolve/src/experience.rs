//! What earlier runs of the workspace learnt of modules, and what this one leaves to those to come. What was known when a
//! run began is a fact of it: a repetition is told the same, whatever other runs have learnt since.

use serde::{Deserialize, Serialize};

use crate::config::EvolveConfig;
use crate::error::EvolveError;
use crate::landscape::Posterior;
use crate::ledger::{Journal, Ledger};

/// Kind of the facts that hold what runs learn.
const LESSONS: &str = "evolve.lesson";
/// Kind of the fact that holds what was known when a run began.
const PRIOR: &str = "evolve.prior";
/// What a lesson of another suite weighs.
const ELSEWHERE: f64 = 0.5;

/// Gains and disappointments of a module against a category, once.
#[derive(Debug, Serialize)]
pub(crate) struct Lesson<'a> {
    pub suite: &'a str,
    pub module: &'a str,
    pub category: &'a str,
    pub gains: f64,
    pub losses: f64,
}

#[derive(Deserialize)]
struct Learnt {
    suite: String,
    module: String,
    category: String,
    gains: f64,
    losses: f64,
}

/// The lessons of one run, each kept once, however often the run is repeated.
pub(crate) struct Lessons<'a, L> {
    prior: Posterior,
    journal: Journal<'a, L>,
}

impl<'a, L: Ledger> Lessons<'a, L> {
    pub fn open(ledger: &'a L, config: &EvolveConfig, suite: &str) -> Result<Self, EvolveError> {
        let run = config.run.as_str();
        let known = ledger.all(run, PRIOR)?.into_iter().next();
        let prior = match known {
            Some((_, known)) => serde_json::from_value(known)?,
            None => {
                // Through text, so that a float is the one that will be read back.
                let text = serde_json::to_string(&gathered(ledger, run, suite)?)?;
                ledger.put(run, PRIOR, "known", &serde_json::from_str(&text)?)?;
                serde_json::from_str(&text)?
            }
        };
        Ok(Self { prior, journal: Journal::open(ledger, run, LESSONS)? })
    }

    /// What was known when the run began.
    pub fn prior(&self) -> &Posterior {
        &self.prior
    }

    /// Leaves a lesson to runs to come.
    pub fn keep(&mut self, lesson: &Lesson<'_>) -> Result<(), EvolveError> {
        self.journal.decide(lesson.module, lesson)
    }
}

/// What other runs learnt. Lessons of another suite weigh half.
fn gathered<L: Ledger>(ledger: &L, run: &str, suite: &str) -> Result<Posterior, EvolveError> {
    let (mut here, mut elsewhere) = (Posterior::default(), Posterior::default());
    for (other, lesson) in ledger.everywhere(LESSONS)? {
        if other == run {
            continue;
        }
        let learnt: Learnt = serde_json::from_value(lesson)?;
        let of = if learnt.suite == suite { &mut here } else { &mut elsewhere };
        of.count(&learnt.module, &learnt.category, learnt.gains, learnt.losses);
    }
    here.add(&elsewhere, ELSEWHERE);
    Ok(here)
}
