//! The inner loops, chosen once per process by what the CPU has. All three ways of multiplying and of
//! attending give the same bits: integer sums are exact, float operations are the same in the same order.

pub mod attend;
mod avx2;
mod avx512;
mod portable;
pub(super) mod row;

use super::lanes::LANES;
use super::matrix::{Activations, BLOCK, GROUP_BLOCK, Panel, SUM};
use std::marker::PhantomData;
use std::ops::Range;

pub use row::{
    add, gelu_product_and_quantise, log_sum_exp, normalise_and_add, normalise_and_quantise, normalise_heads, quantise,
    rotate_adjacent, rotate_halves, silu_product_and_quantise,
};

/// Instruction set the kernels use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512 with VNNI.
    Avx512,
    /// AVX2 with FMA and F16C.
    Avx2,
    /// Whatever the compiler was told the target has.
    Portable,
}

impl Isa {
    /// The widest this CPU has.
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// Every one this CPU can run, widest first.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            let avx2 = has!("avx2") && has!("fma") && has!("f16c");
            let avx512 = has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512dq");
            if avx2 && avx512 && has!("avx512vnni") {
                found.push(Self::Avx512);
            }
            if avx2 {
                found.push(Self::Avx2);
            }
        }
        found.push(Self::Portable);
        found
    }
}

/// An output buffer that several threads write disjoint parts of.
pub struct Target<'a> {
    data: *mut f32,
    len: usize,
    stride: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: a Target only hands out addresses; `write` is used for (row, group) pairs that the caller
// gives to one task each, so no two threads write the same lanes.
unsafe impl Sync for Target<'_> {}

impl<'a> Target<'a> {
    /// Rows of `stride` floats in `out`.
    pub fn new(out: &'a mut [f32], stride: usize) -> Self {
        Self { data: out.as_mut_ptr(), len: out.len(), stride, borrow: PhantomData }
    }

    /// Address of the sixteen lanes of a group in a row, checked against the buffer.
    #[inline(always)]
    pub(super) fn lanes(&self, row: usize, group: usize) -> *mut [f32; LANES] {
        let at = row * self.stride + group * LANES;
        assert!(at + LANES <= self.len, "within the output");
        // SAFETY: `at + LANES <= len` was just checked.
        unsafe { self.data.add(at).cast() }
    }
}

/// Multiplies a panel of `groups` row groups by some rows of activations: sets the outputs from group `place` on
/// where the panel holds the first inputs, and adds to them where it holds later ones.
pub fn product(
    isa: Isa,
    weights: &Panel<'_>,
    activations: &Activations,
    groups: usize,
    rows: Range<usize>,
    place: usize,
    out: &Target<'_>,
) {
    let (blocks, cols) = (weights.blocks, activations.cols);
    let scales = groups * weights.form.scales(blocks * BLOCK);
    assert!(weights.quants.len() >= groups * blocks * GROUP_BLOCK, "weights");
    assert!(weights.scales.len() >= scales, "weight scales");
    assert!(weights.minima.len() >= if weights.form.minimum { scales } else { 0 }, "weight minima");
    assert!((weights.first + blocks) * BLOCK <= cols, "inputs");
    assert!(activations.quants.len() >= rows.end * cols, "activations");
    assert!(activations.scales.len() >= rows.end * cols / BLOCK, "activation scales");
    assert!(activations.sums.len() >= rows.end * cols / SUM, "activation sums");
    assert!(activations.shifts.len() >= rows.end * cols / SUM, "activation shifts");
    assert!(activations.block_shifts.len() >= rows.end * cols / BLOCK, "activation shifts");
    let work = Work { weights, activations, groups, rows, place, out };
    match isa {
        // SAFETY: `Isa` values come from `available`, which checked the features; lengths are asserted above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { avx512::product(&work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::product(&work) },
        _ => portable::product(&work),
    }
}

/// A block of a product.
struct Work<'a> {
    weights: &'a Panel<'a>,
    activations: &'a Activations,
    groups: usize,
    rows: Range<usize>,
    place: usize,
    out: &'a Target<'a>,
}

/// Calls `$tile::<HALVES, MINIMUM>` for the form of the weights: whether a block of 32 inputs has one scale or
/// two, and whether it has minima.
macro_rules! by_form {
    ($work:expr, $tile:ident) => {
        match ($work.weights.form.span, $work.weights.form.minimum) {
            (16, false) => $tile::<2, false>($work),
            (16, true) => $tile::<2, true>($work),
            (_, false) => $tile::<1, false>($work),
            (_, true) => $tile::<1, true>($work),
        }
    };
}
use by_form;
