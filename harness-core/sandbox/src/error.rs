//! Why a command is not run. What the command itself did wrong is no error but its end.

use std::path::PathBuf;

/// A command that is not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Nothing here confines.
    #[error(
        "no sandbox works here (bubblewrap: {bubblewrap}; landlock: {landlock}); install bubblewrap, or set `sandbox = \"none\"` to run commands with all your rights"
    )]
    Nothing {
        /// Why bubblewrap does not.
        bubblewrap: String,
        /// Why landlock does not.
        landlock: String,
    },
    /// The mechanism that was asked for does not work.
    #[error("the sandbox {mechanism} does not work here: {why}; `sandbox = \"auto\"` takes what does")]
    Missing {
        /// Which.
        mechanism: &'static str,
        /// Why.
        why: String,
    },
    /// The workspace is not a folder.
    #[error("the workspace {} is no folder: {why}", path.display())]
    Workspace {
        /// The path.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The workspace would let commands write over the user's own files.
    #[error("the workspace {} holds your home folder; name a folder of its own, `--workspace DIR`", path.display())]
    Home {
        /// The path.
        path: PathBuf,
    },
    /// What the workspace keeps for its user cannot be kept from the command.
    #[error("{} cannot be kept from commands: {why}", path.display())]
    Own {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Places are to be shown under other names, which only bubblewrap can.
    #[error("{} is to be shown as {}; that needs bubblewrap", from.display(), to.display())]
    Names {
        /// The folder.
        from: PathBuf,
        /// Its name inside.
        to: PathBuf,
    },
    /// The supervisor could not be started or did not answer.
    #[error("the sandbox could not be started: {0}")]
    Start(String),
    /// The command could not be confined or is not there.
    #[error("the sandbox refused: {0}")]
    Refused(String),
    /// Its output or its end was lost.
    #[error("the sandbox failed: {0}")]
    Io(#[from] std::io::Error),
}
