//! `direct`: ranks tools by log p(name | request and tools), the model's own opinion of what to write next.

use harness_abi::{Cx, Message, ModuleError, Stop, ToolSpec};
use serde::Deserialize;

use crate::describe::{self, Parameters};
use crate::route::{Common, Ranking, Router, Score, ask, per_token};

/// Configuration, also of `pmi`.
#[derive(Debug, Deserialize)]
pub struct Config {
    #[serde(flatten)]
    pub(crate) common: Common,
    #[serde(flatten)]
    pub(crate) prompt: Prompt,
}

/// A question with candidates whose names are scored.
#[derive(Debug, Deserialize)]
pub struct Prompt {
    /// `{question}` and `{tools}` are filled in.
    template: String,
    /// How a tool is written.
    line: String,
    parameters: Parameters,
    /// Characters kept of a description.
    width: usize,
    /// Whether scores are means a token, so that long names are not at a loss.
    per_token: bool,
}

impl Prompt {
    /// The prompt for `question`.
    pub fn message(&self, question: &str, tools: &[ToolSpec]) -> Message {
        let lines: Vec<String> =
            tools.iter().map(|tool| describe::fill(&self.line, tool, self.parameters, self.width)).collect();
        // The question goes in last: it may hold a placeholder of its own.
        Message::user(self.template.replace("{tools}", &lines.join("\n")).replace("{question}", question))
    }

    /// A score in the unit asked for.
    pub fn measure(&self, score: &harness_abi::Score) -> f64 {
        if self.per_token { per_token(score) } else { score.logprob }
    }
}

/// The score.
#[derive(Debug)]
pub struct Direct {
    prompt: Prompt,
}

/// Builds the router.
///
/// # Errors
///
/// The configuration holds what it cannot work with, which is named.
pub fn new(config: Config) -> Result<Router<Direct>, ModuleError> {
    Ok(Router::new(config.common, Direct { prompt: config.prompt }))
}

impl Score for Direct {
    fn score(&self, cx: &Cx<'_>, question: &str, tools: &[ToolSpec]) -> Result<Ranking, Stop> {
        let prompt = self.prompt.message(question, tools);
        let scores = ask(cx, tools.iter().map(|tool| (prompt.clone(), tool.name.clone())))?;
        let fit = scores.iter().map(per_token).fold(f64::NEG_INFINITY, f64::max);
        Ok(Ranking { scores: scores.iter().map(|score| self.prompt.measure(score)).collect(), fit })
    }
}
