//! Household games: the PDDL world, its text and a generator of new games.
//!
//! A [`Game`] is read once from a game file and shared; a [`World`] plays it. The engine knows
//! nothing of agents, models or scores, reads no files and never panics on what it is given.

mod error;
mod game;
mod game_file;
mod generate;
mod ground;
mod hash;
mod names;
mod pddl;
mod rules;
mod task;
mod text;
mod world;

pub use error::GameError;
pub use game::Game;
pub use game_file::GameFile;
pub use generate::{Generated, SCENES, generate, generate_in};
pub use task::{TaskType, UnknownTaskType};
pub use world::{Observation, World};
