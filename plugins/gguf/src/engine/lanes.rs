//! Sixteen f32 lanes with the few elementwise operations the engine needs, and the functions built on
//! them (exp, SiLU, GELU, RMS norm). Every operation is IEEE-exact and the order is written out, so the same
//! source compiled for AVX-512, AVX2 or plain x86-64/other CPUs gives the same bits.

/// Lanes per vector.
pub const LANES: usize = 16;

/// Sixteen f32, one AVX-512 register.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub struct Lanes(pub [f32; LANES]);

impl Lanes {
    /// All lanes zero.
    pub const ZERO: Self = Self([0.0; LANES]);

    /// The same value in every lane.
    #[inline(always)]
    pub fn splat(v: f32) -> Self {
        Self([v; LANES])
    }

    /// Loads sixteen values.
    #[inline(always)]
    pub fn load(from: &[f32; LANES]) -> Self {
        Self(*from)
    }

    /// `self * b + c`, rounded once.
    #[inline(always)]
    pub fn fma(self, b: Self, c: Self) -> Self {
        let mut out = c.0;
        for ((o, a), b) in out.iter_mut().zip(self.0).zip(b.0) {
            *o = a.mul_add(b, *o);
        }
        Self(out)
    }

    /// Lane by lane.
    #[inline(always)]
    pub fn map(self, f: impl Fn(f32) -> f32) -> Self {
        let mut out = self.0;
        for o in &mut out {
            *o = f(*o);
        }
        Self(out)
    }

    /// Lane by lane with a second operand.
    #[inline(always)]
    pub fn zip(self, b: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut out = self.0;
        for (o, b) in out.iter_mut().zip(b.0) {
            *o = f(*o, b);
        }
        Self(out)
    }

    /// Folds halves onto each other: the one reduction order used everywhere.
    #[inline(always)]
    pub fn reduce(self, f: impl Fn(f32, f32) -> f32) -> f32 {
        let mut v = self.0;
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                v[i] = f(v[i], v[i + half]);
            }
        }
        v[0]
    }
}

/// Adding and subtracting this rounds an |x| < 2^22 to the nearest integer, ties to even.
const ROUND: f32 = 12_582_912.0;

/// Nearest integer, ties to even, of |x| < 2^22.
#[inline(always)]
pub fn round_i32(x: f32) -> i32 {
    ((x + ROUND).to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32)
}

/// e^x to about 1 ulp for x in [-87, 88], clamped outside. Cody–Waite reduction with a degree-6
/// Taylor polynomial on |r| ≤ ln2/2 (remainder below 2^-26 relative).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = n.mul_add(-0.693_359_4, x);
    let r = n.mul_add(2.121_944_4e-4, r);
    let mut p = 1.0 / 5040.0f32;
    for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = p.mul_add(r, c);
    }
    p * f32::from_bits((shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127)) << 23)
}

/// x · sigmoid(x).
#[inline(always)]
pub fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// The Gaussian error linear unit by its tanh form (Hendrycks & Gimpel 2016), x · sigmoid(2z) for
/// z = √(2/π) · (x + 0.044715 x³).
#[inline(always)]
pub fn gelu(x: f32) -> f32 {
    let z = 0.797_884_6 * x * (1.0 + 0.044_715 * x * x);
    x / (1.0 + exp(-2.0 * z))
}

/// `out = x / sqrt(mean(x²) + eps) · weight` (Zhang & Sennrich 2019).
#[inline(always)]
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let scale = inverse_rms(x, eps);
    for ((o, x), w) in out.iter_mut().zip(x).zip(weight) {
        *o = x * scale * w;
    }
}

/// [`rms_norm`] whose output takes the place of its input.
#[inline(always)]
pub fn rms_norm_in_place(x: &mut [f32], weight: &[f32], eps: f32) {
    let scale = inverse_rms(x, eps);
    for (x, w) in x.iter_mut().zip(weight) {
        *x = *x * scale * w;
    }
}

/// 1 / sqrt(mean(x²) + eps).
#[inline(always)]
fn inverse_rms(x: &[f32], eps: f32) -> f32 {
    let (chunks, tail) = x.as_chunks::<LANES>();
    let mut sum = Lanes::ZERO;
    for c in chunks {
        let v = Lanes::load(c);
        sum = v.fma(v, sum);
    }
    let mut total = sum.reduce(|a, b| a + b);
    for v in tail {
        total = v.mul_add(*v, total);
    }
    1.0 / (total / x.len() as f32 + eps).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close_to_the_real_one() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let want = f64::from(x).exp();
            let got = f64::from(exp(x));
            assert!(((got - want) / want).abs() < 3e-7, "exp({x}) = {got}, want {want}");
        }
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn gelu_is_close_to_the_real_one() {
        for i in -1000..1000 {
            let x = f64::from(i) / 100.0;
            let want = 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x)).tanh());
            let got = f64::from(gelu(x as f32));
            assert!((got - want).abs() < 1e-6 * x.abs().max(1.0), "gelu({x}) = {got}, want {want}");
        }
    }

    #[test]
    fn rounding_is_to_even() {
        for (x, want) in [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (126.6, 127), (-127.0, -127)] {
            assert_eq!(round_i32(x), want, "{x}");
        }
    }
}
