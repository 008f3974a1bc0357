//! How others decide, for comparison in simulations: every candidate on every task of the batch, then a rule without a
//! guarantee. Refuses to be used by a run.

use serde::{Deserialize, Serialize};

use crate::outcome::{Difference, Pair};
use crate::seesaw::Seesaw;

/// Who decides in a rehearsed evolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The judge of this crate.
    #[default]
    Judge,
    /// The aggregate rate: accepted unless it drops by more than 3 points (the public code of HarnessX).
    Aggregate,
    /// The strict seesaw: accepted unless a task that passed in one of its attempts fails in all (the paper's pass@2).
    Seesaw,
}

/// Points of success that the aggregate rule lets go.
const TOLERATED: f64 = 0.03;

impl Rule {
    /// Whether a rule that looks at everything at once accepts these pairs.
    pub(crate) fn accepts(self, pairs: Vec<Pair>) -> bool {
        match self {
            Self::Judge => false,
            Self::Aggregate => Difference::of(&pairs).is_some_and(|difference| difference.mean() >= -TOLERATED),
            Self::Seesaw => !Seesaw::of(pairs).blocks(),
        }
    }
}
