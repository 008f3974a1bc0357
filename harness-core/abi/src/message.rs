//! The one message type: the engine's history, a pack's view of it and the record are all made of it.
//!
//! A [`Message`] is one pointer wide, so a history is a slice of pointers whose stride never changes, and it is
//! borrowed by packs, never copied. Behind the pointer stands a prefix type: fields can be appended in later versions.
//! Messages are immutable and reference counted; they are freed by the binary that made them.

#![allow(dead_code, reason = "the prefix derive makes an accessor per field; fields are read through the prefix")]

use std::sync::atomic::{AtomicUsize, Ordering, fence};

use abi_stable::{
    StableAbi,
    prefix_type::WithMetadata,
    std_types::{ROption, RSlice, RStr, RString, RVec},
};
use std::borrow::Cow;

/// Who speaks.
#[repr(u8)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Instructions that stand above the conversation.
    System,
    /// The person or the environment.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// A piece of a message. New variants may be appended; the fields of a variant are frozen.
#[repr(u8)]
#[derive(StableAbi, Debug, Clone, PartialEq)]
#[sabi(kind(WithNonExhaustive(
    size = [usize; 16],
    align = 8,
    traits(Debug, Clone, PartialEq, Send, Sync),
)))]
#[non_exhaustive]
pub enum Part {
    /// Plain text.
    Text {
        /// The text.
        text: RString,
    },
    /// What a model thought before it answered, where it shows it.
    Reasoning {
        /// The text.
        text: RString,
    },
    /// A call of a tool by the model.
    ToolCall {
        /// Joins the call to its result.
        id: RString,
        /// The tool's name.
        name: RString,
        /// The arguments: a JSON object as text, exactly as the model gave it.
        arguments: RString,
    },
    /// The answer of a tool.
    ToolResult {
        /// The call it answers.
        id: RString,
        /// The content.
        text: RString,
        /// Whether the tool reports failure (MCP `isError`).
        is_error: bool,
    },
    /// Bytes kept outside the message.
    Blob {
        /// BLAKE3 of the bytes, in hex.
        hash: RString,
        /// IANA media type.
        media_type: RString,
    },
}

/// A part as it is stored: unknown variants of newer versions survive in it.
pub type StoredPart = Part_NE;

impl Part {
    /// A text part.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: RString::from(text.into()) }
    }

    /// A tool call part; `arguments` is a JSON object as text.
    pub fn tool_call(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self::ToolCall {
            id: RString::from(id.into()),
            name: RString::from(name.into()),
            arguments: RString::from(arguments.into()),
        }
    }
}

/// A tool call, borrowed from the message that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// Joins the call to its result.
    pub id: &'a str,
    /// The tool's name.
    pub name: &'a str,
    /// The arguments: JSON as text, not yet checked.
    pub arguments: &'a str,
}

/// What crosses the plugin ABI: views into the [`Owned`] allocation of the binary that made the message.
///
/// Accessors of prefix types return copies, hence views and no owners here.
#[doc(hidden)]
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = MessageRef, prefix_fields = MessagePrefix)))]
pub struct MessageFields {
    references: &'static AtomicUsize,
    free: unsafe extern "C" fn(MessageRef),
    role: Role,
    cache: bool,
    id: RStr<'static>,
    parts: RSlice<'static, Part_NE>,
    #[sabi(last_prefix_field)]
    opaque: ROption<RStr<'static>>,
}

/// The allocation behind a message. `fields` comes first: a pointer to it is a pointer to the whole.
#[repr(C)]
struct Owned {
    fields: WithMetadata<MessageFields>,
    references: AtomicUsize,
    id: RString,
    parts: RVec<Part_NE>,
    opaque: ROption<RString>,
}

/// One message of a conversation: immutable, shared, one pointer wide.
#[repr(transparent)]
#[derive(StableAbi)]
pub struct Message {
    fields: MessageRef,
}

// SAFETY: everything behind the pointer is immutable after construction but the atomic count, and its parts are Send + Sync.
unsafe impl Send for Message {}
// SAFETY: as above.
unsafe impl Sync for Message {}

/// Frees what [`Message::new`] of *this* binary allocated.
unsafe extern "C" fn free(fields: MessageRef) {
    let raw = fields.0.to_raw_ptr().cast::<Owned>().cast_mut();
    // SAFETY: the pointer came from Box::into_raw in `Message::new` of the binary this function belongs to, and the
    // count has reached zero, so nobody else holds it.
    drop(unsafe { Box::from_raw(raw) });
}

impl Message {
    /// A message of `role` made of `parts`.
    pub fn new(role: Role, parts: impl IntoIterator<Item = Part>) -> Self {
        Draft::new(role).parts(parts).build()
    }

    /// A system message.
    pub fn system(text: impl Into<String>) -> Self {
        Self::new(Role::System, [Part::text(text)])
    }

    /// A user message.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, [Part::text(text)])
    }

    /// An assistant message of plain text.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, [Part::text(text)])
    }

    /// The result of the tool call `id`.
    pub fn tool_result(id: impl Into<String>, text: impl Into<String>, is_error: bool) -> Self {
        let (id, text) = (RString::from(id.into()), RString::from(text.into()));
        Self::new(Role::Tool, [Part::ToolResult { id, text, is_error }])
    }

    fn prefix(&self) -> &MessagePrefix {
        self.fields.0.prefix()
    }

    /// Who speaks.
    pub fn role(&self) -> Role {
        self.prefix().role
    }

    /// The identity a provider or the engine gave it; empty when none.
    pub fn id(&self) -> &str {
        self.prefix().id.as_str()
    }

    /// Whether a provider should put a cache mark after this message.
    pub fn cache(&self) -> bool {
        self.prefix().cache
    }

    /// JSON that must survive a round trip untouched (provider signatures).
    pub fn opaque(&self) -> Option<&str> {
        match self.prefix().opaque {
            ROption::RSome(json) => Some(json.as_str()),
            ROption::RNone => None,
        }
    }

    /// Tells it from every other message that lives at the same time, without reading either: clones are one message.
    pub fn address(&self) -> usize {
        self.fields.0.to_raw_ptr().addr()
    }

    /// Its parts as stored; use [`Message::known_parts`] unless unknown ones matter.
    pub fn stored_parts(&self) -> &[StoredPart] {
        self.prefix().parts.as_slice()
    }

    /// Its parts of kinds this version knows.
    pub fn known_parts(&self) -> impl Iterator<Item = &Part> {
        self.stored_parts().iter().filter_map(|part| part.as_enum().ok())
    }

    /// All text of text parts and tool results, joined by newlines.
    pub fn text(&self) -> Cow<'_, str> {
        let mut texts = self.known_parts().filter_map(|part| match part {
            Part::Text { text } | Part::ToolResult { text, .. } => Some(text.as_str()),
            _ => None,
        });
        let Some(first) = texts.next() else { return Cow::Borrowed("") };
        let mut joined = Cow::Borrowed(first);
        for text in texts {
            let all = joined.to_mut();
            all.push('\n');
            all.push_str(text);
        }
        joined
    }

    /// Its tool calls in order.
    pub fn calls(&self) -> impl Iterator<Item = Call<'_>> {
        self.known_parts().filter_map(|part| match part {
            Part::ToolCall { id, name, arguments } => Some(Call { id, name, arguments }),
            _ => None,
        })
    }

    /// Whether any of its tool results reports failure.
    pub fn is_error(&self) -> bool {
        self.known_parts().any(|part| matches!(part, Part::ToolResult { is_error: true, .. }))
    }

    /// Bytes of text it carries, for budgets and windows.
    pub fn text_len(&self) -> usize {
        self.known_parts()
            .map(|part| match part {
                Part::Text { text } | Part::Reasoning { text } | Part::ToolResult { text, .. } => text.len(),
                Part::ToolCall { name, arguments, .. } => name.len() + arguments.len(),
                _ => 0,
            })
            .sum()
    }
}

impl Clone for Message {
    fn clone(&self) -> Self {
        // Relaxed is enough to add a reference: the clone is made from a live one.
        self.prefix().references.fetch_add(1, Ordering::Relaxed);
        Self { fields: self.fields }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        if self.prefix().references.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Whatever other holders did happens before the memory goes.
        fence(Ordering::Acquire);
        let free = self.prefix().free;
        // SAFETY: the last reference is going, and `free` belongs to the binary that allocated the fields.
        unsafe { free(self.fields) }
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.prefix(), other.prefix());
        a.role == b.role && a.cache == b.cache && a.id == b.id && a.parts == b.parts && a.opaque == b.opaque
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("role", &self.role()).field("parts", &self.stored_parts()).finish()
    }
}

/// A message being put together.
#[derive(Debug)]
pub struct Draft {
    role: Role,
    id: RString,
    parts: RVec<Part_NE>,
    cache: bool,
    opaque: ROption<RString>,
}

impl Draft {
    /// An empty draft.
    pub fn new(role: Role) -> Self {
        Self { role, id: RString::new(), parts: RVec::new(), cache: false, opaque: ROption::RNone }
    }

    /// A draft that starts as a copy of `message`, for changing one thing.
    pub fn from(message: &Message) -> Self {
        Self {
            role: message.role(),
            id: message.id().into(),
            parts: message.stored_parts().iter().cloned().collect(),
            cache: message.cache(),
            opaque: message.opaque().map(RString::from).into(),
        }
    }

    /// Appends a part.
    #[must_use]
    pub fn part(mut self, part: Part) -> Self {
        self.parts.push(Part_NE::new(part));
        self
    }

    /// Appends parts.
    #[must_use]
    pub fn parts(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.parts.extend(parts.into_iter().map(Part_NE::new));
        self
    }

    /// Removes all parts.
    #[must_use]
    pub fn without_parts(mut self) -> Self {
        self.parts.clear();
        self
    }

    /// Sets the identity.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.id = id.into();
        self
    }

    /// Asks for a cache mark after this message.
    #[must_use]
    pub fn cache(mut self, cache: bool) -> Self {
        self.cache = cache;
        self
    }

    /// JSON that must survive a round trip untouched.
    #[must_use]
    pub fn opaque(mut self, json: &str) -> Self {
        self.opaque = ROption::RSome(json.into());
        self
    }

    /// The finished message.
    pub fn build(self) -> Message {
        let Self { role, id, parts, cache, opaque } = self;
        let raw = Box::into_raw(Box::<Owned>::new_uninit()).cast::<Owned>();
        // SAFETY: `raw` is valid for writes and owned by us. Every field is written once before anything reads it, the
        // views written into `fields` point into this very allocation or into the heap buffers its members own, and
        // the allocation neither moves nor dies before the last `Message` drops.
        let prefix = unsafe {
            (&raw mut (*raw).references).write(AtomicUsize::new(1));
            (&raw mut (*raw).id).write(id);
            (&raw mut (*raw).parts).write(parts);
            (&raw mut (*raw).opaque).write(opaque);
            let (id, parts, opaque) = (&(*raw).id, &(*raw).parts, &(*raw).opaque);
            let fields = MessageFields {
                references: &(*raw).references,
                free,
                role,
                cache,
                id: id.as_rstr(),
                parts: parts.as_rslice(),
                opaque: opaque.as_ref().map(RString::as_rstr),
            };
            (&raw mut (*raw).fields).write(WithMetadata::new(fields));
            WithMetadata::raw_as_prefix(&raw const (*raw).fields)
        };
        Message { fields: MessageRef(prefix) }
    }
}

const _: () = assert!(size_of::<Message>() == size_of::<usize>());
