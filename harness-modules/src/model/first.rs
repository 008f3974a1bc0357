//! `first`: a control. Takes the first of what the constraint leaves, so that what acts is the rules of the harness alone. Says
//! nothing where the reply is free; all scores are equal.

use harness_abi::{
    ChatReply, ChatRequest, ChatSink, Model, ModelInfo, ModuleError, NoConfig, Score, ScoreReply, ScoreRequest,
    ScoreSink, Usage, stable::RString,
};

use crate::model::random::{reply, simulated, words};

/// The model.
#[derive(Debug)]
pub struct First;

impl First {
    /// There is nothing to configure.
    ///
    /// # Errors
    ///
    /// None.
    pub fn new(_: NoConfig) -> Result<Self, ModuleError> {
        Ok(Self)
    }
}

/// The same score, per token, for every item.
pub fn equal_scores(request: &ScoreRequest) -> ScoreReply {
    let score = |tokens: u32| Score { logprob: -f64::from(tokens), tokens };
    let scores = request.items.iter().map(|item| score(words(&item.completion))).collect();
    ScoreReply { scores, usage: Usage::default(), extra: RString::new() }
}

impl Model for First {
    fn info(&self) -> ModelInfo {
        simulated("first", "", false)
    }

    fn chat(&self, request: &ChatRequest<'_>, _: &ChatSink) -> Result<ChatReply, ModuleError> {
        reply(request, &mut |_| 0)
    }

    fn score(&self, request: &ScoreRequest, _: &ScoreSink) -> Result<ScoreReply, ModuleError> {
        Ok(equal_scores(request))
    }
}
