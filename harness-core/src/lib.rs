//! The engine: assembles a harness into an agent and runs it.
//!
//! [`assemble`] checks a harness and resolves every module it may use; [`Agent::run`] runs one episode. What happens is
//! decided by a state machine without clock or IO (`machine.rs`, with `hooks.rs` as merge law and `contract.rs` as the
//! table of what is allowed) and performed by a thin driver (`driver.rs`). A module that fails or breaks its contract is
//! recorded and ends the episode; it is never skipped.

mod agent;
mod asks;
mod assemble;
mod boundary;
mod calls;
mod cancel;
mod chats;
mod clock;
mod conformance;
mod context;
mod contract;
mod conversation;
mod decision_json;
mod dialogue;
mod driver;
mod hooks;
mod machine;
mod performed;
mod plan;
mod request;
mod seed;
mod signals;
mod sinks;
mod spending;
mod subagent;
mod toolbox;
mod wait;
mod world;

pub use agent::{Agent, Episode, EpisodeSpec, RunError, Start, World};
pub use assemble::{AssembleError, assemble};
pub use cancel::Cancel;
pub use clock::{Clock, SystemClock};
pub use conformance::{Check, Extent, Mark, Verdict, conformance};
pub use dialogue::{Dialogue, Left};
pub use performed::Performed;
pub use sinks::{DeltaObserver, ReplyObserver};
