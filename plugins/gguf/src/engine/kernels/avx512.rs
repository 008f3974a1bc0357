//! The product with AVX-512 VNNI: tiles of two row groups × six activation rows, each weight vector
//! loaded once per tile and multiplied by broadcast activations (`vpdpbusd`, exact in i32).
#![cfg(target_arch = "x86_64")]

use super::{Work, by_form};
use crate::engine::lanes::LANES;
use crate::engine::matrix::{BLOCK, GROUP_BLOCK, MANY, SUM};
use std::arch::x86_64::*;

/// # Safety
/// The CPU must have the features; the work must lie within its weights and activations.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
pub unsafe fn product(work: &Work<'_>) {
    // SAFETY: the caller's guarantee, passed on.
    unsafe { by_form!(work, tiles) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
unsafe fn tiles<const HALVES: usize, const MINIMUM: bool>(work: &Work<'_>) {
    // SAFETY: the caller's guarantee; every tile lies within the work's groups and rows.
    unsafe {
        let mut group = 0;
        if work.rows.len() < MANY {
            while group + 4 <= work.groups {
                for row in work.rows.clone() {
                    tile::<1, 4, HALVES, MINIMUM>(work, group, row);
                }
                group += 4;
            }
        }
        while group + 2 <= work.groups {
            columns::<2, HALVES, MINIMUM>(work, group);
            group += 2;
        }
        if group < work.groups {
            columns::<1, HALVES, MINIMUM>(work, group);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
unsafe fn columns<const G: usize, const HALVES: usize, const MINIMUM: bool>(work: &Work<'_>, group: usize) {
    let mut row = work.rows.start;
    // SAFETY: the caller's guarantee; `row + R <= rows.end` in each arm.
    unsafe {
        while row + 6 <= work.rows.end {
            tile::<6, G, HALVES, MINIMUM>(work, group, row);
            row += 6;
        }
        match work.rows.end - row {
            5 => tile::<5, G, HALVES, MINIMUM>(work, group, row),
            4 => tile::<4, G, HALVES, MINIMUM>(work, group, row),
            3 => tile::<3, G, HALVES, MINIMUM>(work, group, row),
            2 => tile::<2, G, HALVES, MINIMUM>(work, group, row),
            1 => tile::<1, G, HALVES, MINIMUM>(work, group, row),
            _ => {}
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
unsafe fn tile<const R: usize, const G: usize, const HALVES: usize, const MINIMUM: bool>(
    work: &Work<'_>,
    group: usize,
    row: usize,
) {
    let (w, a) = (work.weights, work.activations);
    let blocks = w.blocks;
    // SAFETY: all addresses lie in groups `group..group + G` and rows `row..row + R`, which the caller
    // guarantees to exist; unaligned loads are used throughout.
    unsafe {
        let mut acc = [[_mm512_setzero_ps(); G]; R];
        if w.first > 0 {
            for (r, acc) in acc.iter_mut().enumerate() {
                for (g, acc) in acc.iter_mut().enumerate() {
                    *acc = _mm512_loadu_ps(work.out.lanes(row + r, work.place + group + g).cast());
                }
            }
        }
        let quants = w.quants.as_ptr().add(group * blocks * GROUP_BLOCK);
        let scales = w.scales.as_ptr().add(group * blocks * HALVES * LANES);
        let minima = if MINIMUM { w.minima.as_ptr().add(group * blocks * HALVES * LANES) } else { w.minima.as_ptr() };
        let x = a.quants.as_ptr().add(row * a.cols + w.first * BLOCK);
        let x_scales = a.scales.as_ptr().add(row * (a.cols / BLOCK) + w.first);
        let x_sums = a.sums.as_ptr().add(row * (a.cols / SUM) + w.first * (BLOCK / SUM));
        let x_shifts = if HALVES == 1 { a.block_shifts.as_ptr() } else { a.shifts.as_ptr() };
        let x_shifts = x_shifts.add((row * (a.cols / BLOCK) + w.first) * HALVES);
        let x_sum = |r: usize, b: usize, half: usize| {
            let sums = x_sums.add(r * (a.cols / SUM) + b * (BLOCK / SUM));
            if HALVES == 1 { *sums + *sums.add(1) } else { *sums.add(half) }
        };
        for b in 0..blocks {
            for half in 0..HALVES {
                let mut sums = [[_mm512_setzero_si512(); G]; R];
                if !MINIMUM {
                    for (r, sums) in sums.iter_mut().enumerate() {
                        *sums = [_mm512_set1_epi32(-w.form.zero * x_sum(r, b, half)); G];
                    }
                }
                for k in half * 8 / HALVES..(half + 1) * 8 / HALVES {
                    let mut weights = [_mm512_setzero_si512(); G];
                    for (g, weights) in weights.iter_mut().enumerate() {
                        let at = (g * blocks + b) * GROUP_BLOCK + k * 64;
                        *weights = _mm512_loadu_si512(quants.add(at).cast());
                    }
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let four = x.add(r * a.cols + b * BLOCK + k * 4).cast::<i32>();
                        let four = _mm512_set1_epi32(four.read_unaligned());
                        for (sum, weights) in sums.iter_mut().zip(weights) {
                            *sum = _mm512_dpbusd_epi32(*sum, weights, four);
                        }
                    }
                }
                for g in 0..G {
                    let numbers = ((g * blocks + b) * HALVES + half) * LANES;
                    let scale = _mm512_loadu_ps(scales.add(numbers));
                    for r in 0..R {
                        let scale = _mm512_mul_ps(scale, _mm512_set1_ps(*x_scales.add(r * (a.cols / BLOCK) + b)));
                        acc[r][g] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[r][g]), scale, acc[r][g]);
                    }
                    if MINIMUM {
                        let minimum = _mm512_loadu_ps(minima.add(numbers));
                        for (r, acc) in acc.iter_mut().enumerate() {
                            let at = (r * (a.cols / BLOCK) + b) * HALVES + half;
                            acc[g] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(*x_shifts.add(at)), acc[g]);
                        }
                    }
                }
            }
        }
        for (r, acc) in acc.iter().enumerate() {
            for (g, acc) in acc.iter().enumerate() {
                _mm512_storeu_ps(work.out.lanes(row + r, work.place + group + g).cast(), *acc);
            }
        }
    }
}
