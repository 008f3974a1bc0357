//! The conformance suite against modules that do what no module must: each is found out, by the check that is there for it, and a
//! good one passes.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use harness_abi::*;
use harness_core::{CheckResult, ConformanceReport, Extent, conformance};
use harness_host::Host;
use harness_spec::Config;

const MANIFEST: &str = r#"
[pack]
name = "odd"
version = "1.0.0"
abi = "1.0.0"
description = "Modules that misbehave, each in its own way"

[[module]]
name = "steady"
kind = "processor"
dimension = "D7"
hooks = ["task_start", "before_model", "step_end"]
summary = "Misbehaves in no way"
deterministic = true

[module.config.note]
type = "string"
default = "steady"

[[module]]
name = "outlaw"
kind = "processor"
dimension = "D7"
hooks = ["step_end"]
summary = "Sets the system prompt where nobody may"

[[module]]
name = "drifting"
kind = "processor"
dimension = "D7"
hooks = ["task_start"]
summary = "Counts its calls in a static"
deterministic = true

[[module]]
name = "sticky"
kind = "processor"
dimension = "D7"
hooks = ["task_start"]
summary = "Remembers the seeds it met"
deterministic = true

[[module]]
name = "sleeper"
kind = "processor"
dimension = "D7"
hooks = ["task_start"]
summary = "Never comes back"

[[module]]
name = "leaky"
kind = "processor"
dimension = "D7"
hooks = ["task_start"]
summary = "Keeps what it took"

[[module]]
name = "mute"
kind = "tool"
dimension = "D4"
summary = "Panics instead of answering"

[[module]]
name = "moody"
kind = "model"
dimension = "D1"
summary = "Counts whom it has talked to"
deterministic = true

[[module]]
name = "worn"
kind = "environment"
dimension = "D5"
summary = "Shows the traces of those who played before"
deterministic = true

[[module]]
name = "generous"
kind = "grader"
dimension = "D6"
summary = "Gives more than there is"
"#;

static CALLS: AtomicU64 = AtomicU64::new(0);
static SEEDS: AtomicU64 = AtomicU64::new(0);

#[derive(serde::Deserialize)]
struct Note {
    note: String,
}

fn note(key: &str, value: impl std::fmt::Display) -> Outcome {
    Ok(vec![Decision::annotate(key, &value.to_string())])
}

fn outlaw(_: &Cx<'_>, _: Event<'_>) -> Outcome {
    Ok(vec![Decision::system("mine now")])
}

fn drifting(_: &Cx<'_>, _: Event<'_>) -> Outcome {
    note("calls", CALLS.fetch_add(1, Ordering::Relaxed))
}

fn sticky(cx: &Cx<'_>, _: Event<'_>) -> Outcome {
    SEEDS.fetch_max(cx.seed(), Ordering::Relaxed);
    note("greatest", SEEDS.load(Ordering::Relaxed))
}

fn sleeper(_: &Cx<'_>, _: Event<'_>) -> Outcome {
    loop {
        std::thread::park();
    }
}

fn leaky(_: &Cx<'_>, _: Event<'_>) -> Outcome {
    std::mem::forget(vec![1u8; 64 << 10]);
    pass()
}

struct Mute;

impl Tool for Mute {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "mute".into(),
            description: "Says nothing.".into(),
            input_schema: serde_json::json!({"type": "object"}),
            read_only: true,
            idempotent: true,
        }]
    }

    fn call(&self, _: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        panic!("not a word")
    }
}

/// Says how often it was asked for the first time: alike twice in a row, but not after others.
struct Moody(Mutex<(u64, u64)>);

impl Model for Moody {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            name: "moody".into(),
            digest: "moody".into(),
            deterministic: true,
            simulated: true,
            ..ModelInfo::default()
        }
    }

    fn chat(&self, request: &ChatRequest<'_>, _: &ChatSink) -> Result<ChatReply, ModuleError> {
        let seed = request.sampling()?.seed;
        let mut mood = self.0.lock().unwrap();
        *mood = (seed, mood.1 + u64::from(mood.0 != seed));
        Ok(ChatReply::text(mood.1.to_string()))
    }
}

/// A world that is not put right between episodes.
struct Worn(u32);

impl Environment for Worn {
    fn tasks(&mut self, _: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
        Ok(["one", "two"].map(|id| Task { id: id.into(), ..Task::default() }).into())
    }

    fn reset(&mut self, _: &Task, _: u64) -> Result<Observation, ModuleError> {
        self.0 += 1;
        Ok(Observation { text: format!("{} were here.", self.0), done: true, ..Observation::default() })
    }

    fn step(&mut self, _: &Action) -> Result<Observation, ModuleError> {
        Ok(Observation::default())
    }

    fn state(&mut self) -> Result<serde_json::Value, ModuleError> {
        Ok(serde_json::Value::Null)
    }
}

struct Generous;

impl Grader for Generous {
    fn grade(&self, _: &Task, _: &serde_json::Value, _: &[Message]) -> Result<Grade, ModuleError> {
        Ok(Grade { reward: 2.0, ..Grade::default() })
    }
}

linked_pack! {
    manifest: MANIFEST,
    processors: {
        "steady" => |config: Note| Ok(move |cx: &Cx<'_>, _: Event<'_>| note("seed", format!("{} {}", config.note, cx.seed()))),
        "outlaw" => |_: NoConfig| Ok(outlaw),
        "drifting" => |_: NoConfig| Ok(drifting),
        "sticky" => |_: NoConfig| Ok(sticky),
        "sleeper" => |_: NoConfig| Ok(sleeper),
        "leaky" => |_: NoConfig| Ok(leaky),
    },
    tools: { "mute" => |_: NoConfig| Ok(Mute) },
    models: { "moody" => |_: NoConfig| Ok(Moody(Mutex::default())) },
    environments: { "worn" => |_: NoConfig| Ok(Worn(0)) },
    graders: { "generous" => |_: NoConfig| Ok(Generous) },
}

fn verdict(module: &str, episodes: u32) -> ConformanceReport {
    let host = Host::builder().linked(pack()).build().unwrap();
    let extent = Extent { episodes, patience: Duration::from_secs(20), deadline: Duration::from_secs(2) };
    conformance(&host, &format!("odd/{module}").parse().unwrap(), &Config::new(), extent)
}

#[test]
fn a_module_that_does_nothing_wrong_passes_every_check() {
    // Memory is left to the binary's own tests: what other tests of this process take would be counted here.
    let verdict = verdict("steady", 0);
    assert!(verdict.passed(), "{verdict:#?}");
    let left_out: Vec<_> = verdict
        .checks
        .iter()
        .filter(|check| matches!(check.result, CheckResult::LeftOut(_)))
        .map(|check| check.name)
        .collect();
    assert_eq!((verdict.checks.len(), left_out), (6, vec!["keeps its memory, however many episodes"]));
}

#[test]
fn every_other_is_found_out_by_the_check_that_is_there_for_it() {
    let cases = [
        ("outlaw", "answers its hooks with what they allow", "which is not allowed there"),
        ("drifting", "decides the same with the same seed", "decide differently"),
        ("sticky", "carries nothing from one episode to another", "otherwise after 20 other episodes"),
        ("sleeper", "answers its hooks with what they allow", "did not come back within 2 s"),
        ("leaky", "keeps its memory, however many episodes", "memory grew by"),
        ("mute", "answers every call, however wrong", "ends in a fault: panicked at"),
        ("moody", "carries nothing from one episode to another", "otherwise after 5 other requests"),
        ("worn", "carries nothing from one episode to another", "differently after others in one environment"),
        ("generous", "gives rewards from 0 to 1, or an error", "a reward of 2"),
    ];
    for (module, check, says) in cases {
        let verdict = verdict(module, 300);
        let found =
            verdict.checks.iter().find(|one| one.name == check).unwrap_or_else(|| panic!("{module}: {verdict:#?}"));
        assert!(matches!(&found.result, CheckResult::Failed(text) if text.contains(says)), "{module}: {verdict:#?}");
    }
}
