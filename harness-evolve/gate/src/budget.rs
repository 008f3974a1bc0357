//! The error budget of a whole evolution: every test is granted its level from one purse, so that Σ α_c ≤ α and "with
//! probability ≥ 1 − α every shipped edit is a real gain" (union bound over the tests of useless edits). Refuses refunds:
//! a level once granted is spent, whatever became of the test.

use serde::{Deserialize, Serialize};

use crate::unit::Alpha;

/// How the purse is cut into rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// So many rounds are planned: each gets an equal part of what is left, so what a round leaves over is not lost.
    /// Rounds beyond the plan get half of what is left.
    Rounds(u32),
    /// No end is planned: each round gets a tenth of what is left.
    Open,
}

/// The purse. In a round the first grant is half of the round's part, the next half of the rest, and so on: ask in
/// order of rank, best first. A candidate that is rebased asks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBudget {
    total: Alpha,
    schedule: Schedule,
    round: u32,
    round_left: Alpha,
    spent: Alpha,
}

impl ErrorBudget {
    /// A full purse before the first round.
    pub fn new(total: Alpha, schedule: Schedule) -> Self {
        Self { total, schedule, round: 0, round_left: Alpha::ZERO, spent: Alpha::ZERO }
    }

    /// Opens the next round and cuts its part.
    pub fn open_round(&mut self) {
        let parts = match self.schedule {
            Schedule::Rounds(rounds) if self.round < rounds => u64::from(rounds - self.round),
            Schedule::Rounds(_) => 2,
            Schedule::Open => 10,
        };
        self.round += 1;
        self.round_left = self.total.minus(self.spent).share(parts);
    }

    /// Grants the next test of this round half of what the round has left. [`Alpha::ZERO`] when nothing is left (or no
    /// round was opened), at which no test can be planned.
    pub fn grant(&mut self) -> Alpha {
        let granted = self.round_left.share(2);
        self.round_left = self.round_left.minus(granted);
        self.spent = self.spent.plus(granted);
        granted
    }

    /// The level of the whole evolution.
    pub fn total(&self) -> Alpha {
        self.total
    }

    /// Sum of the levels granted so far; never above [`ErrorBudget::total`].
    pub fn spent(&self) -> Alpha {
        self.spent
    }

    /// Rounds opened so far.
    pub fn round(&self) -> u32 {
        self.round
    }
}
