//! The laws of a game laid out for speed, and the state they act on. Conditions are never searched: each keeps count of
//! its literals that do not hold, and changing a fact touches only the conditions that read it.

use crate::ground::{AnyOf, Lit, Operator};
use crate::pddl::EntityId;
use crate::text::ProgramId;

/// A run of entries of one of the tables.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn of<T>(self, table: &[T]) -> &[T] {
        table.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    fn push<T>(table: &mut Vec<T>, items: impl IntoIterator<Item = T>) -> Self {
        let start = table.len() as u32;
        table.extend(items);
        Self { start, end: table.len() as u32 }
    }
}

#[derive(Debug)]
struct Row {
    arguments: Span,
    effects: Span,
    conditional: Span,
    slots: Span,
    program: ProgramId,
}

/// What an operator does and what it says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deed<'r> {
    pub arguments: &'r [EntityId],
    pub effects: &'r [Lit],
    pub conditional: &'r [(AnyOf, Lit)],
    pub slots: &'r [ProgramId],
    pub program: ProgramId,
}

/// The laws of one game.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    commands: usize,
    /// The conditions of command `c` are `first[c]..first[c + 1]`; what follows the last command is the goal.
    first: Vec<u32>,
    /// The command (or goal) and the operator of each condition.
    owners: Vec<(u32, u32)>,
    /// The conditions that read fact `f` are `watched[watchers[f]..watchers[f + 1]]`, doubled, plus one if they want it true.
    watchers: Vec<u32>,
    watched: Vec<u32>,
    rows: Vec<Row>,
    arguments: Vec<EntityId>,
    effects: Vec<Lit>,
    conditional: Vec<(AnyOf, Lit)>,
    slots: Vec<ProgramId>,
    start: State,
}

/// What holds now, and what follows from it.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// One bit per fact.
    pub facts: Vec<u64>,
    /// For each condition, how many of its literals do not hold.
    missing: Vec<u16>,
    /// For each command, and last for the goal, how many of its conditions hold.
    holding: Vec<u32>,
    /// One bit per command of which some condition holds.
    pub admissible: Vec<u64>,
}

/// Whether a bit is set.
pub(crate) fn bit(words: &[u64], at: u32) -> bool {
    words.get(at as usize / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

impl Rules {
    /// Adds an operator's deed; gives its number.
    pub fn add(&mut self, operator: &mut Operator, program: ProgramId, slots: Vec<ProgramId>) -> u32 {
        self.rows.push(Row {
            arguments: Span::push(&mut self.arguments, operator.arguments.iter().copied()),
            effects: Span::push(&mut self.effects, operator.effects.iter().copied()),
            conditional: Span::push(&mut self.conditional, std::mem::take(&mut operator.conditional)),
            slots: Span::push(&mut self.slots, slots),
            program,
        });
        (self.rows.len() - 1) as u32
    }

    /// Completes the laws: for each command its operators and their conditions, the goal, and what holds at the start.
    pub fn finish(mut self, commands: Vec<Vec<(u32, AnyOf)>>, goal: AnyOf, initial: &[bool]) -> Self {
        let mut conditions: Vec<Vec<Lit>> = Vec::new();
        self.commands = commands.len();
        for (command, owned) in commands.into_iter().chain([vec![(u32::MAX, goal)]]).enumerate() {
            self.first.push(conditions.len() as u32);
            for (operator, any) in owned {
                self.owners.extend(any.iter().map(|_| (command as u32, operator)));
                conditions.extend(any);
            }
        }
        let mut readers: Vec<Vec<u32>> = vec![Vec::new(); initial.len()];
        for (condition, lits) in conditions.iter().enumerate() {
            for lit in lits {
                readers[lit.fact as usize].push((condition as u32) << 1 | u32::from(lit.positive));
            }
        }
        for readers in readers {
            self.watchers.push(self.watched.len() as u32);
            self.watched.extend(readers);
        }
        self.watchers.push(self.watched.len() as u32);

        let mut start = State {
            facts: vec![0; initial.len().div_ceil(64)],
            missing: conditions.iter().map(|lits| lits.iter().filter(|l| l.positive).count() as u16).collect(),
            holding: vec![0; self.commands + 1],
            admissible: vec![0; self.commands.div_ceil(64)],
        };
        for condition in (0..start.missing.len()).filter(|c| start.missing[*c] == 0).collect::<Vec<_>>() {
            start.gain(&self, condition);
        }
        for fact in (0..initial.len()).filter(|fact| initial[*fact]) {
            start.set(&self, fact as u32, true);
        }
        self.start = start;
        self
    }

    /// What holds before anything was done.
    pub fn start(&self) -> &State {
        &self.start
    }
}

impl State {
    /// The operator a command stands for now.
    pub fn deed<'r>(&self, rules: &'r Rules, command: u32) -> Option<Deed<'r>> {
        if !bit(&self.admissible, command) {
            return None;
        }
        let (from, to) = (*rules.first.get(command as usize)?, *rules.first.get(command as usize + 1)?);
        let condition = (from as usize..to as usize).find(|c| self.missing[*c] == 0)?;
        let row = rules.rows.get(rules.owners[condition].1 as usize)?;
        Some(Deed {
            arguments: row.arguments.of(&rules.arguments),
            effects: row.effects.of(&rules.effects),
            conditional: row.conditional.of(&rules.conditional),
            slots: row.slots.of(&rules.slots),
            program: row.program,
        })
    }

    /// Makes a deed's effects true.
    pub fn apply(&mut self, rules: &Rules, deed: Deed<'_>) {
        // Conditions are judged before anything changes.
        let mut held: u64 = 0;
        for (at, (when, _)) in deed.conditional.iter().enumerate() {
            let now = when.iter().any(|lits| lits.iter().all(|l| bit(&self.facts, l.fact) == l.positive));
            held |= u64::from(now) << (at & 63);
        }
        // What is made false goes first: an effect that also makes it true wins.
        for wanted in [false, true] {
            for lit in deed.effects.iter().filter(|l| l.positive == wanted) {
                self.set(rules, lit.fact, wanted);
            }
            for (at, (_, lit)) in deed.conditional.iter().enumerate() {
                if lit.positive == wanted && held >> (at & 63) & 1 == 1 {
                    self.set(rules, lit.fact, wanted);
                }
            }
        }
    }

    /// Whether the goal holds.
    pub fn won(&self) -> bool {
        self.holding.last().is_some_and(|count| *count > 0)
    }

    fn set(&mut self, rules: &Rules, fact: u32, value: bool) {
        if bit(&self.facts, fact) == value {
            return;
        }
        self.facts[fact as usize / 64] ^= 1 << (fact % 64);
        let span = Span { start: rules.watchers[fact as usize], end: rules.watchers[fact as usize + 1] };
        for entry in span.of(&rules.watched) {
            let condition = (entry >> 1) as usize;
            if (entry & 1 == 1) == value {
                self.missing[condition] -= 1;
                if self.missing[condition] == 0 {
                    self.gain(rules, condition);
                }
            } else {
                if self.missing[condition] == 0 {
                    self.lose(rules, condition);
                }
                self.missing[condition] += 1;
            }
        }
    }

    fn gain(&mut self, rules: &Rules, condition: usize) {
        let owner = rules.owners[condition].0 as usize;
        self.holding[owner] += 1;
        if owner < rules.commands {
            self.admissible[owner / 64] |= 1 << (owner % 64);
        }
    }

    fn lose(&mut self, rules: &Rules, condition: usize) {
        let owner = rules.owners[condition].0 as usize;
        self.holding[owner] -= 1;
        if self.holding[owner] == 0 && owner < rules.commands {
            self.admissible[owner / 64] &= !(1 << (owner % 64));
        }
    }

    /// Becomes a copy of another state of the same game.
    pub fn restore(&mut self, other: &Self) {
        self.facts.copy_from_slice(&other.facts);
        self.missing.copy_from_slice(&other.missing);
        self.holding.copy_from_slice(&other.holding);
        self.admissible.copy_from_slice(&other.admissible);
    }
}
