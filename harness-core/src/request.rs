//! What a step asks its model, besides the conversation: it starts from the harness and before_model may change it.

use harness_abi::{Sampling, stable::RString};
use serde::{Deserialize, Serialize};

/// The request of one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The role that answers.
    pub role: String,
    /// Names the model sees; `None` is the toolbox's default.
    pub visible: Option<Vec<RString>>,
    /// Constraint as JSON; empty for free.
    pub constraint: RString,
    /// How tokens are drawn, this call's seed included.
    pub sampling: Sampling,
    /// The same as JSON, for the context.
    pub sampling_json: RString,
    /// Whether `role` and `sampling` are still what the harness says, so that the next step has nothing to restore.
    pub pristine: bool,
}

impl Request {
    /// The harness's own request.
    pub fn new(sampling: &harness_spec::Sampling) -> Self {
        let sampling = Sampling {
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            max_tokens: sampling.max_tokens,
            ..Sampling::default()
        };
        let sampling_json = harness_abi::kit::json(&sampling);
        Self {
            role: "main".to_owned(),
            visible: None,
            constraint: RString::new(),
            sampling,
            sampling_json,
            pristine: true,
        }
    }

    /// What held for one step is over.
    pub fn begin_step(&mut self, sampling: &harness_spec::Sampling) {
        self.visible = None;
        self.constraint = RString::new();
        if !self.pristine {
            *self = Self::new(sampling);
        }
    }
}
