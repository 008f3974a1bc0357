//! What was paid once is not paid again.

use std::sync::Arc;

use harness_core::{CompletedCall, Start};
use harness_trace::Entry;
use serde_json::json;

use crate::{
    memory::Memory,
    support::{agent, probe, run_with, scripted, spec},
};

fn without_marks(entries: &[(u64, Entry)]) -> Vec<String> {
    let unmarked = |(step, entry): &(u64, Entry)| {
        let mut entry = entry.clone();
        if let Entry::Chat { replayed, began, micros, .. } | Entry::Score { replayed, began, micros, .. } = &mut entry {
            (*replayed, *began, *micros) = (false, None, 0);
        }
        if let Entry::Tool { began, micros, .. } = &mut entry {
            (*began, *micros) = (None, 0);
        }
        format!("{step} {entry:?}")
    };
    entries.iter().map(unmarked).collect()
}

#[test]
fn a_replayed_episode_is_the_same_and_counted_as_if_paid() {
    let asker = probe("asker", json!({"after_tool": [{"ask_chat": "main"}]}));
    let toml = scripted(
        json!([{"calls": [{"tool": "echo", "with": {"n": 1}}]}, {"text": "seed"}]),
        &[&asker, "[[tool]]\nuse = \"t/tools\"\n"].concat(),
    );
    let agent = agent(&toml);
    let memory = Arc::new(Memory::default());
    let run = |episode: &str, seed: u64, replay: bool| {
        let mut spec = spec(&memory, Start::Prompt("go".into()));
        (spec.meta.episode, spec.meta.seed, spec.replay) = (episode.into(), seed, replay);
        run_with(&agent, &memory, spec)
    };
    let (first, calls) = (run("a", 1, true), memory.calls());
    assert_eq!(first.episode.end.replayed.input_tokens, 0);
    let second = run("b", 1, true);
    assert_eq!(memory.calls(), calls, "nothing new was asked");
    assert_eq!(without_marks(&first.entries), without_marks(&second.entries));
    assert_eq!(second.episode.history, first.episode.history);
    assert_eq!(second.episode.end.usage, first.episode.end.usage);
    let models = harness_abi::Usage { cost_micros: 15, ..first.episode.end.usage };
    assert_eq!(second.episode.end.replayed, models, "of models all was replayed, of tools nothing");
    let third = run("c", 1, false);
    assert_eq!(third.episode.end.replayed.input_tokens, 0, "replay can be turned off");
}

#[test]
fn the_seed_names_the_call_unless_it_cannot_matter() {
    let calls = |seeded: bool, temperature: &str| {
        let toml = scripted(json!([{"text": "seed"}]), &format!("[sampling]\ntemperature = {temperature}\n"));
        let toml = toml.replace("config = {", &format!("config = {{ seeded = {seeded},"));
        let (agent, memory) = (agent(&toml), Arc::new(Memory::default()));
        for seed in [1, 2] {
            let mut spec = spec(&memory, Start::Prompt("go".into()));
            (spec.meta.episode, spec.meta.seed) = (format!("e{seed}"), seed);
            run_with(&agent, &memory, spec);
        }
        memory.calls()
    };
    assert_eq!(calls(false, "0.0"), 1);
    assert_eq!(calls(false, "0.5"), 2);
    assert_eq!(calls(true, "0.0"), 2);
}

#[test]
fn a_changed_suffix_pays_for_itself_alone() {
    let replies = json!([{"calls": [{"tool": "echo"}]}, {"calls": [{"tool": "echo"}]}, {"text": "end"}]);
    let plain = scripted(replies.clone(), "[[tool]]\nuse = \"t/tools\"\n");
    let late = json!({"before_model": [{"append_user": "think"}]});
    let late = probe("late", late).replace("config = {", "config = { from = 2, ");
    let edited = scripted(replies, &[&late, "[[tool]]\nuse = \"t/tools\"\n"].concat());
    let memory = Arc::new(Memory::default());
    let mut replayed = Vec::new();
    for (index, toml) in [plain, edited].iter().enumerate() {
        let mut spec = spec(&memory, Start::Prompt("go".into()));
        spec.meta.episode = format!("e{index}");
        let ran = run_with(&agent(toml), &memory, spec);
        replayed.push(ran.count(|entry| matches!(entry, Entry::Chat { replayed: true, .. })));
    }
    assert_eq!(replayed, [0, 2]);
}

#[test]
fn what_tools_did_before_is_not_done_again() {
    let twice = json!({"calls": [{"tool": "echo", "with": {"n": 1}}, {"tool": "echo", "with": {"n": 1}}, {"tool": "echo", "with": {"n": 2}}]});
    let agent = agent(&scripted(json!([twice.clone(), twice, {"text": "bye"}]), "[[tool]]\nuse = \"t/tools\"\n"));
    let memory = Arc::new(Memory::default());
    let first = run_with(&agent, &memory, spec(&memory, Start::Prompt("go".into())));
    let mut earlier = CompletedCall::of(first.entries.iter().cloned().map(Ok)).unwrap();
    assert_eq!(earlier.len(), 6);
    assert_eq!(
        (earlier[5].step, earlier[5].arguments.as_str(), earlier[5].text.as_str()),
        (1, "{\"n\":2}", "{\"n\":2}")
    );
    // Of the first step, what is known of one of two equal calls, and of the other.
    earlier.truncate(3);
    earlier.remove(0);
    earlier.iter_mut().for_each(|call| call.text = "from before".into());
    let mut again = spec(&memory, Start::Prompt("go".into()));
    again.completed = earlier;
    let results: Vec<String> =
        run_with(&agent, &memory, again).history().into_iter().filter(|line| line.starts_with("tool")).collect();
    let (old, one, two) = ("tool: from before", "tool: {\"n\":1}", "tool: {\"n\":2}");
    assert_eq!(results, [old, one, old, one, one, two], "each of them answers one call, in its step");
}
