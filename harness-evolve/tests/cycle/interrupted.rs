//! Killed at every boundary of every stage, and at random moments, a run with a scripted model leaves the facts its
//! uninterrupted twin leaves, byte for byte, and pays for nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;

use evolve_gate::{GroupSplit, PlannedGroup};
use harness_abi::Usage;
use harness_evolve::meta::{Meta, MetaClient, MetaError, MetaStages, Question, Written};
use harness_evolve::{
    AuditCritic, Candidate, Critic, Digester, Direction, EpisodeDigest, Evaluator, EvaluatorError, Event, EvolveConfig,
    EvolveError, Evolver, Known, Ledger, Memory, Note, Objection, Observer, Planner, Stages, Stop, TaskDigest,
    TraceDigester, Traces, View, evolve,
};
use harness_spec::{Catalogue, Features, Harness, VariantId};
use harness_trace::{EpisodeResult, ExploreTrace, Rollout, Split, TraceError};
use serde_json::Value;

use crate::meta::{POET, helpful};
use crate::simulation::{BASE, DUDS, Paid, Simulation, block_on, catalogue, initial, pack, still};

/// How death is told from a failed assertion.
struct Killed;

/// The moments of a sitting, by name. At the fatal one it dies where it stands.
struct Moments {
    passed: Mutex<Vec<String>>,
    fatal: usize,
}

impl Moments {
    fn until(fatal: usize) -> Self {
        Self { passed: Mutex::default(), fatal }
    }

    fn pass(&self, name: impl Into<String>) {
        let number = {
            let mut passed = self.passed.lock().unwrap();
            passed.push(name.into());
            passed.len() - 1
        };
        if number == self.fatal {
            resume_unwind(Box::new(Killed));
        }
    }

    /// Around something.
    async fn around<T>(&self, name: &str, work: impl Future<Output = T>) -> T {
        self.pass(name);
        let done = work.await;
        self.pass(name);
        done
    }
}

/// Everything a run touches, with its moments.
struct Watched<'a, T> {
    inner: T,
    moments: &'a Moments,
}

impl Evaluator for Watched<'_, Simulation<'_>> {
    fn catalogue(&self) -> &Catalogue {
        self.inner.catalogue()
    }
    fn suite(&self) -> &str {
        self.inner.suite()
    }
    fn split(&self) -> &GroupSplit {
        self.inner.split()
    }
    fn planned(&self, groups: &[String]) -> Vec<PlannedGroup> {
        self.inner.planned(groups)
    }
    fn features(&self, task: &str) -> Features {
        self.inner.features(task)
    }
    fn admits(&self, harness: &Harness) -> Result<VariantId, EvaluatorError> {
        self.inner.admits(harness)
    }
    async fn play(
        &self,
        harness: &Harness,
        split: Split,
        rollouts: Vec<Rollout>,
    ) -> Result<Vec<EpisodeResult>, EvaluatorError> {
        self.moments.around("played", self.inner.play(harness, split, rollouts)).await
    }
    fn latency(&self, played: &EpisodeResult) -> Result<u64, EvaluatorError> {
        self.inner.latency(played)
    }
    fn trace(&self, played: &EpisodeResult) -> Result<ExploreTrace, EvaluatorError> {
        self.moments.pass("traced");
        self.inner.trace(played)
    }
    fn answers(&self, task: &str) -> Vec<String> {
        self.inner.answers(task)
    }
    fn answer(&self, played: &EpisodeResult) -> Result<String, EvaluatorError> {
        self.inner.answer(played)
    }
}

impl Ledger for Watched<'_, &Memory> {
    fn put(&self, run: &str, kind: &str, key: &str, value: &Value) -> Result<(), TraceError> {
        // Of a decision, what it is: `00012 proposed`.
        let name = if kind == "evolve" { key.rsplit(' ').next().unwrap() } else { kind };
        self.moments.pass(name);
        self.inner.put(run, kind, key, value)?;
        self.moments.pass(name);
        Ok(())
    }
    fn all(&self, run: &str, kind: &str) -> Result<Vec<(String, Value)>, TraceError> {
        self.inner.all(run, kind)
    }
    fn everywhere(&self, kind: &str) -> Result<Vec<(String, Value)>, TraceError> {
        self.inner.everywhere(kind)
    }
}

/// Rollouts are back: the phase they were played for.
impl Observer for Moments {
    fn on(&self, event: &Event) {
        if let Event::Played { phase, .. } = event {
            self.pass(format!("{phase:?}").to_lowercase());
        }
    }
}

/// Says the same to the same question, whenever it is asked.
struct Scripted<'a>(&'a Moments);

impl Meta for Scripted<'_> {
    async fn ask(&self, question: &Question) -> Result<Written, MetaError> {
        self.0.pass("asked");
        let again = question.prompt.contains("Your last reply did not fit");
        let usage = Usage { input_tokens: 100, output_tokens: 20, ..Usage::default() };
        helpful(question.stage, 1 + usize::from(again)).map(|text| Written { text: text.to_owned(), usage })
    }
}

impl<S: Stages> Digester for Watched<'_, S> {
    fn read(&self, played: &EpisodeResult, trace: &ExploreTrace) -> EpisodeDigest {
        self.moments.pass("digest");
        self.inner.digester().read(played, trace)
    }
    async fn look_again(
        &self,
        view: View<'_>,
        digests: &BTreeMap<String, TaskDigest>,
        traces: Traces<'_>,
    ) -> Result<Vec<Note>, EvolveError> {
        self.moments.around("digest", self.inner.digester().look_again(view, digests, traces)).await
    }
}

impl<S: Stages> Planner for Watched<'_, S> {
    async fn plan(&self, view: View<'_>) -> Result<Vec<Direction>, EvolveError> {
        self.moments.around("plan", self.inner.planner().plan(view)).await
    }
}

impl<S: Stages> Evolver for Watched<'_, S> {
    async fn propose(
        &self,
        view: View<'_>,
        directions: &[Direction],
        digests: &[TaskDigest],
        tried: &BTreeSet<VariantId>,
        most: usize,
    ) -> Result<Vec<Candidate>, EvolveError> {
        self.moments.around("propose", self.inner.evolver().propose(view, directions, digests, tried, most)).await
    }
    async fn revise(
        &self,
        view: View<'_>,
        candidate: &Candidate,
        objection: &Objection,
    ) -> Result<Option<Candidate>, EvolveError> {
        self.moments.around("revise", self.inner.evolver().revise(view, candidate, objection)).await
    }
}

impl<S: Stages> Critic for Watched<'_, S> {
    async fn review(
        &self,
        view: View<'_>,
        candidates: &[Candidate],
        known: &Known<'_>,
    ) -> Result<Vec<Option<Objection>>, EvolveError> {
        self.moments.around("review", self.inner.critic().review(view, candidates, known)).await
    }
    async fn rank(&self, view: View<'_>, candidates: &[Candidate]) -> Result<Vec<usize>, EvolveError> {
        self.moments.around("rank", self.inner.critic().rank(view, candidates)).await
    }
}

impl<S: Stages> Stages for Watched<'_, S> {
    fn digester(&self) -> &impl Digester {
        self
    }
    fn planner(&self) -> &impl Planner {
        self
    }
    fn evolver(&self) -> &impl Evolver {
        self
    }
    fn critic(&self) -> &impl Critic {
        self
    }
    fn spent(&self) -> Usage {
        self.inner.spent()
    }
}

fn simulation(paid: &Paid) -> Simulation<'_> {
    let packs = [pack("second", &["wrong_answer"]), pack("stranger", &[])];
    let mut simulation = Simulation::new(catalogue(&[BASE, DUDS, POET, &packs[0], &packs[1]]), paid);
    (simulation.base, simulation.effects) = (0.1, vec![("planted.line=look around first", 0.4), ("second", 0.45)]);
    simulation
}

/// One sitting: how the run ended, or `None` if it was killed.
fn sit(paid: &Paid, ledger: &Memory, moments: &Moments) -> Option<Stop> {
    let config = EvolveConfig { seed: 7, drift_every: 1, rounds: 3, ..EvolveConfig::default() };
    let evaluator = Watched { inner: simulation(paid), moments };
    let kept = Watched { inner: ledger, moments };
    let meta = Scripted(moments);
    let sitting = || {
        let client = MetaClient::open(&meta, &kept, &config).unwrap();
        let digester = TraceDigester::of(&evaluator.inner.catalogue);
        let inner = MetaStages::new(&client, &config.meta_stages, digester, AuditCritic::default());
        let stages = Watched { inner, moments };
        block_on(evolve(&evaluator, &kept, &config, &initial(), &stages, &still(), moments)).unwrap().ended
    };
    match catch_unwind(AssertUnwindSafe(sitting)) {
        Ok(ended) => Some(ended),
        Err(death) if death.is::<Killed>() => None,
        Err(failed) => resume_unwind(failed),
    }
}

/// Every fact in order, but what the clock said: the time of a sitting that died before it was written is lost, and nothing is
/// decided by it but that the time is up.
fn facts(ledger: &Memory) -> Vec<[String; 4]> {
    ledger.facts().into_iter().filter(|[_, kind, ..]| kind != "evolve.clock").collect()
}

/// Rollouts that were paid, each with how often.
fn bill(paid: &Paid) -> Vec<(VariantId, String, u64, u32)> {
    let paid = paid.0.lock().unwrap();
    paid.iter().map(|((id, task, seed), (_, times))| (*id, task.clone(), *seed, *times)).collect()
}

/// Numbers below `below`, drawn by a seed: splitmix64.
fn draws(seed: u64, below: usize) -> impl Iterator<Item = usize> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below as u64) as usize
    })
}

struct Twin {
    moments: Vec<String>,
    facts: Vec<[String; 4]>,
    bill: Vec<(VariantId, String, u64, u32)>,
    ended: Stop,
}

fn twin() -> Twin {
    let (paid, ledger, moments) = (Paid::default(), Memory::default(), Moments::until(usize::MAX));
    let ended = sit(&paid, &ledger, &moments).unwrap();
    Twin { moments: moments.passed.into_inner().unwrap(), facts: facts(&ledger), bill: bill(&paid), ended }
}

fn the_same(twin: &Twin, paid: &Paid, ledger: &Memory, ended: Option<Stop>, what: &str) {
    assert_eq!(ended, Some(twin.ended), "{what}");
    let facts = facts(ledger);
    for (fact, other) in facts.iter().zip(&twin.facts) {
        assert_eq!(fact, other, "{what}");
    }
    assert_eq!(facts.len(), twin.facts.len(), "{what}");
    assert_eq!(bill(paid), twin.bill, "{what}");
}

#[test]
fn at_every_boundary_of_a_stage_and_at_thirty_random_moments() {
    let twin = twin();
    let names: BTreeSet<&str> = twin.moments.iter().map(String::as_str).collect();
    let expected = "begun played explore traced digest round plan propose asked evolve.meta review rank proposed screen \
                    screened duel verdict shipped evolve.lesson drift finalchecks ended";
    for name in expected.split_whitespace() {
        assert!(names.contains(name), "no moment of `{name}`: {names:?}");
    }
    // A boundary is where one name follows another: the last moment of the one, the first of the other. Of each kind the last.
    let follows = twin.moments.iter().zip(twin.moments.iter().skip(1)).enumerate();
    let boundaries: BTreeMap<_, _> = follows.filter(|(_, (a, b))| a != b).map(|(k, kind)| (kind, k)).collect();
    let random = draws(2026, twin.moments.len()).take(30);
    let fatal: BTreeSet<usize> = boundaries.values().flat_map(|&k| [k, k + 1]).chain(random).collect();
    println!("{} boundaries; {} of {} moments", boundaries.len(), fatal.len(), twin.moments.len());
    for fatal in fatal {
        let what = format!("killed at moment {fatal}, {}", twin.moments[fatal]);
        let (paid, ledger) = (Paid::default(), Memory::default());
        assert_eq!(sit(&paid, &ledger, &Moments::until(fatal)), None, "{what}");
        assert!(twin.facts.starts_with(&facts(&ledger)), "{what}");
        let ended = sit(&paid, &ledger, &Moments::until(usize::MAX));
        the_same(&twin, &paid, &ledger, ended, &what);
    }
}

#[test]
fn thirty_times_in_one_run() {
    let twin = twin();
    for seed in 0..5 {
        let (paid, ledger) = (Paid::default(), Memory::default());
        let mut fatal: Vec<usize> = draws(seed, twin.moments.len()).take(30).collect();
        // Later and later, so that most sittings get further than the one before.
        fatal.sort_unstable();
        for fatal in fatal {
            sit(&paid, &ledger, &Moments::until(fatal));
        }
        let ended = sit(&paid, &ledger, &Moments::until(usize::MAX));
        the_same(&twin, &paid, &ledger, ended, &format!("killed thirty times, seed {seed}"));
    }
}
