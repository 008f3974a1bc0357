//! The context as C sees it: four ways to read, one to decide, over the same borrowed view of the episode.

use std::{cell::RefCell, ffi::c_void};

use abi_stable::std_types::{ROption, RString, RVec};
use serde::Deserialize;

use super::Text;
use crate::{
    ContextRef, Decision, ErrorClass, HistoryEdit, Message, ModuleError, Role, StoredDecision,
    kit::{guarded, json},
};

/// `harness_context`.
#[repr(C)]
pub(super) struct RawHookContext {
    size: u32,
    host: *const c_void,
    text: unsafe extern "C" fn(*const RawHookContext, u32, Text) -> Text,
    number: unsafe extern "C" fn(*const RawHookContext, u32) -> u64,
    message: unsafe extern "C" fn(*const RawHookContext, u64, u32) -> Text,
    decide: unsafe extern "C" fn(*const RawHookContext, u32, Text, Text) -> u32,
    put: unsafe extern "C" fn(*const RawHookContext, Text, Text),
    log: unsafe extern "C" fn(*const RawHookContext, u8, Text),
    fail: unsafe extern "C" fn(*const RawHookContext, u32, Text),
}

impl RawHookContext {
    pub(super) fn of(episode: &Episode<'_>) -> Self {
        Self {
            size: size_of::<Self>() as u32,
            host: (&raw const *episode).cast(),
            text: read_text,
            number: read_number,
            message: read_message,
            decide,
            put,
            log,
            fail,
        }
    }
}

/// What stands behind `host` during a hook.
pub(super) struct Episode<'a> {
    cx: &'a ContextRef<'a>,
    decisions: RefCell<Vec<Decision>>,
    /// Texts made for the module; they live as long as the call.
    made: RefCell<Vec<Box<str>>>,
    failure: RefCell<Option<ModuleError>>,
}

impl<'a> Episode<'a> {
    pub(super) fn new<'host: 'a>(cx: &'a ContextRef<'host>) -> Self {
        // SAFETY: only shortens a lifetime, as `Cx::new` does and for its reason.
        let cx = unsafe { std::mem::transmute::<&'a ContextRef<'host>, &'a ContextRef<'a>>(cx) };
        Self { cx, decisions: RefCell::default(), made: RefCell::default(), failure: RefCell::default() }
    }

    /// What the hook came to, given what it returned.
    pub(super) fn finish(self, class: ErrorClass) -> Result<RVec<StoredDecision>, ModuleError> {
        match (self.failure.into_inner(), class.0) {
            (None, 0) => Ok(self.decisions.into_inner().into_iter().map(StoredDecision::new).collect()),
            (Some(failure), _) => Err(failure),
            (None, _) => Err(ModuleError::new(class, "the module failed and does not say why")),
        }
    }

    fn fail(&self, error: ModuleError) {
        // The first is the reason, what follows may come of it.
        self.failure.borrow_mut().get_or_insert(error);
    }

    fn keep(&self, text: impl Into<Box<str>>) -> Text {
        let made = text.into();
        let text = Text::of(&made);
        self.made.borrow_mut().push(made);
        text
    }

    fn text(&self, read: u32, key: &str) -> Text {
        let message = |message: ROption<&Message>| message.map_or(Text::EMPTY, |one| self.keep(json(one).as_str()));
        let words = |message: ROption<&Message>| message.map_or(Text::EMPTY, |one| self.keep(one.text()));
        let call = self.cx.call().into_option();
        match read {
            0 => Text::of(self.cx.episode().as_str()),
            1 => Text::of(self.cx.system().as_str()),
            2 => Text::of(self.cx.tools().as_str()),
            3 => {
                let names = self.cx.visible_tools();
                self.keep(json(&names.iter().map(RString::as_str).collect::<Vec<_>>()).as_str())
            }
            4 => Text::of(self.cx.observation().as_str()),
            5 => Text::of(self.cx.constraint().as_str()),
            6 => Text::of(self.cx.sampling().as_str()),
            7 => message(self.cx.response()),
            8 => words(self.cx.response()),
            9 => call.map_or(Text::EMPTY, |call| Text::of(call.id.as_str())),
            10 => call.map_or(Text::EMPTY, |call| Text::of(call.name.as_str())),
            11 => call.map_or(Text::EMPTY, |call| Text::of(call.arguments.as_str())),
            12 => message(self.cx.result()),
            13 => words(self.cx.result()),
            14 => Text::of(self.cx.outcome().as_str()),
            15 => self.cx.get(key.into()).map_or(Text::EMPTY, |value| self.keep(value.as_str())),
            16 => self.keep(self.cx.model(key.into()).as_str()),
            _ => Text::EMPTY,
        }
    }

    fn number(&self, number: u32) -> u64 {
        match number {
            0 => self.cx.step(),
            1 => self.cx.seed(),
            2 => self.cx.history().len() as u64,
            3 => self.cx.budget().steps,
            4 => self.cx.budget().tokens,
            5 => self.cx.budget().millis,
            6 => self.cx.budget().cost_micros,
            7 => u64::from(self.cx.cancelled()),
            _ => 0,
        }
    }

    fn message(&self, index: u64, part: u32) -> Text {
        let history = self.cx.history();
        let message = usize::try_from(index).ok().and_then(|index| history.as_slice().get(index));
        let Some(message) = message else { return Text::EMPTY };
        match part {
            0 => Text::of(match message.role() {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::Tool => "tool",
            }),
            1 => self.keep(message.text()),
            2 => self.keep(json(message).as_str()),
            _ => Text::EMPTY,
        }
    }
}

/// One edit of [`Decision::EditHistory`] as JSON.
#[derive(Deserialize)]
struct EditJson {
    start: u64,
    end: u64,
    with: Vec<Message>,
}

/// The decision of a code and its texts.
fn decision(code: u32, first: &str, second: &str) -> Result<Decision, ModuleError> {
    let text = || RString::from(first);
    Ok(match code {
        0 => Decision::SetSystem { text: text() },
        1 => {
            let edits = serde_json::from_str::<Vec<EditJson>>(first)?.into_iter();
            let edit = |edit: EditJson| HistoryEdit { start: edit.start, end: edit.end, with: edit.with.into() };
            Decision::EditHistory { edits: edits.map(edit).collect() }
        }
        2 => Decision::SetLastUser { text: text() },
        3 => Decision::AppendUser { text: text() },
        4 => Decision::show_tools(serde_json::from_str::<Vec<String>>(first)?),
        5 => Decision::Constrain { constraint_json: text() },
        6 => Decision::UseModel { role: text() },
        7 => Decision::Sample { sampling_json: text() },
        8 => Decision::SetResponse { message: serde_json::from_str(first)? },
        9 => Decision::SetArguments { arguments: text() },
        10 => Decision::SetResult { text: text(), is_error: false },
        11 => Decision::SetResult { text: text(), is_error: true },
        12 => Decision::Split { messages: serde_json::from_str::<Vec<Message>>(first)?.into() },
        13 => Decision::Answer { message: serde_json::from_str(first)? },
        14 => Decision::Interrupt { reason: text() },
        15 => Decision::Adapt { signal: text() },
        16 => Decision::Annotate { key: text(), value_json: second.into() },
        _ => return Err(ModuleError::unsupported(format_args!("decision number {code} is newer than this host"))),
    })
}

/// The episode behind a context that C handed back.
///
/// # Safety
///
/// `context` is the pointer a hook was given, during that call.
unsafe fn episode<'a>(context: *const RawHookContext) -> &'a Episode<'a> {
    // SAFETY: as the caller vouches, `host` is the address of the `Episode` on the stack of the call.
    unsafe { &*(*context).host.cast::<Episode<'a>>() }
}

unsafe extern "C" fn read_text(context: *const RawHookContext, read: u32, key: Text) -> Text {
    // SAFETY: the header says so of both.
    let (episode, key) = unsafe { (episode(context), key.read()) };
    guarded(|| Ok(episode.text(read, key?))).unwrap_or(Text::EMPTY)
}

unsafe extern "C" fn read_number(context: *const RawHookContext, number: u32) -> u64 {
    // SAFETY: the header says so.
    let episode = unsafe { episode(context) };
    guarded(|| Ok(episode.number(number))).unwrap_or(0)
}

unsafe extern "C" fn read_message(context: *const RawHookContext, index: u64, part: u32) -> Text {
    // SAFETY: the header says so.
    let episode = unsafe { episode(context) };
    guarded(|| Ok(episode.message(index, part))).unwrap_or(Text::EMPTY)
}

unsafe extern "C" fn decide(context: *const RawHookContext, code: u32, first: Text, second: Text) -> u32 {
    // SAFETY: the header says so of all three.
    let (episode, first, second) = unsafe { (episode(context), first.read(), second.read()) };
    match guarded(|| decision(code, first?, second?)).into_result() {
        Ok(decision) => {
            episode.decisions.borrow_mut().push(decision);
            0
        }
        Err(error) => error.class.0,
    }
}

unsafe extern "C" fn put(context: *const RawHookContext, key: Text, value: Text) {
    // SAFETY: the header says so of all three.
    let (episode, key, value) = unsafe { (episode(context), key.read(), value.read()) };
    let written = guarded(|| {
        episode.cx.put(key?.into(), value?.into());
        Ok(())
    });
    written.into_result().unwrap_or_else(|error| episode.fail(error));
}

unsafe extern "C" fn log(context: *const RawHookContext, level: u8, line: Text) {
    // SAFETY: the header says so of both.
    let (episode, line) = unsafe { (episode(context), line.read()) };
    let written = guarded(|| {
        episode.cx.log(level, line?.into());
        Ok(())
    });
    written.into_result().unwrap_or_else(|error| episode.fail(error));
}

unsafe extern "C" fn fail(context: *const RawHookContext, class: u32, message: Text) {
    // SAFETY: the header says so of both.
    let (episode, message) = unsafe { (episode(context), message.read()) };
    let error = message.map_or_else(|error| error, |message| ModuleError::new(ErrorClass(class), message));
    episode.fail(error);
}
