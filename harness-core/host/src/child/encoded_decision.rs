//! Decisions, questions and answers as they cross to and from a child process. Refuses kinds newer than this version.

use harness_abi::{
    Answer, Ask, AskChat, AskScore, Decision, Finish, HistoryEdit, Message, ModuleError, Score, StoredAnswer,
    StoredAsk, StoredDecision, Usage,
    stable::{RString, RVec},
};
use serde::{Deserialize, Serialize};

use super::encoded_parts::{EncodedError, EncodedItems, score_reply};

/// A decision.
#[derive(Debug, Serialize, Deserialize)]
pub enum EncodedDecision {
    SetSystem(RString),
    EditHistory(Vec<(u64, u64, Vec<Message>)>),
    SetLastUser(RString),
    AppendUser(RString),
    ShowTools(Vec<RString>),
    Constrain(RString),
    UseModel(RString),
    Sample(RString),
    SetResponse(Message),
    SetArguments(RString),
    SetResult { text: RString, is_error: bool },
    Split(Vec<Message>),
    Answer(Message),
    Interrupt(RString),
    Adapt(RString),
    Annotate { key: RString, value_json: RString },
    Ask(Vec<EncodedAsk>),
}

/// A question.
#[derive(Debug, Serialize, Deserialize)]
pub enum EncodedAsk {
    Chat {
        role: RString,
        messages: Vec<Message>,
        tools_json: RString,
        constraint_json: RString,
        sampling_json: RString,
        extra: RString,
    },
    Score {
        role: RString,
        items: EncodedItems,
        extra: RString,
    },
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
pub enum EncodedAnswer {
    Chat { message: Message, finish: Finish, usage: Usage, extra: RString },
    Scores { scores: Vec<Score>, usage: Usage, extra: RString },
    Failed(EncodedError),
}

fn newer(what: &str) -> ModuleError {
    ModuleError::unsupported(format_args!("a {what} of a kind newer than this host"))
}

impl EncodedDecision {
    pub fn new(stored: StoredDecision) -> Result<Self, ModuleError> {
        Ok(match stored.into_enum().map_err(|_| newer("decision"))? {
            Decision::SetSystem { text } => Self::SetSystem(text),
            Decision::EditHistory { edits } => {
                Self::EditHistory(edits.into_iter().map(|edit| (edit.start, edit.end, edit.with.into())).collect())
            }
            Decision::SetLastUser { text } => Self::SetLastUser(text),
            Decision::AppendUser { text } => Self::AppendUser(text),
            Decision::ShowTools { names } => Self::ShowTools(names.into()),
            Decision::Constrain { constraint_json } => Self::Constrain(constraint_json),
            Decision::UseModel { role } => Self::UseModel(role),
            Decision::Sample { sampling_json } => Self::Sample(sampling_json),
            Decision::SetResponse { message } => Self::SetResponse(message),
            Decision::SetArguments { arguments } => Self::SetArguments(arguments),
            Decision::SetResult { text, is_error } => Self::SetResult { text, is_error },
            Decision::Split { messages } => Self::Split(messages.into()),
            Decision::Answer { message } => Self::Answer(message),
            Decision::Interrupt { reason } => Self::Interrupt(reason),
            Decision::Adapt { signal } => Self::Adapt(signal),
            Decision::Annotate { key, value_json } => Self::Annotate { key, value_json },
            Decision::Ask { questions } => {
                Self::Ask(questions.into_iter().map(EncodedAsk::new).collect::<Result<_, _>>()?)
            }
            _ => return Err(newer("decision")),
        })
    }

    pub fn into_stored(self) -> StoredDecision {
        StoredDecision::new(match self {
            Self::SetSystem(text) => Decision::SetSystem { text },
            Self::EditHistory(edits) => {
                let edits = edits.into_iter().map(|(start, end, with)| HistoryEdit { start, end, with: with.into() });
                Decision::EditHistory { edits: edits.collect() }
            }
            Self::SetLastUser(text) => Decision::SetLastUser { text },
            Self::AppendUser(text) => Decision::AppendUser { text },
            Self::ShowTools(names) => Decision::ShowTools { names: names.into() },
            Self::Constrain(constraint_json) => Decision::Constrain { constraint_json },
            Self::UseModel(role) => Decision::UseModel { role },
            Self::Sample(sampling_json) => Decision::Sample { sampling_json },
            Self::SetResponse(message) => Decision::SetResponse { message },
            Self::SetArguments(arguments) => Decision::SetArguments { arguments },
            Self::SetResult { text, is_error } => Decision::SetResult { text, is_error },
            Self::Split(messages) => Decision::Split { messages: messages.into() },
            Self::Answer(message) => Decision::Answer { message },
            Self::Interrupt(reason) => Decision::Interrupt { reason },
            Self::Adapt(signal) => Decision::Adapt { signal },
            Self::Annotate { key, value_json } => Decision::Annotate { key, value_json },
            Self::Ask(questions) => {
                Decision::Ask { questions: questions.into_iter().map(EncodedAsk::into_stored).collect() }
            }
        })
    }
}

impl EncodedAsk {
    fn new(stored: StoredAsk) -> Result<Self, ModuleError> {
        Ok(match stored.into_enum().map_err(|_| newer("question"))? {
            Ask::Chat { chat } => {
                let AskChat { role, messages, tools_json, constraint_json, sampling_json, extra } = chat;
                Self::Chat { role, messages: messages.into(), tools_json, constraint_json, sampling_json, extra }
            }
            Ask::Score { score: AskScore { role, request } } => {
                Self::Score { role, items: EncodedItems::new(&request), extra: request.extra }
            }
            _ => return Err(newer("question")),
        })
    }

    fn into_stored(self) -> StoredAsk {
        StoredAsk::new(match self {
            Self::Chat { role, messages, tools_json, constraint_json, sampling_json, extra } => Ask::Chat {
                chat: AskChat { role, messages: messages.into(), tools_json, constraint_json, sampling_json, extra },
            },
            Self::Score { role, items, extra } => {
                Ask::Score { score: AskScore { role, request: items.into_request(&extra) } }
            }
        })
    }
}

impl EncodedAnswer {
    pub fn new(stored: &StoredAnswer) -> Result<Self, ModuleError> {
        Ok(match stored.as_enum().map_err(|_| newer("answer"))?.clone() {
            Answer::Chat { reply } => {
                Self::Chat { message: reply.message, finish: reply.finish, usage: reply.usage, extra: reply.extra }
            }
            Answer::Score { reply } => {
                Self::Scores { scores: reply.scores.into(), usage: reply.usage, extra: reply.extra }
            }
            Answer::Failed { error } => Self::Failed(error.into()),
            _ => return Err(newer("answer")),
        })
    }

    pub fn into_stored(self) -> StoredAnswer {
        StoredAnswer::new(match self {
            Self::Chat { message, finish, usage, extra } => {
                Answer::Chat { reply: harness_abi::ChatReply { message, finish, usage, extra } }
            }
            Self::Scores { scores, usage, extra } => Answer::Score { reply: score_reply(scores, usage, extra) },
            Self::Failed(error) => Answer::Failed { error: error.into() },
        })
    }
}

/// The decisions a processor gave.
pub fn decisions(stored: RVec<StoredDecision>) -> Result<Vec<EncodedDecision>, ModuleError> {
    stored.into_iter().map(EncodedDecision::new).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use harness_abi::{ChatReply, Part, Role, ScoreItem, ScoreReply, ScoreRequest};

    use super::*;

    fn crossed<T: Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
        rmp_serde::from_slice(&rmp_serde::to_vec_named(value).unwrap()).unwrap()
    }

    #[test]
    fn every_decision_crosses_unchanged() {
        let (message, text) = (Message::user("hello"), RString::from("text"));
        let call = Message::new(Role::Assistant, [Part::tool_call("c1", "dice", "{}")]);
        let chat = AskChat::new([message.clone()]).role("judge");
        let shared = [message.clone(), call.clone()];
        let request = ScoreRequest::new([ScoreItem::new(&shared, "a"), ScoreItem::new(&shared[..1], "b")]);
        let score = AskScore { role: text.clone(), request };
        let questions = [Ask::Chat { chat }, Ask::Score { score }].map(StoredAsk::new);
        let edit = HistoryEdit { start: 1, end: 3, with: vec![message.clone(), call.clone()].into() };
        let decisions = [
            Decision::SetSystem { text: text.clone() },
            Decision::EditHistory { edits: vec![edit].into() },
            Decision::SetLastUser { text: text.clone() },
            Decision::AppendUser { text: text.clone() },
            Decision::ShowTools { names: vec![text.clone()].into() },
            Decision::Constrain { constraint_json: text.clone() },
            Decision::UseModel { role: text.clone() },
            Decision::Sample { sampling_json: text.clone() },
            Decision::SetResponse { message: call.clone() },
            Decision::SetArguments { arguments: text.clone() },
            Decision::SetResult { text: text.clone(), is_error: true },
            Decision::Split { messages: vec![call.clone()].into() },
            Decision::Answer { message },
            Decision::Interrupt { reason: text.clone() },
            Decision::Adapt { signal: text.clone() },
            Decision::Annotate { key: text.clone(), value_json: text },
            Decision::Ask { questions: questions.into_iter().collect() },
        ];
        for decision in decisions {
            let encoded = crossed(&EncodedDecision::new(StoredDecision::new(decision.clone())).unwrap());
            assert_eq!(encoded.into_stored(), StoredDecision::new(decision));
        }
    }

    #[test]
    fn every_answer_crosses_unchanged() {
        let reply = ScoreReply {
            scores: vec![Score { logprob: -1.5, tokens: 3 }].into(),
            usage: Usage::default(),
            extra: RString::new(),
        };
        for answer in [
            Answer::Chat { reply: ChatReply::text("well") },
            Answer::Score { reply },
            Answer::Failed { error: ModuleError::config("wrong") },
        ] {
            let encoded = crossed(&EncodedAnswer::new(&StoredAnswer::new(answer.clone())).unwrap());
            assert_eq!(encoded.into_stored(), StoredAnswer::new(answer));
        }
    }
}
