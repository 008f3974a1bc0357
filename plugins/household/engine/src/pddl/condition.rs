//! Conditions in disjunctive normal form over variables and entities. Existential variables are
//! lifted out, universal ones are expanded; what would grow beyond reason is refused.

use super::domain::typed_list;
use super::{Domain, Entities, EntityId, PredicateId, Sexpr, Source, TypeId};
use crate::GameError;

/// Most disjuncts a single condition may have before it is grounded.
const MAX_DISJUNCTS: usize = 4_096;
/// Most literals in one disjunct.
const MAX_LITERALS: usize = 1_024;
/// Most arguments of a predicate: an atom packs into 64 bits.
pub(crate) const MAX_ARITY: usize = 3;

/// A variable of the action (by index) or a given entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Term {
    Variable(usize),
    Entity(EntityId),
}

/// A possibly negated atom, or an equality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal {
    /// `None` means `=`.
    pub predicate: Option<PredicateId>,
    pub terms: Vec<Term>,
    pub positive: bool,
}

/// All of these literals.
pub(crate) type Conjunction = Vec<Literal>;
/// Any of these conjunctions; empty means never, one empty conjunction means always.
pub(crate) type Dnf = Vec<Conjunction>;

/// Names in scope, innermost last.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    names: Vec<(String, Term)>,
}

impl Scope {
    pub fn push(&mut self, name: &str, term: Term) {
        self.names.push((name.to_owned(), term));
    }
    pub fn len(&self) -> usize {
        self.names.len()
    }
    pub fn truncate(&mut self, len: usize) {
        self.names.truncate(len);
    }
    fn find(&self, name: &str) -> Option<Term> {
        self.names.iter().rev().find(|(n, _)| n == name).map(|(_, term)| *term)
    }
}

/// Reads conditions of one action or goal, collecting existential variables as it goes.
pub(crate) struct Conditions<'c> {
    pub source: Source<'c>,
    pub domain: &'c mut Domain,
    pub entities: &'c Entities,
    /// Types of all variables so far.
    pub variables: Vec<TypeId>,
}

impl Conditions<'_> {
    /// The disjunctive form of `formula`, or of its negation.
    pub fn dnf(&mut self, formula: &Sexpr<'_>, negated: bool, scope: &mut Scope) -> Result<Dnf, GameError> {
        let items = formula.list(self.source, "a condition")?;
        let Some((head, rest)) = items.split_first() else {
            return Ok(if negated { Vec::new() } else { vec![Vec::new()] });
        };
        match (head.word(self.source, "a condition")?, rest) {
            ("not", [inner]) => self.dnf(inner, !negated, scope),
            ("imply", [left, right]) => {
                let left = self.dnf(left, !negated, scope)?;
                let right = self.dnf(right, negated, scope)?;
                if negated { conjoin(&left, &right) } else { disjoin(left, right) }
            }
            (word @ ("and" | "or"), parts) => {
                let all = (word == "and") != negated;
                let mut result = if all { vec![Vec::new()] } else { Vec::new() };
                for part in parts {
                    let part = self.dnf(part, negated, scope)?;
                    result = if all { conjoin(&result, &part)? } else { disjoin(result, part)? };
                }
                Ok(result)
            }
            (word @ ("exists" | "forall"), [variables, body]) => {
                let depth = scope.len();
                if (word == "exists") != negated {
                    for (name, kind, _) in typed_list(self.source, variables.list(self.source, "variables")?)? {
                        let kind = self.domain.type_id(kind)?;
                        scope.push(name, Term::Variable(self.variables.len()));
                        self.variables.push(kind);
                    }
                    let result = self.dnf(body, negated, scope);
                    scope.truncate(depth);
                    return result;
                }
                let mut result = vec![Vec::new()];
                for binding in self.bindings(variables)? {
                    binding.iter().for_each(|(name, term)| scope.push(name, *term));
                    let part = self.dnf(body, negated, scope);
                    scope.truncate(depth);
                    result = conjoin(&result, &part?)?;
                }
                Ok(result)
            }
            ("not" | "imply" | "exists" | "forall", _) => Err(self.source.error(head.at(), "wrong number of parts")),
            _ => Ok(vec![vec![self.literal(formula, !negated, scope)?]]),
        }
    }

    /// Every way to bind a typed variable list to entities.
    pub fn bindings(&mut self, variables: &Sexpr<'_>) -> Result<Vec<Vec<(String, Term)>>, GameError> {
        let mut result: Vec<Vec<(String, Term)>> = vec![Vec::new()];
        for (name, kind, _) in typed_list(self.source, variables.list(self.source, "variables")?)? {
            let kind = self.domain.type_id(kind)?;
            let members: Vec<EntityId> = self.entities.of_type(self.domain, kind).collect();
            if result.len().saturating_mul(members.len()) > MAX_DISJUNCTS {
                return Err(GameError::TooLarge { what: "bindings of a forall", limit: MAX_DISJUNCTS });
            }
            result = result
                .iter()
                .flat_map(|binding| {
                    members.iter().map(|entity| {
                        let mut binding = binding.clone();
                        binding.push((name.to_owned(), Term::Entity(*entity)));
                        binding
                    })
                })
                .collect();
        }
        Ok(result)
    }

    /// One atom with its variables resolved.
    pub fn literal(&mut self, atom: &Sexpr<'_>, positive: bool, scope: &Scope) -> Result<Literal, GameError> {
        let items = atom.list(self.source, "an atom")?;
        let Some((head, rest)) = items.split_first() else {
            return Err(self.source.error(atom.at(), "expected an atom, found `()`"));
        };
        let name = head.word(self.source, "a predicate")?;
        if rest.len() > MAX_ARITY {
            return Err(self
                .source
                .error(head.at(), format!("`{name}` has {} arguments; at most {MAX_ARITY} are read", rest.len())));
        }
        let mut terms = Vec::with_capacity(rest.len());
        for item in rest {
            let word = item.word(self.source, "a variable or an object")?;
            let term = scope
                .find(word)
                .or_else(|| self.entities.find(word).map(Term::Entity))
                .ok_or_else(|| self.source.error(item.at(), format!("unknown name `{word}`")))?;
            terms.push(term);
        }
        if name == "=" && terms.len() != 2 {
            return Err(self.source.error(head.at(), "`=` compares two things"));
        }
        let predicate = if name == "=" { None } else { Some(self.domain.predicate_id(name)?) };
        Ok(Literal { predicate, terms, positive })
    }
}

/// Both conditions.
pub(crate) fn conjoin(left: &Dnf, right: &Dnf) -> Result<Dnf, GameError> {
    if left.len().saturating_mul(right.len()) > MAX_DISJUNCTS {
        return Err(GameError::TooLarge { what: "disjuncts of a condition", limit: MAX_DISJUNCTS });
    }
    let mut result = Vec::with_capacity(left.len() * right.len());
    for l in left {
        for r in right {
            if l.len() + r.len() > MAX_LITERALS {
                return Err(GameError::TooLarge { what: "literals of a condition", limit: MAX_LITERALS });
            }
            result.push(l.iter().chain(r).cloned().collect());
        }
    }
    Ok(result)
}

/// Either condition.
fn disjoin(mut left: Dnf, mut right: Dnf) -> Result<Dnf, GameError> {
    if left.len() + right.len() > MAX_DISJUNCTS {
        return Err(GameError::TooLarge { what: "disjuncts of a condition", limit: MAX_DISJUNCTS });
    }
    left.append(&mut right);
    Ok(left)
}
