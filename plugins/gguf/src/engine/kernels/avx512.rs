//! The product with AVX-512 VNNI: tiles of two row groups × six activation rows, each weight vector
//! loaded once per tile and multiplied by broadcast activations (`vpdpbusd`, exact in i32).
#![cfg(target_arch = "x86_64")]

use super::Target;
use crate::engine::lanes::LANES;
use crate::engine::matrix::{Activations, BLOCK, GROUP_BLOCK, Matrix};
use std::arch::x86_64::*;
use std::ops::Range;

/// # Safety
/// The CPU must have the features; the ranges must lie within `w` and `a`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub unsafe fn product(w: &Matrix, a: &Activations, groups: Range<usize>, rows: Range<usize>, out: &Target<'_>) {
    // SAFETY: the caller's guarantee, passed on tile by tile.
    unsafe {
        if rows.len() < 3 {
            let mut group = groups.start;
            while group + 4 <= groups.end {
                for row in rows.clone() {
                    tile::<1, 4>(w, a, group, row, out);
                }
                group += 4;
            }
            for group in group..groups.end {
                for row in rows.clone() {
                    tile::<1, 1>(w, a, group, row, out);
                }
            }
            return;
        }
        let mut group = groups.start;
        while group + 2 <= groups.end {
            columns::<2>(w, a, group, rows.clone(), out);
            group += 2;
        }
        if group < groups.end {
            columns::<1>(w, a, group, rows, out);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
unsafe fn columns<const G: usize>(w: &Matrix, a: &Activations, group: usize, rows: Range<usize>, out: &Target<'_>) {
    let mut row = rows.start;
    // SAFETY: the caller's guarantee; `row + R <= rows.end` in each arm.
    unsafe {
        while row + 6 <= rows.end {
            tile::<6, G>(w, a, group, row, out);
            row += 6;
        }
        match rows.end - row {
            5 => tile::<5, G>(w, a, group, row, out),
            4 => tile::<4, G>(w, a, group, row, out),
            3 => tile::<3, G>(w, a, group, row, out),
            2 => tile::<2, G>(w, a, group, row, out),
            1 => tile::<1, G>(w, a, group, row, out),
            _ => {}
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
unsafe fn tile<const R: usize, const G: usize>(
    w: &Matrix,
    a: &Activations,
    group: usize,
    row: usize,
    out: &Target<'_>,
) {
    let blocks = w.cols / BLOCK;
    // SAFETY: all addresses lie in groups `group..group + G` and rows `row..row + R`, which the caller
    // guarantees to exist; unaligned loads are used throughout.
    unsafe {
        let mut acc = [[_mm512_setzero_ps(); G]; R];
        let quants = w.quants.as_ptr().add(group * blocks * GROUP_BLOCK);
        let scales = w.scales.as_ptr().add(group * blocks * LANES);
        let x = a.quants.as_ptr().add(row * w.cols);
        let x_scales = a.scales.as_ptr().add(row * blocks);
        let x_offsets = a.offsets.as_ptr().add(row * blocks);
        for b in 0..blocks {
            let mut sums = [[_mm512_setzero_si512(); G]; R];
            for (r, sums) in sums.iter_mut().enumerate() {
                let offset = _mm512_set1_epi32(*x_offsets.add(r * blocks + b));
                *sums = [offset; G];
            }
            for k in 0..8 {
                let mut weights = [_mm512_setzero_si512(); G];
                for (g, weights) in weights.iter_mut().enumerate() {
                    let at = (g * blocks + b) * GROUP_BLOCK + k * 64;
                    *weights = _mm512_loadu_si512(quants.add(at).cast());
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let four = x.add(r * w.cols + b * BLOCK + k * 4).cast::<i32>();
                    let four = _mm512_set1_epi32(four.read_unaligned());
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = _mm512_dpbusd_epi32(*sum, weights, four);
                    }
                }
            }
            for g in 0..G {
                let halves = _mm256_loadu_si256(scales.add((g * blocks + b) * LANES).cast());
                let scale = _mm512_cvtph_ps(halves);
                for r in 0..R {
                    let scale = _mm512_mul_ps(scale, _mm512_set1_ps(*x_scales.add(r * blocks + b)));
                    let term = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[r][g]), scale);
                    acc[r][g] = _mm512_add_ps(acc[r][g], term);
                }
            }
        }
        for (r, acc) in acc.iter().enumerate() {
            for (g, acc) in acc.iter().enumerate() {
                _mm512_storeu_ps(out.lanes(row + r, group + g).cast(), *acc);
            }
        }
    }
}
