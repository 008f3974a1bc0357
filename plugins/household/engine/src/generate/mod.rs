//! Makes new household games from a seed: solvable by construction, with a walkthrough, in the
//! same file format as recorded ones. They are simulated data and callers should say so.

mod layout;
mod rooms;
mod write;

use std::ops::Range;

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

/// How many scenes each kind of room has.
pub const SCENES: u16 = 30;

/// The game of a seed, of the wanted kind or of one the seed chooses. The same arguments give
/// the same game.
#[must_use]
pub fn generate(seed: u64, task_type: Option<TaskType>) -> Generated {
    generate_in(seed, task_type, 0..SCENES)
}

/// As [`generate`], in these of the [`SCENES`] scenes of each room: ranges that do not overlap
/// give rooms, and so groups, that do not either. An empty range is taken as all.
#[must_use]
pub fn generate_in(seed: u64, task_type: Option<TaskType>, scenes: Range<u16>) -> Generated {
    let scenes = if scenes.is_empty() || scenes.end > SCENES { 0..SCENES } else { scenes };
    // Every kind of task has rooms that offer it, so a redraw is only ever a formality.
    let mut attempt = seed;
    let layout = loop {
        match layout::draw(attempt, task_type, &scenes) {
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
