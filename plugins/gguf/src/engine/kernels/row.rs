//! Work on one row of activations — norm, SiLU product, quantisation — compiled once per instruction set
//! from one source. (A wrong-width compile would be slower, never different: see `lanes`.)

use super::Isa;
use crate::engine::lanes::{self, LANES, Lanes};
use crate::engine::matrix::RowWriter;

/// Compiles a function body for each instruction set and dispatches on `isa`.
macro_rules! per_isa {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments, reason = "hot loop, everything by reference")]
        $vis fn $name(isa: $crate::engine::kernels::Isa, $($arg: $ty),*) {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "hot loop, everything by reference")]
            fn body($($arg: $ty),*) $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c")]
            #[allow(clippy::too_many_arguments, reason = "hot loop, everything by reference")]
            unsafe fn avx512($($arg: $ty),*) { body($($arg),*) }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            #[allow(clippy::too_many_arguments, reason = "hot loop, everything by reference")]
            unsafe fn avx2($($arg: $ty),*) { body($($arg),*) }
            match isa {
                // SAFETY: `Isa` values come from `available`, which checked the features.
                #[cfg(target_arch = "x86_64")]
                $crate::engine::kernels::Isa::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::engine::kernels::Isa::Avx2 => unsafe { avx2($($arg),*) },
                _ => body($($arg),*),
            }
        }
    };
}
pub(in crate::engine) use per_isa;

per_isa! {
    /// RMS norm of `x` by `weight`, then quantised; `scratch` is as long as `x`.
    pub fn normalise_and_quantise(
        x: &[f32], weight: &[f32], eps: f32, scratch: &mut [f32], out: &mut RowWriter<'_>,
    ) {
        lanes::rms_norm(x, weight, eps, scratch);
        out.write(scratch);
    }
}

per_isa! {
    /// Quantises a row as it is.
    pub fn quantise(x: &[f32], out: &mut RowWriter<'_>) {
        out.write(x);
    }
}

per_isa! {
    /// silu(gate) · up, in place of `gate`, then quantised.
    pub fn silu_product_and_quantise(gate: &mut [f32], up: &[f32], out: &mut RowWriter<'_>) {
        for (g, u) in gate.iter_mut().zip(up) {
            *g = lanes::silu(*g) * u;
        }
        out.write(gate);
    }
}

per_isa! {
    /// gelu(gate) · up, in place of `gate`, then quantised.
    pub fn gelu_product_and_quantise(gate: &mut [f32], up: &[f32], out: &mut RowWriter<'_>) {
        for (g, u) in gate.iter_mut().zip(up) {
            *g = lanes::gelu(*g) * u;
        }
        out.write(gate);
    }
}

per_isa! {
    /// RMS norm of `y` by `weight`, added to `x`; `scratch` is as long.
    pub fn normalise_and_add(x: &mut [f32], y: &[f32], weight: &[f32], eps: f32, scratch: &mut [f32]) {
        lanes::rms_norm(y, weight, eps, scratch);
        for (x, y) in x.iter_mut().zip(scratch) {
            *x += *y;
        }
    }
}

per_isa! {
    /// RMS norm of every head by the same `weight`, which is as long as a head, in place.
    pub fn normalise_heads(heads: &mut [f32], weight: &[f32], eps: f32) {
        for head in heads.chunks_exact_mut(weight.len()) {
            lanes::rms_norm_in_place(head, weight, eps);
        }
    }
}

per_isa! {
    /// Rotates the adjacent pairs of every head by the cosines and sines of `turn`.
    pub fn rotate_adjacent(heads: &mut [f32], turn: &[(f32, f32)]) {
        for head in heads.chunks_exact_mut(2 * turn.len()) {
            for (pair, (cos, sin)) in head.as_chunks_mut::<2>().0.iter_mut().zip(turn) {
                let [a, b] = *pair;
                *pair = [a * cos - b * sin, a * sin + b * cos];
            }
        }
    }
}

per_isa! {
    /// Rotates the pairs of every head that its first and second half make.
    pub fn rotate_halves(heads: &mut [f32], turn: &[(f32, f32)]) {
        for head in heads.chunks_exact_mut(2 * turn.len()) {
            let (first, second) = head.split_at_mut(turn.len());
            for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(turn) {
                (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
            }
        }
    }
}

per_isa! {
    /// `x += y`.
    pub fn add(x: &mut [f32], y: &[f32]) {
        for (x, y) in x.iter_mut().zip(y) {
            *x += y;
        }
    }
}

per_isa! {
    /// Greatest value, and Σ exp(x − greatest) summed in sixteen lanes by index and then in f64.
    fn shifted_sum_exp(x: &[f32], out: &mut (f32, f64)) {
        let max = |a: f32, b: f32| if b > a { b } else { a };
        let (chunks, tail) = x.as_chunks::<LANES>();
        let mut peak = Lanes::splat(f32::NEG_INFINITY);
        for c in chunks {
            peak = peak.zip(Lanes::load(c), max);
        }
        let peak = tail.iter().fold(peak.reduce(max), |a, b| max(a, *b));
        let mut sum = Lanes::ZERO;
        for c in chunks {
            sum = sum.zip(Lanes::load(c), |s, x| s + lanes::exp(x - peak));
        }
        let sum: f64 = sum.0.iter().map(|s| f64::from(*s)).sum();
        let rest: f64 = tail.iter().map(|x| f64::from(lanes::exp(x - peak))).sum();
        *out = (peak, sum + rest);
    }
}

/// Natural logarithm of Σ exp over a row of logits.
pub fn log_sum_exp(isa: Isa, logits: &[f32]) -> f64 {
    let mut out = (0.0, 0.0);
    shifted_sum_exp(isa, logits, &mut out);
    f64::from(out.0) + out.1.ln()
}
