//! Exact log-probabilities: of completions under prompts, and of given strings as the whole reply.
//!
//! Nothing is approximated or pruned: each value is a sum of full log-softmax terms. Common prefixes, of
//! prompts and of completions, are computed once.

use super::error::{EngineError, Result};
use super::evaluate::{Query, Reuse, Want};
use super::model::Model;
use super::sample::{Sampler, Sampling};

/// What to score.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Token ids of the prompt; not empty.
    pub prompt: Vec<u32>,
    /// Token ids of the completion; may be empty, which scores 0.
    pub completion: Vec<u32>,
}

/// A log-probability.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Natural log-probability of each token of the completion.
    pub tokens: Vec<f32>,
}

impl Scored {
    /// log p(completion | prompt), summed in f64 from the first token to the last.
    pub fn logprob(&self) -> f64 {
        self.tokens.iter().map(|t| f64::from(*t)).sum()
    }
}

/// Scores every pair; the sum of reuse over pairs comes with it.
///
/// # Errors
///
/// It was cancelled, or a query is longer than the model or the cache can hold.
pub fn score(model: &Model, pairs: &[Pair], cancelled: &dyn Fn() -> bool) -> Result<(Vec<Scored>, Reuse)> {
    let queries: Vec<Query> = pairs
        .iter()
        .map(|p| {
            let (first, n) = (p.prompt.len(), p.completion.len());
            // The last token of the completion is only asked about, never fed.
            let fed = p.completion.split_last().map_or(&[][..], |(_, fed)| fed);
            let tokens: Vec<u32> = p.prompt.iter().chain(fed).copied().collect();
            let want = |i: usize| (first.saturating_sub(1) + i, Want::LogProbs(vec![p.completion[i]]));
            Query { tokens, wants: (0..n).map(want).collect(), keep: first }
        })
        .collect();
    let (answers, reuse) = model.evaluate(&queries, cancelled)?;
    let scored = answers.into_iter().map(|a| Scored { tokens: a.into_iter().flatten().collect() }).collect();
    let sum = |f: fn(&Reuse) -> usize| reuse.iter().map(f).sum();
    Ok((scored, Reuse { total: sum(|r| r.total), computed: sum(|r| r.computed) }))
}

/// The outcome of a choice.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Index of the string taken.
    pub index: usize,
    /// Token ids of every string, without the end of turn.
    pub ids: Vec<Vec<u32>>,
    /// Log-probability that the reply is exactly the string: its tokens, then the end of turn.
    pub scored: Vec<Scored>,
    /// Tokens computed and reused.
    pub reuse: Reuse,
}

/// Chooses among strings as the whole reply after `prompt`: the most probable one, or a draw in
/// proportion to the exact probabilities (raised to 1/temperature). Of equals the first is taken.
/// `end` is appended to every string before scoring; empty to score the strings as prefixes.
///
/// # Errors
///
/// It was cancelled, or a query is longer than the model or the cache can hold.
pub fn choose(
    model: &Model,
    prompt: &[u32],
    strings: &[String],
    end: &[u32],
    sampling: Sampling,
    cancelled: &dyn Fn() -> bool,
) -> Result<Chosen> {
    if strings.is_empty() {
        return Err(EngineError::Invalid { what: "a choice needs at least one string".into() });
    }
    let ids: Vec<Vec<u32>> = strings.iter().map(|s| model.tokenizer.encode(s)).collect();
    let pairs: Vec<Pair> =
        ids.iter().map(|ids| Pair { prompt: prompt.to_vec(), completion: [ids, end].concat() }).collect();
    let (scored, reuse) = score(model, &pairs, cancelled)?;
    let index = Sampler::new(sampling).draw(scored.iter().map(Scored::logprob)).unwrap_or(0);
    Ok(Chosen { index, ids, scored, reuse })
}
