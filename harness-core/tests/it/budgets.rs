//! Budgets and cancellation.

use std::{sync::Arc, time::Duration};

use harness_core::{Cancel, Start, SystemClock};
use serde_json::json;

use crate::{
    memory::Memory,
    support::{agent, block_on, environment, probe, run, run_with, scripted, spec, task},
};

#[test]
fn each_budget_ends_the_episode() {
    let calls = json!([{"calls": [{"tool": "echo"}]}]);
    for (budget, steps, says) in [
        ("steps = 4", 4, "all 4 steps are used"),
        ("tokens = 25", 3, "33 of 25 tokens are used"),
        ("cost = 12", 2, "12 of 12 micro-USD are spent"),
    ] {
        let toml = scripted(calls.clone(), &format!("[budget]\n{budget}\n[[tool]]\nuse = \"t/tools\"\n"));
        let ran = run(&toml);
        assert_eq!((ran.ended().as_str(), ran.episode.end.steps), (format!("budget: {says}").as_str(), steps));
    }
}

#[test]
fn a_figure_beyond_reason_spends_a_budget_and_overflows_no_sum() {
    let calls = json!([{"calls": [{"tool": "echo"}], "tokens": i64::MAX}]);
    let tools = "[[tool]]\nuse = \"t/tools\"\n";
    let ran = run(&scripted(calls.clone(), &format!("[budget]\nsteps = 3\n{tools}")));
    assert_eq!(ran.episode.end.usage.input_tokens, 3 << 48);
    let ran = run(&scripted(calls, &format!("[budget]\ntokens = 1000\n{tools}")));
    assert_eq!((ran.episode.end.steps, ran.ended().starts_with("budget: ")), (1, true));
}

#[test]
fn the_task_may_allow_fewer_turns() {
    let memory = Arc::new(Memory::default());
    let agent = agent(&scripted(json!([{"text": "stay"}]), ""));
    let task = harness_abi::Task { max_turns: 2, ..task() };
    let ran = run_with(&agent, &memory, spec(&memory, environment(&[], false, task)));
    assert_eq!(ran.ended(), "done: all 2 turns of the task are used");
    assert_eq!(ran.episode.end.grade.as_ref().unwrap().reward, 0.0, "and it is judged");
}

#[test]
fn processors_see_what_is_left() {
    let ran = run(&scripted(
        json!([{"calls": [{"tool": "echo"}]}, {"text": "end"}]),
        &[&probe("p", json!({"step_start": ["see"]})), "[budget]\nsteps = 3\n[[tool]]\nuse = \"t/tools\"\n"].concat(),
    ));
    let left: Vec<_> = ran.notes("seen").iter().map(|seen| seen["steps_left"].clone()).collect();
    assert_eq!(left, [json!(3), json!(2)]);
}

#[test]
fn wall_clock_and_cancel_cut_a_model_that_waits() {
    for (budget, expected) in
        [("seconds = 1", "budget: 1 s of wall clock are used"), ("steps = 9", "cancelled: it was told to stop")]
    {
        let waiting = scripted(json!([{"wait": "for ever"}]), &format!("[budget]\n{budget}\n"));
        let agent = agent(&waiting.replace("t/scripted", "t/scripted_blocking"));
        let memory = Arc::new(Memory::default());
        let mut spec = spec(&memory, Start::Prompt("go".into()));
        spec.clock = Arc::new(SystemClock);
        let cancel = Cancel::new();
        spec.cancel = cancel.clone();
        let episode = block_on(async {
            if expected.starts_with("cancelled") {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    cancel.cancel();
                });
            }
            let episode = agent.run(spec).await.unwrap();
            // The abandoned model stops by itself: its sink says that nobody waits.
            episode
        });
        assert_eq!(format!("{}: {}", json!(episode.end.outcome).as_str().unwrap(), episode.end.reason), expected);
        assert_eq!(episode.history.len(), 1, "the history is not lost with the model");
    }
}

#[test]
fn an_episode_cancelled_before_it_begins_only_ends() {
    let memory = Arc::new(Memory::default());
    let spec = spec(&memory, Start::Prompt("go".into()));
    spec.cancel.cancel();
    let ran =
        run_with(&agent(&scripted(json!([{"text": "hi"}]), &probe("p", json!({"task_end": ["see"]})))), &memory, spec);
    assert_eq!(ran.ended(), "cancelled: it was told to stop");
    assert_eq!(ran.notes("seen").len(), 1);
}
