//! A reply as its bytes come, in pieces that part anywhere: events of a stream, or a body that is whole. What the bytes are decides, and
//! where they do not say, the content type: servers answer whole where a stream was asked for and the other way round, and report errors so.
//! Knows no connection. What is no event of JSON is refused, and a stream that ends in the middle of a reply.

use harness_abi::ModuleError;
use serde_json::Value;

use super::{
    Progress, Read, Teller,
    failure::{self, cut, excerpt, garbage},
    lenient::{self, Cut, Parsed},
    sse::{Event, Events, Malformed},
};

/// Bytes a reply that comes whole may have.
const LARGEST: usize = 32 << 20;
/// What lines of an event stream begin with.
const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b"error:"];
/// Names of events that keep a connection open and say nothing.
const IDLE: [&str; 5] = ["ping", "keepalive", "keep-alive", "keep_alive", "heartbeat"];

/// A reply on its way to a reader.
pub struct Incoming<'a> {
    /// The content type, for a person.
    kind: String,
    /// What it is, once that is known.
    form: Option<Form>,
    /// Whether the content type says that it is a stream.
    streamed: bool,
    /// What has come before that is known, or all that came of a body.
    bytes: Vec<u8>,
    events: Events,
    /// An event that ends in the middle of a character, and its name.
    cut: Option<(String, Cut)>,
    reader: &'a mut dyn Read,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Stream,
    Body,
}

impl<'a> Incoming<'a> {
    /// Nothing has come yet of a reply with this content type.
    pub fn new(reader: &'a mut dyn Read, content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let kind = if essence.is_empty() { "no content type".to_owned() } else { excerpt(content_type) };
        Self {
            kind,
            form: None,
            streamed: essence.eq_ignore_ascii_case("text/event-stream"),
            bytes: Vec::new(),
            events: Events::default(),
            cut: None,
            reader,
        }
    }

    /// Takes in a piece, `None` being the end of all; gives whether the reply is over. Stops where no more is wanted.
    ///
    /// # Errors
    ///
    /// What came is no reply of the protocol, reports an error, or ends in the middle.
    pub fn take(&mut self, piece: Option<&[u8]>, teller: &mut Teller<'_>) -> Result<bool, ModuleError> {
        let form = match self.form {
            Some(form) => form,
            None => {
                self.bytes.extend_from_slice(piece.unwrap_or_default());
                if self.bytes.len() > LARGEST {
                    return Err(garbage(format_args!("{LARGEST} bytes of blank space")));
                }
                let Some(form) = form(&self.bytes, self.streamed, piece.is_none()) else { return Ok(false) };
                self.form = Some(form);
                if form == Form::Stream {
                    let begun = std::mem::take(&mut self.bytes);
                    let over = self.stream(Some(&begun), teller)?;
                    return if piece.is_none() && !over { self.stream(None, teller) } else { Ok(over) };
                }
                // They stand in `bytes` already.
                return self.body(piece.map(|_| &[][..]), teller);
            }
        };
        match form {
            Form::Stream => self.stream(piece, teller),
            Form::Body => self.body(piece, teller),
        }
    }

    fn body(&mut self, piece: Option<&[u8]>, teller: &mut Teller<'_>) -> Result<bool, ModuleError> {
        if let Some(piece) = piece {
            self.bytes.extend_from_slice(piece);
            if self.bytes.len() > LARGEST {
                return Err(garbage(format_args!("a body above {LARGEST} bytes")));
            }
            return Ok(false);
        }
        let text = std::str::from_utf8(&self.bytes).ok();
        let body = text.and_then(|text| lenient::whole(text.trim_start_matches('\u{feff}')));
        let Some(body) = body else {
            let text = String::from_utf8_lossy(&self.bytes);
            return Err(garbage(format_args!("the body `{}` ({})", excerpt(&text), self.kind)));
        };
        if let Some(error) = failure::inside(&body, false) {
            return Err(error);
        }
        self.reader.whole(&body, teller)?;
        teller.end();
        Ok(true)
    }

    fn stream(&mut self, piece: Option<&[u8]>, teller: &mut Teller<'_>) -> Result<bool, ModuleError> {
        let (found, problem) = match piece {
            Some(bytes) => self.events.feed(bytes),
            None => match self.events.end() {
                Ok(last) => (last.into_iter().collect(), Ok(())),
                Err(problem) => (Vec::new(), Err(problem)),
            },
        };
        for event in found {
            if self.event(event, teller)? {
                teller.end();
                return Ok(true);
            }
            if !teller.wanted {
                return Ok(false);
            }
        }
        if problem.is_err() || piece.is_none() {
            self.release(teller)?;
        }
        problem.map_err(|problem| malformed(&problem))?;
        match piece {
            Some(_) => Ok(false),
            // Some servers close without their last word.
            None if self.reader.progress() != Progress::Begun => {
                teller.end();
                Ok(true)
            }
            None => Err(cut()),
        }
    }

    /// Takes in an event; gives whether it is the last.
    fn event(&mut self, event: Event, teller: &mut Teller<'_>) -> Result<bool, ModuleError> {
        let Event { name, data } = event;
        let mut data = data.trim().to_owned();
        if data.trim_matches('"') == "[DONE]" {
            self.release(teller)?;
            return if self.reader.may_stop() { Ok(true) } else { Err(cut()) };
        }
        if IDLE.contains(&name.as_str()) {
            return Ok(false);
        }
        if let Some((before, cut)) = self.cut.take() {
            let (first, rest) = cut.join(&data);
            data = rest;
            if self.read(&before, first, teller)? {
                return Ok(true);
            }
        }
        match lenient::event(&data) {
            Parsed::Whole(value) => self.read(&name, Some(value), teller),
            Parsed::Cut(cut) => {
                self.cut = Some((name, cut));
                Ok(false)
            }
            // Some servers end an event with its line.
            Parsed::Garbage if data.contains('\n') => {
                for line in data.lines().map(str::to_owned).filter(|line| !line.trim().is_empty()) {
                    if self.event(Event { name: name.clone(), data: line }, teller)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Parsed::Garbage if name == "error" => {
                Err(failure::inside(&Value::String(data), true).unwrap_or_else(|| garbage("an error")))
            }
            Parsed::Garbage => Err(garbage(format_args!("the event `{}`", excerpt(&data)))),
        }
    }

    /// Reads the event that waits for the rest of a character which does not come.
    fn release(&mut self, teller: &mut Teller<'_>) -> Result<(), ModuleError> {
        let Some((name, cut)) = self.cut.take() else { return Ok(()) };
        self.read(&name, cut.alone(), teller).map(|_| ())
    }

    fn read(&mut self, name: &str, event: Option<Value>, teller: &mut Teller<'_>) -> Result<bool, ModuleError> {
        let Some(mut event) = event else { return Err(garbage("an event that is no JSON")) };
        if let Some(error) = failure::inside(&event, name == "error") {
            return Err(error);
        }
        if let Some(object) = event.as_object_mut().filter(|_| !name.is_empty() && name != "message") {
            // Where the type stands in the stream alone.
            object.entry("type").or_insert_with(|| name.into());
        }
        if event["type"].as_str().is_some_and(|kind| IDLE.contains(&kind)) {
            return Ok(false);
        }
        self.reader.event(&event, teller)?;
        Ok(self.reader.progress() == Progress::Over)
    }
}

/// What the bytes so far are the beginning of; `None` while that cannot be told. `last`: no more will come.
fn form(bytes: &[u8], streamed: bool, last: bool) -> Option<Form> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let declared = if streamed { Form::Stream } else { Form::Body };
    if MARK.starts_with(bytes) && !last {
        return None;
    }
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes).trim_ascii_start();
    match bytes.first() {
        Some(b'{' | b'[') => Some(Form::Body),
        Some(b':') => Some(Form::Stream),
        _ if FIELDS.iter().any(|field| bytes.starts_with(field)) => Some(Form::Stream),
        _ if FIELDS.iter().any(|field| field.starts_with(bytes)) && !last => None,
        _ => Some(declared),
    }
}

fn malformed(problem: &Malformed) -> ModuleError {
    garbage(match problem {
        Malformed::NotUtf8 => "an event that is not UTF-8",
        Malformed::TooLong => "an event without an end",
    })
}
