//! The edit between two harnesses: `diff(a, b).apply(a) == b`. Ids must be unique within each list, as `check`
//! demands, or the result may not apply.

use std::collections::BTreeSet;

use crate::apply::{Named, before};
use crate::change::Place;
use crate::edit::{Edit, Op};
use crate::harness::{Harness, ModuleSpec};
use crate::setting::Setting;
use crate::vocabulary::Vocabulary;

/// A short edit from `a` to `b`: fields one by one, whole modules only where the module itself differs, and as few moves as there
/// can be.
pub fn diff(a: &Harness, b: &Harness) -> Edit {
    let mut ops = Vec::new();
    let roles: BTreeSet<&String> = a.models.keys().chain(b.models.keys()).collect();
    for role in roles {
        let (old, new) = (a.models.get(role).cloned(), b.models.get(role).cloned());
        if old != new {
            ops.push(Op::Model { role: role.clone(), old, new });
        }
    }
    for place in Place::all() {
        modules(*place, place.list(a), place.list(b), &mut ops);
    }
    for key in Setting::all() {
        let (old, new) = (key.read(a), key.read(b));
        if old != new {
            ops.push(Op::Set { key: *key, old, new });
        }
    }
    rules(a, b, &mut ops);
    Edit(ops)
}

fn modules(place: Place, a: &[ModuleSpec], b: &[ModuleSpec], ops: &mut Vec<Op>) {
    let mut present = a.to_vec();
    for spec in &mut present {
        let Some(target) = b.iter().find(|other| other.id == spec.id) else {
            continue;
        };
        if target.module != spec.module {
            ops.push(Op::Replace { place, old: spec.clone(), new: target.clone() });
        } else {
            let keys: BTreeSet<&String> = spec.config.keys().chain(target.config.keys()).collect();
            for key in keys {
                let (old, new) = (spec.config.get(key).cloned(), target.config.get(key).cloned());
                if old != new {
                    ops.push(Op::Configure { place, id: spec.id.clone(), key: key.clone(), old, new });
                }
            }
        }
        *spec = target.clone();
    }
    for step in rearrange(&present, b) {
        match step {
            Step::Remove { after, item } => ops.push(Op::Remove { place, after, module: item }),
            Step::Insert { after, item } => ops.push(Op::Insert { place, after, module: item }),
            Step::Move { from, to, item } => ops.push(Op::Move { place, id: item.id, from, to }),
        }
    }
}

fn rules(a: &Harness, b: &Harness, ops: &mut Vec<Op>) {
    for step in rearrange(&a.adapt, &b.adapt) {
        match step {
            Step::Remove { after, item } => ops.push(Op::RemoveRule { after, rule: item }),
            Step::Insert { after, item } => ops.push(Op::InsertRule { after, rule: item }),
            Step::Move { from, to, item } => {
                // Rules have no move of their own: two operations do it. Taken out first, so that the id is free.
                ops.push(Op::RemoveRule { after: from, rule: item.clone() });
                ops.push(Op::InsertRule { after: to, rule: item });
            }
        }
    }
}

enum Step<T> {
    Remove { after: Option<String>, item: T },
    Insert { after: Option<String>, item: T },
    Move { from: Option<String>, to: Option<String>, item: T },
}

/// Steps that turn list `a` into list `b`. Items are the same where they are equal; those of a longest increasing subsequence stay.
fn rearrange<T: Named>(a: &[T], b: &[T]) -> Vec<Step<T>> {
    let mut steps = Vec::new();
    let mut now: Vec<T> = a.to_vec();
    let owned = |id: Option<&str>| id.map(str::to_owned);
    let mut at = 0;
    while let Some(item) = now.get(at) {
        if b.contains(item) {
            at += 1;
        } else {
            let after = owned(before(&now, at));
            steps.push(Step::Remove { after, item: now.remove(at) });
        }
    }
    let stays = longest_increasing(&now.iter().filter_map(|item| b.iter().position(|x| x == item)).collect::<Vec<_>>());
    for (goal, item) in b.iter().enumerate() {
        let to = owned(before(b, goal));
        let target =
            |list: &[T]| to.as_ref().map_or(Some(0), |id| list.iter().position(|x| x.id() == id).map(|i| i + 1));
        match now.iter().position(|x| x == item) {
            None => {
                let slot = target(&now).unwrap_or(now.len());
                now.insert(slot, item.clone());
                steps.push(Step::Insert { after: to, item: item.clone() });
            }
            Some(_) if stays.contains(&goal) => {}
            Some(at) => {
                let from = owned(before(&now, at));
                if from != to {
                    now.remove(at);
                    let slot = target(&now).unwrap_or(now.len());
                    now.insert(slot, item.clone());
                    steps.push(Step::Move { from, to, item: item.clone() });
                }
            }
        }
    }
    steps
}

/// A longest strictly increasing subsequence, as the set of its values. Quadratic: lists here are short.
fn longest_increasing(values: &[usize]) -> BTreeSet<usize> {
    let mut best: Vec<Vec<usize>> = Vec::with_capacity(values.len());
    for (i, value) in values.iter().enumerate() {
        let mut chain = best
            .iter()
            .take(i)
            .filter(|chain| chain.last().is_some_and(|last| last < value))
            .max_by_key(|chain| chain.len())
            .cloned()
            .unwrap_or_default();
        chain.push(*value);
        best.push(chain);
    }
    best.into_iter().max_by_key(Vec::len).unwrap_or_default().into_iter().collect()
}
