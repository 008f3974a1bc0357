//! What stages are given and what passes between them: the view of a round, and directions to try. Made of explore tasks, the
//! catalogue, and one bit per candidate.

use harness_spec::{Catalogue, Change, Harness, Place};
use serde::{Deserialize, Serialize};

use crate::categories::Category;
use crate::config::{EditKind, EvolveConfig};
use crate::history::History;
use crate::landscape::{Landscape, Posterior};

/// What the stages may look at: explore tasks, the catalogue, and one bit per candidate, folded into the posterior.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The round, from 1.
    pub round: u32,
    /// What fails.
    pub landscape: &'a Landscape,
    /// The harness to be improved.
    pub incumbent: &'a Harness,
    /// What is installed.
    pub catalogue: &'a Catalogue,
    /// What was seen of modules, in earlier runs of the workspace too.
    pub posterior: &'a Posterior,
    /// What was tried in this run.
    pub history: &'a History,
    /// The run's settings.
    pub config: &'a EvolveConfig,
}

/// Something to try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Direction {
    /// What to do.
    pub kind: EditKind,
    /// With which module, as `pack/module`; of settings and rules, their name.
    pub module: String,
    /// In which list.
    pub place: Place,
    /// To which module of the harness; `None` for an insertion.
    pub target: Option<String>,
    /// Ready edits to try, the best first, each one or several changes; empty: the evolver makes them from the manifest.
    pub wishes: Vec<Vec<Change>>,
    /// Against which failures.
    pub category: Option<Category>,
    /// Expected worth; only its order counts.
    pub score: f64,
    /// Whether it changes which modules there are and its module was not tried in this run.
    pub untried: bool,
}

impl Direction {
    /// What it is, in one text: what the history of a run knows it by.
    pub fn key(&self) -> String {
        format!("{} {} {}", self.kind.name(), self.module, self.target.as_deref().unwrap_or("-"))
    }
}
