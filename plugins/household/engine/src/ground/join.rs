//! Finds every binding of a condition's variables that the unchanging facts allow. The order of
//! work is planned once per condition: cheapest constraint first.

use super::atoms::{Atom, StaticFacts};
use crate::GameError;
use crate::pddl::{Conjunction, EntityId, Literal, Term};

/// Bindings tried per condition before a game is refused.
const MAX_TRIES: usize = 20_000_000;

/// What a join needs to know of the game.
pub(crate) struct Join<'j> {
    pub facts: &'j StaticFacts,
    /// Whether a predicate is unchanging.
    pub is_static: &'j [bool],
    /// Entities each variable may take.
    pub domains: &'j [Vec<EntityId>],
}

enum Step<'l> {
    /// Bind by going through facts of a positive unchanging literal.
    Scan(&'l Literal),
    /// Bind by going through the variable's domain.
    Enumerate(usize),
    /// Everything in the literal is bound: keep or drop the binding.
    Check(&'l Literal),
}

/// The value of a variable not yet bound.
const UNBOUND: EntityId = EntityId::MAX;

/// The entity a term stands for under a binding, if it is bound.
pub(crate) fn value(term: Term, binding: &[EntityId]) -> Option<EntityId> {
    match term {
        Term::Entity(entity) => Some(entity),
        Term::Variable(index) => binding.get(index).copied().filter(|e| *e != UNBOUND),
    }
}

/// The ground atom of a literal whose variables are all bound.
pub(crate) fn atom(literal: &Literal, binding: &[EntityId]) -> Option<Atom> {
    let predicate = literal.predicate?;
    let mut arguments = [0; 3];
    for (slot, term) in arguments.iter_mut().zip(&literal.terms) {
        *slot = value(*term, binding)?;
    }
    Some(Atom::new(predicate, arguments.into_iter().take(literal.terms.len())))
}

impl Join<'_> {
    /// Calls `found` with each binding of all variables.
    pub fn each(
        &self,
        condition: &Conjunction,
        mut found: impl FnMut(&[EntityId]) -> Result<(), GameError>,
    ) -> Result<(), GameError> {
        let plan = self.plan(condition);
        let mut binding = vec![UNBOUND; self.domains.len()];
        let mut tries = 0;
        self.walk(&plan, &mut binding, &mut tries, &mut found)
    }

    fn is_known(&self, literal: &Literal) -> bool {
        literal.predicate.is_none_or(|p| self.is_static.get(usize::from(p)).copied().unwrap_or(true))
    }

    fn plan<'l>(&self, condition: &'l Conjunction) -> Vec<Step<'l>> {
        let mut bound = vec![false; self.domains.len()];
        let mut open: Vec<&Literal> = condition.iter().filter(|l| self.is_known(l)).collect();
        let mut plan = Vec::new();
        let is_bound = |term: &Term, bound: &[bool]| match term {
            Term::Entity(_) => true,
            Term::Variable(v) => bound.get(*v).copied().unwrap_or(true),
        };
        loop {
            open.retain(|literal| {
                let ready = literal.terms.iter().all(|t| is_bound(t, &bound));
                if ready {
                    plan.push(Step::Check(literal));
                }
                !ready
            });
            let scan = open
                .iter()
                .enumerate()
                .filter_map(|(at, literal)| {
                    let predicate = literal.predicate.filter(|_| literal.positive)?;
                    let all = self.facts.of(predicate).len();
                    let narrowed = literal.terms.iter().any(|t| is_bound(t, &bound));
                    // A bound argument usually leaves a handful of facts.
                    Some((if narrowed { all / 16 + 1 } else { all }, at))
                })
                .min();
            let variable = (0..bound.len()).filter(|v| !bound[*v]).map(|v| (self.domains[v].len(), v)).min();
            match (scan, variable) {
                (_, None) => return plan,
                (Some((cost, at)), Some((size, _))) if cost <= size => {
                    let literal = open.swap_remove(at);
                    for term in &literal.terms {
                        if let Term::Variable(v) = term {
                            bound[*v] = true;
                        }
                    }
                    plan.push(Step::Scan(literal));
                }
                (_, Some((_, v))) => {
                    bound[v] = true;
                    plan.push(Step::Enumerate(v));
                }
            }
        }
    }

    fn walk(
        &self,
        plan: &[Step<'_>],
        binding: &mut [EntityId],
        tries: &mut usize,
        found: &mut impl FnMut(&[EntityId]) -> Result<(), GameError>,
    ) -> Result<(), GameError> {
        *tries += 1;
        if *tries > MAX_TRIES {
            return Err(GameError::TooLarge { what: "bindings of an action", limit: MAX_TRIES });
        }
        let Some((step, rest)) = plan.split_first() else {
            return found(binding);
        };
        match step {
            Step::Check(literal) => {
                let holds = match literal.predicate {
                    Some(_) => atom(literal, binding).is_some_and(|a| self.facts.contains(a)),
                    None => match literal.terms.as_slice() {
                        [a, b] => value(*a, binding) == value(*b, binding),
                        _ => false,
                    },
                };
                if holds == literal.positive { self.walk(rest, binding, tries, found) } else { Ok(()) }
            }
            Step::Enumerate(variable) => {
                for entity in &self.domains[*variable] {
                    binding[*variable] = *entity;
                    self.walk(rest, binding, tries, found)?;
                }
                binding[*variable] = UNBOUND;
                Ok(())
            }
            Step::Scan(literal) => {
                let Some(predicate) = literal.predicate else { return Ok(()) };
                let facts = literal
                    .terms
                    .iter()
                    .enumerate()
                    .filter_map(|(position, term)| Some((position, value(*term, binding)?)))
                    .map(|(position, entity)| self.facts.with(predicate, position, entity))
                    .min_by_key(|facts| facts.len())
                    .unwrap_or_else(|| self.facts.of(predicate));
                for fact in facts {
                    let mut fresh = [None; 3];
                    if self.unify(literal, *fact, binding, &mut fresh) {
                        self.walk(rest, binding, tries, found)?;
                    }
                    fresh.into_iter().flatten().for_each(|v: usize| binding[v] = UNBOUND);
                }
                Ok(())
            }
        }
    }

    /// Binds the literal's free variables to the fact's entities, noting which in `fresh`.
    fn unify(&self, literal: &Literal, fact: Atom, binding: &mut [EntityId], fresh: &mut [Option<usize>; 3]) -> bool {
        if fact.arity() != literal.terms.len() {
            return false;
        }
        for (position, term) in literal.terms.iter().enumerate() {
            let Some(entity) = fact.argument(position) else { return false };
            match (value(*term, binding), term) {
                (Some(bound), _) if bound == entity => {}
                (None, Term::Variable(v)) if self.domains[*v].binary_search(&entity).is_ok() => {
                    binding[*v] = entity;
                    fresh[position] = Some(*v);
                }
                _ => return false,
            }
        }
        true
    }
}
