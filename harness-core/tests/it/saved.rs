//! An episode saved and gone on from after every single effect leaves the same record as one that is not.

use std::sync::Arc;

use harness_abi::{Message, Task, ToolSpec};
use harness_core::{Dialogue, EpisodeSpec, Start};
use harness_trace::Entry;
use serde_json::{Value, json};

use crate::{
    memory::Memory,
    support::{Ran, agent, block_on, environment, probe, run_with, scripted, spec, task, toml},
};

/// A harness and what its episode starts from.
struct Case {
    name: &'static str,
    toml: String,
    start: Box<dyn Fn() -> Start>,
}

fn prompt(name: &'static str, toml: String) -> Case {
    Case { name, toml, start: Box::new(|| Start::Prompt("go".into())) }
}

fn tools() -> &'static str {
    "[[tool]]\nuse = \"t/tools\"\n"
}

fn cases() -> Vec<Case> {
    let echo = |n: u64| json!({"tool": "echo", "with": {"n": n}});
    let side_by_side = json!({"calls": [{"tool": "meet"}, echo(1), {"tool": "meet"}, {"tool": "nope"}, echo(2)]});
    let questions = probe(
        "asker",
        json!({"task_start": [{"ask_chat": "main"}], "before_model": [{"ask_chat": "main"}],
               "before_tool": [{"ask_chat": "main"}], "step_end": [{"ask_chat": "main"}]}),
    );
    let decisions = probe(
        "p",
        json!({"task_start": [{"set_system": "Be brief."}, {"put": "kept"}], "step_start": [{"edit_history": [[0, 1, "went"]]}, "get"],
               "before_model": [{"append_user": "note"}, {"show_tools": ["echo"]}, {"sample": {"temperature": 0.1}}],
               "after_model": ["see"], "before_tool": [{"set_arguments": {"n": 3}}, "log"],
               "after_tool": [{"set_result": "r"}], "step_end": [{"adapt": "no_progress"}], "task_end": ["see", "blob"]}),
    );
    let split = probe(
        "p",
        json!({"after_model": [{"split": [{"text": "a", "calls": [{"id": "x", "tool": "echo", "with": {}}]}, {"text": "b"}]}]}),
    );
    let rule = |when: &str, apply: Value| format!("[[adapt]]\nwhen = {{ {when} }}\napply = {}\n", toml(&apply));
    let helper =
        json!({"task_start": [{"set_system": "try harder"}], "before_tool": [{"set_arguments": {"action": "up"}}]});
    let insert = json!([{"op": "insert", "use": "t/probe", "id": "helper", "config": {"on": helper}}]);
    let inner = |replies: Value| json!({"model": {"main": {"use": "t/scripted", "config": {"replies": replies, "name": "inner"}}}});
    let outer = |inner: Value| {
        let delegate = |task: &str| json!({"tool": "delegate", "with": {"task": task}});
        let tool = format!("{}[[tool]]\nuse = \"t/delegate\"\nconfig.harness = {}", tools(), toml(&inner));
        scripted(json!([{"calls": [delegate("a"), echo(1), delegate("b")]}, {"text": "end"}]), &tool)
    };
    let unavailable = json!([{"error": "unavailable"}]);
    let fallback =
        "[[model.main.fallback]]\nuse = \"t/scripted_blocking\"\nconfig = { replies = [{ text = \"hi\" }] }\n";
    let caller = || {
        let tool = ToolSpec {
            name: "ask".into(),
            description: String::new(),
            input_schema: json!({"type": "object"}),
            read_only: false,
            idempotent: false,
        };
        let messages = vec![Message::user("go"), Message::assistant("where?"), Message::user("on")];
        Start::Dialogue(Dialogue { system: "Be brief.".into(), messages, tools: vec![tool] })
    };
    let ups =
        || json!([{"text": "up"}, {"text": "hop"}, {"text": "stay"}, {"text": "stay"}, {"text": "up"}, {"text": "up"}]);
    vec![
        prompt("a reply", scripted(json!([{"text": "seed"}]), "")),
        prompt(
            "tools side by side",
            scripted(json!([side_by_side, {"text": "bye"}]), "[[tool]]\nuse = \"t/tools_blocking\"\n"),
        ),
        prompt("questions", scripted(json!([{"calls": [echo(1)]}, {"text": "bye"}]), &[&questions, tools()].concat())),
        prompt(
            "scores in a row",
            scripted(json!([{"text": "hi"}]), &probe("asker", json!({"before_model": ["ask_batch"]}))),
        ),
        prompt("decisions", scripted(json!([{"calls": [echo(1)]}, {"text": "bye"}]), &[&decisions, tools()].concat())),
        prompt(
            "a split response",
            scripted(json!([{"text": "x"}]), &[&split, tools(), "[budget]\nsteps = 2\n"].concat()),
        ),
        prompt("episodes that answer calls", outer(inner(json!([{"text": "a tree"}])))),
        prompt("an inner fault", outer(inner(json!([{"error": "bug"}])))),
        prompt("a fallback", [&scripted(unavailable.clone(), ""), fallback].concat()),
        prompt("a model that is down", scripted(unavailable, "")),
        prompt(
            "a processor that panics",
            scripted(json!([{"text": "x"}]), &probe("p", json!({"after_model": ["panic"]}))),
        ),
        prompt(
            "a tool that fails beside others",
            scripted(json!([{"calls": [echo(1), {"tool": "fail", "with": {"how": "bug"}}, echo(2)]}]), tools()),
        ),
        prompt("a budget", scripted(json!([{"calls": [echo(1)]}]), &["[budget]\ntokens = 25\n", tools()].concat())),
        prompt(
            "rules",
            scripted(
                json!([{"calls": [echo(1)]}]),
                &[tools(), "[budget]\nsteps = 6\n", &rule("loop_detected = 2", insert.clone())].concat(),
            ),
        ),
        Case {
            name: "a caller's tools",
            toml: scripted(json!([{"calls": [{"tool": "ask", "with": {}}]}]), ""),
            start: Box::new(caller),
        },
        Case {
            name: "an environment",
            toml: scripted(ups(), &rule("loop_detected = 2", insert)),
            start: Box::new(|| environment(&[], true, task())),
        },
        Case {
            name: "an environment's tools",
            toml: scripted(
                json!([{"calls": [{"tool": "up"}, echo(1), {"tool": "stay"}]}, {"calls": [{"tool": "up"}, {"tool": "up"}, {"tool": "up"}]}]),
                &["action = \"tool\"\n", "[[tool]]\nuse = \"t/tools\"\n"].concat(),
            ),
            start: Box::new(|| environment(&["up", "stay"], false, task())),
        },
        Case {
            name: "an environment that crashes",
            toml: scripted(json!([{"text": "crash"}]), ""),
            start: Box::new(|| environment(&[], true, task())),
        },
        Case {
            name: "a grader that fails",
            toml: scripted(json!([{"text": "up"}]), ""),
            start: Box::new(|| environment(&[], false, Task { gold: Value::Null, ..task() })),
        },
        Case {
            name: "a grader that asks",
            toml: scripted(json!([{"text": "up"}]), ""),
            start: Box::new(|| crate::grading::asked(json!([{"text": "0.5"}]))),
        },
    ]
}

/// As [`run_with`], but after every effect the state is what was saved of it. How often that was.
fn run_saved(toml: &str, memory: &Arc<Memory>, spec: EpisodeSpec) -> (Ran, usize) {
    let id = spec.meta.episode.clone();
    let mut run = agent(toml).begin(spec);
    let mut saves = 0;
    block_on(async {
        loop {
            let saved = run.save().unwrap();
            run.restore(&saved).unwrap();
            assert_eq!(run.save().unwrap(), saved, "what was restored is what was saved");
            saves += 1;
            if !run.step().await.unwrap() {
                break;
            }
        }
    });
    let episode = run.into_episode();
    (Ran { entries: memory.entries(&id), episode }, saves)
}

/// Everything but how long it took, which the threads of blocking modules and of inner episodes decide.
fn untimed(entries: &[(u64, Entry)]) -> Vec<String> {
    let untimed = |(step, entry): &(u64, Entry)| {
        let mut entry = entry.clone();
        if let Entry::Chat { began, micros, .. }
        | Entry::Score { began, micros, .. }
        | Entry::Tool { began, micros, .. } = &mut entry
        {
            (*began, *micros) = (None, 0);
        }
        format!("{step} {entry:?}")
    };
    entries.iter().map(untimed).collect()
}

#[test]
fn an_episode_goes_on_from_any_of_its_states() {
    for Case { name, toml, start } in cases() {
        let (plain, saved) = (Arc::new(Memory::default()), Arc::new(Memory::default()));
        let whole = run_with(&agent(&toml), &plain, spec(&plain, start()));
        let (restored, saves) = run_saved(&toml, &saved, spec(&saved, start()));
        assert!(saves > 5, "{name}: {saves} effects");
        assert_eq!(untimed(&restored.entries), untimed(&whole.entries), "{name}");
        assert_eq!(restored.episode.history, whole.episode.history, "{name}");
        assert_eq!(restored.episode.left, whole.episode.left, "{name}");
        assert_eq!(restored.ended(), whole.ended(), "{name}");
        let (a, b) = (&restored.episode.end, &whole.episode.end);
        assert_eq!(
            (a.steps, a.usage, a.replayed, &a.state, &a.grade),
            (b.steps, b.usage, b.replayed, &b.state, &b.grade),
            "{name}"
        );
        assert_eq!(saved.calls(), plain.calls(), "{name}: nothing was asked twice");
    }
}

#[test]
fn what_is_no_state_is_refused() {
    let memory = Arc::new(Memory::default());
    let mut run = agent(&scripted(json!([{"text": "x"}]), "")).begin(spec(&memory, Start::Prompt("go".into())));
    let saved = run.save().unwrap();
    for wrong in ["", "{}", &saved[..saved.len() / 2], &saved.replace("\"begin\"", "\"dance\"")] {
        assert!(run.restore(wrong).is_err(), "{wrong}");
    }
    assert!(block_on(run.step()).unwrap(), "and the episode goes on");
}
