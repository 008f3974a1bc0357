//! The runner: plays harnesses on tasks, in parallel, resumably. What the record already holds of this run is not played again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use harness_abi::{Action, ErrorClass, ModuleError, Usage, kit};
use harness_core::{Agent, AssembleError, Cancel, Clock, EpisodeSpec, Start, SystemClock, TaskEnvironment, assemble};
use harness_host::Host;
use harness_spec::{Harness, Pool};
use harness_trace::{
    EpisodeEnd, EpisodeResult, EpisodeStart, Look, LookKind, Outcome, Recorder, Rollout, SeenGroup, Split, Store,
    TraceError,
};
use tokio::task::JoinSet;

use crate::{
    Benchmark, BenchmarkError,
    play::{Played, play},
};

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It was told to stop.
    #[error("stopped")]
    Stopped,
    /// The harness cannot be assembled.
    #[error(transparent)]
    Assemble(#[from] AssembleError),
    /// The benchmark has no such task.
    #[error(transparent)]
    Benchmark(#[from] BenchmarkError),
    /// The record failed.
    #[error(transparent)]
    Record(#[from] TraceError),
    /// An environment does not come up or does not know its own solutions.
    #[error("task {task}: {message}")]
    Environment {
        /// The task.
        task: String,
        /// Why.
        message: String,
    },
    /// A rollout's own task died: a bug of this program.
    #[error("a rollout died: {0}")]
    Died(String),
}

/// Who plays.
#[derive(Debug, Clone, PartialEq)]
pub enum Player {
    /// A harness, or several with their routes.
    Pool(Pool),
    /// The known solutions, without any harness: checks environment and grader.
    Oracle,
}

impl From<Harness> for Player {
    fn from(harness: Harness) -> Self {
        Self::Pool(harness.into())
    }
}

/// A harness id for episodes played without one.
const ORACLE: &str = "oracle";

/// By harness, task and seed.
type Known = HashMap<(String, String, u64), EpisodeResult>;

/// Plays one run's episodes.
pub struct Runner {
    benchmark: Arc<Benchmark>,
    host: Arc<Host>,
    store: Arc<Store>,
    run: String,
    command: String,
    cancel: Cancel,
    concurrency: usize,
    agents: Mutex<HashMap<String, Arc<Agent>>>,
    known: Mutex<Known>,
    /// Groups that this run's looks are about.
    seen: Mutex<BTreeSet<SeenGroup>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runner {
    /// A runner for run `run`, at most `concurrency` episodes at a time; `command` is what looks are counted with.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn new(
        benchmark: Arc<Benchmark>,
        host: Arc<Host>,
        store: Arc<Store>,
        run: &str,
        command: &str,
        concurrency: usize,
        cancel: Cancel,
    ) -> Result<Self, RunError> {
        let known = store.finished(run)?.into_iter().map(|row| {
            let start = &row.start;
            ((start.harness.clone(), start.task.clone(), start.seed), EpisodeResult::recorded(&row))
        });
        let (known, seen) = (Mutex::new(known.collect()), store.groups_seen(run, LookKind::Played)?);
        Ok(Self {
            benchmark,
            host,
            store,
            run: run.to_owned(),
            command: command.to_owned(),
            cancel,
            concurrency: concurrency.max(1),
            agents: Mutex::default(),
            known,
            seen: Mutex::new(seen),
        })
    }

    /// The benchmark.
    pub fn benchmark(&self) -> &Benchmark {
        &self.benchmark
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The record.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The harness, assembled; once for each variant.
    ///
    /// # Errors
    ///
    /// It cannot be assembled.
    pub fn agent(&self, harness: &Harness) -> Result<Arc<Agent>, RunError> {
        let id = harness.variant_id(self.host.catalogue()).to_string();
        if let Some(agent) = held(&self.agents).get(&id) {
            return Ok(agent.clone());
        }
        let agent = Arc::new(assemble(harness, &self.host)?);
        held(&self.agents).insert(id, agent.clone());
        Ok(agent)
    }

    /// How many groups of each split harnesses of this run have played.
    pub fn looked(&self) -> BTreeMap<Split, usize> {
        let splits: HashMap<SeenGroup, Split> = self.benchmark.groups().collect();
        let mut counts = BTreeMap::new();
        for split in held(&self.seen).iter().filter_map(|group| splits.get(group)) {
            *counts.entry(*split).or_default() += 1;
        }
        counts
    }

    /// Plays `jobs`, each by the variant its task is routed to; results stand in their order; `done` is called with each.
    /// What infrastructure ended is played again, up to `attempts` times in all; what is lost then is answered as lost.
    ///
    /// Every group that a harness plays for the first time in this run is counted as looked at before it is played.
    ///
    /// # Errors
    ///
    /// It was told to stop; a harness cannot be assembled; an environment is set up wrongly; the record failed.
    pub async fn play(
        &self,
        player: &Player,
        jobs: &[Rollout],
        attempts: u32,
        done: impl Fn(&EpisodeResult),
    ) -> Result<Vec<EpisodeResult>, RunError> {
        let players = Players::of(self, player)?;
        let mut results: Vec<Option<EpisodeResult>> = vec![None; jobs.len()];
        let mut due = Vec::new();
        for (index, job) in jobs.iter().enumerate() {
            let key = (players.id(self, job), job.task.clone(), job.seed);
            match held(&self.known).get(&key) {
                Some(known) => {
                    done(known);
                    results[index] = Some(known.clone());
                }
                None => due.push(index),
            }
        }
        if let Players::Agents(..) = players {
            self.look(due.iter().filter_map(|index| jobs.get(*index)))?;
        }
        for attempt in 1..=attempts.max(1) {
            let last = attempt == attempts.max(1);
            let mut lost = Vec::new();
            let mut waiting = due.into_iter();
            let mut running = JoinSet::new();
            let mut stopped = false;
            loop {
                // An environment exists while its task is played, and not before.
                while !stopped
                    && running.len() < self.concurrency
                    && let Some(index) = waiting.next()
                {
                    stopped = self.cancel.is_cancelled();
                    if let (false, Some(job)) = (stopped, jobs.get(index)) {
                        let episode = self.planned(&players, job)?;
                        running.spawn(async move { (index, episode.run().await) });
                    }
                }
                let Some(joined) = running.join_next().await else { break };
                let (index, played) = joined.map_err(|error| RunError::Died(error.to_string()))?;
                let (harness, result) = played?;
                if result.outcome == Outcome::Cancelled {
                    stopped = true;
                    continue;
                }
                let counts = result.outcome.counts();
                if counts {
                    let key = (harness, result.rollout.task.clone(), result.rollout.seed);
                    held(&self.known).insert(key, EpisodeResult { remembered: true, ..result.clone() });
                } else {
                    lost.push(index);
                }
                if counts || last {
                    done(&result);
                }
                results[index] = Some(result);
            }
            if stopped {
                return Err(RunError::Stopped);
            }
            lost.sort_unstable();
            due = lost;
            if due.is_empty() {
                break;
            }
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// Counts the groups of `jobs` that this run has not looked at.
    fn look<'j>(&self, jobs: impl Iterator<Item = &'j Rollout>) -> Result<(), TraceError> {
        let mut fresh: BTreeMap<Split, BTreeSet<SeenGroup>> = BTreeMap::new();
        for (group, split) in jobs.filter_map(|job| self.benchmark.seen_group(&job.task)) {
            if held(&self.seen).insert(group.clone()) {
                fresh.entry(split).or_default().insert(group);
            }
        }
        for (split, groups) in fresh {
            self.store.log_look(Look {
                run: self.run.clone(),
                suite: self.benchmark.suite.name.clone(),
                data: self.benchmark.data().to_owned(),
                split: Some(split),
                kind: LookKind::Played,
                command: self.command.clone(),
                at_ms: SystemClock.unix_millis(),
                groups: groups.into_iter().collect(),
            })?;
        }
        Ok(())
    }

    fn planned(&self, players: &Players<'_>, job: &Rollout) -> Result<PlannedEpisode, RunError> {
        self.benchmark.task(&job.task)?;
        let harness = players.id(self, job);
        let name = kit::json(&(&self.run, &harness, &job.task, job.seed));
        let meta = EpisodeStart {
            episode: digest(&name, 16),
            run: self.run.clone(),
            parent: String::new(),
            harness,
            suite: self.benchmark.suite.name.clone(),
            split: self.benchmark.split_of(&job.task).map(Into::into).unwrap_or_default(),
            task: job.task.clone(),
            group: self.benchmark.group(&job.task).to_owned(),
            seed: job.seed,
            simulated: false,
            started_ms: SystemClock.unix_millis(),
        };
        let agent = players.agent(self, job);
        Ok(PlannedEpisode {
            meta,
            agent,
            benchmark: self.benchmark.clone(),
            store: self.store.clone(),
            cancel: self.cancel.clone(),
        })
    }
}

/// Who plays which job.
enum Players<'p> {
    Agents(&'p Pool, BTreeMap<&'p str, Arc<Agent>>),
    Oracle,
}

impl<'p> Players<'p> {
    fn of(runner: &Runner, player: &'p Player) -> Result<Self, RunError> {
        let Player::Pool(pool) = player else { return Ok(Self::Oracle) };
        let agents = pool.variants.iter().map(|(name, harness)| Ok((name.as_str(), runner.agent(harness)?)));
        Ok(Self::Agents(pool, agents.collect::<Result<_, RunError>>()?))
    }

    fn agent(&self, runner: &Runner, job: &Rollout) -> Option<Arc<Agent>> {
        match self {
            Self::Oracle => None,
            Self::Agents(_, agents) if agents.len() == 1 => agents.values().next().cloned(),
            Self::Agents(pool, agents) => agents.get(pool.route(&runner.benchmark.features(&job.task))).cloned(),
        }
    }

    fn id(&self, runner: &Runner, job: &Rollout) -> String {
        self.agent(runner, job).map_or_else(|| ORACLE.to_owned(), |agent| agent.variant().to_owned())
    }
}

/// The first `length` hexadecimal digits of the BLAKE3 of `text`: names of runs and episodes.
pub fn digest(text: &str, length: usize) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(length).collect()
}

/// An episode about to be played.
struct PlannedEpisode {
    meta: EpisodeStart,
    /// Without one the known solution is played.
    agent: Option<Arc<Agent>>,
    benchmark: Arc<Benchmark>,
    store: Arc<Store>,
    cancel: Cancel,
}

impl PlannedEpisode {
    /// Gives the harness's id and what came of it.
    async fn run(self) -> Result<(String, EpisodeResult), RunError> {
        let meta = self.meta.clone();
        let environment = match self.environment() {
            Ok(environment) => environment,
            Err(error)
                if self.agent.is_none() || error.class == ErrorClass::CONFIG || error.class == ErrorClass::INPUT =>
            {
                return Err(RunError::Environment { task: meta.task, message: error.to_string() });
            }
            // No failure of the harness: nothing of it has been asked yet.
            Err(error) => {
                let result = EpisodeResult::new(&meta, self.lost(&error)?);
                return Ok((meta.harness, result));
            }
        };
        let end = match self.agent.clone() {
            Some(agent) => {
                let mut spec = EpisodeSpec::new(self.meta, Start::Environment(Box::new(environment)), self.store);
                spec.cancel = self.cancel;
                let episode = agent.run(spec).await;
                episode.map_err(|harness_core::RunError::Record(error)| error)?.end
            }
            None => self.oracle(environment)?,
        };
        let result = EpisodeResult::new(&meta, end);
        Ok((meta.harness, result))
    }

    fn environment(&self) -> Result<TaskEnvironment, ModuleError> {
        let (task, binding) =
            self.benchmark.task(&self.meta.task).map_err(|error| ModuleError::fault(error.to_string()))?;
        let environment = binding.environment()?;
        let grader = Some(binding.grader());
        Ok(TaskEnvironment { environment, blocking: binding.blocking(), task: task.clone(), grader })
    }

    /// Records that the environment did not come up.
    fn lost(&self, error: &ModuleError) -> Result<EpisodeEnd, RunError> {
        self.store.begin(self.meta.clone())?;
        let end = EpisodeEnd {
            outcome: Outcome::Infrastructure,
            reason: format!("the environment did not come up: {error}"),
            steps: 0,
            usage: Usage::default(),
            replayed: Usage::default(),
            micros: 0,
            state: serde_json::Value::Null,
            grade: None,
        };
        self.store.end(&self.meta.episode, end.clone())?;
        Ok(end)
    }

    /// Plays the known solution and has it graded.
    fn oracle(mut self, mut environment: TaskEnvironment) -> Result<EpisodeEnd, RunError> {
        let began = SystemClock.micros();
        self.meta.simulated = true;
        self.store.begin(self.meta.clone())?;
        let fail =
            |error: ModuleError| RunError::Environment { task: self.meta.task.clone(), message: error.to_string() };
        let Played { steps, state, grade, .. } = solve(&mut environment, self.meta.seed).map_err(fail)?;
        let end = EpisodeEnd {
            outcome: Outcome::Done,
            reason: "the known solution was played".to_owned(),
            steps,
            usage: Usage::default(),
            replayed: Usage::default(),
            micros: SystemClock.micros() - began,
            state,
            grade: Some(grade),
        };
        self.store.end(&self.meta.episode, end.clone())?;
        Ok(end)
    }
}

/// The known solution of an environment's task, played.
fn solve(environment: &mut TaskEnvironment, seed: u64) -> Result<Played, ModuleError> {
    let TaskEnvironment { environment, task, grader, .. } = environment;
    let grader = grader.as_ref().ok_or_else(|| ModuleError::fault("nobody grades in this environment"))?;
    let actions = environment.oracle(kit::json(task).as_rstr()).into_result()?;
    let actions: Vec<Action> = serde_json::from_str(&actions)?;
    play(environment, grader, task, seed, &actions)
}
