//! The names players see: `cabinet_bar__minus_1...` becomes `cabinet 3`. Within a kind the
//! lowest number goes to the entity whose identifier sorts last.

use std::collections::HashMap;

use crate::pddl::Entities;

/// Display names by entity; those not `present` in any initial fact have none.
pub(crate) fn display_names(entities: &Entities, present: &[bool]) -> Vec<String> {
    let kind = |id: &str| {
        let (kind, _) = id.split_once("_bar_")?;
        let basin = if id.contains("basin") { "basin" } else { "" };
        Some(format!("{kind}{basin}"))
    };
    let mut left: HashMap<String, usize> = HashMap::new();
    let present_ids = || entities.ids().filter(|e| present[usize::from(*e)]);
    for entity in present_ids() {
        if let Some(kind) = kind(entities.name(entity)) {
            *left.entry(kind).or_default() += 1;
        }
    }
    let mut names = vec![String::new(); entities.len()];
    for entity in present_ids() {
        let id = entities.name(entity);
        names[usize::from(entity)] = match kind(id) {
            Some(kind) => {
                let number = left.get_mut(&kind).map_or(0, |n| std::mem::replace(n, *n - 1));
                format!("{kind} {number}")
            }
            // Unnumbered names keep a trailing space, as in the reference.
            None => format!(
                "{} ",
                id.replace("_minus_", "-").replace("_plus_", "+").replace("_dot_", ".").replace("_comma_", ",")
            ),
        };
    }
    names
}
