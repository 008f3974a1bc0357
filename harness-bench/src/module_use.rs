//! A module as a suite's file names it.

use harness_spec::{Config, ModuleRef};
use serde::{Deserialize, Serialize};

/// A module of a suite with its configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// Which module.
    #[serde(rename = "use")]
    pub module: ModuleRef,
    /// Its configuration.
    #[serde(default)]
    pub config: Config,
}
