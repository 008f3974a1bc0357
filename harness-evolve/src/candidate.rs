//! A proposed harness with everything that is claimed of it. Refuses claims without places in the record.

use harness_abi::Hook;
use harness_spec::{Change, Edit, Harness, VariantId};
use serde::{Deserialize, Serialize};

use crate::categories::Category;
use crate::config::EditKind;
use crate::digest::Anchor;

/// How a candidate came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Proposed in this round.
    Proposed,
    /// Two candidates of this round together.
    Combined(String, String),
    /// A candidate of this round with one field of its module at another value.
    Tuned(String),
    /// A candidate of an earlier round, made again for the present incumbent.
    Rebased(String),
    /// A refused candidate of this round without what was objected to.
    Revised(String),
}

/// What shows in a trace when the edit is at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The id that decides; of a rule, `adapt ID`.
    pub module: String,
    /// At these hooks.
    pub hooks: Vec<Hook>,
}

/// What is claimed of an edit, and on what evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// What it does.
    pub kind: EditKind,
    /// The directions it came from, by their keys.
    pub directions: Vec<String>,
    /// The modules it is about, as `pack/module`; of settings and rules, their names.
    pub modules: Vec<String>,
    /// The failures it is meant for; `None`: tried because nobody has.
    pub category: Option<Category>,
    /// Where those failures show.
    pub evidence: Vec<Anchor>,
    /// Why it can be done here: what the modules need of the model and get, and what their packs say of them.
    pub capability: Vec<String>,
    /// Explore tasks that fail and should pass.
    pub unlock: Vec<String>,
    /// Explore tasks that waver and should pass always.
    pub stabilize: Vec<String>,
    /// Explore tasks that pass and might not.
    pub at_risk: Vec<String>,
    /// What shows when it is at work.
    pub signature: Vec<Signature>,
}

/// A candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Round and number: "2.07".
    pub id: String,
    /// The wish: what is made again after a ship.
    pub changes: Vec<Change>,
    /// The edit of the present incumbent.
    pub edit: Edit,
    /// What it gives.
    pub variant: VariantId,
    /// How it came about.
    pub origin: Origin,
    /// What is claimed of it.
    pub manifest: Manifest,
    /// The harness itself; the edit says it in the ledger.
    #[serde(skip)]
    pub harness: Harness,
}
