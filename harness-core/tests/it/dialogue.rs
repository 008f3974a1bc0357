//! Episodes that go on with a caller's conversation, and leave calls of its tools to the caller.

use std::sync::Arc;

use harness_abi::{Message, ToolSpec};
use harness_core::{Dialogue, Left, Start};
use serde_json::json;

use crate::{
    memory::Memory,
    support::{Ran, agent, probe, run_with, scripted, spec},
};

fn run(toml: &str, dialogue: Dialogue) -> Ran {
    let memory = Arc::new(Memory::default());
    run_with(&agent(toml), &memory, spec(&memory, Start::Dialogue(dialogue)))
}

fn with_tool(messages: Vec<Message>) -> Dialogue {
    let tool = ToolSpec {
        name: "ask".into(),
        description: String::new(),
        input_schema: json!({"type": "object"}),
        read_only: false,
        idempotent: false,
    };
    Dialogue { system: "Be brief.".into(), messages, tools: vec![tool] }
}

const TOOLS: &str = "[[tool]]\nuse = \"t/tools\"\n";

#[test]
fn a_call_of_the_callers_tool_ends_the_turn_and_the_next_goes_on() {
    let both = json!({"text": "Let me see.", "calls": [{"tool": "echo", "with": {"n": 1}}, {"tool": "ask", "with": {"n": 2}}]});
    let toml = scripted(json!([both, {"text": "bye"}]), TOOLS);
    let first = run(&toml, with_tool(vec![Message::user("go")]));
    assert_eq!(first.ended(), "done: a tool of the caller was called");
    let [Left { id, name, arguments }] = &first.episode.left[..] else { panic!("{:?}", first.episode.left) };
    assert_eq!((name.as_str(), arguments.as_str()), ("ask", "{\"n\":2}"));
    assert_eq!(
        first.history(),
        ["user: go", "assistant: Let me see.echo({\"n\":1}) ask({\"n\":2})", "tool: {\"n\":1}"],
        "the harness's own call is answered here"
    );
    let mut messages = first.episode.history.clone();
    messages.push(Message::tool_result(id.as_str(), "two", false));
    let second = run(&toml, with_tool(messages));
    assert_eq!(second.ended(), "done: the model answered without calling a tool");
    assert_eq!(second.history()[3..], ["tool: two", "assistant: bye"]);
    assert!(second.episode.left.is_empty());
}

#[test]
fn hooks_see_the_callers_tools_and_what_is_malformed_is_the_models_to_mend() {
    let bad = json!({"calls": [{"tool": "ask", "raw": "[1]"}]});
    let good = json!({"calls": [{"tool": "ask", "with": {"n": 2}}]});
    let rewrite = probe("p", json!({"before_tool": [{"set_arguments": {"n": 3}}], "step_start": ["see"]}));
    let ran = run(&scripted(json!([bad, good.clone()]), &rewrite), with_tool(vec![Message::user("go")]));
    assert_eq!(ran.ended(), "done: a tool of the caller was called", "{:?}", ran.faults());
    assert_eq!(ran.notes("seen")[0]["visible"], json!(["ask"]));
    assert_eq!(ran.notes("seen")[0]["system"], "Be brief.");
    assert_eq!(ran.episode.left[0].arguments, "{\"n\":3}", "as the processor left it");
    let clash = run(&scripted(json!([good]), TOOLS), {
        let mut dialogue = with_tool(vec![Message::user("go")]);
        dialogue.tools[0].name = "echo".into();
        dialogue
    });
    assert!(clash.ended().starts_with("fault: echo: a tool `echo` is offered twice"), "{}", clash.ended());
}
