//! Server-sent events out of bytes that come in pieces (WHATWG HTML, section 9.2). Knows `data` alone. Refuses lines that are not UTF-8 and
//! events above a size.

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

/// A reader of events.
#[derive(Debug, Default)]
pub struct Events {
    line: Vec<u8>,
    data: String,
    any: bool,
}

impl Events {
    /// Takes in `bytes`; gives the data of every event they end, and what is wrong after those: where pieces part makes no difference.
    pub fn feed(&mut self, bytes: &[u8]) -> (Vec<String>, Result<(), Malformed>) {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.data.len() > LARGEST {
                return (events, Err(Malformed::TooLong));
            }
            if piece.ends_with(b"\n") {
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
    pub fn end(&mut self) -> Result<Option<String>, Malformed> {
        let line = std::mem::take(&mut self.line);
        let last = self.take(&line)?;
        Ok(last.or_else(|| std::mem::take(&mut self.any).then(|| std::mem::take(&mut self.data))))
    }

    fn take(&mut self, line: &[u8]) -> Result<Option<String>, Malformed> {
        let line = std::str::from_utf8(line).map_err(|_| Malformed::NotUtf8)?.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            return Ok(std::mem::take(&mut self.any).then(|| std::mem::take(&mut self.data)));
        }
        if let Some(data) = line.strip_prefix("data:") {
            if self.any {
                self.data.push('\n');
            }
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            self.any = true;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_anywhere() {
        let stream = ": hello\r\ndata: {\"a\":\"é\"}\r\n\r\nevent: x\ndata: one\ndata: two\n\ndata: [DONE]".as_bytes();
        for size in 1..stream.len() {
            let mut events = Events::default();
            let mut found: Vec<String> = stream.chunks(size).flat_map(|chunk| events.feed(chunk).0).collect();
            found.extend(events.end().expect("the end"));
            assert_eq!(found, ["{\"a\":\"é\"}", "one\ntwo", "[DONE]"], "in pieces of {size}");
        }
        let found = Events::default().feed(b"data: a\n\ndata: \xff\n\n");
        assert_eq!(found, (vec!["a".to_owned()], Err(Malformed::NotUtf8)), "what was good is not lost");
        assert_eq!(Events::default().feed(&vec![b'x'; LARGEST + 1]).1, Err(Malformed::TooLong));
    }
}
