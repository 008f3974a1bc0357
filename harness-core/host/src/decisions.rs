//! Where the decisions of a user about a workspace are kept: outside of it.

use std::path::{Path, PathBuf};

use crate::elf::sha256;

/// The folder, below the user's state folder `state`, for what the user decided in `workspace`. Its name is of the workspace's path
/// without links: a workspace that is moved begins anew.
pub fn decisions(state: &Path, workspace: &Path) -> PathBuf {
    let path =
        workspace.canonicalize().or_else(|_| std::path::absolute(workspace)).unwrap_or_else(|_| workspace.to_owned());
    let key = sha256(path.as_os_str().as_encoded_bytes());
    state.join("workspaces").join(key.get(..32).unwrap_or(&key))
}
