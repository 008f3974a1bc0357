//! The inner loops, chosen once per process by what the CPU has. All three ways of multiplying and of
//! attending give the same bits: integer sums are exact, float operations are the same in the same order.

pub mod attend;
mod avx2;
mod avx512;
mod portable;
mod row;

use super::lanes::LANES;
use super::matrix::{Activations, Matrix};
use std::marker::PhantomData;
use std::ops::Range;

pub use row::{add, log_sum_exp, normalise_and_quantise, quantise, silu_product_and_quantise};

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

/// The block of the product given by row groups × activation rows.
pub fn product(
    isa: Isa,
    weights: &Matrix,
    activations: &Activations,
    groups: Range<usize>,
    rows: Range<usize>,
    out: &Target<'_>,
) {
    let blocks = weights.cols / super::matrix::BLOCK;
    assert!(weights.quants.len() >= groups.end * blocks * super::matrix::GROUP_BLOCK, "weights");
    assert!(weights.scales.len() >= groups.end * blocks * LANES, "weight scales");
    assert!(activations.quants.len() >= rows.end * weights.cols, "activations");
    assert!(activations.scales.len() >= rows.end * blocks, "activation scales");
    assert!(activations.offsets.len() >= rows.end * blocks, "activation offsets");
    match isa {
        // SAFETY: `Isa` values come from `available`, which checked the features; lengths are asserted above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => unsafe { avx512::product(weights, activations, groups, rows, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => unsafe { avx2::product(weights, activations, groups, rows, out) },
        _ => portable::product(weights, activations, groups, rows, out),
    }
}
