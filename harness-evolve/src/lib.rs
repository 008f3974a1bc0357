//! The workshop: digests traces, plans, proposes edits over what is installed, screens them, has them judged, ships.

mod arena;

pub use arena::{Arena, ArenaError, Played, Rollout};
