//! The responses and tool calls of a step on their way through the hooks: queues, and where each call stands.

use std::collections::VecDeque;

use harness_abi::{Message, stable::RString};
use serde::{Deserialize, Serialize};

use crate::dialogue::Left;

/// A response on its way through after_model.
#[derive(Debug, Serialize, Deserialize)]
struct Response {
    message: Message,
    /// Position of the next processor.
    cursor: usize,
}

/// Where a call stands that has no result yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Progress {
    /// Nobody has looked whose it is.
    #[default]
    New,
    /// The environment performs it, since this time in microseconds.
    Acting { since: u64 },
    /// A tool works on it.
    Working { since: u64 },
    /// A tool says what the harness that answers it is asked; `number` names that harness's episode.
    Delegating { since: u64, number: u64 },
    /// This is what the harness is asked that answers it.
    Asked { since: u64, number: u64, task: String },
    /// An episode answers it.
    Inside { since: u64, number: u64 },
    /// It is not performed here: it is the caller's, or the environment is over.
    Left,
}

/// A tool call of the present turn.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ToolCall {
    pub id: String,
    pub name: String,
    pub arguments: String,
    /// Whether it stands for a reply that is itself the action.
    pub act: bool,
    /// Position of the next processor of before_tool.
    pub cursor: usize,
    pub progress: Progress,
    /// Whether a harness answers it.
    pub delegates: bool,
    pub result: Option<Message>,
    /// When it began, in microseconds after the episode; nothing was begun where a processor answered it.
    pub began: Option<u64>,
    pub micros: u64,
}

impl ToolCall {
    /// Gives it its result, which took so many microseconds, and says when it began.
    pub fn answer(&mut self, text: String, is_error: bool, began: Option<u64>, micros: u64) {
        self.result = Some(Message::tool_result(self.id.as_str(), text, is_error));
        (self.began, self.micros) = (began, micros);
    }
}

/// A step's responses and calls.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Turn {
    responses: VecDeque<Response>,
    response_extra: RString,
    /// Responses that have passed after_model.
    messages: VecDeque<Message>,
    /// Calls on their way through before_tool.
    checking: VecDeque<ToolCall>,
    calls: Vec<ToolCall>,
    /// Calls that are the caller's.
    left: Vec<ToolCall>,
    /// The call whose result is on its way through after_tool.
    item: usize,
    /// Whether the step called anything.
    pub called: bool,
}

impl Turn {
    /// A response came, or a processor gave one in its place.
    pub fn respond(&mut self, message: Message, extra: RString) {
        self.response_extra = extra;
        self.responses.push_back(Response { message, cursor: 0 });
    }

    /// The response on its way through after_model.
    pub fn response(&self) -> Option<&Message> {
        self.responses.front().map(|front| &front.message)
    }

    pub fn response_extra(&self) -> &RString {
        &self.response_extra
    }

    /// How many processors the response has passed.
    pub fn response_cursor(&self) -> Option<usize> {
        self.responses.front().map(|front| front.cursor)
    }

    pub fn pass_response(&mut self) {
        self.responses.iter_mut().take(1).for_each(|front| front.cursor += 1);
    }

    /// The response has passed every processor.
    pub fn accept_response(&mut self) {
        self.messages.extend(self.responses.pop_front().map(|front| front.message));
    }

    pub fn set_response(&mut self, message: Message) {
        self.responses.iter_mut().take(1).for_each(|front| front.message = message.clone());
    }

    /// Each part goes on with the processors that come after.
    pub fn split_response(&mut self, messages: &[Message]) {
        let Some(front) = self.responses.pop_front() else { return };
        for message in messages.iter().rev() {
            self.responses.push_front(Response { message: message.clone(), cursor: front.cursor + 1 });
        }
    }

    /// The next response that enters the history.
    pub fn next_message(&mut self) -> Option<Message> {
        self.messages.pop_front()
    }

    pub fn begin_checking(&mut self, calls: impl IntoIterator<Item = ToolCall>) {
        self.checking.extend(calls);
        self.called |= !self.checking.is_empty();
    }

    /// The call on its way through before_tool.
    pub fn checked(&self) -> Option<&ToolCall> {
        self.checking.front()
    }

    pub fn pass_call(&mut self) {
        self.checking.iter_mut().take(1).for_each(|front| front.cursor += 1);
    }

    /// The call has passed every processor, or one has answered it.
    pub fn accept_call(&mut self) {
        self.calls.extend(self.checking.pop_front());
    }

    pub fn set_arguments(&mut self, arguments: &str) {
        self.checking.iter_mut().take(1).for_each(|call| arguments.clone_into(&mut call.arguments));
    }

    /// A processor answers the call: the result answers this very call, whatever id the processor wrote.
    pub fn answer_checked(&mut self, message: &Message) {
        if let Some(call) = self.checking.front_mut() {
            call.answer(message.text().into_owned(), message.is_error(), None, 0);
        }
    }

    /// The new calls go on with the processors that come after.
    pub fn split_call(&mut self, new: Vec<ToolCall>) {
        let cursor = self.checking.pop_front().map_or(0, |front| front.cursor + 1);
        for call in new.into_iter().rev() {
            self.checking.push_front(ToolCall { cursor, ..call });
        }
    }

    pub fn calls(&self) -> &[ToolCall] {
        &self.calls
    }

    pub fn call_mut(&mut self, index: usize) -> Option<&mut ToolCall> {
        self.calls.get_mut(index)
    }

    /// The first call that has no result and stands like this.
    pub fn first(&self, stands: impl Fn(&Progress) -> bool) -> Option<usize> {
        self.calls.iter().position(|call| call.result.is_none() && stands(&call.progress))
    }

    /// Whether anything of it is being done elsewhere and must be given up when the episode ends.
    pub fn is_at_work(&self) -> bool {
        self.first(|progress| {
            matches!(progress, Progress::Working { .. } | Progress::Delegating { .. } | Progress::Inside { .. })
        })
        .is_some()
    }

    /// Every call that is performed here has its result. Where the environment is over the rest is forgotten, else it is the
    /// caller's.
    pub fn close(&mut self, forget: bool) {
        self.item = 0;
        let left = self.calls.extract_if(.., |call| call.result.is_none());
        if forget {
            left.for_each(drop);
        } else {
            self.left.extend(left);
        }
    }

    /// The call whose result is on its way through after_tool.
    pub fn shown(&self) -> Option<&ToolCall> {
        self.calls.get(self.item)
    }

    /// Its result has passed every processor.
    pub fn accept_result(&mut self) {
        self.item += 1;
    }

    pub fn set_result(&mut self, text: &str, is_error: bool) {
        if let Some(call) = self.calls.get_mut(self.item) {
            call.result = Some(Message::tool_result(call.id.as_str(), text, is_error));
        }
    }

    /// Takes the calls whose results enter the history.
    pub fn take_calls(&mut self) -> Vec<ToolCall> {
        std::mem::take(&mut self.calls)
    }

    pub fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    /// Responses that have not entered the history never will.
    pub fn drop_messages(&mut self) {
        self.messages.clear();
    }

    /// Nothing of the turn goes on.
    pub fn clear(&mut self) {
        self.responses.clear();
        self.messages.clear();
        self.checking.clear();
        self.calls.clear();
    }

    /// The calls that are the caller's.
    pub fn into_left(self) -> Vec<Left> {
        let left = |call: ToolCall| Left { id: call.id, name: call.name, arguments: call.arguments };
        self.left.into_iter().map(left).collect()
    }
}
