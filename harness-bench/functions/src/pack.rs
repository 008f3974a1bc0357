//! The pack `functions`: the environment and the two graders, linked into the binary and entering
//! in the same way as any plugin.

use harness_abi::NoConfig;

use crate::environment::{FunctionsConfig, FunctionsEnvironment};
use crate::graders::{AstGrader, ChoiceGrader};

/// The pack's manifest.
pub const MANIFEST: &str = include_str!("../pack.toml");

harness_abi::linked_pack! {
    manifest: MANIFEST,
    environments: { "functions" => |config: FunctionsConfig| FunctionsEnvironment::new(config) },
    graders: {
        "choice" => |_: NoConfig| Ok(ChoiceGrader),
        "ast" => |_: NoConfig| Ok(AstGrader),
    },
}
