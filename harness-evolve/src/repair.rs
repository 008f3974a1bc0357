//! The one revision a refused candidate gets: without what was objected to. Refuses to guess: what cannot be mended by
//! leaving something out stays refused.

use std::collections::BTreeSet;

use harness_spec::{Change, Config};

use crate::admission::candidate as make;
use crate::candidate::{Candidate, Origin};
use crate::config_values::free_id;
use crate::critic::Objection;
use crate::view::View;

/// The candidate without what the critic objects to.
pub(crate) fn repaired(view: View<'_>, candidate: &Candidate, objection: &Objection) -> Option<Candidate> {
    let (mut changes, mut manifest) = (candidate.changes.clone(), candidate.manifest.clone());
    match objection {
        Objection::Leak { field, .. } | Objection::Format { field, .. } => {
            changes.iter_mut().for_each(|change| without(change, field));
            changes.retain(|change| !matches!(change, Change::Configure { value: None, key, .. } if key == field));
        }
        Objection::NoEvidence | Objection::FalseEvidence(..) => {
            let meant = manifest.category.as_ref().and_then(|category| view.landscape.cluster(category));
            manifest.evidence = meant.or_else(|| view.landscape.clusters.first())?.anchors.clone();
        }
        Objection::Stranger(_) => {
            let failing: BTreeSet<&String> = view.landscape.clusters.iter().flat_map(|c| &c.tasks).collect();
            manifest.unlock.retain(|task| failing.contains(task));
            manifest.stabilize.retain(|task| failing.contains(task));
            // Of tasks that pass, the landscape names none.
            manifest.at_risk.clear();
        }
        Objection::Collision(_) => {
            for change in &mut changes {
                if let Change::Insert { place, module, id, .. } = change {
                    let list = match place {
                        harness_spec::Place::Processor => &view.incumbent.processors,
                        harness_spec::Place::Tool => &view.incumbent.tools,
                    };
                    *id = free_id(list, module);
                }
            }
        }
        Objection::Duplicate
        | Objection::Missing(_)
        | Objection::NotCanonical(_)
        | Objection::Permission(_)
        | Objection::Worn { .. }
        | Objection::Reviewer(_) => return None,
    }
    if changes.is_empty() || (changes == candidate.changes && manifest == candidate.manifest) {
        return None;
    }
    make(view, changes, Origin::Revised(candidate.id.clone()), manifest)
}

/// Takes a field back to its default.
fn without(change: &mut Change, field: &str) {
    let drop = |config: &mut Config| {
        config.remove(field);
    };
    match change {
        Change::Insert { config, .. } | Change::Replace { config, .. } => drop(config),
        Change::Model { model: Some(model), .. } => {
            drop(&mut model.config);
            model.fallbacks.iter_mut().for_each(|fallback| drop(&mut fallback.config));
        }
        Change::Configure { key, value, .. } if key == field => *value = None,
        Change::Adapt { rule } => rule.apply.iter_mut().for_each(|change| without(change, field)),
        _ => {}
    }
}
