//! Decimal numbers of any length, exact: `0.1 + 0.2` is `0.3`, and 10²⁵ differs from 10²⁵ + 1. Only what marking needs:
//! equality, order, distance, product.

use std::{cmp::Ordering, fmt};

/// How far apart (in powers of ten) two numbers may be for their distance to be exact; beyond, the smaller one is taken as 0.
const SPAN: i64 = 10_000;

/// `± 0.d₁d₂d₃… × 10^exponent`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Decimal {
    negative: bool,
    /// From 0 to 9 each; neither the first nor the last is 0. Empty for zero.
    digits: Vec<u8>,
    /// 0 for zero.
    exponent: i64,
}

impl Decimal {
    /// The number with these digits before and after the point, each from 0 to 9, times a power of ten.
    pub fn new(negative: bool, whole: &[u8], fraction: &[u8], power: i64) -> Self {
        let all = [whole, fraction].concat();
        let point = i64::try_from(whole.len()).unwrap_or(i64::MAX);
        Self::normal(negative, &all, point.saturating_add(power))
    }

    /// Digits with zeros at either end, and the exponent of the first of them.
    fn normal(negative: bool, all: &[u8], exponent: i64) -> Self {
        let Some(first) = all.iter().position(|digit| *digit != 0) else { return Self::default() };
        let last = all.iter().rposition(|digit| *digit != 0).unwrap_or(first);
        let shift = i64::try_from(first).unwrap_or(i64::MAX);
        Self { negative, digits: all[first..=last].to_vec(), exponent: exponent.saturating_sub(shift) }
    }

    /// The decimal number a program would print for `value`; `None` if it is not finite.
    pub fn of(value: f64) -> Option<Self> {
        value.is_finite().then(|| {
            let text = value.abs().to_string();
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            let digits = |text: &str| text.bytes().map(|byte| byte.wrapping_sub(b'0')).collect::<Vec<u8>>();
            Self::new(value < 0.0, &digits(whole), &digits(fraction), 0)
        })
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits)),
        }
    }

    /// `|self − other|`.
    pub fn distance(&self, other: &Self) -> Self {
        let (large, small) = if self.magnitude(other).is_lt() { (other, self) } else { (self, other) };
        let gap = large.exponent.saturating_sub(small.exponent);
        if small.digits.is_empty() || gap > SPAN {
            return Self { negative: false, ..large.clone() };
        }
        // One place before, for a carry.
        let offset = usize::try_from(gap).unwrap_or_default() + 1;
        let length = (large.digits.len() + 1).max(small.digits.len() + offset);
        let mut sum = vec![0_i8; length];
        let sign = if large.negative == small.negative { -1 } else { 1 };
        for (place, digit) in sum.iter_mut().skip(1).zip(&large.digits) {
            *place += digit.cast_signed();
        }
        for (place, digit) in sum.iter_mut().skip(offset).zip(&small.digits) {
            *place += sign * digit.cast_signed();
        }
        let mut carry = 0;
        for place in sum.iter_mut().rev() {
            let value = *place + carry;
            carry = value.div_euclid(10);
            *place = value.rem_euclid(10);
        }
        let sum: Vec<u8> = sum.into_iter().map(i8::cast_unsigned).collect();
        Self::normal(false, &sum, large.exponent.saturating_add(1))
    }

    /// `|self × other|`.
    pub fn product(&self, other: &Self) -> Self {
        let mut places = vec![0_u8; self.digits.len() + other.digits.len()];
        for (at, one) in self.digits.iter().enumerate().rev() {
            let mut carry = 0;
            for (beside, two) in other.digits.iter().enumerate().rev() {
                let value = places[at + beside + 1] + one * two + carry;
                places[at + beside + 1] = value % 10;
                carry = value / 10;
            }
            places[at] += carry;
        }
        Self::normal(false, &places, self.exponent.saturating_add(other.exponent))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PLAIN: std::ops::RangeInclusive<i64> = -6..=40;
        let digits: String = self.digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let sign = if self.negative { "-" } else { "" };
        if digits.is_empty() {
            return f.write_str("0");
        }
        if !PLAIN.contains(&self.exponent) {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            return write!(f, "{sign}{first}{point}{rest}e{}", self.exponent.saturating_sub(1));
        }
        match usize::try_from(self.exponent) {
            Ok(whole @ 1..) if whole >= digits.len() => write!(f, "{sign}{digits:0<whole$}"),
            Ok(whole @ 1..) => write!(f, "{sign}{}.{}", &digits[..whole], &digits[whole..]),
            _ => write!(f, "{sign}0.{}{digits}", "0".repeat(usize::try_from(-self.exponent).unwrap_or_default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Decimal;

    fn whole(value: i64) -> Decimal {
        let digits: Vec<u8> = value.unsigned_abs().to_string().bytes().map(|byte| byte - b'0').collect();
        Decimal::new(value < 0, &digits, &[], 0)
    }

    #[test]
    fn numbers_are_shown_as_people_write_them() {
        for (value, shown) in [
            (Decimal::default(), "0"),
            (Decimal::new(true, &[1, 2, 0], &[], 0), "-120"),
            (Decimal::new(false, &[0, 1], &[5, 0], 0), "1.5"),
            (Decimal::new(false, &[], &[0, 5], 0), "0.05"),
            (Decimal::new(false, &[1], &[2], 100), "1.2e100"),
            (Decimal::new(true, &[3], &[], -100), "-3e-100"),
        ] {
            assert_eq!(value.to_string(), shown);
        }
        assert_eq!(Decimal::of(1e-9).unwrap().to_string(), "1e-9");
        assert_eq!(Decimal::of(f64::NAN), None);
    }

    #[test]
    fn numbers_far_apart_cost_nothing() {
        let (far, near) = (Decimal::new(false, &[1], &[], i64::MAX), Decimal::new(false, &[1], &[], i64::MIN));
        assert_eq!(far.distance(&near), far);
        assert!(near < far);
    }

    proptest! {
        #[test]
        fn it_counts_as_integers_do(a in -1_000_000_000_i64..1_000_000_000, b in -1_000_000_000_i64..1_000_000_000) {
            prop_assert_eq!(whole(a).distance(&whole(b)), whole((a - b).abs()));
            prop_assert_eq!(whole(a).product(&whole(b)), whole((a * b).abs()));
            prop_assert_eq!(whole(a).cmp(&whole(b)), a.cmp(&b));
            prop_assert_eq!(whole(a).to_string(), a.to_string());
        }

        #[test]
        fn a_power_of_ten_moves_the_point(digits in proptest::collection::vec(0_u8..10, 1..40), at in 0_usize..40) {
            let at = at.min(digits.len());
            let (whole, fraction) = digits.split_at(at);
            let power = i64::try_from(fraction.len()).unwrap();
            prop_assert_eq!(Decimal::new(false, whole, fraction, power), Decimal::new(false, &digits, &[], 0));
        }
    }
}
