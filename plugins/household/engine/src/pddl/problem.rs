//! The problem: entities, initial facts and goal. Entities are numbered in the order of their
//! names, so comparing ids compares names.

use super::condition::{Conditions, Dnf, MAX_ARITY, Scope};
use super::domain::{sections_named, typed_list};
use super::{Domain, PredicateId, Sexpr, Source, TypeId};
use crate::GameError;

pub(crate) type EntityId = u16;

/// Largest number of entities in a game.
const MAX_ENTITIES: usize = 8_192;

/// Every entity of the game, sorted by name.
#[derive(Debug, Default)]
pub(crate) struct Entities {
    names: Vec<String>,
    types: Vec<TypeId>,
}

impl Entities {
    pub fn len(&self) -> usize {
        self.names.len()
    }
    pub fn name(&self, id: EntityId) -> &str {
        self.names.get(usize::from(id)).map_or("", String::as_str)
    }
    pub fn type_of(&self, id: EntityId) -> TypeId {
        self.types.get(usize::from(id)).copied().unwrap_or(0)
    }
    pub fn ids(&self) -> impl Iterator<Item = EntityId> + use<> {
        (0..self.names.len()).map(|i| i as EntityId)
    }
    pub fn find(&self, name: &str) -> Option<EntityId> {
        self.names.binary_search_by(|n| n.as_str().cmp(name)).ok().map(|i| i as EntityId)
    }
    /// The entities of a type or below it.
    pub fn of_type<'e>(&'e self, domain: &'e Domain, kind: TypeId) -> impl Iterator<Item = EntityId> + 'e {
        self.ids().filter(move |id| domain.is_a(self.type_of(*id), kind))
    }

    /// Reads `(:constants ...)` of the domain and `(:objects ...)` of the problem.
    pub fn read(domain: &mut Domain, parts: [(Source<'_>, &[Sexpr<'_>], &str); 2]) -> Result<Self, GameError> {
        let mut found: Vec<(&str, TypeId)> = Vec::new();
        for (source, sections, name) in parts {
            for items in sections_named(source, sections, name)? {
                for (name, kind, _) in typed_list(source, items)? {
                    found.push((name, domain.type_id(kind)?));
                }
            }
        }
        found.sort_by_key(|(name, _)| *name);
        found.dedup_by_key(|(name, _)| *name);
        if found.len() > MAX_ENTITIES {
            return Err(GameError::TooLarge { what: "objects", limit: MAX_ENTITIES });
        }
        Ok(Self {
            names: found.iter().map(|(name, _)| (*name).to_owned()).collect(),
            types: found.iter().map(|(_, kind)| *kind).collect(),
        })
    }
}

/// What holds at the start and what wins.
#[derive(Debug)]
pub(crate) struct Problem {
    pub init: Vec<(PredicateId, Vec<EntityId>)>,
    /// Types of the goal's existential variables.
    pub goal_variables: Vec<TypeId>,
    pub goal: Dnf,
}

impl Problem {
    /// Reads the initial facts and the goal.
    pub fn read(
        source: Source<'_>,
        sections: &[Sexpr<'_>],
        domain: &mut Domain,
        entities: &Entities,
    ) -> Result<Self, GameError> {
        let mut init = Vec::new();
        for items in sections_named(source, sections, ":init")? {
            for fact in items {
                let parts = fact.list(source, "a fact")?;
                let Some((head, arguments)) = parts.split_first() else {
                    return Err(source.error(fact.at(), "expected a fact, found `()`"));
                };
                let name = head.word(source, "a predicate")?;
                // Numeric facts and explicit falsehoods add nothing to a closed world.
                if name == "=" || name == "not" {
                    continue;
                }
                if arguments.len() > MAX_ARITY {
                    return Err(source.error(head.at(), format!("`{name}` has more than {MAX_ARITY} arguments")));
                }
                let mut ids = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    let word = argument.word(source, "an object")?;
                    ids.push(
                        entities
                            .find(word)
                            .ok_or_else(|| source.error(argument.at(), format!("unknown object `{word}`")))?,
                    );
                }
                init.push((domain.predicate_id(name)?, ids));
            }
        }
        let goals = sections_named(source, sections, ":goal")?;
        let [[goal]] = goals.as_slice() else {
            return Err(source.error(0, "expected one `(:goal ...)` with one condition"));
        };
        let mut conditions = Conditions { source, domain, entities, variables: Vec::new() };
        let goal = conditions.dnf(goal, false, &mut Scope::default())?;
        Ok(Self { init, goal_variables: conditions.variables, goal })
    }
}
