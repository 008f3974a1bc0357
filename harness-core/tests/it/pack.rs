//! The test pack: a scripted model, a processor that does what its config says, a counting world, a few tools.

use std::{
    sync::{Condvar, Mutex},
    time::Duration,
};

use harness_abi::{stable::RVec, *};
use serde_json::{Value, json};

/// Replies by the number of assistant messages it is shown, so that equal requests have equal replies.
pub struct Scripted {
    config: Script,
}

#[derive(serde::Deserialize)]
pub struct Script {
    replies: Vec<Value>,
    seeded: bool,
    name: String,
}

fn error(name: &str) -> ModuleError {
    let class = match name {
        "unavailable" | "lost" => ErrorClass::UNAVAILABLE,
        "input" => ErrorClass::INPUT,
        "unsupported" => ErrorClass::UNSUPPORTED,
        "config" => ErrorClass::CONFIG,
        _ => ErrorClass::FAULT,
    };
    let mut error = ModuleError::new(class, format!("scripted {name}"));
    if name == "lost" {
        // What a host once took for its own word that the module's process had ended in a call of another.
        error.extra = "{\"lost\":true}".into();
    }
    error
}

impl Model for Scripted {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            name: self.config.name.clone(),
            digest: format!("scripted-{}-{}", self.config.name, json!(self.config.replies)),
            deterministic: true,
            seeded: self.config.seeded,
            simulated: true,
            ..ModelInfo::default()
        }
    }

    fn chat(&self, request: &ChatRequest<'_>, sink: &ChatSink) -> Result<ChatReply, ModuleError> {
        let turn = request.messages.iter().filter(|message| message.role() == Role::Assistant).count();
        let reply = self.config.replies.get(turn).or(self.config.replies.last()).unwrap();
        if let Some(name) = reply["error"].as_str() {
            return Err(error(name));
        }
        if reply["panic"].is_string() {
            panic!("the model panics");
        }
        if reply["wait"].is_string() {
            while !sink.cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            return Err(ModuleError::new(ErrorClass::CANCELLED, "stopped"));
        }
        let text = match reply["text"].as_str().unwrap_or_default() {
            "seed" => request.sampling()?.seed.to_string(),
            "request" => {
                let tools: Vec<String> = request.tools()?.into_iter().map(|tool| tool.name).collect();
                let sampling = request.sampling()?;
                json!({"messages": request.messages.len(), "tools": tools, "constraint": request.constraint()?,
                    "temperature": sampling.temperature, "model": self.config.name})
                .to_string()
            }
            text => text.to_owned(),
        };
        let calls = reply["calls"].as_array().cloned().unwrap_or_default();
        let parts = (!text.is_empty()).then(|| Part::text(text)).into_iter().chain(calls.iter().enumerate().map(
            |(index, call)| {
                let arguments = call["raw"].as_str().map_or_else(|| call["with"].to_string(), str::to_owned);
                let arguments = if arguments == "null" { "{}".to_owned() } else { arguments };
                Part::tool_call(format!("c{turn}.{index}"), call["tool"].as_str().unwrap(), arguments)
            },
        ));
        let input_tokens = reply["tokens"].as_u64().unwrap_or(10);
        let usage = Usage { input_tokens, output_tokens: 1, cost_micros: 5, ..Usage::default() };
        let message = Message::new(Role::Assistant, parts);
        Ok(ChatReply { message, finish: Finish::STOP, usage, extra: Default::default() })
    }

    fn score(&self, request: &ScoreRequest, _: &ScoreSink) -> Result<ScoreReply, ModuleError> {
        let scores = request.items.iter().map(|item| Score { logprob: -(item.completion.len() as f64), tokens: 1 });
        let usage = Usage { input_tokens: request.items.len() as u64, ..Usage::default() };
        Ok(ScoreReply { scores: scores.collect(), usage, extra: Default::default() })
    }
}

/// Does at each hook what its config lists for it; on from step `from`.
#[derive(serde::Deserialize)]
pub struct Probe {
    on: std::collections::BTreeMap<String, Vec<Value>>,
    from: u64,
    #[serde(skip)]
    called: u64,
}

impl Probe {
    fn hook(event: &Event<'_>) -> &'static str {
        match event {
            Event::TaskStart => "task_start",
            Event::StepStart => "step_start",
            Event::BeforeModel => "before_model",
            Event::AfterModel { .. } => "after_model",
            Event::BeforeTool { .. } => "before_tool",
            Event::AfterTool { .. } => "after_tool",
            Event::StepEnd => "step_end",
            _ => "task_end",
        }
    }

    fn see(&self, cx: &Cx<'_>, event: Event<'_>) -> Value {
        let about = match event {
            Event::AfterModel { response } => json!(response.text()),
            Event::BeforeTool { call } => json!([call.name, call.arguments]),
            Event::AfterTool { call, result } => json!([call.name, result.text(), result.is_error()]),
            Event::TaskEnd { outcome } => json!(outcome),
            _ => Value::Null,
        };
        let last = cx.history().last().map(|message| message.text().into_owned());
        json!({"step": cx.step(), "system": cx.system(), "history": cx.history().len(), "last": last,
            "visible": cx.visible_tools().collect::<Vec<_>>(), "tools": cx.tools().unwrap().len(), "about": about,
            "steps_left": cx.budget().steps, "called": self.called})
    }
}

fn message(value: &Value) -> Message {
    let text = value["text"].as_str().map(Part::text);
    let calls = value["calls"].as_array().cloned().unwrap_or_default();
    let calls = calls.iter().map(|call| {
        Part::tool_call(call["id"].as_str().unwrap(), call["tool"].as_str().unwrap(), call["with"].to_string())
    });
    match value["result"].as_str() {
        Some(result) => Message::tool_result("", result, false),
        None => Message::new(Role::Assistant, text.into_iter().chain(calls)),
    }
}

impl Processor for Probe {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        if cx.step() < self.from && !matches!(event, Event::TaskEnd { .. }) {
            return pass();
        }
        let mut decisions = Vec::new();
        for todo in self.on.get(Self::hook(&event)).cloned().unwrap_or_default() {
            let (name, with) = match &todo {
                Value::String(name) => (name.clone(), Value::Null),
                other => {
                    let (name, with) = other.as_object().unwrap().iter().next().unwrap();
                    (name.clone(), with.clone())
                }
            };
            let text = || with.as_str().unwrap_or_default();
            decisions.push(match name.as_str() {
                "pass" => continue,
                "see" => Decision::annotate("seen", &self.see(cx, event)),
                "log" => {
                    cx.log("a line");
                    continue;
                }
                "put" => {
                    cx.put("key", text());
                    continue;
                }
                "get" => Decision::annotate("got", &cx.get("key")),
                "blob" => {
                    let hash = cx.put_blob("text/plain", b"12345");
                    Decision::annotate("blob", &cx.blob(&hash).map(|bytes| bytes.len()))
                }
                "panic" => panic!("the processor panics"),
                "err" => return Err(error(text()).into()),
                "slow" => {
                    std::thread::sleep(Duration::from_millis(2));
                    continue;
                }
                "set_system" => Decision::system(text()),
                "edit_history" => Decision::EditHistory {
                    edits: with
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|edit| HistoryEdit {
                            start: edit[0].as_u64().unwrap(),
                            end: edit[1].as_u64().unwrap(),
                            with: edit[2].as_str().map(Message::user).into_iter().collect(),
                        })
                        .collect(),
                },
                "set_last_user" => Decision::SetLastUser { text: text().into() },
                "append_user" => Decision::AppendUser { text: text().into() },
                "show_tools" => {
                    Decision::show_tools(with.as_array().unwrap().iter().map(|name| name.as_str().unwrap()))
                }
                "constrain" => Decision::Constrain { constraint_json: with.to_string().into() },
                "use_model" => Decision::UseModel { role: text().into() },
                "sample" => Decision::Sample { sampling_json: with.to_string().into() },
                "set_response" => Decision::SetResponse { message: message(&with) },
                "set_arguments" => Decision::SetArguments { arguments: with.to_string().into() },
                "set_result" => Decision::SetResult { text: text().into(), is_error: false },
                "split" => Decision::Split { messages: with.as_array().unwrap().iter().map(message).collect() },
                "answer" => Decision::Answer { message: message(&with) },
                "interrupt" => Decision::interrupt(text()),
                "adapt" => Decision::Adapt { signal: text().into() },
                "annotate" => Decision::Annotate { key: "note".into(), value_json: with.to_string().into() },
                "bad_note" => Decision::Annotate { key: "note".into(), value_json: "{".into() },
                "bad_constraint" => Decision::Constrain { constraint_json: "{\"type\":\"runes\"}".into() },
                "ask_bare" => Decision::Ask { questions: RVec::new() },
                "ask_forever" => {
                    for _ in 0..100 {
                        cx.chat(AskChat::new([Message::user("again?")]))?;
                    }
                    continue;
                }
                "ask_chat" => {
                    let reply = cx.chat(AskChat::new([Message::user("really?")]).role(text()))?;
                    let score = ScoreRequest::new([ScoreItem::new(&[Message::user("q")], &reply.message.text())]);
                    let score = cx.score("", score)?;
                    Decision::annotate("answers", &json!([reply.message.text(), score.scores[0].logprob]))
                }
                "ask_batch" => {
                    // The kit asks one at a time; a module that does without it may ask many at once.
                    let item = |text: &str| ScoreItem::new(cx.history(), text);
                    let ask = |items: Vec<ScoreItem>| Ask::Score {
                        score: AskScore { role: "main".into(), request: ScoreRequest::new(items) },
                    };
                    let questions = [ask(vec![item("a"), item("bb")]), ask(vec![item("ccc")])];
                    Decision::Ask { questions: questions.into_iter().map(StoredAsk::new).collect() }
                }
                other => panic!("no behaviour {other}"),
            });
        }
        self.called += 1;
        Ok(decisions)
    }
}

/// Counts to three.
pub struct Counter {
    config: CounterConfig,
    count: u64,
}

#[derive(serde::Deserialize)]
pub struct CounterConfig {
    offer: Vec<String>,
}

impl Counter {
    fn count(&mut self, word: &str) -> Result<Observation, ModuleError> {
        match word {
            "up" => self.count += 1,
            "crash" => return Err(ModuleError::fault("the world crashed")),
            "panic" => panic!("the world panics"),
            "stay" => {}
            _ => {
                return Ok(Observation { text: format!("What is `{word}`?"), invalid: true, ..Default::default() });
            }
        }
        let done = self.count == 3;
        Ok(Observation { text: format!("{}", self.count), reward: 0.1, done, ..Default::default() })
    }
}

impl Environment for Counter {
    fn tasks(&mut self, _: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
        Ok(vec![Task::default()])
    }

    fn reset(&mut self, task: &Task, _: u64) -> Result<Observation, ModuleError> {
        assert_eq!(task.gold, Value::Null, "gold is the grader's alone");
        if task.data == json!("broken") {
            return Err(ModuleError::input("no such task"));
        }
        let tool = |name: &String| ToolSpec {
            name: name.clone(),
            description: String::new(),
            input_schema: json!({"type": "object"}),
            read_only: false,
            idempotent: false,
        };
        let tools = self.config.offer.iter().map(tool).collect();
        Ok(Observation { text: "Count to 3.".into(), tools: Some(tools), ..Default::default() })
    }

    fn step(&mut self, action: &Action) -> Result<Observation, ModuleError> {
        match action {
            Action::Text { text } => self.count(&text.clone()),
            Action::Call { name, .. } => self.count(&name.clone()),
            _ => Err(ModuleError::unsupported("action")),
        }
    }

    fn state(&mut self) -> Result<Value, ModuleError> {
        Ok(json!({"count": self.count}))
    }
}

/// A third for each count; the gold says how many there must be.
pub struct Ruler;

impl Grader for Ruler {
    fn grade(&self, task: &Task, state: &Value, history: &[Message]) -> Result<Grade, ModuleError> {
        let wanted = task.gold.as_f64().ok_or_else(|| ModuleError::input("no gold"))?;
        assert!(history.iter().all(|message| message.role() != Role::System));
        Ok(Grade { reward: state["count"].as_f64().unwrap_or(0.0) / wanted, ..Default::default() })
    }
}

/// `echo` gives back its arguments; `meet` waits until two of it are at work; `fail` fails as asked.
pub struct Tools;

static MEETING: (Mutex<u32>, Condvar) = (Mutex::new(0), Condvar::new());

impl Tool for Tools {
    fn specs(&self) -> Vec<ToolSpec> {
        ["echo", "meet", "fail"]
            .map(|name| ToolSpec {
                name: name.into(),
                description: String::new(),
                input_schema: json!({"type": "object"}),
                read_only: true,
                idempotent: true,
            })
            .into()
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        let arguments = request.arguments()?;
        match request.name.as_str() {
            "echo" => Ok(ToolOutput { text: arguments.to_string(), cost_micros: 1, ..Default::default() }),
            "meet" => {
                let (count, changed) = &MEETING;
                let mut present = count.lock().unwrap();
                *present += 1;
                changed.notify_all();
                let (present, wait) =
                    changed.wait_timeout_while(present, Duration::from_secs(5), |present| *present < 2).unwrap();
                drop(present);
                Ok(ToolOutput { text: "met".into(), is_error: wait.timed_out(), cost_micros: 0 })
            }
            _ if arguments["how"] == "panic" => panic!("the tool panics"),
            _ if arguments["how"] == "error" => Ok(ToolOutput { text: "no".into(), is_error: true, cost_micros: 0 }),
            _ => Err(error(arguments["how"].as_str().unwrap_or_default())),
        }
    }
}

/// Hands its task on to the harness in its config, which is not its own to read.
pub struct Delegate;

#[derive(serde::Deserialize)]
pub struct Delegated {}

impl Tool for Delegate {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "delegate".into(),
            description: String::new(),
            input_schema: json!({"type": "object"}),
            read_only: false,
            idempotent: false,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        let arguments = request.arguments()?;
        match arguments["task"].as_str() {
            Some(task) => Ok(ToolOutput { text: task.into(), ..Default::default() }),
            None => Ok(ToolOutput { text: "no".into(), is_error: true, cost_micros: 0 }),
        }
    }
}

linked_pack! {
    manifest: r#"
        [pack]
        name = "t"
        version = "1.0.0"
        abi = "1.0.0"
        description = "what the engine's tests are made of"

        [[module]]
        name = "scripted"
        kind = "model"
        dimension = "D1"
        blocking = false
        provides = ["tools", "choice", "score"]
        config = { replies = { type = "array", required = true }, seeded = { type = "boolean", default = false }, name = { type = "string", default = "main" } }

        [[module]]
        name = "scripted_blocking"
        kind = "model"
        dimension = "D1"
        provides = ["tools", "choice", "score"]
        config = { replies = { type = "array", required = true }, seeded = { type = "boolean", default = false }, name = { type = "string", default = "main" } }

        [[module]]
        name = "probe"
        kind = "processor"
        dimension = "D7"
        hooks = ["task_start", "step_start", "before_model", "after_model", "before_tool", "after_tool", "step_end", "task_end"]
        permissions = ["model"]
        config = { on = { type = "object", default = {} }, from = { type = "integer", default = 0 } }

        [[module]]
        name = "mute"
        kind = "processor"
        dimension = "D7"
        hooks = ["before_model"]
        config = { on = { type = "object", default = {} }, from = { type = "integer", default = 0 } }

        [[module]]
        name = "tools"
        kind = "tool"
        dimension = "D4"
        blocking = false

        [[module]]
        name = "tools_blocking"
        kind = "tool"
        dimension = "D4"

        [[module]]
        name = "delegate"
        kind = "tool"
        dimension = "D6"
        permissions = ["model"]
        blocking = false
        config = { harness = { type = "harness", required = true } }

        [[module]]
        name = "counter"
        kind = "environment"
        dimension = "D5"
        config = { offer = { type = "array", default = [] } }

        [[module]]
        name = "ruler"
        kind = "grader"
        dimension = "D6"
    "#,
    processors: {
        "probe" => |probe: Probe| Ok(probe),
        "mute" => |probe: Probe| Ok(probe),
    },
    tools: { "tools" => |_: NoConfig| Ok(Tools), "tools_blocking" => |_: NoConfig| Ok(Tools), "delegate" => |_: Delegated| Ok(Delegate) },
    models: {
        "scripted" => |config: Script| Ok(Scripted { config }),
        "scripted_blocking" => |config: Script| Ok(Scripted { config }),
    },
    environments: { "counter" => |config: CounterConfig| Ok(Counter { config, count: 0 }) },
    graders: { "ruler" => |_: NoConfig| Ok(Ruler) },
}
