//! The error budget of a whole evolution: every test is granted its level from one purse. Refuses refunds: a level once
//! granted is spent, and what a fold was set aside for is gone with the fold.
//!
//! Candidates that meet the same fold see the same groups, and a later one was proposed knowing that the earlier ones did
//! not ship. The purse is cut so that this costs nothing in rigour: each *fold* gets its part when it opens, and
//! everything that can ever be granted on it, if nothing ships there, comes out of that part. See `docs/statistics.md`,
//! section 4, for the proof that rests on it.

use serde::{Deserialize, Serialize};

use crate::unit::Alpha;

/// What the level of the whole evolution bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// The chance that anything useless ships at all: Σ α_c ≤ α.
    #[default]
    EveryShip,
    /// The expected share of useless edits among those that ship: e-LOND. A level is multiplied by one more than the
    /// ships before it. Source: Xu & Ramdas, *Online multiple testing with e-values* (AISTATS 2024), section 3.
    ShareOfShips,
}

/// How long an evolution is meant to be; what the purse is cut by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Rounds planned.
    pub rounds: u32,
    /// Rounds without a ship that end the run: the most rounds a fold can see.
    pub idle_rounds: u32,
    /// Folds dealt: one more than the ships after which a fresh one can still be opened.
    pub folds: u32,
}

/// The purse. A fold gets an equal part of what is left for the folds that can still be reached; a round an equal part
/// of what its fold has left for the rounds it can still see; in a round the first grant is half of the round's part,
/// the next half of the rest, and so on: ask in order of rank, best first. A candidate that is rebased asks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBudget {
    total: Alpha,
    control: Control,
    schedule: Schedule,
    round: u32,
    ships: u32,
    /// Folds closed, by a ship or a rollback.
    closed: u32,
    /// Not yet set aside for any fold.
    unassigned: Alpha,
    /// Set aside for the open fold and not granted.
    fold_left: Alpha,
    /// Rounds the open fold has seen, this one included.
    fold_rounds: u32,
    round_left: Alpha,
    spent: Alpha,
}

impl ErrorBudget {
    /// A full purse before the first round.
    pub fn new(total: Alpha, control: Control, schedule: Schedule) -> Self {
        Self {
            total,
            control,
            schedule,
            round: 0,
            ships: 0,
            closed: 0,
            unassigned: total,
            fold_left: Alpha::ZERO,
            fold_rounds: 0,
            round_left: Alpha::ZERO,
            spent: Alpha::ZERO,
        }
    }

    /// Opens the next round and cuts its part, and the part of its fold if this is the fold's first. Rounds beyond the
    /// plan get half of what their fold has left.
    pub fn open_round(&mut self) {
        let rounds_left = self.schedule.rounds.saturating_sub(self.round);
        if self.fold_rounds == 0 {
            // A round ships at most once, so no more folds than rounds can be reached.
            let folds_left = self.schedule.folds.saturating_sub(self.closed).min(rounds_left).max(1);
            self.fold_left = self.unassigned.share(u64::from(folds_left));
            self.unassigned = self.unassigned.minus(self.fold_left);
        }
        let planned = self.schedule.idle_rounds.saturating_sub(self.fold_rounds).min(rounds_left);
        let parts = if planned == 0 { 2 } else { u64::from(planned) };
        self.round += 1;
        self.fold_rounds += 1;
        self.round_left = self.fold_left.share(parts);
    }

    /// Grants the next test of this round its level: half of what the round has left, and with
    /// [`Control::ShareOfShips`] that many times over as there were ships, and once more. [`Alpha::ZERO`] when nothing
    /// is left (or no round was opened), at which no test can be planned.
    pub fn grant(&mut self) -> Alpha {
        let granted = self.round_left.share(2);
        self.round_left = self.round_left.minus(granted);
        self.fold_left = self.fold_left.minus(granted);
        self.spent = self.spent.plus(granted);
        match self.control {
            Control::EveryShip => granted,
            Control::ShareOfShips => granted.times(u64::from(self.ships) + 1),
        }
    }

    /// A candidate shipped, which closes its fold: what the fold had left is forfeited.
    pub fn ship(&mut self) {
        self.ships += 1;
        self.close_fold();
    }

    /// The fold was closed without a ship, by a rollback that was decided on its outcomes.
    pub fn close_fold(&mut self) {
        self.closed += 1;
        (self.fold_left, self.round_left, self.fold_rounds) = (Alpha::ZERO, Alpha::ZERO, 0);
    }

    /// The level of the whole evolution.
    pub fn total(&self) -> Alpha {
        self.total
    }

    /// What it bounds.
    pub fn control(&self) -> Control {
        self.control
    }

    /// Sum of what was taken out of the purse so far; never above [`ErrorBudget::total`].
    pub fn spent(&self) -> Alpha {
        self.spent
    }

    /// Rounds opened so far.
    pub fn round(&self) -> u32 {
        self.round
    }
}

/// The level of the `number`-th drift test, counted from 0: halves of `total`, so that however many there are their sum
/// stays below it.
pub fn drift_level(total: Alpha, number: u32) -> Alpha {
    total.share(1_u64.checked_shl(number.saturating_add(1)).unwrap_or(0))
}
