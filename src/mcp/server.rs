//! What the tools do: each reads its arguments, carries out a request of the library, and gives the result.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use harness::{
    App, Cancel, Control, Event, Failure,
    abi::ToolSpec,
    app::{
        BenchmarkRequest,
        bounds::Minutes,
        evolve::{EvolveRequest, evolve},
        record::{self, ListRequest, SearchRequest, ShowRequest, Which},
        run::{OpenHarness, TaskRequest},
        suite,
    },
    report,
    trace::Outcome,
};
use harness_mcp::{Call, ServedTools};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::tools;
use crate::render::episode;

/// What a client may have done.
pub struct Server {
    pub app: App,
    /// By the names they are called by.
    pub harnesses: BTreeMap<String, OpenHarness>,
    /// What each suite is opened by.
    pub suites: BTreeMap<String, String>,
    /// The model that plays where an evolution is asked for.
    pub model: Option<String>,
    /// Held by an evolution.
    pub evolving: Mutex<()>,
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
struct List {
    run: String,
    suite: String,
    split: String,
    group: String,
    about: String,
    outcome: Option<Outcome>,
    limit: usize,
}

impl Default for List {
    fn default() -> Self {
        let none = String::new;
        Self { run: none(), suite: none(), split: none(), group: none(), about: none(), outcome: None, limit: 20 }
    }
}

impl From<List> for ListRequest {
    fn from(list: List) -> Self {
        let List { run, suite, split, group, about, outcome, limit } = list;
        Self { which: Which { run, suite, split, group, about, outcome }, limit }
    }
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
    minutes: Minutes,
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

/// Stopped when the client wants no more; tells it these events.
fn control(call: &Call, tell: impl Fn(&Event) -> Option<String> + Send + Sync + 'static) -> Control {
    let cancel = Cancel::new();
    let leave = cancel.clone();
    call.when_cancelled(move || leave.cancel());
    let news = call.news();
    Control::new(cancel, move |event: &Event| {
        if let Some(text) = tell(event) {
            news.tell(&text);
        }
    })
}

/// A result for a client.
fn given(result: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(result).map_err(Failure::new)
}

impl ServedTools for Server {
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
            "list_episodes" => asked(arguments).and_then(|asked| self.list(asked, call)),
            "show_episode" => asked(arguments).and_then(|asked| self.show_episode(&asked, call)),
            "search_episodes" => asked(arguments).and_then(|asked| self.search(asked, call)),
            "check_suite" => asked(arguments).and_then(|asked| self.check_suite(&asked, call)),
            "evolve" => asked(arguments).and_then(|asked| self.evolve(&asked, call)),
            other => Err(Failure::new(format!("nothing here does `{other}`"))),
        };
        done.map_err(|failure| match failure.advice() {
            None => failure.message().to_owned(),
            Some(advice) => format!("{}; {advice}", failure.message()),
        })
    }
}

impl Server {
    fn run_task(&self, task: RunTask, call: &Call) -> Result<Value, Failure> {
        let (_, harness) = named(&self.harnesses, "harness", task.harness.as_deref())?;
        let request = TaskRequest { prompt: task.prompt, seed: task.seed.unwrap_or(1) };
        let played = harness.run(&self.app, &request, &control(call, |_| None))?;
        let result = given(&played)?;
        match played.outcome {
            Outcome::Done => Ok(result),
            other => Err(Failure::new(format!("the task ended early ({}): {result}", other.name()))
                .hint(format!("show_episode {} tells what happened", played.episode))),
        }
    }

    fn show_harness(&self, asked: &ShowHarness) -> Result<Value, Failure> {
        let (name, harness) = named(&self.harnesses, "harness", asked.harness.as_deref())?;
        let mut about = json!({"harness": name});
        if let (Value::Object(about), Value::Object(more)) = (&mut about, given(&harness.about()?)?) {
            about.extend(more);
        }
        Ok(about)
    }

    fn list(&self, asked: List, call: &Call) -> Result<Value, Failure> {
        given(&record::list(&self.app, &asked.into(), &control(call, |_| None))?)
    }

    fn show_episode(&self, asked: &ShowRequest, call: &Call) -> Result<Value, Failure> {
        let look = Arc::new(Mutex::new(String::new()));
        let seen = look.clone();
        let control = control(call, move |event| {
            if let Event::Looked { text } = event {
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = format!("\n{text}");
            }
            None
        });
        let shown = record::show(&self.app, asked, &control)?;
        let look = look.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(format!("{}{look}", episode::text(&shown)).into())
    }

    fn search(&self, asked: Search, call: &Call) -> Result<Value, Failure> {
        let request = SearchRequest {
            words: asked.words,
            which: Which { run: asked.run, ..Which::default() },
            limit: asked.limit.unwrap_or(20),
        };
        given(&record::search(&self.app, &request, &control(call, |_| None))?)
    }

    fn check_suite(&self, asked: &CheckSuite, call: &Call) -> Result<Value, Failure> {
        let (name, opens) = named(&self.suites, "suite", asked.suite.as_deref())?;
        let (tasks, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let control = control(call, move |event| match event {
            Event::Started { total, .. } => {
                tasks.store(*total, Ordering::Relaxed);
                None
            }
            Event::Advanced { by } => {
                let done = done.fetch_add(*by, Ordering::Relaxed) + by;
                Some(format!("{done} of {} tasks checked", tasks.load(Ordering::Relaxed)))
            }
            _ => None,
        });
        let mut checked = suite::check(&self.app, &BenchmarkRequest::new(opens), &control)?;
        name.clone_into(&mut checked.suite);
        given(&checked)
    }

    fn evolve(&self, asked: &Evolve, call: &Call) -> Result<Value, Failure> {
        // Two of one question would write the same run.
        let Ok(_alone) = self.evolving.try_lock() else {
            return Err(Failure::input("an evolution is under way; wait for it, or cancel that call"));
        };
        let (_, opens) = named(&self.suites, "suite", asked.suite.as_deref())?;
        let request = EvolveRequest {
            benchmark: BenchmarkRequest { seed: asked.seed.unwrap_or(1), ..BenchmarkRequest::new(opens) },
            model: self.model.clone(),
            minutes: Some(asked.minutes),
            rollouts: asked.rollouts,
            ..EvolveRequest::new(opens)
        };
        let control = control(call, |event| match event {
            Event::Phase { suite, phase } => Some(format!("{suite}: {phase}")),
            Event::Decided { text } => Some(text.clone()),
            _ => None,
        });
        let evolved = evolve(&self.app, &request, &control)?;
        let text = report::render_terminal(&evolved.report, false);
        let written = format!("run {}, written to {}", evolved.run, evolved.out.display());
        match evolved.paused {
            None => Ok(format!("{text}\n{written}").into()),
            Some(_) => Err(Failure::new(format!("it stopped before its end; what is known: {text}\n{written}"))
                .hint("the same call goes on where it stopped")),
        }
    }
}
