//! `random`: a control. Draws uniformly among what the constraint leaves: a choice, a tool, a value of a schema. Says nothing where
//! the reply is free. Scores are drawn too, from the text they are of.

use std::hash::Hasher;

use harness_abi::{
    ChatReply, ChatRequest, ChatSink, Constraint, Finish, Message, Model, ModelInfo, ModuleError, Part, Role, Sampling,
    Score, ScoreItem, ScoreReply, ScoreRequest, ScoreSink, ToolSpec, Usage, stable::RString,
};
use serde::Deserialize;

use crate::model::instance::{self, Draw};

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Added to the seed of every call.
    seed: u64,
}

/// The model.
#[derive(Debug)]
pub struct Random {
    config: Config,
}

impl Random {
    /// Takes the seed.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config })
    }
}

/// What the models of this pack say of themselves.
pub fn simulated(name: &str, digest: &str, seeded: bool) -> ModelInfo {
    ModelInfo {
        name: name.into(),
        digest: format!("std/{name}/{}{digest}", env!("CARGO_PKG_VERSION")),
        deterministic: true,
        seeded,
        simulated: true,
        capabilities: ["tools", "json_schema", "choice", "score", "completion"].map(String::from).into(),
        ..ModelInfo::default()
    }
}

/// The reply that `pick` leads to under the request's constraint.
///
/// # Errors
///
/// The request has a constraint or a tool that cannot be read.
pub fn reply(request: &ChatRequest<'_>, pick: &mut dyn FnMut(usize) -> usize) -> Result<ChatReply, ModuleError> {
    match request.constraint()? {
        Constraint::Choice { choices } => match choices.get(pick(choices.len())) {
            Some(choice) => Ok(ChatReply::text(choice)),
            None => Err(ModuleError::input("the choice of the request is empty; it needs at least one string")),
        },
        Constraint::ToolCall { arguments } => {
            let tools = request.tools()?;
            let Some(ToolSpec { name, input_schema, .. }) = tools.get(pick(tools.len())) else {
                return Err(ModuleError::input("a tool call is asked for, but the request has no tools"));
            };
            let arguments = if arguments { instance::of(input_schema, pick).to_string() } else { "{}".to_owned() };
            let message = Message::new(Role::Assistant, [Part::tool_call("call-0", name, arguments)]);
            Ok(ChatReply { message, finish: Finish::TOOL_CALLS, usage: Usage::default(), extra: RString::new() })
        }
        Constraint::JsonSchema { schema } => Ok(ChatReply::text(instance::of(&schema, pick).to_string())),
        Constraint::Free => Ok(ChatReply::text("")),
        other => Err(ModuleError::unsupported(format_args!(
            "models of this pack cannot satisfy {other:?}; use a choice or a schema"
        ))),
    }
}

/// Tokens as these models count them: words, at least one.
pub fn words(text: &str) -> u32 {
    u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX).max(1)
}

/// FNV-1a, whose value is fixed by its definition, unlike that of the standard library's hasher.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
    }
}

fn score(item: &ScoreItem, seed: u64) -> Score {
    let mut hash = Fnv(0xCBF2_9CE4_8422_2325 ^ seed);
    for message in &item.prompt {
        hash.write(message.text().as_bytes());
        hash.write(&[0]);
    }
    hash.write(item.completion.as_bytes());
    let tokens = words(&item.completion);
    #[expect(clippy::cast_precision_loss, reason = "53 bits are enough of a uniform draw")]
    let uniform = (Draw::new(hash.finish()).next() >> 11) as f64 / (1_u64 << 53) as f64;
    Score { logprob: -f64::from(tokens) * (1.0 + uniform), tokens }
}

impl Model for Random {
    fn info(&self) -> ModelInfo {
        simulated("random", &format!("/{}", self.config.seed), true)
    }

    fn chat(&self, request: &ChatRequest<'_>, _: &ChatSink) -> Result<ChatReply, ModuleError> {
        let Sampling { seed, .. } = request.sampling()?;
        let mut draw = Draw::new(seed.wrapping_add(self.config.seed));
        reply(request, &mut |count| draw.below(count))
    }

    fn score(&self, request: &ScoreRequest, _: &ScoreSink) -> Result<ScoreReply, ModuleError> {
        let scores = request.items.iter().map(|item| score(item, self.config.seed)).collect();
        Ok(ScoreReply { scores, usage: Usage::default(), extra: RString::new() })
    }
}
