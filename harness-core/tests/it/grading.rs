//! Grading: a step of its own, with the questions of a grader recorded, replayed and cancelled like any other.

use std::sync::Arc;

use harness_abi::{Constraint, Grade, Message, ModuleError, Sampling};
use harness_core::{AskingGrader, GradeRequest, GradeStep, GraderBinding, GraderQuestion, Start, TaskEnvironment};
use harness_trace::{Entry, Outcome, Purpose};
use serde_json::{Value, json};

use crate::{
    memory::Memory,
    support::{Ran, agent, block_on, environment, host, run_with, scripted, spec, task},
};

/// Asks its model for a number, once.
struct Asking;

impl AskingGrader for Asking {
    fn grade(&self, request: &GradeRequest<'_>) -> Result<GradeStep, ModuleError> {
        let Some(reply) = request.replies.last() else {
            let asked = format!("How good is {} beside {}?", request.state, request.task.gold);
            return Ok(GradeStep::Ask(GraderQuestion {
                messages: vec![Message::user(asked)],
                constraint: Constraint::Free,
                sampling: Sampling::default(),
            }));
        };
        let said = reply.message.text();
        let reward = said.parse().map_err(|_| ModuleError::fault(format_args!("it said {said:?}")))?;
        Ok(GradeStep::Done(Grade { reward, usage: reply.usage, ..Grade::default() }))
    }
}

/// An environment whose grader asks a model that gives these replies.
pub fn asked(replies: Value) -> Start {
    with(Some(("t/scripted", replies)))
}

fn with(model: Option<(&str, Value)>) -> Start {
    let Start::Environment(environment) = environment(&[], false, task()) else { unreachable!("it is one") };
    let model = model.map(|(module, replies)| {
        let module = module.parse().unwrap();
        let config = serde_json::from_value(json!({"replies": replies, "name": "grader"})).unwrap();
        let model = host().model(&module, &config).unwrap();
        (module, model)
    });
    let grader = Some(GraderBinding { grader: Arc::new(Asking), model });
    Start::Environment(Box::new(TaskEnvironment { grader, ..*environment }))
}

fn run(memory: &Arc<Memory>, start: Start) -> Ran {
    run_with(&agent(&scripted(json!([{"text": "up"}]), "")), memory, spec(memory, start))
}

fn grading_calls(ran: &Ran) -> Vec<bool> {
    let calls = ran.entries.iter().filter_map(|(_, entry)| match entry {
        Entry::Chat { purpose: Purpose::Grade, role, replayed, .. } => {
            assert_eq!(role, "grader");
            Some(*replayed)
        }
        _ => None,
    });
    calls.collect()
}

#[test]
fn a_graders_question_is_recorded_and_replayed_and_not_the_harnesss_expense() {
    let memory = Arc::new(Memory::default());
    let first = run(&memory, asked(json!([{"text": "0.5"}])));
    let grade = first.episode.end.grade.clone().unwrap();
    assert_eq!((grade.reward, grade.usage.input_tokens), (0.5, 10));
    assert_eq!(first.episode.end.usage.input_tokens, 30, "three steps of the harness");
    assert_eq!(grading_calls(&first), [false]);
    let calls = memory.calls();
    let again = run(&memory, asked(json!([{"text": "0.5"}])));
    assert_eq!((grading_calls(&again).last(), memory.calls()), (Some(&true), calls), "nothing new was asked");
    assert_eq!(again.episode.end.grade, first.episode.end.grade);
}

#[test]
fn a_grade_that_cannot_be_had_is_infrastructure() {
    for (replies, reason) in [
        (json!([{"error": "bug"}]), "grader: scripted bug"),
        (json!([{"error": "unavailable"}]), "grader: scripted unavailable"),
        (json!([{"text": "well"}]), "grader: it said \"well\""),
    ] {
        let memory = Arc::new(Memory::default());
        let ran = run(&memory, asked(replies));
        assert_eq!(ran.ended(), format!("infrastructure: {reason}"));
        assert_eq!((ran.episode.end.state.clone(), ran.faults().len()), (json!({"count": 3}), 1));
        assert!(ran.episode.end.grade.is_none());
    }
    let ran = run(&Arc::new(Memory::default()), with(None));
    assert_eq!(ran.ended(), "infrastructure: grader: the grader asks a model, and has none");
}

#[test]
fn an_episode_stopped_while_it_is_graded_has_no_grade() {
    let memory = Arc::new(Memory::default());
    let spec = spec(&memory, with(Some(("t/scripted_blocking", json!([{"wait": "for ever"}])))));
    let cancel = spec.cancel.clone();
    let mut run = agent(&scripted(json!([{"text": "up"}]), "")).begin(spec);
    let ran = block_on(async {
        // The question is put once the state holds it.
        while !run.save().unwrap().contains("How good is") {
            assert!(run.step().await.unwrap());
        }
        let stop = async {
            tokio::task::yield_now().await;
            cancel.cancel();
        };
        let (more, ()) = tokio::join!(run.step(), stop);
        assert!(more.unwrap());
        while run.step().await.unwrap() {}
        run.into_episode()
    });
    assert_eq!((ran.end.outcome, ran.end.grade), (Outcome::Cancelled, None));
    assert_eq!(memory.calls(), 3, "and nothing of it is on record");
}
