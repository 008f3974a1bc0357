//! The pack that is kept per version of the interface: one module of every kind, each using what its version has. The
//! feature `next` is the simulated next version; `cargo xtask abi-fixture` builds both.

use harness_abi::{
    Action, AskChat, ChatReply, ChatRequest, ChatSink, Cx, Decision, Environment, Event, Grade, Message, Model,
    ModelInfo, ModuleError, NoConfig, Observation, Outcome, Score, ScoreReply, ScoreRequest, ScoreSink, Task, TaskQuery,
    Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec, Usage, Grader, pass, stable::RString,
};
use serde_json::{Value, json};

fn clerk(cx: &Cx<'_>, event: Event<'_>) -> Outcome {
    match event {
        Event::TaskStart => {
            let texts: Vec<String> = cx.history().iter().map(|message| message.text().into_owned()).collect();
            let parts: usize = cx.history().iter().map(|message| message.known_parts().count()).sum();
            let seen = format!("{} messages, {parts} parts known: {}", texts.len(), texts.join("|"));
            #[cfg(feature = "next")]
            let seen = format!("{seen}; weight {:?}; locale {}", cx.history()[0].weight(), cx.locale());
            // Messages of the host are handed back to it, whatever is in them.
            Ok(vec![Decision::system(seen), Decision::Split { messages: cx.history().iter().cloned().collect() }])
        }
        Event::BeforeModel => {
            let reply = cx.chat(AskChat::new([Message::user("And?")]))?;
            Ok(vec![Decision::AppendUser { text: RString::from(reply.message.text().into_owned()) }])
        }
        #[cfg(feature = "next")]
        Event::AfterTool { .. } => Ok(vec![Decision::Ask {
            questions: vec![harness_abi::StoredAsk::new(harness_abi::Ask::Embed { text: "it".into() })].into(),
        }]),
        #[cfg(feature = "next")]
        Event::StepEnd => Ok(vec![Decision::Remember { text: "it".into() }]),
        _ => pass(),
    }
}

struct Adder;

impl Tool for Adder {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "add".into(),
            description: "Adds a and b.".into(),
            input_schema: json!({"type": "object"}),
            read_only: true,
            idempotent: true,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        let arguments = request.arguments()?;
        let sum = arguments["a"].as_i64().unwrap_or_default() + arguments["b"].as_i64().unwrap_or_default();
        Ok(ToolOutput { text: sum.to_string(), ..ToolOutput::default() })
    }
}

struct Parrot;

impl Model for Parrot {
    fn info(&self) -> ModelInfo {
        ModelInfo { name: "parrot".into(), digest: "parrot-1".into(), simulated: true, ..ModelInfo::default() }
    }

    fn chat(&self, request: &ChatRequest<'_>, _: &ChatSink) -> Result<ChatReply, ModuleError> {
        let prompt = request.messages.last().map(|message| message.text().into_owned()).unwrap_or_default();
        let reply = ChatReply::text(prompt);
        #[cfg(feature = "next")]
        let reply = {
            let prompt = harness_abi::Draft::from(&reply.message);
            let message = prompt.part(harness_abi::Part::Audio { hash: "a1".into() }).build();
            ChatReply { message, ..reply }
        };
        Ok(reply)
    }

    fn score(&self, request: &ScoreRequest, _: &ScoreSink) -> Result<ScoreReply, ModuleError> {
        let scores = request.items.iter().map(|item| Score { logprob: -(item.completion.len() as f64), tokens: 1 });
        Ok(ScoreReply { scores: scores.collect(), usage: Usage::default(), extra: RString::new() })
    }
}

struct Door {
    open: bool,
}

impl Environment for Door {
    fn tasks(&mut self, _: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
        Ok(vec![Task { id: "open-it".into(), ..Task::default() }])
    }

    fn reset(&mut self, _: &Task, _: u64) -> Result<Observation, ModuleError> {
        self.open = false;
        Ok(Observation { text: "A door.".into(), ..Observation::default() })
    }

    fn step(&mut self, action: &Action) -> Result<Observation, ModuleError> {
        self.open |= matches!(action, Action::Text { text } if text == "open");
        Ok(Observation { text: "A door.".into(), done: self.open, ..Observation::default() })
    }

    fn state(&mut self) -> Result<Value, ModuleError> {
        Ok(json!({ "open": self.open }))
    }

    fn oracle(&mut self, _: &Task) -> Result<Vec<Action>, ModuleError> {
        Ok(vec![Action::Text { text: "open".into() }])
    }
}

struct Open;

impl Grader for Open {
    fn grade(&self, _: &Task, state: &Value, history: &[Message]) -> Result<Grade, ModuleError> {
        let reward = f64::from(u8::from(state["open"] == true));
        Ok(Grade { reward, reasons: vec![format!("{} messages", history.len())], ..Grade::default() })
    }
}

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    processors: { "clerk" => |_: NoConfig| Ok(clerk) },
    tools: { "adder" => |_: NoConfig| Ok(Adder) },
    models: { "parrot" => |_: NoConfig| Ok(Parrot) },
    environments: { "door" => |_: NoConfig| Ok(Door { open: false }) },
    graders: { "open" => |_: NoConfig| Ok(Open) },
}
