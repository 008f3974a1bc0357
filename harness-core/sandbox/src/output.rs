//! What a command wrote, cut to its beginning and its end while it comes. Refuses to hold more than it was told to, whatever
//! comes.

use std::{collections::VecDeque, io::Read};

/// The beginning and the end of an output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    head: Vec<u8>,
    tail: Vec<u8>,
    total: u64,
}

impl Output {
    /// Reads until the end, keeping `most` bytes: two thirds of the beginning, the rest of the end.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn read(mut from: impl Read, most: usize) -> std::io::Result<Self> {
        let first = most / 3 * 2;
        let last = most - first;
        let (mut head, mut tail, mut total) = (Vec::new(), VecDeque::new(), 0u64);
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let bytes = buffer.get(..read).unwrap_or_default();
            total += read as u64;
            let (begin, rest) = bytes.split_at(bytes.len().min(first - head.len()));
            head.extend_from_slice(begin);
            let rest = rest.get(rest.len().saturating_sub(last)..).unwrap_or_default();
            tail.extend(rest);
            tail.drain(..tail.len().saturating_sub(last));
        }
        Ok(Self { head, tail: tail.into(), total })
    }

    /// All bytes that were written.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Bytes that were not kept.
    pub const fn cut(&self) -> u64 {
        self.total - self.head.len() as u64 - self.tail.len() as u64
    }

    /// As text; where something was cut, `note` stands, told how many bytes are missing.
    pub fn text(&self, note: impl FnOnce(u64) -> String) -> String {
        if self.cut() == 0 {
            return String::from_utf8_lossy(&[&*self.head, &*self.tail].concat()).into_owned();
        }
        // Whole lines, where there are lines: half of one at the cut would be read as one.
        let head = match self.head.iter().rposition(|byte| *byte == b'\n') {
            Some(end) if end * 2 > self.head.len() => self.head.get(..=end).unwrap_or_default(),
            _ => &self.head,
        };
        let tail = match self.tail.iter().position(|byte| *byte == b'\n') {
            Some(end) if end * 2 < self.tail.len() => self.tail.get(end + 1..).unwrap_or_default(),
            _ => &self.tail,
        };
        let missing = self.total - head.len() as u64 - tail.len() as u64;
        let head = String::from_utf8_lossy(head);
        let gap = if head.ends_with('\n') { "" } else { "\n" };
        format!("{head}{gap}{}\n{}", note(missing), String::from_utf8_lossy(tail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_whole_and_what_does_not_is_cut_in_the_middle() {
        let note = |missing| format!("[{missing} cut]");
        for (text, most, expected) in [
            ("short", 30, "short"),
            ("", 30, ""),
            ("0123456789", 9, "012345\n[1 cut]\n789"),
            ("aaaa\nbbbb\ncccc\ndddd\neeee\n", 15, "aaaa\nbbbb\n[10 cut]\neeee\n"),
        ] {
            let output = Output::read(text.as_bytes(), most).unwrap();
            assert_eq!(output.text(note), expected, "{text:?} in {most}");
            assert_eq!(output.total(), text.len() as u64);
        }
    }

    #[test]
    fn a_long_output_takes_no_memory() {
        let output = Output::read(std::io::repeat(b'x').take(100 << 20), 1000).unwrap();
        assert_eq!((output.total(), output.cut()), (100 << 20, (100 << 20) - 1000));
        assert!(output.text(|_| String::new()).len() < 1100);
    }
}
