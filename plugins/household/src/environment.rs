//! The environment: one household game per episode. The agent's reply is the command.

use std::path::Path;
use std::sync::Arc;

use harness_abi::{Action, Environment, ModuleError, Observation, Task, TaskQuery};
use household_engine::{Game, World};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::tasks;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of game files; empty makes games.
    data: String,
    /// Games made for `train`.
    train: u32,
    /// Games made for `valid_unseen`.
    unseen: u32,
}

/// The environment; without a world until it is reset.
#[derive(Debug)]
pub struct Household {
    config: Config,
    world: Option<World>,
    steps: u64,
}

impl Household {
    /// An environment that has not begun.
    pub fn new(config: Config) -> Self {
        Self { config, world: None, steps: 0 }
    }

    fn game(&self, task: &Task) -> Result<Game, ModuleError> {
        let file = tasks::game_file(&self.config.data, task)?;
        Game::from_file(&file).map_err(|error| ModuleError::input(format_args!("task `{}`: {error}", task.id)))
    }
}

fn not_begun() -> ModuleError {
    ModuleError::input("the environment was not reset to a task yet; reset it first")
}

fn observe(world: &World, invalid: bool) -> Observation {
    let seen = world.observation();
    Observation {
        text: seen.text.to_owned(),
        admissible: world.admissible().map(str::to_owned).collect(),
        reward: f64::from(u8::from(seen.won)),
        done: seen.won,
        invalid,
        ..Observation::default()
    }
}

impl Environment for Household {
    fn tasks(&mut self, query: &TaskQuery) -> Result<Vec<Task>, ModuleError> {
        let Config { data, train, unseen } = &self.config;
        let mut tasks = match data.as_str() {
            "" => tasks::made(query.seed, *train, *unseen, &query.split),
            folder => tasks::recorded(Path::new(folder), &query.split)?,
        };
        if query.limit > 0 {
            tasks.truncate(query.limit);
        }
        Ok(tasks)
    }

    fn reset(&mut self, task: &Task, _seed: u64) -> Result<Observation, ModuleError> {
        // The game is deterministic: only the task decides what happens.
        let world = self.world.insert(World::new(Arc::new(self.game(task)?)));
        self.steps = 0;
        Ok(observe(world, false))
    }

    fn step(&mut self, action: &Action) -> Result<Observation, ModuleError> {
        let world = self.world.as_mut().ok_or_else(not_begun)?;
        self.steps += 1;
        let command = match action {
            Action::Text { text } => text.trim(),
            // It offers no tools: a call is a command it does not know.
            _ => "",
        };
        let invalid = !world.is_admissible(command);
        world.step(command);
        Ok(observe(world, invalid))
    }

    fn state(&mut self) -> Result<Value, ModuleError> {
        let world = self.world.as_ref().ok_or_else(not_begun)?;
        Ok(json!({"won": world.won(), "steps": self.steps, "task": world.game().task()}))
    }

    fn oracle(&mut self, task: &Task) -> Result<Vec<Action>, ModuleError> {
        let game = self.game(task)?;
        if game.walkthrough().is_empty() {
            return Err(ModuleError::unsupported(format_args!("task `{}` comes without a walkthrough", task.id)));
        }
        Ok(game.walkthrough().iter().map(|command| Action::Text { text: command.clone() }).collect())
    }
}
