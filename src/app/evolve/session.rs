//! The stages of one evolution: evolving, evolving again with generic modules only, where there are variants once more with one harness,
//! measuring the arms.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use harness_bench::{Benchmark, Runner};
use harness_core::{Clock, SystemClock};
use harness_evolve::{
    ArmKind, AuditCritic, Deterministic, Evolution, EvolveConfig, Extent, Measurement, Stopwatch, TraceDigester,
    evolve, measure,
    meta::{MetaClient, MetaStages},
};
use harness_host::Host;
use harness_spec::{Harness, ModelSpec};
use harness_trace::{RunKind, RunRecord, Store};
use serde_json::json;

use super::{super::App, arms::Players, evaluator::BenchmarkEvaluator, meta::MetaModel};
use crate::{Control, Event, Failure};

/// Shares of the time beside evolving.
const GENERIC_SHARE: f64 = 0.2;
const SINGLE_SHARE: f64 = 0.1;
const LEAST_MEASURE_SHARE: f64 = 0.2;

/// Everything the stages of a request share.
pub(super) struct Session<'a> {
    pub app: &'a App,
    pub benchmark: Arc<Benchmark>,
    pub host: Arc<Host>,
    pub store: Arc<Store>,
    /// The model that stages may ask.
    pub meta: Option<ModelSpec>,
    pub control: &'a Control,
    /// Episodes at a time, if not as the settings say.
    pub concurrency: Option<usize>,
    /// Most minutes for everything.
    pub minutes: Option<f64>,
    pub began: Instant,
}

/// Events of the evolution as events of the application.
struct Telling<'a>(&'a Control);

impl harness_evolve::Observer for Telling<'_> {
    fn on(&self, event: &harness_evolve::Event) {
        use harness_evolve::Event as Evolve;
        self.0.tell(&match event {
            Evolve::Round { round, of } => Event::Round { round: *round, of: *of },
            Evolve::Played { phase, now, remembered, total } => {
                Event::Played { phase: *phase, now: *now, remembered: *remembered, total: *total }
            }
            Evolve::Said(text) => Event::Decided { text: text.clone() },
        });
    }
}

impl Session<'_> {
    /// Plays and remembers the episodes of a run.
    pub(super) fn runner(&self, config: &EvolveConfig) -> Result<Runner, Failure> {
        let (benchmark, host, store) = (self.benchmark.clone(), self.host.clone(), self.store.clone());
        let (command, cancel) = (self.app.command(), self.control.cancel.clone());
        let concurrency = self.concurrency.unwrap_or(config.concurrency);
        Ok(Runner::new(benchmark, host, store, &config.run, command, concurrency, cancel)?)
    }

    /// Writes down that an evolution is a control of the run `of`.
    fn is_control(&self, config: &EvolveConfig, of: &str) -> Result<(), Failure> {
        Ok(self.store.begin_run(RunRecord {
            id: config.run.clone(),
            kind: RunKind::Control,
            of: of.to_owned(),
            command: self.app.command().to_owned(),
            started_ms: SystemClock.unix_millis(),
            suite: self.benchmark.suite.name.clone(),
            seed: config.seed,
            config: json!({"evolve": config}),
            lock: self.app.installed(&self.host),
        })?)
    }

    async fn evolve(&self, runner: &Runner, config: &EvolveConfig, initial: &Harness) -> Result<Evolution, Failure> {
        let evaluator = BenchmarkEvaluator { app: self.app, runner };
        let digester = TraceDigester::of(self.host.catalogue());
        let critic = AuditCritic::new(self.benchmark.secrets()).formats(self.benchmark.grader_names());
        let (store, clock) = (&*self.store, Stopwatch::new());
        let evolution = match &self.meta {
            None => {
                let stages = Deterministic { digester, critic, ..Deterministic::default() };
                evolve(&evaluator, store, config, initial, &stages, &clock, &Telling(self.control)).await
            }
            Some(model) => {
                let meta = MetaModel {
                    model: model.clone(),
                    host: self.host.clone(),
                    store: self.store.clone(),
                    run: config.run.clone(),
                    seed: config.seed,
                    cancel: self.control.cancel.clone(),
                };
                let client = MetaClient::open(&meta, store, config).map_err(Failure::new)?;
                let stages = MetaStages::new(&client, &config.meta_stages, digester, critic);
                evolve(&evaluator, store, config, initial, &stages, &clock, &Telling(self.control)).await
            }
        };
        evolution.map_err(Failure::new)
    }

    fn phase(&self, phase: &str) {
        let suite = self.benchmark.suite.name.clone();
        self.control.tell(&Event::Phase { suite, phase: phase.to_owned() });
    }

    /// Evolves, evolves again under restrictions for comparison, measures all arms.
    pub(super) async fn work(
        &self,
        config: &EvolveConfig,
        initial: &Harness,
        model: &ModelSpec,
        extent: Extent,
    ) -> Result<(Evolution, Option<Evolution>, Measurement), Failure> {
        let runner = self.runner(config)?;
        self.phase("evolving");
        let evolution = self.evolve(&runner, config, initial).await?;

        let own: BTreeSet<&str> = self.benchmark.suite.own_packs.iter().map(String::as_str).collect();
        let packs = self.host.catalogue().packs().map(|pack| pack.pack.name.clone());
        let general: BTreeSet<String> = packs.filter(|pack| !own.contains(pack.as_str())).collect();
        let mut restricted = config.restricted("generic", general);
        // Controls: nobody deploys what they come to.
        restricted.approve = false;
        restricted.max_seconds = self.minutes.map(|minutes| (minutes * 60.0 * GENERIC_SHARE) as u64);
        let stopped = |evolution: &Evolution| evolution.ended.continues();
        // Where no pack is the suite's own, that would be the same evolution again.
        let generic = if stopped(&evolution) || own.is_empty() {
            None
        } else {
            self.phase("generic modules only");
            self.is_control(&restricted, &config.run)?;
            Some(self.evolve(&self.runner(&restricted)?, &restricted, initial).await?)
        };
        let mut interrupted = stopped(&evolution) || generic.as_ref().is_some_and(stopped);
        // Against several variants stands the best that the same evolver finds with one harness for all.
        let mut single = None;
        if config.variants > 1 && !interrupted {
            self.phase("one harness for all");
            let mut one =
                EvolveConfig { variants: 1, approve: false, run: format!("{}-single", config.run), ..config.clone() };
            self.is_control(&one, &config.run)?;
            one.max_seconds = self.minutes.map(|minutes| (minutes * 60.0 * SINGLE_SHARE) as u64);
            single = Some(self.evolve(&self.runner(&one)?, &one, initial).await?);
            interrupted = single.as_ref().is_some_and(stopped);
        }
        let others = [(ArmKind::Generic, "generic only", &generic), (ArmKind::Single, "best single", &single)];
        let others = others.map(|(kind, name, run)| run.as_ref().map(|run| (kind, name, &run.pool)));
        let players = Players { host: &self.host, benchmark: &self.benchmark, workspace: self.app.workspace() };
        let mut arms = players.arms(&evolution, others.into_iter().flatten(), initial, model)?;
        // What was stopped has no final harness yet: nothing is measured of it, and nothing decided about that.
        if interrupted {
            arms.iter_mut().for_each(|arm| arm.splits.clear());
        } else {
            self.phase("measuring");
        }
        // Whatever time is left, but never nothing: a report without sealed results says too little.
        let left = self.minutes.map(|minutes| {
            let all = minutes * 60.0;
            (all - self.began.elapsed().as_secs_f64()).max(all * LEAST_MEASURE_SHARE) as u64
        });
        let evaluator = BenchmarkEvaluator { app: self.app, runner: &runner };
        let clock = Stopwatch::new();
        let told = Telling(self.control);
        let measured = measure(&evaluator, &*self.store, config, &arms, extent, left, &clock, &told).await;
        let mut measurement = measured.map_err(Failure::new)?;
        if interrupted {
            let runs = [Some(&evolution), generic.as_ref(), single.as_ref()];
            measurement.cut_short = runs.into_iter().flatten().map(|run| run.ended).find(|stop| stop.continues());
        }
        Ok((evolution, generic, measurement))
    }
}
