//! A person's word on proven edits that wait for it.

use harness_core::{Clock, SystemClock};
use harness_evolve::{Answer, Request, answer, pending};
use serde::{Deserialize, Serialize};

use super::super::App;
use crate::{
    Control, Failure,
    lock::{self, Patience},
};

/// An answer for all edits of a run that wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    /// The run, as its report names it.
    pub run: String,
    /// Whether they may ship.
    pub approved: bool,
    /// Who answers.
    pub by: String,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// An edit that waited, and the answer that counts: the first that was given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answered {
    /// The run.
    pub run: String,
    /// What was asked.
    pub request: Request,
    /// What was answered.
    pub answer: Answer,
}

/// Answers every waiting edit of the run.
///
/// # Errors
///
/// Nothing of the run waits, it was cancelled, or the record fails.
pub fn approve(app: &App, request: &ApproveRequest, control: &Control) -> Result<Vec<Answered>, Failure> {
    let store = app.record()?;
    let _held = lock::hold(app, &request.run, &format!("the run {}", request.run), Patience::Refuse, control)?;
    let waiting = pending(&*store, &request.run).map_err(Failure::new)?;
    if waiting.is_empty() {
        return Err(Failure::input(format!("nothing of run `{}` waits for an answer", request.run))
            .hint("edits wait in runs of `harness evolve … --approve`; the report names the run"));
    }
    let mut answered = Vec::new();
    for asked in waiting {
        control.check()?;
        let mine = Answer {
            approved: request.approved,
            by: request.by.clone(),
            reason: request.reason.clone(),
            at_ms: SystemClock.unix_millis(),
        };
        let counts = answer(&*store, &request.run, &asked.candidate, &mine).map_err(Failure::new)?;
        answered.push(Answered { run: request.run.clone(), request: asked, answer: counts });
    }
    store.flush()?;
    Ok(answered)
}
