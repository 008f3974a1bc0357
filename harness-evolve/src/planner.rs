//! Which directions are worth a candidate: ranked by what they claim to help with, what was seen of them here and in
//! earlier runs, and a guaranteed share for what nobody has tried. Refuses to leave an installed module unseen for ever.

use std::future::Future;

use harness_spec::{Catalogue, Change, Harness, Place};
use serde::{Deserialize, Serialize};

use crate::candidate::EditKind;
use crate::categories::Category;
use crate::config::EvolveConfig;
use crate::directions;
use crate::error::EvolveError;
use crate::landscape::{Landscape, Posterior};
use crate::track::Track;

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
    pub track: &'a Track,
    /// Tokens that stages may still spend on a model of their own; `None`: no limit.
    pub tokens_left: Option<u64>,
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
    /// What it is, in one text: what the track of a run knows it by.
    pub fn key(&self) -> String {
        format!("{} {} {}", self.kind.name(), self.module, self.target.as_deref().unwrap_or("-"))
    }
}

/// Ranks directions, best first.
pub trait Planner: Send + Sync {
    /// The directions of a round.
    fn plan(&self, view: View<'_>) -> impl Future<Output = Result<Vec<Direction>, EvolveError>> + Send;
}

/// The planner that needs no model.
///
/// Worth = Σ over failing clusters the module addresses of (share of tasks × posterior mean of a gain), or, for a module
/// that addresses none of them, a twentieth of its mean over all; halved for whatever brings no module in, a tenth for
/// taking one out (a third if the failures implicate it). A cluster whose ships came true less and less counts half
/// ([`Track::worn`]). Directions that rest after a disappointment come last ([`Track::rests`]). Every third place, or as
/// the settings say, goes to the best structural direction this run has not tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct LandscapePlanner;

impl Planner for LandscapePlanner {
    async fn plan(&self, view: View<'_>) -> Result<Vec<Direction>, EvolveError> {
        Ok(rank(view))
    }
}

pub(crate) fn rank(view: View<'_>) -> Vec<Direction> {
    let mut directions = directions::all(view);
    directions.retain(|direction| view.config.allowed_kinds.contains(&direction.kind));
    // Equal worth keeps the catalogue's order.
    directions.sort_by(|a, b| b.score.total_cmp(&a.score));
    guarantee(directions, view)
}

/// Reorders ranked directions so that of every prefix at least the guaranteed share is untried, as long as there is any.
/// Among those, modules without a fitting claim take every other place: claims may be wrong. Who rests comes last.
pub(crate) fn guarantee(ranked: Vec<Direction>, view: View<'_>) -> Vec<Direction> {
    let share = view.config.structural_share;
    let rests = |direction: &Direction| view.track.rests(&direction.key(), view.round, view.config.cooldown);
    let (resting, ranked): (Vec<_>, Vec<_>) = ranked.into_iter().partition(rests);
    let (mut untried, mut rest): (Vec<_>, Vec<_>) = ranked.into_iter().partition(|d| d.untried && d.kind.structural());
    let mut order = Vec::with_capacity(untried.len() + rest.len());
    let (mut given, mut unclaimed_turn) = (0_usize, false);
    while !untried.is_empty() || !rest.is_empty() {
        let owed = (given as f64) < share * (order.len() + 1) as f64;
        let better = match (untried.first(), rest.first()) {
            (Some(new), Some(old)) => new.score >= old.score,
            (new, _) => new.is_some(),
        };
        if !untried.is_empty() && (owed || better) {
            let unclaimed = untried.iter().position(|d| d.category.is_none()).filter(|_| owed && unclaimed_turn);
            unclaimed_turn ^= owed;
            order.push(untried.remove(unclaimed.unwrap_or(0)));
            given += 1;
        } else {
            order.push(rest.remove(0));
        }
    }
    order.extend(resting);
    order
}
