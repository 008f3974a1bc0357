//! What confines the commands of a harness's tools, to be said at the start and recorded; and the folder they work in.

use std::path::Path;

use harness_abi::Workspace;
use harness_sandbox::{Choice, choose};
use harness_spec::{Catalogue, Config, Harness, ModelSpec, ModuleRef};

use crate::Failure;

/// The tool that runs commands.
const BASH: &str = "tools/bash";

/// What confines each tool of `harness`, and of those that lie in it, that runs commands, by the tool's id; empty if none does.
///
/// # Errors
///
/// If nothing on this machine does what the harness asks for.
pub(super) fn of(
    harness: &Harness,
    catalogue: &Catalogue,
) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
    let inner = harness.all_inner(catalogue);
    let all = std::iter::once(("", harness)).chain(inner.iter().map(|(place, inner)| (place.as_str(), inner)));
    let shells = all.flat_map(|(place, harness)| harness.tools.iter().map(move |tool| (place, tool)));
    let chosen = shells.filter(|(_, tool)| is(&tool.module, BASH)).map(|(place, tool)| {
        let asked = tool.config.get("sandbox").cloned().unwrap_or_default();
        let choice: Choice = serde_json::from_value(asked).unwrap_or_default();
        let mechanism = choose(choice).map_err(Failure::input)?;
        let id = if place.is_empty() { tool.id.clone() } else { format!("{place}.{}", tool.id) };
        Ok((id, mechanism.name().into()))
    });
    chosen.collect()
}

/// Lets the person at this process's terminal answer what the harness's `approval` asks, where nobody else is named.
pub(super) fn let_person_approve(harness: &mut Harness, catalogue: &Catalogue) -> Result<(), Failure> {
    let inner = harness.all_inner(catalogue);
    let mut all = std::iter::once(&*harness).chain(inner.iter().map(|(_, inner)| inner));
    let asks = all.any(|one| one.processors.iter().any(|processor| is(&processor.module, "tools/approval")));
    if asks && !harness.models.contains_key("approval") {
        let module = "tools/person".parse().map_err(Failure::input)?;
        harness
            .models
            .insert("approval".to_owned(), ModelSpec { module, config: Config::new(), fallbacks: Vec::new() });
    }
    Ok(())
}

/// Whether a reference, with a version or without, is to this module.
fn is(reference: &ModuleRef, module: &str) -> bool {
    reference.to_string().split('@').next() == Some(module)
}

/// The folder that tools work in.
///
/// # Errors
///
/// If it is none.
pub(super) fn workspace(folder: &Path) -> Result<Workspace, Failure> {
    let fail = |why: &dyn std::fmt::Display| Failure::input(format!("workspace {}: {why}", folder.display()));
    let path = folder.canonicalize().map_err(|error| fail(&error))?;
    if !path.is_dir() {
        return Err(fail(&"it is no folder"));
    }
    let path = path.to_str().ok_or_else(|| fail(&"its path is not UTF-8"))?;
    Ok(Workspace { path: path.to_owned(), at: String::new() })
}
