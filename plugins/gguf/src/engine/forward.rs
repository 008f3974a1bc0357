//! The forward pass over a batch of tokens that live anywhere in the cache tree.
//!
//! Rows may belong to one sequence or to many branching ones: a row attends to the path of its node and
//! to its own page up to itself. A row's ancestors must be computed already or stand before it in the batch.

use super::cache::{Cache, Layout, NodeId, Place};
use super::kernels::attend::{Stretch, attend};
use super::kernels::{self, Isa};
use super::lanes::LANES;
use super::matrix::{Activations, Matrix, RowWriter, multiply};
use super::threads::Pool;
use super::weights::{Layer, Weights};
use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

/// Rows per pass; more are done in several passes.
pub const MAX_ROWS: usize = 384;
/// Rows of one node that one attention task takes.
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
type Path = Vec<(NodeId, usize)>;

struct Tile {
    rows: std::ops::Range<usize>,
    path: usize,
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

/// Pages written by several threads, each its own slots.
struct SharedPages<'a> {
    addresses: Vec<*mut f32>,
    layout: Layout,
    _borrow: std::marker::PhantomData<&'a mut Cache>,
}

// SAFETY: writers and readers are separated by the regions of the pool: one region writes, each row its
// own slot; the next only reads.
unsafe impl Sync for SharedPages<'_> {}

impl SharedPages<'_> {
    /// Writes the keys and values of one row.
    ///
    /// # Safety
    /// No other thread may read the page, or write the same slot, meanwhile.
    unsafe fn write(&self, layer: usize, place: Place, keys: &[f32], values: &[f32]) {
        let (layout, slot) = (self.layout, place.slot);
        let page = self.addresses[place.node as usize];
        for head in 0..layout.heads {
            let part = head * layout.dim..(head + 1) * layout.dim;
            let (k, v) = (layout.keys(layer, head), layout.values(layer, head));
            // SAFETY: the layout's offsets lie within a page, slot < 16; exclusivity is the caller's.
            unsafe {
                for (d, key) in keys[part.clone()].iter().enumerate() {
                    *page.add(k + d * LANES + slot) = *key;
                }
                let to = page.add(v + slot * layout.dim);
                std::ptr::copy_nonoverlapping(values[part].as_ptr(), to, layout.dim);
            }
        }
    }

    /// # Safety
    /// No thread may write pages while the stretch is alive.
    unsafe fn stretch(&self, layer: usize, head: usize, node: NodeId, len: usize) -> Stretch<'_> {
        let layout = self.layout;
        let page = self.addresses[node as usize];
        let floats = layout.dim * LANES;
        // SAFETY: the layout's offsets lie within a page; the caller guarantees no writer.
        unsafe {
            Stretch {
                keys: std::slice::from_raw_parts(page.add(layout.keys(layer, head)), floats),
                values: std::slice::from_raw_parts(page.add(layout.values(layer, head)), floats),
                len,
            }
        }
    }
}

impl Engine<'_> {
    /// Computes keys and values of every row into the cache. `buffers.x` then holds the rows' last
    /// hidden states, from which [`Engine::logits`] reads. At most [`MAX_ROWS`] rows.
    pub fn run(&self, cache: &mut Cache, rows: &[Row], buffers: &mut Buffers) {
        let shape = &self.weights.shape;
        let (e, n) = (shape.embed, rows.len());
        let half = shape.head_dim / 2;
        let positions: Vec<usize> = rows.iter().map(|r| cache.position(r.place)).collect();
        let (tiles, paths) = tiles(cache, rows);
        let pages = SharedPages {
            layout: cache.layout(),
            addresses: cache.addresses(),
            _borrow: std::marker::PhantomData,
        };
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
            let jobs: Vec<_> = wide
                .chunks_mut(ROW_TASK * qkv_width)
                .zip(queries.chunks_mut(ROW_TASK * e))
                .map(Mutex::new)
                .collect();
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
            self.attention(l, &pages, rows, &tiles, &paths, queries, narrow);
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

    #[expect(clippy::too_many_arguments, reason = "one caller, everything by reference")]
    fn attention(
        &self,
        layer: usize,
        pages: &SharedPages<'_>,
        rows: &[Row],
        tiles: &[Tile],
        paths: &[Path],
        queries: &[f32],
        out: &mut [f32],
    ) {
        let shape = &self.weights.shape;
        let (e, dim, group) = (shape.embed, shape.head_dim, shape.heads / shape.kv_heads);
        // One part of the output per row and key/value head, each written by one task.
        let parts: Vec<_> = out.chunks_mut(group * dim).take(rows.len() * shape.kv_heads).map(Mutex::new).collect();
        self.pool.run(tiles.len() * shape.kv_heads, &|task| {
            let (tile, head) = (&tiles[task / shape.kv_heads], task % shape.kv_heads);
            let path = &paths[tile.path];
            let before: usize = path[..path.len() - 1].iter().map(|p| p.1).sum();
            let last = tile.rows.clone().map(|i| rows[i].place.slot + 1).max().unwrap_or(1);
            let mut context: Vec<Stretch<'_>> = Vec::with_capacity(path.len());
            for (i, (node, len)) in path.iter().enumerate() {
                let len = if i + 1 == path.len() { last } else { *len };
                // SAFETY: this region only reads pages.
                context.push(unsafe { pages.stretch(layer, head, *node, len) });
            }
            let (mut q, mut lens) = ([0f32; 0].to_vec(), Vec::with_capacity(TILE * group));
            for i in tile.rows.clone() {
                q.extend_from_slice(&queries[i * e + head * group * dim..][..group * dim]);
                lens.extend(std::iter::repeat_n(before + rows[i].place.slot + 1, group));
            }
            SCRATCH.with_borrow_mut(|(result, scores)| {
                result.resize(result.len().max(q.len()), 0.0);
                let result = &mut result[..q.len()];
                attend(self.isa, &context, dim, &q, &lens, scores, result);
                for (i, result) in tile.rows.clone().zip(result.chunks(group * dim)) {
                    let mut part =
                        parts[i * shape.kv_heads + head].lock().unwrap_or_else(PoisonError::into_inner);
                    part.copy_from_slice(result);
                }
            });
        });
    }
}

/// Groups adjacent rows of the same node.
fn tiles(cache: &Cache, rows: &[Row]) -> (Vec<Tile>, Vec<Path>) {
    let (mut tiles, mut paths) = (Vec::<Tile>::new(), Vec::new());
    let mut seen = std::collections::HashMap::new();
    for (i, row) in rows.iter().enumerate() {
        let node = row.place.node;
        let path = *seen.entry(node).or_insert_with(|| {
            paths.push(cache.path(node));
            paths.len() - 1
        });
        match tiles.last_mut() {
            Some(t) if t.path == path && t.rows.len() < TILE => t.rows.end = i + 1,
            _ => tiles.push(Tile { rows: i..i + 1, path }),
        }
    }
    (tiles, paths)
}
