//! Summaries of older turns: what stays, what goes, and what happens when a model has no summary.

use harness_abi::{Answer, Ask, ChatReply, Decision, Hook, Message, Part, ProcessorBox, Role};
use harness_host::testing::FakeContext;
use serde_json::json;

use crate::support::{nobody, processor};

/// A conversation of `turns` turns with calls of a tool, each result long.
fn long_conversation(turns: usize) -> Vec<Message> {
    let turn = |n: usize| {
        let call = Message::new(Role::Assistant, [Part::tool_call(format!("c{n}"), "look", format!("{{\"n\": {n}}}"))]);
        [call, Message::tool_result(format!("c{n}"), format!("result {n}: {}", "x".repeat(300)), false)]
    };
    std::iter::once(Message::user("find the key")).chain((0..turns).flat_map(turn)).collect()
}

/// What a history is after the edits of these decisions.
fn edited(history: &[Message], decisions: &[Decision]) -> Vec<Message> {
    let mut after = history.to_vec();
    for decision in decisions {
        if let Decision::EditHistory { edits } = decision {
            for edit in edits.iter().rev() {
                after.splice(edit.start as usize..edit.end as usize, edit.with.iter().cloned());
            }
        }
    }
    after
}

#[test]
fn compaction_keeps_the_task_the_newest_turns_and_every_call_with_its_result() {
    for (turns, keep) in [(1, 1), (2, 1), (3, 2), (8, 3), (8, 5), (20, 6), (20, 100)] {
        let mut module = processor("compaction", json!({"above": 500, "keep": keep}));
        let history = long_conversation(turns);
        let mut cx = FakeContext::default().history(history.clone());
        let mut asked = String::new();
        let decisions = cx
            .call_hook(&mut module, Hook::StepStart, |ask| {
                let Ask::Chat { chat } = ask else { panic!("a chat is asked for") };
                asked = chat.messages.iter().map(|message| message.text().into_owned()).collect();
                Answer::Chat { reply: ChatReply::text("The key is not in the first rooms.") }
            })
            .expect("decisions");
        let after = edited(&history, &decisions);
        assert_eq!(after.first(), history.first(), "the task stays");
        assert_eq!(after.last(), history.last(), "the last result stays");
        let calls: Vec<String> =
            after.iter().flat_map(|m| m.calls().map(|c| c.id.to_owned()).collect::<Vec<_>>()).collect();
        let results = after.iter().filter(|message| message.role() == Role::Tool).count();
        assert_eq!(calls.len(), results, "no result without its call, {turns} turns, {keep} kept");
        assert!(after.len() >= history.len().min(keep), "{keep} newest stay");
        if after.len() < history.len() {
            assert!(after[1].text().contains("not in the first rooms"), "the summary stands after the task");
            assert!(asked.contains("find the key") && asked.contains("agent calls look({\"n\": 0})"), "{asked}");
        }
    }
}

#[test]
fn compaction_drops_nothing_without_a_summary_and_sums_up_its_own_summary() {
    let history = long_conversation(8);
    let mut module = processor("compaction", json!({"above": 500, "keep": 3}));
    let mut cx = FakeContext::default().history(history.clone());
    let (mut questions, mut says) = (0, " ");
    let mut call = |cx: &mut FakeContext, module: &mut ProcessorBox, says: &str| {
        cx.call_hook(module, Hook::StepStart, |_| {
            questions += 1;
            Answer::Chat { reply: ChatReply::text(says) }
        })
        .expect("decisions")
    };
    let empty = call(&mut cx, &mut module, says);
    assert!(matches!(&empty[..], [Decision::Annotate { value_json, .. }] if value_json.contains("empty")), "{empty:?}");
    assert!(call(&mut cx, &mut module, says).is_empty(), "it is not asked again at once");
    says = "All rooms but one are empty.";
    cx.history.extend(long_conversation(12).into_iter().skip(1));
    let decisions = call(&mut cx, &mut module, says);
    let after = edited(&cx.history, &decisions);
    let mut later = FakeContext::default().history(after.into_iter().chain(long_conversation(8).into_iter().skip(1)));
    let before = later.history.clone();
    let after = edited(&before, &call(&mut later, &mut module, "Shorter."));
    let summaries = after.iter().filter(|message| message.text().starts_with("Summary of")).count();
    assert_eq!(summaries, 1, "the old summary is part of the new one");
    // A model that cannot is an error of the module, and nothing is dropped.
    let mut module = processor("compaction", json!({"above": 500, "keep": 3}));
    assert!(FakeContext::default().history(history).call_hook(&mut module, Hook::StepStart, nobody).is_err());
}
