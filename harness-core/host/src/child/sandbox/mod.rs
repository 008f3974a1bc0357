//! Confinement.

use super::wire::Setup;

pub fn enter(_: &Setup) -> Result<(), String> {
    Ok(())
}

pub fn seal(_: &Setup) -> Result<(), String> {
    Ok(())
}
