//! The algebra: identity, inverse, composition, and when two edits commute. Refuses to call two edits disjoint on a guess: what
//! might collide, collides.

use std::collections::BTreeSet;

use crate::change::Place;
use crate::edit::{Edit, Op};
use crate::setting::Setting;

impl Edit {
    /// The edit that changes nothing.
    pub const IDENTITY: Self = Self(Vec::new());

    /// Whether it has no operations.
    pub fn is_identity(&self) -> bool {
        self.0.is_empty()
    }

    /// Undoes it: for every harness it applies to, `inverse.apply(edit.apply(h)) == h`.
    #[must_use]
    pub fn invert(&self) -> Self {
        Self(self.0.iter().rev().map(Op::invert).collect())
    }

    /// This one, then the other. Associative, with the empty edit as identity. `diff` of the ends is its shortest form.
    #[must_use]
    pub fn compose(&self, then: &Self) -> Self {
        Self(self.0.iter().chain(&then.0).cloned().collect())
    }

    /// Whether the two touch nothing in common. Disjoint edits that both apply to a harness apply in either order, with one result.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.conflicts(other).is_empty()
    }

    /// What both touch, in words, sorted; empty where they are disjoint.
    pub fn conflicts(&self, other: &Self) -> Vec<String> {
        let (mine, theirs) = (Footprint::of(self), Footprint::of(other));
        let clash: BTreeSet<&Thing> = (mine.writes.intersection(&theirs.writes))
            .chain(mine.writes.intersection(&theirs.reads))
            .chain(mine.reads.intersection(&theirs.writes))
            .collect();
        clash.into_iter().map(Thing::describe).collect()
    }
}

impl Op {
    /// The operation that undoes it.
    #[must_use]
    pub fn invert(&self) -> Self {
        match self.clone() {
            Self::Insert { place, after, module } => Self::Remove { place, after, module },
            Self::Remove { place, after, module } => Self::Insert { place, after, module },
            Self::Replace { place, old, new } => Self::Replace { place, old: new, new: old },
            Self::Move { place, id, from, to } => Self::Move { place, id, from: to, to: from },
            Self::Configure { place, id, key, old, new } => Self::Configure { place, id, key, old: new, new: old },
            Self::Model { role, old, new } => Self::Model { role, old: new, new: old },
            Self::Set { key, old, new } => Self::Set { key, old: new, new: old },
            Self::InsertRule { after, rule } => Self::RemoveRule { after, rule },
            Self::RemoveRule { after, rule } => Self::InsertRule { after, rule },
        }
    }
}

/// Something an operation looks at or changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    /// A module: that it is there, under this id.
    Module(Place, String),
    /// One config field of it.
    Config(Place, String, String),
    /// The gap behind a module (`None`: the head of the list): what stands there.
    Gap(Place, Option<String>),
    /// A rule.
    Rule(String),
    /// The gap behind a rule.
    RuleGap(Option<String>),
    /// A model role.
    Role(String),
    /// A setting.
    Setting(Setting),
}

impl Thing {
    fn describe(&self) -> String {
        let behind = |id: &Option<String>| {
            id.as_ref().map_or("the first place".to_owned(), |id| format!("the place after `{id}`"))
        };
        match self {
            Self::Module(place, id) => format!("{place} `{id}`"),
            Self::Config(place, id, key) => format!("{place} `{id}.{key}`"),
            Self::Gap(place, id) => format!("{} among the {place}s", behind(id)),
            Self::Rule(id) => format!("adapt rule `{id}`"),
            Self::RuleGap(id) => format!("{} among the adapt rules", behind(id)),
            Self::Role(role) => format!("model role `{role}`"),
            Self::Setting(setting) => format!("`{setting}`"),
        }
    }
}

#[derive(Default)]
struct Footprint {
    reads: BTreeSet<Thing>,
    writes: BTreeSet<Thing>,
}

impl Footprint {
    fn of(edit: &Edit) -> Self {
        let mut footprint = Self::default();
        edit.0.iter().for_each(|op| footprint.add(op));
        footprint
    }

    fn add(&mut self, op: &Op) {
        match op {
            // An inserted or removed module joins or parts the gaps before and behind it.
            Op::Insert { place, after, module } | Op::Remove { place, after, module } => self.writes.extend([
                Thing::Module(*place, module.id.clone()),
                Thing::Gap(*place, after.clone()),
                Thing::Gap(*place, Some(module.id.clone())),
            ]),
            Op::Replace { place, old, new } => {
                self.writes.insert(Thing::Module(*place, old.id.clone()));
                // A changed id renames the gap behind it.
                if new.id != old.id {
                    self.writes.insert(Thing::Module(*place, new.id.clone()));
                    self.writes.insert(Thing::Gap(*place, Some(old.id.clone())));
                    self.writes.insert(Thing::Gap(*place, Some(new.id.clone())));
                }
            }
            Op::Move { place, id, from, to } => {
                self.reads.insert(Thing::Module(*place, id.clone()));
                self.writes.extend([
                    Thing::Gap(*place, Some(id.clone())),
                    Thing::Gap(*place, from.clone()),
                    Thing::Gap(*place, to.clone()),
                ]);
            }
            Op::Configure { place, id, key, .. } => {
                self.reads.insert(Thing::Module(*place, id.clone()));
                self.writes.insert(Thing::Config(*place, id.clone(), key.clone()));
            }
            Op::Model { role, .. } => {
                self.writes.insert(Thing::Role(role.clone()));
            }
            Op::Set { key, .. } => {
                self.writes.insert(Thing::Setting(*key));
            }
            Op::InsertRule { after, rule } | Op::RemoveRule { after, rule } => self.writes.extend([
                Thing::Rule(rule.id.clone()),
                Thing::RuleGap(after.clone()),
                Thing::RuleGap(Some(rule.id.clone())),
            ]),
        }
    }
}
