//! The harness behind an OpenAI-compatible endpoint: any client meets it as if it were a model. A request is an episode, recorded
//! like any other; tools of the harness run inside it, tools of the client are left to the client.
//!
//! Refuses whoever does not show the token, what it cannot do as asked, and to wait for clients without end: headers, bodies,
//! connections and episodes under way all have limits.

mod access;
mod answer;
mod body;
mod chunks;
mod content;
mod error;
mod feedback;
mod fuzzing;
mod health;
mod hidden_history;
mod listen;
mod outbox;
mod reply_text;
mod request;
mod routes;
mod service;
mod timed;
mod turn;

pub use feedback::{FEEDBACK, Feedback};
pub use fuzzing::fuzz;
pub use listen::{ServeError, serve};
pub use reply_text::Commentary;
pub use service::{ServeLimits, Service};
