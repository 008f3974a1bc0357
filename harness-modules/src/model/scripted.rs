//! `scripted`: says what its script says, for tests. The place in the script is the number of assistant messages in the request, so
//! that equal requests get equal replies. Pays no heed to constraints.

use harness_abi::{
    ChatReply, ChatRequest, ChatSink, Finish, Message, Model, ModelInfo, ModuleError, Part, Role, Score, ScoreReply,
    ScoreRequest, ScoreSink, Usage, stable::RString,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::random::{simulated, words};

/// Configuration.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    replies: Vec<Line>,
    /// What it says when the script is over.
    after: After,
    /// log p for each item in turn, over and over; −1 a word when empty.
    scores: Vec<f64>,
    /// Tokens each reply claims to have read.
    input_tokens: u64,
    /// Tokens each reply claims to have written.
    output_tokens: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Text(String),
    Full(Full),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Full {
    #[serde(default)]
    text: String,
    #[serde(default)]
    calls: Vec<Planned>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Planned {
    name: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum After {
    Last,
    Empty,
    Error,
}

/// The model.
#[derive(Debug)]
pub struct Scripted {
    config: Config,
    digest: String,
}

impl Scripted {
    /// Takes the script.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        let digest = format!("/{}", serde_json::to_string(&config)?);
        Ok(Self { config, digest })
    }
}

fn parts(line: &Line, turn: usize) -> Vec<Part> {
    match line {
        Line::Text(text) => vec![Part::text(text)],
        Line::Full(full) => {
            let text = (!full.text.is_empty()).then(|| Part::text(&full.text));
            let id = |place| if place == 0 { format!("c{turn}") } else { format!("c{turn}-{place}") };
            let calls = full.calls.iter().enumerate().map(|(place, call)| {
                Part::tool_call(id(place), &call.name, Value::Object(call.arguments.clone()).to_string())
            });
            text.into_iter().chain(calls).collect()
        }
    }
}

impl Model for Scripted {
    fn info(&self) -> ModelInfo {
        simulated("scripted", &self.digest, false)
    }

    fn chat(&self, request: &ChatRequest<'_>, _: &ChatSink) -> Result<ChatReply, ModuleError> {
        let turn = request.messages.iter().filter(|message| message.role() == Role::Assistant).count();
        let replies = &self.config.replies;
        let line = match (replies.get(turn), self.config.after) {
            (Some(line), _) => Some(line),
            (None, After::Last) => replies.last(),
            (None, After::Empty) => None,
            (None, After::Error) => {
                let script = replies.len();
                return Err(ModuleError::input(format_args!(
                    "the script has {script} replies and turn {turn} wants one more"
                )));
            }
        };
        let parts = line.map(|line| parts(line, turn)).unwrap_or_default();
        let message = Message::new(Role::Assistant, parts);
        let finish = if message.calls().next().is_some() { Finish::TOOL_CALLS } else { Finish::STOP };
        let Config { input_tokens, output_tokens, .. } = self.config;
        let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
        Ok(ChatReply { message, finish, usage, extra: RString::new() })
    }

    fn score(&self, request: &ScoreRequest, _: &ScoreSink) -> Result<ScoreReply, ModuleError> {
        let mut script = self.config.scores.iter().cycle();
        let mut score = |text: &str| {
            let tokens = words(text);
            Score { logprob: script.next().copied().unwrap_or(-f64::from(tokens)), tokens }
        };
        let scores = request.items.iter().map(|item| score(&item.completion)).collect();
        Ok(ScoreReply { scores, usage: Usage::default(), extra: RString::new() })
    }
}
