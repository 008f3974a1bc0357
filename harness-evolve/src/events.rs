//! What an onlooker is told while a run goes on. Refuses to be a record: the ledger is.

use serde::{Deserialize, Serialize};

/// What rollouts are played for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The incumbent on explore tasks.
    Explore,
    /// Candidates on explore tasks.
    Screen,
    /// A candidate against the incumbent on gate tasks.
    Duel,
    /// The protected panel.
    Panel,
    /// Shipped edits left out, variants on tasks of others, pruned harnesses.
    FinalChecks,
    /// The incumbent against the harness the run began with.
    Drift,
    /// Arms of the report.
    Report,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A round began.
    Round {
        /// Its number, from 1.
        round: u32,
        /// Most rounds there can be.
        of: u32,
    },
    /// Rollouts came back.
    Played {
        /// What for.
        phase: Phase,
        /// How many just now.
        now: usize,
        /// Of those, found in the record.
        remembered: usize,
        /// Rollouts of the run so far.
        total: u64,
    },
    /// One line for a person: a decision that was just recorded.
    Said(String),
}

/// Whoever looks on. Called between awaits; must not block.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn on(&self, event: &Event);
}

/// Nobody looks.
impl Observer for () {
    fn on(&self, _: &Event) {}
}

/// Microseconds since the sitting began, on a clock that never goes back.
pub trait Clock: Send + Sync {
    /// Now.
    fn micros(&self) -> u64;
}

/// The clock of this machine, from the moment it was made.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::new_without_default, reason = "reading the clock is no default")]
    pub fn new() -> Self {
        Self(std::time::Instant::now())
    }
}

impl Clock for Stopwatch {
    fn micros(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
