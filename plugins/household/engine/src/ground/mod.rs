//! From action schemas to ground operators over numbered facts: only operators that can ever
//! apply, only facts that can ever change. Knows nothing of text.

mod atoms;
mod join;
mod reach;

pub(crate) use atoms::{Atom, StaticFacts};
use join::{Join, atom};

use crate::GameError;
use crate::hash::Map;
use crate::pddl::{Conjunction, Dnf, Domain, Entities, EntityId, Literal, Problem, Term, TypeId};

/// Most ground conjunctions a game may have.
const MAX_CONJUNCTIONS: usize = 500_000;

/// A fact number and the value wanted or given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lit {
    pub fact: u32,
    pub positive: bool,
}

/// Any of these conjunctions of literals; an empty conjunction always holds.
pub(crate) type AnyOf = Vec<Vec<Lit>>;

/// One ground operator.
#[derive(Debug)]
pub(crate) struct Operator {
    pub action: usize,
    pub arguments: Vec<EntityId>,
    /// What must hold.
    pub conjunctions: AnyOf,
    /// Literals made true whenever it applies.
    pub effects: Vec<Lit>,
    /// Literals made true if one of the conjunctions held before.
    pub conditional: Vec<(AnyOf, Lit)>,
}

/// The grounded game.
#[derive(Debug)]
pub(crate) struct Grounded {
    pub statics: StaticFacts,
    /// Changing facts by number.
    pub facts: Vec<Atom>,
    /// Which of them hold at the start.
    pub initial: Vec<bool>,
    pub operators: Vec<Operator>,
    pub goal: AnyOf,
}

/// Numbers facts in order of first mention.
#[derive(Default)]
struct Numbering {
    ids: Map<Atom, u32>,
    atoms: Vec<Atom>,
}

impl Numbering {
    fn id(&mut self, atom: Atom) -> u32 {
        *self.ids.entry(atom).or_insert_with(|| {
            self.atoms.push(atom);
            (self.atoms.len() - 1) as u32
        })
    }
}

/// Grounds the actions and the goal of a problem. `mentioned` says which predicates anything
/// reads (conditions, goal or text); facts of the others are left out. Predicates from
/// `text_only` on exist for the text alone: changing them does not count as doing something.
pub(crate) fn ground(
    domain: &Domain,
    entities: &Entities,
    problem: &Problem,
    mentioned: &[bool],
    text_only: usize,
) -> Result<Grounded, GameError> {
    let mut is_static = vec![true; domain.predicate_count()];
    for effect in domain.actions.iter().flat_map(|a| &a.effects) {
        if let Some(p) = effect.literal.predicate {
            is_static[usize::from(p)] = false;
        }
    }
    let mut numbering = Numbering::default();
    let mut statics = Vec::new();
    let mut start = Vec::new();
    for (predicate, arguments) in &problem.init {
        let atom = Atom::new(*predicate, arguments.iter().copied());
        if is_static[usize::from(*predicate)] {
            statics.push(atom);
        } else {
            start.push(numbering.id(atom));
        }
    }
    let statics = StaticFacts::new(statics);
    let projections = reach::project(domain, entities, problem);

    let mut grounder = Grounder {
        domain,
        entities,
        statics: &statics,
        is_static: &is_static,
        projections: &projections,
        numbering,
        conjunctions: 0,
    };
    let mut operators: Vec<Operator> = Vec::new();
    for (index, action) in domain.actions.iter().enumerate() {
        let mut by_arguments: Map<Vec<EntityId>, usize> = Map::default();
        let count = action.parameters.len();
        for condition in &action.precondition {
            grounder.solve(condition, &action.variables, count, |binding, lits| {
                let arguments = &binding[..count];
                let slot = match by_arguments.get(arguments) {
                    Some(slot) => *slot,
                    None => {
                        by_arguments.insert(arguments.to_vec(), operators.len());
                        operators.push(Operator {
                            action: index,
                            arguments: arguments.to_vec(),
                            conjunctions: Vec::new(),
                            effects: Vec::new(),
                            conditional: Vec::new(),
                        });
                        operators.len() - 1
                    }
                };
                if let Some(operator) = operators.get_mut(slot) {
                    operator.conjunctions.push(lits);
                }
            })?;
        }
    }
    for operator in &mut operators {
        let Some(action) = domain.actions.get(operator.action) else { continue };
        for effect in &action.effects {
            let literal = substitute(&effect.literal, &operator.arguments);
            let Some(fact) = atom(&literal, &[]) else { continue };
            if effect.condition.iter().any(Vec::is_empty) {
                let fact = grounder.numbering.id(fact);
                operator.effects.push(Lit { fact, positive: literal.positive });
                continue;
            }
            let mut condition = Vec::new();
            for part in &effect.condition {
                let part: Conjunction = part.iter().map(|l| substitute(l, &operator.arguments)).collect();
                let free = effect.variables.get(operator.arguments.len()..).unwrap_or_default();
                grounder.solve(&part, free, 0, |_, lits| condition.push(lits))?;
            }
            let fact = grounder.numbering.id(fact);
            let lit = Lit { fact, positive: literal.positive };
            if condition.iter().any(Vec::is_empty) {
                operator.effects.push(lit);
            } else if !condition.is_empty() {
                operator.conditional.push((condition, lit));
            }
        }
    }
    let goal = grounder.dnf(&problem.goal, &problem.goal_variables)?;
    let numbering = grounder.numbering;
    Ok(reach::prune(statics, numbering.atoms, &start, operators, goal, mentioned, text_only))
}

/// The literal with the leading variables replaced and the others moved up.
fn substitute(literal: &Literal, arguments: &[EntityId]) -> Literal {
    let terms = literal.terms.iter().map(|term| match term {
        Term::Variable(v) => match arguments.get(*v) {
            Some(entity) => Term::Entity(*entity),
            None => Term::Variable(v - arguments.len()),
        },
        Term::Entity(_) => *term,
    });
    Literal { terms: terms.collect(), ..literal.clone() }
}

struct Grounder<'g> {
    domain: &'g Domain,
    entities: &'g Entities,
    statics: &'g StaticFacts,
    is_static: &'g [bool],
    projections: &'g reach::Projections,
    numbering: Numbering,
    conjunctions: usize,
}

impl Grounder<'_> {
    fn dnf(&mut self, condition: &Dnf, variables: &[TypeId]) -> Result<AnyOf, GameError> {
        let mut result = Vec::new();
        for part in condition {
            self.solve(part, variables, 0, |_, lits| result.push(lits))?;
        }
        result.sort_unstable();
        result.dedup();
        Ok(result)
    }

    /// Calls `found` with each binding the unchanging facts allow and the literals left to check.
    fn solve(
        &mut self,
        condition: &Conjunction,
        variables: &[TypeId],
        parameters: usize,
        mut found: impl FnMut(&[EntityId], Vec<Lit>),
    ) -> Result<(), GameError> {
        let domains = self.projections.domains(self.domain, self.entities, condition, variables, parameters);
        let Some(domains) = domains else { return Ok(()) };
        let join = Join { facts: self.statics, is_static: self.is_static, domains: &domains };
        let (numbering, count) = (&mut self.numbering, &mut self.conjunctions);
        let is_static = self.is_static;
        join.each(condition, |binding| {
            *count += 1;
            if *count > MAX_CONJUNCTIONS {
                return Err(GameError::TooLarge { what: "ground conditions", limit: MAX_CONJUNCTIONS });
            }
            let mut lits: Vec<Lit> = condition
                .iter()
                .filter(|l| l.predicate.is_some_and(|p| !is_static[usize::from(p)]))
                .filter_map(|l| Some(Lit { fact: numbering.id(atom(l, binding)?), positive: l.positive }))
                .collect();
            lits.sort_unstable();
            lits.dedup();
            let contradicts = lits.windows(2).any(|pair| pair[0].fact == pair[1].fact);
            if !contradicts {
                found(binding, lits);
            }
            Ok(())
        })
    }
}
