//! The run: round after round of digest, plan, propose, criticise, screen, judge, ship, until something ends it. A function
//! of settings, catalogue, initial harness and outcomes: resumed, it is played again and must decide the same. Refuses
//! any state that is not made of decisions in the ledger and rollouts in the record.

mod drift;
mod lanes;
mod placing;
mod proposing;
mod screening;
mod settling;

use std::collections::{BTreeMap, BTreeSet};

use evolve_gate::{Alpha, Certificate};
use harness_spec::{Harness, ONLY, Permission, Pool, VariantId};

use self::lanes::Lanes;
use self::placing::Placed;

use crate::approval::Answer;
use crate::attribution::Attribution;
use crate::candidate::Candidate;
use crate::config::EvolveConfig;
use crate::critic::wish;
use crate::digest::{EpisodeDigest, TaskDigest};
use crate::directions::UNCLAIMED_CATEGORY;
use crate::error::EvolveError;
use crate::evaluator::{Evaluator, EvaluatorError, Played};
use crate::events::{Clock, Event, Observer};
use crate::experience::{Lesson, Lessons};
use crate::judge::{Bench, Judged, Match, Unfit, past};
use crate::landscape::Posterior;
use crate::ledger::Ledger;
use crate::outcome::{At, Begun, BegunLane, Ended, Evolution, Refused, Round, Ship, Wire, fingerprint};
use crate::routing::Routing;
use crate::screen::Contender;
use crate::session::{Halt, Limits, Session, Stop};
use crate::stages::Stages;

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
    let session = Session::open(evaluator, ledger, config, DECISIONS, Limits::of(config), clock, observer)?;
    let mut run = Run::begin(session, initial, stages)?;
    let worked = match run.rounds().await {
        // What a budget does not reach is not attributed; why the rounds ended stays.
        Ok(stop) => match run.settle().await {
            Ok(()) | Err(Halt::Spent(_)) => Ok(stop),
            Err(other) => Err(other),
        },
        halted => halted,
    };
    let ended = match worked {
        Ok(stop) | Err(Halt::Spent(stop)) => {
            let (alpha_spent, last) = (run.lanes.spent(), run.pool.id(evaluator.catalogue()));
            run.session.decide("ended", &Ended { ended: stop, alpha_spent, last })?;
            stop
        }
        Err(Halt::Interrupted | Halt::Failed(EvolveError::Stopped)) => Stop::Interrupted,
        Err(Halt::Paused(stop)) => stop,
        Err(Halt::Failed(error)) => return Err(error),
    };
    Ok(run.finish(ended))
}

struct Run<'a, A, L, S> {
    session: Session<'a, A, L>,
    stages: &'a S,
    /// What the run began with, and what it has come to.
    initial: Harness,
    pool: Pool,
    /// What it began with.
    anchor: Pool,
    /// The last pool that passed the tripwire, and the ships until then.
    passed_wire: (Pool, usize),
    wires: Vec<Wire>,
    /// The variant this round is about, and its name in the pool.
    incumbent: Harness,
    variant: String,
    lanes: Lanes,
    names: BTreeSet<String>,
    permissions: BTreeSet<Permission>,
    posterior: Posterior,
    lessons: Lessons<'a, L>,
    /// Episodes of the incumbents that were read, by their ids.
    read: BTreeMap<String, EpisodeDigest>,
    digests: BTreeMap<String, TaskDigest>,
    rounds: Vec<Round>,
    ships: Vec<Ship>,
    judged: Vec<Judged>,
    refused: Vec<Refused>,
    attributions: Vec<Attribution>,
    routing: Option<Routing>,
    answers: Vec<(String, Answer)>,
}

impl<'a, A: Evaluator, L: Ledger, S: Stages> Run<'a, A, L, S> {
    fn begin(mut session: Session<'a, A, L>, initial: &Harness, stages: &'a S) -> Result<Self, EvolveError> {
        let (evaluator, config) = (session.evaluator, session.config);
        let (split, catalogue) = (evaluator.split(), evaluator.catalogue());
        evaluator.admits(initial).map_err(|error| match error {
            EvaluatorError::Stopped => EvolveError::Initial("stopped".to_owned()),
            EvaluatorError::Failed(why) => EvolveError::Initial(why),
        })?;
        let packs: Vec<_> = catalogue.packs().collect();
        let lessons = Lessons::open(session.ledger(), config, evaluator.suite())?;
        let mut lanes = Lanes::new(evaluator, config)?;
        for lane in &mut lanes.all {
            lane.tried.insert(initial.variant_id(catalogue));
        }
        let pool = Pool::from(initial.clone());
        let begun = Begun {
            config: config.clone(),
            suite: evaluator.suite().to_owned(),
            initial: initial.clone(),
            variant: initial.variant_id(catalogue),
            lanes: lanes.all.iter().map(|lane| BegunLane::of(lane.purse.total(), &lane.folds, evaluator)).collect(),
            split: fingerprint(split)?,
            catalogue: fingerprint(&packs)?,
        };
        session.decide("begun", &begun)?;
        let groups: Vec<String> =
            [&split.explore, &split.sealed].into_iter().chain(&split.folds).flatten().cloned().collect();
        let tasks = evaluator.planned(&groups).into_iter().flat_map(|planned| planned.tasks);
        let names = tasks.chain(groups.iter().cloned()).collect();
        let specs = initial.processors.iter().chain(&initial.tools);
        let granted = specs.filter_map(|spec| catalogue.lookup(&spec.module).ok());
        let mut permissions = config.allowed_permissions.clone();
        permissions.extend(granted.flat_map(|entry| entry.module.permissions.iter().copied()));
        Ok(Self {
            initial: initial.clone(),
            anchor: pool.clone(),
            passed_wire: (pool.clone(), 0),
            wires: Vec::new(),
            pool,
            incumbent: initial.clone(),
            variant: ONLY.to_owned(),
            lanes,
            session,
            stages,
            names,
            permissions,
            posterior: lessons.prior().clone(),
            lessons,
            read: BTreeMap::new(),
            digests: BTreeMap::new(),
            rounds: Vec::new(),
            ships: Vec::new(),
            judged: Vec::new(),
            refused: Vec::new(),
            attributions: Vec::new(),
            routing: None,
            answers: Vec::new(),
        })
    }

    fn id(&self, harness: &Harness) -> VariantId {
        harness.variant_id(self.session.evaluator.catalogue())
    }

    async fn rounds(&mut self) -> Result<Stop, Halt> {
        let config = self.session.config;
        for round in 1..=config.rounds {
            self.tripwire(round).await?;
            if let Some(stop) = self.lanes.all_done() {
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
                self.lanes.here_mut().done = Some(Stop::NoCandidates);
                continue;
            }
            let finalists = self.screen(round, candidates, &played).await?;
            let shipped = self.gate(round, finalists, &played).await?;
            let lane = self.lanes.here_mut();
            lane.idle = if shipped { 0 } else { lane.idle + 1 };
            if lane.idle >= config.idle_rounds.max(1) {
                lane.done = Some(Stop::Idle);
            }
        }
        // What ends a lane in the last round is seen before the rounds are.
        let given_up = self.lanes.all.iter().all(|lane| matches!(lane.done, Some(Stop::Idle | Stop::NoCandidates)));
        Ok(if given_up { self.lanes.ended() } else { Stop::Rounds })
    }

    /// Turns to the lane with most to gain and the variant that serves it; `None` when all are done. Gives what of
    /// `played` is of that lane.
    fn focus(&mut self, played: Vec<Played>) -> Option<Vec<Played>> {
        let digests = &self.digests;
        let fails = |task: &&&str| digests.get(**task).is_none_or(|digest| !digest.passes());
        self.lanes.at = self.lanes.choose(|tasks| tasks.iter().filter(fails).count())?;
        self.variant = self.pool.route(&self.lanes.here().like).to_owned();
        self.incumbent = self.pool.variants.get(&self.variant)?.clone();
        let tasks = self.lanes.tasks(self.lanes.at);
        Some(played.into_iter().filter(|one| tasks.contains(one.rollout.task.as_str())).collect())
    }

    /// The digests of this round's lane.
    fn here(&self) -> BTreeMap<String, TaskDigest> {
        let tasks = self.lanes.tasks(self.lanes.at);
        let mine = self.digests.iter().filter(|(task, _)| tasks.contains(task.as_str()));
        mine.map(|(task, digest)| (task.clone(), digest.clone())).collect()
    }

    /// What is learnt of a candidate whose fate is decided: it goes into the track and the posterior, of this run and,
    /// as a fact, of those to come.
    fn learn(&mut self, round: u32, candidate: &Candidate, gains: f64, losses: f64) -> Result<(), EvolveError> {
        self.lanes.here_mut().track.note(round, candidate, gains > 0.0);
        let category = candidate.manifest.category.as_ref().map_or(UNCLAIMED_CATEGORY, |category| category.name());
        for module in &candidate.manifest.modules {
            self.posterior.count(module, category, gains, losses);
            self.lessons.keep(&Lesson { suite: self.session.evaluator.suite(), module, category, gains, losses })?;
        }
        Ok(())
    }

    /// Duels in order of rank until one ships. Whether one did.
    async fn gate(&mut self, round: u32, finalists: Vec<Contender>, played: &[Played]) -> Result<bool, Halt> {
        let mut waiting = finalists.into_iter();
        while let Some(contender) = waiting.next() {
            if let Some(unfit) = self.session.unfit(&contender, &self.incumbent, &self.permissions, played)? {
                self.refuse(round, &contender.candidate, &unfit)?;
                continue;
            }
            let Some(placed) = self.place(&contender).await? else { continue };
            let Some((fold, groups)) = self.lanes.open(&placed.scope) else { return Ok(false) };
            let alpha = self.lanes.grant(&placed.scope, round);
            if alpha == Alpha::ZERO {
                return Ok(false);
            }
            let past = past(&self.lanes.here().explore, played);
            let bench = Bench {
                round,
                arms: Match { incumbent: &self.pool, candidate: &placed.pool },
                scope: &placed.scope,
                fold: (fold, self.session.evaluator.planned(&groups)),
                alpha,
                past: &past,
            };
            let (judged, stop) = self.session.judge(&bench, &contender).await?;
            self.session.decide("verdict", &judged)?;
            self.session.say(format!("round {round}: {} — {}", judged.edit, judged.reason()));
            if let Some(summary) = self.rounds.last_mut() {
                summary.judged += 1;
            }
            self.judged.push(judged.clone());
            if let Some(stop) = stop {
                return Err(Halt::Spent(stop));
            }
            if judged.ships && !self.approved(&contender.candidate, &judged, &placed)? {
                self.lanes.here_mut().rejected.insert(wish(&contender.candidate.changes));
                self.learn(round, &contender.candidate, 0.0, 1.0)?;
                continue;
            }
            if judged.ships {
                let proof = judged.proof().clone();
                self.ship(round, contender.candidate, placed, proof, waiting.map(|left| left.candidate))?;
                return Ok(true);
            }
            self.lanes.here_mut().rejected.insert(wish(&contender.candidate.changes));
            self.learn(round, &contender.candidate, 0.0, 1.0)?;
        }
        Ok(false)
    }

    /// Whether a proven edit may ship: where a person has the last word, when there is one.
    fn approved(&mut self, candidate: &Candidate, judged: &Judged, placed: &Placed) -> Result<bool, Halt> {
        if !self.session.config.approve {
            return Ok(true);
        }
        let arms = Match { incumbent: &self.pool, candidate: &placed.pool };
        let mut request = self.session.request(&candidate.id, &judged.edit, judged.proof(), arms);
        request.fork = placed.fork.as_ref().map(ToString::to_string);
        let Some(answer) = self.session.ask(&request)? else {
            self.session.say(format!("{} waits for a person", judged.edit));
            return Err(Halt::Paused(Stop::Approval));
        };
        self.session.decide("answered", &(&candidate.id, &answer))?;
        let said = if answer.approved { "approved" } else { "declined" };
        self.session.say(format!("{}: {said} by {}", judged.edit, answer.by));
        if !answer.approved {
            let reason = format!("declined by {}: {}", answer.by, answer.reason);
            let (id, edit) = (candidate.id.clone(), judged.edit.clone());
            self.refused.push(Refused { round: judged.round, candidate: id, edit, at: At::Person, reason });
        }
        self.answers.push((candidate.id.clone(), answer.clone()));
        Ok(answer.approved)
    }

    fn refuse(&mut self, round: u32, candidate: &Candidate, unfit: &Unfit) -> Result<(), Halt> {
        let refused = Refused {
            round,
            candidate: candidate.id.clone(),
            edit: candidate.edit.to_string(),
            at: At::Check,
            reason: unfit.to_string(),
        };
        self.session.decide("unfit", &refused)?;
        self.session.say(format!("round {round}: {} — {unfit}", refused.edit));
        self.refused.push(refused);
        self.learn(round, candidate, 0.0, 1.0)?;
        Ok(())
    }

    fn ship(
        &mut self,
        round: u32,
        candidate: Candidate,
        placed: Placed,
        certificate: Certificate,
        waiting: impl Iterator<Item = Candidate>,
    ) -> Result<(), Halt> {
        self.learn(round, &candidate, 1.0, 0.0)?;
        let ship = Ship {
            round,
            text: candidate.edit.to_string(),
            inverse: candidate.edit.invert(),
            from: self.id(&self.incumbent),
            certificate,
            harness: candidate.harness.clone(),
            variant: placed.name,
            fork: placed.fork,
            retired: placed.retired,
            unlocked: None,
            candidate,
        };
        self.session.decide("shipped", &ship)?;
        let fork = ship.fork.as_ref().map(|cell| format!(" as variant `{}` for {cell}", ship.variant));
        self.session.say(format!("round {round}: shipped {}{}", ship.text, fork.unwrap_or_default()));
        self.pool = placed.pool;
        if let Some(summary) = self.rounds.last_mut() {
            summary.shipped = Some(ship.candidate.id.clone());
        }
        // What they share with the shipped edit is done; who has nothing else to offer does not begin again.
        let rest = waiting.map(|left| {
            let changes: Vec<_> =
                left.changes.into_iter().filter(|change| !ship.candidate.changes.contains(change)).collect();
            Candidate { changes, ..left }
        });
        self.lanes.here_mut().waiting = rest.filter(|left| !left.changes.is_empty()).collect();
        self.lanes.ship(&placed.scope);
        self.ships.push(ship);
        Ok(())
    }

    fn finish(self, ended: Stop) -> Evolution {
        Evolution {
            config: self.session.config.clone(),
            suite: self.session.evaluator.suite().to_owned(),
            initial: self.initial,
            last: self.pool.variants.get(&self.pool.fallback).cloned().unwrap_or_default(),
            pool: self.pool,
            attributions: self.attributions,
            routing: self.routing,
            answers: self.answers,
            rounds: self.rounds,
            ships: self.ships,
            judged: self.judged,
            wires: self.wires,
            refused: self.refused,
            ended,
            guarantee: self.lanes.guarantee(),
            alpha_spent: self.lanes.spent(),
            posterior: self.posterior,
            track: self.lanes.track(),
            meter: self.session.meter,
        }
    }
}
