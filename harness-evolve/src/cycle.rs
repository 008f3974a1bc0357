//! The run: round after round of digest, plan, propose, criticise, screen, judge, ship, until something ends it. A function
//! of settings, catalogue, initial harness and outcomes: resumed, it is played again and must decide the same. Refuses
//! any state that is not made of decisions in the ledger and rollouts in the record.

mod cohorts;
mod drift;
mod final_checks;
mod forking;
mod judging;
mod proposing;
mod run;
mod screening;

use harness_spec::Harness;

use self::run::Run;
use crate::config::EvolveConfig;
use crate::digest::TaskDigest;
use crate::error::EvolveError;
use crate::evaluator::Evaluator;
use crate::events::{Clock, Event, Observer};
use crate::ledger::Ledger;
use crate::outcome::{Ended, Evolution};
use crate::session::{Halt, RunLimits, Session, Stop};
use crate::stages::Stages;
use harness_trace::EpisodeResult;

/// Kind of the facts that hold a run's decisions.
pub const DECISIONS: &str = "evolve";

/// Evolves `initial` in `evaluator`. The same run id with the same settings continues where it was.
///
/// A stop by the evaluator, a budget or the clock is no error: the result says how it ended and holds what is known.
///
/// # Errors
/// The evaluator or the ledger failed, or the ledger holds other decisions.
pub async fn evolve<A: Evaluator, L: Ledger, S: Stages>(
    evaluator: &A,
    ledger: &L,
    config: &EvolveConfig,
    initial: &Harness,
    stages: &S,
    clock: &dyn Clock,
    observer: &dyn Observer,
) -> Result<Evolution, EvolveError> {
    let limits = RunLimits::of(config, stages.budget());
    let session = Session::open(evaluator, ledger, config, DECISIONS, limits, clock, observer)?;
    let mut run = Run::begin(session, initial, stages)?;
    let worked = match run.rounds().await {
        // What a budget does not reach is not attributed; why the rounds ended stays.
        Ok(stop) => match run.final_checks().await {
            Ok(()) | Err(Halt::Spent(_)) => Ok(stop),
            Err(other) => Err(other),
        },
        halted => halted,
    };
    let ended = match worked {
        Ok(stop) | Err(Halt::Spent(stop)) => {
            let (alpha_spent, last) = (run.cohorts.spent(), run.pool.id(evaluator.catalogue()));
            run.session.decide("ended", &Ended { ended: stop, alpha_spent, last })?;
            stop
        }
        Err(Halt::Interrupted | Halt::Failed(EvolveError::Stopped)) => Stop::Interrupted,
        Err(Halt::Paused(stop)) => stop,
        Err(Halt::Failed(error)) => return Err(error),
    };
    Ok(run.finish(ended))
}

impl<A: Evaluator, L: Ledger, S: Stages> Run<'_, A, L, S> {
    async fn rounds(&mut self) -> Result<Stop, Halt> {
        let config = self.session.config;
        for round in 1..=config.rounds {
            self.drift_test(round).await?;
            if let Some(stop) = self.cohorts.all_done() {
                return Ok(stop);
            }
            self.session.tell(&Event::Round { round, of: config.rounds });
            if round > 1 {
                self.session.arrivals(round)?;
            }
            let played = self.digest(round).await?;
            let Some(played) = self.focus(played) else { return Ok(Stop::NothingFails) };
            self.begin_round(round)?;
            if self.here().values().all(TaskDigest::passes) {
                return Ok(Stop::NothingFails);
            }
            let candidates = self.propose(round).await?;
            if candidates.is_empty() {
                self.cohorts.here_mut().done = Some(Stop::NoCandidates);
                continue;
            }
            let finalists = self.screen(round, candidates, &played).await?;
            let shipped = self.gate(round, finalists, &played).await?;
            let cohort = self.cohorts.here_mut();
            cohort.idle = if shipped { 0 } else { cohort.idle + 1 };
            if cohort.idle >= config.idle_rounds.max(1) {
                cohort.done = Some(Stop::Idle);
            }
        }
        // What ends a cohort in the last round is seen before the rounds are.
        let given_up =
            self.cohorts.all.iter().all(|cohort| matches!(cohort.done, Some(Stop::Idle | Stop::NoCandidates)));
        Ok(if given_up { self.cohorts.ended() } else { Stop::Rounds })
    }

    /// Turns to the cohort with most to gain and the variant that serves it; `None` when all are done. Gives what of
    /// `played` is of that cohort.
    fn focus(&mut self, played: Vec<EpisodeResult>) -> Option<Vec<EpisodeResult>> {
        let digests = &self.digests;
        let fails = |task: &&&str| digests.get(**task).is_none_or(|digest| !digest.passes());
        self.cohorts.at = self.cohorts.choose(|tasks| tasks.iter().filter(fails).count())?;
        self.variant = self.pool.route(&self.cohorts.here().like).to_owned();
        self.incumbent = self.pool.variants.get(&self.variant)?.clone();
        let tasks = self.cohorts.tasks(self.cohorts.at);
        Some(played.into_iter().filter(|one| tasks.contains(one.rollout.task.as_str())).collect())
    }
}
