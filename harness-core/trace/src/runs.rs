//! What a run was for.

use serde::{Deserialize, Serialize};

/// What began a run. Kept in the record; nothing is read from a run's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// One task: `harness run`, or a client of the MCP server.
    Run,
    /// A harness on a benchmark.
    Bench,
    /// An evolution.
    Evolve,
    /// An evolution that a report compares another with; [`crate::RunRecord::of`] names that one.
    Control,
    /// A served harness.
    Serve,
    /// Not known: an earlier version wrote it.
    #[default]
    Unknown,
}

impl RunKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [Self::Run, Self::Bench, Self::Evolve, Self::Control, Self::Serve, Self::Unknown];

    /// The name in the record and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Bench => "bench",
            Self::Evolve => "evolve",
            Self::Control => "control",
            Self::Serve => "serve",
            Self::Unknown => "unknown",
        }
    }

    /// The kind of a name; [`RunKind::Unknown`] for any other.
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_default()
    }
}
