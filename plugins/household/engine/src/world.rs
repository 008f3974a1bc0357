//! One play-through of a game. A step flips a few facts, updates the conditions that read them and writes one
//! observation; it cannot fail.

use std::sync::Arc;

use crate::Game;
use crate::rules::{State, bit};
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
    state: State,
    text: String,
}

impl World {
    /// A world at the start of a game.
    #[must_use]
    pub fn new(game: Arc<Game>) -> Self {
        Self { state: game.rules.start().clone(), text: game.intro.clone(), game }
    }

    /// The game being played.
    #[must_use]
    pub fn game(&self) -> &Arc<Game> {
        &self.game
    }

    /// Goes back to the start and returns the opening text.
    pub fn reset(&mut self) -> Observation<'_> {
        self.state.restore(self.game.rules.start());
        self.text.clone_from(&self.game.intro);
        self.observation()
    }

    /// Does what a command says, or nothing if it is not admissible now.
    pub fn step(&mut self, command: &str) -> Observation<'_> {
        let Self { game, state, text } = self;
        text.clear();
        let id = game.command_ids.get(command.trim());
        match id.and_then(|id| state.deed(&game.rules, *id)) {
            None => text.push_str(NOTHING),
            Some(deed) => {
                state.apply(&game.rules, deed);
                let run = Run {
                    facts: &state.facts,
                    arguments: deed.arguments,
                    slots: deed.slots,
                    names: &game.names,
                    entities: &game.entities,
                };
                game.programs.run(deed.program, run, text);
            }
        }
        self.observation()
    }

    /// The admissible commands, sorted.
    pub fn admissible(&self) -> impl Iterator<Item = &str> {
        let ids = self.state.admissible.iter().enumerate().flat_map(|(at, word)| {
            std::iter::successors((*word != 0).then_some(*word), |w| {
                let rest = w & (w - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |w| at * 64 + w.trailing_zeros() as usize)
        });
        ids.filter_map(|id| self.game.commands.get(id).map(|c| &**c))
    }

    /// How many commands are admissible.
    #[must_use]
    pub fn admissible_count(&self) -> usize {
        self.state.admissible.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether a command, exactly as written, is admissible.
    #[must_use]
    pub fn is_admissible(&self, command: &str) -> bool {
        self.game.command_ids.get(command).is_some_and(|id| bit(&self.state.admissible, *id))
    }

    /// Whether the goal holds.
    #[must_use]
    pub fn won(&self) -> bool {
        self.state.won()
    }

    /// The text last shown and whether the goal holds.
    #[must_use]
    pub fn observation(&self) -> Observation<'_> {
        Observation { text: &self.text, won: self.won() }
    }
}
