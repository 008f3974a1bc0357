//! Tasks of one's own: rows of a file as a benchmark, and graders for what is answered. Refuses a file with a fault in any
//! row: nothing is skipped.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test stops where it fails"))]

mod choice;
mod decimal;
mod environment;
mod error;
mod fuzzing;
mod graders;
mod input;
mod number;
mod redact;
mod reply;
mod row;
mod schema;
mod shipped;
mod table;
mod text;
mod workspace;

use choice::{Choice, ChoiceConfig};
use environment::{Questions, QuestionsConfig};
use graders::{Contains, ContainsConfig, Exact, ExactConfig, Numeric, Pattern, PatternConfig};
use schema::JsonSchema;

pub use choice::ChoiceFault;
pub use error::{RowFault, RowsError};
pub use fuzzing::fuzz;
pub use input::TextFault;
pub use redact::{Redacted, Redactor};
pub use row::Row;
pub use table::{Columns, columns, table};
pub use workspace::script_variables;

/// The pack's manifest.
pub const MANIFEST: &str = include_str!("../pack.toml");

harness_abi::linked_pack! {
    manifest: MANIFEST,
    environments: {
        "questions" => |config: QuestionsConfig| Ok(Questions::new(config)),
        "workspace" => |config| Ok(workspace::Folder::new(config)),
    },
    graders: {
        "choice" => |config: ChoiceConfig| Ok(Choice::new(config)),
        "exact" => |config: ExactConfig| Ok(Exact::new(config)),
        "contains" => |config: ContainsConfig| Ok(Contains::new(config)),
        "command" => workspace::Command::new,
        "numeric" => Numeric::new,
        "json_schema" => JsonSchema::new,
        "regex" => |config: PatternConfig| Ok(Pattern::new(config)),
    },
}
