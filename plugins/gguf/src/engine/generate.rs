//! Token-by-token generation, free or under an automaton, with stop strings.
//!
//! Text that the automaton forces (keys, punctuation) is not drawn: its tokens go through the model in one
//! pass, all but the last, which is left to be drawn because what follows may merge with it. A constrained reply is
//! never cut off in the middle where that can be helped: when the room left is what the shortest completion takes, the
//! reply takes it.

use super::constrain::{Automaton, StateId};
use super::error::{EngineError, Result};
use super::evaluate::{Query, Reuse, Want};
use super::kernels;
use super::model::Model;
use super::sample::{Sampler, Sampling};
use super::tokenizer::Tokenizer;

/// What to generate.
pub struct Request<'a> {
    /// Token ids of the prompt; not empty.
    pub prompt: &'a [u32],
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// Most tokens of the reply, the end of turn not counted.
    pub max_tokens: usize,
    /// Strings that end the reply; not part of it.
    pub stop: &'a [String],
    /// The language the reply must be in.
    pub automaton: Option<&'a Automaton>,
}

/// Why generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// End of turn, stop string, or a complete constrained value.
    Stop,
    /// `max_tokens` or the context ran out before the reply was complete.
    Length,
}

/// What was generated.
#[derive(Debug, Clone)]
pub struct Generated {
    /// Text up to the stop string.
    pub text: String,
    /// Token ids, the end of turn not included.
    pub tokens: Vec<u32>,
    /// Natural log-probability of each token under the unconstrained model at temperature 1.
    pub logprobs: Vec<f32>,
    /// Why it ended.
    pub finish: Finish,
    /// Prompt tokens computed and reused.
    pub reuse: Reuse,
}

/// Generates. `piece` is given text as it becomes certain and answers whether to go on.
///
/// # Errors
///
/// It was cancelled, or a query is longer than the model or the cache can hold.
pub fn generate(
    model: &Model,
    request: &Request<'_>,
    piece: &mut dyn FnMut(&str) -> bool,
    cancelled: &dyn Fn() -> bool,
) -> Result<Generated> {
    let tokenizer = &model.tokenizer;
    let limit = model.context().saturating_sub(request.prompt.len());
    if limit == 0 {
        return Err(EngineError::ContextExceeded { needed: request.prompt.len() + 1, limit: model.context() });
    }
    let mut sampler = Sampler::new(request.sampling);
    let mut sequence = request.prompt.to_vec();
    let (mut tokens, mut logprobs, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    let mut state = request.automaton.map(Automaton::start);
    let mut reuse = None;
    let (mut shown, mut searched) = (0, 0);
    let held = request.stop.iter().map(|s| s.len().saturating_sub(1)).max().unwrap_or(0);
    let room = request.max_tokens.min(limit);
    let mut closing = false;
    let finish = loop {
        if tokens.len() >= room {
            break Finish::Length;
        }
        // A complete value that nothing can follow needs no further pass.
        if let (Some(automaton), Some(state)) = (request.automaton, &state)
            && automaton.is_final(*state)
        {
            break Finish::Stop;
        }
        let forced = match (request.automaton, state) {
            (Some(automaton), Some(state)) if closing => tokens_of(tokenizer, &automaton.shortest(state)),
            (Some(automaton), Some(state)) => {
                let mut forced = tokens_of(tokenizer, &automaton.forced(state));
                forced.pop();
                forced
            }
            _ => Vec::new(),
        };
        let forced = &forced[..forced.len().min(room - tokens.len())];
        let first = sequence.len() - 1;
        sequence.extend_from_slice(forced);
        let logprob = |(i, t): (usize, &u32)| (first + i, Want::LogProbs(vec![*t]));
        let mut wants: Vec<_> = forced.iter().enumerate().map(logprob).collect();
        wants.push((sequence.len() - 1, Want::Logits));
        let query = Query { wants, keep: sequence.len(), tokens: std::mem::take(&mut sequence) };
        let (mut answers, used) = model.evaluate(std::slice::from_ref(&query), cancelled)?;
        sequence = query.tokens;
        reuse.get_or_insert(Reuse { computed: used[0].computed.saturating_sub(forced.len()), total: first + 1 });
        let mut answers = answers.swap_remove(0);
        let logits = answers.pop().unwrap_or_default();
        logprobs.extend(answers.into_iter().flatten());
        for token in forced {
            tokens.push(*token);
            bytes.extend_from_slice(tokenizer.bytes(*token));
            if let (Some(automaton), Some(at)) = (request.automaton, state) {
                state = automaton.advance(at, tokenizer.bytes(*token));
            }
        }
        let complete = |(automaton, at): (&Automaton, StateId)| automaton.accepts(at);
        if closing && request.automaton.zip(state).is_some_and(complete) {
            break Finish::Stop;
        }
        if tokens.len() >= room {
            break Finish::Length;
        }
        let mask = match (request.automaton, state) {
            (Some(automaton), Some(state)) => Some(automaton.mask(state, tokenizer)),
            _ => None,
        };
        let allowed = |id: usize| mask.as_ref().is_none_or(|m| m.allows(id as u32));
        let weights =
            logits.iter().enumerate().map(|(id, l)| if allowed(id) { f64::from(*l) } else { f64::NEG_INFINITY });
        let Some(drawn) = sampler.draw(weights) else {
            return Err(EngineError::Invalid {
                what: "no token of the vocabulary continues the constrained reply".into(),
            });
        };
        let token = drawn as u32;
        if token == tokenizer.eos || (request.automaton.is_none() && tokenizer.is_control(token)) {
            break Finish::Stop;
        }
        if !closing
            && let (Some(automaton), Some(at)) = (request.automaton, state)
            && let Some(next) = automaton.advance(at, tokenizer.bytes(token))
        {
            let left = room - tokens.len();
            // After this token the value could not be completed any more; before it, it can.
            closing = !closes(automaton, next, tokenizer, left - 1) && closes(automaton, at, tokenizer, left);
            if closing {
                continue;
            }
        }
        let sum = kernels::log_sum_exp(model.isa(), &logits);
        logprobs.push((f64::from(logits[drawn]) - sum) as f32);
        tokens.push(token);
        sequence.push(token);
        bytes.extend_from_slice(tokenizer.bytes(token));
        if let (Some(automaton), Some(at)) = (request.automaton, state) {
            state = automaton.advance(at, tokenizer.bytes(token));
        }
        if let Some(at) = first_stop(&bytes[searched..], request.stop) {
            bytes.truncate(searched + at);
            break Finish::Stop;
        }
        // A stop string may yet begin in what could be its beginning, not before.
        searched = bytes.len().saturating_sub(held).max(searched);
        // What may yet become a stop string or half a character is held back.
        let certain = valid_up_to(&bytes[shown..bytes.len().saturating_sub(held).max(shown)]);
        if certain > 0 {
            let text = String::from_utf8_lossy(&bytes[shown..shown + certain]).into_owned();
            shown += certain;
            if !piece(&text) {
                return Err(EngineError::Cancelled);
            }
        }
    };
    if shown < bytes.len() {
        piece(&String::from_utf8_lossy(&bytes[shown..]));
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let reuse = reuse.unwrap_or(Reuse { total: request.prompt.len(), computed: 0 });
    Ok(Generated { text, tokens, logprobs, finish, reuse })
}

/// Tokens of text that needs no draw; none where the bytes are no text on their own.
fn tokens_of(tokenizer: &Tokenizer, bytes: &[u8]) -> Vec<u32> {
    std::str::from_utf8(bytes).map_or_else(|_| Vec::new(), |text| tokenizer.encode_further(text))
}

/// Whether the shortest completion fits into so many tokens.
fn closes(automaton: &Automaton, state: StateId, tokenizer: &Tokenizer, room: usize) -> bool {
    // A token is a byte at least.
    automaton.left(state) <= room || {
        let tokens = tokens_of(tokenizer, &automaton.shortest(state));
        !tokens.is_empty() && tokens.len() <= room
    }
}

fn first_stop(bytes: &[u8], stop: &[String]) -> Option<usize> {
    let find = |s: &String| bytes.windows(s.len()).position(|w| w == s.as_bytes());
    stop.iter().filter(|s| !s.is_empty()).filter_map(find).min()
}

/// Bytes that are whole characters, with invalid ones counted as such.
fn valid_up_to(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(e) => e.error_len().map_or(e.valid_up_to(), |bad| e.valid_up_to() + bad),
    }
}
