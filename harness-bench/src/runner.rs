//! The runner: plays harnesses on tasks, in parallel, resumably. What the record already holds of this run is not played again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use harness_abi::{Action, ModuleError, Usage, kit};
use harness_core::{Agent, AssembleError, Cancel, Clock, EpisodeSpec, Start, SystemClock, World, assemble};
use harness_host::Host;
use harness_spec::{Harness, Pool};
use harness_trace::{EpisodeEnd, EpisodeRow, EpisodeStart, Look, Outcome as Ending, Recorder, Store, TraceError};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    Benchmark, BenchmarkError, Scored,
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
    World {
        /// The task.
        task: String,
        /// Why.
        message: String,
    },
    /// A rollout's own task died: a bug of this program.
    #[error("a rollout died: {0}")]
    Died(String),
}

/// One episode to play.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Job {
    /// The task.
    pub task: String,
    /// The episode's seed.
    pub seed: u64,
}

/// Who plays.
#[derive(Debug, Clone, PartialEq)]
pub enum Player {
    /// A harness.
    Harness(Harness),
    /// The known solutions, without any harness: checks environment and grader.
    Oracle,
}

/// A harness id for episodes played without one.
const ORACLE: &str = "oracle";

type Known = HashMap<(String, String, u64), EpisodeRow>;

/// Plays one run's episodes.
pub struct Runner {
    benchmark: Arc<Benchmark>,
    host: Arc<Host>,
    store: Arc<Store>,
    run: String,
    command: String,
    cancel: Cancel,
    seats: Arc<Semaphore>,
    agents: Mutex<HashMap<String, Arc<Agent>>>,
    known: Mutex<Known>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Runner {
    /// A runner for run `run`, at most `concurrency` episodes at a time; `command` is what a sealed look is logged with.
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
            ((start.harness.clone(), start.task.clone(), start.seed), row)
        });
        let known = Mutex::new(known.collect());
        Ok(Self {
            benchmark,
            host,
            store,
            run: run.to_owned(),
            command: command.to_owned(),
            cancel,
            seats: Arc::new(Semaphore::new(concurrency.max(1))),
            agents: Mutex::default(),
            known,
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
    pub fn agent(&self, harness: &Harness) -> Result<Arc<Agent>, RunError> {
        let id = harness.variant_id(self.host.catalogue()).to_string();
        if let Some(agent) = held(&self.agents).get(&id) {
            return Ok(agent.clone());
        }
        let agent = Arc::new(assemble(harness, &self.host)?);
        held(&self.agents).insert(id, agent.clone());
        Ok(agent)
    }

    /// Plays `jobs`; results stand in their order, `done` hears of each as it finishes. A sealed split is logged as looked at.
    pub async fn play(
        &self,
        player: &Player,
        split: &str,
        jobs: &[Job],
        done: impl Fn(&Scored),
    ) -> Result<Vec<Scored>, RunError> {
        let agent = match player {
            Player::Harness(harness) => Some(self.agent(harness)?),
            Player::Oracle => None,
        };
        let id = agent.as_ref().map_or(ORACLE, |agent| agent.variant()).to_owned();
        let mut results: Vec<Option<Scored>> = vec![None; jobs.len()];
        let mut running = JoinSet::new();
        let mut looked = false;
        for (index, job) in jobs.iter().enumerate() {
            let key = (id.clone(), job.task.clone(), job.seed);
            if let Some(row) = held(&self.known).get(&key) {
                let scored = Scored::remembered(row);
                done(&scored);
                results[index] = Some(scored);
                continue;
            }
            if split == "sealed" && !looked && player != &Player::Oracle {
                self.look()?;
                looked = true;
            }
            let episode = self.episode(&id, split, job)?;
            let (agent, seats, cancel) = (agent.clone(), self.seats.clone(), self.cancel.clone());
            running.spawn(async move {
                let seat = seats.acquire_owned().await;
                if cancel.is_cancelled() || seat.is_err() {
                    return (index, Err(RunError::Stopped));
                }
                (index, episode.run(agent).await)
            });
        }
        while let Some(joined) = running.join_next().await {
            let (index, row) = joined.map_err(|error| RunError::Died(error.to_string()))?;
            let row = row?;
            if row.outcome == Some(Ending::Cancelled) {
                return Err(RunError::Stopped);
            }
            let scored = Scored::of(&row);
            done(&scored);
            if row.outcome.is_some_and(Ending::counts) {
                let key = (row.start.harness.clone(), row.start.task.clone(), row.start.seed);
                held(&self.known).insert(key, row);
            }
            results[index] = Some(scored);
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// As [`Runner::play`], each job by the variant that the pool's routes send it to.
    pub async fn play_pool(
        &self,
        pool: &Pool,
        split: &str,
        jobs: &[Job],
        done: impl Fn(&Scored),
    ) -> Result<Vec<Scored>, RunError> {
        let mut results: Vec<Option<Scored>> = vec![None; jobs.len()];
        for (name, harness) in &pool.variants {
            let sent = |job: &Job| pool.route(&self.benchmark.features(&job.task)) == name;
            let (places, own): (Vec<usize>, Vec<Job>) =
                jobs.iter().enumerate().filter(|(_, job)| sent(job)).map(|(place, job)| (place, job.clone())).unzip();
            let played = self.play(&Player::Harness(harness.clone()), split, &own, &done).await?;
            places.into_iter().zip(played).for_each(|(place, scored)| results[place] = Some(scored));
        }
        Ok(results.into_iter().flatten().collect())
    }

    fn look(&self) -> Result<(), TraceError> {
        self.store.log_look(Look {
            run: self.run.clone(),
            suite: self.benchmark.suite.name.clone(),
            split: "sealed".to_owned(),
            command: self.command.clone(),
            at_ms: SystemClock.unix_millis(),
        })
    }

    fn episode(&self, harness: &str, split: &str, job: &Job) -> Result<Sitting, RunError> {
        let (task, ground) = self.benchmark.task(&job.task)?;
        let environment = ground
            .environment()
            .map_err(|error| RunError::World { task: job.task.clone(), message: error.to_string() })?;
        let name = kit::json(&(&self.run, harness, &job.task, job.seed));
        let meta = EpisodeStart {
            episode: digest(&name, 16),
            run: self.run.clone(),
            parent: String::new(),
            harness: harness.to_owned(),
            suite: self.benchmark.suite.name.clone(),
            split: split.to_owned(),
            task: job.task.clone(),
            group: self.benchmark.group(&job.task).to_owned(),
            seed: job.seed,
            simulated: false,
            started_ms: SystemClock.unix_millis(),
        };
        let grader = Some(ground.grader());
        let world = World { environment, blocking: ground.blocking(), task: task.clone(), grader };
        Ok(Sitting { meta, world, store: self.store.clone(), cancel: self.cancel.clone() })
    }
}

/// The first `length` hexadecimal digits of the BLAKE3 of `text`: names of runs and episodes.
pub fn digest(text: &str, length: usize) -> String {
    blake3::hash(text.as_bytes()).to_hex().chars().take(length).collect()
}

/// One rollout about to be played.
struct Sitting {
    meta: EpisodeStart,
    world: World,
    store: Arc<Store>,
    cancel: Cancel,
}

impl Sitting {
    async fn run(self, agent: Option<Arc<Agent>>) -> Result<EpisodeRow, RunError> {
        let meta = self.meta.clone();
        let end = match agent {
            Some(agent) => {
                let mut spec = EpisodeSpec::new(self.meta, Start::World(Box::new(self.world)), self.store);
                spec.cancel = self.cancel;
                let episode = agent.run(spec).await;
                episode.map_err(|harness_core::RunError::Record(error)| error)?.end
            }
            None => self.oracle()?,
        };
        Ok(Scored::row(meta, end))
    }

    /// Plays the known solution and has it graded.
    fn oracle(mut self) -> Result<EpisodeEnd, RunError> {
        let began = SystemClock.micros();
        self.meta.simulated = true;
        self.store.begin(self.meta.clone())?;
        let fail = |error: ModuleError| RunError::World { task: self.meta.task.clone(), message: error.to_string() };
        let Played { steps, state, grade } = solve(&mut self.world, self.meta.seed).map_err(fail)?;
        let end = EpisodeEnd {
            outcome: Ending::Done,
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

/// The known solution of a world's task, played.
fn solve(world: &mut World, seed: u64) -> Result<Played, ModuleError> {
    let World { environment, task, grader, .. } = world;
    let grader = grader.as_ref().ok_or_else(|| ModuleError::fault("nobody marks in this world"))?;
    let actions = environment.oracle(kit::json(task).as_rstr()).into_result()?;
    let actions: Vec<Action> = serde_json::from_str(&actions)?;
    play(environment, grader, task, seed, &actions)
}
