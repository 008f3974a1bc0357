//! In which order a hook calls its processors: pre before normal before post; within each, `after` where it applies, else the listed
//! order. Refuses contradictions.

use harness_abi::Hook;

use crate::catalogue::Catalogue;
use crate::check::{SpecError, SpecProblem};
use crate::harness::Harness;
use crate::manifest::Module;

/// For each hook, indices into `Harness::processors` in call order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookOrder {
    by_hook: [Vec<usize>; Hook::ALL.len()],
}

impl HookOrder {
    /// Indices into `Harness::processors` that answer this hook, in call order.
    pub fn of(&self, hook: Hook) -> &[usize] {
        Hook::ALL.iter().position(|h| *h == hook).and_then(|at| self.by_hook.get(at)).map_or(&[], Vec::as_slice)
    }
}

/// One order for the whole harness, cut by hook. Fails on an unknown module, a cycle, or an `after` that its `order` forbids.
///
/// # Errors
///
/// An unknown module, a cycle, or an `after` that its `order` forbids.
pub fn resolve_order(harness: &Harness, catalogue: &Catalogue) -> Result<HookOrder, SpecError> {
    let mut modules = Vec::with_capacity(harness.processors.len());
    for spec in &harness.processors {
        let entry = catalogue
            .lookup(&spec.module)
            .map_err(|error| SpecError::new(format!("processor `{}`", spec.id), SpecProblem::Lookup(error)))?;
        modules.push(entry.module);
    }
    let order = total_order(harness, &modules)?;
    let mut by_hook = HookOrder::default();
    for (slot, hook) in by_hook.by_hook.iter_mut().zip(Hook::ALL) {
        *slot = order.iter().copied().filter(|i| modules.get(*i).is_some_and(|m| m.hooks.contains(&hook))).collect();
    }
    Ok(by_hook)
}

fn total_order(harness: &Harness, modules: &[&Module]) -> Result<Vec<usize>, SpecError> {
    let id = |i: usize| harness.processors.get(i).map_or("", |spec| spec.id.as_str());
    let named = |module: &Module, name: &str| module.name == name || module.slot.as_deref() == Some(name);
    let mut waits_for: Vec<Vec<usize>> = Vec::with_capacity(modules.len());
    for (i, module) in modules.iter().enumerate() {
        let mut earlier = Vec::new();
        for (j, other) in modules.iter().enumerate() {
            if i == j || !module.after.iter().any(|name| named(other, name)) {
                continue;
            }
            if other.order > module.order {
                return Err(SpecError::new(
                    format!("processor `{}`", id(i)),
                    SpecProblem::Order { order: module.order, other: id(j).to_owned(), other_order: other.order },
                ));
            }
            earlier.push(j);
        }
        waits_for.push(earlier);
    }
    let mut order: Vec<usize> = Vec::with_capacity(modules.len());
    let mut rest: Vec<usize> = (0..modules.len()).collect();
    // Stable: an earlier class first, then the listed order decides.
    rest.sort_by_key(|i| modules.get(*i).map(|m| m.order));
    while !rest.is_empty() {
        let ready = |i: &usize| waits_for.get(*i).is_none_or(|earlier| earlier.iter().all(|j| order.contains(j)));
        match rest.iter().position(ready) {
            Some(at) => order.push(rest.remove(at)),
            None => {
                let cycle = rest.iter().map(|i| format!("`{}`", id(*i))).collect::<Vec<_>>().join(", ");
                return Err(SpecError::new("processors", SpecProblem::Cycle { cycle }));
            }
        }
    }
    Ok(order)
}
