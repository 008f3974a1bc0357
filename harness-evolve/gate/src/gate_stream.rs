//! The one stream of gate groups: every candidate reads it from the first group that no ship has used up. A ship, or a
//! rollback, uses up the longest prefix that any test counted since the one before it; what lies behind is as fresh as on
//! the first day, because the end of that prefix was decided by the groups before it alone (`docs/statistics.md`,
//! section 4). Refuses to hand out a used group.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::order::{GATE, draw_order};

/// The gate groups of one population in drawn order, and how far they are used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateStream {
    order: Vec<String>,
    used: usize,
    looked: usize,
}

impl GateStream {
    /// Draws the order of `groups` for the run with this seed.
    pub fn draw(run_seed: u64, groups: Vec<String>) -> Self {
        Self { order: draw_order(run_seed, GATE, groups, String::as_str), used: 0, looked: 0 }
    }

    /// Every group, in drawn order.
    pub fn order(&self) -> &[String] {
        &self.order
    }

    /// How many groups are used up, and those that are not; `None` when there are none left.
    pub fn ahead(&self) -> Option<(u32, &[String])> {
        let ahead = self.order.get(self.used..)?;
        (!ahead.is_empty()).then_some((self.used as u32, ahead))
    }

    /// Records that a test counted these groups. Those of other streams are passed over.
    pub fn look<'a>(&mut self, counted: impl IntoIterator<Item = &'a str>) {
        let counted: HashSet<&str> = counted.into_iter().collect();
        let ahead = self.order.get(self.used..).unwrap_or_default();
        let last = ahead.iter().rposition(|group| counted.contains(group.as_str()));
        self.looked = self.looked.max(last.map_or(0, |last| last + 1));
    }

    /// Something was decided on what was looked at, a ship or a rollback: that much is used up.
    pub fn use_up(&mut self) {
        self.used += std::mem::take(&mut self.looked);
    }
}
