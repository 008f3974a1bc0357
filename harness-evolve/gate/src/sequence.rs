//! A confidence sequence for the mean of paired differences: an interval that holds at every moment at once, so that one may look
//! while pairs come in and stop when one has seen enough.
//!
//! For a mean m of values d ∈ [−1, 1] and a bet c ∈ (0, 1), Kₜ(m) = Πₛ≤ₜ (1 + c·(dₛ − m)/(1 + m)) is a non-negative martingale
//! beginning at 1 (the stake c/(1 + m) is the largest that cannot lose more than all), and so is a mixture over fixed c. By Ville's
//! inequality the true mean's Kₜ ever reaches 2/α with probability at most α/2, so every m whose capital has reached it is out. Each
//! factor is 1 + c·((1 + d)/(1 + m) − 1), which falls in m: the means that are out are all below one bound, found by bisection. The
//! upper bound is that of −d, mirrored. At m = 0 the capital is that of [`Capital`](crate::bet::Capital), the judge's.
//! Source: Waudby-Smith & Ramdas, *Estimating means of bounded random variables by betting* (JRSS-B 2024), section 4.

use serde::{Deserialize, Serialize};

/// The bets of the mixture, with equal weights.
const BETS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
/// Halvings of [−1, 1]: bounds are exact to 10⁻¹².
const HALVINGS: u32 = 41;

/// Where a mean lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Values that come one by one, and where their mean lies at every moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfidenceSequence {
    enough: f64,
    values: Vec<f64>,
    bounds: Bounds,
}

impl ConfidenceSequence {
    /// Nothing is known yet. The bounds hold at all times together with probability at least `level`, e.g. 0.95.
    pub fn new(level: f64) -> Self {
        let alpha = (1.0 - level).clamp(f64::MIN_POSITIVE, 1.0);
        Self { enough: 2.0 / alpha, values: Vec::new(), bounds: Bounds { low: -1.0, high: 1.0 } }
    }

    /// The next values, each in [−1, 1] (what is beyond counts as the end), independent draws in the order in which they were drawn.
    /// Gives the bounds from here on: they never widen.
    pub fn observe(&mut self, values: impl IntoIterator<Item = f64>) -> Bounds {
        self.values.extend(values.into_iter().map(|value| value.clamp(-1.0, 1.0)));
        let low = bound(self.values.iter().copied(), self.enough);
        let high = -bound(self.values.iter().map(|value| -value), self.enough);
        // Where they cross, the sequence has failed, which happens with probability 1 − level at most; one point is left.
        self.bounds.low = self.bounds.low.max(low).min(self.bounds.high);
        self.bounds.high = self.bounds.high.min(high).max(self.bounds.low);
        self.bounds
    }

    /// The mean of the values so far; `None` before the first.
    pub fn mean(&self) -> Option<f64> {
        (!self.values.is_empty()).then(|| self.values.iter().sum::<f64>() / self.values.len() as f64)
    }

    /// How many values came.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// The bounds now.
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }
}

/// The largest mean that is out, or −1.
fn bound(values: impl Iterator<Item = f64> + Clone, enough: f64) -> f64 {
    let capital = |mean: f64| {
        let of_bet =
            |bet: f64| values.clone().fold(1.0, |k: f64, d| k * (1.0 + bet * ((1.0 + d) / (1.0 + mean) - 1.0)));
        BETS.iter().map(|bet| of_bet(*bet)).sum::<f64>() / BETS.len() as f64
    };
    let (mut out, mut open) = (-1.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(out, open);
        if capital(middle) >= enough { out = middle } else { open = middle }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    #[test]
    fn what_it_says_of_a_few() {
        let of = |values: &[f64]| ConfidenceSequence::new(0.95).observe(values.iter().copied());
        assert_eq!(of(&[]), Bounds { low: -1.0, high: 1.0 });
        let (zeros, ones) = (of(&[0.0; 40]), of(&[1.0; 40]));
        assert!(zeros.low < 0.0 && zeros.high > 0.0 && (zeros.low + zeros.high).abs() < 1e-9, "{zeros:?}");
        assert!(ones.low > 0.7 && ones.high == 1.0, "{ones:?}");
        let mirrored = of(&[-1.0; 40]);
        assert!((mirrored.high + ones.low).abs() < 1e-9 && mirrored.low == -1.0, "{mirrored:?}");
    }

    #[test]
    fn bounds_never_widen() {
        let mut sequence = ConfidenceSequence::new(0.95);
        let mut before = sequence.bounds();
        for step in 0..200 {
            let now = sequence.observe([if step % 3 == 0 { 1.0 } else { 0.0 }]);
            assert!(now.low >= before.low && now.high <= before.high && now.low <= now.high);
            before = now;
        }
        assert_eq!(sequence.count(), 200);
        assert!(before.low > 0.0 && before.high < 0.7, "{before:?}");
    }

    /// Looked at after every tenth value, the share of sequences that ever leave the true mean out is at most α.
    #[test]
    fn it_holds_at_every_moment_at_once() {
        for (mean, better, worse) in [(0.0, 0.1, 0.1), (0.2, 0.3, 0.1), (-0.3, 0.05, 0.35)] {
            let missed = (0..300_u64)
                .filter(|run| {
                    let mut random = Stream::new("test of sequences", &[&run.to_le_bytes()]);
                    let mut sequence = ConfidenceSequence::new(0.9);
                    let mut value = || match random.uniform() {
                        roll if roll < better => 1.0,
                        roll if roll < better + worse => -1.0,
                        _ => 0.0,
                    };
                    (0..12).any(|_| {
                        let ten: Vec<f64> = (0..10).map(|_| value()).collect();
                        let bounds = sequence.observe(ten);
                        bounds.low > mean || bounds.high < mean
                    })
                })
                .count();
            assert!(missed <= 30, "mean {mean}: {missed} of 300 missed it at some moment");
        }
    }
}
