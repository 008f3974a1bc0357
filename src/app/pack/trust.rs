//! Lets a publisher's packs run inside this process, on this machine. Refuses to do so for a workspace.

use std::path::PathBuf;

use harness_spec::{Isolation, PublicKey, Publisher};
use serde::{Deserialize, Serialize};

use super::super::App;
use crate::{Failure, policy};

/// A publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRequest {
    /// The publisher's key, or a `.pub` file that holds it.
    pub key: String,
    /// What they are called.
    pub name: String,
}

/// A publisher that is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trusted {
    /// The file it is written in.
    pub policy: PathBuf,
    /// What they are called.
    pub name: String,
    /// Their key.
    pub key: PublicKey,
}

/// Writes it down.
///
/// # Errors
///
/// There is no such key, it is trusted already, or the policy cannot be read or written.
pub fn trust(app: &App, request: &TrustRequest) -> Result<Trusted, Failure> {
    let key = policy::key(&request.key)?;
    let publisher = Publisher { name: request.name.clone(), key: key.clone(), isolation: Isolation::InProcess };
    let path = policy::trust(app.workspace(), publisher)?;
    Ok(Trusted { policy: path, name: request.name.clone(), key })
}
