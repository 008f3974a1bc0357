//! Matches the grammar's filters against the facts that may hold, in the order the reference lists them. A match says
//! what was bound and which changing facts must hold for it.

use super::symbols::{Query, QueryFact};
use crate::GameError;
use crate::ground::{Atom, Grounded, Lit};
use crate::hash::Map;
use crate::pddl::{Domain, Entities, EntityId, PredicateId, TypeId};

/// Most matches of filters in one game.
const MAX_MATCHES: usize = 2_000_000;

/// A placeholder bound to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Bound<'c> {
    pub name: &'c str,
    pub kind: TypeId,
    pub entity: EntityId,
}

/// One way to match a query.
pub(super) type Match<'c> = (Vec<Bound<'c>>, Vec<Lit>);

/// A fact that may hold, with its number if it can change.
type Possible = (Atom, Option<u32>);

/// The facts that may hold.
pub(super) struct Matcher<'c> {
    domain: &'c Domain,
    entities: &'c Entities,
    /// Sorted.
    facts: Map<PredicateId, Vec<Possible>>,
    /// The same by the entity at a position.
    by_argument: Map<(PredicateId, usize, EntityId), Vec<Possible>>,
    matches: usize,
}

impl<'c> Matcher<'c> {
    /// All facts that may hold or, with `frozen`, those that hold at the start.
    pub fn new(domain: &'c Domain, entities: &'c Entities, grounded: &Grounded, frozen: bool) -> Self {
        let mut facts: Map<PredicateId, Vec<Possible>> = Map::default();
        for predicate in 0..domain.predicate_count() as PredicateId {
            let known = grounded.statics.of(predicate);
            if !known.is_empty() {
                facts.insert(predicate, known.iter().map(|atom| (*atom, None)).collect());
            }
        }
        for (number, (atom, holds)) in grounded.facts.iter().zip(&grounded.initial).enumerate() {
            let entry = match (frozen, *holds) {
                (true, false) => continue,
                (true, true) => None,
                (false, _) => Some(number as u32),
            };
            facts.entry(atom.predicate()).or_default().push((*atom, entry));
        }
        let mut by_argument: Map<(PredicateId, usize, EntityId), Vec<Possible>> = Map::default();
        for (predicate, facts) in &mut facts {
            facts.sort_unstable();
            for fact in facts {
                for position in 0..fact.0.arity() {
                    if let Some(entity) = fact.0.argument(position) {
                        by_argument.entry((*predicate, position, entity)).or_default().push(*fact);
                    }
                }
            }
        }
        Self { domain, entities, facts, by_argument, matches: 0 }
    }

    /// Whether some possible fact has this entity there.
    pub fn appears(&self, predicate: PredicateId, position: usize, entity: EntityId) -> bool {
        self.by_argument.contains_key(&(predicate, position, entity))
    }

    /// Every way to match a query.
    pub fn solve(&mut self, query: &'c Query, env: &[Bound<'c>]) -> Result<Vec<Match<'c>>, GameError> {
        let mut found = Vec::new();
        self.extend(&query.facts, &mut env.to_vec(), &mut Vec::new(), &mut found)?;
        self.matches += found.len();
        Ok(found)
    }

    fn extend(
        &self,
        facts: &'c [QueryFact],
        env: &mut Vec<Bound<'c>>,
        lits: &mut Vec<Lit>,
        found: &mut Vec<Match<'c>>,
    ) -> Result<(), GameError> {
        let Some((fact, rest)) = facts.split_first() else {
            if self.matches + found.len() >= MAX_MATCHES {
                return Err(GameError::TooLarge { what: "matches of text filters", limit: MAX_MATCHES });
            }
            let mut lits = lits.clone();
            lits.sort_unstable();
            lits.dedup();
            found.push((env.clone(), lits));
            return Ok(());
        };
        let Some(predicate) = self.domain.known_predicate(&fact.predicate) else { return Ok(()) };
        let mut kinds = [0; 3];
        for (slot, (_, kind)) in kinds.iter_mut().zip(&fact.placeholders) {
            match self.domain.known_type(kind) {
                Some(kind) => *slot = kind,
                None => return Ok(()),
            }
        }
        for (atom, number) in self.candidates(predicate, fact, &kinds, env) {
            let depth = env.len();
            if self.unify(fact, &kinds, *atom, env) {
                lits.extend(number.map(|fact| Lit { fact, positive: true }));
                self.extend(rest, env, lits, found)?;
                if number.is_some() {
                    lits.pop();
                }
            }
            env.truncate(depth);
        }
        Ok(())
    }

    /// The shortest list of facts that holds all that can match.
    fn candidates(
        &self,
        predicate: PredicateId,
        fact: &QueryFact,
        kinds: &[TypeId; 3],
        env: &[Bound<'c>],
    ) -> &[Possible] {
        let bound = fact.placeholders.iter().zip(kinds).enumerate().filter_map(|(position, ((name, _), kind))| {
            let entity = bound_to(env, name, *kind)?;
            Some(self.by_argument.get(&(predicate, position, entity)).map_or(&[][..], Vec::as_slice))
        });
        let all = || self.facts.get(&predicate).map_or(&[][..], Vec::as_slice);
        bound.min_by_key(|facts| facts.len()).unwrap_or_else(all)
    }

    fn unify(&self, fact: &'c QueryFact, kinds: &[TypeId; 3], atom: Atom, env: &mut Vec<Bound<'c>>) -> bool {
        if atom.arity() != fact.placeholders.len() {
            return false;
        }
        for (position, (name, _)) in fact.placeholders.iter().enumerate() {
            let (Some(entity), kind) = (atom.argument(position), kinds[position]) else { return false };
            if !self.domain.is_a(self.entities.type_of(entity), kind) {
                return false;
            }
            match bound_to(env, name, kind) {
                Some(bound) if bound == entity => {}
                Some(_) => return false,
                // Two placeholders never stand for the same entity.
                None if env.iter().any(|b| b.entity == entity) => return false,
                None => env.push(Bound { name, kind, entity }),
            }
        }
        true
    }
}

fn bound_to(env: &[Bound<'_>], name: &str, kind: TypeId) -> Option<EntityId> {
    env.iter().find(|b| b.name == name && b.kind == kind).map(|b| b.entity)
}
