//! From what is wanted to what is done: a [`Change`] against a harness gives the [`Op`] with its pre-image. Refuses ids that are not
//! there.

use crate::apply::{EditError, EditProblem, RULE, before, index};
use crate::change::{Change, Place, Position};
use crate::edit::{Edit, Op};
use crate::harness::{Harness, ModuleSpec};

impl Edit {
    /// Resolves changes one after another, each against the result of those before.
    ///
    /// # Errors
    ///
    /// Which change does not resolve, and why.
    pub fn from_changes(changes: &[Change], harness: &Harness) -> Result<Self, EditError> {
        let mut now = harness.clone();
        let mut ops = Vec::with_capacity(changes.len());
        for (index, change) in changes.iter().enumerate() {
            let fail = |problem| EditError { index, op: change.to_string(), problem: Box::new(problem) };
            let op = change.resolve(&now).map_err(fail)?;
            op.perform(&mut now).map_err(fail)?;
            ops.push(op);
        }
        Ok(Self(ops))
    }
}

impl Change {
    /// The operation this change is against a harness.
    ///
    /// # Errors
    ///
    /// When what it names is not there, or the value does not fit.
    pub fn resolve(&self, harness: &Harness) -> Result<Op, EditProblem> {
        Ok(match self {
            Self::Insert { place, module, id, config, at } => Op::Insert {
                place: *place,
                after: neighbour(*place, harness, at, None)?,
                module: ModuleSpec {
                    id: id.clone().unwrap_or_else(|| module.module.clone()),
                    module: module.clone(),
                    config: config.clone(),
                },
            },
            Self::Remove { place, id } => {
                let (after, module) = find(*place, harness, id)?;
                Op::Remove { place: *place, after, module }
            }
            Self::Replace { place, id, module, config } => Op::Replace {
                place: *place,
                old: find(*place, harness, id)?.1,
                new: ModuleSpec { id: id.clone(), module: module.clone(), config: config.clone() },
            },
            Self::Move { place, id, at } => Op::Move {
                place: *place,
                id: id.clone(),
                from: find(*place, harness, id)?.0,
                to: neighbour(*place, harness, at, Some(id))?,
            },
            Self::Configure { place, id, key, value } => Op::Configure {
                place: *place,
                id: id.clone(),
                key: key.clone(),
                old: find(*place, harness, id)?.1.config.get(key).cloned(),
                new: value.clone(),
            },
            Self::Model { role, model } => {
                Op::Model { role: role.clone(), old: harness.models.get(role).cloned(), new: model.clone() }
            }
            Self::Set { key, value } => {
                // "Back to the default" is the default's value, so that the operation says what it sets.
                let new = value.clone().or_else(|| key.read(&Harness::default()));
                Op::Set { key: *key, old: key.read(harness), new }
            }
            Self::Adapt { rule } => {
                Op::InsertRule { after: harness.adapt.last().map(|last| last.id.clone()), rule: rule.clone() }
            }
            Self::Unadapt { id } => {
                let at = index(&harness.adapt, RULE, id)?;
                let after = before(&harness.adapt, at).map(str::to_owned);
                match harness.adapt.get(at) {
                    Some(rule) => Op::RemoveRule { after, rule: rule.clone() },
                    None => return Err(EditProblem::Absent { what: RULE, id: id.clone(), hint: String::new() }),
                }
            }
        })
    }
}

/// A module by id, with the id before it.
fn find(place: Place, harness: &Harness, id: &str) -> Result<(Option<String>, ModuleSpec), EditProblem> {
    let list = place.list(harness);
    let at = index(list, place.what(), id)?;
    match list.get(at) {
        Some(module) => Ok((before(list, at).map(str::to_owned), module.clone())),
        None => Err(EditProblem::Absent { what: place.what(), id: id.to_owned(), hint: String::new() }),
    }
}

/// The id a position stands behind; one that is itself moved does not count as last.
fn neighbour(
    place: Place,
    harness: &Harness,
    at: &Position,
    moved: Option<&str>,
) -> Result<Option<String>, EditProblem> {
    let list = place.list(harness);
    match at {
        Position::First => Ok(None),
        Position::Last => Ok(list.iter().rev().map(|m| m.id.as_str()).find(|id| Some(*id) != moved).map(str::to_owned)),
        Position::After(id) => index(list, place.what(), id).map(|_| Some(id.clone())),
    }
}
