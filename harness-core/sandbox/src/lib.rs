//! Commands in a box: what a model wants to run, a grader's script. Files outside the workspace stay as they are, secrets of
//! the user stay unread, the network is off, and nothing is left running. Refuses to run a command it cannot confine, unless
//! it was told to.
//!
//! A command is never the direct child of its host: this program starts itself again as a *supervisor*, which adopts whatever
//! the command leaves behind and ends all of it, at the deadline, when it is cancelled, and when its host dies. The supervisor
//! starts this program once more, which confines itself and becomes the command. No code runs between `fork` and `exec`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test stops where it fails"))]

mod bubblewrap;
mod calls;
mod choose;
mod confine;
mod error;
mod files;
mod frame;
mod in_memory;
mod job;
mod output;
mod own;
mod places;
mod program;
mod run;
mod supervise;
mod tree;

pub use choose::{Choice, choose};
pub use error::SandboxError;
pub use job::{End, Job, JobLimits, Mechanism, Mount, Ran};
pub use output::Output;
pub use own::{Own, guard, guarded, is_guarded};
pub use program::set_program;
pub use run::run;
pub use supervise::serve;
