//! Cold data: what crosses the plugin ABI as JSON text, with the types both sides read it into.
//!
//! Fields may be added with a default; none may be removed or change its meaning.

use crate::Usage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

fn is_false(value: &bool) -> bool {
    !value
}

/// A tool as a model sees it (MCP names).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSpec {
    /// Unique among the tools of a request.
    pub name: String,
    /// What it does, for the model.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of its arguments (an object).
    pub input_schema: Value,
    /// Whether a call changes nothing in the world.
    #[serde(default, skip_serializing_if = "is_false")]
    pub read_only: bool,
    /// Whether calling twice is the same as calling once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub idempotent: bool,
}

/// What a reply must look like. A model translates it or refuses; it never ignores it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Constraint {
    /// Anything.
    #[default]
    Free,
    /// The reply text is exactly one of these strings.
    Choice {
        /// The strings, without duplicates, at least one.
        choices: Vec<String>,
    },
    /// The reply text is JSON that fits the schema.
    JsonSchema {
        /// A JSON Schema.
        schema: Value,
    },
    /// The reply text matches a GBNF grammar.
    Grammar {
        /// The grammar; its root rule is `root`.
        grammar: String,
    },
    /// The reply is one call of one of the request's tools (`tool_choice: required`).
    ToolCall {
        /// Whether the model fills the arguments; otherwise they are `{}` and something else fills them.
        #[serde(default = "yes")]
        arguments: bool,
    },
}

fn yes() -> bool {
    true
}

/// How tokens are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 is greedy.
    #[serde(default)]
    pub temperature: f64,
    /// Nucleus; 1 keeps all.
    #[serde(default = "one")]
    pub top_p: f64,
    /// Most tokens of a reply.
    #[serde(default = "max_tokens")]
    pub max_tokens: u32,
    /// Seed of this very call: the engine derives it from episode seed and step.
    #[serde(default)]
    pub seed: u64,
    /// Strings that end the reply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
}

fn one() -> f64 {
    1.0
}

fn max_tokens() -> u32 {
    256
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.0, top_p: one(), max_tokens: max_tokens(), seed: 0, stop: Vec::new() }
    }
}

/// What a model says of itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ModelInfo {
    /// The model's name (`gen_ai.request.model`).
    pub name: String,
    /// Names these very weights and settings: part of the key under which calls are recorded.
    pub digest: String,
    /// Most tokens of prompt and reply together; 0 when unknown.
    #[serde(default)]
    pub context_length: u64,
    /// Whether equal requests (seed included) give equal bits.
    #[serde(default)]
    pub deterministic: bool,
    /// Whether the seed matters even at temperature 0.
    #[serde(default)]
    pub seeded: bool,
    /// Whether this stands in for a language model (controls and tests); every output it touches says so.
    #[serde(default)]
    pub simulated: bool,
    /// Whether nobody knows what its calls cost: then a cost of 0 says nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unpriced: bool,
    /// What it can do: `tools`, `json_schema`, `grammar`, `choice`, `logprobs`, `score`, `completion` (scores of plain text),
    /// `token_ids`.
    #[serde(default)]
    pub capabilities: Vec<String>,
}

/// One task of an environment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Task {
    /// Unique in its suite.
    pub id: String,
    /// Tasks that stand or fall together share it; the task itself by default.
    #[serde(default)]
    pub group: String,
    /// The split its data assigns it to (`train`, `valid_seen`), if any.
    #[serde(default)]
    pub split: String,
    /// Known before the run: what a router may look at (a task type, a category).
    #[serde(default)]
    pub kind: String,
    /// What is asked, for the record; what the agent sees is the first observation.
    #[serde(default)]
    pub prompt: String,
    /// Most turns the task allows; 0 leaves it to the harness's budget.
    #[serde(default)]
    pub max_turns: u32,
    /// Whatever the environment needs to reset to it. Never shown to a module of another kind.
    #[serde(default)]
    pub data: Value,
    /// The answer. Reaches the grader alone.
    #[serde(default)]
    pub gold: Value,
}

/// Which tasks to list.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TaskQuery {
    /// Only this split; all when empty.
    #[serde(default)]
    pub split: String,
    /// At most so many; 0 is all.
    #[serde(default)]
    pub limit: usize,
    /// Seed for environments that make their tasks.
    #[serde(default)]
    pub seed: u64,
}

/// What an agent does to its environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// The reply itself is the action.
    Text {
        /// The reply.
        text: String,
    },
    /// A call of one of the tools the environment offers.
    Call {
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
}

/// The folder the tools of a harness work in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Workspace {
    /// Where it is: an absolute path.
    pub path: String,
    /// What the task calls it, an absolute path too; its own path when empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
}

/// What the environment answers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Observation {
    /// What the agent sees.
    #[serde(default)]
    pub text: String,
    /// The actions possible now, where the environment knows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admissible: Vec<String>,
    /// The tools it offers from now on; `None` leaves them as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<ToolSpec>>,
    /// Reward of this step, for training; the grader has the last word.
    #[serde(default)]
    pub reward: f64,
    /// Whether the episode is over.
    #[serde(default)]
    pub done: bool,
    /// Whether the action was refused as malformed or impossible.
    #[serde(default, skip_serializing_if = "is_false")]
    pub invalid: bool,
    /// The folder the tools of the harness work in from now on; `None` leaves it as it is. Not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
}

/// a grader's grade.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Grade {
    /// In `[0, 1]`.
    pub reward: f64,
    /// Named components in `[0, 1]`.
    #[serde(default)]
    pub parts: Vec<(String, f64)>,
    /// Why, for a person.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What marking used, where a model marks. It is the benchmark's expense, not the harness's.
    #[serde(default, skip_serializing_if = "Usage::is_none")]
    pub usage: Usage,
}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolOutput {
    /// The content.
    pub text: String,
    /// Whether it failed in a way the model should see.
    #[serde(default)]
    pub is_error: bool,
    /// What it cost, in millionths of a US dollar.
    #[serde(default)]
    pub cost_micros: u64,
}

/// How one string of a [`Constraint::Choice`] fared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChoiceScore {
    /// The string.
    pub text: String,
    /// Its log-probability, natural logarithm.
    pub logprob: f64,
    /// Tokens it is made of.
    pub tokens: u32,
}

/// A token of a reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprob {
    /// Its number in the model's vocabulary.
    pub id: u32,
    /// Its log-probability given all before it, natural logarithm.
    pub logprob: f64,
}

/// What a score request asks besides its items: the JSON of [`crate::ScoreRequest::extra`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScoreExtra {
    /// Whether each prompt is given to the model as plain text: the texts of its messages one after another, without a chat template.
    #[serde(default, skip_serializing_if = "is_false")]
    pub raw: bool,
}

/// What a reply carries besides its message: the JSON of [`crate::ChatReply::extra`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ReplyExtra {
    /// Every string of a choice with its score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<ChoiceScore>,
    /// Tokens of the reply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<TokenLogprob>,
}
