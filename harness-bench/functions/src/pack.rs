//! The pack `functions`: the environment and the two verifiers, linked into the binary and entering
//! by the same door as any plugin.

use harness_abi::NoConfig;

use crate::environment::{FunctionsConfig, FunctionsEnvironment};
use crate::verifiers::{AstVerifier, ChoiceVerifier};

/// The pack's manifest.
pub const MANIFEST: &str = include_str!("../pack.toml");

harness_abi::linked_pack! {
    manifest: MANIFEST,
    environments: { "functions" => |config: FunctionsConfig| FunctionsEnvironment::new(config) },
    verifiers: {
        "choice" => |_: NoConfig| Ok(ChoiceVerifier),
        "ast" => |_: NoConfig| Ok(AstVerifier),
    },
}
