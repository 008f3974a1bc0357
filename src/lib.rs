//! `harness` as a library: everything the command line can do, as typed requests.
//!
//! An [`App`] says where work is done: a [`Workspace`], folders of packs, packs linked into the program. A module of [`app`] holds one
//! kind of request: its fields, its result, and a function that carries it out. Each function takes a [`Control`], by which it tells
//! typed [events](Event) and can be cancelled. Nothing here prints, reads a command line or ends the process: that is done by the
//! entry points, which are the binary's command line and its MCP server.
//!
//! Functions block the thread they are called on. From asynchronous code call them on a thread that may block
//! (`tokio::task::spawn_blocking`).
//!
//! ```no_run
//! use harness::{App, Control, app::run};
//!
//! # fn main() -> Result<(), harness::Failure> {
//! let app = App::builder().build()?;
//! let request = run::RunRequest { prompt: "Which of these is a fruit: oak, apple?".into(), ..run::RunRequest::new("my.toml") };
//! let played = run::run(&app, &request, &Control::default())?;
//! assert_eq!(played.outcome, harness::trace::Outcome::Done);
//! # Ok(())
//! # }
//! ```

pub mod app;

mod events;
mod failure;
mod lock;
mod policy;
mod replace;
mod workspace;

pub use app::{App, AppBuilder};
pub use events::{Control, Download, Event, Observer};
pub use failure::{Failure, FailureKind};
/// What a processor, tool, model, environment or grader of one's own is written against.
pub use harness_abi as abi;
/// A token that tells a request to stop.
pub use harness_core::Cancel;
/// Reports of evolutions, and how they are rendered.
pub use harness_evolve::report;
/// Harnesses, edits and manifests as values.
pub use harness_spec as spec;
/// The record.
pub use harness_trace as trace;
pub use workspace::{NotText, Workspace};
