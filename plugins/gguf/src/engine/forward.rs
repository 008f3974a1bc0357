//! The forward pass over a batch of tokens that live anywhere in the cache tree.
//!
//! Rows may belong to one sequence or to many branching ones: a row attends to the path of its node and
//! to its own page up to itself. A row's ancestors must be computed already or stand before it in the batch.

use super::architecture::{Activation, Pairs, Rope};
use super::cache::{Cache, NodeId, Place};
use super::kernels::attend::{Sight, Stretch, attend};
use super::kernels::{self, Isa};
use super::lanes::LANES;
use super::matrix::{Activations, Matrix, RowWriter, multiply};
use super::pages::SharedPages;
use super::threads::Pool;
use super::weights::{Layer, Weights};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Rows per pass; more are done in several passes.
pub const MAX_ROWS: usize = 384;
/// Rows that one attention task takes.
const TILE: usize = 4;
/// Rows that one task normalises or rotates.
const ROW_TASK: usize = 16;

/// One token to compute.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its id.
    pub token: u32,
    /// Where its keys and values go.
    pub place: Place,
}

/// Buffers of a pass, kept between passes.
#[derive(Default)]
pub struct Buffers {
    x: Vec<f32>,
    wide: Vec<f32>,
    narrow: Vec<f32>,
    queries: Vec<f32>,
    input: Activations,
}

/// A stretch of a context before it is bound to a layer and head: node and positions used.
type Span = (NodeId, usize);

/// Adjacent rows that attention takes together.
struct Tile {
    first: usize,
    /// Position of the first of what all of them see.
    start: usize,
    /// What all of them see.
    common: Vec<Span>,
    /// What each of them sees after that.
    rests: Vec<Vec<Span>>,
}

/// What a pass needs to know of a kind of layer: those that see everything, or those that slide.
struct Kind {
    /// Positions a token sees, itself included.
    window: usize,
    tiles: Vec<Tile>,
    /// `[row][head_dim/2]` of (cos, sin).
    turns: Vec<(f32, f32)>,
}

/// What a pass runs on.
pub struct Engine<'a> {
    /// Instruction set.
    pub isa: Isa,
    /// Threads.
    pub pool: &'a Pool,
    /// Weights.
    pub weights: &'a Weights,
}

/// The angle between two positions for every pair of dimensions of a head (Su et al. 2021).
fn frequencies(pairs: usize, rope: Rope, factors: Option<&[f32]>) -> Vec<f64> {
    let frequency = |i: usize| {
        let divisor = rope.stretch * factors.map_or(1.0, |factors| f64::from(factors[i]));
        rope.base.powf(-(i as f64) / pairs as f64) / divisor
    };
    (0..pairs).map(frequency).collect()
}

/// Runs `f(row, writer)` for every row, several rows to a task.
fn each_row(
    pool: &Pool,
    activations: &mut Activations,
    data: &mut [f32],
    stride: usize,
    f: impl Fn(usize, &mut [f32], &mut RowWriter<'_>) + Sync,
) {
    let mut jobs: Vec<Mutex<Vec<_>>> = Vec::new();
    let rows = activations.writers().zip(data.chunks_mut(stride)).enumerate();
    for (i, (writer, row)) in rows {
        if i % ROW_TASK == 0 {
            jobs.push(Mutex::new(Vec::with_capacity(ROW_TASK)));
        }
        if let Some(job) = jobs.last_mut() {
            job.get_mut().unwrap_or_else(PoisonError::into_inner).push((i, row, writer));
        }
    }
    pool.run(jobs.len(), &|j| {
        let mut job = jobs[j].lock().unwrap_or_else(PoisonError::into_inner);
        for (i, row, writer) in job.iter_mut() {
            f(*i, row, writer);
        }
    });
}

thread_local! {
    /// Scratch of the thread: norms and attention scores.
    static SCRATCH: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

impl Engine<'_> {
    /// Computes keys and values of every row into the cache. `buffers.x` then holds the rows' last
    /// hidden states, from which [`Engine::logits`] reads. At most [`MAX_ROWS`] rows.
    pub fn run(&self, cache: &mut Cache, rows: &[Row], buffers: &mut Buffers) {
        let net = &self.weights.architecture;
        let (e, n) = (net.embed, rows.len());
        let (q_width, kv_width, half) = (net.query_width(), net.kv_width(), net.head_dim / 2);
        let everything = self.kind(cache, rows, usize::MAX, net.rope);
        let sliding = net.sliding.map(|sliding| self.kind(cache, rows, sliding.window, sliding.rope));
        let pages = SharedPages::new(cache);
        let Buffers { x, wide, narrow, queries, input } = buffers;
        let (qkv_width, up_width) = (q_width + 2 * kv_width, 2 * net.hidden);
        x.resize(x.len().max(n * e), 0.0);
        wide.resize(wide.len().max(n * qkv_width.max(up_width)), 0.0);
        narrow.resize(narrow.len().max(n * e.max(q_width)), 0.0);
        queries.resize(queries.len().max(n * q_width), 0.0);
        for (row, x) in rows.iter().zip(x.chunks_mut(e)) {
            self.weights.embed.row(self.isa, row.token as usize, x);
            if net.embedding_scale != 1.0 {
                x.iter_mut().for_each(|x| *x *= net.embedding_scale);
            }
        }
        for (l, layer) in self.weights.layers.iter().enumerate() {
            let Layer { attn_norm, qkv, attn_out, attn_post_norm, ffn_norm, gate_up, down, ffn_post_norm, .. } = layer;
            let kind = sliding.as_ref().filter(|_| net.sliding_at(l).is_some()).unwrap_or(&everything);
            self.normalise(x, attn_norm, input, n);
            self.product(qkv, input, wide);
            // Biases, norms and rotation, and the new keys and values into their pages.
            let jobs: Vec<_> = wide
                .chunks_mut(ROW_TASK * qkv_width)
                .zip(queries.chunks_mut(ROW_TASK * q_width))
                .map(Mutex::new)
                .collect();
            self.pool.run(n.div_ceil(ROW_TASK), &|job| {
                let mut guard = jobs[job].lock().unwrap_or_else(PoisonError::into_inner);
                let (wide, queries) = &mut *guard;
                let chunk = wide.chunks_mut(qkv_width).zip(queries.chunks_mut(q_width));
                let turns = kind.turns.chunks(half).skip(job * ROW_TASK);
                for (row, (turn, (wide, queries))) in rows.iter().skip(job * ROW_TASK).zip(turns.zip(chunk)) {
                    self.prepare(layer, wide, turn);
                    let (q, kv) = wide.split_at(q_width);
                    let (k, v) = kv.split_at(kv_width);
                    for (to, q) in queries.iter_mut().zip(q) {
                        *to = *q * net.attention_scale;
                    }
                    // SAFETY: this region only writes, and each row has a place of its own.
                    unsafe { pages.write(l, row.place, k, v) };
                }
            });
            drop(jobs);
            self.attention(l, &pages, kind, queries, narrow);
            input.reshape(n, q_width);
            each_row(self.pool, input, narrow, q_width, |_, row, out| kernels::quantise(self.isa, row, out));
            self.product(attn_out, input, narrow);
            self.add(&mut x[..n * e], narrow, attn_post_norm.as_deref());
            self.normalise(x, ffn_norm, input, n);
            self.product(gate_up, input, wide);
            input.reshape(n, net.hidden);
            each_row(self.pool, input, wide, up_width, |_, row, out| {
                let (gate, up) = row.split_at_mut(net.hidden);
                match net.activation {
                    Activation::Silu => kernels::silu_product_and_quantise(self.isa, gate, up, out),
                    Activation::Gelu => kernels::gelu_product_and_quantise(self.isa, gate, up, out),
                }
            });
            self.product(down, input, narrow);
            self.add(&mut x[..n * e], narrow, ffn_post_norm.as_deref());
        }
    }

    /// What the layers of a kind see of the cache, and how they turn the rows.
    fn kind(&self, cache: &Cache, rows: &[Row], window: usize, rope: Rope) -> Kind {
        // No family has both factors and a window: the factors are of the layers that see everything.
        let frequencies =
            frequencies(self.weights.architecture.head_dim / 2, rope, self.weights.rope_factors.as_deref());
        let turn = |row: &Row| {
            let position = cache.position(row.place) as f64;
            frequencies.iter().map(move |frequency| {
                let (sin, cos) = (position * frequency).sin_cos();
                (cos as f32, sin as f32)
            })
        };
        let turns = rows.iter().flat_map(turn).collect();
        Kind { window, tiles: tiles(cache, rows, window), turns }
    }

    /// Biases, norms and rotation of a row's queries and keys, and the bias of its values.
    fn prepare(&self, layer: &Layer, row: &mut [f32], turn: &[(f32, f32)]) {
        let net = &self.weights.architecture;
        if let Some(bias) = &layer.qkv_bias {
            kernels::add(self.isa, row, bias);
        }
        let (q, kv) = row.split_at_mut(net.query_width());
        let k = &mut kv[..net.kv_width()];
        if let Some((queries, keys)) = &layer.qk_norm {
            kernels::normalise_heads(self.isa, q, queries, net.eps);
            kernels::normalise_heads(self.isa, k, keys, net.eps);
        }
        for heads in [q, k] {
            match net.pairs {
                Pairs::Adjacent => kernels::rotate_adjacent(self.isa, heads, turn),
                Pairs::Halves => kernels::rotate_halves(self.isa, heads, turn),
            }
        }
    }

    /// Adds what a part of a layer gave to the rows, normalised where there is a norm for it.
    fn add(&self, x: &mut [f32], part: &[f32], norm: Option<&[f32]>) {
        let Some(weight) = norm else { return kernels::add(self.isa, x, part) };
        let e = weight.len();
        let mut scratch = vec![0.0; e];
        for (x, part) in x.chunks_mut(e).zip(part.chunks(e)) {
            kernels::normalise_and_add(self.isa, x, part, weight, self.weights.architecture.eps, &mut scratch);
        }
    }

    /// Logits of the given rows of the last pass, `[row][vocab rounded up to 16]`.
    pub fn logits(&self, rows: &[usize], buffers: &mut Buffers, out: &mut Vec<f32>) -> usize {
        let e = self.weights.architecture.embed;
        let picked: Vec<f32> = rows.iter().flat_map(|r| &buffers.x[r * e..(r + 1) * e]).copied().collect();
        self.normalise(&picked, &self.weights.output_norm, &mut buffers.input, rows.len());
        let matrix = self.weights.vocabulary();
        let stride = matrix.rows.next_multiple_of(LANES);
        out.resize(out.len().max(rows.len() * stride), 0.0);
        multiply(self.isa, self.pool, matrix, &buffers.input, out, stride);
        stride
    }

    fn normalise(&self, x: &[f32], weight: &[f32], out: &mut Activations, n: usize) {
        let e = weight.len();
        out.reshape(n, e);
        let jobs: Vec<_> = out.writers().map(Mutex::new).collect();
        self.pool.run(n.div_ceil(ROW_TASK), &|job| {
            SCRATCH.with_borrow_mut(|(scratch, _)| {
                scratch.resize(scratch.len().max(e), 0.0);
                for i in job * ROW_TASK..n.min((job + 1) * ROW_TASK) {
                    let mut writer = jobs[i].lock().unwrap_or_else(PoisonError::into_inner);
                    let (x, eps) = (&x[i * e..(i + 1) * e], self.weights.architecture.eps);
                    kernels::normalise_and_quantise(self.isa, x, weight, eps, &mut scratch[..e], &mut writer);
                }
            });
        });
    }

    fn product(&self, matrix: &Matrix, input: &Activations, out: &mut [f32]) {
        multiply(self.isa, self.pool, matrix, input, out, matrix.rows.next_multiple_of(LANES));
    }

    fn attention(&self, layer: usize, pages: &SharedPages<'_>, kind: &Kind, queries: &[f32], out: &mut [f32]) {
        let net = &self.weights.architecture;
        let (width, dim, group) = (net.query_width(), net.head_dim, net.heads / net.kv_heads);
        // One part of the output per row and key/value head, each written by one task.
        let parts: Vec<_> = out.chunks_mut(group * dim).map(Mutex::new).collect();
        self.pool.run(kind.tiles.len() * net.kv_heads, &|task| {
            let (tile, head) = (&kind.tiles[task / net.kv_heads], task % net.kv_heads);
            // SAFETY: this region only reads pages.
            let bind = |span: &Span| unsafe { pages.stretch(layer, head, span.0, span.1) };
            let common: Vec<Stretch<'_>> = tile.common.iter().map(bind).collect();
            let rests: Vec<Vec<Stretch<'_>>> = tile.rests.iter().map(|rest| rest.iter().map(bind).collect()).collect();
            let rows = tile.first..tile.first + rests.len();
            let mut q = Vec::with_capacity(rows.len() * group * dim);
            for i in rows.clone() {
                q.extend_from_slice(&queries[i * width + head * group * dim..][..group * dim]);
            }
            let sight = Sight { start: tile.start, window: kind.window };
            SCRATCH.with_borrow_mut(|(result, scores)| {
                result.resize(result.len().max(q.len()), 0.0);
                let result = &mut result[..q.len()];
                attend(self.isa, &common, &rests, sight, dim, group, &q, scores, result);
                for (i, result) in rows.zip(result.chunks(group * dim)) {
                    let part = &parts[i * net.kv_heads + head];
                    part.lock().unwrap_or_else(PoisonError::into_inner).copy_from_slice(result);
                }
            });
        });
    }
}

/// Groups adjacent rows and finds what they share. Of what all of them see, whatever lies before the window of
/// every row is left out, page by page.
fn tiles(cache: &Cache, rows: &[Row], window: usize) -> Vec<Tile> {
    let mut paths: HashMap<NodeId, Vec<Span>> = HashMap::new();
    for row in rows {
        paths.entry(row.place.node).or_insert_with(|| cache.path(row.place.node));
    }
    let tile = |(i, rows): (usize, &[Row])| {
        let before: Vec<&[Span]> = rows.iter().map(|r| paths[&r.place.node].as_slice()).collect();
        let alike = |p: &&[Span]| p.iter().zip(before[0]).take_while(|(a, b)| a == b).count();
        let shared = before.iter().map(alike).min().unwrap_or(0);
        let seen_from = |row: &Row| (cache.position(row.place) + 1).saturating_sub(window);
        let first_seen = rows.iter().map(seen_from).min().unwrap_or(0);
        let (mut start, mut skipped) = (0, 0);
        while skipped < shared && start + before[0][skipped].1 <= first_seen {
            start += before[0][skipped].1;
            skipped += 1;
        }
        let rest = |(row, path): (&Row, &&[Span])| {
            let own = (row.place.node, row.place.slot + 1);
            path[shared..].iter().copied().chain([own]).collect()
        };
        let rests = rows.iter().zip(&before).map(rest).collect();
        Tile { first: i * TILE, start, common: before[0][skipped..shared].to_vec(), rests }
    };
    rows.chunks(TILE).enumerate().map(tile).collect()
}
