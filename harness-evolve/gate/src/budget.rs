//! The error budget of a whole evolution: every test is granted its level from one purse. Refuses refunds: a level once
//! granted is spent, and what a reign was set aside for is gone with the reign.
//!
//! A *reign* is the time one incumbent stands: from one ship (or rollback) to the next. Candidates of a reign read the same
//! groups, and a later one was proposed knowing that the earlier ones did not ship. The purse is cut so that this costs
//! nothing in rigour: each reign gets its part when it begins, and everything that can ever be granted in it, if nothing
//! ships, comes out of that part. See `docs/statistics.md`, section 4, for the proof that rests on it and for why what a
//! reign leaves over cannot go to the next.

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
    /// Rounds without a ship that end the run: the most rounds of a reign.
    pub idle_rounds: u32,
}

/// Tenths of what is left that the next reign gets, and that the next round of a reign gets; the last gets all. Found by
/// simulation, as is `RANK` (`docs/design/gate.md`).
const FRONT: u64 = 8;
/// Tenths of what its round has left that the next candidate in rank gets.
const RANK: u64 = 7;

fn tenths(alpha: Alpha, of_ten: u64) -> Alpha {
    alpha.share(10).times(of_ten)
}

/// The purse. A reign gets eight tenths of what no reign had yet, a round eight tenths of what its reign has left, each the
/// whole if it is the last; in a round the first grant is seven tenths of the round's part, the next seven tenths of the
/// rest, and so on: ask in order of rank, best first. A candidate that is rebased asks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBudget {
    total: Alpha,
    control: Control,
    schedule: Schedule,
    round: u32,
    ships: u32,
    /// Not yet set aside for any reign.
    unassigned: Alpha,
    /// Set aside for this reign and not granted.
    reign_left: Alpha,
    /// Rounds this reign has seen, the present one included.
    reign_rounds: u32,
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
            unassigned: total,
            reign_left: Alpha::ZERO,
            reign_rounds: 0,
            round_left: Alpha::ZERO,
            spent: Alpha::ZERO,
        }
    }

    /// Opens the next round and cuts its part, and the part of its reign if this is the reign's first. Rounds beyond the
    /// plan get half of what their reign has left.
    pub fn open_round(&mut self) {
        let rounds_left = self.schedule.rounds.saturating_sub(self.round);
        if self.reign_rounds == 0 {
            // A round ships at most once: whoever begins in the last one has no heir.
            self.reign_left = if rounds_left <= 1 { self.unassigned } else { tenths(self.unassigned, FRONT) };
            self.unassigned = self.unassigned.minus(self.reign_left);
        }
        let planned = self.schedule.idle_rounds.saturating_sub(self.reign_rounds).min(rounds_left);
        self.round += 1;
        self.reign_rounds += 1;
        self.round_left = match planned {
            0 => self.reign_left.share(2),
            1 => self.reign_left,
            _ => tenths(self.reign_left, FRONT),
        };
    }

    /// Grants the next test of this round its level: seven tenths of what the round has left, and with
    /// [`Control::ShareOfShips`] that many times over as there were ships, and once more. [`Alpha::ZERO`] when nothing
    /// is left (or no round was opened), at which no test can be planned.
    pub fn grant(&mut self) -> Alpha {
        let granted = tenths(self.round_left, RANK);
        self.round_left = self.round_left.minus(granted);
        self.reign_left = self.reign_left.minus(granted);
        self.spent = self.spent.plus(granted);
        match self.control {
            Control::EveryShip => granted,
            Control::ShareOfShips => granted.times(u64::from(self.ships) + 1),
        }
    }

    /// A candidate shipped, which ends the reign: what it had left is forfeited.
    pub fn ship(&mut self) {
        self.ships += 1;
        self.end_reign();
    }

    /// The reign ended without a ship, by a rollback that was decided on its outcomes.
    pub fn end_reign(&mut self) {
        (self.reign_left, self.round_left, self.reign_rounds) = (Alpha::ZERO, Alpha::ZERO, 0);
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
