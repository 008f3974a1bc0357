//! Compiles grammar rules against a grounded game: every filter becomes a list of bit tests
//! with its text beside it. Refuses rules that expand into themselves.

use super::document::{ActionText, Grammar};
use super::matching::{Bound, Matcher};
use super::program::{Joiner, Node, ProgramBuilder, ProgramId, Programs, attribute};
use super::symbols::{Part, Query, Symbol};
use crate::GameError;
use crate::ground::{AnyOf, Grounded};
use crate::hash::{Map, Set};
use crate::pddl::{Domain, Entities, PredicateId};

/// Deepest expansion of rules into rules.
const MAX_DEPTH: usize = 24;

/// What the compiler reads of the game.
#[derive(Clone, Copy)]
pub(crate) struct Context<'c> {
    pub domain: &'c Domain,
    pub entities: &'c Entities,
    pub names: &'c [String],
    pub grammar: &'c Grammar,
}

/// The compiled feedback of an action schema; slots are filled per operator.
pub(crate) struct Schema<'c> {
    pub program: ProgramId,
    slots: Vec<&'c Symbol>,
}

/// What a rule depends on, itself and through the rules it names.
#[derive(Default)]
struct Dependence<'c> {
    names: Set<&'c str>,
    positions: Set<(PredicateId, usize)>,
    queries: bool,
}

/// Compiles the rules of one game.
pub(crate) struct Compiler<'c> {
    context: Context<'c>,
    matcher: Matcher<'c>,
    dependences: Map<&'c str, Dependence<'c>>,
    cache: Map<(&'c str, Vec<Bound<'c>>), ProgramId>,
    builder: ProgramBuilder,
}

impl<'c> Compiler<'c> {
    /// A compiler for programs that follow the state, or, with `frozen`, for text of the initial
    /// state alone.
    pub fn new(context: Context<'c>, grounded: &Grounded, frozen: bool) -> Self {
        Self {
            context,
            matcher: Matcher::new(context.domain, context.entities, grounded, frozen),
            dependences: Map::default(),
            cache: Map::default(),
            builder: ProgramBuilder::default(),
        }
    }

    /// The finished programs.
    pub fn finish(self) -> Programs {
        self.builder.finish()
    }

    /// The text of symbols that do not depend on the state.
    pub fn constant(&mut self, symbols: &'c [Symbol], env: &[Bound<'c>], place: &str) -> Result<String, GameError> {
        let nodes = self.symbols(symbols, env, 0)?;
        let id = self.builder.program(nodes);
        let mut text = String::new();
        if !self.builder.render_constant(id, &mut text) {
            return Err(GameError::grammar(place, "this text may not depend on the state"));
        }
        Ok(text)
    }

    /// The text of a rule that does not depend on the state.
    pub fn named(&mut self, name: &'static str) -> Result<String, GameError> {
        let id = self.rule(name, &[], 0)?;
        let mut text = String::new();
        if !self.builder.render_constant(id, &mut text) {
            return Err(GameError::grammar(name, "this text may not depend on the state"));
        }
        Ok(text)
    }

    /// Compiles the feedback of an action with its parameters left open.
    pub fn schema(&mut self, text: &'c ActionText, parameters: &[String]) -> Result<Schema<'c>, GameError> {
        let mut nodes = Vec::new();
        let mut slots = Vec::new();
        self.open(&text.feedback, parameters, 0, &mut nodes, &mut slots)?;
        Ok(Schema { program: self.builder.program(nodes), slots })
    }

    /// The programs of an operator's slots.
    pub fn slots(&mut self, schema: &Schema<'c>, env: &[Bound<'c>]) -> Result<Vec<ProgramId>, GameError> {
        schema.slots.iter().map(|symbol| self.symbol_program(symbol, env, 0)).collect()
    }

    fn open(
        &mut self,
        symbols: &'c [Symbol],
        parameters: &[String],
        depth: usize,
        nodes: &mut Vec<Node>,
        slots: &mut Vec<&'c Symbol>,
    ) -> Result<(), GameError> {
        for symbol in symbols {
            match symbol {
                Symbol::Text(text) => nodes.push(self.builder.text(text)),
                Symbol::Rule(name) if !self.dependence(name)?.queries => {
                    let rule = self.rules(name)?.first();
                    let symbols = rule.map_or(&[][..], |r| &r.symbols);
                    guard(depth, name)?;
                    self.open(symbols, parameters, depth + 1, nodes, slots)?;
                }
                Symbol::Each { body, filter: None, .. } if opens(body, parameters) => {
                    let Symbol::Value(parts) = body.as_ref() else { continue };
                    for part in parts {
                        match part {
                            Part::Text(text) => nodes.push(self.builder.text(text)),
                            Part::FirstOf(choices) => {
                                for (name, what) in choices {
                                    let at = parameters.iter().position(|p| p == name).unwrap_or(0);
                                    nodes.push(Node::Argument(at as u8, *what));
                                }
                            }
                        }
                    }
                }
                other => {
                    nodes.push(Node::Slot(slots.len() as u8));
                    slots.push(other);
                }
            }
        }
        Ok(())
    }

    fn symbols(&mut self, symbols: &'c [Symbol], env: &[Bound<'c>], depth: usize) -> Result<Vec<Node>, GameError> {
        let mut nodes = Vec::with_capacity(symbols.len());
        for symbol in symbols {
            match symbol {
                Symbol::Text(text) => nodes.push(self.builder.text(text)),
                Symbol::Value(parts) => {
                    let text = self.value(parts, env)?;
                    nodes.push(self.builder.text(&text));
                }
                Symbol::Rule(name) => nodes.push(Node::Run(self.rule(name, env, depth)?)),
                Symbol::Each { body, filter: None, .. } => {
                    nodes.push(Node::Run(self.symbol_program(body, env, depth)?));
                }
                Symbol::Each { body, filter: Some(filter), list } => {
                    let mut items = Vec::new();
                    for (inner, lits) in self.matcher.solve(filter, env)? {
                        items.push((lits, self.symbol_program(body, &inner, depth)?));
                    }
                    if let [(lits, only)] = items.as_slice()
                        && lits.is_empty()
                    {
                        nodes.push(Node::Run(*only));
                        continue;
                    }
                    let joiner = if *list {
                        Some(Joiner {
                            empty: self.rule("list_empty", env, depth)?,
                            separator: self.rule("list_separator", env, depth)?,
                            last: self.rule("list_last_separator", env, depth)?,
                        })
                    } else {
                        None
                    };
                    nodes.push(Node::Each(items, joiner));
                }
            }
        }
        Ok(nodes)
    }

    fn symbol_program(&mut self, symbol: &'c Symbol, env: &[Bound<'c>], depth: usize) -> Result<ProgramId, GameError> {
        if let Symbol::Rule(name) = symbol {
            return self.rule(name, env, depth);
        }
        let nodes = self.symbols(std::slice::from_ref(symbol), env, depth)?;
        Ok(match nodes.as_slice() {
            [Node::Run(id)] => *id,
            _ => self.builder.program(nodes),
        })
    }

    fn rule(&mut self, name: &'c str, env: &[Bound<'c>], depth: usize) -> Result<ProgramId, GameError> {
        guard(depth, name)?;
        self.dependence(name)?;
        let mut relevant: Vec<Bound<'c>> = env.to_vec();
        if let Some(needs) = self.dependences.get(name) {
            // A binding matters if it is named, or if it keeps a filter from binding its entity.
            relevant.retain(|b| {
                needs.names.contains(b.name)
                    || needs.positions.iter().any(|(p, at)| self.matcher.appears(*p, *at, b.entity))
            });
        }
        let key = (name, relevant);
        if let Some(id) = self.cache.get(&key) {
            return Ok(*id);
        }
        let mut choices = Vec::new();
        for rule in self.rules(name)? {
            let when: AnyOf = match &rule.condition {
                None => vec![Vec::new()],
                Some(query) => {
                    let mut when: AnyOf =
                        self.matcher.solve(query, &key.1)?.into_iter().map(|(_, lits)| lits).collect();
                    when.sort_unstable();
                    when.dedup();
                    when
                }
            };
            if when.is_empty() {
                continue;
            }
            let nodes = self.symbols(&rule.symbols, &key.1, depth + 1)?;
            let always = when.first().is_some_and(Vec::is_empty);
            choices.push((if always { vec![Vec::new()] } else { when }, self.builder.program(nodes)));
            if always {
                break;
            }
        }
        let id = match choices.as_slice() {
            [(when, only)] if when.first().is_some_and(Vec::is_empty) => *only,
            _ => self.builder.program(vec![Node::Choose(choices)]),
        };
        self.cache.insert(key, id);
        Ok(id)
    }

    fn rules(&self, name: &str) -> Result<&'c [super::document::Rule], GameError> {
        let rules = self.context.grammar.rules.get(name).map(Vec::as_slice);
        rules.ok_or_else(|| GameError::grammar(name, format!("no rule is called `{name}`")))
    }

    fn value(&self, parts: &[Part], env: &[Bound<'c>]) -> Result<String, GameError> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(t) => text.push_str(t),
                Part::FirstOf(choices) => {
                    for (name, what) in choices {
                        let bound = env.iter().rev().find(|b| b.name == name).ok_or_else(|| {
                            GameError::grammar(name.as_str(), format!("nothing here is called `{name}`"))
                        })?;
                        let found = attribute(self.context.names, self.context.entities, bound.entity, *what);
                        if !found.is_empty() {
                            text.push_str(found);
                            break;
                        }
                    }
                }
            }
        }
        Ok(text)
    }

    fn dependence(&mut self, name: &'c str) -> Result<&Dependence<'c>, GameError> {
        if !self.dependences.contains_key(name) {
            let mut needs = Dependence::default();
            let mut open = vec![name];
            let mut seen = Set::default();
            while let Some(rule) = open.pop().filter(|r| seen.insert(*r)) {
                for rule in self.rules(rule)? {
                    rule.condition.iter().for_each(|q| self.query_needs(q, &mut needs));
                    rule.symbols.iter().for_each(|s| self.symbol_needs(s, &mut needs, &mut open));
                }
                while open.last().is_some_and(|r| seen.contains(r)) {
                    open.pop();
                }
            }
            self.dependences.insert(name, needs);
        }
        Ok(self.dependences.entry(name).or_default())
    }

    fn query_needs(&self, query: &'c Query, needs: &mut Dependence<'c>) {
        needs.queries = true;
        for fact in &query.facts {
            needs.names.extend(fact.placeholders.iter().map(|(name, _)| name.as_str()));
            if let Some(predicate) = self.context.domain.known_predicate(&fact.predicate) {
                needs.positions.extend((0..fact.placeholders.len()).map(|p| (predicate, p)));
            }
        }
    }

    fn symbol_needs(&self, symbol: &'c Symbol, needs: &mut Dependence<'c>, open: &mut Vec<&'c str>) {
        match symbol {
            Symbol::Text(_) => {}
            Symbol::Rule(name) => open.push(name),
            Symbol::Value(parts) => {
                for part in parts {
                    if let Part::FirstOf(choices) = part {
                        needs.names.extend(choices.iter().map(|(name, _)| name.as_str()));
                    }
                }
            }
            Symbol::Each { body, filter, list } => {
                filter.iter().for_each(|q| self.query_needs(q, needs));
                self.symbol_needs(body, needs, open);
                if *list && filter.is_some() {
                    open.extend(["list_empty", "list_separator", "list_last_separator"]);
                }
            }
        }
    }
}

fn guard(depth: usize, name: &str) -> Result<(), GameError> {
    if depth < MAX_DEPTH {
        return Ok(());
    }
    Err(GameError::grammar(name, "rules expand into each other without end"))
}

/// Whether a body can be printed from the action's arguments alone.
fn opens(body: &Symbol, parameters: &[String]) -> bool {
    let Symbol::Value(parts) = body else { return false };
    parts.iter().all(|part| match part {
        Part::Text(_) => true,
        Part::FirstOf(choices) => choices.len() == 1 && choices.iter().all(|(name, _)| parameters.contains(name)),
    })
}
