//! Lets a pack out of quarantine. Refuses to say whether it has become better.

pub use harness_host::Quarantined;
use harness_host::{quarantined, release as let_out};

use super::super::App;
use crate::Failure;

/// Lets every version of the pack out, and says which.
///
/// # Errors
///
/// No pack of this name is in quarantine, or the quarantine cannot be read or written.
pub fn release(app: &App, name: &str) -> Result<Vec<Quarantined>, Failure> {
    let files = app.quarantine();
    let out = let_out(&files, name).map_err(Failure::input)?;
    if out.is_empty() {
        let names: Vec<String> =
            quarantined(&files).map_err(Failure::input)?.into_iter().map(|pack| pack.name).collect();
        let hint = if names.is_empty() { "none is".to_owned() } else { format!("these are: {}", names.join(", ")) };
        return Err(Failure::input(format!("no pack `{name}` is in quarantine")).hint(hint));
    }
    Ok(out)
}
