//! `noisy_channel`: ranks tools by log p(request | tool): the tool that makes the user's words most expected. One completion under many
//! prompts, so names never compete with each other; lexical evidence may be mixed in.

use harness_abi::{Cx, Message, ModuleError, Stop, ToolSpec};
use serde::Deserialize;

use crate::describe::{self, Parameters};
use crate::lexical::bm25;
use crate::rank::standardised;
use crate::route::{Common, Ranking, Router, Score, ask, per_token};

/// Configuration.
#[derive(Debug, Deserialize)]
pub struct Config {
    #[serde(flatten)]
    common: Common,
    #[serde(flatten)]
    channel: NoisyChannel,
}

/// The score.
#[derive(Debug, Deserialize)]
pub struct NoisyChannel {
    /// `{name}`, `{words}`, `{description}` and `{parameters}` are filled in.
    template: String,
    /// The prompt of no tool in particular, against which fit is measured.
    neutral: String,
    parameters: Parameters,
    /// Characters kept of a description.
    width: usize,
    /// Characters kept of the request, its end; 0 keeps all.
    request_width: usize,
    /// Weight of the standardised lexical score beside the standardised log-probability.
    lexical_weight: f64,
}

/// Builds the router.
///
/// # Errors
///
/// The configuration holds what it cannot work with, which is named.
pub fn new(config: Config) -> Result<Router<NoisyChannel>, ModuleError> {
    Ok(Router::new(config.common, config.channel))
}

impl Score for NoisyChannel {
    fn score(&self, cx: &Cx<'_>, question: &str, tools: &[ToolSpec]) -> Result<Ranking, Stop> {
        let asked = end(question.trim(), self.request_width);
        let prompts = tools
            .iter()
            .map(|tool| describe::fill(&self.template, tool, self.parameters, self.width))
            .chain([self.neutral.clone()]);
        let all = ask(cx, prompts.map(|prompt| (Message::user(prompt), asked.to_owned())))?;
        let (given, neutral) = all.split_at(tools.len());
        // The completion is the same for all, and so are its tokens: the unit changes no order.
        let nats: Vec<f64> = given.iter().map(per_token).collect();
        let expected = neutral.iter().map(per_token).sum::<f64>();
        let fit = nats.iter().copied().fold(f64::NEG_INFINITY, f64::max) - expected;
        let lexical = standardised(&bm25(question, tools, 2, true));
        let scores = standardised(&nats)
            .into_iter()
            .zip(lexical)
            .map(|(nats, lexical)| nats + self.lexical_weight * lexical)
            .collect();
        Ok(Ranking { scores, fit })
    }
}

/// The last `width` characters; all when `width` is 0.
fn end(text: &str, width: usize) -> &str {
    let skip = text.chars().count().saturating_sub(width);
    match text.char_indices().nth(skip) {
        Some((start, _)) if width > 0 => &text[start..],
        _ => text,
    }
}
