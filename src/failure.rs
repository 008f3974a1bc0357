//! What a person sees when something goes wrong: the error, a hint, an exit code.

use std::process::ExitCode;

use harness_bench::{BenchmarkError, RunError, SuiteError};
use harness_core::AssembleError;
use harness_host::HostError;
use harness_terminal::stream;
use harness_trace::TraceError;

/// Exit code: something went wrong while working.
const FAILED: u8 = 1;
/// Exit code: what was given cannot be used (also clap's code for a wrong command line).
const BAD_INPUT: u8 = 2;
/// Exit code: it waits for a person; what is recorded stays.
const WAITING: u8 = 3;
/// Exit code: interrupted; what is recorded stays.
const INTERRUPTED: u8 = 130;

/// An error on its way to a person.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    /// Something went wrong while working.
    pub fn new(message: impl std::fmt::Display) -> Self {
        Self { message: message.to_string(), hint: None, code: FAILED }
    }

    /// What was given cannot be used.
    pub fn input(message: impl std::fmt::Display) -> Self {
        Self { code: BAD_INPUT, ..Self::new(message) }
    }

    /// Waits for a person.
    pub fn waiting(message: impl std::fmt::Display) -> Self {
        Self { code: WAITING, ..Self::new(message) }
    }

    /// Stopped by the user.
    pub fn interrupted(message: impl std::fmt::Display) -> Self {
        Self { code: INTERRUPTED, ..Self::new(message) }
    }

    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// All of it in one text, for a reader that is no terminal.
    pub fn words(&self) -> String {
        self.hint.as_ref().map_or_else(|| self.message.clone(), |hint| format!("{}; {hint}", self.message))
    }

    /// Prints it to standard error and gives the exit code.
    pub fn report(&self, json: bool) -> ExitCode {
        if json {
            let object = serde_json::json!({"error": self.message, "hint": self.hint, "exit_code": self.code});
            stream::note_json(&object.to_string());
        } else {
            stream::note(format_args!("error: {}", hung(&self.message)));
            if let Some(hint) = &self.hint {
                stream::note(format_args!("hint: {}", hung(hint)));
            }
        }
        ExitCode::from(self.code)
    }
}

/// Further lines stand to the right of the first: what a server or a pack said must not look like a line of ours.
fn hung(text: &str) -> String {
    let mut lines = text.lines();
    let mut hung = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        hung += if line.starts_with("  ") { "\n" } else { "\n  " };
        hung += line;
    }
    hung
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
            HostError::Lookup(_) => {
                failure.hint("`harness plugin list` shows what is installed and where it is looked for")
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
