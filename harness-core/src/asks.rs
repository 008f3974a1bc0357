//! Questions of processors to models: budgeted, recorded, scores in a row sent as one request.

use std::sync::Arc;

use harness_abi::{
    Answer, Ask, AskChat, ChatReply, ErrorClass, ModuleError, Sampling, ScoreReply, ScoreRequest, StoredAnswer,
    StoredAsk,
};
use harness_trace::{Outcome, Purpose};

use crate::{
    agent::RunError,
    chats::{CallError, Chat},
    conversation::key_of,
    driver::Live,
};

/// Answers to the questions of one call.
pub(crate) struct Round {
    pub answers: Vec<StoredAnswer>,
    /// Whether one of them failed for reasons outside the harness.
    pub starved: bool,
}

impl Live<'_> {
    /// Answers questions in order. `None`: the episode ended meanwhile.
    pub async fn ask(&mut self, module: &str, questions: &[StoredAsk]) -> Result<Option<Round>, RunError> {
        let mut round = Round { answers: Vec::with_capacity(questions.len()), starved: false };
        let mut next = 0;
        while let Some(question) = questions.get(next) {
            self.look();
            // A step under way is not stopped for want of steps.
            if let Some(reason) = self.machine.spent.exhausted(&self.machine.limits, 0, self.elapsed) {
                self.machine.end(Outcome::Budget, reason);
                return Ok(None);
            }
            let purpose = Purpose::Ask(module.to_owned());
            let before = round.answers.len();
            let failed = match question.as_enum() {
                Ok(Ask::Chat { chat }) => {
                    next += 1;
                    let count = self.asked.entry(module.to_owned()).or_default();
                    *count += 1;
                    let index = *count;
                    match self.ask_chat(chat, index, purpose).await {
                        Ok(reply) => {
                            round.answers.push(StoredAnswer::new(Answer::Chat { reply }));
                            None
                        }
                        Err(error) => Some(error),
                    }
                }
                Ok(Ask::Score { score }) => {
                    let role = &score.role;
                    let batch: Vec<&ScoreRequest> = (questions.iter().skip(next))
                        .map_while(|question| match question.as_enum() {
                            Ok(Ask::Score { score }) if score.role == *role => Some(&score.request),
                            _ => None,
                        })
                        // What carries an extra may not be merged with what does not.
                        .enumerate()
                        .take_while(|(index, request)| *index == 0 || request.extra == score.request.extra)
                        .map(|(_, request)| request)
                        .collect();
                    next += batch.len();
                    match self.ask_scores(role, &batch, purpose).await {
                        Ok(replies) => {
                            round
                                .answers
                                .extend(replies.into_iter().map(|reply| StoredAnswer::new(Answer::Score { reply })));
                            None
                        }
                        Err(error) => Some(error),
                    }
                }
                _ => {
                    next += 1;
                    let error = ModuleError::unsupported("a question of a kind newer than this host");
                    Some(CallError::Module { module: module.to_owned(), error })
                }
            };
            match failed {
                None => {}
                Some(CallError::Module { module, error }) => {
                    self.machine.note_fault(None, &module, &error);
                    round.starved |= error.class.is_transient();
                    let answer = || StoredAnswer::new(Answer::Failed { error: error.clone() });
                    let unanswered = next - before;
                    round.answers.extend((0..unanswered).map(|_| answer()));
                }
                Some(CallError::Stopped(why)) => {
                    self.stopped(why);
                    return Ok(None);
                }
                Some(CallError::Record(error)) => return Err(error.into()),
            }
        }
        Ok(Some(round))
    }

    async fn ask_chat(&mut self, ask: &AskChat, index: u64, purpose: Purpose) -> Result<ChatReply, CallError> {
        let sampling = match ask.sampling_json.as_str() {
            "" => Sampling::default(),
            json => serde_json::from_str(json).map_err(|error| CallError::Module {
                module: "ask".to_owned(),
                error: ModuleError::new(ErrorClass::INPUT, format_args!("its sampling does not parse: {error}")),
            })?,
        };
        let messages = ask.messages.to_vec();
        let chat = Chat {
            role: role_of(&ask.role).to_owned(),
            prefix: key_of(&messages),
            messages: Arc::new(messages),
            tools: ask.tools_json.as_str().into(),
            constraint: ask.constraint_json.clone(),
            sampling: Sampling { seed: 0, ..sampling },
            index,
            purpose,
        };
        self.chat(chat).await
    }

    /// One request for many; what it used is the first's.
    async fn ask_scores(
        &mut self,
        role: &str,
        batch: &[&ScoreRequest],
        purpose: Purpose,
    ) -> Result<Vec<ScoreReply>, CallError> {
        let role = role_of(role);
        let [first, rest @ ..] = batch else { return Ok(Vec::new()) };
        if rest.is_empty() {
            return self.scores(role, first, purpose).await.map(|reply| vec![reply]);
        }
        let mut all = ScoreRequest::new(batch.iter().flat_map(|request| request.items.iter().cloned()));
        all.extra = first.extra.clone();
        let reply = self.scores(role, &all, purpose).await?;
        let mut scores = reply.scores.into_iter();
        let mut usage = reply.usage;
        let share = |request: &&ScoreRequest| ScoreReply {
            scores: scores.by_ref().take(request.items.len()).collect(),
            usage: std::mem::take(&mut usage),
            extra: reply.extra.clone(),
        };
        Ok(batch.iter().map(share).collect())
    }
}

fn role_of(role: &str) -> &str {
    if role.is_empty() { "main" } else { role }
}
