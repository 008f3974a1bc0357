//! A simulated evaluator: outcomes are drawn by hashes of (harness features, task, seed). Everything here is simulated.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use evolve_gate::{GroupSplit, Outcome, PlannedGroup, Unit};
use harness_abi::{Hook, Message, Usage};
use harness_evolve::{Clock, Deterministic, Evaluator, EvaluatorError, Evolution, EvolveConfig, EvolveError, Memory};
use harness_evolve::{JudgedOutcome, Recorded, evolve};
use harness_spec::{Catalogue, Features, Harness, PackManifest, VariantId, check};
use harness_trace::{Entry, EpisodeResult, EpisodeStart, ExploreTrace, Outcome as Ending, Rollout, Split};

/// The packs of the simulation.
pub const BASE: &str = r#"
[pack]
name = "base"
version = "1.0.0"
abi = "1.0.0"
description = "What every harness starts from"

[[module]]
name = "model"
kind = "model"
dimension = "D1"
summary = "Plays"
provides = ["tools"]

[[module]]
name = "prompt"
kind = "processor"
slot = "prompt"
dimension = "D2"
hooks = ["task_start"]
summary = "Says what to do"
addresses = ["wrong_answer"]
[module.config.wording]
type = "string"
default = "plain"
enum = ["plain", "long", "warm"]
tunable = true
[module.config.patience]
type = "integer"
default = 4
minimum = 1
maximum = 64
tunable = true
"#;

/// Modules that do nothing for anyone.
pub const DUDS: &str = r#"
[pack]
name = "duds"
version = "1.0.0"
abi = "1.0.0"
description = "Nothing to see"

[[module]]
name = "dud_a"
kind = "processor"
dimension = "D7"
hooks = ["before_model"]
summary = "Does nothing"
addresses = ["wrong_answer"]

[[module]]
name = "dud_b"
kind = "processor"
dimension = "D7"
hooks = ["before_model"]
summary = "Does nothing"
addresses = ["invalid_action"]

[[module]]
name = "dud_c"
kind = "processor"
dimension = "D3"
hooks = ["step_start"]
summary = "Does nothing"

[[module]]
name = "other_prompt"
kind = "processor"
slot = "prompt"
dimension = "D2"
hooks = ["task_start"]
summary = "Says it otherwise"
"#;

/// A pack with one processor of this name and these claims.
pub fn pack(name: &str, addresses: &[&str]) -> String {
    format!(
        r#"
[pack]
name = "{name}"
version = "1.0.0"
abi = "1.0.0"
description = "Brought by a stranger"

[[module]]
name = "{name}"
kind = "processor"
dimension = "D4"
hooks = ["before_model"]
summary = "Claims to help"
addresses = {addresses:?}
"#
    )
}

pub fn catalogue(packs: &[&str]) -> Catalogue {
    let mut catalogue = Catalogue::new();
    for text in packs {
        catalogue.insert(PackManifest::parse(text).unwrap());
    }
    catalogue
}

pub fn initial() -> Harness {
    Harness::parse("[model.main]\nuse = \"base/model\"\n[[processor]]\nuse = \"base/prompt\"\n").unwrap()
}

/// Uniform in [0, 1) from parts.
fn draw(parts: &[&str]) -> f64 {
    let hash = blake3::hash(parts.join("\u{1f}").as_bytes());
    let mut head = [0; 8];
    head.copy_from_slice(&hash.as_bytes()[..8]);
    (u64::from_le_bytes(head) >> 11) as f64 / (1_u64 << 53) as f64
}

/// What the evaluator has paid for: survives a kill, as the record does.
#[derive(Default)]
pub struct Paid(pub Mutex<BTreeMap<Key, (EpisodeResult, u32)>>);

/// Harness, task, seed.
pub type Key = (VariantId, String, u64);

pub struct Simulation<'a> {
    pub catalogue: Catalogue,
    pub split: GroupSplit,
    pub siblings: usize,
    /// Names the simulation's draws.
    pub seed: u64,
    /// Chance of success without any help.
    pub base: f64,
    /// What a part is worth: a module's name, or `name.key=value`.
    pub effects: Vec<(&'static str, f64)>,
    /// What a module is worth on tasks whose name begins so, on top of that.
    pub elsewhere: Vec<(&'static str, &'static str, f64)>,
    /// What a module takes in tokens, of 100 and more; negative: saves.
    pub tokens: Vec<(&'static str, i64)>,
    /// Modules that crash on tasks whose names begin like this.
    pub crashes: Vec<(&'static str, &'static str)>,
    /// Whether every episode calls a tool, which fails.
    pub tools: bool,
    /// Modules of the harness of each episode.
    pub modules: Mutex<BTreeMap<String, Vec<String>>>,
    /// Kinds of tasks.
    pub kinds: Vec<&'static str>,
    /// Share of tasks on which a variant goes its own way.
    pub discordance: f64,
    /// Rollouts until the evaluator is told to stop.
    pub stop_after: Option<u64>,
    /// The first try of these tasks meets a broken infrastructure.
    pub broken: BTreeSet<String>,
    pub paid: &'a Paid,
}

impl<'a> Simulation<'a> {
    pub fn new(catalogue: Catalogue, paid: &'a Paid) -> Self {
        let names = |what: &str, count: usize| (0..count).map(|k| format!("{what}-{k:03}")).collect::<Vec<_>>();
        let gate = names("gate", 120);
        let split = GroupSplit { explore: names("explore", 40), gate, sealed: names("sealed", 40) };
        Self {
            catalogue,
            split,
            siblings: 1,
            seed: 0,
            base: 0.3,
            effects: Vec::new(),
            elsewhere: Vec::new(),
            tokens: Vec::new(),
            crashes: Vec::new(),
            tools: false,
            modules: Mutex::default(),
            kinds: Vec::new(),
            discordance: 0.1,
            stop_after: None,
            broken: BTreeSet::new(),
            paid,
        }
    }

    /// The kind of a task: by turns, where there are kinds.
    pub fn kind(&self, task: &str) -> &'static str {
        let group = task.split('/').next().unwrap_or_default();
        let number: usize = group.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        if self.kinds.is_empty() { "" } else { self.kinds[number % self.kinds.len()] }
    }

    fn has(harness: &Harness, part: &str) -> bool {
        match part.split_once('.') {
            None => harness.processors.iter().any(|spec| spec.module.module == part),
            Some((module, setting)) => harness.processors.iter().any(|spec| {
                let set = spec.config.iter().any(|(key, value)| {
                    format!("{key}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)) == setting
                });
                spec.module.module == module && set
            }),
        }
    }

    fn chance(&self, harness: &Harness, task: &str) -> f64 {
        // `part@kind` is worth something on tasks of that kind alone.
        let here = |part: &str| match part.split_once('@') {
            Some((part, only)) => only == self.kind(task) && Self::has(harness, part),
            None => Self::has(harness, part),
        };
        // `a+b`: both of them.
        let here = |part: &str| part.split('+').all(here);
        let gains = self.effects.iter().filter(|(part, _)| here(part)).map(|(_, gain)| gain).sum::<f64>();
        let there =
            self.elsewhere.iter().filter(|(part, begins, _)| task.starts_with(begins) && Self::has(harness, part));
        (self.base + gains + there.map(|(_, _, gain)| gain).sum::<f64>()).clamp(0.0, 1.0)
    }

    fn input_tokens(&self, harness: &Harness) -> u64 {
        let extra = self.tokens.iter().filter(|(part, _)| Self::has(harness, part)).map(|(_, more)| more).sum::<i64>();
        100_u64.saturating_add_signed(extra)
    }

    fn outcome(&self, harness: &Harness, id: VariantId, rollout: &Rollout) -> Outcome {
        let crashes = |(module, tasks): &(&str, &str)| {
            rollout.task.starts_with(tasks) && harness.processors.iter().any(|spec| spec.module.module == *module)
        };
        if self.crashes.iter().any(crashes) {
            return Outcome::Fault;
        }
        let (id, simulation, seed) = (id.to_string(), self.seed.to_string(), rollout.seed.to_string());
        let own = draw(&["own way", &simulation, &id, &rollout.task, &seed]) < self.discordance;
        let who = if own { id.as_str() } else { "anyone" };
        // Siblings stand or fall together.
        let group = rollout.task.split('/').next().unwrap_or_default();
        Outcome::Scored(Unit::pass(
            draw(&["luck", &simulation, who, group, &seed]) < self.chance(harness, &rollout.task),
        ))
    }
}

impl Evaluator for Simulation<'_> {
    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn suite(&self) -> &str {
        "simulated"
    }

    fn split(&self) -> &GroupSplit {
        &self.split
    }

    fn planned(&self, groups: &[String]) -> Vec<PlannedGroup> {
        let tasks = |group: &String| (0..self.siblings).map(|k| format!("{group}/{k}")).collect();
        groups.iter().map(|group| PlannedGroup { group: group.clone(), tasks: tasks(group) }).collect()
    }

    fn features(&self, task: &str) -> Features {
        Features { kind: self.kind(task).to_owned(), ..Features::default() }
    }

    fn admits(&self, harness: &Harness) -> Result<VariantId, EvaluatorError> {
        check(harness, &self.catalogue).map_err(|errors| EvaluatorError::Failed(format!("{errors:?}")))?;
        Ok(harness.variant_id(&self.catalogue))
    }

    async fn play(
        &self,
        harness: &Harness,
        split: Split,
        rollouts: Vec<Rollout>,
    ) -> Result<Vec<EpisodeResult>, EvaluatorError> {
        let id = harness.variant_id(&self.catalogue);
        let mut paid = self.paid.0.lock().unwrap();
        let mut all = Vec::new();
        for rollout in rollouts {
            let key = (id, rollout.task.clone(), rollout.seed);
            let names = harness.processors.iter().map(|spec| spec.module.module.clone()).collect();
            self.modules.lock().unwrap().insert(episode_of(id, &rollout), names);
            let fresh = |times: u32, outcome: Outcome| EpisodeResult {
                group: rollout.task.split('/').next().unwrap().to_owned(),
                episode: episode_of(id, &rollout),
                outcome: ending(outcome),
                reason: String::new(),
                reward: outcome.score().map(Unit::value),
                parts: vec![("strict".to_owned(), outcome.score().map_or(0.0, Unit::value))],
                steps: 3,
                usage: Usage {
                    input_tokens: self.input_tokens(harness),
                    cached_tokens: 0,
                    output_tokens: 10,
                    cost_micros: 0,
                },
                replayed: Usage::default(),
                marking: Usage::default(),
                micros: 1000,
                remembered: times > 0,
                rollout: rollout.clone(),
            };
            if let Some((played, _)) = paid.get(&key).filter(|(played, _)| played.outcome != Ending::Infrastructure) {
                all.push(EpisodeResult { remembered: true, ..played.clone() });
                continue;
            }
            let count: u64 = paid.values().map(|(_, times)| u64::from(*times)).sum();
            if self.stop_after.is_some_and(|most| count >= most) {
                // A fault nobody was told of did not happen: it is met again.
                let untold = |key: &Key| {
                    all.iter()
                        .any(|p: &EpisodeResult| key.0 == id && p.rollout.task == key.1 && p.rollout.seed == key.2)
                };
                paid.retain(|key, (played, _)| played.outcome != Ending::Infrastructure || !untold(key));
                return Err(EvaluatorError::Stopped);
            }
            let times = paid.get(&key).map_or(0, |(_, times)| *times);
            let outcome = if times == 0 && self.broken.contains(&rollout.task) {
                Outcome::Infrastructure
            } else {
                self.outcome(harness, id, &rollout)
            };
            let played = fresh(0, outcome);
            paid.insert(key, (played.clone(), times + 1));
            all.push(played);
        }
        let allowed: Vec<&String> = match split {
            Split::Explore => self.split.explore.iter().collect(),
            Split::Gate => self.split.gate.iter().collect(),
            Split::Sealed => self.split.sealed.iter().collect(),
        };
        assert!(all.iter().all(|played| allowed.contains(&&played.group)), "a task of another split");
        Ok(all)
    }

    fn answer(&self, played: &EpisodeResult) -> Result<String, EvaluatorError> {
        Ok(format!("{:?}", played.judged()))
    }

    fn latency(&self, played: &EpisodeResult) -> Result<u64, EvaluatorError> {
        Ok(10 * played.usage.input_tokens)
    }

    fn trace(&self, played: &EpisodeResult) -> Result<ExploreTrace, EvaluatorError> {
        let paid = self.paid.0.lock().unwrap();
        assert!(paid.values().any(|(known, _)| known.episode == played.episode), "an episode nobody played");
        // Every processor of the simulation decides something in every episode.
        let decided = |module: &str| Entry::Decided {
            hook: Hook::BeforeModel,
            module: module.to_owned(),
            decisions: serde_json::Value::Array(Vec::new()),
        };
        let known = ["prompt", "dud_a", "dud_b", "dud_c", "planted", "stranger", "second", "sleeper", "memoriser"];
        let mut entries = vec![(0, Entry::Message { message: Message::user(format!("do {}", played.rollout.task)) })];
        entries.extend(known.iter().map(|module| (1, decided(module))));
        let modules = self.modules.lock().unwrap()[&played.episode].clone();
        let has = |module: &str| modules.iter().any(|own| own == module);
        let did = |hook, module: &str, decision: serde_json::Value| Entry::Decided {
            hook,
            module: module.to_owned(),
            decisions: serde_json::json!([decision]),
        };
        if has("forger") {
            let answer = self.answers(&played.rollout.task).remove(0);
            entries.push((1, did(Hook::AfterModel, "forger", serde_json::json!({"set_response": answer}))));
        }
        if self.tools {
            let hides = has("swallower");
            if hides {
                let result = serde_json::json!({"set_result": {"text": "fine", "is_error": false}});
                entries.push((2, did(Hook::AfterTool, "swallower", result)));
            }
            let (id, name, arguments) = ("1".to_owned(), "till".to_owned(), "{}".to_owned());
            entries.push((2, Entry::Tool { id, name, arguments, is_error: !hides, began: None, micros: 0 }));
        }
        let explore = self.split.explore.contains(&played.group);
        let split = if explore { Split::Explore } else { Split::Gate }.into();
        let start = EpisodeStart { episode: played.episode.clone(), split, ..EpisodeStart::default() };
        ExploreTrace::new(&start, entries).map_err(|closed| EvaluatorError::Failed(closed.to_string()))
    }

    fn answers(&self, task: &str) -> Vec<String> {
        let digits: String = task.chars().filter(char::is_ascii_digit).collect();
        vec![format!("treasure {digits} under the old oak")]
    }
}

/// How an episode ends that the judge is told so of.
pub fn ending(outcome: Outcome) -> Ending {
    match outcome {
        Outcome::Scored(_) => Ending::Done,
        Outcome::Fault => Ending::Fault,
        Outcome::Timeout | Outcome::BudgetSpent => Ending::Budget,
        Outcome::Infrastructure => Ending::Infrastructure,
    }
}

fn episode_of(id: VariantId, rollout: &Rollout) -> String {
    format!("{} {} {}", id.short(), rollout.task, rollout.seed)
}

impl Recorded for Paid {
    fn played(&self, harness: &str, task: &str, seed: u64) -> Option<EpisodeResult> {
        let paid = self.0.lock().unwrap();
        let key = (harness.parse().ok()?, task.to_owned(), seed);
        paid.get(&key).map(|(played, _)| played.clone()).filter(|played| played.outcome != Ending::Infrastructure)
    }

    fn latency(&self, played: &EpisodeResult) -> Result<u64, String> {
        Ok(10 * played.usage.input_tokens)
    }
}

/// A clock that moves only when it is read.
pub struct Ticks(pub Mutex<u64>, pub u64);

impl Clock for Ticks {
    fn micros(&self) -> u64 {
        let mut now = self.0.lock().unwrap();
        *now += self.1;
        *now
    }
}

pub fn still() -> Ticks {
    Ticks(Mutex::new(0), 0)
}

/// Runs a future that never waits.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

pub fn run(simulation: &Simulation<'_>, ledger: &Memory, config: &EvolveConfig) -> Result<Evolution, EvolveError> {
    block_on(evolve(simulation, ledger, config, &initial(), &Deterministic::default(), &still(), &()))
}

/// The decisions of a run, byte for byte.
pub fn decisions(ledger: &Memory) -> Vec<[String; 4]> {
    ledger.facts().into_iter().filter(|fact| fact[1] == harness_evolve::DECISIONS).collect()
}
