//! Ground atoms packed into 64 bits, and the table of facts that never change.

use crate::hash::{Map, Set};
use crate::pddl::{EntityId, PredicateId};

/// A predicate and up to three entities. Keys order as (predicate, first, second, third), and
/// entity ids order as names, so sorting keys sorts facts the way the reference prints them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Atom(u64);

impl Atom {
    pub fn new(predicate: PredicateId, arguments: impl IntoIterator<Item = EntityId>) -> Self {
        let mut key = u64::from(predicate) << 48;
        for (position, entity) in arguments.into_iter().take(3).enumerate() {
            // Zero stands for "no argument", so entities are stored one higher.
            key |= (u64::from(entity) + 1) << (32 - 16 * position);
        }
        Self(key)
    }
    pub fn predicate(self) -> PredicateId {
        (self.0 >> 48) as PredicateId
    }
    /// The entity at a position, if the atom has that many arguments.
    pub fn argument(self, position: usize) -> Option<EntityId> {
        let stored = (self.0 >> (32 - 16 * position.min(2))) as u16;
        if position > 2 { None } else { stored.checked_sub(1) }
    }
    pub fn arity(self) -> usize {
        (0..3).take_while(|p| self.argument(*p).is_some()).count()
    }
}

/// Facts of predicates no action touches, indexed by each argument.
#[derive(Debug, Default)]
pub(crate) struct StaticFacts {
    set: Set<Atom>,
    by_predicate: Map<PredicateId, Vec<Atom>>,
    by_argument: Map<(PredicateId, usize, EntityId), Vec<Atom>>,
}

impl StaticFacts {
    pub fn new(mut atoms: Vec<Atom>) -> Self {
        atoms.sort_unstable();
        atoms.dedup();
        let mut table = Self::default();
        for atom in atoms {
            table.set.insert(atom);
            table.by_predicate.entry(atom.predicate()).or_default().push(atom);
            for position in 0..atom.arity() {
                if let Some(entity) = atom.argument(position) {
                    table.by_argument.entry((atom.predicate(), position, entity)).or_default().push(atom);
                }
            }
        }
        table
    }
    pub fn contains(&self, atom: Atom) -> bool {
        self.set.contains(&atom)
    }
    /// All facts of a predicate, in order.
    pub fn of(&self, predicate: PredicateId) -> &[Atom] {
        self.by_predicate.get(&predicate).map_or(&[], Vec::as_slice)
    }
    /// The facts with a given entity at a given position, in order.
    pub fn with(&self, predicate: PredicateId, position: usize, entity: EntityId) -> &[Atom] {
        self.by_argument.get(&(predicate, position, entity)).map_or(&[], Vec::as_slice)
    }
}
