//! The episode as a module sees it: borrowed, pulled lazily, made for nothing.

use std::{cell::RefCell, collections::BTreeMap};

use harness_abi::{
    BudgetLeft, Message, RawCall, RawContext, StoredAnswer,
    stable::{ROption, RSlice, RStr, RString, RVec},
};
use harness_trace::{Recorder, TraceError};

use crate::{
    agent::Agent,
    cancel::Cancel,
    machine::{Machine, Phase},
    seed,
};

/// What processors leave behind between calls, beside their decisions.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// State shared by the episode's processors.
    pub state: BTreeMap<String, RString>,
    /// Lines logged during the present call.
    pub log: Vec<(u8, String)>,
    /// What went wrong with the record during the present call.
    pub record: Option<TraceError>,
}

/// The context of one call.
pub(crate) struct View<'a> {
    pub agent: &'a Agent,
    pub machine: &'a Machine,
    pub recorder: &'a dyn Recorder,
    pub shared: &'a RefCell<Shared>,
    pub cancel: &'a Cancel,
    pub episode: &'a str,
    pub seed: u64,
    /// The id of the module called.
    pub module: &'a str,
    pub answers: &'a RVec<StoredAnswer>,
    pub elapsed: u64,
}

impl View<'_> {
    fn keep<T>(&self, result: Result<T, TraceError>) -> Option<T> {
        result.map_err(|error| self.shared.borrow_mut().record.get_or_insert(error).to_string()).ok()
    }
}

impl RawContext for View<'_> {
    fn episode(&self) -> RStr<'_> {
        self.episode.into()
    }

    fn step(&self) -> u64 {
        self.machine.step
    }

    fn seed(&self) -> u64 {
        seed::derive(self.seed, self.machine.step, 0, self.module)
    }

    fn system(&self) -> RStr<'_> {
        self.machine.talk.system().into()
    }

    fn history(&self) -> RSlice<'_, Message> {
        self.machine.talk.history().into()
    }

    fn tools(&self) -> RStr<'_> {
        self.machine.tools.all_json().into()
    }

    fn visible_tools(&self) -> RSlice<'_, RString> {
        match &self.machine.request.visible {
            Some(names) => names.as_slice().into(),
            None => self.machine.tools.shown().into(),
        }
    }

    fn observation(&self) -> RStr<'_> {
        self.machine.observation.as_rstr()
    }

    fn constraint(&self) -> RStr<'_> {
        self.machine.request.constraint.as_rstr()
    }

    fn sampling(&self) -> RStr<'_> {
        self.machine.request.sampling_json.as_rstr()
    }

    fn response(&self) -> ROption<&Message> {
        self.machine.responses.front().map(|front| &front.message).into()
    }

    fn response_extra(&self) -> RStr<'_> {
        self.machine.response_extra.as_rstr()
    }

    fn call(&self) -> ROption<RawCall<'_>> {
        let call = match self.machine.phase {
            Phase::BeforeTool => self.machine.checking.front(),
            Phase::AfterTool => self.machine.calls.get(self.machine.item),
            _ => None,
        };
        call.map(|call| RawCall {
            id: call.id.as_str().into(),
            name: call.name.as_str().into(),
            arguments: call.arguments.as_str().into(),
        })
        .into()
    }

    fn result(&self) -> ROption<&Message> {
        match self.machine.phase {
            Phase::AfterTool => self.machine.calls.get(self.machine.item).and_then(|call| call.result.as_ref()).into(),
            _ => ROption::RNone,
        }
    }

    fn outcome(&self) -> RStr<'_> {
        self.machine.ending.as_ref().map_or("", |ending| ending.text.as_str()).into()
    }

    fn answers(&self) -> RSlice<'_, StoredAnswer> {
        self.answers.as_rslice()
    }

    fn budget(&self) -> BudgetLeft {
        self.machine.spent.left(&self.machine.limits, self.machine.step, self.elapsed)
    }

    fn model(&self, role: RStr<'_>) -> RString {
        let role = if role.is_empty() { "main" } else { role.as_str() };
        self.agent.role(role).map_or_else(RString::new, |role| role.info.as_str().into())
    }

    fn get(&self, key: RStr<'_>) -> ROption<RString> {
        self.shared.borrow().state.get(key.as_str()).cloned().into()
    }

    fn put(&self, key: RStr<'_>, value: RString) {
        self.shared.borrow_mut().state.insert(key.as_str().to_owned(), value);
    }

    fn blob(&self, hash: RStr<'_>) -> ROption<RVec<u8>> {
        self.keep(self.recorder.blob(hash.as_str())).flatten().map(RVec::from).into()
    }

    fn put_blob(&self, media_type: RStr<'_>, bytes: RSlice<'_, u8>) -> RString {
        let hash = self.keep(self.recorder.put_blob(media_type.as_str(), bytes.as_slice()));
        hash.unwrap_or_default().into()
    }

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    fn log(&self, level: u8, line: RStr<'_>) {
        self.shared.borrow_mut().log.push((level, line.as_str().to_owned()));
    }
}
