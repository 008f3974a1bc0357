//! Compiled text: straight-line programs over the current facts. Running one allocates nothing
//! beyond the output and cannot fail.

use super::symbols::Attribute;
use crate::ground::{AnyOf, Lit};
use crate::hash::Map;
use crate::pddl::{Entities, EntityId};

pub(crate) type ProgramId = u32;

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// Copy a string.
    Text(u32),
    /// Print an argument of the action just taken.
    Argument(u8, Attribute),
    /// Run the program the operator put in this slot.
    Slot(u8),
    Run(ProgramId),
    /// Run the first whose condition holds; nothing if none does.
    Choose(Vec<(AnyOf, ProgramId)>),
    /// Run all whose conditions hold.
    Each(Vec<(Vec<Lit>, ProgramId)>, Option<Joiner>),
}

/// What stands in, between and before the last of the items of an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Joiner {
    pub empty: ProgramId,
    pub separator: ProgramId,
    pub last: ProgramId,
}

/// All programs and strings of a game.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    nodes: Vec<Vec<Node>>,
    strings: Vec<Box<str>>,
}

/// What a program reads while it runs.
#[derive(Clone, Copy)]
pub(crate) struct Run<'r> {
    pub facts: &'r [u64],
    pub arguments: &'r [EntityId],
    pub slots: &'r [ProgramId],
    pub names: &'r [String],
    pub entities: &'r Entities,
}

impl Run<'_> {
    fn holds(&self, lits: &[Lit]) -> bool {
        lits.iter().all(|lit| {
            let word = self.facts.get(lit.fact as usize / 64).copied().unwrap_or(0);
            (word >> (lit.fact % 64) & 1 == 1) == lit.positive
        })
    }
}

/// What to print of an entity.
pub(crate) fn attribute<'e>(
    names: &'e [String],
    entities: &'e Entities,
    entity: EntityId,
    attribute: Attribute,
) -> &'e str {
    match attribute {
        Attribute::Name => names.get(usize::from(entity)).map_or("", String::as_str),
        Attribute::Identifier => entities.name(entity),
        Attribute::Indefinite => "a",
        Attribute::Definite => "the",
    }
}

impl Programs {
    /// Appends the output of a program.
    pub fn run(&self, id: ProgramId, run: Run<'_>, out: &mut String) {
        for node in self.nodes.get(id as usize).into_iter().flatten() {
            match node {
                Node::Text(text) => out.push_str(self.string(*text)),
                Node::Argument(index, what) => {
                    if let Some(entity) = run.arguments.get(usize::from(*index)) {
                        out.push_str(attribute(run.names, run.entities, *entity, *what));
                    }
                }
                Node::Slot(slot) => {
                    if let Some(id) = run.slots.get(usize::from(*slot)) {
                        self.run(*id, run, out);
                    }
                }
                Node::Run(id) => self.run(*id, run, out),
                Node::Choose(choices) => {
                    let chosen = choices.iter().find(|(when, _)| when.iter().any(|lits| run.holds(lits)));
                    if let Some((_, id)) = chosen {
                        self.run(*id, run, out);
                    }
                }
                Node::Each(items, joiner) => self.each(items, *joiner, run, out),
            }
        }
    }

    fn each(&self, items: &[(Vec<Lit>, ProgramId)], joiner: Option<Joiner>, run: Run<'_>, out: &mut String) {
        let mut matches = items.iter().filter(|(lits, _)| run.holds(lits)).map(|(_, id)| *id);
        let Some(joiner) = joiner else {
            return matches.for_each(|id| self.run(id, run, out));
        };
        let Some(first) = matches.next() else {
            return self.run(joiner.empty, run, out);
        };
        self.run(first, run, out);
        let Some(mut pending) = matches.next() else { return };
        for next in matches {
            self.run(joiner.separator, run, out);
            self.run(pending, run, out);
            pending = next;
        }
        self.run(joiner.last, run, out);
        self.run(pending, run, out);
    }

    fn string(&self, id: u32) -> &str {
        self.strings.get(id as usize).map_or("", |s| s)
    }
}

/// Builds programs, sharing equal strings and equal programs.
#[derive(Debug, Default)]
pub(crate) struct ProgramBuilder {
    programs: Programs,
    by_text: Map<Box<str>, u32>,
    by_nodes: Map<Vec<Node>, ProgramId>,
}

impl ProgramBuilder {
    pub fn text(&mut self, text: &str) -> Node {
        if let Some(id) = self.by_text.get(text) {
            return Node::Text(*id);
        }
        let id = self.programs.strings.len() as u32;
        self.programs.strings.push(text.into());
        self.by_text.insert(text.into(), id);
        Node::Text(id)
    }
    pub fn program(&mut self, nodes: Vec<Node>) -> ProgramId {
        if let Some(id) = self.by_nodes.get(&nodes) {
            return *id;
        }
        let id = self.programs.nodes.len() as u32;
        self.programs.nodes.push(nodes.clone());
        self.by_nodes.insert(nodes, id);
        id
    }
    /// Appends the output of a program that reads nothing; false if it reads the state.
    pub fn render_constant(&self, id: ProgramId, out: &mut String) -> bool {
        let Some(nodes) = self.programs.nodes.get(id as usize) else { return false };
        nodes.iter().all(|node| match node {
            Node::Text(text) => {
                out.push_str(self.programs.string(*text));
                true
            }
            Node::Run(id) => self.render_constant(*id, out),
            Node::Each(items, joiner) if items.iter().all(|(lits, _)| lits.is_empty()) => {
                let joiners = match (joiner, items.len()) {
                    (None, _) => (None, None),
                    (Some(j), 0) => return self.render_constant(j.empty, out),
                    (Some(j), _) => (Some(j.separator), Some(j.last)),
                };
                items.iter().enumerate().all(|(at, (_, id))| {
                    let before = match at {
                        0 => None,
                        _ if at + 1 == items.len() => joiners.1,
                        _ => joiners.0,
                    };
                    before.is_none_or(|b| self.render_constant(b, out)) && self.render_constant(*id, out)
                })
            }
            Node::Choose(choices) => choices.is_empty(),
            _ => false,
        })
    }
    pub fn finish(self) -> Programs {
        self.programs
    }
}
