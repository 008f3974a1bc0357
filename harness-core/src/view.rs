//! The part of an episode's state that a processor may see during one call: borrowed, nothing is copied.

use harness_abi::{BudgetLeft, Message, RawCall, StoredAnswer, stable::RString};

use crate::{conversation::Conversation, request::Request, toolbox::Toolbox};

/// What a hook's call sees.
pub(crate) struct View<'a> {
    pub episode: &'a str,
    pub episode_seed: u64,
    pub step: u64,
    /// The id of the module called.
    pub module: &'a str,
    pub conversation: &'a Conversation,
    pub tools: &'a Toolbox,
    pub request: &'a Request,
    /// The environment's last answer, as it came.
    pub observation: &'a RString,
    pub response: Option<&'a Message>,
    pub response_extra: &'a RString,
    pub call: Option<RawCall<'a>>,
    pub result: Option<&'a Message>,
    /// How the episode ended; empty before.
    pub outcome: &'a str,
    /// Answers to what this call asked so far.
    pub answers: &'a [StoredAnswer],
    pub budget: BudgetLeft,
}
