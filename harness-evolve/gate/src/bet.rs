//! The betting e-process: capital of a gambler who bets that a bounded mean is above zero. Refuses log space and the
//! form for sampling without replacement (it certifies the sample, not the population).
//!
//! For x₁, x₂, … ≥ −1 with E[xₜ | past] ≤ 0, and any fixed λ ∈ [0, 1), Kₜ(λ) = Πₛ≤ₜ (1 + λ·xₛ) is a non-negative
//! supermartingale starting at 1; so is any mixture Σₖ wₖ·Kₜ(λₖ) with weights fixed in advance. By Ville's inequality
//! the mixture ever reaches 1/α with probability at most α, whenever one chooses to look. Source: Waudby-Smith & Ramdas,
//! *Estimating means of bounded random variables by betting* (JRSS-B 2024), capital process of section 4 with m = 0 and
//! the discrete mixture of bets of section 5.
//!
//! Capital is kept as a plain product per λ: additions, multiplications and divisions are exact to the last bit by IEEE
//! 754, logarithms are not and differ between machines. A test stops long before overflow; a component that
//! underflows is set to zero, which only forgets capital and so keeps the guarantee.

/// The bets λₖ: every tenth. λ = 1 goes all in and is lost for good at the first x = −1.
const GRID: [f64; 10] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// How the stake is spread over the grid before the first outcome. Chosen by simulation (`docs/design/gate.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stake {
    /// A ninth on each of λ = 0.1 … 0.9: within a few pairs of the best single bet for effects of 5 to 60 points.
    Spread,
    /// Half on λ = 1, the rest spread: for claims that are mostly decided by an unbroken run of ties.
    Clean,
}

impl Stake {
    const fn weights(self) -> [f64; GRID.len()] {
        const NINTH: f64 = 1.0 / 9.0;
        const HALF_NINTH: f64 = 0.5 / 9.0;
        match self {
            Self::Spread => [NINTH, NINTH, NINTH, NINTH, NINTH, NINTH, NINTH, NINTH, NINTH, 0.0],
            Self::Clean => [
                HALF_NINTH, HALF_NINTH, HALF_NINTH, HALF_NINTH, HALF_NINTH, HALF_NINTH, HALF_NINTH, HALF_NINTH,
                HALF_NINTH, 0.5,
            ],
        }
    }
}

/// Below this a component is counted as lost: arithmetic on denormal numbers is slow and buys nothing.
const LOST: f64 = 1e-280;

/// The capital of the mixture, one component per bet.
#[derive(Debug, Clone, PartialEq)]
pub struct Capital {
    components: [f64; GRID.len()],
}

impl Capital {
    /// The stake of 1, spread as `stake` says.
    pub fn new(stake: Stake) -> Self {
        Self { components: stake.weights() }
    }

    /// Capital after `more` outcomes of `x` (≥ 0) each, at most: no bet of the grid grows faster than λ = 1. Stops
    /// counting once `enough` is reached.
    pub fn at_best(&self, x: f64, more: usize, enough: f64) -> f64 {
        let mut capital = self.total();
        for _ in 0..more {
            if capital >= enough || capital <= 0.0 {
                break;
            }
            capital *= 1.0 + x;
        }
        capital
    }

    /// Multiplies every component by 1 + λₖ·x. `x` below −1 (which no caller has) counts as −1.
    pub fn bet(&mut self, x: f64) {
        let x = x.max(-1.0);
        for (component, lambda) in self.components.iter_mut().zip(GRID) {
            *component *= 1.0 + lambda * x;
            if *component < LOST {
                *component = 0.0;
            }
        }
    }

    /// Capital now, in units of the stake: evidence against "the mean is at most zero".
    pub fn total(&self) -> f64 {
        self.components.iter().sum()
    }
}
