//! Which fold of the gate split is open. Every ship closes the fold it was proven on, because the next candidate was
//! chosen knowing that ship; a rollback closes the fold it was decided on. Refuses to hand out a used fold without saying that the guarantee is void.

use serde::{Deserialize, Serialize};

/// What the error level still means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guarantee {
    /// Every ship so far was proven on a fold opened after the ship before it.
    Holds,
    /// Folds ran out; ships after this many were proven on used folds and carry no guarantee.
    VoidAfter {
        /// Ships covered by the guarantee.
        ships: u32,
    },
}

/// The answer to a ship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "when folds run out the run ends or says that its guarantee is void"]
pub enum NextFold {
    /// A fresh fold is open.
    Fresh(u32),
    /// A used fold is open, in a run whose guarantee is already void.
    Used(u32),
    /// There is none left: end the run, or call [`FoldLedger::go_on_void`].
    RunOut,
}

/// The folds and the ships so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldLedger {
    folds: Vec<Vec<String>>,
    ships: u32,
    closed: u32,
    open: Option<u32>,
    guarantee: Guarantee,
}

impl FoldLedger {
    /// A ledger over the dealt folds; the first is open if there is one.
    pub fn new(folds: Vec<Vec<String>>) -> Self {
        let open = (!folds.is_empty()).then_some(0);
        Self { folds, ships: 0, closed: 0, open, guarantee: Guarantee::Holds }
    }

    /// Every fold that was dealt.
    pub fn folds(&self) -> &[Vec<String>] {
        &self.folds
    }

    /// The open fold's index and groups; `None` when they have run out.
    pub fn open(&self) -> Option<(u32, &[String])> {
        let index = self.open?;
        self.folds.get(index as usize).map(|groups| (index, groups.as_slice()))
    }

    /// Records a ship: closes the open fold and opens the next.
    pub fn ship(&mut self) -> NextFold {
        self.ships += 1;
        self.close()
    }

    /// Closes the open fold, whose outcomes something other than a ship was decided on, and opens the next.
    pub fn close(&mut self) -> NextFold {
        self.closed += 1;
        let folds = self.folds.len() as u32;
        if self.closed < folds {
            self.open = Some(self.closed);
            return NextFold::Fresh(self.closed);
        }
        match self.guarantee {
            Guarantee::VoidAfter { .. } if folds > 0 => {
                self.open = Some(self.closed % folds);
                NextFold::Used(self.closed % folds)
            }
            _ => {
                self.open = None;
                NextFold::RunOut
            }
        }
    }

    /// Goes on over used folds, the oldest first, and marks the guarantee void from here. Does nothing while a fold is
    /// open.
    pub fn go_on_void(&mut self) {
        if self.open.is_none() && !self.folds.is_empty() {
            self.guarantee = Guarantee::VoidAfter { ships: self.ships };
            self.open = Some(self.closed % self.folds.len() as u32);
        }
    }

    /// What the error level still means.
    pub fn guarantee(&self) -> Guarantee {
        self.guarantee
    }

    /// Ships so far.
    pub fn ships(&self) -> u32 {
        self.ships
    }

    /// Folds never opened yet.
    pub fn fresh_left(&self) -> u32 {
        (self.folds.len() as u32).saturating_sub(self.closed + 1)
    }
}
