//! The judge: paired, sequential, anytime-valid verdicts. Statistics only: no IO, no clock, no model, no thread. The
//! same outcomes give the same verdict, byte for byte.
//!
//! ```text
//! groups ─split→ explore │ gate: one stream │ sealed
//!                            └─ groups ahead + terms (α from the error budget) ─DuelPlan::draw→ Duel
//!                                 next_groups(n) → the caller runs both arms → record(group, pairs), in any order
//!                                 → verdict + Certificate ─recheck→ the same verdict, by anyone
//! ```
//!
//! A run holds three values of this crate, all serialisable: an [`ErrorBudget`], a [`GateStream`] and its open [`Duel`]s.

pub mod interval;
pub mod panel;
pub mod placebo;
pub mod simulate;

mod bet;
mod budget;
mod certificate;
mod duel;
mod gate_stream;
mod order;
mod outcome;
mod plan;
mod process;
mod recheck;
mod rivals;
mod seesaw;
mod sequence;
mod split;
mod stream;
mod unit;

pub use bet::{Capital, Stake};
pub use budget::{Control, ErrorBudget, Schedule, drift_level};
pub use certificate::{CERTIFICATE_VERSION, CallOff, Certificate, GroupOutcome};
pub use duel::{Duel, RecordError, Recorded};
pub use gate_stream::GateStream;
pub use order::{draw_order, order_digest};
pub use outcome::{Difference, Outcome, Pair, Price};
pub use plan::{DuelPlan, PlanError, PlannedGroup, Terms};
pub use process::{Claim, Futility, Process, Reason, Stopping, Verdict};
pub use recheck::{RecheckError, recheck};
pub use rivals::Rule;
pub use seesaw::Seesaw;
pub use sequence::{Bounds, ConfidenceSequence};
pub use split::{GroupSplit, Share, Shares, SplitError, split_by_hash, split_exact, split_of};
pub use stream::Stream;
pub use unit::{Alpha, Unit, UnitError};
