//! Where stages put their questions: tries again when a reply does not fit, counts what was used, keeps within the budget, and
//! writes every reply down before anybody acts on it. Refuses to ask twice what is written down.

use std::sync::{Mutex, MutexGuard, PoisonError};

use harness_abi::Usage;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Meta, MetaError, Question, Stage, Written};
use crate::config::EvolveConfig;
use crate::error::EvolveError;
use crate::ledger::Ledger;

/// Kind of the facts that hold what models of the stages said.
const SAID: &str = "evolve.meta";
/// Tries of one question in all.
const TRIES: usize = 3;
/// Tokens set aside for a question before any was asked: letters / 3, and the answer.
const LETTERS: u64 = 3;

/// One try of a question, as a fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Said {
    stage: Stage,
    /// BLAKE3 of the question.
    question: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<Written>,
    /// Why nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

#[derive(Default)]
struct State {
    recorded: Vec<Value>,
    at: usize,
    spent: Usage,
}

/// The client of one run.
pub struct MetaClient<'a, M, L> {
    meta: &'a M,
    ledger: &'a L,
    run: String,
    max_tokens: Option<u64>,
    state: Mutex<State>,
}

fn tokens(usage: &Usage) -> u64 {
    usage.input_tokens + usage.output_tokens
}

impl<'a, M: Meta, L: Ledger> MetaClient<'a, M, L> {
    /// Opens the client of a run with what was said before.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn open(meta: &'a M, ledger: &'a L, config: &EvolveConfig) -> Result<Self, EvolveError> {
        let recorded = ledger.all(&config.run, SAID)?.into_iter().map(|(_, value)| value).collect();
        let state = Mutex::new(State { recorded, ..State::default() });
        Ok(Self { meta, ledger, run: config.run.clone(), max_tokens: config.stage_tokens(), state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was used so far.
    pub fn spent(&self) -> Usage {
        self.state().spent
    }

    /// Most tokens that may be used.
    pub fn budget(&self) -> Option<u64> {
        self.max_tokens
    }

    /// Whether a question fits into what is left of the stages' own budget. What rollouts have left says nothing here: how long duels
    /// were would show in it.
    fn affords(&self, question: &Question) -> bool {
        let would = question.prompt.len() as u64 / LETTERS + u64::from(question.max_tokens);
        self.max_tokens.is_none_or(|most| tokens(&self.state().spent) + would <= most)
    }

    /// The answer to a question, if one was given that fits within the tries and the budget.
    ///
    /// # Errors
    /// It was told to stop; the ledger failed, or holds another question here.
    pub async fn ask<T: DeserializeOwned>(&self, question: &Question) -> Result<Option<T>, EvolveError> {
        let mut again = question.clone();
        for _ in 0..TRIES {
            if !self.affords(&again) {
                return Ok(None);
            }
            let said = self.say(&again).await?;
            let problem = match said.written {
                Some(written) => match read(&written.text) {
                    Ok(answer) => return Ok(Some(answer)),
                    Err(problem) => problem,
                },
                // A model that failed may be asked the same again.
                None => continue,
            };
            again.prompt = format!(
                "{}\n\nYour last reply did not fit: {problem}. Reply with one JSON object of the form asked for.",
                question.prompt
            );
        }
        Ok(None)
    }

    async fn say(&self, question: &Question) -> Result<Said, EvolveError> {
        let named = blake3::hash(serde_json::to_string(question)?.as_bytes()).to_hex().to_string();
        let (fact, recorded) = {
            let state = self.state();
            (state.at, state.recorded.get(state.at).cloned())
        };
        let said = match recorded {
            Some(recorded) => {
                let said: Said = serde_json::from_value(recorded)?;
                if said.question != named {
                    let (run, recorded, now) = (self.run.clone(), said.question, named);
                    return Err(EvolveError::Diverged { run, fact, recorded, now });
                }
                said
            }
            None => {
                let (written, failed) = match self.meta.ask(question).await {
                    Ok(written) => (Some(written), None),
                    Err(MetaError::Failed(why)) => (None, Some(why)),
                    Err(MetaError::Stopped) => return Err(EvolveError::Stopped),
                };
                let said = Said { stage: question.stage, question: named, written, failed };
                self.ledger.put(&self.run, SAID, &format!("{fact:05}"), &serde_json::to_value(&said)?)?;
                said
            }
        };
        let mut state = self.state();
        state.at += 1;
        if let Some(written) = &said.written {
            state.spent += written.usage;
        }
        Ok(said)
    }
}

/// The JSON object in a reply, whatever stands around it.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let start = text.find('{').ok_or("it holds no JSON object")?;
    let end = text.rfind('}').filter(|end| *end > start).ok_or("its JSON object does not end")?;
    serde_json::from_str(text.get(start..=end).unwrap_or_default()).map_err(|error| error.to_string())
}
