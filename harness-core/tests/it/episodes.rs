//! Whole episodes: how they begin, act and end.

use std::sync::Arc;

use harness_core::Start;
use harness_trace::Entry;
use serde_json::json;

use crate::{
    memory::Memory,
    support::{agent, environment, run, run_in_environment, run_with, scripted, spec, task},
};

#[test]
fn a_reply_without_calls_is_the_end() {
    let ran = run(&scripted(json!([{"text": "hello"}]), ""));
    assert_eq!(ran.ended(), "done: the model answered without calling a tool");
    assert_eq!(ran.history(), ["user: go", "assistant: hello"]);
    assert_eq!((ran.episode.end.steps, ran.episode.end.usage.input_tokens), (1, 10));
    assert!(ran.episode.end.grade.is_none() && ran.episode.end.state.is_null());
}

#[test]
fn tools_of_a_step_run_in_parallel_and_answer_in_call_order() {
    let two = json!({"calls": [{"tool": "meet"}, {"tool": "meet"}, {"tool": "echo", "with": {"n": 1}}]});
    let tools = "[[tool]]\nuse = \"t/tools_blocking\"\n";
    let ran = run(&scripted(json!([two, {"text": "bye"}]), tools));
    assert_eq!(
        ran.history(),
        [
            "user: go",
            "assistant: meet({}) meet({}) echo({\"n\":1})",
            "tool: met",
            "tool: met",
            "tool: {\"n\":1}",
            "assistant: bye"
        ]
    );
    assert_eq!(ran.count(|entry| matches!(entry, Entry::Tool { is_error: false, .. })), 3);
    assert_eq!(ran.episode.end.usage.cost_micros, 2 * 5 + 1, "models and tools");
}

#[test]
fn the_reply_is_the_action() {
    for blocking in [false, true] {
        let memory = Arc::new(Memory::default());
        let replies = json!([{"text": "up"}, {"text": "hop"}, {"text": "up"}, {"text": "up"}]);
        let ran = run_with(&agent(&scripted(replies, "")), &memory, spec(&memory, environment(&[], blocking, task())));
        assert_eq!(ran.ended(), "done: the environment said it is over");
        assert_eq!(
            ran.history(),
            [
                "user: Count to 3.",
                "assistant: up",
                "user: 1",
                "assistant: hop",
                "user: What is `hop`?",
                "assistant: up",
                "user: 2",
                "assistant: up",
                "user: 3"
            ]
        );
        assert_eq!(ran.episode.end.state, json!({"count": 3}));
        assert_eq!(ran.episode.end.grade.as_ref().unwrap().reward, 1.0);
        assert_eq!(ran.count(|entry| matches!(entry, Entry::Observed { .. })), 5);
        assert_eq!(ran.count(|entry| matches!(entry, Entry::Tool { .. })), 0);
    }
}

#[test]
fn a_tool_call_is_the_action() {
    let replies = json!([
        {"calls": [{"tool": "up"}, {"tool": "stay"}, {"tool": "echo", "with": {"a": 1}}, {"tool": "fly"}]},
        {"calls": [{"tool": "up", "raw": "{"}, {"tool": "up"}, {"tool": "up"}, {"tool": "up"}]},
    ]);
    let toml = scripted(replies, "action = \"tool\"\n[[tool]]\nuse = \"t/tools\"\n");
    let ran = run_in_environment(&toml, &["up", "stay"]);
    assert_eq!(ran.ended(), "done: the environment said it is over");
    let history = ran.history();
    assert_eq!(
        history[2..6],
        [
            "tool: 1",
            "tool: 1",
            "tool: {\"a\":1}",
            "tool: There is no tool `fly`. The tools are: echo, meet, fail, up, stay."
        ]
    );
    assert!(history[7].starts_with("tool: The arguments of `up` must be a JSON object: EOF"), "{history:?}");
    assert_eq!(history[8..], ["tool: 2", "tool: 3"], "what comes after the end is not done");
    assert_eq!(ran.episode.end.grade.as_ref().unwrap().reward, 1.0);
}

#[test]
fn without_a_call_in_tool_mode_the_world_is_left_as_it_is() {
    let ran = run_in_environment(&scripted(json!([{"text": "no tool fits"}]), "action = \"tool\"\n"), &["up"]);
    assert_eq!(ran.ended(), "done: the model answered without calling a tool");
    assert_eq!(ran.episode.end.grade.as_ref().unwrap().reward, 0.0);
}

#[test]
fn two_runs_leave_the_same_record_and_the_start_is_filled_in() {
    let toml = scripted(
        json!([{"calls": [{"tool": "echo", "with": {"n": 1}}]}, {"text": "seed"}]),
        "[[tool]]\nuse = \"t/tools\"\n",
    );
    let once = || {
        let memory = Arc::new(Memory::default());
        let agent = agent(&toml);
        let ran = run_with(&agent, &memory, spec(&memory, Start::Prompt("go".into())));
        let start = memory.starts.lock().unwrap()[0].clone();
        assert_eq!(start.harness, agent.variant());
        assert!(start.simulated && start.started_ms == 1);
        ran
    };
    let (a, b) = (once(), once());
    assert_eq!(a.entries, b.entries);
    assert_eq!(a.episode.end, b.episode.end);
}

#[test]
fn a_hundred_episodes_share_an_agent() {
    let toml = scripted(json!([{"text": "up"}]), "");
    let agent = Arc::new(agent(&toml));
    let memory = Arc::new(Memory::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let runs: Vec<_> = (0..100)
        .map(|index| {
            let (agent, memory) = (agent.clone(), memory.clone());
            runtime.spawn(async move {
                let mut spec = spec(&memory, environment(&[], index % 2 == 0, task()));
                spec.meta.episode = format!("e{index}");
                agent.run(spec).await.unwrap()
            })
        })
        .collect();
    for run in runs {
        let episode = runtime.block_on(run).unwrap();
        assert_eq!((episode.end.steps, episode.end.grade.unwrap().reward), (3, 1.0));
    }
}
