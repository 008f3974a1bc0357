//! One sitting at a run: plays rollouts once, counts them, keeps the budgets, and records every stop and every fault of
//! the infrastructure as an event, so that a repetition meets them at the same place. Refuses to play past a budget.

use std::collections::{BTreeMap, HashMap};

use evolve_gate::Outcome;
use harness_abi::Usage;
use harness_spec::{Harness, Pool, VariantId};
use harness_trace::{EpisodeResult, Rollout, Split};
use serde::{Deserialize, Serialize};

use crate::config::EvolveConfig;
use crate::error::EvolveError;
use crate::evaluator::{Arrival, Evaluator, EvaluatorError, JudgedOutcome};
use crate::events::{Clock, Event, Observer, Phase};
use crate::ledger::{Journal, Ledger};

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// All rounds were played.
    Rounds,
    /// Too many rounds in a row shipped nothing.
    Idle,
    /// Every group of the gate split was used up by a ship.
    GateUsedUp,
    /// The incumbent passes every explore task.
    NothingFails,
    /// Nothing is left to propose.
    NoCandidates,
    /// The budget of rollouts ended.
    Rollouts,
    /// The budget of tokens ended.
    Tokens,
    /// The time was up.
    WallClock,
    /// It was told to stop. Not recorded: the same command continues.
    Interrupted,
    /// The model or the environment could not be reached any more. Not recorded: the same command continues.
    Lost,
    /// A proven edit waits for a person. Not recorded: the same command continues, once there is an answer.
    Approval,
}

impl Stop {
    /// Whether the same command continues.
    pub const fn continues(self) -> bool {
        matches!(self, Self::Interrupted | Self::Lost | Self::Approval)
    }
}

/// Why no outcome came back.
#[derive(Debug)]
pub(crate) enum Halt {
    /// A budget ended, which is recorded.
    Spent(Stop),
    /// Told to stop.
    Interrupted,
    /// It cannot go on now, and nothing was decided about that.
    Paused(Stop),
    /// Something broke.
    Failed(EvolveError),
}

impl<E: Into<EvolveError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What a run asked for and what of it was new.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Meter {
    /// Rollouts asked for, each counted once, remembered or not.
    pub rollouts: u64,
    /// Of those, rollouts found in the record.
    pub remembered: u64,
    /// Steps in them.
    pub steps: u64,
    /// What they used, as if nothing had been replayed.
    pub usage: Usage,
    /// Of that, what replayed model calls account for.
    pub replayed: Usage,
    /// Sum of the episodes' wall clocks, in microseconds.
    pub episode_micros: u64,
    /// Most tokens of one rollout.
    pub dearest: u64,
    /// What models of the stages used, as if nothing had been replayed; not part of `usage`.
    #[serde(default)]
    pub stages: Usage,
    /// What marking used, where a model marks; not part of `usage`.
    #[serde(default)]
    pub marking: Usage,
}

impl Meter {
    /// Prompt and reply tokens together, those of stages and marking among them, as if nothing had been replayed.
    pub fn tokens(&self) -> u64 {
        let of = |usage: &Usage| usage.input_tokens + usage.output_tokens;
        of(&self.usage) + of(&self.stages) + of(&self.marking)
    }

    /// Of these, what rollouts and their marking used.
    fn rollout_tokens(&self) -> u64 {
        self.tokens() - (self.stages.input_tokens + self.stages.output_tokens)
    }

    fn add(&mut self, played: &EpisodeResult) {
        self.rollouts += 1;
        self.remembered += u64::from(played.remembered);
        self.steps += played.steps;
        self.usage += played.usage;
        self.replayed += played.replayed;
        self.marking += played.marking;
        self.episode_micros += played.micros;
        let tokens = |usage: Usage| usage.input_tokens + usage.output_tokens;
        self.dearest = self.dearest.max(tokens(played.usage) + tokens(played.marking));
    }

    /// What was added since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        let usage = |now: Usage, then: Usage| Usage {
            input_tokens: now.input_tokens - then.input_tokens,
            cached_tokens: now.cached_tokens - then.cached_tokens,
            output_tokens: now.output_tokens - then.output_tokens,
            cost_micros: now.cost_micros - then.cost_micros,
        };
        Self {
            rollouts: self.rollouts - before.rollouts,
            remembered: self.remembered - before.remembered,
            steps: self.steps - before.steps,
            usage: usage(self.usage, before.usage),
            replayed: usage(self.replayed, before.replayed),
            episode_micros: self.episode_micros - before.episode_micros,
            dearest: self.dearest,
            stages: usage(self.stages, before.stages),
            marking: usage(self.marking, before.marking),
        }
    }

    /// Both counts together.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.rollouts += other.rollouts;
        self.remembered += other.remembered;
        self.steps += other.steps;
        self.usage += other.usage;
        self.replayed += other.replayed;
        self.episode_micros += other.episode_micros;
        self.dearest = self.dearest.max(other.dearest);
        self.stages += other.stages;
        self.marking += other.marking;
        self
    }
}

/// Budgets of a sitting.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RunLimits {
    pub rollouts: Option<u64>,
    pub tokens: Option<u64>,
    pub micros: Option<u64>,
}

impl RunLimits {
    /// Of a run whose stages were given so many of its tokens: rollouts have the rest.
    pub fn of(config: &EvolveConfig, stages: Option<u64>) -> Self {
        let micros = config.max_seconds.map(|seconds| seconds.saturating_mul(1_000_000));
        let tokens = config.max_tokens.map(|all| all.saturating_sub(stages.unwrap_or(0)));
        Self { rollouts: config.max_rollouts, tokens, micros }
    }
}

/// Packs that joined a run before one of its rounds.
#[derive(Serialize, Deserialize)]
struct Arrived {
    /// The round.
    before_round: u32,
    /// The packs.
    arrived: Vec<Arrival>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Stopped {
    stopped: Stop,
    rollouts: u64,
}

type Key = (VariantId, String, u64);

/// Kind of the facts that say how long decisions of a kind have been going on.
fn clock_kind(kind: &str) -> String {
    format!("{kind}.clock")
}

/// Kind of the facts that say where the infrastructure failed.
fn fault_kind(kind: &str) -> String {
    format!("{kind}.fault")
}

pub(crate) struct Session<'a, A, L> {
    pub evaluator: &'a A,
    pub config: &'a EvolveConfig,
    pub meter: Meter,
    kind: &'static str,
    journal: Journal<'a, L>,
    ledger: &'a L,
    limits: RunLimits,
    clock: &'a dyn Clock,
    /// Microseconds of earlier sittings.
    before: u64,
    observer: &'a dyn Observer,
    known: HashMap<Key, EpisodeResult>,
    /// Faults of earlier sittings that a repetition has not met yet.
    faults: BTreeMap<String, Vec<EpisodeResult>>,
    spent: Option<Stop>,
}

impl<'a, A: Evaluator, L: Ledger> Session<'a, A, L> {
    pub fn open(
        evaluator: &'a A,
        ledger: &'a L,
        config: &'a EvolveConfig,
        kind: &'static str,
        limits: RunLimits,
        clock: &'a dyn Clock,
        observer: &'a dyn Observer,
    ) -> Result<Self, EvolveError> {
        let mut faults: BTreeMap<String, Vec<EpisodeResult>> = BTreeMap::new();
        for (key, value) in ledger.all(&config.run, &fault_kind(kind))? {
            let of_rollout = faults.entry(key).or_default();
            if value.is_null() {
                // The run stopped over them: they are not met again.
                of_rollout.clear();
            } else {
                of_rollout.push(serde_json::from_value(value)?);
            }
        }
        let clocks = ledger.all(&config.run, &clock_kind(kind))?;
        let before = clocks.last().and_then(|(_, micros)| micros.as_u64()).unwrap_or(0);
        let journal = Journal::open(ledger, &config.run, kind)?;
        let (meter, known, spent) = (Meter::default(), HashMap::new(), None);
        Ok(Self {
            evaluator,
            config,
            meter,
            kind,
            journal,
            ledger,
            limits,
            clock,
            before,
            observer,
            known,
            faults,
            spent,
        })
    }

    pub fn say(&self, line: String) {
        self.observer.on(&Event::Said(line));
    }

    pub fn tell(&self, event: &Event) {
        self.observer.on(event);
    }

    /// Puts a decision into the ledger before it takes effect.
    pub fn decide(&mut self, name: &str, decision: &impl Serialize) -> Result<(), EvolveError> {
        let live = self.journal.next_recorded().is_none();
        self.journal.decide(name, decision)?;
        if live {
            self.ledger.put(&self.config.run, &clock_kind(self.kind), name, &self.elapsed().into())?;
        }
        Ok(())
    }

    /// Takes in what was installed since the round before. What joined when is a fact: a repetition takes in the same at
    /// the same place and looks for nothing else.
    pub fn arrivals(&mut self, before_round: u32) -> Result<(), Halt> {
        let recorded = self.journal.next_recorded().map(|next| match Arrived::deserialize(next) {
            Ok(arrived) if arrived.before_round == before_round => arrived.arrived,
            _ => Vec::new(),
        });
        let arrived = self.evaluator.arrivals(recorded.as_deref()).map_err(|error| match error {
            EvaluatorError::Stopped => Halt::Interrupted,
            EvaluatorError::Failed(why) => Halt::Failed(EvolveError::Evaluator(why)),
        })?;
        if arrived.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = arrived.iter().map(|one| format!("{} {}", one.pack, one.version)).collect();
        self.say(format!("round {before_round}: installed meanwhile: {}", names.join(", ")));
        Ok(self.decide("arrived", &Arrived { before_round, arrived })?)
    }

    /// Where facts are kept.
    pub fn ledger(&self) -> &'a L {
        self.ledger
    }

    /// Takes in what models of the stages used in all so far.
    pub fn spent_by_stages(&mut self, usage: Usage) {
        self.meter.stages = usage;
    }

    fn elapsed(&self) -> u64 {
        self.before.saturating_add(self.clock.micros())
    }

    /// As [`Session::insist_pool`], by one harness.
    pub async fn insist(
        &mut self,
        harness: &Harness,
        split: Split,
        phase: Phase,
        rollouts: &[Rollout],
    ) -> Result<Vec<EpisodeResult>, Halt> {
        self.insist_pool(&Pool::from(harness.clone()), split, phase, rollouts).await
    }

    /// As [`Session::play_pool`], but asks again, as often as the settings say, for what the infrastructure lost. What
    /// is lost then is answered as lost; if that is all of it, the infrastructure is down and the run pauses.
    pub async fn insist_pool(
        &mut self,
        pool: &Pool,
        split: Split,
        phase: Phase,
        rollouts: &[Rollout],
    ) -> Result<Vec<EpisodeResult>, Halt> {
        let mut played = self.play_pool(pool, split, phase, rollouts).await?;
        for _ in 1..self.config.attempts.max(1) {
            if lost(&played) == 0 {
                return Ok(played);
            }
            played = self.play_pool(pool, split, phase, rollouts).await?;
        }
        if lost(&played) < rollouts.len().max(1) {
            return Ok(played);
        }
        let id = |rollout: &Rollout| {
            let harness = pool.variant_for(&self.evaluator.features(&rollout.task))?;
            Some(harness.variant_id(self.evaluator.catalogue()))
        };
        let ids: Vec<_> = rollouts.iter().filter_map(|rollout| Some((id(rollout)?, rollout))).collect();
        self.give_up(ids.into_iter())
    }

    /// Nothing came back: the faults are taken back, so that a repetition asks again, and the run pauses.
    fn give_up<'r, T>(&self, all: impl Iterator<Item = (VariantId, &'r Rollout)>) -> Result<T, Halt> {
        for (id, rollout) in all {
            let key = fault_key(id, rollout);
            self.ledger.put(&self.config.run, &fault_kind(self.kind), &key, &serde_json::Value::Null)?;
        }
        Err(Halt::Paused(Stop::Lost))
    }

    /// Mean tokens and steps of what a pool played of `rollouts`.
    pub fn spent_on(&self, pool: &Pool, rollouts: &[Rollout]) -> (f64, f64) {
        let played = rollouts.iter().filter_map(|rollout| {
            let harness = pool.variant_for(&self.evaluator.features(&rollout.task))?;
            self.known.get(&key(harness.variant_id(self.evaluator.catalogue()), rollout))
        });
        let sum = played.fold((0.0, 0.0, 0.0), |(tokens, steps, count), one| {
            let used = one.usage.input_tokens + one.usage.output_tokens;
            (tokens + used as f64, steps + one.steps as f64, count + 1.0)
        });
        if sum.2 == 0.0 { (0.0, 0.0) } else { (sum.0 / sum.2, sum.1 / sum.2) }
    }

    /// As [`Session::play`], each rollout by the variant its task is routed to.
    pub async fn play_pool(
        &mut self,
        pool: &Pool,
        split: Split,
        phase: Phase,
        rollouts: &[Rollout],
    ) -> Result<Vec<EpisodeResult>, Halt> {
        let routes: Vec<&str> =
            rollouts.iter().map(|rollout| pool.route(&self.evaluator.features(&rollout.task))).collect();
        let mut all: Vec<Option<EpisodeResult>> = vec![None; rollouts.len()];
        for (name, harness) in &pool.variants {
            let places: Vec<usize> = (0..rollouts.len()).filter(|&place| routes[place] == name).collect();
            let own: Vec<Rollout> = places.iter().map(|&place| rollouts[place].clone()).collect();
            let id = harness.variant_id(self.evaluator.catalogue());
            let played = self.play(harness, id, split, phase, &own).await?;
            places.into_iter().zip(played).for_each(|(place, one)| all[place] = Some(one));
        }
        Ok(all.into_iter().flatten().collect())
    }

    /// Plays what is not known yet, in bites, and answers in the order of `rollouts`. A fault of the infrastructure is
    /// no outcome: it is asked for again the next time.
    pub async fn play(
        &mut self,
        harness: &Harness,
        id: VariantId,
        split: Split,
        phase: Phase,
        rollouts: &[Rollout],
    ) -> Result<Vec<EpisodeResult>, Halt> {
        let mut faulty: HashMap<&Rollout, EpisodeResult> = HashMap::new();
        let mut due: Vec<&Rollout> = rollouts.iter().filter(|r| !self.known.contains_key(&key(id, r))).collect();
        due.sort();
        due.dedup();
        due.sort_by_key(|rollout| rollouts.iter().position(|r| r == *rollout));
        let mut due = due.as_slice();
        while !due.is_empty() {
            // Where tokens are counted, the first rollout alone shows what one takes.
            let alone = self.limits.tokens.is_some() && self.meter.dearest == 0;
            let most = if alone { 1 } else { self.config.concurrency.max(1) * 8 };
            let (bite, rest) = due.split_at(most.min(due.len()));
            due = rest;
            for played in self.bite(harness, id, split, phase, bite).await? {
                if played.judged() == Outcome::Infrastructure {
                    if let Some(rollout) = rollouts.iter().find(|r| **r == played.rollout) {
                        faulty.insert(rollout, played);
                    }
                } else {
                    self.known.insert(key(id, &played.rollout), played);
                }
            }
        }
        let result = |rollout: &Rollout| {
            self.known
                .get(&key(id, rollout))
                .or_else(|| faulty.get(rollout))
                .cloned()
                .ok_or_else(|| Halt::Failed(EvolveError::Mismatch { asked: rollouts.len(), got: self.known.len() }))
        };
        rollouts.iter().map(result).collect()
    }

    async fn bite(
        &mut self,
        harness: &Harness,
        id: VariantId,
        split: Split,
        phase: Phase,
        bite: &[&Rollout],
    ) -> Result<Vec<EpisodeResult>, Halt> {
        self.afford(bite.len() as u64)?;
        let mut all = Vec::with_capacity(bite.len());
        let mut asked: Vec<Rollout> = Vec::with_capacity(bite.len());
        for rollout in bite {
            let fault = self.faults.get_mut(&fault_key(id, rollout)).filter(|faults| !faults.is_empty());
            match fault {
                Some(faults) => all.push(faults.remove(0)),
                None => asked.push((*rollout).clone()),
            }
        }
        if !asked.is_empty() {
            let played = self.evaluator.play(harness, split, asked.clone()).await.map_err(|error| match error {
                EvaluatorError::Stopped => Halt::Interrupted,
                EvaluatorError::Failed(why) => Halt::Failed(EvolveError::Evaluator(why)),
            })?;
            if !played.iter().map(|p| &p.rollout).eq(asked.iter()) {
                return Err(EvolveError::Mismatch { asked: asked.len(), got: played.len() }.into());
            }
            for fault in played.iter().filter(|p| p.judged() == Outcome::Infrastructure) {
                let value = serde_json::to_value(fault)?;
                self.ledger.put(&self.config.run, &fault_kind(self.kind), &fault_key(id, &fault.rollout), &value)?;
            }
            all.extend(played);
        }
        all.iter().for_each(|played| self.meter.add(played));
        let remembered = all.iter().filter(|played| played.remembered).count();
        self.tell(&Event::Played { phase, now: all.len(), remembered, total: self.meter.rollouts });
        Ok(all)
    }

    /// Whether `more` rollouts fit into what is left to rollouts. Of tokens as many are set aside as the dearest rollout took.
    fn afford(&mut self, more: u64) -> Result<(), Halt> {
        if let Some(stop) = self.spent {
            return Err(Halt::Spent(stop));
        }
        let over = |limit: Option<u64>, would: u64| limit.is_some_and(|limit| would > limit);
        let tokens = self.meter.rollout_tokens().saturating_add(more.saturating_mul(self.meter.dearest));
        let stop = if over(self.limits.rollouts, self.meter.rollouts + more) {
            Stop::Rollouts
        } else if over(self.limits.tokens, tokens) {
            Stop::Tokens
        } else if self.time_is_up() {
            Stop::WallClock
        } else {
            return Ok(());
        };
        self.spent = Some(stop);
        self.decide("stopped", &Stopped { stopped: stop, rollouts: self.meter.rollouts })?;
        Err(Halt::Spent(stop))
    }

    /// In a repetition the clock has no say: what it said then is recorded.
    fn time_is_up(&self) -> bool {
        match self.journal.next_recorded() {
            Some(next) => {
                let stopped = Stopped { stopped: Stop::WallClock, rollouts: self.meter.rollouts };
                Stopped::deserialize(next).is_ok_and(|recorded| recorded == stopped)
            }
            None => self.limits.micros.is_some_and(|limit| self.elapsed() >= limit),
        }
    }
}

/// How many of them the infrastructure lost.
fn lost(played: &[EpisodeResult]) -> usize {
    played.iter().filter(|one| one.judged() == Outcome::Infrastructure).count()
}

fn key(id: VariantId, rollout: &Rollout) -> Key {
    (id, rollout.task.clone(), rollout.seed)
}

fn fault_key(id: VariantId, rollout: &Rollout) -> String {
    format!("{id} {} {}", rollout.seed, rollout.task)
}
