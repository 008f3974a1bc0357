//! Which directions are worth a candidate: modules and places to edit, ranked by what they claim to help with, what was
//! seen of them, and a guaranteed share for what nobody has tried. Refuses to leave an installed module unseen for ever.

use std::future::Future;

use harness_abi::Kind;
use harness_spec::{Catalogue, Entry, Harness, Place};
use serde::{Deserialize, Serialize};

use crate::candidate::EditKind;
use crate::categories::Category;
use crate::config::EvolveConfig;
use crate::error::EvolveError;
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
    /// What was seen of modules.
    pub posterior: &'a Posterior,
    /// The run's settings.
    pub config: &'a EvolveConfig,
}

/// Something to try.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Direction {
    /// What to do.
    pub kind: EditKind,
    /// With which module, as `pack/module`.
    pub module: String,
    /// In which list.
    pub place: Place,
    /// To which module of the harness; `None` for an insertion.
    pub target: Option<String>,
    /// Against which failures.
    pub category: Option<Category>,
    /// Expected worth; only its order counts.
    pub score: f64,
    /// Whether it changes which modules there are and its module was never tried.
    pub untried: bool,
}

/// Ranks directions, best first.
pub trait Planner: Send + Sync {
    /// The directions of a round.
    fn plan(&self, view: View<'_>) -> impl Future<Output = Result<Vec<Direction>, EvolveError>> + Send;
}

/// The planner that needs no model.
///
/// Worth = Σ over failing clusters the module addresses of (share of tasks × posterior mean of a gain), or, for a module
/// that addresses none of them, a twentieth of its mean over all; halved for a field of a module that is there, a tenth
/// for taking one out (a third if the failures implicate it). Every third place, or as the settings say, goes to the best
/// structural direction nobody has tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct LandscapePlanner;

/// Worth of a module that claims nothing which is needed here.
const UNCLAIMED: f64 = 0.05;

impl Planner for LandscapePlanner {
    async fn plan(&self, view: View<'_>) -> Result<Vec<Direction>, EvolveError> {
        let mut directions = additions(view);
        directions.extend(changes(view));
        directions.retain(|direction| view.config.allowed_kinds.contains(&direction.kind));
        // Equal worth keeps the catalogue's order.
        directions.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(guarantee(directions, view.config.structural_share))
    }
}

/// Modules that are installed and not in the harness.
fn additions(view: View<'_>) -> Vec<Direction> {
    let mut directions = Vec::new();
    for entry in view.catalogue.modules().filter(|entry| view.config.allows_pack(&entry.pack.pack.name)) {
        let place = match entry.module.kind {
            Kind::Processor => Place::Processor,
            Kind::Tool => Place::Tool,
            Kind::Model | Kind::Environment | Kind::Verifier => continue,
        };
        let reference = entry.reference();
        let present = match place {
            Place::Processor => &view.incumbent.processors,
            Place::Tool => &view.incumbent.tools,
        };
        if present.iter().any(|spec| spec.module.pack == reference.pack && spec.module.module == reference.module) {
            continue;
        }
        let taken = present.iter().find(|spec| {
            let role = view.catalogue.lookup(&spec.module).ok().and_then(|other| other.module.role.as_ref());
            role.is_some() && role == entry.module.role.as_ref()
        });
        let kind = if taken.is_some() { EditKind::Replace } else { EditKind::Insert };
        let (score, category) = worth(view, &entry);
        directions.push(Direction {
            kind,
            module: reference.to_string(),
            place,
            target: taken.map(|spec| spec.id.clone()),
            category,
            score,
            untried: !view.posterior.tried(&reference.to_string()),
        });
    }
    directions
}

/// Fields to change and modules to take out.
fn changes(view: View<'_>) -> Vec<Direction> {
    let mut directions = Vec::new();
    let lists = [(Place::Processor, &view.incumbent.processors), (Place::Tool, &view.incumbent.tools)];
    for (place, spec) in lists.into_iter().flat_map(|(place, list)| list.iter().map(move |spec| (place, spec))) {
        let Ok(entry) = view.catalogue.lookup(&spec.module) else { continue };
        let (worth, category) = worth(view, &entry);
        let implicated = view.landscape.clusters.iter().any(|cluster| cluster.modules.contains(&spec.id));
        let direction = |kind, score| Direction {
            kind,
            module: entry.reference().to_string(),
            place,
            target: Some(spec.id.clone()),
            category,
            score,
            untried: false,
        };
        if entry.module.config.values().any(|field| field.tunable) {
            directions.push(direction(EditKind::Configure, worth * 0.5));
        }
        directions.push(direction(EditKind::Remove, worth * if implicated { 0.3 } else { 0.1 }));
    }
    directions
}

/// The worth of a module and the category it is worth most against.
fn worth(view: View<'_>, entry: &Entry<'_>) -> (f64, Option<Category>) {
    let module = entry.reference().to_string();
    let (mut sum, mut best): (f64, Option<(f64, Category)>) = (0.0, None);
    for cluster in &view.landscape.clusters {
        let name = cluster.category.name();
        if entry.module.addresses.iter().any(|claimed| claimed == name) {
            let part = cluster.share * view.posterior.mean(&module, name);
            sum += part;
            if best.is_none_or(|(most, _)| part > most) {
                best = Some((part, cluster.category));
            }
        }
    }
    match best {
        Some((_, category)) => (sum, Some(category)),
        None => (UNCLAIMED * view.posterior.mean(&module, UNCLAIMED_CATEGORY), None),
    }
}

/// Under which name trials of a module are counted that were for no category.
pub(crate) const UNCLAIMED_CATEGORY: &str = "none";

/// Reorders so that of every prefix at least `share` is untried, as long as there is any. Among those, modules without a
/// fitting claim take every other place: claims may be wrong.
fn guarantee(ranked: Vec<Direction>, share: f64) -> Vec<Direction> {
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
    order
}
