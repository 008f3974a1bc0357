//! Which directions are worth a candidate: ranked by what they claim to help with, what was seen of them here and in
//! earlier runs, and a guaranteed share for what nobody has tried. Refuses to leave an installed module unseen for ever.

use std::future::Future;

use crate::directions;
use crate::error::EvolveError;
use crate::view::{Direction, View};

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
/// (`History::worn`). Directions that rest after a disappointment come last (`History::rests`). Every third place, or as
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
    let rests = |direction: &Direction| view.history.rests(&direction.key(), view.round, view.config.cooldown);
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
