//! Causal attention of several queries that share a context, over pages of sixteen positions.
//!
//! Order of every sum, which makes the result independent of batch, page layout and threads:
//! scores sum over the head's dimensions in index order; the softmax denominator sums in sixteen lanes by
//! position modulo sixteen, then folds; the weighted values sum in position order. What a row does not see has
//! the weight 0, which changes no sum: how much of it is left out before is a matter of time alone.
//! Scaling of the queries is the caller's.

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

/// Which positions a row sees.
#[derive(Clone, Copy)]
pub struct Sight {
    /// Position of the first stretch; what lies before it is seen by no row.
    pub start: usize,
    /// How many positions up to its own a row sees.
    pub window: usize,
}

per_isa! {
    /// Attends for `rests.len()` rows of `group` queries each, `dim` floats per query (a multiple of 16).
    /// Every row sees `common` and then its own rest, as far as its sight goes. `scores` is scratch.
    pub fn attend(
        common: &[Stretch<'_>],
        rests: &[Vec<Stretch<'_>>],
        sight: Sight,
        dim: usize,
        group: usize,
        queries: &[f32],
        scores: &mut Vec<f32>,
        out: &mut [f32],
    ) {
        let length = |stretches: &[Stretch<'_>]| stretches.iter().map(|s| s.len).sum::<usize>();
        // Scores lie by their position, less a multiple of sixteen: which lane a position falls into depends on
        // nothing else.
        let lead = sight.start % LANES;
        let shared = lead + length(common);
        let longest = rests.iter().map(|r| length(r)).max().unwrap_or(0);
        // Each stretch writes sixteen scores; the next overwrites what exceeds its length.
        let stride = (shared + longest + LANES).next_multiple_of(LANES);
        scores.resize(scores.len().max(rests.len() * group * stride), 0.0);
        score(common, dim, queries, rests.len() * group, &mut scores[lead..], stride);
        for (r, rest) in rests.iter().enumerate() {
            let queries = &queries[r * group * dim..];
            score(rest, dim, queries, group, &mut scores[r * group * stride + shared..], stride);
            let end = shared + length(rest);
            let unseen = (sight.start - lead + end).saturating_sub(sight.window);
            let first = unseen.saturating_sub(sight.start - lead).max(lead);
            for q in r * group..(r + 1) * group {
                softmax(&mut scores[q * stride..(q + 1) * stride], first, end);
            }
        }
        out.fill(0.0);
        weigh(common, dim, rests.len() * group, &scores[lead..], stride, out);
        for (r, rest) in rests.iter().enumerate() {
            let out = &mut out[r * group * dim..];
            weigh(rest, dim, group, &scores[r * group * stride + shared..], stride, out);
        }
    }
}

/// Scores of the first `n` queries against stretches that begin where `scores` does.
#[inline(always)]
fn score(stretches: &[Stretch<'_>], dim: usize, queries: &[f32], n: usize, scores: &mut [f32], stride: usize) {
    let mut start = 0;
    for s in stretches {
        let mut q = 0;
        while q < n {
            let queries = &queries[q * dim..];
            let scores = &mut scores[q * stride + start..];
            q += match n - q {
                12.. => dot::<12>(s.keys, dim, queries, scores, stride),
                6.. => dot::<6>(s.keys, dim, queries, scores, stride),
                3.. => dot::<3>(s.keys, dim, queries, scores, stride),
                _ => dot::<1>(s.keys, dim, queries, scores, stride),
            };
        }
        start += s.len;
    }
}

/// Adds the weighted values of stretches that begin where `weights` does to the first `n` outputs.
#[inline(always)]
fn weigh(stretches: &[Stretch<'_>], dim: usize, n: usize, weights: &[f32], stride: usize, out: &mut [f32]) {
    let mut start = 0;
    for s in stretches {
        let mut q = 0;
        while q < n {
            let weights = &weights[q * stride + start..];
            let out = &mut out[q * dim..];
            q += match n - q {
                6.. => mix::<6>(s.values, dim, weights, stride, s.len, out),
                3.. => mix::<3>(s.values, dim, weights, stride, s.len, out),
                _ => mix::<1>(s.values, dim, weights, stride, s.len, out),
            };
        }
        start += s.len;
    }
}

/// Scores of `Q` queries against sixteen positions.
#[inline(always)]
fn dot<const Q: usize>(keys: &[f32], dim: usize, queries: &[f32], scores: &mut [f32], stride: usize) -> usize {
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

/// Turns the scores from `first` to `end` into weights that sum to one, and all others into 0.
#[inline(always)]
fn softmax(scores: &mut [f32], first: usize, end: usize) {
    scores[..first].fill(f32::NEG_INFINITY);
    scores[end..].fill(f32::NEG_INFINITY);
    let chunks = &mut scores.as_chunks_mut::<LANES>().0[..end.div_ceil(LANES)];
    let max = |a: f32, b: f32| if b > a { b } else { a };
    let mut peak = Lanes::splat(f32::NEG_INFINITY);
    for c in &*chunks {
        peak = peak.zip(Lanes::load(c), max);
    }
    let peak = peak.reduce(max);
    let mut sum = Lanes::ZERO;
    for (i, c) in chunks.iter_mut().enumerate() {
        let mut e = Lanes::load(c).map(|s| lanes::exp(s - peak));
        for lane in
            (0..first.saturating_sub(i * LANES).min(LANES)).chain(end.saturating_sub(i * LANES).min(LANES)..LANES)
        {
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

/// Adds the first `len` positions of a page to `Q` weighted sums.
#[inline(always)]
fn mix<const Q: usize>(
    values: &[f32],
    dim: usize,
    weights: &[f32],
    stride: usize,
    len: usize,
    out: &mut [f32],
) -> usize {
    let weights: [&[f32]; Q] = std::array::from_fn(|q| &weights[q * stride..q * stride + len]);
    let mut at = 0;
    while at + 4 * LANES <= dim {
        mix_columns::<Q, 4>(values, dim, &weights, len, at, out);
        at += 4 * LANES;
    }
    while at < dim {
        mix_columns::<Q, 1>(values, dim, &weights, len, at, out);
        at += LANES;
    }
    Q
}

#[inline(always)]
fn mix_columns<const Q: usize, const C: usize>(
    values: &[f32],
    dim: usize,
    weights: &[&[f32]; Q],
    len: usize,
    at: usize,
    out: &mut [f32],
) {
    let column = |slice: &[f32]| -> [Lanes; C] {
        let chunks = slice.as_chunks::<LANES>().0;
        std::array::from_fn(|c| Lanes::load(&chunks[c]))
    };
    let mut acc: [[Lanes; C]; Q] = std::array::from_fn(|q| column(&out[q * dim + at..][..C * LANES]));
    for j in 0..len {
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
