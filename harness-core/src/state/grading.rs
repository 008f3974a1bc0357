//! What is known of the end of an episode: the final state, what the grader asked and was told, the grade.

use harness_abi::{ChatReply, Grade, stable::RString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::grading::GraderQuestion;

/// What is known of the end of the episode.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Grading {
    /// The final state: as it came, and as it was read.
    pub text: RString,
    pub state: Value,
    /// What the grader asks.
    pub question: Option<GraderQuestion>,
    /// What it was told so far.
    pub replies: Vec<ChatReply>,
    pub grade: Option<Grade>,
}

impl Grading {
    /// A model answered the grader's question.
    pub fn answered(&mut self, reply: ChatReply) {
        self.question = None;
        self.replies.push(reply);
    }
}
