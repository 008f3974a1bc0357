//! Harnesses in harnesses: a call answered by an episode, which spends what is left, stops when told, and fails as a part of the whole.

use std::{collections::BTreeMap, sync::Arc};

use harness_core::{CompletedCall, Start};
use harness_trace::{Entry, Outcome};
use serde_json::{Value, json};

use crate::{
    memory::Memory,
    support::{Ran, agent, block_on, run_with, scripted, spec, toml, try_agent},
};

/// A harness whose model gives these replies.
fn inner(replies: Value, rest: Value) -> Value {
    let mut harness =
        json!({"model": {"main": {"use": "t/scripted", "config": {"replies": replies, "name": "inner"}}}});
    let rest = rest.as_object().cloned().unwrap_or_default();
    harness.as_object_mut().unwrap().extend(rest);
    harness
}

/// One whose model hands these tasks to `inner`, all in one step, then says "end".
fn outer(tasks: &[Value], inner: &Value, rest: &str) -> String {
    let calls: Vec<Value> = tasks.iter().map(|task| json!({"tool": "delegate", "with": task})).collect();
    let tool = format!("{rest}\n[[tool]]\nuse = \"t/delegate\"\nconfig.harness = {}", toml(inner));
    scripted(json!([{"calls": calls}, {"text": "end"}]), &tool)
}

fn look() -> Value {
    json!({"task": "look"})
}

fn echo() -> Value {
    json!({"calls": [{"tool": "echo", "with": {}}]})
}

fn play(toml: &str) -> (Ran, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    (run_with(&agent(toml), &memory, spec(&memory, Start::Prompt("go".into()))), memory)
}

/// Outcome and reason of every episode, by its id.
fn ends(memory: &Memory) -> Vec<(Outcome, String)> {
    memory.ends.lock().unwrap().iter().map(|end| (end.outcome, end.reason.clone())).collect()
}

#[test]
fn a_call_is_answered_by_an_episode_of_its_own() {
    let harness = outer(&[look()], &inner(json!([{"text": "a tree"}]), json!({})), "");
    let (ran, memory) = play(&harness);
    assert_eq!(
        ran.history(),
        ["user: go", "assistant: delegate({\"task\":\"look\"})", "tool: a tree", "assistant: end"]
    );
    let starts = memory.starts.lock().unwrap().clone();
    let names: Vec<_> = starts.iter().map(|start| (&*start.episode, &*start.parent, &*start.task)).collect();
    assert_eq!(names, [("e", "", ""), ("e.1", "e", "look")]);
    assert_ne!(starts[0].harness, starts[1].harness);
    assert_ne!(starts[0].seed, starts[1].seed);
    let messages = memory.entries("e.1").into_iter().filter(|(_, entry)| matches!(entry, Entry::Message { .. }));
    assert_eq!(messages.count(), 2);
    // Two calls of its own and one of the other's: 10 in, 1 out, 5 micro-USD each.
    let usage = ran.episode.end.usage;
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.cost_micros), (30, 3, 15));
    let digests = agent(&harness).model_digests();
    assert_eq!(digests.keys().collect::<Vec<_>>(), ["delegate.main", "main"]);
    assert!(agent(&harness).is_simulated());

    // Again: nothing is paid twice, in the inner episode either.
    let again = run_with(&agent(&harness), &memory, spec(&memory, Start::Prompt("go".into())));
    assert_eq!((again.episode.end.replayed, again.history()), (usage, ran.history()));
}

#[test]
fn a_role_it_does_not_name_is_the_outer_ones() {
    // The outer model, which calls a tool that is not there, and then says "end".
    let (ran, memory) = play(&outer(&[look()], &json!({}), ""));
    assert_eq!(ran.history()[2], "tool: end");
    assert_eq!(memory.entries("e.1").iter().filter(|(_, entry)| matches!(entry, Entry::Chat { .. })).count(), 2);
}

#[test]
fn what_is_left_of_the_budget_is_all_it_has() {
    let endless = inner(json!([echo()]), json!({"tool": [{"use": "t/tools"}]}));
    let (ran, memory) = play(&outer(&[look()], &endless, "budget.tokens = 25"));
    assert_eq!(ends(&memory)[0], (Outcome::Budget, "22 of 14 tokens are used".to_owned()));
    assert_eq!(ran.ended(), "budget: 33 of 25 tokens are used");
    assert_eq!(ran.history()[2], "tool: It ended early (budget): 22 of 14 tokens are used.");
    // Two at once have half of it each.
    let (_, memory) = play(&outer(&[look(), look()], &endless, "budget.tokens = 51"));
    let inner: Vec<_> = ends(&memory).into_iter().take(2).collect();
    assert_eq!(
        inner,
        [
            (Outcome::Budget, "22 of 20 tokens are used".to_owned()),
            (Outcome::Budget, "22 of 20 tokens are used".to_owned())
        ]
    );
    // Its own, where that is less.
    let short = inner_steps(&endless, 3);
    let (ran, _) = play(&outer(&[look()], &short, ""));
    assert_eq!(ran.history()[2], "tool: It ended early (budget): all 3 steps are used.");
    assert_eq!(ran.ended(), "done: the model answered without calling a tool");
}

fn inner_steps(harness: &Value, steps: u32) -> Value {
    let mut harness = harness.clone();
    harness["budget"] = json!({"steps": steps});
    harness
}

#[test]
fn a_failure_inside_is_a_failure_of_the_whole() {
    for (error, expected) in [
        ("fault", "fault: delegate: its episode e.1: t/scripted: scripted fault"),
        ("unavailable", "infrastructure: delegate: its episode e.1: t/scripted: scripted unavailable"),
    ] {
        let (ran, memory) = play(&outer(&[look(), look()], &inner(json!([{"error": error}]), json!({})), ""));
        assert_eq!(ran.ended(), expected);
        assert_eq!(memory.ends.lock().unwrap().len(), 3, "what began has ended");
    }
    // What the tool itself refuses is the model's to mend, and no episode.
    let (ran, memory) = play(&outer(&[json!({"how": "error"})], &inner(json!([{"text": "a tree"}]), json!({})), ""));
    assert_eq!((ran.history()[2].as_str(), memory.starts.lock().unwrap().len()), ("tool: no", 1));
}

#[test]
fn several_play_at_once_and_one_plays_in_another() {
    let leaf = inner(json!([{"text": "a leaf"}]), json!({}));
    let (ran, memory) = play(&outer(&[look(), look()], &leaf, ""));
    assert_eq!(ran.history()[2..4], ["tool: a leaf", "tool: a leaf"]);
    let middle = inner(
        json!([{"calls": [{"tool": "delegate", "with": look()}]}, {"text": "a branch"}]),
        json!({"tool": [{"use": "t/delegate", "config": {"harness": leaf}}]}),
    );
    let (deep, deeper) = play(&outer(&[look()], &middle, ""));
    assert_eq!(deep.history()[2], "tool: a branch");
    let parents = |memory: &Memory| -> BTreeMap<String, String> {
        memory.starts.lock().unwrap().iter().map(|start| (start.episode.clone(), start.parent.clone())).collect()
    };
    let expected =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(id, parent)| (id.to_string(), parent.to_string())).collect();
    assert_eq!(parents(&memory), expected(&[("e", ""), ("e.1", "e"), ("e.2", "e")]));
    assert_eq!(parents(&deeper), expected(&[("e", ""), ("e.1", "e"), ("e.1.1", "e.1")]));
    assert_eq!(deep.episode.end.usage.cost_micros, 25);
}

#[test]
fn told_to_stop_it_stops_inside_too() {
    let mut waiting = inner(json!([{"wait": "for ever"}]), json!({}));
    waiting["model"]["main"]["use"] = json!("t/scripted_blocking");
    let memory = Arc::new(Memory::default());
    let spec = spec(&memory, Start::Prompt("go".into()));
    let (cancel, seen) = (spec.cancel.clone(), memory.clone());
    let stopper = std::thread::spawn(move || {
        while seen.starts.lock().unwrap().len() < 2 {
            std::thread::yield_now();
        }
        cancel.cancel();
    });
    let episode = block_on(agent(&outer(&[look()], &waiting, "")).run(spec)).unwrap();
    stopper.join().unwrap();
    assert_eq!(episode.end.outcome, Outcome::Cancelled);
    assert_eq!(ends(&memory), vec![(Outcome::Cancelled, "it was told to stop".to_owned()); 2]);
}

#[test]
fn what_its_tools_did_is_not_done_again() {
    let harness =
        outer(&[look()], &inner(json!([echo(), {"text": "done"}]), json!({"tool": [{"use": "t/tools"}]})), "");
    let memory = Arc::new(Memory::default());
    let mut spec = spec(&memory, Start::Prompt("go".into()));
    let call = |within: &str, text: &str| CompletedCall {
        within: within.to_owned(),
        step: 0,
        name: "echo".to_owned(),
        arguments: "{}".to_owned(),
        text: text.to_owned(),
        is_error: false,
        micros: 1,
    };
    spec.completed = vec![call("", "of the outer one"), call(".10", "of another"), call(".1", "of this one")];
    run_with(&agent(&harness), &memory, spec);
    let results: Vec<String> = (memory.entries("e.1").into_iter())
        .filter_map(|(_, entry)| match entry {
            Entry::Message { message } if message.role() == harness_abi::Role::Tool => {
                Some(message.text().into_owned())
            }
            _ => None,
        })
        .collect();
    assert_eq!(results, ["of this one"]);
}

#[test]
fn it_is_assembled_before_anything_begins() {
    let error = |inner: Value| try_agent(&outer(&[look()], &inner, "")).unwrap_err().to_string();
    let lost = error(json!({"tool": [{"use": "t/nothing"}]}));
    assert!(lost.contains("tool `delegate`, tool `nothing`: pack `t` 1.0.0 has no module `nothing`"), "{lost}");
    let twice = error(json!({"tool": [{"use": "t/tools"}, {"id": "other", "use": "t/tools"}]}));
    assert!(twice.contains("two tools of the harness are called"), "{twice}");
}
