//! The episode as a module sees it: a [`View`] of the state with the services of the host beside it, pulled lazily.

use std::{cell::RefCell, collections::BTreeMap};

use harness_abi::{
    BudgetLeft, Message, RawCall, RawContext, StoredAnswer,
    stable::{ROption, RSlice, RStr, RString, RVec},
};
use harness_trace::{Recorder, TraceError};

use crate::{assembled::ModelBinding, cancel::Cancel, seed, view::View};

/// What processors leave behind between calls, beside their decisions.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// State shared by the episode's processors.
    pub state: BTreeMap<String, RString>,
    /// Lines logged during the present call.
    pub log: Vec<(u8, String)>,
    /// What went wrong with the record during the present call.
    pub record: Option<TraceError>,
}

/// The context of one call.
pub(crate) struct Context<'a> {
    pub view: &'a View<'a>,
    pub models: &'a BTreeMap<String, ModelBinding>,
    pub recorder: &'a dyn Recorder,
    pub notes: &'a RefCell<Notes>,
    pub cancel: &'a Cancel,
}

impl Context<'_> {
    fn keep<T>(&self, result: Result<T, TraceError>) -> Option<T> {
        result.map_err(|error| self.notes.borrow_mut().record.get_or_insert(error).to_string()).ok()
    }
}

impl RawContext for Context<'_> {
    fn episode(&self) -> RStr<'_> {
        self.view.episode.into()
    }

    fn step(&self) -> u64 {
        self.view.step
    }

    fn seed(&self) -> u64 {
        seed::derive(self.view.episode_seed, self.view.step, 0, self.view.module)
    }

    fn system(&self) -> RStr<'_> {
        self.view.conversation.system().into()
    }

    fn history(&self) -> RSlice<'_, Message> {
        self.view.conversation.history().into()
    }

    fn tools(&self) -> RStr<'_> {
        self.view.tools.all_json().into()
    }

    fn visible_tools(&self) -> RSlice<'_, RString> {
        match &self.view.request.visible {
            Some(names) => names.as_slice().into(),
            None => self.view.tools.shown().into(),
        }
    }

    fn observation(&self) -> RStr<'_> {
        self.view.observation.as_rstr()
    }

    fn constraint(&self) -> RStr<'_> {
        self.view.request.constraint.as_rstr()
    }

    fn sampling(&self) -> RStr<'_> {
        self.view.request.sampling_json.as_rstr()
    }

    fn response(&self) -> ROption<&Message> {
        self.view.response.into()
    }

    fn response_extra(&self) -> RStr<'_> {
        self.view.response_extra.as_rstr()
    }

    fn call(&self) -> ROption<RawCall<'_>> {
        self.view.call.into()
    }

    fn result(&self) -> ROption<&Message> {
        self.view.result.into()
    }

    fn outcome(&self) -> RStr<'_> {
        self.view.outcome.into()
    }

    fn answers(&self) -> RSlice<'_, StoredAnswer> {
        self.view.answers.into()
    }

    fn budget(&self) -> BudgetLeft {
        self.view.budget
    }

    fn model(&self, role: RStr<'_>) -> RString {
        let role = if role.is_empty() { "main" } else { role.as_str() };
        self.models.get(role).map_or_else(RString::new, |binding| binding.info.as_str().into())
    }

    fn get(&self, key: RStr<'_>) -> ROption<RString> {
        self.notes.borrow().state.get(key.as_str()).cloned().into()
    }

    fn put(&self, key: RStr<'_>, value: RString) {
        self.notes.borrow_mut().state.insert(key.as_str().to_owned(), value);
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
        self.notes.borrow_mut().log.push((level, line.as_str().to_owned()));
    }
}
