//! Numbers of requests within what can be run: a request that holds one is right in that respect, whichever way it came in.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A number that a request cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds(&'static str);

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not {}", self.0)
    }
}

impl std::error::Error for OutOfBounds {}

/// So many at a time, episodes or connections: from 1 to 100,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "usize", into = "usize")]
pub struct AtOnce(usize);

/// Minutes: above 0, up to a year.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Minutes(f64);

/// Seconds: up to a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Seconds(u64);

/// Bytes of a request: from 1 to 1 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "usize", into = "usize")]
pub struct Bytes(usize);

macro_rules! bounded {
    ($name:ident($inner:ty), $what:literal, $fits:expr) => {
        impl $name {
            /// The number.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl TryFrom<$inner> for $name {
            type Error = OutOfBounds;

            fn try_from(number: $inner) -> Result<Self, OutOfBounds> {
                let fits: fn(&$inner) -> bool = $fits;
                if fits(&number) { Ok(Self(number)) } else { Err(OutOfBounds($what)) }
            }
        }

        impl From<$name> for $inner {
            fn from(bounded: $name) -> Self {
                bounded.0
            }
        }

        impl FromStr for $name {
            type Err = OutOfBounds;

            fn from_str(text: &str) -> Result<Self, OutOfBounds> {
                text.parse::<$inner>().map_err(|_| OutOfBounds($what))?.try_into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! whole {
    ($name:ident($inner:ty), $least:literal to $most:literal, $what:literal) => {
        impl $name {
            /// The nearest of these to any number.
            pub fn nearest(number: $inner) -> Self {
                Self(number.clamp($least, $most))
            }
        }

        bounded!($name($inner), $what, |number| ($least..=$most).contains(number));
    };
}

whole!(AtOnce(usize), 1 to 100_000, "a whole number from 1 to 100000");
whole!(Seconds(u64), 0 to 31_622_400, "a whole number of seconds from 0 to 31622400, a year");
whole!(Bytes(usize), 1 to 1_073_741_824, "a whole number of bytes from 1 to 1073741824");
bounded!(Minutes(f64), "a number of minutes above 0 and at most 527040, a year", |number| *number > 0.0
    && *number <= 527_040.0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_can_be_run_as_text_and_as_json() {
        let both = |text: &str, right: bool, parsed: bool, json: bool| {
            assert_eq!((parsed, json), (right, right), "{text}");
        };
        for (text, right) in
            [("1", true), ("100000", true), ("0", false), ("100001", false), ("-1", false), ("\"x\"", false)]
        {
            both(text, right, text.parse::<AtOnce>().is_ok(), serde_json::from_str::<AtOnce>(text).is_ok());
        }
        for (text, right) in
            [("0.5", true), ("60", true), ("0", false), ("-1", false), ("inf", false), ("1e300", false)]
        {
            both(text, right, text.parse::<Minutes>().is_ok(), serde_json::from_str::<Minutes>(text).is_ok());
        }
        assert!("NaN".parse::<Minutes>().is_err());
        for (text, right) in [("0", true), ("18446744073709551615", false), ("1.5", false)] {
            both(text, right, text.parse::<Seconds>().is_ok(), serde_json::from_str::<Seconds>(text).is_ok());
        }
        for (text, right) in [("0", false), ("1", true), ("1073741825", false)] {
            both(text, right, text.parse::<Bytes>().is_ok(), serde_json::from_str::<Bytes>(text).is_ok());
        }
        let why = "0".parse::<AtOnce>().map_err(|error| error.to_string());
        assert_eq!(why, Err("not a whole number from 1 to 100000".to_owned()));
    }
}
