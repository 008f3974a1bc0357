//! A model that is up and shared by every agent that names it with the same configuration.

use harness_abi::{ModelBox, ModelInfo};

/// A loaded model.
pub struct LoadedModel {
    /// What it says of itself.
    pub info: ModelInfo,
    /// Whether a call may take long and so must leave the driver's thread.
    pub blocking: bool,
    pub(crate) model: ModelBox,
}

impl std::ops::Deref for LoadedModel {
    type Target = ModelBox;

    fn deref(&self) -> &ModelBox {
        &self.model
    }
}

impl std::fmt::Debug for LoadedModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedModel").field("info", &self.info).finish_non_exhaustive()
    }
}
