//! The forward pass over a batch of tokens that live anywhere in the cache tree.
//!
//! Rows may belong to one sequence or to many branching ones: a row attends to the path of its node and
//! to its own page up to itself. A row's ancestors must be computed already or stand before it in the batch.

use super::cache::{Cache, NodeId, Place};
use super::kernels::attend::{Stretch, attend};
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
    /// What all of them see, from the first position on.
    common: Vec<Span>,
    /// What each of them sees after that.
    rests: Vec<Vec<Span>>,
}

/// What a pass runs on.
pub struct Engine<'a> {
    /// Instruction set.
    pub isa: Isa,
    /// Threads.
    pub pool: &'a Pool,
    /// Weights.
    pub weights: &'a Weights,
    /// `[position][head_dim/2]` of (cos, sin).
    pub rotations: &'a [(f32, f32)],
}

/// Cosine and sine of every position and pair of dimensions (Su et al. 2021), in f64 then rounded.
pub fn rotations(head_dim: usize, base: f64, context: usize) -> Vec<(f32, f32)> {
    let half = head_dim / 2;
    let angle = |position: usize, i: usize| {
        let frequency = base.powf(-2.0 * i as f64 / head_dim as f64);
        let (sin, cos) = (position as f64 * frequency).sin_cos();
        (cos as f32, sin as f32)
    };
    (0..context).flat_map(|p| (0..half).map(move |i| angle(p, i))).collect()
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
        let shape = &self.weights.shape;
        let (e, n) = (shape.embed, rows.len());
        let half = shape.head_dim / 2;
        let positions: Vec<usize> = rows.iter().map(|r| cache.position(r.place)).collect();
        let tiles = tiles(cache, rows);
        let pages = SharedPages::new(cache);
        let Buffers { x, wide, narrow, queries, input } = buffers;
        let (qkv_width, up_width) = (e + 2 * shape.kv_width(), 2 * shape.hidden);
        x.resize(x.len().max(n * e), 0.0);
        wide.resize(wide.len().max(n * qkv_width.max(up_width)), 0.0);
        narrow.resize(narrow.len().max(n * e), 0.0);
        queries.resize(queries.len().max(n * e), 0.0);
        for (row, x) in rows.iter().zip(x.chunks_mut(e)) {
            self.weights.embed.row(row.token as usize, x);
        }
        for (l, layer) in self.weights.layers.iter().enumerate() {
            let Layer { attn_norm, qkv, attn_out, ffn_norm, gate_up, down } = layer;
            self.normalise(x, attn_norm, input, n);
            self.product(qkv, input, wide);
            // Rotation, and the new keys and values into their pages.
            let scale = 1.0 / (shape.head_dim as f32).sqrt();
            let jobs: Vec<_> =
                wide.chunks_mut(ROW_TASK * qkv_width).zip(queries.chunks_mut(ROW_TASK * e)).map(Mutex::new).collect();
            self.pool.run(n.div_ceil(ROW_TASK), &|job| {
                let mut guard = jobs[job].lock().unwrap_or_else(PoisonError::into_inner);
                let (wide, queries) = &mut *guard;
                for i in job * ROW_TASK..n.min((job + 1) * ROW_TASK) {
                    let local = i - job * ROW_TASK;
                    let row = &mut wide[local * qkv_width..(local + 1) * qkv_width];
                    let turn = &self.rotations[positions[i] * half..(positions[i] + 1) * half];
                    let (q, kv) = row.split_at_mut(e);
                    let (k, v) = kv.split_at_mut(shape.kv_width());
                    for head in q.chunks_mut(shape.head_dim).chain(k.chunks_mut(shape.head_dim)) {
                        for (pair, (cos, sin)) in head.as_chunks_mut::<2>().0.iter_mut().zip(turn) {
                            let [a, b] = *pair;
                            *pair = [a * cos - b * sin, a * sin + b * cos];
                        }
                    }
                    for (to, q) in queries[local * e..(local + 1) * e].iter_mut().zip(q) {
                        *to = *q * scale;
                    }
                    // SAFETY: this region only writes, and each row has a place of its own.
                    unsafe { pages.write(l, rows[i].place, k, v) };
                }
            });
            drop(jobs);
            self.attention(l, &pages, &tiles, queries, narrow);
            input.reshape(n, e);
            each_row(self.pool, input, narrow, e, |_, row, out| kernels::quantise(self.isa, row, out));
            self.product(attn_out, input, narrow);
            kernels::add(self.isa, &mut x[..n * e], narrow);
            self.normalise(x, ffn_norm, input, n);
            self.product(gate_up, input, wide);
            input.reshape(n, shape.hidden);
            each_row(self.pool, input, wide, up_width, |_, row, out| {
                let (gate, up) = row.split_at_mut(shape.hidden);
                kernels::silu_product_and_quantise(self.isa, gate, up, out);
            });
            self.product(down, input, narrow);
            kernels::add(self.isa, &mut x[..n * e], narrow);
        }
    }

    /// Logits of the given rows of the last pass, `[row][vocab rounded up to 16]`.
    pub fn logits(&self, rows: &[usize], buffers: &mut Buffers, out: &mut Vec<f32>) -> usize {
        let e = self.weights.shape.embed;
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
                    let (x, eps) = (&x[i * e..(i + 1) * e], self.weights.shape.eps);
                    kernels::normalise_and_quantise(self.isa, x, weight, eps, &mut scratch[..e], &mut writer);
                }
            });
        });
    }

    fn product(&self, matrix: &Matrix, input: &Activations, out: &mut [f32]) {
        multiply(self.isa, self.pool, matrix, input, out, matrix.rows.next_multiple_of(LANES));
    }

    fn attention(&self, layer: usize, pages: &SharedPages<'_>, tiles: &[Tile], queries: &[f32], out: &mut [f32]) {
        let shape = &self.weights.shape;
        let (e, dim, group) = (shape.embed, shape.head_dim, shape.heads / shape.kv_heads);
        // One part of the output per row and key/value head, each written by one task.
        let parts: Vec<_> = out.chunks_mut(group * dim).map(Mutex::new).collect();
        self.pool.run(tiles.len() * shape.kv_heads, &|task| {
            let (tile, head) = (&tiles[task / shape.kv_heads], task % shape.kv_heads);
            // SAFETY: this region only reads pages.
            let bind = |span: &Span| unsafe { pages.stretch(layer, head, span.0, span.1) };
            let common: Vec<Stretch<'_>> = tile.common.iter().map(bind).collect();
            let rests: Vec<Vec<Stretch<'_>>> = tile.rests.iter().map(|rest| rest.iter().map(bind).collect()).collect();
            let rows = tile.first..tile.first + rests.len();
            let mut q = Vec::with_capacity(rows.len() * group * dim);
            for i in rows.clone() {
                q.extend_from_slice(&queries[i * e + head * group * dim..][..group * dim]);
            }
            SCRATCH.with_borrow_mut(|(result, scores)| {
                result.resize(result.len().max(q.len()), 0.0);
                let result = &mut result[..q.len()];
                attend(self.isa, &common, &rests, dim, group, &q, scores, result);
                for (i, result) in rows.zip(result.chunks(group * dim)) {
                    let part = &parts[i * shape.kv_heads + head];
                    part.lock().unwrap_or_else(PoisonError::into_inner).copy_from_slice(result);
                }
            });
        });
    }
}

/// Groups adjacent rows and finds what they share.
fn tiles(cache: &Cache, rows: &[Row]) -> Vec<Tile> {
    let mut paths: HashMap<NodeId, Vec<Span>> = HashMap::new();
    for row in rows {
        paths.entry(row.place.node).or_insert_with(|| cache.path(row.place.node));
    }
    let tile = |(i, rows): (usize, &[Row])| {
        let before: Vec<&[Span]> = rows.iter().map(|r| paths[&r.place.node].as_slice()).collect();
        let alike = |p: &&[Span]| p.iter().zip(before[0]).take_while(|(a, b)| a == b).count();
        let shared = before.iter().map(alike).min().unwrap_or(0);
        let rest = |(row, path): (&Row, &&[Span])| {
            let own = (row.place.node, row.place.slot + 1);
            path[shared..].iter().copied().chain([own]).collect()
        };
        let rests = rows.iter().zip(&before).map(rest).collect();
        Tile { first: i * TILE, common: before[0][..shared].to_vec(), rests }
    };
    rows.chunks(TILE).enumerate().map(tile).collect()
}
