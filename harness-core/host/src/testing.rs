//! A context to call a processor with outside an engine: for tests of modules and for the conformance suite.

use std::{collections::BTreeMap, sync::Mutex};

use harness_abi::{
    Answer, BudgetLeft, Constraint, Decision, Hook, Message, ModelInfo, ModuleError, Observation, ProcessorBox,
    RawCall, RawContext, ReplyExtra, Sampling, StoredAnswer, ToolSpec,
    stable::{ROption, RSlice, RStr, RString, RVec},
};

/// A context made of plain values. Start from `FakeContext::default()` and set what the test is about.
#[derive(Debug)]
pub struct FakeContext {
    /// The step, from 0.
    pub step: u64,
    /// Seed of the call.
    pub seed: u64,
    /// The system prompt.
    pub system: String,
    /// The conversation without the system message.
    pub history: Vec<Message>,
    /// JSON of the tools.
    tools: String,
    visible: Vec<RString>,
    observation: String,
    constraint: String,
    sampling: String,
    /// The response (after_model).
    pub response: Option<Message>,
    response_extra: String,
    call: Option<(String, String, String)>,
    /// The result (after_tool).
    pub result: Option<Message>,
    /// Why the episode ended (task_end).
    pub outcome: String,
    answers: RVec<StoredAnswer>,
    /// What is left to spend.
    pub budget: BudgetLeft,
    /// Whether the episode is cancelled.
    pub cancelled: bool,
    model: String,
    state: Mutex<BTreeMap<String, String>>,
    /// Lines the module logged.
    pub logged: Mutex<Vec<String>>,
}

impl Default for FakeContext {
    fn default() -> Self {
        let unlimited = u64::MAX;
        Self {
            step: 0,
            seed: 0,
            system: String::new(),
            history: Vec::new(),
            tools: "[]".into(),
            visible: Vec::new(),
            observation: String::new(),
            constraint: String::new(),
            sampling: String::new(),
            response: None,
            response_extra: String::new(),
            call: None,
            result: None,
            outcome: String::new(),
            answers: RVec::new(),
            budget: BudgetLeft { steps: 50, tokens: unlimited, millis: unlimited, cost_micros: unlimited },
            cancelled: false,
            model: String::new(),
            state: Mutex::default(),
            logged: Mutex::default(),
        }
    }
}

impl FakeContext {
    /// Sets the conversation.
    #[must_use]
    pub fn history(mut self, history: impl IntoIterator<Item = Message>) -> Self {
        self.history = history.into_iter().collect();
        self
    }

    /// Offers tools and makes all of them visible.
    #[must_use]
    pub fn tools(mut self, tools: &[ToolSpec]) -> Self {
        self.visible = tools.iter().map(|tool| tool.name.as_str().into()).collect();
        self.tools = harness_abi::kit::json(&tools).into();
        self
    }

    /// Makes only these tools visible.
    #[must_use]
    pub fn visible(mut self, names: &[&str]) -> Self {
        self.visible = names.iter().map(|name| RString::from(*name)).collect();
        self
    }

    /// Sets the last observation.
    #[must_use]
    pub fn observation(mut self, observation: &Observation) -> Self {
        self.observation = harness_abi::kit::json(observation).into();
        self
    }

    /// Sets the output constraint.
    #[must_use]
    pub fn constraint(mut self, constraint: &Constraint) -> Self {
        self.constraint = harness_abi::kit::json(constraint).into();
        self
    }

    /// Sets how tokens will be drawn.
    #[must_use]
    pub fn sampling(mut self, sampling: &Sampling) -> Self {
        self.sampling = harness_abi::kit::json(sampling).into();
        self
    }

    /// Sets the response and what it carries besides its message.
    #[must_use]
    pub fn response(mut self, response: Message, extra: &ReplyExtra) -> Self {
        self.response = Some(response);
        self.response_extra = harness_abi::kit::json(extra).into();
        self
    }

    /// Sets the tool call.
    #[must_use]
    pub fn call(mut self, id: &str, name: &str, arguments: &str) -> Self {
        self.call = Some((id.into(), name.into(), arguments.into()));
        self
    }

    /// Sets what every model role says of itself.
    #[must_use]
    pub fn model(mut self, info: &ModelInfo) -> Self {
        self.model = harness_abi::kit::json(info).into();
        self
    }

    /// Calls `processor` at `hook`; a question gets its answer from `answer`, until there are no more questions.
    ///
    /// # Errors
    ///
    /// The processor's own; and a fault for a decision of a kind this version does not know.
    pub fn call_hook(
        &mut self,
        processor: &mut ProcessorBox,
        hook: Hook,
        mut answer: impl FnMut(&harness_abi::Ask) -> Answer,
    ) -> Result<Vec<Decision>, ModuleError> {
        const ROUNDS: usize = 64;
        self.answers = RVec::new();
        for _ in 0..ROUNDS {
            let stored = {
                let context = harness_abi::context(&*self);
                processor.on(hook.code(), &context).into_result()?
            };
            let unknown = || ModuleError::unsupported("a decision of a kind newer than this host");
            let decisions: Result<Vec<Decision>, ModuleError> =
                stored.into_iter().map(|decision| decision.into_enum().map_err(|_| unknown())).collect();
            let mut decisions = decisions?;
            let Some(at) = decisions.iter().position(|decision| matches!(decision, Decision::Ask { .. })) else {
                return Ok(decisions);
            };
            if let Decision::Ask { questions } = decisions.swap_remove(at) {
                for question in &questions {
                    let question = question.as_enum().map_err(|_| unknown())?;
                    self.answers.push(StoredAnswer::new(answer(question)));
                }
            }
        }
        Err(ModuleError::fault("it never stops asking"))
    }
}

impl RawContext for FakeContext {
    fn episode(&self) -> RStr<'_> {
        "test-episode".into()
    }
    fn step(&self) -> u64 {
        self.step
    }
    fn seed(&self) -> u64 {
        self.seed
    }
    fn system(&self) -> RStr<'_> {
        self.system.as_str().into()
    }
    fn history(&self) -> RSlice<'_, Message> {
        self.history.as_slice().into()
    }
    fn tools(&self) -> RStr<'_> {
        self.tools.as_str().into()
    }
    fn visible_tools(&self) -> RSlice<'_, RString> {
        self.visible.as_slice().into()
    }
    fn observation(&self) -> RStr<'_> {
        self.observation.as_str().into()
    }
    fn constraint(&self) -> RStr<'_> {
        self.constraint.as_str().into()
    }
    fn sampling(&self) -> RStr<'_> {
        self.sampling.as_str().into()
    }
    fn response(&self) -> ROption<&Message> {
        self.response.as_ref().into()
    }
    fn response_extra(&self) -> RStr<'_> {
        self.response_extra.as_str().into()
    }
    fn call(&self) -> ROption<RawCall<'_>> {
        let call = self.call.as_ref();
        call.map(|(id, name, arguments)| RawCall {
            id: id.as_str().into(),
            name: name.as_str().into(),
            arguments: arguments.as_str().into(),
        })
        .into()
    }
    fn result(&self) -> ROption<&Message> {
        self.result.as_ref().into()
    }
    fn outcome(&self) -> RStr<'_> {
        self.outcome.as_str().into()
    }
    fn answers(&self) -> RSlice<'_, StoredAnswer> {
        self.answers.as_rslice()
    }
    fn budget(&self) -> BudgetLeft {
        self.budget
    }
    fn model(&self, _: RStr<'_>) -> RString {
        self.model.as_str().into()
    }
    fn get(&self, key: RStr<'_>) -> ROption<RString> {
        let state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.get(key.as_str()).map(|value| RString::from(value.as_str())).into()
    }
    fn put(&self, key: RStr<'_>, value: RString) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.insert(key.into(), value.into());
    }
    fn blob(&self, _: RStr<'_>) -> ROption<RVec<u8>> {
        ROption::RNone
    }
    fn put_blob(&self, _: RStr<'_>, _: RSlice<'_, u8>) -> RString {
        RString::new()
    }
    fn cancelled(&self) -> bool {
        self.cancelled
    }
    fn log(&self, _: u8, line: RStr<'_>) {
        self.logged.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(line.into());
    }
}
