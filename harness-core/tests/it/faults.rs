//! Everything that can go wrong inside an episode: recorded, and it ends the episode.

use std::sync::Arc;

use harness_core::{RunError, Start};
use harness_trace::Entry;
use serde_json::{Value, json};

use crate::{
    memory::Memory,
    support::{
        agent, block_on, environment, probe, run, run_in_environment, run_with, scripted, spec, task, try_agent,
    },
};

const HOOKS: [&str; 8] =
    ["task_start", "step_start", "before_model", "after_model", "before_tool", "after_tool", "step_end", "task_end"];

fn with_tools(on: Value) -> String {
    let replies = json!([{"calls": [{"tool": "echo"}]}, {"text": "end"}]);
    scripted(
        replies,
        &[&probe("p", on), &probe("other", json!({"task_end": ["see"]})), "[[tool]]\nuse = \"t/tools\"\n"].concat(),
    )
}

#[test]
fn a_failing_processor_ends_the_episode_at_every_hook() {
    for hook in HOOKS {
        for (what, class, message) in [
            (json!("panic"), "fault", "the processor panics"),
            (json!({"err": "input"}), "input", "scripted input"),
            (json!({"err": "unavailable"}), "unavailable", "scripted unavailable"),
            (json!({"err": "lost"}), "unavailable", "scripted lost"),
            (json!("bad_note"), "fault", "`annotate` carries no JSON"),
        ] {
            let ran = run(&with_tools(json!({hook: [what], "task_end": [what]})));
            assert!(ran.ended().starts_with("fault: p: "), "{hook} {what}: {}", ran.ended());
            let faults = ran.faults();
            assert_eq!(faults.len(), 1, "a processor that failed is not called again: {faults:?}");
            assert!(faults[0].starts_with(&format!("{hook} p {class}: ")), "{faults:?}");
            assert!(faults[0].contains(message), "{faults:?}");
            assert_eq!(ran.notes("seen").len(), 1, "the others are called at task_end: {hook}");
        }
    }
}

#[test]
fn a_decision_the_hook_does_not_allow_is_a_fault() {
    // The whole table is walked in the engine's unit test; here that a violation is a fault at every hook.
    for hook in HOOKS {
        let wrong = if hook == "task_start" { json!({"append_user": "x"}) } else { json!({"set_system": "x"}) };
        let ran = run(&with_tools(json!({hook: [wrong]})));
        assert!(ran.ended().contains(&format!("is not allowed at {hook}")), "{}", ran.ended());
    }
}

#[test]
fn wrong_content_is_a_fault_that_says_what_is_wrong() {
    for (hook, what, says) in [
        ("step_start", json!({"edit_history": [[0, 2, "x"]]}), "replaces 0..2 of 1 messages"),
        ("step_start", json!({"edit_history": [[1, 1, "x"], [0, 1, "y"]]}), "edits rise"),
        ("before_model", json!({"show_tools": ["ecko"]}), "did it mean `echo`?"),
        ("before_model", json!({"show_tools": ["echo", "echo"]}), "twice"),
        ("before_model", json!("bad_constraint"), "carries no constraint"),
        ("before_model", json!({"constrain": {"type": "choice", "choices": []}}), "offers no choice"),
        ("before_model", json!({"use_model": "judge"}), "names the model role `judge`; the harness has main"),
        ("before_model", json!({"sample": {"temperature": "hot"}}), "carries no sampling"),
        ("before_model", json!({"answer": {"result": "x"}}), "Assistant belongs there"),
        ("after_model", json!({"set_response": {"result": "x"}}), "Assistant belongs there"),
        ("after_model", json!({"split": []}), "splits into nothing"),
        ("before_tool", json!({"set_arguments": [1]}), "no object"),
        ("before_tool", json!({"split": [{"text": "x"}]}), "without calls"),
        ("before_tool", json!({"answer": {"text": "x"}}), "Tool belongs there"),
        ("step_end", json!({"adapt": "boredom"}), "signals are loop_detected"),
    ] {
        let ran = run(&with_tools(json!({hook: [what]})));
        assert!(ran.ended().starts_with("fault: p: ") && ran.ended().contains(says), "{what}: {}", ran.ended());
    }
    let ran = run(&with_tools(json!({"before_tool": [{"interrupt": "x"}, {"set_arguments": {}}]})));
    assert!(ran.ended().contains("follows a decision that concludes"), "{}", ran.ended());
    let ran = run_in_environment(
        &scripted(json!([{"text": "up"}]), &probe("p", json!({"before_tool": [{"set_arguments": {"to": 1}}]}))),
        &[],
    );
    assert!(ran.ended().contains("leaves the action without its text"), "{}", ran.ended());
}

#[test]
fn a_hook_that_takes_too_long_is_a_fault() {
    let memory = Arc::new(Memory::default());
    let mut spec = spec(&memory, Start::Prompt("go".into()));
    spec.clock = Arc::new(harness_core::SystemClock);
    spec.hook_deadline_micros = 1000;
    let ran = run_with(&agent(&with_tools(json!({"step_start": ["slow"]}))), &memory, spec);
    assert!(ran.ended().contains("a hook may take 1 ms"), "{}", ran.ended());
    assert!(ran.faults()[0].starts_with("step_start p timeout"), "{:?}", ran.faults());
}

#[test]
fn models_fail_as_harness_or_as_infrastructure_and_fallbacks_stand_in() {
    for (error, outcome) in [
        ("unavailable", "infrastructure"),
        ("config", "infrastructure"),
        ("unsupported", "fault"),
        ("input", "fault"),
        ("bug", "fault"),
    ] {
        let ran = run(&scripted(json!([{"error": error}]), ""));
        assert_eq!(ran.ended(), format!("{outcome}: t/scripted: scripted {error}"));
        assert_eq!(ran.faults().len(), 1);
    }
    let ran = run(&scripted(json!([{"panic": "x"}]), ""));
    assert!(ran.ended().starts_with("fault: t/scripted: ") && ran.ended().contains("the model panics"));
    let fallback =
        "[[model.main.fallback]]\nuse = \"t/scripted_blocking\"\nconfig = { replies = [{ text = \"hi\" }] }\n";
    let ran = run(&[&scripted(json!([{"error": "unavailable"}]), ""), fallback].concat());
    assert_eq!(ran.history()[1], "assistant: hi");
    assert_eq!(ran.faults(), ["- t/scripted unavailable: scripted unavailable"]);
    let ran = run(&[&scripted(json!([{"error": "input"}]), ""), fallback].concat());
    assert!(ran.ended().starts_with("fault"), "only what may pass by itself is handed on");
}

#[test]
fn tools_fail_as_the_model_may_mend_or_as_modules() {
    for kind in ["tools", "tools_blocking"] {
        for (how, ended) in [
            ("error", "done"),
            ("input", "done"),
            ("unavailable", "infrastructure: tools: scripted unavailable"),
            ("bug", "fault: tools: scripted bug"),
        ] {
            let replies =
                json!([{"calls": [{"tool": "fail", "with": {"how": how}}, {"tool": "echo"}]}, {"text": "end"}]);
            let ran = run(&scripted(replies, &format!("[[tool]]\nid = \"tools\"\nuse = \"t/{kind}\"\n")));
            assert!(ran.ended().starts_with(ended), "{kind} {how}: {}", ran.ended());
            if ended == "done" {
                assert_eq!(ran.count(|entry| matches!(entry, Entry::Tool { is_error: true, .. })), 1);
                assert_eq!(ran.faults(), Vec::<String>::new());
            }
        }
        let replies = json!([{"calls": [{"tool": "fail", "with": {"how": "panic"}}]}]);
        let ran = run(&scripted(replies, &format!("[[tool]]\nid = \"tools\"\nuse = \"t/{kind}\"\n")));
        assert!(ran.ended().starts_with("fault: tools: "), "{}", ran.ended());
        assert!(ran.ended().contains("the tool panics"), "{}", ran.ended());
    }
}

#[test]
fn what_the_environment_breaks_is_infrastructure_and_not_judged() {
    for (word, says) in [("crash", "the world crashed"), ("panic", "the world panics")] {
        for blocking in [false, true] {
            let memory = Arc::new(Memory::default());
            let agent = agent(&scripted(json!([{"text": "up"}, {"text": word}]), ""));
            let ran = run_with(&agent, &memory, spec(&memory, environment(&[], blocking, task())));
            assert!(ran.ended().starts_with("infrastructure: environment: ") && ran.ended().contains(says));
            assert!(ran.episode.end.grade.is_none());
            assert_eq!(ran.faults().len(), 1);
        }
    }
    let start = |task| {
        let memory = Arc::new(Memory::default());
        let agent = agent(&scripted(json!([{"text": "up"}]), &probe("p", json!({"task_end": ["see"]}))));
        run_with(&agent, &memory, spec(&memory, environment(&[], false, task)))
    };
    let ran = start(harness_abi::Task { data: json!("broken"), ..task() });
    assert_eq!(ran.ended(), "infrastructure: environment: no such task");
    assert_eq!(ran.notes("seen").len(), 0, "no processor was called for it");
    let ran = start(harness_abi::Task { gold: Value::Null, ..task() });
    assert_eq!(ran.ended(), "infrastructure: grader: no gold");
    assert_eq!(ran.episode.end.state, json!({"count": 3}));
}

#[test]
fn tools_of_harness_and_world_must_not_share_a_name() {
    let toml = scripted(json!([{"text": "up"}]), "[[tool]]\nuse = \"t/tools\"\n");
    let ran = run_in_environment(&toml, &["echo"]);
    assert!(ran.ended().starts_with("fault: echo: a tool `echo` is offered twice"), "{}", ran.ended());
    let twice = [&toml, "[[tool]]\nid = \"again\"\nuse = \"t/tools\"\n"].concat();
    let error = try_agent(&twice).unwrap_err().to_string();
    assert!(error.contains("two tools of the harness are called `echo`"), "{error}");
}

#[test]
fn a_module_that_is_not_there_fails_assembly() {
    let error = try_agent(&scripted(json!([{"text": "x"}]), "[[processor]]\nuse = \"t/prob\"\n")).unwrap_err();
    assert!(error.to_string().contains("did you mean `t/probe`?"), "{error}");
}

#[test]
fn a_record_that_fails_stops_the_episode() {
    let memory = Arc::new(Memory::full_at(1));
    let agent = agent(&scripted(json!([{"text": "up"}]), ""));
    let spec = spec(&memory, environment(&[], false, task()));
    let RunError::Record(error) = block_on(agent.run(spec)).unwrap_err();
    assert!(error.to_string().contains("disk full"));
    assert!(memory.ends.lock().unwrap().is_empty());
}
