//! From sequences to numbers: what is asked of the model is a set of token sequences and, after some of
//! their tokens, logits or log-probabilities. Common prefixes — with the past and with each other — are
//! computed once; the vocabulary projection runs only where something was asked.

use super::cache::{Cache, Place};
use super::error::{EngineError, Result};
use super::forward::{Buffers, Engine, MAX_ROWS, Row};
use super::kernels;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

/// Rows whose logits are held at once.
const LOGIT_ROWS: usize = 64;

/// What is wanted after a token.
#[derive(Debug, Clone)]
pub enum Want {
    /// All logits.
    Logits,
    /// Natural log-probabilities of these next tokens.
    LogProbs(Vec<u32>),
}

/// One sequence and what is wanted along it.
#[derive(Debug, Clone)]
pub struct Query {
    /// Token ids from the first position on.
    pub tokens: Vec<u32>,
    /// (index of the token after which, what).
    pub wants: Vec<(usize, Want)>,
    /// Tokens worth remembering; the rest is dropped afterwards.
    pub keep: usize,
}

/// Tokens computed and reused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reuse {
    /// Tokens of all queries.
    pub total: usize,
    /// Of them, those that were computed now.
    pub computed: usize,
}

/// The answers of a query, one per want: all logits, or one value per asked token.
pub type Answers = Vec<Vec<f32>>;

/// The mutable half of a loaded model.
pub struct State {
    /// Keys and values.
    pub cache: Cache,
    /// Scratch.
    pub buffers: Buffers,
    /// Scratch for logits.
    pub logits: Vec<f32>,
}

/// Answers the queries, in as few passes as the cache bound allows. Queries are worked off in the order
/// of their tokens (so that neighbours share), answered in the order given.
///
/// # Errors
///
/// It was cancelled, or a query is longer than the model or the cache can hold.
pub fn evaluate(
    engine: &Engine<'_>,
    state: &mut State,
    queries: &[Query],
    cancelled: &dyn Fn() -> bool,
) -> Result<(Vec<Answers>, Vec<Reuse>)> {
    let mut order: Vec<usize> = (0..queries.len()).collect();
    order.sort_by(|a, b| queries[*a].tokens.cmp(&queries[*b].tokens).then(a.cmp(b)));
    let mut answers: Vec<Answers> = queries.iter().map(|q| vec![Vec::new(); q.wants.len()]).collect();
    let mut reuse = vec![Reuse::default(); queries.len()];
    let _awake = engine.pool.session();
    let mut at = 0;
    while at < order.len() {
        let batch = plan(state, queries, &order[at..], &mut reuse)?;
        let done = compute(engine, state, queries, &batch, &mut answers, cancelled);
        let kept: HashSet<Place> = match done {
            Ok(()) => batch.kept,
            Err(_) => HashSet::new(),
        };
        let fresh = batch.rows[..batch.fresh].iter().map(|r| r.place);
        let drop: Vec<Place> = fresh.filter(|p| !kept.contains(p)).collect();
        state.cache.forget(&drop);
        done?;
        at += batch.queries;
    }
    Ok((answers, reuse))
}

struct Batch {
    /// Rows to compute; the first `fresh` are new in the cache, the others are computed again because
    /// their logits are wanted.
    rows: Vec<Row>,
    fresh: usize,
    /// Row index → (query, want) pairs.
    asked: HashMap<usize, Vec<(usize, usize)>>,
    kept: HashSet<Place>,
    queries: usize,
}

/// Takes as many queries as the cache can hold at once.
fn plan(state: &mut State, queries: &[Query], order: &[usize], reuse: &mut [Reuse]) -> Result<Batch> {
    state.cache.begin();
    let mut rows = Vec::new();
    let mut index: HashMap<Place, usize> = HashMap::new();
    let mut kept = HashSet::new();
    let mut wanted = Vec::new();
    let mut taken = 0;
    for q in order {
        let query = &queries[*q];
        let inserted = match state.cache.insert(&query.tokens) {
            Ok(inserted) => inserted,
            Err(EngineError::CacheTooSmall { .. }) if taken > 0 => break,
            Err(e) => {
                let drop: Vec<Place> = rows.iter().map(|r: &Row| r.place).collect();
                state.cache.forget(&drop);
                return Err(e);
            }
        };
        for (i, place) in inserted.places.iter().enumerate() {
            if i >= inserted.known {
                index.insert(*place, rows.len());
                rows.push(Row { token: query.tokens[i], place: *place });
            }
            // Only what is new in this batch can be dropped after it; the rest of a long sequence need not be looked at.
            if i < query.keep && (i >= inserted.known || index.contains_key(place)) {
                kept.insert(*place);
            }
        }
        reuse[*q] = Reuse { total: query.tokens.len(), computed: query.tokens.len() - inserted.known };
        for (w, (i, _)) in query.wants.iter().enumerate() {
            wanted.push((inserted.places[*i], query.tokens[*i], *q, w));
        }
        taken += 1;
    }
    let fresh = rows.len();
    let mut asked: HashMap<usize, Vec<(usize, usize)>> = HashMap::new();
    for (place, token, q, w) in wanted {
        let row = *index.entry(place).or_insert_with(|| {
            rows.push(Row { token, place });
            reuse[q].computed += 1;
            rows.len() - 1
        });
        asked.entry(row).or_default().push((q, w));
    }
    Ok(Batch { rows, fresh, asked, kept, queries: taken })
}

/// Query, want, and its answer.
type Found = (usize, usize, Vec<f32>);

fn compute(
    engine: &Engine<'_>,
    state: &mut State,
    queries: &[Query],
    batch: &Batch,
    answers: &mut [Answers],
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    for (c, rows) in batch.rows.chunks(MAX_ROWS).enumerate() {
        if cancelled() {
            return Err(EngineError::Cancelled);
        }
        engine.run(&mut state.cache, rows, &mut state.buffers);
        let first = c * MAX_ROWS;
        let asked: Vec<usize> = (0..rows.len()).filter(|i| batch.asked.contains_key(&(first + i))).collect();
        for asked in asked.chunks(LOGIT_ROWS) {
            let stride = engine.logits(asked, &mut state.buffers, &mut state.logits);
            let vocab = engine.weights.architecture.vocab;
            let found: Vec<Mutex<Vec<Found>>> = asked.iter().map(|_| Mutex::default()).collect();
            let logits = &state.logits;
            engine.pool.run(asked.len(), &|i| {
                let logits = &logits[i * stride..i * stride + vocab];
                let mut sum = None;
                let asked = &batch.asked[&(first + asked[i])];
                let values = asked.iter().map(|(q, w)| {
                    let values = match &queries[*q].wants[*w].1 {
                        Want::Logits => logits.to_vec(),
                        Want::LogProbs(tokens) => {
                            let sum = *sum.get_or_insert_with(|| kernels::log_sum_exp(engine.isa, logits));
                            let value = |t: &u32| (f64::from(logits[*t as usize]) - sum) as f32;
                            tokens.iter().map(value).collect()
                        }
                    };
                    (*q, *w, values)
                });
                let values = values.collect();
                *found[i].lock().unwrap_or_else(std::sync::PoisonError::into_inner) = values;
            });
            for found in found {
                let found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
                for (q, w, values) in found {
                    answers[q][w] = values;
                }
            }
        }
    }
    Ok(())
}
