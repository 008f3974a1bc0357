//! Episodes that go on with a caller's conversation: its messages are the history, and calls of the tools the caller brought are
//! left to the caller. The engine never answers such a call itself.

use harness_abi::{Message, ToolSpec};
use serde::{Deserialize, Serialize};

/// A conversation to go on with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Dialogue {
    /// What the caller puts above it: the system prompt before any processor sets its own. Empty for none.
    pub system: String,
    /// What was said so far; the last message is the caller's or the result of a call that was left to the caller.
    pub messages: Vec<Message>,
    /// Tools that the caller performs, beside those of the harness. A name of the harness's own is a fault of the episode.
    pub tools: Vec<ToolSpec>,
}

/// A call that is left to the caller, as before_tool left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Joins the call to its result.
    pub id: String,
    /// The caller's tool.
    pub name: String,
    /// The arguments: a JSON object as text.
    pub arguments: String,
}
