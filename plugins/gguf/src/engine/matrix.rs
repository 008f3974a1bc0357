//! Weight matrices and activations in the block forms the kernels multiply.
//!
//! Weights keep the bits of the file (see `interleave`); activations are Q8_0 in the sense of ggml: blocks of
//! 32 values, `value ≈ scale · q` with q in −127..=127. A product takes the weights apart piece by piece, each
//! piece small enough for the first or second cache, and multiplies the piece by every row there is. Integer
//! sums are exact, and the sum of each span of weights enters the f32 accumulator in the order of the inputs,
//! by one fused multiplication (two where there is a minimum): a row of the product depends on
//! nothing but its own activations, whatever the batch, the threads or the instruction set.

use super::blocks::Format;
use super::error::Result;
use super::gguf::Gguf;
use super::interleave::{Apart, Form, STEP, interleave, take_apart};
use super::kernels::{self, Isa};
use super::lanes::{self, LANES};
use super::threads::Pool;
use half::f16;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Values per quantisation block of activations.
pub const BLOCK: usize = 32;
/// Bytes of one block of one row group once it is apart: 32 inputs × 16 rows.
pub const GROUP_BLOCK: usize = BLOCK * LANES;
/// Activations whose sum is kept: the smallest span of weights that share a scale.
pub const SUM: usize = 16;
/// Activation rows a task multiplies before it moves on to the next weights.
const ROW_CHUNK: usize = 96;
/// Row groups (of sixteen outputs) a task takes.
const GROUP_CHUNK: usize = 4;
/// Row groups that are read from the file together.
const GROUPS_READ: usize = 64;

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

/// Outputs of a matrix that are stored in one format.
struct Part {
    format: Format,
    groups: usize,
    /// `[group][block][interleaved block]`.
    data: Vec<u8>,
}

/// A weight matrix: `rows` outputs × `cols` inputs, stacked of one or several tensors of a file.
pub struct Matrix {
    /// Output features.
    pub rows: usize,
    /// Input features, a multiple of [`BLOCK`].
    pub cols: usize,
    parts: Vec<Part>,
}

impl Matrix {
    /// Reads the tensors, one below the other; each is given by its name and rows. `cols` must be a multiple of
    /// [`BLOCK`], and so must the rows of all tensors but the last be of sixteen.
    ///
    /// # Errors
    ///
    /// A tensor is missing, has another shape, or cannot be read.
    pub fn read(file: &Gguf, tensors: &[(String, usize)], cols: usize, pool: &Pool) -> Result<Self> {
        let parts = tensors.iter().map(|(name, rows)| Part::read(file, name, *rows, cols, pool));
        Ok(Self { rows: tensors.iter().map(|t| t.1).sum(), cols, parts: parts.collect::<Result<_>>()? })
    }

    /// One row back in f32: the embedding of a token.
    pub fn row(&self, isa: Isa, row: usize, out: &mut [f32]) {
        let (mut group, lane) = (row / LANES, row % LANES);
        let Some(part) = self.parts.iter().find(|part| {
            let here = group < part.groups;
            group -= if here { 0 } else { part.groups };
            here
        }) else {
            return;
        };
        let form = Form::of(part.format);
        with_apart(|quants, scales, minima| {
            for (i, out) in out.chunks_mut(STEP).enumerate() {
                let inputs = out.len();
                let blocks = part.blocks(group, self.cols, i * STEP..i * STEP + inputs);
                let apart = apart_for(inputs, form, quants, scales, minima);
                take_apart(isa, part.format, blocks, apart);
                for (i, out) in out.iter_mut().enumerate() {
                    let quant = quants[i / BLOCK * GROUP_BLOCK + i % BLOCK / 4 * 64 + lane * 4 + i % 4];
                    let at = i / form.span * LANES + lane;
                    *out = scales[at] * (i32::from(quant) - form.zero) as f32;
                    *out += if form.minimum { minima[at] } else { 0.0 };
                }
            }
        });
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.data.len()).sum()
    }
}

impl Part {
    fn read(file: &Gguf, name: &str, rows: usize, cols: usize, pool: &Pool) -> Result<Self> {
        let stored = file.format(name, &[rows, cols])?;
        let format = match stored {
            Format::F32 | Format::F16 | Format::BF16 => Format::Q8_0,
            quantised => quantised,
        };
        let (form, groups) = (Form::of(format), rows.div_ceil(LANES));
        let (in_file, in_memory) = (cols / format.weights() * format.bytes(), cols / form.weights() * form.bytes());
        let mut data = vec![0; groups * in_memory];
        for (first, out) in (0..groups).step_by(GROUPS_READ).zip(data.chunks_mut(GROUPS_READ * in_memory)) {
            let some = first * LANES..rows.min((first + GROUPS_READ) * LANES);
            let mut bytes = file.rows(name, &[rows, cols], some)?;
            if stored != format {
                bytes = stored.decode(&bytes).as_chunks().0.iter().flat_map(to_q8_0).collect();
            }
            let jobs: Vec<_> = bytes.chunks(LANES * in_file).zip(out.chunks_mut(in_memory)).map(Mutex::new).collect();
            pool.run(jobs.len(), &|j| {
                let mut job = jobs[j].lock().unwrap_or_else(PoisonError::into_inner);
                let (rows, out) = &mut *job;
                interleave(format, rows, in_file, out);
            });
        }
        Ok(Self { format, groups, data })
    }

    /// The interleaved blocks of some inputs of a group.
    fn blocks(&self, group: usize, cols: usize, inputs: Range<usize>) -> &[u8] {
        let form = Form::of(self.format);
        let (first, per_group) = (group * (cols / form.weights()), inputs.len() / form.weights());
        let from = first + inputs.start / form.weights();
        &self.data[from * form.bytes()..(from + per_group) * form.bytes()]
    }
}

/// A block as ggml writes it: the scale is stored as f16, the quants are rounded by the f32 scale.
fn to_q8_0(values: &[f32; BLOCK]) -> [u8; 34] {
    let (mut block, mut quants) = ([0; 34], [0; BLOCK]);
    let scale = f16::from_f32(quantise_block(values, &mut quants));
    block[..2].copy_from_slice(&scale.to_le_bytes());
    for (to, q) in block[2..].iter_mut().zip(quants) {
        *to = q as u8;
    }
    block
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
    /// Sums of sixteen quants, which undo the zero of the weights. `[row][col/16]`.
    pub(super) sums: Vec<i32>,
    /// The same sums scaled, which carry the minima of the weights. `[row][col/16]`.
    pub(super) shifts: Vec<f32>,
    /// Scaled sums of whole blocks. `[row][block]`.
    pub(super) block_shifts: Vec<f32>,
}

impl Activations {
    /// Sets the shape; contents are then unspecified until every row is written.
    pub fn reshape(&mut self, rows: usize, cols: usize) {
        (self.rows, self.cols) = (rows, cols);
        let grow = |len: usize, need: usize| len.max(need);
        self.quants.resize(grow(self.quants.len(), rows * cols), 0);
        self.scales.resize(grow(self.scales.len(), rows * cols / BLOCK), 0.0);
        self.sums.resize(grow(self.sums.len(), rows * cols / SUM), 0);
        self.shifts.resize(grow(self.shifts.len(), rows * cols / SUM), 0.0);
        self.block_shifts.resize(grow(self.block_shifts.len(), rows * cols / BLOCK), 0.0);
    }

    /// Writers of the rows, one after the other, for parallel filling.
    pub fn writers(&mut self) -> impl Iterator<Item = RowWriter<'_>> {
        let blocks = self.cols / BLOCK;
        let quants = self.quants.chunks_mut(self.cols);
        let scales = self.scales.chunks_mut(blocks);
        let sums = self.sums.chunks_mut(self.cols / SUM);
        let shifts = self.shifts.chunks_mut(self.cols / SUM).zip(self.block_shifts.chunks_mut(blocks));
        let rows = quants.zip(scales.zip(sums.zip(shifts))).take(self.rows);
        rows.map(|(quants, (scales, (sums, (shifts, block_shifts))))| RowWriter {
            quants,
            scales,
            sums,
            shifts,
            block_shifts,
        })
    }
}

/// One row of [`Activations`] to be written.
pub struct RowWriter<'a> {
    quants: &'a mut [i8],
    scales: &'a mut [f32],
    sums: &'a mut [i32],
    shifts: &'a mut [f32],
    block_shifts: &'a mut [f32],
}

impl RowWriter<'_> {
    /// Quantises `x` into the row.
    #[inline(always)]
    pub fn write(&mut self, x: &[f32]) {
        let quants = self.quants.as_chunks_mut::<BLOCK>().0.iter_mut();
        let sums = self.sums.as_chunks_mut::<{ BLOCK / SUM }>().0.iter_mut();
        let shifts = self.shifts.as_chunks_mut::<{ BLOCK / SUM }>().0.iter_mut().zip(self.block_shifts.iter_mut());
        let outputs = quants.zip(self.scales.iter_mut()).zip(sums.zip(shifts));
        for (x, ((q, scale), (sums, (shifts, block_shift)))) in x.as_chunks::<BLOCK>().0.iter().zip(outputs) {
            *scale = quantise_block(x, q);
            for (sum, q) in sums.iter_mut().zip(q.as_chunks::<SUM>().0) {
                *sum = q.iter().map(|q| i32::from(*q)).sum();
            }
            *shifts = sums.map(|sum| sum as f32 * *scale);
            *block_shift = sums.iter().sum::<i32>() as f32 * *scale;
        }
    }
}

/// Some groups of weights over some inputs, apart, as the kernels take them.
pub struct Panel<'a> {
    /// `[group][block][input/4][row][input%4]`.
    pub(super) quants: &'a [u8],
    /// `[group][input/span][row]`.
    pub(super) scales: &'a [f32],
    /// As the scales; empty where there are none.
    pub(super) minima: &'a [f32],
    /// Blocks of 32 inputs.
    pub(super) blocks: usize,
    /// The first of them among those of the activations.
    pub(super) first: usize,
    /// What the quants are.
    pub(super) form: Form,
}

/// Scratch of a thread: quants, scales and minima of weights that are apart.
type Scratch = (Vec<u8>, Vec<f32>, Vec<f32>);

thread_local! {
    static SCRATCH: RefCell<Scratch> = const { RefCell::new((Vec::new(), Vec::new(), Vec::new())) };
}

/// Weights that a product takes apart at a time, sixteen to an input. Many rows: as many as the second cache
/// holds, each then read for six rows at once. One or two rows: as many as the first holds.
const INPUTS_FOR_MANY: usize = 2048;
const INPUTS_FOR_FEW: usize = STEP;
/// Rows from which on it is many.
pub const MANY: usize = 3;

fn with_apart<R>(f: impl FnOnce(&mut Vec<u8>, &mut Vec<f32>, &mut Vec<f32>) -> R) -> R {
    SCRATCH.with_borrow_mut(|(quants, scales, minima)| f(quants, scales, minima))
}

/// Room for so many inputs, grown where it is too little.
fn apart_for<'a>(
    inputs: usize,
    form: Form,
    quants: &'a mut Vec<u8>,
    scales: &'a mut Vec<f32>,
    minima: &'a mut Vec<f32>,
) -> Apart<'a> {
    let (weights, numbers) = (inputs * LANES, form.scales(inputs));
    quants.resize(quants.len().max(weights), 0);
    scales.resize(scales.len().max(numbers), 0.0);
    minima.resize(minima.len().max(numbers), 0.0);
    Apart { quants: &mut quants[..weights], scales: &mut scales[..numbers], minima: &mut minima[..numbers] }
}

/// `out[row] = weights · activations[row]` for every row; `out` rows are `stride` apart, and
/// `stride` ≥ the weights' rows rounded up to 16.
pub fn multiply(isa: Isa, pool: &Pool, weights: &Matrix, activations: &Activations, out: &mut [f32], stride: usize) {
    let rows = activations.rows;
    assert!(weights.cols == activations.cols, "shapes of a product");
    assert!(stride >= weights.rows.next_multiple_of(LANES) && out.len() >= rows * stride, "room for a product");
    // Tasks in the order of the outputs: (part, its first group, its place among all groups).
    let mut tasks = Vec::new();
    let mut place = 0;
    for part in &weights.parts {
        tasks.extend((0..part.groups).step_by(GROUP_CHUNK).map(|group| (part, group, place)));
        place += part.groups;
    }
    let target = kernels::Target::new(out, stride);
    pool.run(tasks.len() * rows.div_ceil(ROW_CHUNK), &|task| {
        let (part, group, place) = tasks[task % tasks.len()];
        let first = task / tasks.len() * ROW_CHUNK;
        let groups = group..part.groups.min(group + GROUP_CHUNK);
        part.multiply(isa, groups, activations, first..rows.min(first + ROW_CHUNK), place, &target);
    });
}

impl Part {
    /// The product of some groups and some rows; the part's first group is the `place`-th of the output.
    fn multiply(
        &self,
        isa: Isa,
        groups: Range<usize>,
        activations: &Activations,
        rows: Range<usize>,
        place: usize,
        out: &kernels::Target<'_>,
    ) {
        let (form, cols) = (Form::of(self.format), activations.cols);
        let (together, inputs) = if rows.len() < MANY { (GROUP_CHUNK, INPUTS_FOR_FEW) } else { (2, INPUTS_FOR_MANY) };
        with_apart(|quants, scales, minima| {
            for first in groups.clone().step_by(together) {
                let together = together.min(groups.end - first);
                for input in (0..cols).step_by(inputs) {
                    let some = input..cols.min(input + inputs);
                    let all = apart_for(together * some.len(), form, quants, scales, minima);
                    let mut quants = all.quants.chunks_mut(some.len() * LANES);
                    let numbers = form.scales(some.len());
                    let mut scales = all.scales.chunks_mut(numbers);
                    let mut minima = all.minima.chunks_mut(numbers);
                    for group in first..first + together {
                        let (Some(quants), Some(scales), Some(minima)) = (quants.next(), scales.next(), minima.next())
                        else {
                            break;
                        };
                        let blocks = self.blocks(group, cols, some.clone());
                        take_apart(isa, self.format, blocks, Apart { quants, scales, minima });
                    }
                    let panel = Panel {
                        quants: all.quants,
                        scales: all.scales,
                        minima: if form.minimum { all.minima } else { &[] },
                        blocks: some.len() / BLOCK,
                        first: input / BLOCK,
                        form,
                    };
                    kernels::product(isa, &panel, activations, together, rows.clone(), place + first, out);
                }
            }
        });
    }
}
