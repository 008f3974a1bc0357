//! Server-sent events out of bytes that come in pieces (WHATWG HTML, section 9.2): any line end, a byte order mark, comments, data over several lines.
//! Knows `data`, `event`, and a field `error`, which some servers write in their place. Lines that are not UTF-8 and events above a size
//! are refused.

/// Bytes an event may have: far above any real one, far below what hurts.
const LARGEST: usize = 8 << 20;

/// Why bytes are no event stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A line is not UTF-8.
    NotUtf8,
    /// An event does not end.
    TooLong,
}

/// An event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its name; empty where the stream gives none.
    pub name: String,
    /// Its data, without the last line end.
    pub data: String,
}

/// A reader of events.
#[derive(Debug, Default)]
pub struct Events {
    line: Vec<u8>,
    next: Event,
    /// Whether the last byte ended a line as a carriage return: a line feed after it belongs to it.
    returned: bool,
    begun: bool,
}

impl Events {
    /// Takes in `bytes`; gives every event they end, and what is wrong after those: where pieces part makes no difference.
    pub fn feed(&mut self, bytes: &[u8]) -> (Vec<Event>, Result<(), Malformed>) {
        let mut events = Vec::new();
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if std::mem::take(&mut self.returned) && *first == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
            self.line.extend_from_slice(piece);
            if self.line.len() + self.next.data.len() > LARGEST {
                return (events, Err(Malformed::TooLong));
            }
            rest = after;
            if let Some((end, after)) = after.split_first() {
                self.returned = *end == b'\r';
                rest = after;
                let line = std::mem::take(&mut self.line);
                match self.take(&line) {
                    Ok(event) => events.extend(event),
                    Err(problem) => return (events, Err(problem)),
                }
            }
        }
        (events, Ok(()))
    }

    /// The event that the end of the stream ends, if any.
    pub fn end(&mut self) -> Result<Option<Event>, Malformed> {
        let line = std::mem::take(&mut self.line);
        let last = self.take(&line)?;
        Ok(last.or_else(|| self.dispatch()))
    }

    fn dispatch(&mut self) -> Option<Event> {
        let event = std::mem::take(&mut self.next);
        (!event.data.is_empty()).then_some(event)
    }

    fn take(&mut self, line: &[u8]) -> Result<Option<Event>, Malformed> {
        let mut line = std::str::from_utf8(line).map_err(|_| Malformed::NotUtf8)?;
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.next.name),
            "data" | "error" => {
                if field == "error" {
                    field.clone_into(&mut self.next.name);
                }
                if !self.next.data.is_empty() {
                    self.next.data.push('\n');
                }
                self.next.data.push_str(value);
            }
            // Comments, `id` and `retry` say nothing of a reply.
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_anywhere() {
        let stream = "\u{feff}: hello\r\ndata:{\"a\":\"é\"}\r\n\r\nevent: x\ndata: one\ndata: two\n\ndata\r\rid: 1\rdata: three\r\rerror: {}\n\ndata: [DONE]".as_bytes();
        for size in 1..=stream.len() {
            let mut events = Events::default();
            let mut found: Vec<Event> = stream.chunks(size).flat_map(|chunk| events.feed(chunk).0).collect();
            found.extend(events.end().expect("the end"));
            let found: Vec<_> = found.iter().map(|event| (event.name.as_str(), event.data.as_str())).collect();
            let expected = [("", "{\"a\":\"é\"}"), ("x", "one\ntwo"), ("", "three"), ("error", "{}"), ("", "[DONE]")];
            assert_eq!(found, expected, "in pieces of {size}");
        }
        let found = Events::default().feed(b"data: a\n\ndata: \xff\n\n");
        let good = Event { name: String::new(), data: "a".to_owned() };
        assert_eq!(found, (vec![good], Err(Malformed::NotUtf8)), "what was good is not lost");
        assert_eq!(Events::default().feed(&vec![b'x'; LARGEST + 1]).1, Err(Malformed::TooLong));
    }
}
