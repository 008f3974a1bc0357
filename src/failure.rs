//! What a request answers when it cannot be carried out: what is wrong, what to do, and of which kind it is. Entry points turn the kind into
//! an exit code or a status.

use harness_bench::{BenchmarkError, RunError, SuiteError};
use harness_core::AssembleError;
use harness_host::HostError;
use harness_trace::TraceError;
use serde::{Deserialize, Serialize};

/// Of which kind a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Something went wrong while working.
    Failed,
    /// What was given cannot be used.
    BadInput,
    /// It waits for a person; what is recorded stays.
    Waiting,
    /// It was cancelled; what is recorded stays.
    Interrupted,
}

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    kind: FailureKind,
}

impl std::error::Error for Failure {}

impl Failure {
    /// Something went wrong while working.
    pub fn new(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), hint: None, kind: FailureKind::Failed }
    }

    /// What was given cannot be used.
    pub fn input(message: impl std::fmt::Display) -> Self {
        Self { kind: FailureKind::BadInput, ..Self::new(message) }
    }

    /// Waits for a person.
    pub fn waiting(message: impl std::fmt::Display) -> Self {
        Self { kind: FailureKind::Waiting, ..Self::new(message) }
    }

    /// Stopped by whoever asked.
    pub fn interrupted(message: impl std::fmt::Display) -> Self {
        Self { kind: FailureKind::Interrupted, ..Self::new(message) }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is wrong, with which value.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, where that is known.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Of which kind it is.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }
}

/// The error and its causes, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        let failure = Self::input(chain(&error));
        match error {
            HostError::NotAllowed { .. } => Self { kind: FailureKind::Waiting, ..failure }
                .hint("`harness trust DIR` shows what the folder that asks for it would do, and allows it"),
            HostError::Lookup(_) => {
                failure.hint(
                "`harness plugin list` shows what is installed and where it is looked for; `harness doctor` says how to get what is missing",
            )
            }
            _ => failure,
        }
    }
}

impl From<AssembleError> for Failure {
    fn from(error: AssembleError) -> Self {
        match error {
            AssembleError::Host(error) => (*error).into(),
            AssembleError::Spec(problems) => {
                let lines: Vec<String> = problems.iter().map(|problem| format!("\n  - {problem}")).collect();
                Self::input(format!("the harness does not fit what is installed:{}", lines.concat()))
            }
            other => Self::input(chain(&other)),
        }
    }
}

impl From<TraceError> for Failure {
    fn from(error: TraceError) -> Self {
        Self::new(chain(&error))
    }
}

impl From<SuiteError> for Failure {
    fn from(error: SuiteError) -> Self {
        Self::input(chain(&error))
    }
}

impl From<BenchmarkError> for Failure {
    fn from(error: BenchmarkError) -> Self {
        match error {
            BenchmarkError::Host(error) => error.into(),
            other => Self::input(chain(&other)),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Stopped => {
                Self::interrupted("stopped; what was finished is recorded").hint("the same command continues")
            }
            RunError::Assemble(error) => error.into(),
            RunError::Benchmark(error) => error.into(),
            RunError::Record(error) => error.into(),
            other => Self::new(chain(&other)),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(chain(&error))
    }
}
