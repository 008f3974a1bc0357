//! The context as a module in a child sees it: what the hook is about is here, the rest is pulled from the host when it is
//! asked for, once per call.

use std::{borrow::Cow, cell::OnceCell};

use harness_abi::{
    BudgetLeft, Message, RawCall, RawContext, StoredAnswer,
    stable::{ROption, RSlice, RStr, RString, RVec},
};

use super::shared::{SharedChannel, leave, locked};
use crate::child::protocol::{Event, Given, HookCall, Pull, budget_left};

/// The context of one call.
pub struct Context<'a> {
    pub channel: &'a SharedChannel,
    pub call: &'a HookCall<'a>,
    pub history: &'a [Message],
    pub answers: RVec<StoredAnswer>,
    pub pulled: Pulled,
}

/// What was pulled so far.
#[derive(Default)]
pub struct Pulled {
    episode: OnceCell<String>,
    system: OnceCell<String>,
    tools: OnceCell<String>,
    visible: OnceCell<Vec<RString>>,
    observation: OnceCell<String>,
    constraint: OnceCell<String>,
    sampling: OnceCell<String>,
    response_extra: OnceCell<String>,
}

impl Context<'_> {
    /// Says something to the host; a child without a host leaves.
    fn say(&self, event: &Event<'_>) {
        if locked(self.channel).send(event, None).is_err() {
            leave();
        }
    }

    fn pull<T>(&self, pull: Pull<'_>, read: impl FnOnce(Given<'_>) -> T) -> T {
        self.say(&Event::Pull(pull));
        let mut channel = locked(self.channel);
        loop {
            match channel.receive(None).and_then(|_| channel.frame()) {
                Ok(Given::Cancel) => {}
                Ok(given) => return read(given),
                Err(_) => leave(),
            }
        }
    }

    fn text(&self, pull: Pull<'_>) -> String {
        self.pull(pull, |given| match given {
            Given::Text(text) => text.into_owned(),
            _ => String::new(),
        })
    }

    fn once<'s>(&'s self, cell: &'s OnceCell<String>, pull: Pull<'_>) -> RStr<'s> {
        cell.get_or_init(|| self.text(pull)).as_str().into()
    }
}

impl RawContext for Context<'_> {
    fn episode(&self) -> RStr<'_> {
        self.once(&self.pulled.episode, Pull::Episode)
    }

    fn step(&self) -> u64 {
        self.call.step
    }

    fn seed(&self) -> u64 {
        self.call.seed
    }

    fn system(&self) -> RStr<'_> {
        self.once(&self.pulled.system, Pull::System)
    }

    fn history(&self) -> RSlice<'_, Message> {
        self.history.into()
    }

    fn tools(&self) -> RStr<'_> {
        self.once(&self.pulled.tools, Pull::Tools)
    }

    fn visible_tools(&self) -> RSlice<'_, RString> {
        let names = self.pulled.visible.get_or_init(|| {
            self.pull(Pull::Visible, |given| match given {
                Given::Names(names) => names,
                _ => Vec::new(),
            })
        });
        names.as_slice().into()
    }

    fn observation(&self) -> RStr<'_> {
        self.once(&self.pulled.observation, Pull::Observation)
    }

    fn constraint(&self) -> RStr<'_> {
        self.once(&self.pulled.constraint, Pull::Constraint)
    }

    fn sampling(&self) -> RStr<'_> {
        self.once(&self.pulled.sampling, Pull::Sampling)
    }

    fn response(&self) -> ROption<&Message> {
        self.call.response.as_deref().into()
    }

    fn response_extra(&self) -> RStr<'_> {
        self.once(&self.pulled.response_extra, Pull::ResponseExtra)
    }

    fn call(&self) -> ROption<RawCall<'_>> {
        let call = self.call.call.as_ref();
        call.map(|call| RawCall { id: call.id.into(), name: call.name.into(), arguments: call.arguments.into() }).into()
    }

    fn result(&self) -> ROption<&Message> {
        self.call.result.as_deref().into()
    }

    fn outcome(&self) -> RStr<'_> {
        self.call.outcome.into()
    }

    fn answers(&self) -> RSlice<'_, StoredAnswer> {
        self.answers.as_rslice()
    }

    fn budget(&self) -> BudgetLeft {
        budget_left(self.call.budget)
    }

    fn model(&self, role: RStr<'_>) -> RString {
        self.text(Pull::Model { role: role.as_str() }).into()
    }

    fn get(&self, key: RStr<'_>) -> ROption<RString> {
        self.pull(Pull::Get { key: key.as_str() }, |given| match given {
            Given::Text(text) => ROption::RSome(RString::from(text.into_owned())),
            _ => ROption::RNone,
        })
    }

    fn put(&self, key: RStr<'_>, value: RString) {
        self.say(&Event::Put { key: key.as_str(), value: &value });
    }

    fn blob(&self, hash: RStr<'_>) -> ROption<RVec<u8>> {
        self.pull(Pull::Blob { hash: hash.as_str() }, |given| match given {
            Given::Bytes(bytes) => ROption::RSome(bytes.into_owned().into()),
            _ => ROption::RNone,
        })
    }

    fn put_blob(&self, media_type: RStr<'_>, bytes: RSlice<'_, u8>) -> RString {
        let bytes = Cow::Borrowed(bytes.as_slice());
        self.text(Pull::PutBlob { media_type: media_type.as_str(), bytes }).into()
    }

    fn cancelled(&self) -> bool {
        self.pull(Pull::Cancelled, |given| matches!(given, Given::Flag(true)))
    }

    fn log(&self, level: u8, line: RStr<'_>) {
        self.say(&Event::Log { level, line: line.as_str() });
    }
}
