//! Packs in processes of their own. The host's side starts this very program again, tells it one pack and what it may do
//! ([`protocol::Setup`]), and calls it over channels; the child's side ([`serve`]) confines itself, loads the pack and answers.
//!
//! A channel carries one call at a time and is read by whoever makes the call: no thread stands between a caller and the
//! child, and calls from several threads take several channels. Refuses to believe a child anything but its answers.

mod call;
mod channel;
mod encoded_decision;
mod encoded_parts;
mod fuzzing;
mod lost;
mod passing;
mod process;
mod protocol;
pub mod proxy;
pub mod quarantine;
mod sandbox;
mod serve;
mod settings;
mod supervisor;
mod threads;

pub use fuzzing::fuzz;
pub use lost::is_lost;
pub use serve::{ServeError, serve};
pub use settings::ChildSettings;
pub use supervisor::Supervisor;
