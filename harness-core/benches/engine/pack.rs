//! The mock model and the tool that does nothing, as modules like any other.

use std::{
    sync::{
        Mutex,
        mpsc::{self, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use harness_abi::{stable::RResult, *};
use serde_json::json;

/// Turns 0..n call `noop`, turn n says `done`; 100 tokens in, 10 out. Answers at once, or from a thread of its own after
/// a while.
pub struct Mock {
    turns: u64,
    later: Option<Later>,
}

struct Later {
    wait: Duration,
    queue: Mutex<Sender<(Instant, ChatSink, ChatReply)>>,
}

#[derive(serde::Deserialize)]
pub struct MockConfig {
    turns: u64,
    wait_ms: u64,
}

impl Mock {
    fn new(config: MockConfig) -> Self {
        let later = (config.wait_ms > 0).then(|| {
            let (queue, waiting) = mpsc::channel::<(Instant, ChatSink, ChatReply)>();
            thread::spawn(move || {
                for (due, sink, reply) in waiting {
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    sink.finish(RResult::ROk(reply));
                }
            });
            Later { wait: Duration::from_millis(config.wait_ms), queue: Mutex::new(queue) }
        });
        Self { turns: config.turns, later }
    }

    fn reply(&self, request: &ChatRequest<'_>) -> ChatReply {
        // The turn stands in the last call's id, so that the mock need not count a long history.
        let last = request.messages.iter().rev().find_map(|message| message.calls().next());
        let turn = last.and_then(|call| call.id.strip_prefix('c')?.parse::<u64>().ok()).map_or(0, |turn| turn + 1);
        let usage = Usage { input_tokens: 100, output_tokens: 10, ..Usage::default() };
        let (message, finish) = if turn < self.turns {
            let call = Part::tool_call(format!("c{turn}"), "noop", format!("{{\"i\":{turn}}}"));
            (Message::new(Role::Assistant, [call]), Finish::TOOL_CALLS)
        } else {
            (Message::assistant("done"), Finish::STOP)
        };
        ChatReply { message, finish, usage, extra: Default::default() }
    }
}

impl Model for Mock {
    fn info(&self) -> ModelInfo {
        ModelInfo { name: "mock".into(), digest: "mock".into(), simulated: true, ..ModelInfo::default() }
    }

    fn chat(&self, request: &ChatRequest<'_>, _: &ChatSink) -> Result<ChatReply, ModuleError> {
        Ok(self.reply(request))
    }

    fn start_chat(&self, request: &ChatRequest<'_>, sink: ChatSink) {
        let reply = self.reply(request);
        match &self.later {
            None => sink.finish(RResult::ROk(reply)),
            Some(later) => {
                let due = Instant::now() + later.wait;
                let _ = later.queue.lock().unwrap().send((due, sink, reply));
            }
        }
    }
}

/// Returns `ok`.
pub struct Noop;

impl Tool for Noop {
    fn specs(&self) -> Vec<ToolSpec> {
        let input_schema = json!({"type": "object", "properties": {"i": {"type": "integer"}}, "required": ["i"]});
        let description = "Does nothing.".to_owned();
        vec![ToolSpec { name: "noop".into(), description, input_schema, read_only: true, idempotent: true }]
    }

    fn call(&self, request: &ToolRequest<'_>, _: &ToolSink) -> Result<ToolOutput, ModuleError> {
        request.arguments()?;
        Ok(ToolOutput { text: "ok".into(), ..ToolOutput::default() })
    }
}

linked_pack! {
    manifest: r#"
        [pack]
        name = "mock"
        version = "1.0.0"
        abi = "1.0.0"
        description = "a mock model and a tool that does nothing"

        [[module]]
        name = "model"
        kind = "model"
        dimension = "D1"
        blocking = false
        provides = ["tools"]
        config = { turns = { type = "integer", required = true }, wait_ms = { type = "integer", default = 0 } }

        [[module]]
        name = "noop"
        kind = "tool"
        dimension = "D4"
        blocking = false
    "#,
    tools: { "noop" => |_: NoConfig| Ok(Noop) },
    models: { "model" => |config: MockConfig| Ok(Mock::new(config)) },
}
