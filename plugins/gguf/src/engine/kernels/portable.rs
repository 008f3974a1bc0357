//! The product in plain Rust: the definition the SIMD kernels must match bit for bit.

use super::{Work, by_form};
use crate::engine::lanes::LANES;
use crate::engine::matrix::{BLOCK, GROUP_BLOCK, SUM};

pub fn product(work: &Work<'_>) {
    by_form!(work, tile);
}

fn tile<const HALVES: usize, const MINIMUM: bool>(work: &Work<'_>) {
    let Work { weights: w, activations: a, groups, rows, place, out } = work;
    for group in 0..*groups {
        for row in rows.clone() {
            let lanes = out.lanes(row, place + group);
            // SAFETY: the address was checked; this task alone uses it.
            let mut acc = if w.first == 0 { [0f32; LANES] } else { unsafe { *lanes } };
            for b in 0..w.blocks {
                let at = w.first + b;
                let quants = &w.quants[(group * w.blocks + b) * GROUP_BLOCK..][..GROUP_BLOCK];
                let x = &a.quants[row * a.cols + at * BLOCK..][..BLOCK];
                let x_scale = a.scales[row * a.cols / BLOCK + at];
                let x_sums = &a.sums[row * a.cols / SUM + 2 * at..][..2];
                for half in 0..HALVES {
                    let x_sum = if HALVES == 1 { x_sums[0] + x_sums[1] } else { x_sums[half] };
                    let mut sums = [-w.form.zero * x_sum; LANES];
                    let some = half * 8 / HALVES..(half + 1) * 8 / HALVES;
                    let (quants, x) = (&quants.as_chunks::<64>().0[some.clone()], &x.as_chunks::<4>().0[some]);
                    for (four, x) in quants.iter().zip(x) {
                        for (sum, q) in sums.iter_mut().zip(four.as_chunks::<4>().0) {
                            for (q, x) in q.iter().zip(x) {
                                *sum += i32::from(*q) * i32::from(*x);
                            }
                        }
                    }
                    let numbers = ((group * w.blocks + b) * HALVES + half) * LANES;
                    for ((acc, sum), scale) in acc.iter_mut().zip(sums).zip(&w.scales[numbers..]) {
                        *acc = (sum as f32).mul_add(scale * x_scale, *acc);
                    }
                    if MINIMUM {
                        let shift = match HALVES {
                            1 => a.block_shifts[row * a.cols / BLOCK + at],
                            _ => a.shifts[row * a.cols / SUM + 2 * at + half],
                        };
                        for (acc, minimum) in acc.iter_mut().zip(&w.minima[numbers..]) {
                            *acc = minimum.mul_add(shift, *acc);
                        }
                    }
                }
            }
            // SAFETY: as above.
            unsafe { *lanes = acc };
        }
    }
}
