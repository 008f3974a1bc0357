//! The product with AVX2 (`vpmaddubsw`, whose sums of two must not saturate). Quants of up to six bits are
//! multiplied as they are (2 · 63 · 127 < 2¹⁵); those of eight as |x| · sign(w), which works because both
//! sides lie in −127..=127 (2 · 127² < 2¹⁵): the integer sums are exact either way.
#![cfg(target_arch = "x86_64")]

use super::{Work, by_form};
use crate::engine::lanes::LANES;
use crate::engine::matrix::{BLOCK, GROUP_BLOCK, SUM};
use std::arch::x86_64::*;

/// # Safety
/// The CPU must have the features; the work must lie within its weights and activations.
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn product(work: &Work<'_>) {
    // SAFETY: the caller's guarantee, passed on.
    unsafe {
        if work.weights.form.bits == 8 {
            return tiles::<1, false, true>(work);
        }
        by_form!(work, unsigned)
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn unsigned<const HALVES: usize, const MINIMUM: bool>(work: &Work<'_>) {
    // SAFETY: the caller's guarantee, passed on.
    unsafe { tiles::<HALVES, MINIMUM, false>(work) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn tiles<const HALVES: usize, const MINIMUM: bool, const SIGNED: bool>(work: &Work<'_>) {
    for group in 0..work.groups {
        let mut row = work.rows.start;
        // SAFETY: the caller's guarantee; `row + R <= rows.end` in both arms.
        unsafe {
            while row + 2 <= work.rows.end {
                tile::<2, HALVES, MINIMUM, SIGNED>(work, group, row);
                row += 2;
            }
            if row < work.rows.end {
                tile::<1, HALVES, MINIMUM, SIGNED>(work, group, row);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn tile<const R: usize, const HALVES: usize, const MINIMUM: bool, const SIGNED: bool>(
    work: &Work<'_>,
    group: usize,
    row: usize,
) {
    let (w, a) = (work.weights, work.activations);
    let blocks = w.blocks;
    // SAFETY: all addresses lie in `group` and rows `row..row + R`, which the caller guarantees to
    // exist; unaligned loads are used throughout.
    unsafe {
        let mut acc = [[_mm256_setzero_ps(); 2]; R];
        if w.first > 0 {
            for (r, acc) in acc.iter_mut().enumerate() {
                let lanes = work.out.lanes(row + r, work.place + group).cast::<f32>();
                *acc = [_mm256_loadu_ps(lanes), _mm256_loadu_ps(lanes.add(8))];
            }
        }
        let (ones, bias) = (_mm256_set1_epi16(1), _mm256_set1_epi8(-128));
        for b in 0..blocks {
            let quants = w.quants.as_ptr().add((group * blocks + b) * GROUP_BLOCK);
            for half in 0..HALVES {
                let x_sum = |r: usize| {
                    let sums = a.sums.as_ptr().add((row + r) * (a.cols / SUM) + (w.first + b) * (BLOCK / SUM));
                    if HALVES == 1 { *sums + *sums.add(1) } else { *sums.add(half) }
                };
                let mut sums = [[_mm256_setzero_si256(); 2]; R];
                if !MINIMUM && !SIGNED {
                    for (r, sums) in sums.iter_mut().enumerate() {
                        *sums = [_mm256_set1_epi32(-w.form.zero * x_sum(r)); 2];
                    }
                }
                for k in half * 8 / HALVES..(half + 1) * 8 / HALVES {
                    for side in 0..2 {
                        let q = _mm256_loadu_si256(quants.add(k * 64 + side * 32).cast());
                        for (r, sums) in sums.iter_mut().enumerate() {
                            let at = (row + r) * a.cols + (w.first + b) * BLOCK + k * 4;
                            let four = a.quants.as_ptr().add(at).cast::<i32>().read_unaligned();
                            let x = _mm256_set1_epi32(four);
                            let pairs = if SIGNED {
                                let q = _mm256_xor_si256(q, bias);
                                _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(q, x))
                            } else {
                                _mm256_maddubs_epi16(q, x)
                            };
                            sums[side] = _mm256_add_epi32(sums[side], _mm256_madd_epi16(pairs, ones));
                        }
                    }
                }
                for side in 0..2 {
                    let at = ((group * blocks + b) * HALVES + half) * LANES + side * 8;
                    let scale = _mm256_loadu_ps(w.scales.as_ptr().add(at));
                    for r in 0..R {
                        let x_scale = a.scales[(row + r) * (a.cols / BLOCK) + w.first + b];
                        let term = _mm256_mul_ps(scale, _mm256_set1_ps(x_scale));
                        acc[r][side] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r][side]), term, acc[r][side]);
                        if MINIMUM {
                            let minimum = _mm256_loadu_ps(w.minima.as_ptr().add(at));
                            let shifts = if HALVES == 1 { &a.block_shifts } else { &a.shifts };
                            let shift = shifts[((row + r) * (a.cols / BLOCK) + w.first + b) * HALVES + half];
                            acc[r][side] = _mm256_fmadd_ps(minimum, _mm256_set1_ps(shift), acc[r][side]);
                        }
                    }
                }
            }
        }
        for (r, acc) in acc.iter().enumerate() {
            let lanes = work.out.lanes(row + r, work.place + group).cast::<f32>();
            _mm256_storeu_ps(lanes, acc[0]);
            _mm256_storeu_ps(lanes.add(8), acc[1]);
        }
    }
}
