//! What a processor asked in one call of a hook, and what it has been told so far.

use std::{collections::VecDeque, mem};

use harness_abi::{
    Answer, AskChat, AskScore, ChatReply, Hook, ModuleError, Score, ScoreReply, ScoreRequest, StoredAnswer, Usage,
    stable::{RString, RVec},
};
use serde::{Deserialize, Serialize};

use super::ending::is_outside;

/// A question, as long as it has no answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Question {
    Chat(AskChat),
    Score(AskScore),
    /// Of a kind newer than this host.
    Unknown,
}

/// A hook whose processor asks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asking {
    pub hook: Hook,
    pub slot: usize,
    pub rounds: u32,
    /// Whether a question failed for reasons outside the harness.
    pub starved: bool,
    pub questions: VecDeque<Question>,
    /// How many of the questions the request under way answers.
    pub batch: usize,
    /// Which chat of this processor in the step the one under way is.
    pub index: u64,
    /// Answers to everything that was asked, in order.
    #[serde(with = "answers")]
    pub answers: RVec<StoredAnswer>,
}

impl Asking {
    /// The model role of the question whose turn it is.
    pub fn role(&self) -> &str {
        let role = match self.questions.front() {
            Some(Question::Chat(chat)) => chat.role.as_str(),
            Some(Question::Score(score)) => score.role.as_str(),
            _ => "",
        };
        if role.is_empty() { "main" } else { role }
    }

    /// Takes the questions of the request under way out.
    fn take_batch(&mut self) -> Vec<Question> {
        let batch = mem::take(&mut self.batch).clamp(1, self.questions.len().max(1));
        (0..batch).filter_map(|_| self.questions.pop_front()).collect()
    }

    pub fn chat_answered(&mut self, reply: ChatReply) {
        self.take_batch();
        self.answers.push(StoredAnswer::new(Answer::Chat { reply }));
    }

    /// One request for many; what it used is the first's.
    pub fn scores_answered(&mut self, scores: RVec<Score>, mut usage: Usage, extra: &RString) {
        let mut scores = scores.into_iter();
        for question in self.take_batch() {
            let Question::Score(AskScore { request, .. }) = question else { continue };
            let scores = scores.by_ref().take(request.items.len()).collect();
            let reply = ScoreReply { scores, usage: mem::take(&mut usage), extra: extra.clone() };
            self.answers.push(StoredAnswer::new(Answer::Score { reply }));
        }
    }

    /// No model could answer the request under way.
    pub fn failed(&mut self, error: &ModuleError) {
        self.starved |= is_outside(error.class);
        for _ in self.take_batch() {
            self.answers.push(StoredAnswer::new(Answer::Failed { error: error.clone() }));
        }
    }

    /// Scores in a row for one role are one request; what carries an extra is not merged with what does not.
    pub fn score_batch(&self, first: &AskScore) -> (usize, ScoreRequest) {
        let batch: Vec<&ScoreRequest> = (self.questions.iter())
            .map_while(|question| match question {
                Question::Score(score) if score.role == first.role => Some(&score.request),
                _ => None,
            })
            .take_while(|request| request.extra == first.request.extra)
            .collect();
        let mut all = ScoreRequest::new(batch.iter().flat_map(|request| request.items.iter().cloned()));
        all.extra = first.request.extra.clone();
        (batch.len(), all)
    }
}

/// Answers as they are saved: those of a kind that this version does not know cannot be.
mod answers {
    use harness_abi::{Answer, ChatReply, ModuleError, ScoreReply, StoredAnswer, stable::RVec};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Saved {
        Chat(ChatReply),
        Score(ScoreReply),
        Failed(ModuleError),
    }

    pub fn serialize<S: Serializer>(answers: &RVec<StoredAnswer>, to: S) -> Result<S::Ok, S::Error> {
        let saved = |answer: &StoredAnswer| match answer.as_enum() {
            Ok(Answer::Chat { reply }) => Ok(Saved::Chat(reply.clone())),
            Ok(Answer::Score { reply }) => Ok(Saved::Score(reply.clone())),
            Ok(Answer::Failed { error }) => Ok(Saved::Failed(error.clone())),
            _ => Err(ser::Error::custom("an answer of a kind newer than this host")),
        };
        answers.iter().map(saved).collect::<Result<Vec<_>, _>>()?.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<RVec<StoredAnswer>, D::Error> {
        let answer = |saved| {
            StoredAnswer::new(match saved {
                Saved::Chat(reply) => Answer::Chat { reply },
                Saved::Score(reply) => Answer::Score { reply },
                Saved::Failed(error) => Answer::Failed { error },
            })
        };
        Ok(Vec::<Saved>::deserialize(from)?.into_iter().map(answer).collect())
    }
}
