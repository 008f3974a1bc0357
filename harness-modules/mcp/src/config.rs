//! The configuration of a server. Refuses one that names no way to reach it, or two.

use harness_abi::ModuleError;
use serde::{Deserialize, Serialize};

/// Configuration.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Stands before the names of its tools.
    pub name: String,
    /// The program that speaks on its standard input and output, and its arguments.
    pub command: Vec<String>,
    /// Where it is, if it speaks streamable HTTP.
    pub url: String,
    /// The environment variables the program gets, and no others.
    pub env: Vec<String>,
    /// The folder it is started in; empty: the present one.
    pub folder: String,
    /// The environment variable that holds the token sent to `url`; empty: none is sent.
    pub token_env: String,
    /// The tools that are offered, by the server's names; empty: all.
    pub tools: Vec<String>,
    /// Which revision of the protocol is used.
    pub revision: Revision,
    /// Whether its word is taken for which tools change nothing.
    pub believe_hints: bool,
    /// Milliseconds to start and list its tools.
    pub start_ms: u64,
    /// Milliseconds for a call.
    pub call_ms: u64,
    /// Bytes of a result that a model is shown.
    pub most_bytes: usize,
}

/// The revisions of the protocol, as they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub enum Revision {
    /// Whichever the server knows, the newest first.
    #[serde(rename = "auto")]
    Auto,
    /// With a handshake (`initialize`), and a session that lasts.
    #[serde(rename = "2025-11-25")]
    Handshake,
    /// Without: each request stands for itself (`server/discover`).
    #[serde(rename = "2026-07-28")]
    Stateless,
}

impl Config {
    /// Checks what no single field can say.
    pub fn check(self) -> Result<Self, ModuleError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.name.is_empty() || self.name.len() > 32 || !self.name.chars().all(plain) || self.name.contains("__") {
            return Err(ModuleError::config(format_args!(
                "name `{}` cannot stand before names of tools; use letters, digits, `-` and single `_`, at most 32",
                self.name
            )));
        }
        match (self.command.first().is_some_and(|program| !program.is_empty()), !self.url.is_empty()) {
            (true, false) | (false, true) => Ok(self),
            (true, true) => Err(self.wrong("has both a command and a url; keep the one it speaks on")),
            (false, false) => {
                Err(self.wrong("has neither; give command = [\"PROGRAM\", \"ARGUMENT\"] or url = \"https://…\""))
            }
        }
    }

    /// A wrong configuration of this server.
    pub fn wrong(&self, what: impl std::fmt::Display) -> ModuleError {
        ModuleError::config(format_args!("the MCP server `{}` {what}", self.name))
    }
}
