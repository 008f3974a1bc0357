//! From traces to digests. Refuses to keep a trace: entries are read once, episode by episode, and no episode twice.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use harness_spec::{Catalogue, Harness};
use harness_trace::{Entry, EpisodeResult, ExploreTrace};

use crate::categories::Categories;
use crate::digest::{EpisodeDigest, Note, TaskDigest};
use crate::error::EvolveError;
use crate::evaluator::JudgedOutcome;
use crate::reading::Reading;
use crate::view::View;

/// The explore traces of a round, to be looked at again. Nothing else can be reached through it.
pub type Traces<'a> = &'a (dyn Fn(&str) -> Result<ExploreTrace, EvolveError> + Sync);

/// Reads traces.
pub trait Digester: Send + Sync {
    /// Reads an episode.
    fn read(&self, played: &EpisodeResult, trace: &ExploreTrace) -> EpisodeDigest;

    /// Looks again at failing tasks, when all episodes of the round are read. Without a reader that understands, there is
    /// nothing to add.
    fn look_again(
        &self,
        _view: View<'_>,
        _digests: &BTreeMap<String, TaskDigest>,
        _traces: Traces<'_>,
    ) -> impl Future<Output = Result<Vec<Note>, EvolveError>> + Send {
        std::future::ready(Ok(Vec::new()))
    }
}

/// The digester that needs no model: categories by their tests.
#[derive(Debug, Clone, Default)]
pub struct TraceDigester {
    categories: Categories,
}

impl TraceDigester {
    /// With the categories of the installed packs beside the built-in ones.
    pub fn of(catalogue: &Catalogue) -> Self {
        Self { categories: Categories::of(catalogue) }
    }
}

impl Digester for TraceDigester {
    fn read(&self, played: &EpisodeResult, trace: &ExploreTrace) -> EpisodeDigest {
        let mut reading = Reading::new(&self.categories, played.judged());
        trace.entries().iter().for_each(|(step, entry)| reading.enter(*step, entry));
        reading.digest(played)
    }
}

/// Modules of a harness that decided something in an episode, and its rules that fired (as `adapt ID`): what an edit of
/// them could have changed.
pub fn active_modules(trace: &ExploreTrace, harness: &Harness) -> BTreeSet<String> {
    let at_work = trace.entries().iter().filter_map(|(_, entry)| match entry {
        Entry::Decided { module, .. } => Some(module.clone()),
        Entry::Adapted { rule, .. } => harness.adapt.get(*rule).map(|rule| format!("adapt {}", rule.id)),
        _ => None,
    });
    at_work.collect()
}
