//! What a run came to, for a person: numbers with their intervals and counts, and everything that was decided with its
//! reason. Refuses peaks, estimates from screens as results, and numbers without n.

mod build;
mod charts;
mod credit;
mod html;
mod others;
mod statistics;
mod summary;
mod terminal;

pub use build::{Context, build};
pub use html::render_html;
pub use statistics::{first_duel, provable};
pub use summary::render_summary;
pub use terminal::render_terminal;

use std::collections::BTreeMap;

use evolve_gate::Verdict;
use evolve_gate::interval::Interval;
use evolve_gate::placebo::{PlaceboLine, Reach};
use harness_trace::{Looks, Split};
use serde::{Deserialize, Serialize};

use crate::arms::{ArmKind, Extent};
use crate::routing::Routing;
use crate::session::{Meter, Stop};

/// An arm on a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Success: mean score over tasks, with a 95 % interval over groups.
    pub success: Interval,
    /// Further components of the reward, likewise.
    pub parts: Vec<(String, Interval)>,
    /// Episodes lost to the infrastructure, left out here and in every pair.
    pub lost: usize,
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The arm.
    pub name: String,
    /// What it stands for.
    pub kind: ArmKind,
    /// The harness's id.
    pub variant: String,
    /// How it differs from the initial harness.
    pub edits: String,
    /// By split; what was not measured is absent.
    pub cells: BTreeMap<Split, Cell>,
    /// Tokens of all its episodes here, as if nothing had been replayed.
    pub tokens: u64,
}

/// Two arms, paired by task and seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// The arm that is hoped to be better.
    pub arm: String,
    /// The arm it is compared with.
    pub against: String,
    /// Whether `against` is the better of the initial harness and the no-model controls: the headline.
    pub headline: bool,
    /// On which split.
    pub split: Split,
    /// Mean paired difference with a 95 % interval over groups.
    pub difference: Interval,
}

/// Variants against one harness for all, on sealed tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variants {
    /// Name, cells it plays, and how it differs from the initial harness.
    pub variants: Vec<(String, String, String)>,
    /// The final pool − the best single harness: that of the initial one, of each variant alone, and of what the same
    /// evolver found with one harness. Chosen on the outcomes it is compared on, which favours it.
    pub against_single: Option<Contrast>,
    /// What routing is worth on explore tasks it was not fitted on.
    pub routing: Option<Routing>,
}

/// The initial harness with as many tries as the final one's tokens pay for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BestOfRow {
    /// Tries that equal cost pays for, and tries played.
    pub k: (u64, u64),
    /// At which temperature.
    pub temperature: f64,
    /// Tokens per task of the initial and the final harness.
    pub tokens: (f64, f64),
    /// Success if the best try is picked by somebody who knows the answer.
    pub oracle: Interval,
    /// Success if the most frequent end is picked.
    pub majority: Interval,
}

/// A shipped edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shipped {
    /// The round.
    pub round: u32,
    /// The edit.
    pub edit: String,
    /// Why it was tried: the failure category.
    pub meant_for: Option<String>,
    /// Gate groups that were used up before it was proven.
    pub used_up: u32,
    /// Groups and tasks to the proof.
    pub groups: u32,
    /// Tasks in them.
    pub tasks: u32,
    /// The level it was tested at.
    pub alpha: f64,
    /// Capital reached; its inverse is an anytime-valid p-value.
    pub capital: f64,
    /// Mean paired difference at the stop: biased by stopping, see the sealed table for the gain.
    pub mean_difference: f64,
    /// Who approved it, where a person had the last word.
    pub approved: Option<String>,
    /// The variant it made, and the tasks it was made and proven for; `None`: it changed one in place.
    pub fork: Option<(String, String)>,
    /// What it is worth in the final harness: all edits − all but this one, on explore tasks; `None`: not known.
    pub worth: Option<Interval>,
    /// Tasks it said it would unlock: (hits in the next round's explore, predicted).
    pub unlocked: Option<(usize, usize)>,
    /// What the protected panel said.
    pub panel: String,
}

/// A candidate that did not ship.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rejected {
    /// The round.
    pub round: u32,
    /// The edit.
    pub edit: String,
    /// Where it ended: `rebase`, `critic`, `screen`, `check` or `gate`.
    pub at: String,
    /// The judge's verdict, where it met the judge.
    pub verdict: Option<Verdict>,
    /// Why.
    pub reason: String,
}

/// A round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoundRow {
    /// Its number.
    pub round: u32,
    /// The tasks it was about; empty: all.
    pub about: String,
    /// Explore tasks the incumbent passed.
    pub passed: usize,
    /// Explore tasks.
    pub tasks: usize,
    /// What failed: (category, tasks).
    pub failures: Vec<(String, usize)>,
    /// Candidates.
    pub proposed: usize,
    /// Of them refused by the critic.
    pub refused: usize,
    /// Of them screened, pairs included.
    pub screened: usize,
    /// Of them good enough for the judge.
    pub survived: usize,
    /// Of them judged.
    pub judged: usize,
    /// Whether one shipped.
    pub shipped: bool,
}

/// What it cost.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Evolution.
    pub evolution: Meter,
    /// The arms of this report.
    pub measurement: Meter,
    /// Model calls made and, of all asked for, answered from the record; where the record counts them.
    pub calls: Option<(u64, u64)>,
    /// Tokens of the evolution for each point of the headline; `None` where there is no gain.
    pub tokens_per_point: Option<f64>,
    /// Wall clock of this sitting, in seconds.
    pub wall_seconds: f64,
}

/// What verdicts took, beside what the plain way would have: every candidate on every gate task of its part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Verdicts {
    /// Candidates that were tried.
    pub candidates: usize,
    /// Rollouts of their screens and of both arms of their duels and panels, none counted as reused.
    pub rollouts: u64,
    /// Each of them on all gate tasks, and every incumbent once.
    pub exhaustive: u64,
}

/// The judge judged on this run's own outcomes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placebo {
    /// The line.
    pub line: PlaceboLine,
    /// How far it could have got: one that cannot reach its threshold shows nothing.
    pub reach: Reach,
    /// Recorded contrasts it was made of.
    pub contrasts: usize,
    /// Explore and gate groups in them.
    pub groups: usize,
    /// The level its bound must not pass.
    pub alpha: f64,
}

/// What the first duel of a run like this one can prove. Simulated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// Gate groups.
    pub groups: usize,
    /// Level of the first duel.
    pub alpha: f64,
    /// Symmetric background discordance assumed.
    pub discordance: f64,
    /// (effect in points, share of duels that prove it).
    pub shares: Vec<(u32, f64)>,
}

/// The whole report of a suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The suite's name.
    pub suite: String,
    /// What its numbers are called.
    pub label: String,
    /// Whether a stand-in for a language model took part anywhere but in controls.
    pub simulated: bool,
    /// The model.
    pub model: String,
    /// The run.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Groups by use: explore, gate, sealed.
    pub groups: (usize, usize, usize),
    /// Most groups measured of each split.
    pub extent: Extent,
    /// The arms.
    pub rows: Vec<Row>,
    /// Paired differences.
    pub contrasts: Vec<Contrast>,
    /// Shipped edits.
    pub ships: Vec<Shipped>,
    /// Variants, where there are several.
    pub variants: Option<Variants>,
    /// Best-of-k at equal cost; `None`: not measured, or the final harness takes no more tokens.
    pub best_of: Option<BestOfRow>,
    /// What the shipped edits are worth, in words: interactions and what was pruned.
    pub attribution: Vec<String>,
    /// How often predictions came true: (bucket or module, hits, predicted).
    pub predictions: Vec<(String, usize, usize)>,
    /// Everything else.
    pub rejected: Vec<Rejected>,
    /// Rounds.
    pub rounds: Vec<RoundRow>,
    /// Ships of the run that had no pack written for the suite; `None`: there was no such run.
    pub generic_ships: Option<Vec<String>>,
    /// Why it ended.
    pub ended: Stop,
    /// Why the measurement ended early, if it did.
    pub cut_short: Option<Stop>,
    /// Error level of the run.
    pub alpha: f64,
    /// Of that, granted.
    pub alpha_spent: f64,
    /// What it cost.
    pub cost: Cost,
    /// Evaluations of the sealed split before this one, by whatever command.
    pub sealed_looks_before: usize,
    /// Who saw gate and sealed groups before this run, look by look.
    #[serde(default)]
    pub looks: Looks,
    /// What had a say beside the duels of gains, in words: drift test, saving, seesaw.
    #[serde(default)]
    pub others: Vec<String>,
    /// What verdicts took; `None` where nobody was tried.
    #[serde(default)]
    pub verdicts: Option<Verdicts>,
    /// The placebo line.
    pub placebo: Option<Placebo>,
    /// A/A: the initial harness on its second seed − on its first, on gate tasks; `None`: it played one seed.
    #[serde(default)]
    pub against_itself: Option<Interval>,
    /// What could be proven.
    pub power: Power,
    /// The final harness as `harness.toml`.
    pub final_toml: String,
}

impl Report {
    /// The headline on the sealed split, if it was measured.
    pub fn headline(&self) -> Option<&Contrast> {
        self.contrasts.iter().find(|contrast| contrast.headline && contrast.split == Split::Sealed)
    }
}

/// Why it ended, for a person.
pub(crate) fn ended(stop: Stop) -> &'static str {
    match stop {
        Stop::Rounds => "all rounds were played",
        Stop::Idle => "too many rounds in a row shipped nothing",
        Stop::GateUsedUp => "every gate group was used up by ships",
        Stop::NothingFails => "the incumbent passes every explore task",
        Stop::NoCandidates => "nothing was left to propose",
        Stop::Rollouts => "the budget of rollouts ended",
        Stop::Tokens => "the budget of tokens ended",
        Stop::WallClock => "the time was up",
        Stop::Interrupted => "it was told to stop; the same command continues",
        Stop::Lost => "the model or the environment could not be reached any more; the same command continues",
        Stop::Approval => {
            "a proven edit waits for a person: `harness evolve approve RUN`; then the same command continues"
        }
    }
}
