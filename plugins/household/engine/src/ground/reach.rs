//! What can ever become true: first per argument position (to keep grounding small), then per
//! ground fact, ignoring everything that makes facts false. Drops all that cannot happen.

use super::atoms::{Atom, StaticFacts};
use super::{AnyOf, Grounded, Lit, Operator};
use crate::pddl::{Conjunction, Domain, Entities, EntityId, Problem, Term, TypeId};

/// For each predicate and argument position, the entities that may stand there.
pub(crate) struct Projections {
    sets: Vec<[Vec<bool>; 3]>,
}

/// Grows the projections from the initial facts until no action adds an entity anywhere.
pub(crate) fn project(domain: &Domain, entities: &Entities, problem: &Problem) -> Projections {
    let empty = || [(); 3].map(|()| vec![false; entities.len()]);
    let mut projections = Projections { sets: (0..domain.predicate_count()).map(|_| empty()).collect() };
    for (predicate, arguments) in &problem.init {
        for (position, entity) in arguments.iter().enumerate() {
            projections.add(usize::from(*predicate), position, *entity);
        }
    }
    let mut grew = true;
    while grew {
        grew = false;
        for action in &domain.actions {
            for condition in &action.precondition {
                let count = action.parameters.len();
                let variables = &action.variables;
                let Some(domains) = projections.domains(domain, entities, condition, variables, count) else {
                    continue;
                };
                for effect in action.effects.iter().filter(|e| e.literal.positive) {
                    let Some(predicate) = effect.literal.predicate else { continue };
                    for (position, term) in effect.literal.terms.iter().enumerate() {
                        match term {
                            Term::Entity(e) => grew |= projections.add(predicate.into(), position, *e),
                            Term::Variable(v) => {
                                for e in domains.get(*v).into_iter().flatten() {
                                    grew |= projections.add(predicate.into(), position, *e);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    projections
}

impl Projections {
    fn add(&mut self, predicate: usize, position: usize, entity: EntityId) -> bool {
        let slot =
            self.sets.get_mut(predicate).and_then(|s| s.get_mut(position)).and_then(|s| s.get_mut(usize::from(entity)));
        slot.is_some_and(|s| !std::mem::replace(s, true))
    }

    /// The sorted entities each variable of a condition may take; `None` if one has none. Of the
    /// variables after the first `parameters`, those the condition leaves out stand for nothing
    /// and get a single placeholder.
    pub fn domains(
        &self,
        domain: &Domain,
        entities: &Entities,
        condition: &Conjunction,
        variables: &[TypeId],
        parameters: usize,
    ) -> Option<Vec<Vec<EntityId>>> {
        let mut result: Vec<Vec<EntityId>> = Vec::with_capacity(variables.len());
        for (variable, kind) in variables.iter().enumerate() {
            let mentioned = condition.iter().any(|l| l.terms.contains(&Term::Variable(variable)));
            if variable >= parameters && !mentioned {
                result.push(vec![0]);
                continue;
            }
            let mut members: Vec<EntityId> = entities.of_type(domain, *kind).collect();
            for literal in condition.iter().filter(|l| l.positive) {
                let Some(sets) = literal.predicate.and_then(|p| self.sets.get(usize::from(p))) else {
                    continue;
                };
                for (position, term) in literal.terms.iter().enumerate() {
                    if *term == Term::Variable(variable) {
                        members.retain(|e| sets[position].get(usize::from(*e)).copied().unwrap_or(false));
                    }
                }
            }
            if members.is_empty() {
                return None;
            }
            result.push(members);
        }
        Some(result)
    }
}

/// Keeps operators that can be reached and facts that something reads, and renumbers the facts.
pub(super) fn prune(
    statics: StaticFacts,
    atoms: Vec<Atom>,
    start: &[u32],
    operators: Vec<Operator>,
    goal: AnyOf,
    mentioned: &[bool],
    text_only: usize,
) -> Grounded {
    let reached = reachable(&atoms, start, &operators);
    let is_mentioned = |atom: Atom| mentioned.get(usize::from(atom.predicate())).copied().unwrap_or(false);
    let mut number = vec![None; atoms.len()];
    let mut kept = Vec::new();
    for (old, atom) in atoms.iter().enumerate() {
        if reached[old] && is_mentioned(*atom) {
            number[old] = Some(kept.len() as u32);
            kept.push(*atom);
        }
    }
    let renumber = |lit: Lit| number[lit.fact as usize].map(|fact| Lit { fact, ..lit });
    // A positive literal on an unreachable fact kills the conjunction, a negative one is free.
    let conjunctions = |old: AnyOf| -> AnyOf {
        let mut new: AnyOf = old
            .into_iter()
            .filter(|lits| lits.iter().all(|l| !l.positive || reached[l.fact as usize]))
            .map(|lits| lits.into_iter().filter_map(renumber).collect())
            .collect();
        new.sort_unstable();
        new.dedup();
        new
    };
    let mut initial = vec![false; kept.len()];
    start.iter().filter_map(|old| number[*old as usize]).for_each(|new| initial[new as usize] = true);
    let counts = |lit: &Lit| usize::from(atoms[lit.fact as usize].predicate()) < text_only;
    let mut result = Vec::with_capacity(operators.len());
    for operator in operators {
        let idle = operator.effects.is_empty() && operator.conditional.is_empty();
        let acts = operator.conjunctions.into_iter().filter(|lits| {
            idle || operator.conditional.iter().any(|(_, lit)| counts(lit))
                || has_effect(lits, &operator.effects, counts)
        });
        let left = conjunctions(acts.collect());
        if left.is_empty() {
            continue;
        }
        let conditional = operator.conditional.into_iter();
        result.push(Operator {
            conjunctions: left,
            effects: operator.effects.into_iter().filter_map(renumber).collect(),
            conditional: conditional
                .filter_map(|(when, lit)| Some((conjunctions(when), renumber(lit)?)))
                .filter(|(when, _)| !when.is_empty())
                .collect(),
            ..operator
        });
    }
    let goal = conjunctions(goal);
    Grounded { statics, facts: kept, initial, operators: result, goal }
}

/// Whether applying the operator where `lits` hold can change anything. The reference drops
/// operators that cannot, such as going to where one already is.
fn has_effect(lits: &[Lit], effects: &[Lit], counts: impl Fn(&Lit) -> bool) -> bool {
    effects.iter().filter(|lit| counts(lit)).any(|lit| {
        let undone = !lit.positive && effects.contains(&Lit { positive: true, ..*lit });
        !undone && !lits.contains(lit)
    })
}

/// Which facts can ever hold, if nothing is ever made false.
fn reachable(atoms: &[Atom], start: &[u32], operators: &[Operator]) -> Vec<bool> {
    let mut reached = vec![false; atoms.len()];
    let mut waiting: Vec<Vec<u32>> = vec![Vec::new(); atoms.len()];
    let mut missing = Vec::new();
    let mut queue: Vec<u32> = Vec::new();
    let mut ready: Vec<usize> = Vec::new();
    for (index, operator) in operators.iter().enumerate() {
        for lits in &operator.conjunctions {
            let positive = lits.iter().filter(|l| l.positive);
            let count = positive.clone().count();
            if count == 0 {
                ready.push(index);
            }
            positive.for_each(|l| waiting[l.fact as usize].push(missing.len() as u32));
            missing.push((index, count));
        }
    }
    for fact in start {
        if !std::mem::replace(&mut reached[*fact as usize], true) {
            queue.push(*fact);
        }
    }
    let mut applied = vec![false; operators.len()];
    loop {
        while let Some(index) = ready.pop() {
            if std::mem::replace(&mut applied[index], true) {
                continue;
            }
            let Operator { effects, conditional, .. } = &operators[index];
            let added = effects.iter().chain(conditional.iter().map(|(_, lit)| lit));
            for lit in added.filter(|l| l.positive) {
                if !std::mem::replace(&mut reached[lit.fact as usize], true) {
                    queue.push(lit.fact);
                }
            }
        }
        let Some(fact) = queue.pop() else { return reached };
        for conjunction in &waiting[fact as usize] {
            if let Some((index, count)) = missing.get_mut(*conjunction as usize) {
                *count -= 1;
                if *count == 0 {
                    ready.push(*index);
                }
            }
        }
    }
}
