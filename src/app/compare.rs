//! Two harnesses, or two models, on the same tasks with the same seeds: which succeeds more often, at what cost, and where they part.
//! Nothing is evolved.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use evolve_gate::{Bounds, ConfidenceSequence, draw_order};
use harness_bench::{Benchmark, Runner, Selection, Split, Summary};
use harness_host::Host;
use harness_trace::{EpisodeResult, Rollout, Store};
use serde::{Deserialize, Serialize};

use super::{
    App, BenchmarkRequest,
    bench::{self, BenchRequest},
    bounds::AtOnce,
    folder_trust::Asking,
    looks as reading,
};
use crate::{Control, Event, Failure};

/// What is compared, and on which tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareRequest {
    /// One side.
    pub a: Side,
    /// The other.
    pub b: Side,
    /// The suite both play. Without one, both sides are runs on record, which have played already.
    pub benchmark: Option<BenchmarkRequest>,
    /// Which tasks: `explore`, `gate`, `sealed`, `all`, or a split that the data names.
    pub split: String,
    /// At most so many tasks, in drawn order.
    pub limit: Option<usize>,
    /// Episodes at a time.
    pub concurrency: AtOnce,
    /// Whether, where another process works on the same question, this one waits for it to end.
    pub wait: bool,
}

impl CompareRequest {
    /// Two harnesses, each a file, a bundle's folder or a name of the suite's own, on the explore tasks of a suite.
    pub fn new(suite: impl Into<String>, a: impl Into<String>, b: impl Into<String>) -> Self {
        Self { benchmark: Some(BenchmarkRequest::new(suite)), ..Self::of_runs(a, b) }
    }

    /// Two runs on record.
    pub fn of_runs(a: impl Into<String>, b: impl Into<String>) -> Self {
        Self {
            a: Side { name: a.into(), model: None },
            b: Side { name: b.into(), model: None },
            benchmark: None,
            split: "explore".to_owned(),
            limit: None,
            concurrency: AtOnce::nearest(4),
            wait: false,
        }
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// A harness's file, a bundle's folder, or a name of the suite's own (`initial`, `naive`, `rules`); without a suite, a run's id.
    pub name: String,
    /// The model that plays, as in [`BenchRequest::model`].
    #[serde(default)]
    pub model: Option<String>,
}

/// What one side came to.
#[derive(Debug, Clone, Serialize)]
pub struct SideResult {
    /// As it was asked for.
    pub name: String,
    /// Who played, in a word or two; empty for a run on record.
    pub model: String,
    /// Its run.
    pub run: String,
    /// Median wall clock of an episode, in seconds, as it was played.
    pub median_seconds: f64,
    /// The numbers.
    #[serde(flatten)]
    pub summary: Summary,
}

/// A task on which the two sides came to different rewards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Apart {
    /// The task.
    pub task: String,
    /// The seed.
    pub seed: u64,
    /// Rewards of a and b.
    pub rewards: [f64; 2],
    /// Their episodes, for `trace diff`.
    pub episodes: [String; 2],
}

/// How far b is above a.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Gap {
    /// Mean over groups of the mean paired difference b − a of a group's tasks.
    pub mean: f64,
    /// Where the mean lies with probability 95 %, whenever one looked and stopped.
    #[serde(flatten)]
    pub bounds: Bounds,
    /// Groups: what the bounds rest on.
    pub groups: usize,
    /// Pairs of episodes in them.
    pub pairs: usize,
}

/// Two sides, compared.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// What was played.
    pub label: String,
    /// Which tasks.
    pub split: String,
    /// One side.
    pub a: SideResult,
    /// The other.
    pub b: SideResult,
    /// b − a; `None` where no pair was measured on both sides.
    pub gap: Option<Gap>,
    /// Tasks on which they part, those first on which they part most.
    pub apart: Vec<Apart>,
    /// Why an episode could not be measured, where one could not: its pair is left out.
    pub unmeasured: Option<String>,
    /// How many groups of each split were looked at that is to be seen rarely.
    pub looked: BTreeMap<Split, usize>,
}

/// Compares the two sides.
///
/// # Errors
///
/// A side, the suite or a run cannot be used, both sides are the same, it was cancelled, or the record fails.
pub fn compare(app: &App, request: &CompareRequest, control: &Control) -> Result<Comparison, Failure> {
    match &request.benchmark {
        Some(benchmark) => play(app, request, benchmark, control),
        None => of_record(app, request, control),
    }
}

/// Both sides play, group by group in drawn order: what is known after a group is of independent draws.
fn play(
    app: &App,
    request: &CompareRequest,
    benchmark: &BenchmarkRequest,
    control: &Control,
) -> Result<Comparison, Failure> {
    let host = Arc::new(app.host()?);
    let seed = benchmark.seed;
    let mut asking = Asking::new(app, &host);
    let suite = app.suite(benchmark, &mut asking)?;
    let sides = [&request.a, &request.b].map(|side| asked(request, benchmark, side));
    let mut player = |side| bench::player(app, &suite, &host, side, &mut asking);
    let players = [player(&sides[0])?, player(&sides[1])?];
    asking.allowed()?;
    let opened = Arc::new(app.open_suite(benchmark, suite, &host)?);
    let store = app.record()?;
    if players[0] == players[1] {
        return Err(Failure::input(
            "both sides are the same harness with the same model, so there is nothing to compare",
        )
        .hint("name two harnesses, or two models with --model-a and --model-b"));
    }
    let begin = |at: usize| bench::begin(app, &store, &opened, &players[at], &host, &sides[at], control);
    let ((run_a, _held_a), (run_b, _held_b)) = (begin(0)?, begin(1)?);
    let runs = [run_a, run_b];
    let runners = [
        runner(app, &opened, &host, &store, &runs[0], request, control)?,
        runner(app, &opened, &host, &store, &runs[1], request, control)?,
    ];
    let groups = drawn(&opened, request, seed)?;
    let total: usize = groups.iter().map(|group| 2 * group.len()).sum();
    control.tell(&Event::Started { what: format!("{} {}", opened.label, request.split), total: total as u64 });

    let (mut pairing, mut due) = (Pairing::new(), 10);
    let mut scored: [Vec<EpisodeResult>; 2] = [Vec::new(), Vec::new()];
    let done = |_: &EpisodeResult| control.tell(&Event::Advanced { by: 1 });
    // Several groups at once keep all places busy; a look comes after each such batch.
    for batch in batches(&groups, request.concurrency.get()) {
        let mut results = Vec::new();
        for (runner, player) in runners.iter().zip(&players) {
            results.push(app.runtime()?.block_on(runner.play(player, &batch, bench::ATTEMPTS, done))?);
        }
        pairing.observe(&results[0], &results[1]);
        for (all, new) in scored.iter_mut().zip(results) {
            all.extend(new);
        }
        // Said at ten groups and whenever there are twice as many: each is a look, and looks are free here.
        if let Some(gap) = pairing.gap().filter(|gap| gap.groups >= due) {
            due = 2 * gap.groups;
            control.tell(&Event::Decided { text: said(&gap) });
        }
    }
    store.flush()?;
    for (scored, run) in scored.iter().zip(&runs) {
        if request.limit.is_none() && Summary::of(scored, seed).is_whole() {
            store.put_fact(run, "bench_done", "", &true)?;
        }
    }
    let mut looked = runners[0].looked();
    looked.extend(runners[1].looked());
    let named = |at: usize| bench::named(sides[at].model.as_deref(), bench::pool(&players[at]));
    let [a, b] = &scored;
    let [run_a, run_b] = runs;
    Ok(Comparison {
        label: opened.label.clone(),
        split: request.split.clone(),
        gap: pairing.gap(),
        apart: apart(a, b),
        unmeasured: a.iter().chain(b).find(|row| !row.is_measured()).map(|row| row.reason.clone()),
        a: side(&request.a, named(0), run_a, a, seed),
        b: side(&request.b, named(1), run_b, b, seed),
        looked,
    })
}

/// A side as a request of its own: what is played for a comparison is a run as any other.
fn asked(request: &CompareRequest, benchmark: &BenchmarkRequest, side: &Side) -> BenchRequest {
    let folder = Path::new(&side.name);
    let harness = if folder.is_dir() { folder.join("harness.toml").display().to_string() } else { side.name.clone() };
    BenchRequest {
        benchmark: benchmark.clone(),
        harness,
        model: side.model.clone(),
        split: request.split.clone(),
        limit: request.limit,
        concurrency: request.concurrency,
        wait: request.wait,
    }
}

fn runner(
    app: &App,
    benchmark: &Arc<Benchmark>,
    host: &Arc<Host>,
    store: &Arc<Store>,
    run: &str,
    request: &CompareRequest,
    control: &Control,
) -> Result<Runner, Failure> {
    let (benchmark, host, store) = (benchmark.clone(), host.clone(), store.clone());
    Ok(Runner::new(benchmark, host, store, run, app.command(), request.concurrency.get(), control.cancel.clone())?)
}

/// The rollouts of each group, groups in an order that the seed draws.
fn drawn(benchmark: &Benchmark, request: &CompareRequest, seed: u64) -> Result<Vec<Vec<Rollout>>, Failure> {
    let mut groups: BTreeMap<String, Vec<Rollout>> = BTreeMap::new();
    for task in benchmark.task_ids(&Selection::from(&*request.split))? {
        groups.entry(benchmark.group(&task).to_owned()).or_default().push(Rollout { task, seed });
    }
    let mut left = request.limit.unwrap_or(usize::MAX);
    let drawn = draw_order(seed, "compare", groups.into_iter().collect(), |(group, _): &(String, _)| group.as_str());
    let cut = drawn.into_iter().map(|(_, mut rollouts)| {
        rollouts.truncate(left);
        left -= rollouts.len();
        rollouts
    });
    Ok(cut.filter(|rollouts| !rollouts.is_empty()).collect())
}

/// Whole groups, at least `least` rollouts together where there are so many.
fn batches(groups: &[Vec<Rollout>], least: usize) -> Vec<Vec<Rollout>> {
    let mut batches: Vec<Vec<Rollout>> = Vec::new();
    for group in groups {
        match batches.last_mut() {
            Some(batch) if batch.len() < least => batch.extend(group.iter().cloned()),
            _ => batches.push(group.clone()),
        }
    }
    batches
}

/// Two runs on record, over the (task, seed) that both have played.
fn of_record(app: &App, request: &CompareRequest, control: &Control) -> Result<Comparison, Failure> {
    let store = app.record_to_read()?;
    let ids = [run_of(&store, &request.a.name)?, run_of(&store, &request.b.name)?];
    if ids[0] == ids[1] {
        return Err(Failure::input(format!("both sides are the run {}", ids[0])));
    }
    let mut scored: [Vec<EpisodeResult>; 2] = [Vec::new(), Vec::new()];
    let (mut suites, mut seeds) = (BTreeSet::new(), Vec::new());
    for (id, scored) in ids.iter().zip(&mut scored) {
        let rows = store.finished(id)?;
        reading::reading(app, &store, rows.iter().map(Into::into), control)?;
        suites.extend(rows.iter().map(|row| row.start.suite.clone()));
        seeds.extend(rows.first().map(|row| row.start.seed));
        *scored = rows.iter().map(EpisodeResult::recorded).collect();
    }
    let [mut a, mut b] = scored;
    let key = |row: &EpisodeResult| row.rollout.clone();
    let both: BTreeSet<Rollout> = {
        let other: BTreeSet<Rollout> = b.iter().map(key).collect();
        a.iter().map(key).filter(|rollout| other.contains(rollout)).collect()
    };
    if both.is_empty() {
        return Err(Failure::input(format!("{} and {} have no task with the same seed in common", ids[0], ids[1]))
            .hint("`harness compare A B --suite S` plays two harnesses on the same tasks"));
    }
    let seed = seeds.first().copied().unwrap_or_default();
    for side in [&mut a, &mut b] {
        side.retain(|row| both.contains(&row.rollout));
        *side = draw_order(seed, "compare", std::mem::take(side), |row| row.group.as_str());
    }
    let mut pairing = Pairing::new();
    pairing.observe(&a, &b);
    let [run_a, run_b] = ids;
    Ok(Comparison {
        label: suites.into_iter().filter(|suite| !suite.is_empty()).collect::<Vec<_>>().join(", "),
        split: format!("{} episodes that both runs hold", both.len()),
        gap: pairing.gap(),
        apart: apart(&a, &b),
        unmeasured: a.iter().chain(&b).find(|row| !row.is_measured()).map(|row| row.reason.clone()),
        a: side(&request.a, String::new(), run_a, &a, seed),
        b: side(&request.b, String::new(), run_b, &b, seed),
        looked: BTreeMap::new(),
    })
}

/// The run of this id, or the only one whose id begins so.
fn run_of(store: &Store, name: &str) -> Result<String, Failure> {
    let runs = store.runs()?;
    let matching: Vec<&str> = runs.iter().map(|run| run.id.as_str()).filter(|id| id.starts_with(name)).collect();
    match matching.as_slice() {
        [only] => Ok((*only).to_owned()),
        several if several.contains(&name) => Ok(name.to_owned()),
        [] => Err(Failure::input(format!("the record has no run `{name}`"))
            .hint("`harness trace list` names runs; to compare two harnesses say on which tasks, with --suite")),
        several => Err(Failure::input(format!("`{name}` may be {}", several.join(" or ")))),
    }
}

/// Pairs of episodes as they come in.
struct Pairing {
    sequence: ConfidenceSequence,
    pairs: usize,
}

impl Pairing {
    fn new() -> Self {
        Self { sequence: ConfidenceSequence::new(0.95), pairs: 0 }
    }

    /// Episodes of both sides on the same rollouts, each group whole. A pair of which one side says nothing is left out.
    fn observe(&mut self, a: &[EpisodeResult], b: &[EpisodeResult]) {
        let other: BTreeMap<&Rollout, &EpisodeResult> = b.iter().map(|row| (&row.rollout, row)).collect();
        // In the order in which groups came, which is the order in which they were drawn.
        let mut groups: Vec<(&str, Vec<f64>)> = Vec::new();
        for (one, two) in a.iter().filter_map(|row| Some((row, *other.get(&row.rollout)?))) {
            if !one.is_measured() || !two.is_measured() {
                continue;
            }
            let difference = two.score() - one.score();
            match groups.last_mut() {
                Some((group, values)) if *group == one.group => values.push(difference),
                _ => groups.push((&one.group, vec![difference])),
            }
        }
        self.pairs += groups.iter().map(|(_, values)| values.len()).sum::<usize>();
        self.sequence.observe(groups.iter().map(|(_, values)| values.iter().sum::<f64>() / values.len() as f64));
    }

    fn gap(&self) -> Option<Gap> {
        let mean = self.sequence.mean()?;
        let (bounds, groups) = (self.sequence.bounds(), self.sequence.count());
        Some(Gap { mean, bounds, groups, pairs: self.pairs })
    }
}

/// A line for who looks on.
fn said(gap: &Gap) -> String {
    let Gap { mean, bounds: Bounds { low, high }, groups, .. } = gap;
    format!("b − a {:+.1} points [{:+.1}, {:+.1}] after {groups} groups", 100.0 * mean, 100.0 * low, 100.0 * high)
}

fn side(side: &Side, model: String, run: String, scored: &[EpisodeResult], seed: u64) -> SideResult {
    let mut micros: Vec<u64> = scored.iter().map(|row| row.micros).collect();
    micros.sort_unstable();
    let median = micros.get(micros.len() / 2).copied().unwrap_or_default();
    SideResult {
        name: side.name.clone(),
        model,
        run,
        median_seconds: median as f64 / 1e6,
        summary: Summary::of(scored, seed),
    }
}

fn apart(a: &[EpisodeResult], b: &[EpisodeResult]) -> Vec<Apart> {
    let other: BTreeMap<&Rollout, &EpisodeResult> = b.iter().map(|row| (&row.rollout, row)).collect();
    let pairs = a.iter().filter_map(|row| Some((row, *other.get(&row.rollout)?)));
    let measured = pairs.filter(|(one, two)| one.is_measured() && two.is_measured() && one.score() != two.score());
    let mut apart: Vec<Apart> = measured
        .map(|(one, two)| Apart {
            task: one.rollout.task.clone(),
            seed: one.rollout.seed,
            rewards: [one.score(), two.score()],
            episodes: [one.episode.clone(), two.episode.clone()],
        })
        .collect();
    let distance = |apart: &Apart| (apart.rewards[1] - apart.rewards[0]).abs();
    apart.sort_by(|x, y| distance(y).total_cmp(&distance(x)).then_with(|| x.task.cmp(&y.task)));
    apart
}
