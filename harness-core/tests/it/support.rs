//! Running an episode from a few lines of TOML, and reading what it left.

use std::sync::Arc;

use harness_abi::Task;
use harness_core::{Agent, AssembleError, Episode, EpisodeSpec, Start, TaskEnvironment, assemble};
use harness_host::Host;
use harness_spec::Harness;
use harness_trace::{Entry, EpisodeStart};
use serde_json::{Value, json};

use crate::memory::{Memory, Ticking};

pub fn host() -> Host {
    Host::builder().linked(crate::pack::pack()).build().unwrap()
}

pub fn try_agent(toml: &str) -> Result<Agent, AssembleError> {
    assemble(&Harness::parse(toml).unwrap_or_else(|error| panic!("{error}\n{toml}")), &host())
}

pub fn agent(toml: &str) -> Agent {
    try_agent(toml).unwrap_or_else(|error| panic!("{error}\n{toml}"))
}

/// A harness whose model gives these replies.
pub fn scripted(replies: Value, rest: &str) -> String {
    format!("{rest}\n[model.main]\nuse = \"t/scripted\"\nconfig = {{ replies = {} }}\n", toml(&replies))
}

/// JSON as inline TOML.
pub fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("{key} = {}", toml(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// A probe that does this.
pub fn probe(id: &str, on: Value) -> String {
    format!("[[processor]]\nid = \"{id}\"\nuse = \"t/probe\"\nconfig = {{ on = {} }}\n", toml(&on))
}

/// One episode and what it left.
#[derive(Debug)]
pub struct Ran {
    pub episode: Episode,
    pub entries: Vec<(u64, Entry)>,
}

impl Ran {
    /// Outcome and reason.
    pub fn ended(&self) -> String {
        format!("{}: {}", json!(self.episode.end.outcome).as_str().unwrap(), self.episode.end.reason)
    }

    /// The history as `role: text`, calls as `name(arguments)`.
    pub fn history(&self) -> Vec<String> {
        let line = |message: &harness_abi::Message| {
            let role = json!(message.role());
            let calls: Vec<String> = message.calls().map(|call| format!("{}({})", call.name, call.arguments)).collect();
            format!("{}: {}{}", role.as_str().unwrap(), message.text(), calls.join(" "))
        };
        self.episode.history.iter().map(line).collect()
    }

    /// Values of the notes of this key, in order.
    pub fn notes(&self, key: &str) -> Vec<Value> {
        let decided = self.entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Decided { decisions, .. } => decisions.as_array(),
            _ => None,
        });
        let notes = decided.flatten().filter_map(|decision| decision.get("annotate"));
        notes.filter(|note| note["key"] == key).map(|note| note["value"].clone()).collect()
    }

    /// `module class message` of every fault.
    pub fn faults(&self) -> Vec<String> {
        let faults = self.entries.iter().filter_map(|(_, entry)| match entry {
            Entry::Fault { hook, module, class, message } => {
                Some(format!("{} {module} {class}: {message}", hook.map_or("-", harness_abi::Hook::name)))
            }
            _ => None,
        });
        faults.collect()
    }

    pub fn count(&self, is: impl Fn(&Entry) -> bool) -> usize {
        self.entries.iter().filter(|(_, entry)| is(entry)).count()
    }
}

pub fn spec(memory: &Arc<Memory>, start: Start) -> EpisodeSpec {
    let meta = EpisodeStart { episode: "e".into(), seed: 7, ..Default::default() };
    let mut spec = EpisodeSpec::new(meta, start, memory.clone());
    spec.clock = Arc::new(Ticking::default());
    spec
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Runs it; checks that the record agrees with what was returned.
pub fn run_with(agent: &Agent, memory: &Arc<Memory>, spec: EpisodeSpec) -> Ran {
    let id = spec.meta.episode.clone();
    let episode = block_on(agent.run(spec)).unwrap();
    assert_eq!(memory.ends.lock().unwrap().last(), Some(&episode.end));
    Ran { entries: memory.entries(&id), episode }
}

pub fn run(toml: &str) -> Ran {
    let memory = Arc::new(Memory::default());
    run_with(&agent(toml), &memory, spec(&memory, Start::Prompt("go".into())))
}

pub fn environment(offer: &[&str], blocking: bool, task: Task) -> Start {
    let host = host();
    let resolve = |name: &str, config: Value| {
        let config = serde_json::from_value(config).unwrap();
        host.resolve(&name.parse().unwrap(), &config).unwrap()
    };
    let environment = resolve("t/counter", json!({ "offer": offer })).environment().unwrap();
    let grader = Some(resolve("t/ruler", json!({})).grader().unwrap().into());
    Start::Environment(Box::new(TaskEnvironment { environment, blocking, task, grader }))
}

pub fn task() -> Task {
    Task { id: "count".into(), gold: json!(3), ..Default::default() }
}

pub fn run_in_environment(toml: &str, offer: &[&str]) -> Ran {
    let memory = Arc::new(Memory::default());
    run_with(&agent(toml), &memory, spec(&memory, environment(offer, false, task())))
}
