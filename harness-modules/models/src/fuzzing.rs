//! Every reader of this crate over bytes from anywhere: what a fuzzer calls. The bytes are a reply of each protocol, streamed and whole, and
//! a list of prices. Asks nobody.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use harness_abi::{ChatReply, DeltaKind, ModuleError, Part};

use crate::{
    anthropic,
    http::{Incoming, Listener, Read, Teller},
    openai,
    prices::{self, Price},
    reply::{Asked, Expected, Ids, Names},
};

/// Takes text, and wants all of it.
#[derive(Default)]
struct Ear(Mutex<String>);

impl Listener for Ear {
    fn delta(&self, kind: DeltaKind, text: &str) -> bool {
        if kind == DeltaKind::TEXT {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
        }
        true
    }

    fn cancelled(&self) -> bool {
        false
    }
}

/// What came of a reply, and the text that was told while it came.
pub(crate) type ReadReply = (Result<ChatReply, ModuleError>, String);

/// Reads `bytes` as a reply of every protocol and as a list of prices; gives how many of them they were.
///
/// # Errors
///
/// A stream that says something else when its pieces part elsewhere; calls that cannot be told apart or have no name; words of a chat
/// completion that were told otherwise than they were written.
pub fn fuzz(bytes: &[u8]) -> Result<usize, String> {
    let text = std::str::from_utf8(bytes);
    let mut read = usize::from(text.is_ok_and(prices::is_list));
    for (protocol, reader) in [
        ("chat", openai::chat_reader as fn() -> Box<dyn Read>),
        ("responses", openai::responses_reader),
        ("messages", anthropic::reader),
    ] {
        let at_once = streamed(reader(), bytes, bytes.len());
        for size in [1, 7] {
            let parted = streamed(reader(), bytes, size);
            if format!("{parted:?}") != format!("{at_once:?}") {
                return Err(format!("{protocol} in pieces of {size}: {parted:?}, at once {at_once:?}"));
            }
        }
        for (reply, told) in [at_once, entire(reader(), bytes)] {
            let Ok(reply) = reply else { continue };
            read += 1;
            sound(&reply).map_err(|what| format!("{protocol}: {what}: {reply:?}"))?;
            // A thought that the prompt began is told as text before its end shows what it is.
            let thinks = reply.message.known_parts().any(|part| matches!(part, Part::Reasoning { .. }));
            if protocol == "chat" && reply.message.text() != told && !(thinks && told.contains("/")) {
                return Err(format!("{told:?} was told of {reply:?}"));
            }
        }
    }
    Ok(read)
}

/// Reads a stream that comes in pieces of this size.
pub(crate) fn streamed(reader: Box<dyn Read>, bytes: &[u8], size: usize) -> ReadReply {
    taken(reader, bytes, size, "text/event-stream")
}

/// Reads a body that comes at once.
pub(crate) fn entire(reader: Box<dyn Read>, bytes: &[u8]) -> ReadReply {
    taken(reader, bytes, bytes.len(), "application/json")
}

fn taken(mut reader: Box<dyn Read>, bytes: &[u8], size: usize, kind: &str) -> ReadReply {
    let ear = Ear::default();
    let mut teller = Teller::new(&ear);
    let mut incoming = Incoming::new(&mut *reader, kind);
    let pieces = bytes.chunks(size.max(1)).map(Some).chain([None]);
    let mut over = Ok(false);
    for piece in pieces {
        over = incoming.take(piece, &mut teller);
        if !matches!(over, Ok(false)) {
            break;
        }
    }
    (over.and_then(|_| answered(&mut *reader)), said(ear))
}

fn said(ear: Ear) -> String {
    ear.0.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn answered(reader: &mut dyn Read) -> Result<ChatReply, ModuleError> {
    let asked =
        Asked { names: Names::default(), expected: Expected::Free, answer_tool: None, ids: Ids::default(), seed: 0 };
    asked.answered(reader.reply()?, &Price { input: 1.0, output: 2.0, ..Price::default() })
}

/// What the engine rests on.
fn sound(reply: &ChatReply) -> Result<(), &'static str> {
    let ids: BTreeSet<&str> = reply.message.calls().map(|call| call.id).collect();
    match () {
        () if ids.len() != reply.message.calls().count() => Err("two calls of one id"),
        () if ids.contains("") => Err("a call without an id"),
        () if reply.message.calls().any(|call| call.name.is_empty()) => Err("a call without a name"),
        () => Ok(()),
    }
}
