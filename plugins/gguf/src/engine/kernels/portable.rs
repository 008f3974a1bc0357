//! The product in plain Rust: the definition the SIMD kernels must match bit for bit.

use super::Target;
use crate::engine::lanes::LANES;
use crate::engine::matrix::{Activations, BLOCK, GROUP_BLOCK, Matrix};
use std::ops::Range;

pub fn product(w: &Matrix, a: &Activations, groups: Range<usize>, rows: Range<usize>, out: &Target<'_>) {
    let blocks = w.cols / BLOCK;
    for group in groups {
        for row in rows.clone() {
            let mut acc = [0f32; LANES];
            for b in 0..blocks {
                let quants = &w.quants[(group * blocks + b) * GROUP_BLOCK..][..GROUP_BLOCK];
                let scales = &w.scales[(group * blocks + b) * LANES..][..LANES];
                let x = &a.quants[row * w.cols + b * BLOCK..][..BLOCK];
                let mut sums = [a.offsets[row * blocks + b]; LANES];
                for (four, x) in quants.as_chunks::<64>().0.iter().zip(x.as_chunks::<4>().0) {
                    for (sum, q) in sums.iter_mut().zip(four.as_chunks::<4>().0) {
                        for (q, x) in q.iter().zip(x) {
                            *sum += i32::from(*q) * i32::from(*x);
                        }
                    }
                }
                let scale = a.scales[row * blocks + b];
                for ((acc, sum), s) in acc.iter_mut().zip(sums).zip(scales) {
                    *acc += sum as f32 * (s.to_f32() * scale);
                }
            }
            // SAFETY: the address was checked; this task alone writes it.
            unsafe { *out.lanes(row, group) = acc };
        }
    }
}
