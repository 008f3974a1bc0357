//! The phone-menu benchmark: a caller says what is wanted, two menus lead to a desk, and every choice is a call. Self-written
//! and deterministic. A reply instead of a call ends the episode.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test stops where it fails"))]

mod environment;
mod grader;
mod topics;

use harness_abi::NoConfig;

use environment::{Menus, MenusConfig};
use grader::Reached;

/// The pack's manifest.
pub const MANIFEST: &str = include_str!("../pack.toml");

harness_abi::linked_pack! {
    manifest: MANIFEST,
    environments: { "menus" => |config: MenusConfig| Ok(Menus::new(config)) },
    graders: { "reached" => |_: NoConfig| Ok(Reached) },
}
