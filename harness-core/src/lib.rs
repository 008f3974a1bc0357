//! The engine: assembles a harness into an agent and runs it.
//!
//! [`assemble`] checks a harness and resolves every module it may use; [`Agent::run`] runs one episode. An episode is a value
//! (`state/`): it says which effect is due, is told what came of it, and alone decides what that means. Executors (`executors/`)
//! perform effects: they call processors, models, tools, the environment and the grader, and see nothing of the state. The driver
//! (`driver.rs`) passes effects and results between the two. What processors may decide is one table (`contract.rs`); a module
//! that fails or breaks its contract is recorded and ends the episode, it is never skipped.

mod agent;
mod assemble;
mod assembled;
mod cancel;
mod clock;
mod completed_calls;
mod conformance;
mod context;
mod contract;
mod conversation;
mod decision_json;
mod dialogue;
mod driver;
mod effect;
mod episode;
mod executors;
mod grading;
mod request;
mod seed;
mod signals;
mod sinks;
mod spending;
mod state;
mod toolbox;
mod view;
mod wait;

pub use agent::{Agent, EpisodeRun};
pub use assemble::{AssembleError, assemble};
pub use cancel::Cancel;
pub use clock::{Clock, SystemClock};
pub use completed_calls::CompletedCall;
pub use conformance::{Check, CheckResult, ConformanceReport, Extent, conformance};
pub use dialogue::{Dialogue, Left};
pub use episode::{Episode, EpisodeSpec, RunError, Start, TaskEnvironment};
pub use grading::{AskingGrader, GradeRequest, GradeStep, GraderBinding, GraderQuestion};
pub use sinks::{DeltaObserver, ReplyObserver};
