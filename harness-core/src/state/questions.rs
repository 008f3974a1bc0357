//! Questions of processors to models: budgeted, recorded, scores in a row sent as one request. The processor is called again with
//! the answers until it decides.

use std::{collections::VecDeque, sync::Arc};

use harness_abi::{Ask, Hook, ModuleError, Sampling, StoredAsk, stable::RVec};
use harness_trace::Outcome;

use super::{
    asking::{Asking, Question},
    chat::{Chat, unreadable},
    value::EpisodeState,
};
use crate::{conversation::key_of, effect::Effect};

/// Most times a hook may ask before it must decide.
const MOST_ROUNDS: u32 = 8;

impl EpisodeState {
    /// A processor asks instead of deciding. `before`: what it asked in this call of the hook already.
    pub(super) fn ask(&mut self, before: Option<Asking>, hook: Hook, slot: usize, questions: &[StoredAsk]) {
        let mut asking = before.unwrap_or_else(|| Asking {
            hook,
            slot,
            rounds: 0,
            starved: false,
            questions: VecDeque::new(),
            batch: 0,
            index: 0,
            answers: RVec::new(),
        });
        if asking.rounds == MOST_ROUNDS {
            let message = format!("it asked {MOST_ROUNDS} times and still does not decide");
            let plan = self.plan.clone();
            return self.fault(Some(hook), plan.id(slot), &ModuleError::fault(message));
        }
        asking.rounds += 1;
        asking.questions.extend(questions.iter().map(|question| match question.as_enum() {
            Ok(Ask::Chat { chat }) => Question::Chat(chat.clone()),
            Ok(Ask::Score { score }) => Question::Score(score.clone()),
            _ => Question::Unknown,
        }));
        self.asking = Some(asking);
    }

    /// The request that answers the next question. `None`: something was decided.
    pub(super) fn next_question(&mut self) -> Option<Effect> {
        let asking = self.asking.as_mut()?;
        let question = asking.questions.front().cloned()?;
        // A step under way is not stopped for want of steps.
        if let Some(reason) = self.spent.exhausted(&self.limits, 0, self.elapsed) {
            self.end(Outcome::Budget, reason);
            return None;
        }
        let asker = self.plan.id(asking.slot).to_owned();
        match question {
            Question::Unknown => {
                let error = ModuleError::unsupported("a question of a kind newer than this host");
                self.no_answer(&asker, error);
                None
            }
            Question::Chat(chat) => {
                if self.attempt == 0 {
                    let count = self.asked.entry(asker.clone()).or_default();
                    *count += 1;
                    (asking.index, asking.batch) = (*count, 1);
                }
                let index = asking.index;
                let sampling = match chat.sampling_json.as_str() {
                    "" => Ok(Sampling::default()),
                    json => serde_json::from_str(json),
                };
                let sampling = match sampling {
                    Ok(sampling) => Sampling { seed: 0, ..sampling },
                    Err(error) => {
                        self.no_answer("ask", unreadable(&error));
                        return None;
                    }
                };
                let model = self.target()?;
                let messages = chat.messages.to_vec();
                let chat = Chat {
                    prefix: key_of(&messages),
                    messages: Arc::new(messages),
                    tools: chat.tools_json.as_str().into(),
                    constraint: chat.constraint_json,
                    sampling,
                    index,
                    asker,
                };
                Some(self.chat(model, chat, false))
            }
            Question::Score(score) => {
                let (batch, request) = asking.score_batch(&score);
                asking.batch = batch;
                let model = self.target()?;
                Some(self.scores(model, request))
            }
        }
    }
}
