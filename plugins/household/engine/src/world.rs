//! One play-through of a game. A step flips a few facts, updates the conditions that read them
//! and writes one observation; it cannot fail.

use std::sync::Arc;

use crate::Game;
use crate::text::Run;

/// What the reference says to a command that is not admissible.
const NOTHING: &str = "Nothing happens.";

/// What a player sees after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation<'w> {
    /// The text shown.
    pub text: &'w str,
    /// Whether the goal holds now.
    pub won: bool,
}

/// The state of one play-through. Cloning it is a snapshot: a few kilobytes copied.
#[derive(Debug, Clone)]
pub struct World {
    game: Arc<Game>,
    facts: Vec<u64>,
    /// For each conjunction, how many of its literals do not hold.
    missing: Vec<u16>,
    /// For each command, and last for the goal, how many of its conjunctions hold.
    holding: Vec<u32>,
    /// One bit per command that has a conjunction holding.
    admissible: Vec<u64>,
    text: String,
}

impl World {
    /// A world at the start of a game.
    #[must_use]
    pub fn new(game: Arc<Game>) -> Self {
        let commands = game.commands.len();
        let mut world = Self {
            facts: game.initial.clone(),
            missing: vec![0; game.conjunctions.len()],
            holding: vec![0; commands + 1],
            admissible: vec![0; commands.div_ceil(64)],
            text: game.intro.clone(),
            game,
        };
        world.restart();
        world
    }

    /// The game being played.
    #[must_use]
    pub fn game(&self) -> &Arc<Game> {
        &self.game
    }

    /// Goes back to the start and returns the opening text.
    pub fn reset(&mut self) -> Observation<'_> {
        self.restart();
        self.observation()
    }

    fn restart(&mut self) {
        self.facts.copy_from_slice(&self.game.initial);
        self.holding.fill(0);
        self.admissible.fill(0);
        self.text.clone_from(&self.game.intro);
        for (id, lits) in self.game.conjunctions.iter().enumerate() {
            let missing = lits.iter().filter(|l| holds(&self.facts, l.fact) != l.positive).count();
            self.missing[id] = missing as u16;
            if missing == 0 {
                let owner = self.game.owners[id].0 as usize;
                self.holding[owner] += 1;
                if let Some(word) = self.admissible.get_mut(owner / 64)
                    && owner < self.game.commands.len()
                {
                    *word |= 1 << (owner % 64);
                }
            }
        }
    }

    /// Does what a command says, or nothing if it is not admissible now.
    pub fn step(&mut self, command: &str) -> Observation<'_> {
        let game = Arc::clone(&self.game);
        self.text.clear();
        match self.operator(&game, command.trim()) {
            None => self.text.push_str(NOTHING),
            Some(operator) => {
                self.apply(&game, operator);
                let run = Run {
                    facts: &self.facts,
                    arguments: &operator.arguments,
                    slots: &operator.slots,
                    names: &game.names,
                    entities: &game.entities,
                };
                game.programs.run(operator.program, run, &mut self.text);
            }
        }
        self.observation()
    }

    /// The admissible commands, sorted.
    pub fn admissible(&self) -> impl Iterator<Item = &str> {
        self.admissible_ids().filter_map(|id| self.game.commands.get(id).map(|c| &**c))
    }

    /// How many commands are admissible.
    #[must_use]
    pub fn admissible_count(&self) -> usize {
        self.admissible.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether a command, exactly as written, is admissible.
    #[must_use]
    pub fn is_admissible(&self, command: &str) -> bool {
        self.game.command_ids.get(command).is_some_and(|id| holds(&self.admissible, *id))
    }

    /// Whether the goal holds.
    #[must_use]
    pub fn won(&self) -> bool {
        self.holding.last().is_some_and(|count| *count > 0)
    }

    /// The text last shown and whether the goal holds.
    #[must_use]
    pub fn observation(&self) -> Observation<'_> {
        Observation { text: &self.text, won: self.won() }
    }

    fn admissible_ids(&self) -> impl Iterator<Item = usize> {
        self.admissible.iter().enumerate().flat_map(|(at, word)| {
            std::iter::successors((*word != 0).then_some(*word), |w| {
                let rest = w & (w - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |w| at * 64 + w.trailing_zeros() as usize)
        })
    }

    fn operator<'g>(&self, game: &'g Game, command: &str) -> Option<&'g crate::game::CompiledOperator> {
        let id = *game.command_ids.get(command)?;
        if !holds(&self.admissible, id) {
            return None;
        }
        let range = *game.command_start.get(id as usize)?..*game.command_start.get(id as usize + 1)?;
        let conjunction = range.into_iter().find(|c| self.missing[*c as usize] == 0)?;
        game.operators.get(game.owners[conjunction as usize].1 as usize)
    }

    fn apply(&mut self, game: &Game, operator: &crate::game::CompiledOperator) {
        // Conditions are judged before anything changes.
        let mut held: u64 = 0;
        for (at, (when, _)) in operator.conditional.iter().enumerate() {
            let now = when.iter().any(|lits| lits.iter().all(|l| holds(&self.facts, l.fact) == l.positive));
            held |= u64::from(now) << (at & 63);
        }
        // What is made false goes first: an effect that also makes it true wins.
        for wanted in [false, true] {
            for lit in operator.effects.iter().filter(|l| l.positive == wanted) {
                self.set(game, lit.fact, wanted);
            }
            for (at, (_, lit)) in operator.conditional.iter().enumerate() {
                if lit.positive == wanted && held >> (at & 63) & 1 == 1 {
                    self.set(game, lit.fact, wanted);
                }
            }
        }
    }

    fn set(&mut self, game: &Game, fact: u32, value: bool) {
        if holds(&self.facts, fact) == value {
            return;
        }
        self.facts[fact as usize / 64] ^= 1 << (fact % 64);
        for (conjunction, wants) in &game.watchers[fact as usize] {
            let missing = &mut self.missing[*conjunction as usize];
            let owner = game.owners[*conjunction as usize].0 as usize;
            if *wants == value {
                *missing -= 1;
                if *missing == 0 {
                    self.holding[owner] += 1;
                    if self.holding[owner] == 1 && owner < game.commands.len() {
                        self.admissible[owner / 64] |= 1 << (owner % 64);
                    }
                }
            } else {
                if *missing == 0 {
                    self.holding[owner] -= 1;
                    if self.holding[owner] == 0 && owner < game.commands.len() {
                        self.admissible[owner / 64] &= !(1 << (owner % 64));
                    }
                }
                *missing += 1;
            }
        }
    }
}

fn holds(facts: &[u64], fact: u32) -> bool {
    facts.get(fact as usize / 64).is_some_and(|word| word >> (fact % 64) & 1 == 1)
}
