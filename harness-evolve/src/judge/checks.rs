//! Cheap checks of a survivor that need no statistics. Refuses what cannot be what was screened, before money is spent.

use std::collections::BTreeSet;

use evolve_gate::Outcome;
use harness_spec::{Harness, Permission};
use harness_trace::{CallKey, EpisodeResult, ExploreTrace};
use serde::{Deserialize, Serialize};

use crate::categories::passed;
use crate::digester::active_modules;
use crate::error::EvolveError;
use crate::evaluator::{Evaluator, EvaluatorError, JudgedOutcome};
use crate::integrity::{forged, swallowed};
use crate::ledger::Ledger;
use crate::screen::Contender;
use crate::session::{Halt, Session};
use crate::text_match::Words;

/// Why a survivor never met the judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Unfit {
    /// The manifest lacks something.
    #[error("its manifest has no {0}")]
    Manifest(String),
    /// The edit does not give the harness that was screened.
    #[error("its edit does not give the harness that was screened")]
    NotCanonical,
    /// It cannot be brought up.
    #[error("it cannot be brought up: {0}")]
    NotAdmitted(String),
    /// It may do what nobody allowed.
    #[error("it may use `{0}`, which was not approved")]
    Permission(Permission),
    /// Smoke level 1: every explore episode ended in a fault.
    #[error("every explore episode ended in a fault of the harness")]
    AlwaysFaults,
    /// Smoke level 2: nothing of it reached the model.
    #[error("none of its modules decided anything in {0} explore episodes")]
    Inert(usize),
    /// Smoke level 3: it makes successes of failures.
    #[error("`{module}` makes a success of a tool's error in step {step} of episode {episode}")]
    Swallows {
        /// The module's id.
        module: String,
        /// The episode.
        episode: String,
        /// The step.
        step: u64,
    },
    /// Smoke level 3: it knows what nobody told it.
    #[error(
        "`{module}` says an answer that nobody told it in {episodes} episodes, first in step {step} of episode {episode}"
    )]
    Forges {
        /// The module's id.
        module: String,
        /// Episodes in which it does.
        episodes: usize,
        /// The first of them.
        episode: String,
        /// The step.
        step: u64,
    },
}

impl<A: Evaluator, L: Ledger> Session<'_, A, L> {
    /// The first thing that is wrong with a survivor. `played` is what the incumbent did on explore.
    pub(crate) fn unfit(
        &self,
        contender: &Contender,
        incumbent: &Harness,
        allowed: &BTreeSet<Permission>,
        played: &[EpisodeResult],
    ) -> Result<Option<Unfit>, Halt> {
        let candidate = &contender.candidate;
        let manifest = &candidate.manifest;
        let missing = [
            ("evidence", manifest.evidence.is_empty()),
            ("modules", manifest.modules.is_empty()),
            ("capability evidence", manifest.capability.is_empty()),
        ];
        if let Some((what, _)) = missing.into_iter().find(|(_, missing)| *missing) {
            return Ok(Some(Unfit::Manifest(what.to_owned())));
        }
        let catalogue = self.evaluator.catalogue();
        let made = candidate.edit.apply(incumbent).map(|harness| harness.variant_id(catalogue));
        if made.ok() != Some(candidate.variant) {
            return Ok(Some(Unfit::NotCanonical));
        }
        let specs = candidate.harness.processors.iter().chain(&candidate.harness.tools);
        let asked = specs.filter_map(|spec| catalogue.lookup(&spec.module).ok());
        if let Some(permission) =
            asked.flat_map(|entry| &entry.module.permissions).find(|permission| !allowed.contains(permission))
        {
            return Ok(Some(Unfit::Permission(*permission)));
        }
        match self.evaluator.admits(&candidate.harness) {
            Ok(variant) if variant == candidate.variant => {}
            Ok(_) => return Ok(Some(Unfit::NotCanonical)),
            Err(EvaluatorError::Stopped) => return Err(Halt::Interrupted),
            Err(EvaluatorError::Failed(why)) => return Ok(Some(Unfit::NotAdmitted(why))),
        }
        if contender.played.iter().all(|played| played.judged() == Outcome::Fault) {
            return Ok(Some(Unfit::AlwaysFaults));
        }
        match self.inert(contender)? {
            Some(unfit) => Ok(Some(unfit)),
            None => self.dishonest(contender, played),
        }
    }

    /// What its modules did to tools' errors and to answers, in the explore episodes it played.
    fn dishonest(&self, contender: &Contender, incumbent: &[EpisodeResult]) -> Result<Option<Unfit>, Halt> {
        let modules: BTreeSet<&str> =
            contender.candidate.manifest.signature.iter().map(|sign| sign.module.as_str()).collect();
        let (mut forgeries, mut unlocked) = (Vec::new(), 0);
        for played in contender.played.iter().filter(|_| !modules.is_empty()) {
            let Some(twin) = incumbent.iter().find(|one| one.rollout == played.rollout) else { continue };
            let trace = self.trace(played)?;
            if let Some((module, step)) = swallowed(&self.trace(twin)?, &trace, &modules) {
                return Ok(Some(Unfit::Swallows { module, episode: played.episode.clone(), step }));
            }
            if passed(played.judged()) && !passed(twin.judged()) {
                unlocked += 1;
                let answers = self.evaluator.answers(&played.rollout.task);
                let answers: Vec<Words> = answers.iter().filter_map(|answer| Words::of(answer)).collect();
                let reply = |key: &CallKey| self.evaluator.reply(key);
                forgeries.extend(forged(&trace, &modules, &answers, reply).map(|found| (found, &played.episode)));
            }
        }
        // Once may be an inference; in most of what it unlocks, twice at least, it is knowledge.
        let episodes = forgeries.len();
        let mut forgeries = forgeries.into_iter().filter(|_| episodes >= 2 && episodes * 2 > unlocked);
        Ok(forgeries.next().map(|((module, step), episode)| Unfit::Forges {
            module,
            episodes,
            episode: episode.clone(),
            step,
        }))
    }

    fn inert(&self, contender: &Contender) -> Result<Option<Unfit>, Halt> {
        let signature = &contender.candidate.manifest.signature;
        if signature.is_empty() {
            return Ok(None);
        }
        for played in contender.played.iter().filter(|played| played.judged() != Outcome::Infrastructure) {
            let active = active_modules(&self.trace(played)?, &contender.candidate.harness);
            if signature.iter().any(|sign| active.contains(&sign.module)) {
                return Ok(None);
            }
        }
        Ok(Some(Unfit::Inert(contender.played.len())))
    }

    pub(crate) fn trace(&self, played: &EpisodeResult) -> Result<ExploreTrace, Halt> {
        self.evaluator.trace(played).map_err(|error| match error {
            EvaluatorError::Stopped => Halt::Interrupted,
            EvaluatorError::Failed(why) => Halt::Failed(EvolveError::Evaluator(why)),
        })
    }
}
