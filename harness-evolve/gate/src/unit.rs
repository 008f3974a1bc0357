//! Numbers that survive being written down: scores, shares and margins in whole millionths, error levels in whole
//! trillionths. Refuses what is not a number between 0 and 1.
//!
//! A verdict must come out the same after a trip through JSON and whatever order tasks were summed in. Integers add
//! up the same in every order and are read back as they were written; binary fractions do neither.

use serde::{Deserialize, Serialize};

/// A number outside the range its type stands for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum UnitError {
    /// Not a finite number in [0, 1].
    #[error("{what} is {value}; it must be a finite number from 0 to 1")]
    OutOfRange {
        /// What the number was to be.
        what: &'static str,
        /// The value given, as text (it may be NaN).
        value: String,
    },
}

fn checked(what: &'static str, value: f64, per_one: f64) -> Result<f64, UnitError> {
    if value.is_finite() && (0.0..=1.0).contains(&value) {
        Ok(value * per_one)
    } else {
        Err(UnitError::OutOfRange { what, value: value.to_string() })
    }
}

/// A number in [0, 1] in whole millionths: a score, a margin, a smallest effect worth having. Serialised as that integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Unit(u32);

impl Unit {
    /// Millionths in one.
    pub const PER_ONE: u32 = 1_000_000;
    /// 0.
    pub const ZERO: Self = Self(0);
    /// 1.
    pub const ONE: Self = Self(Self::PER_ONE);

    /// Rounds `value` to the nearest millionth.
    ///
    /// # Errors
    /// `value` is not a finite number in [0, 1].
    pub fn new(value: f64) -> Result<Self, UnitError> {
        let scaled = checked("a score or margin", value, f64::from(Self::PER_ONE))?;
        Ok(Self(scaled.round() as u32))
    }

    /// `points` percentage points, capped at 100.
    pub const fn points(points: u32) -> Self {
        let points = if points > 100 { 100 } else { points };
        Self(points * (Self::PER_ONE / 100))
    }

    /// One for a pass, zero for a failure.
    pub const fn pass(passed: bool) -> Self {
        if passed { Self::ONE } else { Self::ZERO }
    }

    /// The integer count of millionths.
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// As a float in [0, 1].
    pub fn value(self) -> f64 {
        f64::from(self.0) / f64::from(Self::PER_ONE)
    }
}

impl TryFrom<u32> for Unit {
    type Error = UnitError;

    fn try_from(millionths: u32) -> Result<Self, UnitError> {
        if millionths <= Self::PER_ONE {
            Ok(Self(millionths))
        } else {
            Err(UnitError::OutOfRange { what: "a score or margin", value: format!("{millionths} millionths") })
        }
    }
}

impl From<Unit> for u32 {
    fn from(unit: Unit) -> Self {
        unit.0
    }
}

/// An error level in whole trillionths, so that levels add up exactly. Serialised as that integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Alpha(u64);

impl Alpha {
    /// Trillionths in one.
    pub const PER_ONE: u64 = 1_000_000_000_000;
    /// No error allowed: nothing can ever be proven at this level.
    pub const ZERO: Self = Self(0);
    /// 0.1.
    pub const ONE_IN_TEN: Self = Self(Self::PER_ONE / 10);
    /// 0.05.
    pub const ONE_IN_TWENTY: Self = Self(Self::PER_ONE / 20);

    /// Rounds `value` to the nearest trillionth.
    ///
    /// # Errors
    /// `value` is not a finite number in [0, 1].
    pub fn new(value: f64) -> Result<Self, UnitError> {
        let scaled = checked("an error level", value, Self::PER_ONE as f64)?;
        Ok(Self(scaled.round() as u64))
    }

    /// The integer count of trillionths.
    pub const fn trillionths(self) -> u64 {
        self.0
    }

    /// As a float in [0, 1].
    pub fn value(self) -> f64 {
        self.0 as f64 / Self::PER_ONE as f64
    }

    /// Capital that proves a claim at this level: 1/α; infinite at level zero.
    pub fn threshold(self) -> f64 {
        if self.0 == 0 { f64::INFINITY } else { Self::PER_ONE as f64 / self.0 as f64 }
    }

    /// The level divided by a whole number, rounded down; zero when `by` is zero.
    pub fn share(self, by: u64) -> Self {
        Self(self.0.checked_div(by).unwrap_or(0))
    }

    /// The level so many times over, never above one.
    pub fn times(self, by: u64) -> Self {
        Self(self.0.saturating_mul(by).min(Self::PER_ONE))
    }

    /// What is left after taking `other`, never below zero.
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The two levels together, never above one.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0).min(Self::PER_ONE))
    }
}

impl TryFrom<u64> for Alpha {
    type Error = UnitError;

    fn try_from(trillionths: u64) -> Result<Self, UnitError> {
        if trillionths <= Self::PER_ONE {
            Ok(Self(trillionths))
        } else {
            Err(UnitError::OutOfRange { what: "an error level", value: format!("{trillionths} trillionths") })
        }
    }
}

impl From<Alpha> for u64 {
    fn from(alpha: Alpha) -> Self {
        alpha.0
    }
}
