//! `lexical`: ranks tools by the words they share with the request (BM25, Robertson and Zaragoza 2009). No model.

use harness_abi::{Cx, ModuleError, Stop, ToolSpec};
use serde::Deserialize;

use crate::route::{Common, Ranking, Router, Score};
use crate::words::words;

/// Configuration.
#[derive(Debug, Deserialize)]
pub struct Config {
    #[serde(flatten)]
    common: Common,
    name_weight: usize,
    parameters: bool,
}

/// The score.
#[derive(Debug)]
pub struct Lexical {
    name_weight: usize,
    parameters: bool,
}

/// Builds the router.
///
/// # Errors
///
/// The configuration holds what it cannot work with, which is named.
pub fn new(config: Config) -> Result<Router<Lexical>, ModuleError> {
    Ok(Router::new(config.common, Lexical { name_weight: config.name_weight, parameters: config.parameters }))
}

impl Score for Lexical {
    fn score(&self, _: &Cx<'_>, question: &str, tools: &[ToolSpec]) -> Result<Ranking, Stop> {
        let scores = bm25(question, tools, self.name_weight, self.parameters);
        let fit = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Ok(Ranking { scores, fit })
    }
}

/// A tool as a document; words of its name count `name_weight` times.
fn document(tool: &ToolSpec, name_weight: usize, parameters: bool) -> Vec<String> {
    let mut all = words(&tool.description);
    let name = words(&tool.name);
    for _ in 0..name_weight {
        all.extend(name.iter().cloned());
    }
    let properties = tool.input_schema["properties"].as_object().into_iter().flatten();
    for (name, schema) in properties.filter(|_| parameters) {
        all.extend(words(name));
        all.extend(words(schema["description"].as_str().unwrap_or_default()));
    }
    all
}

/// BM25 of each tool for `question`, with the usual k₁ = 1.2 and b = 0.75 and document frequencies among these very tools.
pub fn bm25(question: &str, tools: &[ToolSpec], name_weight: usize, parameters: bool) -> Vec<f64> {
    const K1: f64 = 1.2;
    const B: f64 = 0.75;
    #[expect(clippy::cast_precision_loss, reason = "counts of words")]
    let real = |count: usize| count as f64;
    let documents: Vec<Vec<String>> = tools.iter().map(|tool| document(tool, name_weight, parameters)).collect();
    let mean = documents.iter().map(|words| real(words.len())).sum::<f64>() / real(documents.len().max(1));
    let mut query = words(question);
    query.sort_unstable();
    query.dedup();
    let weights: Vec<(String, f64)> = query
        .into_iter()
        .map(|word| {
            let holding = real(documents.iter().filter(|words| words.contains(&word)).count());
            let weight = (1.0 + (real(documents.len()) - holding + 0.5) / (holding + 0.5)).ln();
            (word, weight)
        })
        .collect();
    documents
        .iter()
        .map(|words| {
            let length = 1.0 - B + B * real(words.len()) / mean.max(1.0);
            weights
                .iter()
                .map(|(word, weight)| {
                    let times = real(words.iter().filter(|other| *other == word).count());
                    weight * times * (K1 + 1.0) / (times + K1 * length)
                })
                .sum()
        })
        .collect()
}
