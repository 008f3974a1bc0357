//! What can be wrong with tasks that are done in a folder. Every variant says where and what to do.

use std::path::PathBuf;

/// Tasks that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkspaceError {
    /// Something cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is none.
    #[error("{} holds no task; a task is a folder with task.toml, instruction.md and tests/test.sh, or a row of a .jsonl file", path.display())]
    Empty {
        /// Where.
        path: PathBuf,
    },
    /// The file is another one than the benchmark was opened with.
    #[error("{} changed since this benchmark was opened; begin anew, the changed file is another benchmark", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Tasks at fault.
    #[error("{}: {}", path.display(), faults.join("; "))]
    Faults {
        /// Where they are.
        path: PathBuf,
        /// What is wrong, task by task.
        faults: Vec<String>,
    },
    /// A file that would be placed outside the workspace.
    #[error("the file {0:?} would lie outside the workspace; paths of files are relative and without `..`")]
    Outside(String),
    /// Neither a file nor a folder.
    #[error("{} is neither a file, a folder nor a link", .0.display())]
    NoFile(PathBuf),
    /// A link in a task's folder that leads out of it.
    #[error("{} is a link out of the task's folder", .0.display())]
    Link(PathBuf),
}

impl WorkspaceError {
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| Self::Io { path, source }
    }

    /// Faults, the first of them told.
    pub fn faults(path: &std::path::Path, mut faults: Vec<String>) -> Self {
        const SHOWN: usize = 5;
        let more = faults.len().saturating_sub(SHOWN);
        faults.truncate(SHOWN);
        if more > 0 {
            faults.push(format!("and {more} more"));
        }
        Self::Faults { path: path.to_owned(), faults }
    }
}
