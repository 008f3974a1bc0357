//! The scalar settings of a harness under one name each, so that an edit of any of them is one kind of operation.
//! Refuses values of the wrong type or outside the range.

use serde_json::Value;

use crate::harness::{Budget, Harness, Sampling};
use crate::vocabulary::{ActionMode, Vocabulary, vocabulary};
use serde::{Deserialize, Serialize};

vocabulary! {
    /// A scalar setting, by its path in `harness.toml`.
    Setting: "setting" {
        /// How the environment's action reaches it.
        Action = "action",
        /// Sampling temperature.
        Temperature = "sampling.temperature",
        /// Nucleus mass.
        TopP = "sampling.top_p",
        /// Most tokens of one reply.
        MaxTokens = "sampling.max_tokens",
        /// Fixed seed.
        Seed = "sampling.seed",
        /// Most steps.
        Steps = "budget.steps",
        /// Most tokens.
        Tokens = "budget.tokens",
        /// Wall clock, seconds.
        Seconds = "budget.seconds",
        /// Money, micro-USD.
        Cost = "budget.cost",
    }
}

impl Setting {
    /// The present value; `None` where an optional one is not set.
    pub fn read(self, harness: &Harness) -> Option<Value> {
        match self {
            Self::Action => Some(harness.action.name().into()),
            Self::Temperature => Some(harness.sampling.temperature.into()),
            Self::TopP => Some(harness.sampling.top_p.into()),
            Self::MaxTokens => Some(harness.sampling.max_tokens.into()),
            Self::Seed => harness.sampling.seed.map(Into::into),
            Self::Steps => Some(harness.budget.steps.into()),
            Self::Tokens => harness.budget.tokens.map(Into::into),
            Self::Seconds => harness.budget.seconds.map(Into::into),
            Self::Cost => harness.budget.cost.map(Into::into),
        }
    }

    /// Sets it; `None` restores the default. On a value of the wrong type or outside the range, says what is expected.
    ///
    /// # Errors
    ///
    /// What value is expected.
    pub fn write(self, harness: &mut Harness, value: Option<&Value>) -> Result<(), &'static str> {
        let Some(value) = value else {
            self.reset(harness);
            return Ok(());
        };
        let sampling = &mut harness.sampling;
        let budget = &mut harness.budget;
        match self {
            Self::Action => harness.action = value.as_str().and_then(ActionMode::from_name).ok_or(self.expects())?,
            Self::Temperature => {
                sampling.temperature = value.as_f64().filter(|t| *t >= 0.0).ok_or(self.expects())?;
            }
            Self::TopP => sampling.top_p = value.as_f64().filter(|p| *p > 0.0 && *p <= 1.0).ok_or(self.expects())?,
            Self::MaxTokens => sampling.max_tokens = positive(value).ok_or(self.expects())?,
            Self::Seed => sampling.seed = Some(count(value).ok_or(self.expects())?),
            Self::Steps => budget.steps = positive(value).ok_or(self.expects())?,
            Self::Tokens => budget.tokens = Some(count(value).ok_or(self.expects())?),
            Self::Seconds => budget.seconds = Some(count(value).ok_or(self.expects())?),
            Self::Cost => budget.cost = Some(count(value).ok_or(self.expects())?),
        }
        Ok(())
    }

    /// What a value must be, in words.
    pub const fn expects(self) -> &'static str {
        match self {
            Self::Action => "`reply` or `tool`",
            Self::Temperature => "a number, 0 or more",
            Self::TopP => "a number above 0, at most 1",
            Self::MaxTokens | Self::Steps => "an integer from 1 to 4294967295",
            Self::Seed | Self::Tokens | Self::Seconds | Self::Cost => "an integer from 0 to 9223372036854775807",
        }
    }

    fn reset(self, harness: &mut Harness) {
        let (sampling, budget) = (Sampling::default(), Budget::default());
        match self {
            Self::Action => harness.action = ActionMode::default(),
            Self::Temperature => harness.sampling.temperature = sampling.temperature,
            Self::TopP => harness.sampling.top_p = sampling.top_p,
            Self::MaxTokens => harness.sampling.max_tokens = sampling.max_tokens,
            Self::Seed => harness.sampling.seed = None,
            Self::Steps => harness.budget.steps = budget.steps,
            Self::Tokens => harness.budget.tokens = None,
            Self::Seconds => harness.budget.seconds = None,
            Self::Cost => harness.budget.cost = None,
        }
    }
}

fn positive(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n >= 1)
}

/// TOML integers are signed: what does not fit could not be written to a file.
fn count(value: &Value) -> Option<u64> {
    value.as_u64().filter(|n| i64::try_from(*n).is_ok())
}
