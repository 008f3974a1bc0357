//! `pmi`: ranks tools by log p(name | request) − log p(name | a request that says nothing): what the request itself adds, without the
//! model's liking for some names (Holtzman et al. 2021, "Surface form competition").

use harness_abi::{Cx, ModuleError, Stop, ToolSpec};

use crate::direct::{Config, Prompt};
use crate::route::{Ranking, Router, Score, ask};

/// The request that says nothing.
const NEUTRAL: &str = "N/A";

/// The score.
#[derive(Debug)]
pub struct Pmi {
    prompt: Prompt,
}

/// Builds the router.
///
/// # Errors
///
/// The configuration holds what it cannot work with, which is named.
pub fn new(config: Config) -> Result<Router<Pmi>, ModuleError> {
    Ok(Router::new(config.common, Pmi { prompt: config.prompt }))
}

impl Score for Pmi {
    fn score(&self, cx: &Cx<'_>, question: &str, tools: &[ToolSpec]) -> Result<Ranking, Stop> {
        let pairs = [question, NEUTRAL].into_iter().flat_map(|question| {
            let prompt = self.prompt.message(question, tools);
            tools.iter().map(move |tool| (prompt.clone(), tool.name.clone()))
        });
        let all = ask(cx, pairs)?;
        let (given, prior) = all.split_at(tools.len());
        let scores: Vec<f64> = given
            .iter()
            .zip(prior)
            .map(|(given, prior)| self.prompt.measure(given) - self.prompt.measure(prior))
            .collect();
        let fit = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Ok(Ranking { scores, fit })
    }
}
