//! Tools whose words come from elsewhere, such as those of MCP servers: what a harness's own show, for a lock. Starts each once.

use harness_host::{Host, HostError, Shown};
use harness_spec::{Edit, LockedTool, ModuleSpec, Pool};

use crate::Failure;

/// What each `foreign` tool of a pool shows, mid-task rules and harnesses that lie in others included: by the tool's id.
pub(in crate::app) fn foreign(pool: &Pool, host: &Host) -> Result<Vec<(String, LockedTool, Shown)>, Failure> {
    let mut all: Vec<(String, LockedTool, Shown)> = Vec::new();
    for harness in pool.variants.values() {
        // A rule that cannot apply fails when the harness is assembled; here it adds no tool.
        let ruled =
            harness.adapt.iter().filter_map(|rule| Edit::from_changes(&rule.apply, harness).ok()?.apply(harness).ok());
        let tools = ruled.chain([harness.clone()]).flat_map(|whole| {
            let inner = whole.all_inner(host.catalogue());
            whole.tools.into_iter().chain(inner.into_iter().flat_map(|(_, inner)| inner.tools))
        });
        for spec in tools.collect::<Vec<ModuleSpec>>() {
            let resolved = host.resolve(&spec.module, &spec.config)?;
            let shown = resolved
                .foreign()
                .map_err(|error| HostError::Module { module: spec.module.clone(), error: Box::new(error) })?;
            if let Some((locked, shown)) = shown
                && !all.iter().any(|(_, known, _)| *known == locked)
            {
                all.push((spec.id.clone(), locked, shown));
            }
        }
    }
    Ok(all)
}
