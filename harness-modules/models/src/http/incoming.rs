//! A reply as its bytes come: a stream in pieces that part anywhere, or a body that is whole. Knows no connection. Refuses what is no event
//! of JSON, and a stream that ends in the middle of a reply.

use harness_abi::{ErrorClass, ModuleError};
use serde_json::Value;

use super::{
    Read, Teller, garbage,
    server::excerpt,
    sse::{Events, Malformed},
};

/// A streamed reply on its way to a reader.
pub struct Incoming<'a> {
    events: Events,
    reader: &'a mut dyn Read,
}

impl<'a> Incoming<'a> {
    /// Nothing has come yet.
    pub fn new(reader: &'a mut dyn Read) -> Self {
        Self { events: Events::default(), reader }
    }

    /// Takes in a piece, `None` being the end of the stream; gives whether the reply is over. Stops where no more is wanted.
    pub fn take(&mut self, piece: Option<&[u8]>, teller: &mut Teller<'_>) -> Result<bool, ModuleError> {
        let (found, problem) = match piece {
            Some(bytes) => self.events.feed(bytes),
            None => match self.events.end() {
                Ok(last) => (last.into_iter().collect(), Ok(())),
                Err(problem) => (Vec::new(), Err(problem)),
            },
        };
        for data in found {
            if data.trim() == "[DONE]" {
                // A protocol's own end, also of a reply that names no reason to finish.
                return Ok(true);
            }
            let event: Value =
                serde_json::from_str(&data).map_err(|_| garbage(format_args!("the event `{}`", excerpt(&data))))?;
            self.reader.event(&event, teller)?;
            if !teller.wanted {
                return Ok(false);
            }
        }
        problem.map_err(|problem| malformed(&problem))?;
        match piece {
            Some(_) => Ok(false),
            // Some servers close without their last word.
            None if self.reader.finished() => Ok(true),
            None => Err(half()),
        }
    }
}

fn malformed(problem: &Malformed) -> ModuleError {
    garbage(match problem {
        Malformed::NotUtf8 => "an event that is not UTF-8",
        Malformed::TooLong => "an event without an end",
    })
}

fn half() -> ModuleError {
    let message = "the stream ended in the middle of a reply; the server may have been stopped, try again";
    ModuleError::new(ErrorClass::UNAVAILABLE, message)
}

/// Reads a reply that came whole, of this content type.
pub fn whole(bytes: &[u8], kind: &str, reader: &mut dyn Read, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
    let body: Value = serde_json::from_slice(bytes)
        .map_err(|_| garbage(format_args!("the body `{}` ({kind})", excerpt(&String::from_utf8_lossy(bytes)))))?;
    reader.whole(&body, teller)
}
