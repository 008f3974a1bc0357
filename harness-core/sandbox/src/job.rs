//! What is to be run, within which bounds, and how it ended.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Output, Own};

/// What confines a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mechanism {
    /// Namespaces and mounts of its own, by the program `bwrap`.
    Bubblewrap,
    /// Landlock for files, seccomp for system calls.
    Landlock,
    /// Nothing but limits and a clean environment.
    None,
}

impl Mechanism {
    /// Its name in configurations and in the record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bubblewrap => "bubblewrap",
            Self::Landlock => "landlock",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A folder or file that is shown besides the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where it is.
    pub from: PathBuf,
    /// What it is called inside.
    pub to: PathBuf,
    /// Whether the command may write there.
    pub write: bool,
}

/// Bounds of a command with all it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLimits {
    /// Milliseconds until it is ended.
    pub millis: u64,
    /// Bytes of memory: of each process by the kernel, of all together by the supervisor.
    pub memory: u64,
    /// Processes at a time.
    pub processes: usize,
    /// Bytes of one file, and of the private folder for scratch.
    pub file: u64,
    /// Bytes written to disk in all.
    pub written: u64,
    /// Bytes of output kept: so many of the beginning and so many of the end.
    pub output: usize,
}

impl Default for JobLimits {
    fn default() -> Self {
        Self { millis: 120_000, memory: 4 << 30, processes: 256, file: 1 << 30, written: 4 << 30, output: 16 << 10 }
    }
}

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// The folder it works in and may write to.
    pub workspace: PathBuf,
    /// What the workspace is called inside; its own path when `None`.
    pub at: Option<PathBuf>,
    /// What else is shown.
    pub mounts: Vec<Mount>,
    /// Whether it may use the network.
    pub network: bool,
    /// Variables besides `PATH`, `HOME`, `LANG` and `TMPDIR`.
    pub env: BTreeMap<String, String>,
    /// Its bounds.
    pub limits: JobLimits,
    /// What it may not write though it lies in the workspace; found out when it is run.
    pub(crate) own: Own,
}

impl Job {
    /// A command in `workspace` with the usual bounds and nothing else.
    pub fn new(argv: impl IntoIterator<Item = impl Into<String>>, workspace: impl Into<PathBuf>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            workspace: workspace.into(),
            at: None,
            mounts: Vec::new(),
            network: false,
            env: BTreeMap::new(),
            limits: JobLimits::default(),
            own: Own::default(),
        }
    }

    /// What the workspace is called inside.
    pub(crate) fn home(&self) -> &PathBuf {
        self.at.as_ref().unwrap_or(&self.workspace)
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// By itself, with this code.
    Exit(i32),
    /// By a signal.
    Signal(i32),
    /// At its deadline.
    TimedOut,
    /// Its host lost interest.
    Cancelled,
    /// It went beyond a bound: which.
    Limit(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => write!(f, "ended by signal {number}"),
            Self::TimedOut => f.write_str("ended at its deadline"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Limit(which) => write!(f, "ended: {which}"),
        }
    }
}

/// A command that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// What it wrote to standard output and standard error, in the order it came.
    pub output: Output,
}
