//! Makes new household games from a seed: solvable by construction, with a walkthrough, in the
//! same file format as recorded ones. They are simulated data and callers should say so.

mod layout;
mod rooms;
mod write;

use crate::{GameFile, TaskType};

/// A game made from a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// `household-generated/<group>/<seed>`: unique per seed and wanted task type.
    pub id: String,
    /// Task type, object, target and scene: games of a group differ only in what lies where.
    pub group: String,
    /// The kind of task.
    pub task_type: TaskType,
    /// The game itself.
    pub file: GameFile,
}

/// The game of a seed, of the wanted kind or of one the seed chooses. The same arguments give
/// the same game.
#[must_use]
pub fn generate(seed: u64, task_type: Option<TaskType>) -> Generated {
    // Every kind of task has rooms that offer it, so a redraw is only ever a formality.
    let mut attempt = seed;
    let layout = loop {
        match layout::draw(attempt, task_type) {
            Some(layout) => break layout,
            None => attempt = attempt.wrapping_add(0x9E37_79B9_7F4A_7C15),
        }
    };
    let task = &layout.task;
    let group = format!("{}-{}-None-{}-{}", task.kind, task.object.name, task.target, layout.scene);
    Generated {
        id: format!("household-generated/{group}/{seed}"),
        task_type: task.kind,
        file: write::game_file(&layout, seed),
        group,
    }
}
