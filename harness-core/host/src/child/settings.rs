//! How child processes are run: what a host decides once for all packs it does not run itself.

use std::{path::PathBuf, time::Duration};

use super::quarantine::QuarantineFiles;

/// How child processes are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildSettings {
    /// The program that hosts a pack when its first argument is `plugin-host`; this very program when `None`.
    pub program: Option<PathBuf>,
    /// Most time a hook may take, until the process is ended.
    pub hook_deadline: Duration,
    /// Most time any other call may take.
    pub call_deadline: Duration,
    /// Most time starting the process and loading the pack may take.
    pub start_deadline: Duration,
    /// How long a call that was cancelled may go on.
    pub cancel_grace: Duration,
    /// Most bytes of memory of its own.
    pub memory: u64,
    /// Whether packs run even where the kernel cannot confine them.
    pub unconfined: bool,
    /// How long a pack rests after its first end; twice as long after each further one.
    pub rest: Duration,
    /// After so many ends a pack is quarantined.
    pub most_ends: u32,
    /// Where the quarantine is kept between runs.
    pub quarantine: QuarantineFiles,
    /// Files and folders that no pack writes, wherever it may write otherwise. What a workspace keeps for its user is kept besides.
    pub guarded: Vec<PathBuf>,
}

impl Default for ChildSettings {
    fn default() -> Self {
        Self {
            program: None,
            hook_deadline: Duration::from_secs(10),
            call_deadline: Duration::from_secs(600),
            start_deadline: Duration::from_secs(30),
            cancel_grace: Duration::from_secs(10),
            memory: 4 << 30,
            unconfined: false,
            rest: Duration::from_millis(100),
            most_ends: 3,
            quarantine: QuarantineFiles::default(),
            guarded: Vec::new(),
        }
    }
}
