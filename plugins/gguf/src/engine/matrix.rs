//! Weight matrices and activations in the 8-bit block form the kernels multiply.
//!
//! Both sides are Q8_0 in the sense of ggml: blocks of 32 values, `value ≈ scale · q` with q in
//! −127..=127. Weights are stored offset by 128 and interleaved, sixteen output rows side by side and
//! four inputs deep, which is the operand order of the AVX-512 `vpdpbusd` instruction; their density is
//! that of Q8_0 (34 bytes for 32 weights). Integer sums are exact, and each block's sum enters the
//! f32 accumulator in block order by one multiplication and one addition: a row of the product
//! depends on nothing but its own activations, whatever the batch, the threads or the instruction set.

use super::kernels::{self, Isa};
use super::lanes::{self, LANES};
use super::threads::Pool;
use half::f16;

/// Values per quantisation block.
pub const BLOCK: usize = 32;
/// Bytes of one block of one row group: 32 inputs × 16 rows.
pub const GROUP_BLOCK: usize = BLOCK * LANES;
/// Activation rows a task multiplies before it moves on to the next weights.
const ROW_CHUNK: usize = 96;
/// Row groups (of sixteen outputs) a task takes.
const GROUP_CHUNK: usize = 4;

/// Quantises 32 values; returns the scale.
#[inline(always)]
pub fn quantise_block(x: &[f32; BLOCK], out: &mut [i8; BLOCK]) -> f32 {
    let mut peak = lanes::Lanes::ZERO;
    for chunk in x.as_chunks::<LANES>().0 {
        peak = peak.zip(lanes::Lanes::load(chunk), |p, v| if v.abs() > p { v.abs() } else { p });
    }
    let peak = peak.reduce(|a, b| if b > a { b } else { a });
    let scale = peak / 127.0;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    for (o, v) in out.iter_mut().zip(x) {
        *o = lanes::round_i32(v * inverse) as i8;
    }
    scale
}

/// A weight matrix: `rows` outputs × `cols` inputs.
pub struct Matrix {
    /// Output features.
    pub rows: usize,
    /// Input features, a multiple of [`BLOCK`].
    pub cols: usize,
    /// `[group][block][input/4][row][input%4]`, each quant + 128.
    pub(super) quants: Vec<u8>,
    /// `[group][block][row]`.
    pub(super) scales: Vec<f16>,
}

impl Matrix {
    /// Quantises row-major f32 weights. `cols` must be a multiple of [`BLOCK`]; rows are padded to 16.
    pub fn quantise(weights: &[f32], rows: usize, cols: usize, pool: &Pool) -> Self {
        let (groups, blocks) = (rows.div_ceil(LANES), cols / BLOCK);
        let mut quants = vec![128u8; groups * blocks * GROUP_BLOCK];
        let mut scales = vec![f16::ZERO; groups * blocks * LANES];
        let per_group = quants.chunks_mut(blocks * GROUP_BLOCK).zip(scales.chunks_mut(blocks * LANES));
        let jobs: Vec<_> = per_group.enumerate().map(std::sync::Mutex::new).collect();
        pool.run(jobs.len(), &|j| {
            let mut job = jobs[j].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let (group, (quants, scales)) = &mut *job;
            for lane in 0..LANES.min(rows - *group * LANES) {
                let row = &weights[(*group * LANES + lane) * cols..][..cols];
                for (b, x) in row.as_chunks::<BLOCK>().0.iter().enumerate() {
                    // As ggml: the scale is stored as f16, the quants are rounded by the f32 scale.
                    let mut q = [0i8; BLOCK];
                    scales[b * LANES + lane] = f16::from_f32(quantise_block(x, &mut q));
                    for (i, q) in q.iter().enumerate() {
                        quants[b * GROUP_BLOCK + (i / 4) * 64 + lane * 4 + i % 4] = (*q as u8) ^ 0x80;
                    }
                }
            }
        });
        Self { rows, cols, quants, scales }
    }

    /// One row back in f32: the embedding of a token.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        let (group, lane, blocks) = (row / LANES, row % LANES, self.cols / BLOCK);
        for (b, x) in out.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
            let at = group * blocks + b;
            let scale = self.scales[at * LANES + lane].to_f32();
            for (i, x) in x.iter_mut().enumerate() {
                let q = self.quants[at * GROUP_BLOCK + (i / 4) * 64 + lane * 4 + i % 4];
                *x = f32::from((q ^ 0x80) as i8) * scale;
            }
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.quants.len() + self.scales.len() * 2
    }
}

/// Rows of quantised activations, buffers reused between calls.
#[derive(Default)]
pub struct Activations {
    /// Rows in use.
    pub rows: usize,
    /// Values per row.
    pub cols: usize,
    /// `[row][col]`.
    pub(super) quants: Vec<i8>,
    /// `[row][block]`.
    pub(super) scales: Vec<f32>,
    /// −128 · Σ quants of the block: undoes the offset of the weights. `[row][block]`.
    pub(super) offsets: Vec<i32>,
}

impl Activations {
    /// Sets the shape; contents are then unspecified until every row is written.
    pub fn reshape(&mut self, rows: usize, cols: usize) {
        (self.rows, self.cols) = (rows, cols);
        let grow = |len: usize, need: usize| len.max(need);
        self.quants.resize(grow(self.quants.len(), rows * cols), 0);
        self.scales.resize(grow(self.scales.len(), rows * cols / BLOCK), 0.0);
        self.offsets.resize(grow(self.offsets.len(), rows * cols / BLOCK), 0);
    }

    /// Writers of the rows, one after the other, for parallel filling.
    pub fn writers(&mut self) -> impl Iterator<Item = RowWriter<'_>> {
        let blocks = self.cols / BLOCK;
        let quants = self.quants.chunks_mut(self.cols);
        let scales = self.scales.chunks_mut(blocks);
        let offsets = self.offsets.chunks_mut(blocks);
        quants.zip(scales.zip(offsets)).take(self.rows).map(|(quants, (scales, offsets))| RowWriter {
            quants,
            scales,
            offsets,
        })
    }
}

/// One row of [`Activations`] to be written.
pub struct RowWriter<'a> {
    quants: &'a mut [i8],
    scales: &'a mut [f32],
    offsets: &'a mut [i32],
}

impl RowWriter<'_> {
    /// Quantises `x` into the row.
    #[inline(always)]
    pub fn write(&mut self, x: &[f32]) {
        let quants = self.quants.as_chunks_mut::<BLOCK>().0;
        let outputs = quants.iter_mut().zip(self.scales.iter_mut().zip(self.offsets.iter_mut()));
        for (x, (q, (scale, offset))) in x.as_chunks::<BLOCK>().0.iter().zip(outputs) {
            *scale = quantise_block(x, q);
            *offset = -128 * q.iter().map(|q| i32::from(*q)).sum::<i32>();
        }
    }
}

/// `out[row] = weights · activations[row]` for every row; `out` rows are `stride` apart, and
/// `stride` ≥ the weights' rows rounded up to 16.
pub fn multiply(isa: Isa, pool: &Pool, weights: &Matrix, activations: &Activations, out: &mut [f32], stride: usize) {
    let groups = weights.rows.div_ceil(LANES);
    let rows = activations.rows;
    assert!(weights.cols == activations.cols, "shapes of a product");
    assert!(stride >= groups * LANES && out.len() >= rows * stride, "room for a product");
    let group_tasks = groups.div_ceil(GROUP_CHUNK);
    let row_tasks = rows.div_ceil(ROW_CHUNK);
    let target = kernels::Target::new(out, stride);
    pool.run(group_tasks * row_tasks, &|task| {
        let (row_task, group_task) = (task / group_tasks, task % group_tasks);
        let first_group = group_task * GROUP_CHUNK;
        let first_row = row_task * ROW_CHUNK;
        kernels::product(
            isa,
            weights,
            activations,
            first_group..groups.min(first_group + GROUP_CHUNK),
            first_row..rows.min(first_row + ROW_CHUNK),
            &target,
        );
    });
}
