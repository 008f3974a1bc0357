//! What the tools do: each is a subcommand's own work, with a client in the place of a person. Writes nothing to standard output.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use clap::{Args, Command, FromArgMatches};
use harness_abi::{ToolSpec, Workspace};
use harness_bench::Selection;
use harness_core::{Agent, Cancel, assemble};
use harness_evolve::report;
use harness_mcp::{Call, ServedTools};
use harness_spec::{Features, Pool};
use harness_trace::{Filter, Outcome, Store};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;

use super::tools;
use crate::{
    bundle::Opened,
    cmd::{
        evolve::run::{Place, RunArgs, evolved},
        run::play::{Stage, Task, Variant, play},
        suite::check,
        trace,
    },
    confinement,
    failure::Failure,
    progress::Watcher,
    wire,
};

/// A harness that may be run.
pub struct Harness {
    opened: Opened,
    pool: Pool,
    agents: BTreeMap<String, Agent>,
}

/// What a client may have done.
pub struct Desk {
    /// By the names they are called by.
    pub harnesses: BTreeMap<String, Harness>,
    /// What each suite is opened by.
    pub suites: BTreeMap<String, String>,
    pub plugins: Vec<PathBuf>,
    pub model: Option<String>,
    pub workspace: Option<Workspace>,
    pub store: Arc<Store>,
    pub runtime: Handle,
    /// Held by an evolution.
    pub evolving: Mutex<()>,
}

impl Harness {
    /// Assembles every variant.
    pub fn open(opened: Opened, pool: Pool) -> Result<Self, Failure> {
        let mut agents = BTreeMap::new();
        for (name, harness) in &pool.variants {
            // Nothing is offered whose commands nothing would confine.
            confinement::of(harness, opened.host.catalogue())?;
            let agent = assemble(harness, &opened.host)?;
            opened.check(name, &agent)?;
            agents.insert(name.clone(), agent);
        }
        Ok(Self { opened, pool, agents })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunTask {
    prompt: String,
    harness: Option<String>,
    seed: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowHarness {
    harness: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Which {
    run: String,
    suite: String,
    split: String,
    group: String,
    about: String,
    outcome: Option<Outcome>,
    limit: usize,
}

impl Default for Which {
    fn default() -> Self {
        let none = String::new;
        Self { run: none(), suite: none(), split: none(), group: none(), about: none(), outcome: None, limit: 20 }
    }
}

impl Which {
    fn filter(&self) -> Filter {
        let Self { run, suite, split, group, about, outcome, .. } = self;
        let [run, suite, split, group, about] = [run, suite, split, group, about].map(Clone::clone);
        Filter { run, suite, split, group, about, outcome: *outcome, ..Filter::default() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowEpisode {
    episode: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    words: String,
    #[serde(default)]
    run: String,
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckSuite {
    suite: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Evolve {
    suite: Option<String>,
    minutes: f64,
    rollouts: Option<u64>,
    seed: Option<u64>,
}

/// What a client asked for, or why it cannot be meant.
fn asked<T: DeserializeOwned>(arguments: &Map<String, Value>) -> Result<T, Failure> {
    serde_json::from_value(arguments.clone().into())
        .map_err(|error| Failure::input(format!("the arguments are wrong: {error}")))
}

/// What of these a client named; the only one need not be.
fn named<'a, T>(all: &'a BTreeMap<String, T>, what: &str, name: Option<&str>) -> Result<(&'a str, &'a T), Failure> {
    let known = || all.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let found = match name {
        Some(name) => all.get_key_value(name),
        None if all.len() == 1 => all.iter().next(),
        None => return Err(Failure::input(format!("which {what}? there are {}", known()))),
    };
    let found = found.ok_or_else(|| {
        Failure::input(format!("no {what} `{}` is offered; there are {}", name.unwrap_or_default(), known()))
    });
    found.map(|(name, one)| (name.as_str(), one))
}

/// A token that is used when the client wants no more.
fn cancel(call: &Call) -> Cancel {
    let cancel = Cancel::new();
    let leave = cancel.clone();
    call.when_cancelled(move || leave.cancel());
    cancel
}

impl ServedTools for Desk {
    fn about(&self) -> String {
        tools::about(self.harnesses.keys(), self.suites.keys())
    }

    fn tools(&self) -> Vec<ToolSpec> {
        tools::all(&self.harnesses.keys().collect::<Vec<_>>(), &self.suites.keys().collect::<Vec<_>>())
    }

    fn call(&self, tool: &str, arguments: &Map<String, Value>, call: &Call) -> Result<Value, String> {
        let done = match tool {
            "run_task" => asked(arguments).and_then(|asked| self.run_task(asked, call)),
            "show_harness" => asked(arguments).and_then(|asked| self.show_harness(&asked)),
            "list_episodes" => {
                asked(arguments).and_then(|which: Which| trace::listed(&self.store, &which.filter(), which.limit))
            }
            "show_episode" => asked(arguments).and_then(|asked| self.show_episode(&asked)),
            "search_episodes" => asked(arguments).and_then(|asked| self.search(asked)),
            "check_suite" => asked(arguments).and_then(|asked| self.check_suite(&asked, call)),
            "evolve" => asked(arguments).and_then(|asked| self.evolve(&asked, call)),
            other => Err(Failure::new(format!("nothing here does `{other}`"))),
        };
        done.map_err(|failure| failure.words())
    }
}

impl Desk {
    fn run_task(&self, task: RunTask, call: &Call) -> Result<Value, Failure> {
        let (_, harness) = named(&self.harnesses, "harness", task.harness.as_deref())?;
        let prompt = task.prompt.trim();
        if prompt.is_empty() {
            return Err(Failure::input("the prompt is empty; say what is to be done"));
        }
        let known = Features { text: prompt.to_owned(), ..Features::default() };
        let name = harness.pool.route(&known);
        let (Some(agent), Some(value)) = (harness.agents.get(name), harness.pool.variants.get(name)) else {
            return Err(Failure::new(format!("no variant `{name}` plays this")));
        };
        let stage = Stage {
            host: &harness.opened.host,
            store: &self.store,
            runtime: &self.runtime,
            workspace: self.workspace.clone(),
        };
        let sandbox = confinement::of(value, harness.opened.host.catalogue())?;
        let variant = Variant { name, harness: value, agent, sandbox };
        let task = Task {
            prompt: prompt.to_owned(),
            seed: task.seed.unwrap_or(1),
            earlier: None,
            cancel: cancel(call),
            observer: None,
        };
        let played = play(&stage, variant, task)?;
        let result = played.json(agent);
        match played.episode.end.outcome {
            Outcome::Done => Ok(result),
            other => Err(Failure::new(format!("the task ended early ({}): {result}", other.name()))
                .hint(format!("show_episode {} tells what happened", played.id))),
        }
    }

    fn show_harness(&self, asked: &ShowHarness) -> Result<Value, Failure> {
        let (name, harness) = named(&self.harnesses, "harness", asked.harness.as_deref())?;
        let tools = |agent: &Agent| agent.tool_names().map(|tool| tool.to_string()).collect::<Vec<_>>();
        let variants = harness.agents.iter().map(|(name, agent)| {
            let what = json!({"id": agent.variant(), "models": agent.model_digests(), "tools": tools(agent)});
            (name.clone(), what)
        });
        Ok(json!({
            "harness": name, "bundle": harness.opened.is_bundle(), "variants": Value::Object(variants.collect()),
            "toml": harness.pool.to_toml().map_err(Failure::new)?,
        }))
    }

    fn show_episode(&self, asked: &ShowEpisode) -> Result<Value, Failure> {
        let row = self.store.episode(&asked.episode).map_err(trace::unknown)?;
        let look = trace::counted(&self.store, [(&row).into()])?.map_or_else(String::new, |line| format!("\n{line}"));
        Ok((trace::show::text(&self.store, &row)? + &look).into())
    }

    fn search(&self, asked: Search) -> Result<Value, Failure> {
        let filter = Filter { run: asked.run, ..Filter::default() };
        let hits = trace::search::looked_for(&self.store, &filter, &asked.words, asked.limit.unwrap_or(20))?;
        trace::counted(&self.store, hits.iter().map(|hit| (&hit.episode).into()))?;
        Ok(trace::search::found(&hits))
    }

    fn check_suite(&self, asked: &CheckSuite, call: &Call) -> Result<Value, Failure> {
        let (name, opens) = named(&self.suites, "suite", asked.suite.as_deref())?;
        let host = wire::host(&self.plugins)?;
        let benchmark = wire::benchmark(opens, &host, None, &[], None, 1)?;
        let (tasks, done, cancel) = (benchmark.task_ids(&Selection::All)?.len(), AtomicUsize::new(0), cancel(call));
        let checked = check::check(&benchmark, 1, || {
            call.tell(&format!("{} of {tasks} tasks checked", done.fetch_add(1, Ordering::Relaxed) + 1));
            if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(checked.json(name, &benchmark))
    }

    fn evolve(&self, asked: &Evolve, call: &Call) -> Result<Value, Failure> {
        // Two of one question would write the same run.
        let Ok(_alone) = self.evolving.try_lock() else {
            return Err(Failure::input("an evolution is under way; wait for it, or cancel that call"));
        };
        let (_, opens) = named(&self.suites, "suite", asked.suite.as_deref())?;
        let mut line = vec!["evolve".to_owned(), opens.clone(), format!("--minutes={}", asked.minutes)];
        line.extend(self.model.iter().map(|model| format!("--model={model}")));
        line.extend(asked.rollouts.map(|most| format!("--rollouts={most}")));
        line.extend(asked.seed.map(|seed| format!("--seed={seed}")));
        let read = RunArgs::augment_args(Command::new("evolve")).try_get_matches_from(line);
        let args = read.and_then(|read| RunArgs::from_arg_matches(&read)).map_err(Failure::input)?;
        let (cancel, news) = (cancel(call), call.news());
        let place = Place { plugins: &self.plugins, store: self.store.clone(), runtime: &self.runtime };
        let evolved = evolved(&place, &args, cancel, Watcher::telling(opens, move |line| news.tell(line)))?;
        let text = report::render_terminal(&evolved.report, false);
        let written = format!("run {}, written to {}", evolved.run, evolved.out.display());
        match evolved.paused {
            None => Ok(format!("{text}\n{written}").into()),
            Some(_) => Err(Failure::new(format!("it stopped before its end; what is known: {text}\n{written}"))
                .hint("the same call goes on where it stopped")),
        }
    }
}
