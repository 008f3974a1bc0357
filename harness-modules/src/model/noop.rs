//! `noop`: the do-nothing control. Every reply is empty, whatever was asked for; all scores are equal.

use harness_abi::{
    ChatReply, ChatRequest, ChatSink, Model, ModelInfo, ModuleError, NoConfig, ScoreReply, ScoreRequest, ScoreSink,
};

use crate::model::{first::equal_scores, random::simulated};

/// The model.
#[derive(Debug)]
pub struct Noop;

impl Noop {
    /// There is nothing to configure.
    ///
    /// # Errors
    ///
    /// None.
    pub fn new(_: NoConfig) -> Result<Self, ModuleError> {
        Ok(Self)
    }
}

impl Model for Noop {
    fn info(&self) -> ModelInfo {
        simulated("noop", "", false)
    }

    fn chat(&self, _: &ChatRequest<'_>, _: &ChatSink) -> Result<ChatReply, ModuleError> {
        Ok(ChatReply::text(""))
    }

    fn score(&self, request: &ScoreRequest, _: &ScoreSink) -> Result<ScoreReply, ModuleError> {
        Ok(equal_scores(request))
    }
}
