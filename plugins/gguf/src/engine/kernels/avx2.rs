//! The product with AVX2: |x| · sign(w) pairs in `vpmaddubsw`, which cannot saturate because both
//! sides lie in −127..=127 (2 · 127² < 2¹⁵), so the integer sums are exact as well.
#![cfg(target_arch = "x86_64")]

use super::Target;
use crate::engine::lanes::LANES;
use crate::engine::matrix::{Activations, BLOCK, GROUP_BLOCK, Matrix};
use std::arch::x86_64::*;
use std::ops::Range;

/// # Safety
/// The CPU must have the features; the ranges must lie within `w` and `a`.
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn product(w: &Matrix, a: &Activations, groups: Range<usize>, rows: Range<usize>, out: &Target<'_>) {
    for group in groups {
        let mut row = rows.start;
        // SAFETY: the caller's guarantee; `row + R <= rows.end` in both arms.
        unsafe {
            while row + 2 <= rows.end {
                tile::<2>(w, a, group, row, out);
                row += 2;
            }
            if row < rows.end {
                tile::<1>(w, a, group, row, out);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn tile<const R: usize>(w: &Matrix, a: &Activations, group: usize, row: usize, out: &Target<'_>) {
    let blocks = w.cols / BLOCK;
    // SAFETY: all addresses lie in `group` and rows `row..row + R`, which the caller guarantees to
    // exist; unaligned loads are used throughout.
    unsafe {
        let mut acc = [[_mm256_setzero_ps(); 2]; R];
        let (ones, bias) = (_mm256_set1_epi16(1), _mm256_set1_epi8(-128));
        for b in 0..blocks {
            let quants = w.quants.as_ptr().add((group * blocks + b) * GROUP_BLOCK);
            let mut sums = [[_mm256_setzero_si256(); 2]; R];
            for k in 0..8 {
                for half in 0..2 {
                    let q = _mm256_loadu_si256(quants.add(k * 64 + half * 32).cast());
                    let q = _mm256_xor_si256(q, bias);
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let at = (row + r) * w.cols + b * BLOCK + k * 4;
                        let four = a.quants.as_ptr().add(at).cast::<i32>().read_unaligned();
                        let x = _mm256_set1_epi32(four);
                        let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(q, x));
                        sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(pairs, ones));
                    }
                }
            }
            for half in 0..2 {
                let at = (group * blocks + b) * LANES + half * 8;
                let scale = _mm256_cvtph_ps(_mm_loadu_si128(w.scales.as_ptr().add(at).cast()));
                for r in 0..R {
                    let x_scale = _mm256_set1_ps(a.scales[(row + r) * blocks + b]);
                    let scale = _mm256_mul_ps(scale, x_scale);
                    let term = _mm256_mul_ps(_mm256_cvtepi32_ps(sums[r][half]), scale);
                    acc[r][half] = _mm256_add_ps(acc[r][half], term);
                }
            }
        }
        for (r, acc) in acc.iter().enumerate() {
            let lanes = out.lanes(row + r, group).cast::<f32>();
            _mm256_storeu_ps(lanes, acc[0]);
            _mm256_storeu_ps(lanes.add(8), acc[1]);
        }
    }
}
