//! Causal attention of several queries that share a context, over pages of sixteen positions.
//!
//! Order of every sum, which makes the result independent of batch, page layout and threads:
//! scores sum over the head's dimensions in index order; the softmax denominator sums in sixteen lanes by
//! position modulo sixteen, then folds; the weighted values sum in position order.
//! Scaling of the queries by 1/√d is the caller's.

use super::Isa;
use super::row::per_isa;
use crate::engine::lanes::{self, LANES, Lanes};

/// One stretch of a context: the first `len` positions of a page, for one layer and one key/value head.
#[derive(Clone, Copy)]
pub struct Stretch<'a> {
    /// Keys, `[dimension][position]`, sixteen positions wide.
    pub keys: &'a [f32],
    /// Values, `[position][dimension]`.
    pub values: &'a [f32],
    /// Positions in use, 1..=16.
    pub len: usize,
}

per_isa! {
    /// Attends. `queries` and `out` hold `lens.len()` vectors of `dim` floats; query `i` sees the first
    /// `lens[i]` positions. `scores` is scratch. `dim` must be a multiple of 16.
    pub fn attend(
        context: &[Stretch<'_>],
        dim: usize,
        queries: &[f32],
        lens: &[usize],
        scores: &mut Vec<f32>,
        out: &mut [f32],
    ) {
        let total: usize = context.iter().map(|s| s.len).sum();
        // Each stretch writes sixteen scores; the next overwrites what exceeds its length.
        let stride = (total + LANES).next_multiple_of(LANES);
        scores.resize(scores.len().max(lens.len() * stride), 0.0);
        let mut start = 0;
        for s in context {
            let mut q = 0;
            while q < lens.len() {
                let left = lens.len() - q;
                let queries = &queries[q * dim..];
                let scores = &mut scores[q * stride + start..];
                q += match left {
                    12.. => dot::<12>(s.keys, dim, queries, scores, stride),
                    6.. => dot::<6>(s.keys, dim, queries, scores, stride),
                    3.. => dot::<3>(s.keys, dim, queries, scores, stride),
                    _ => dot::<1>(s.keys, dim, queries, scores, stride),
                };
            }
            start += s.len;
        }
        out.fill(0.0);
        for (i, len) in lens.iter().enumerate() {
            softmax(&mut scores[i * stride..(i + 1) * stride], *len);
        }
        start = 0;
        for s in context {
            let mut q = 0;
            while q < lens.len() {
                let step = if lens.len() - q >= 6 { 6 } else if lens.len() - q >= 3 { 3 } else { 1 };
                let seen = |len: usize| len.saturating_sub(start).min(s.len);
                let lens = &lens[q..q + step];
                let common = lens.iter().map(|len| seen(*len)).min().unwrap_or(0);
                let weights = &scores[q * stride + start..];
                let out = &mut out[q * dim..(q + step) * dim];
                match step {
                    6 => mix::<6>(s.values, dim, weights, stride, 0, common, out),
                    3 => mix::<3>(s.values, dim, weights, stride, 0, common, out),
                    _ => mix::<1>(s.values, dim, weights, stride, 0, common, out),
                }
                for (i, len) in lens.iter().enumerate() {
                    let (weights, out) = (&weights[i * stride..], &mut out[i * dim..(i + 1) * dim]);
                    mix::<1>(s.values, dim, weights, stride, common, seen(*len), out);
                }
                q += step;
            }
            start += s.len;
        }
    }
}

/// Scores of `Q` queries against sixteen positions.
#[inline(always)]
fn dot<const Q: usize>(
    keys: &[f32],
    dim: usize,
    queries: &[f32],
    scores: &mut [f32],
    stride: usize,
) -> usize {
    let keys = &keys.as_chunks::<LANES>().0[..dim];
    let queries: [&[f32]; Q] = std::array::from_fn(|q| &queries[q * dim..(q + 1) * dim]);
    let mut acc = [Lanes::ZERO; Q];
    for (d, k) in keys.iter().enumerate() {
        let k = Lanes::load(k);
        for q in 0..Q {
            acc[q] = Lanes::splat(queries[q][d]).fma(k, acc[q]);
        }
    }
    for (q, acc) in acc.iter().enumerate() {
        scores[q * stride..q * stride + LANES].copy_from_slice(&acc.0);
    }
    Q
}

/// Turns the first `len` scores into weights that sum to one.
#[inline(always)]
fn softmax(scores: &mut [f32], len: usize) {
    scores[len..].fill(f32::NEG_INFINITY);
    let chunks = &mut scores.as_chunks_mut::<LANES>().0[..len.div_ceil(LANES)];
    let max = |a: f32, b: f32| if b > a { b } else { a };
    let mut peak = Lanes::splat(f32::NEG_INFINITY);
    for c in &*chunks {
        peak = peak.zip(Lanes::load(c), max);
    }
    let peak = peak.reduce(max);
    let mut sum = Lanes::ZERO;
    for (i, c) in chunks.iter_mut().enumerate() {
        let mut e = Lanes::load(c).map(|s| lanes::exp(s - peak));
        for lane in len.saturating_sub(i * LANES).min(LANES)..LANES {
            e.0[lane] = 0.0;
        }
        sum = sum.zip(e, |a, b| a + b);
        *c = e.0;
    }
    let scale = 1.0 / sum.reduce(|a, b| a + b);
    for c in chunks {
        *c = Lanes::load(c).map(|e| e * scale).0;
    }
}

/// Adds positions `from..to` of `Q` weighted sums of values.
#[inline(always)]
fn mix<const Q: usize>(
    values: &[f32],
    dim: usize,
    weights: &[f32],
    stride: usize,
    from: usize,
    to: usize,
    out: &mut [f32],
) {
    if from >= to {
        return;
    }
    let weights: [&[f32]; Q] = std::array::from_fn(|q| &weights[q * stride..q * stride + LANES]);
    let mut at = 0;
    while at + 4 * LANES <= dim {
        mix_columns::<Q, 4>(values, dim, &weights, from, to, at, out);
        at += 4 * LANES;
    }
    while at < dim {
        mix_columns::<Q, 1>(values, dim, &weights, from, to, at, out);
        at += LANES;
    }
}

#[inline(always)]
fn mix_columns<const Q: usize, const C: usize>(
    values: &[f32],
    dim: usize,
    weights: &[&[f32]; Q],
    from: usize,
    to: usize,
    at: usize,
    out: &mut [f32],
) {
    let column = |slice: &[f32]| -> [Lanes; C] {
        let chunks = slice.as_chunks::<LANES>().0;
        std::array::from_fn(|c| Lanes::load(&chunks[c]))
    };
    let mut acc: [[Lanes; C]; Q] = std::array::from_fn(|q| column(&out[q * dim + at..][..C * LANES]));
    for j in from..to {
        let v = column(&values[j * dim + at..][..C * LANES]);
        for q in 0..Q {
            let w = Lanes::splat(weights[q][j]);
            for c in 0..C {
                acc[q][c] = v[c].fma(w, acc[q][c]);
            }
        }
    }
    for (q, acc) in acc.iter().enumerate() {
        let chunks = out[q * dim + at..][..C * LANES].as_chunks_mut::<LANES>().0;
        for (o, a) in chunks.iter_mut().zip(acc) {
            *o = a.0;
        }
    }
}
