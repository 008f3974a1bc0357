//! What is claimed of an edit: evidence, what it needs and has, the tasks it should unlock, stabilize, or might break, and
//! what shows when it is at work. Refuses predictions of tasks nobody has seen.

use harness_abi::{Hook, Kind};
use harness_spec::{Change, ModuleRef, Place};

use crate::candidate::{Manifest, Signature};
use crate::digest::TaskDigest;
use crate::view::{Direction, View};

/// What is claimed of an edit from a direction.
pub(crate) fn claims(view: View<'_>, direction: &Direction, changes: &[Change], digests: &[TaskDigest]) -> Manifest {
    let clusters = &view.landscape.clusters;
    let meant = direction.category.as_ref().and_then(|category| view.landscape.cluster(category));
    let shown = meant.or_else(|| clusters.first());
    let steps = digests.iter().filter(|digest| digest.passes()).map(|digest| digest.steps).max().unwrap_or(0);
    let entry = direction.module.parse::<ModuleRef>().ok();
    let entry = entry.as_ref().and_then(|reference| view.catalogue.lookup(reference).ok());
    let mut capability = Vec::new();
    if let Some(entry) = entry {
        capability.push(format!("{} {}: {}", entry.reference(), entry.pack.pack.version, entry.module.summary));
        if !entry.module.needs.is_empty() {
            let needs: Vec<String> = entry.module.needs.iter().map(ToString::to_string).collect();
            capability.push(format!("needs {}; the main model provides it", needs.join(", ")));
        }
    }
    if capability.is_empty() {
        capability.push(format!("{}: a part of every harness, no module needed", direction.module));
    }
    Manifest {
        kind: direction.kind,
        modules: vec![direction.module.clone()],
        category: direction.category.clone(),
        directions: vec![direction.key()],
        evidence: shown.map(|cluster| cluster.anchors.clone()).unwrap_or_default(),
        capability,
        unlock: meant.map(|cluster| cluster.tasks.clone()).unwrap_or_default(),
        stabilize: digests.iter().filter(|digest| digest.wavers()).map(|digest| digest.task.clone()).collect(),
        // The longest passes are the ones a change of behaviour has most chances to break.
        at_risk: digests.iter().filter(|d| d.passes() && d.steps * 4 > steps * 3).map(|d| d.task.clone()).collect(),
        signature: changes.iter().filter_map(|change| sign(view, change)).collect(),
    }
}

/// What shows in a trace when a change is at work: decisions of the processor it is about, the rule that fires. A tool,
/// a setting and whatever is taken out leave no sign of their own.
fn sign(view: View<'_>, change: &Change) -> Option<Signature> {
    let processor = |reference: &ModuleRef, id: &str| {
        let entry = view.catalogue.lookup(reference).ok()?;
        let decides = entry.module.kind == Kind::Processor;
        decides.then(|| Signature { module: id.to_owned(), hooks: entry.module.hooks.clone() })
    };
    match change {
        Change::Insert { module, id, .. } => processor(module, id.as_deref().unwrap_or(&module.module)),
        Change::Replace { module, id, .. } => processor(module, id),
        Change::Configure { place: Place::Processor, id, .. } => processor(&view.incumbent.processor(id)?.module, id),
        Change::Adapt { rule } => Some(Signature { module: format!("adapt {}", rule.id), hooks: vec![Hook::StepEnd] }),
        _ => None,
    }
}
