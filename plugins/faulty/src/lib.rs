//! A pack that misbehaves on demand: what isolation is tested with. Every kind of module, every fault, wherever it is told to.

mod fault;

use harness_abi::{
    Action, ChatReply, ChatRequest, ChatSink, Cx, Decision, DeltaKind, Environment, Event, Grade, Grader, Message,
    Model, ModelInfo, ModuleError, Observation, Outcome, Processor, Task, TaskQuery, Tool, ToolOutput, ToolRequest,
    ToolSink, ToolSpec, pass,
};
use serde::Deserialize;
use serde_json::{Value, json};

pub use fault::{Fault, commit};

/// A module that misbehaves.
#[derive(Debug, Deserialize)]
pub struct Faulty {
    fault: Fault,
    at: String,
    file: String,
}

impl Faulty {
    fn built(self) -> Result<Self, ModuleError> {
        self.misbehave("make")?;
        Ok(self)
    }

    /// Does what it was told, if this is the place.
    fn misbehave(&self, place: &str) -> Result<(), ModuleError> {
        if self.at == place { commit(self.fault, &self.file) } else { Ok(()) }
    }

    fn does(&self, fault: Fault, place: &str) -> bool {
        self.fault == fault && self.at == place
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = self.misbehave("drop");
    }
}

fn hook(event: &Event<'_>) -> &'static str {
    match event {
        Event::TaskStart => "task_start",
        Event::StepStart => "step_start",
        Event::BeforeModel => "before_model",
        Event::AfterModel { .. } => "after_model",
        Event::BeforeTool { .. } => "before_tool",
        Event::AfterTool { .. } => "after_tool",
        Event::StepEnd => "step_end",
        Event::TaskEnd { .. } => "task_end",
        _ => "",
    }
}

impl Processor for Faulty {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let hook = hook(&event);
        self.misbehave(hook)?;
        while self.does(Fault::Flood, hook) {
            cx.log("and another thing");
        }
        if self.does(Fault::Nonsense, hook) {
            return Ok(vec![Decision::Annotate { key: "nonsense".into(), value_json: "{not json".into() }]);
        }
        pass()
    }
}

impl Tool for Faulty {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![ToolSpec {
            name: "faulty".into(),
            description: "Misbehaves.".into(),
            input_schema: json!({"type": "object", "properties": {}}),
            read_only: false,
            idempotent: false,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        self.misbehave("call")?;
        // All it was told, so that a test sees whether anything is lost on the way.
        Ok(ToolOutput { text: format!("{request:?}"), ..ToolOutput::default() })
    }
}

impl Model for Faulty {
    fn info(&self) -> ModelInfo {
        ModelInfo { name: "faulty".into(), digest: "faulty".into(), simulated: true, ..ModelInfo::default() }
    }

    fn chat(&self, _: &ChatRequest<'_>, sink: &ChatSink) -> Result<ChatReply, ModuleError> {
        self.misbehave("call")?;
        while self.does(Fault::Flood, "call") {
            // Deaf to the answer, which asks it to stop.
            sink.delta(DeltaKind::TEXT, "and another thing".into());
        }
        Ok(ChatReply::text("well"))
    }
}

impl Environment for Faulty {
    fn tasks(&mut self, _: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
        self.misbehave("tasks")?;
        Ok(vec![Task { id: "one".into(), group: "one".into(), ..Task::default() }])
    }

    fn reset(&mut self, _: &Task, _: u64) -> Result<Observation, ModuleError> {
        self.misbehave("reset")?;
        Ok(Observation { text: "You are here.".into(), ..Observation::default() })
    }

    fn step(&mut self, _: &Action) -> Result<Observation, ModuleError> {
        self.misbehave("step")?;
        Ok(Observation { text: "You are still here.".into(), ..Observation::default() })
    }

    fn state(&mut self) -> Result<Value, ModuleError> {
        self.misbehave("state")?;
        Ok(Value::Null)
    }
}

impl Grader for Faulty {
    fn grade(&self, _: &Task, _: &Value, _: &[Message]) -> Result<Grade, ModuleError> {
        self.misbehave("call")?;
        let reward = if self.does(Fault::Nonsense, "call") { f64::NAN } else { 1.0 };
        Ok(Grade { reward, ..Grade::default() })
    }
}

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    processors: { "processor" => |config: Faulty| Faulty::built(config) },
    tools: { "tool" => |config: Faulty| Faulty::built(config) },
    models: { "model" => |config: Faulty| Faulty::built(config) },
    environments: { "environment" => |config: Faulty| Faulty::built(config) },
    graders: { "grader" => |config: Faulty| Faulty::built(config) },
}
