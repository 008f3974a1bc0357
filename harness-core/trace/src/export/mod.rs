//! Episodes in the forms of other programs: JSON Lines of our own, ATIF trajectories, OpenTelemetry spans. Each derives from the
//! record and leaves it as it is.

mod atif;
mod collector;
mod jsonl;
mod otlp;

use std::collections::BTreeMap;

pub use atif::ATIF;
pub use collector::{Collector, CollectorError, Encoding};
pub use jsonl::EXPORT_SCHEMA;
pub use otlp::{OTEL_SCHEMA, OtlpRequest, OtlpSpan};

/// What serves a model role, for readers who know no roles.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelName {
    /// Who provides it: `openai`, `anthropic`, or the pack it comes from.
    pub provider: String,
    /// Its name there.
    pub model: String,
}

/// Models by role. A role that is not there is called by itself.
pub type ModelNames = BTreeMap<String, ModelName>;

fn name_of(names: &ModelNames, role: &str) -> ModelName {
    let unknown = || ModelName { provider: "harness".to_owned(), model: role.to_owned() };
    names.get(role).cloned().unwrap_or_else(unknown)
}
