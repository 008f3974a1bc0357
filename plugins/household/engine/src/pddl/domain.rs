//! The domain: types, predicates and actions, with conditions already in disjunctive form.
//! Forall over objects needs the problem, so a domain is read after the problem's objects.

use std::collections::HashMap;

use super::condition::{Conditions, Dnf, Literal, Scope, Term};
use super::{Entities, Sexpr, Source};
use crate::GameError;

pub(crate) type TypeId = u16;
pub(crate) type PredicateId = u16;

/// The root type: every entity belongs to it.
pub(crate) const OBJECT: TypeId = 0;

/// Most effects, and most parameters, of one action; text-only effects may double the former.
const MAX_EFFECTS: usize = 32;

/// Names of types and predicates, both interned, and the type tree.
#[derive(Debug)]
pub(crate) struct Domain {
    types: HashMap<String, TypeId>,
    parents: Vec<TypeId>,
    predicates: HashMap<String, PredicateId>,
    pub actions: Vec<Action>,
}

/// One action schema.
#[derive(Debug)]
pub(crate) struct Action {
    pub name: String,
    /// Names of the parameters without `?`, in order.
    pub parameters: Vec<String>,
    /// Types of the parameters, then of the existential variables of the precondition.
    pub variables: Vec<TypeId>,
    pub precondition: Dnf,
    pub effects: Vec<Effect>,
}

/// One effect: a literal made true, when the condition held before the action.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    /// Types of the action's parameters, then of the condition's existential variables.
    pub variables: Vec<TypeId>,
    pub condition: Dnf,
    pub literal: Literal,
}

impl Domain {
    /// A domain that knows only the root type.
    pub fn new() -> Self {
        Self {
            types: HashMap::from([("object".to_owned(), OBJECT)]),
            parents: vec![OBJECT],
            predicates: HashMap::new(),
            actions: Vec::new(),
        }
    }

    /// The id of a type. A name nobody declared gets an id with no members: in the reference a
    /// quantifier over such a type is simply never satisfied.
    pub fn type_id(&mut self, name: &str) -> Result<TypeId, GameError> {
        if let Some(id) = self.types.get(name) {
            return Ok(*id);
        }
        let id = TypeId::try_from(self.parents.len())
            .map_err(|_| GameError::TooLarge { what: "types", limit: TypeId::MAX.into() })?;
        self.types.insert(name.to_owned(), id);
        self.parents.push(OBJECT);
        Ok(id)
    }

    /// The id of a type if the name was ever used.
    pub fn known_type(&self, name: &str) -> Option<TypeId> {
        self.types.get(name).copied()
    }

    /// Whether `sub` is `of` or below it.
    pub fn is_a(&self, sub: TypeId, of: TypeId) -> bool {
        let mut at = sub;
        // A cyclic declaration must not loop for ever: no chain is longer than the list.
        for _ in 0..=self.parents.len() {
            if at == of {
                return true;
            }
            if at == OBJECT {
                return false;
            }
            at = self.parents.get(usize::from(at)).copied().unwrap_or(OBJECT);
        }
        false
    }

    /// The id of a predicate, new if need be.
    pub fn predicate_id(&mut self, name: &str) -> Result<PredicateId, GameError> {
        if let Some(id) = self.predicates.get(name) {
            return Ok(*id);
        }
        // The highest ids are left free so that an atom never packs to the all-ones key.
        let limit = usize::from(PredicateId::MAX) - 1;
        let id = self.predicates.len();
        if id >= limit {
            return Err(GameError::TooLarge { what: "predicates", limit });
        }
        self.predicates.insert(name.to_owned(), id as PredicateId);
        Ok(id as PredicateId)
    }

    /// The id of a predicate if the name was ever used.
    pub fn known_predicate(&self, name: &str) -> Option<PredicateId> {
        self.predicates.get(name).copied()
    }

    /// How many predicates there are.
    pub fn predicate_count(&self) -> usize {
        self.predicates.len()
    }

    /// Reads the `(:types ...)` section, before any entity is declared.
    pub fn read_types(&mut self, source: Source<'_>, sections: &[Sexpr<'_>]) -> Result<(), GameError> {
        for items in sections_named(source, sections, ":types")? {
            for (name, parent, _) in typed_list(source, items)? {
                let parent = self.type_id(parent)?;
                let id = self.type_id(name)?;
                if id != OBJECT
                    && let Some(slot) = self.parents.get_mut(usize::from(id))
                {
                    *slot = parent;
                }
            }
        }
        Ok(())
    }

    /// Reads every `(:action ...)`, once the entities are known.
    pub fn read_actions(
        &mut self,
        source: Source<'_>,
        sections: &[Sexpr<'_>],
        entities: &Entities,
    ) -> Result<(), GameError> {
        for items in sections_named(source, sections, ":action")? {
            let action = self.read_action(source, items, entities)?;
            self.actions.push(action);
        }
        Ok(())
    }

    fn read_action(
        &mut self,
        source: Source<'_>,
        items: &[Sexpr<'_>],
        entities: &Entities,
    ) -> Result<Action, GameError> {
        let Some((name, fields)) = items.split_first() else {
            return Err(source.error(0, "`(:action` without a name"));
        };
        let at = name.at();
        let name = name.word(source, "the name of an action")?;
        let field = |wanted: &str| {
            fields.windows(2).find_map(|pair| match pair {
                [Sexpr::Word(word, _), value] if *word == wanted => Some(value),
                _ => None,
            })
        };
        let mut scope = Scope::default();
        let mut variables = Vec::new();
        let mut parameters = Vec::new();
        if let Some(list) = field(":parameters") {
            for (parameter, kind, at) in typed_list(source, list.list(source, "parameters")?)? {
                let Some(bare) = parameter.strip_prefix('?') else {
                    return Err(source.error(at, format!("parameter `{parameter}` lacks its `?`")));
                };
                scope.push(parameter, Term::Variable(variables.len()));
                variables.push(self.type_id(kind)?);
                parameters.push(bare.to_owned());
            }
        }
        let mut conditions = Conditions { source, domain: self, entities, variables: variables.clone() };
        let precondition = match field(":precondition") {
            Some(formula) => conditions.dnf(formula, false, &mut scope)?,
            None => vec![Vec::new()],
        };
        let all_variables = conditions.variables;
        let Some(effect) = field(":effect") else {
            return Err(source.error(at, format!("action `{name}` has no :effect")));
        };
        let mut effects = Vec::new();
        let mut conditions = Conditions { source, domain: self, entities, variables };
        read_effect(&mut conditions, effect, &vec![Vec::new()], &mut scope, &mut effects)?;
        if effects.len() > MAX_EFFECTS || parameters.len() > MAX_EFFECTS {
            return Err(GameError::TooLarge { what: "effects or parameters of an action", limit: MAX_EFFECTS });
        }
        Ok(Action { name: name.to_owned(), parameters, variables: all_variables, precondition, effects })
    }
}

/// Adds the effects written in `formula`, each under `condition`.
fn read_effect(
    conditions: &mut Conditions<'_>,
    formula: &Sexpr<'_>,
    condition: &Dnf,
    scope: &mut Scope,
    out: &mut Vec<Effect>,
) -> Result<(), GameError> {
    let source = conditions.source;
    let items = formula.list(source, "an effect")?;
    let Some((head, rest)) = items.split_first() else {
        return Ok(());
    };
    match (head.word(source, "an effect")?, rest) {
        ("and", parts) => {
            for part in parts {
                read_effect(conditions, part, condition, scope, out)?;
            }
        }
        ("increase", _) => {}
        ("when", [when, then]) => {
            let when = conditions.dnf(when, false, scope)?;
            let both = super::condition::conjoin(condition, &when)?;
            read_effect(conditions, then, &both, scope, out)?;
        }
        ("forall", [variables, body]) => {
            for binding in conditions.bindings(variables)? {
                let depth = scope.len();
                binding.iter().for_each(|(name, term)| scope.push(name, *term));
                read_effect(conditions, body, condition, scope, out)?;
                scope.truncate(depth);
            }
        }
        ("not", [atom]) => {
            let literal = conditions.literal(atom, false, scope)?;
            out.push(Effect { variables: conditions.variables.clone(), condition: condition.clone(), literal });
        }
        ("when" | "forall" | "not", _) => {
            return Err(source.error(head.at(), "wrong number of parts"));
        }
        _ => {
            let literal = conditions.literal(formula, true, scope)?;
            out.push(Effect { variables: conditions.variables.clone(), condition: condition.clone(), literal });
        }
    }
    Ok(())
}

/// The contents of every section that opens with `name`.
pub(crate) fn sections_named<'s, 'a>(
    source: Source<'_>,
    sections: &'s [Sexpr<'a>],
    name: &str,
) -> Result<Vec<&'s [Sexpr<'a>]>, GameError> {
    let mut found = Vec::new();
    match sections.first() {
        Some(Sexpr::Word("define", _)) => {}
        other => {
            return Err(source.error(other.map_or(0, Sexpr::at), "expected `(define ...)`"));
        }
    }
    for section in sections.iter().skip(1) {
        if let Some((Sexpr::Word(word, _), rest)) = section.list(source, "a section")?.split_first()
            && *word == name
        {
            found.push(rest);
        }
    }
    Ok(found)
}

/// Reads `a b - t c` into (name, type, offset); what has no type is an `object`.
pub(crate) fn typed_list<'a>(
    source: Source<'_>,
    items: &[Sexpr<'a>],
) -> Result<Vec<(&'a str, &'a str, usize)>, GameError> {
    let mut out: Vec<(&'a str, &'a str, usize)> = Vec::with_capacity(items.len() / 3);
    let mut untyped = 0;
    let mut at = 0;
    while let Some(item) = items.get(at) {
        let word = item.word(source, "a name")?;
        if word == "-" {
            let Some(kind) = items.get(at + 1) else {
                return Err(source.error(item.at(), "`-` without a type"));
            };
            let kind = kind.word(source, "a type (either-types are not read)")?;
            out[untyped..].iter_mut().for_each(|entry| entry.1 = kind);
            untyped = out.len();
            at += 2;
        } else {
            out.push((word, "object", item.at()));
            at += 1;
        }
    }
    Ok(out)
}
