//! The executors: each performs one kind of effect. An executor sees its inputs and nothing of the episode's state, and answers
//! with what came of it; it never decides what that means.

mod answer;
mod environment;
mod episodes;
mod models;
mod processors;
mod tools;

pub(crate) use environment::EnvironmentExecutor;
pub(crate) use episodes::{EpisodeExecutor, Playing};
pub(crate) use models::ModelExecutor;
pub(crate) use processors::ProcessorExecutor;
pub(crate) use tools::ToolExecutor;
