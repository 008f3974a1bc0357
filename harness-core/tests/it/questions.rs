//! Processors that ask models.

use harness_trace::{Entry, Purpose};
use serde_json::json;

use crate::support::{probe, run, scripted};

#[test]
fn a_question_is_answered_recorded_and_paid() {
    for hook in ["task_start", "step_start", "before_model", "after_model", "before_tool", "after_tool", "step_end"] {
        let judge = "[model.judge]\nuse = \"t/scripted_blocking\"\nconfig = { replies = [{ text = \"four\" }] }\n";
        let asker = probe("asker", json!({hook: [{"ask_chat": "judge"}]}));
        let parts = [asker.as_str(), judge, "[budget]\nsteps = 1\n[[tool]]\nuse = \"t/tools\"\n"].concat();
        let ran = run(&scripted(json!([{"calls": [{"tool": "echo"}]}]), &parts));
        assert_eq!(ran.notes("answers"), [json!(["four", -4.0])], "{hook}: {}", ran.ended());
        let purposes: Vec<_> = ran
            .entries
            .iter()
            .filter_map(|(_, entry)| match entry {
                Entry::Chat { role, purpose: Purpose::Ask(id), .. } => Some(format!("chat {role} {id}")),
                Entry::Score { role, purpose: Purpose::Ask(id), .. } => Some(format!("score {role} {id}")),
                _ => None,
            })
            .collect();
        assert_eq!(purposes, ["chat judge asker", "score main asker"]);
        assert_eq!(ran.episode.end.usage.input_tokens, 10 + 10 + 1);
    }
}

#[test]
fn scores_in_a_row_are_one_request() {
    let ran = run(&scripted(json!([{"text": "hi"}]), &probe("asker", json!({"before_model": ["ask_batch"]}))));
    // This processor ignores the answers and asks the same for ever.
    assert_eq!(ran.ended(), "fault: asker: it asked 8 times and still does not decide");
    let requests = ran.count(|entry| matches!(entry, Entry::Score { .. }));
    assert_eq!(requests, 8, "one request for two questions a round");
    let replayed = ran.count(|entry| matches!(entry, Entry::Score { replayed: true, .. }));
    assert_eq!(replayed, 7, "and equal requests are paid once");
}

#[test]
fn asking_has_limits() {
    let asks = |on: serde_json::Value, rest: &str| {
        run(&scripted(json!([{"text": "hi"}]), &[rest, &probe("asker", on)].concat())).ended()
    };
    assert_eq!(
        asks(json!({"before_model": ["ask_forever"]}), ""),
        "fault: asker: it asked 8 times and still does not decide"
    );
    assert_eq!(
        asks(json!({"before_model": ["ask_forever"]}), "[budget]\ntokens = 30\n"),
        "budget: 33 of 30 tokens are used"
    );
    assert!(asks(json!({"task_end": [{"ask_chat": "main"}]}), "").contains("`ask` is not allowed at task_end"));
    assert!(asks(json!({"step_start": ["ask_bare", {"annotate": 1}]}), "").contains("asks and decides at once"));
    assert_eq!(
        asks(json!({"step_start": [{"ask_chat": "critic"}]}), ""),
        "fault: asker: no model serves the role `critic`; add `[model.critic]`"
    );
    let mute = probe("mute", json!({"before_model": [{"ask_chat": "main"}]})).replace("t/probe", "t/mute");
    let ran = run(&scripted(json!([{"text": "hi"}]), &mute));
    assert!(ran.ended().contains("without the permission `model`"), "{}", ran.ended());
}

#[test]
fn what_starves_a_processor_is_infrastructure() {
    let down = "[model.judge]\nuse = \"t/scripted\"\nconfig = { replies = [{ error = \"unavailable\" }] }\n";
    let asker = probe("asker", json!({"before_model": [{"ask_chat": "judge"}]}));
    let ran = run(&scripted(json!([{"text": "hi"}]), &[&asker, down].concat()));
    assert_eq!(ran.ended(), "infrastructure: asker: scripted unavailable");
    assert_eq!(ran.faults().len(), 2, "the model's and the processor's: {:?}", ran.faults());
}

#[test]
fn questions_of_one_step_have_seeds_of_their_own() {
    let twice = probe("a", json!({"before_model": [{"ask_chat": "judge"}], "after_model": [{"ask_chat": "judge"}]}))
        + &probe("b", json!({"before_model": [{"ask_chat": "judge"}]}));
    let judge = "[model.judge]\nuse = \"t/scripted\"\nconfig = { seeded = true, replies = [{ text = \"seed\" }] }\n";
    let ran = run(&scripted(json!([{"text": "hi"}]), &[&twice, judge].concat()));
    let mut seeds: Vec<_> = ran.notes("answers").into_iter().map(|answer| answer[0].to_string()).collect();
    seeds.sort();
    seeds.dedup();
    assert_eq!(seeds.len(), 3);
}
