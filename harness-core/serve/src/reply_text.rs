//! What a client is sent of the replies of an episode: which words are the answer, and which come beside it. A stream and a whole are the
//! same pieces, sent as they are known or at the end. What has been sent is never taken back.

use harness_abi::{DeltaKind, Message, Part};

/// Where the words of replies go that are not the last: what a model says before it calls a tool of the harness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Commentary {
    /// Beside the answer, as reasoning is. The answer is the last reply, and known when that is whole.
    #[default]
    Reasoning,
    /// Into the answer, which then is every reply, one after the other, and can be sent word by word.
    Content,
}

/// Some words for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Of `reasoning_content`.
    Beside(String),
    /// Of `content`.
    Answer(String),
}

impl Piece {
    /// The words.
    pub fn text(&self) -> &str {
        let (Self::Beside(text) | Self::Answer(text)) = self;
        text
    }

    /// Other words of the same kind.
    pub fn with(&self, text: &str) -> Self {
        match self {
            Self::Beside(_) => Self::Beside(text.to_owned()),
            Self::Answer(_) => Self::Answer(text.to_owned()),
        }
    }
}

/// The replies so far, and what was sent of them.
#[derive(Debug, Default)]
pub(crate) struct ReplyText {
    /// Whether a reply's text is the answer as it stands: commentary belongs to it, or there can be none.
    text_is_answer: bool,
    /// The answer ends before the first of these; nothing of it is sent before that is known.
    stop: Vec<String>,
    /// Tools of the client: a reply that calls one is the last.
    callers: Vec<String>,
    /// All that came beside the answer.
    pub beside: String,
    /// The answer.
    pub answer: String,
    /// Whether the answer ended at one of `stop`.
    pub cut: bool,
    /// Of the present reply, sent as it was written: reasoning and text.
    live: (String, String),
    /// The text of a reply that calls nothing: the answer, unless another reply follows.
    held: Option<String>,
    /// The last commentary: what there is for an answer where a budget ends before there is another.
    spare: String,
}

impl ReplyText {
    /// Nothing has been said yet.
    pub fn new(text_is_answer: bool, stop: Vec<String>, callers: Vec<String>) -> Self {
        Self { text_is_answer, stop, callers, ..Self::default() }
    }

    /// Takes a piece of a reply as it is written. Only where no processor changes replies.
    pub fn delta(&mut self, kind: DeltaKind, text: &str) -> Vec<Piece> {
        if text.is_empty() || !matches!(kind, DeltaKind::TEXT | DeltaKind::REASONING) {
            return Vec::new();
        }
        let mut pieces: Vec<Piece> = self.followed().into_iter().collect();
        if kind == DeltaKind::REASONING {
            let begins = self.live.0.is_empty();
            self.live.0.push_str(text);
            pieces.extend(self.beside(text, begins));
        } else if self.text_is_answer {
            let begins = self.live.1.is_empty();
            self.live.1.push_str(text);
            pieces.extend(self.answer(text, begins));
        }
        pieces
    }

    /// Takes a reply as it enters the conversation.
    pub fn reply(&mut self, message: &Message) -> Vec<Piece> {
        let of = |wanted: fn(&Part) -> Option<&str>| message.known_parts().filter_map(wanted).collect::<Vec<_>>();
        let thoughts = of(|part| match part {
            Part::Reasoning { text } => Some(text),
            _ => None,
        });
        let texts = of(|part| match part {
            Part::Text { text } => Some(text),
            _ => None,
        });
        let mut pieces: Vec<Piece> = self.followed().into_iter().collect();
        let live = std::mem::take(&mut self.live);
        let (thought, text) = (missing(&live.0, &thoughts), missing(&live.1, &texts));
        pieces.extend(self.beside(&thought, live.0.is_empty()));
        let own = |name: &str| !self.callers.iter().any(|caller| caller == name);
        let mut calls = message.calls().peekable();
        if self.text_is_answer {
            pieces.extend(self.answer(&text, live.1.is_empty()));
        } else if calls.peek().is_some() && calls.all(|call| own(call.name)) {
            pieces.extend(self.beside(&text, true));
            self.spare = text;
        } else {
            self.held = Some(text);
        }
        pieces
    }

    /// Learns that no other reply follows.
    pub fn end(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let spare = std::mem::take(&mut self.spare);
        if !self.text_is_answer {
            let text = self.held.take().unwrap_or(spare);
            pieces.extend(self.answer(&text, true));
        }
        if self.stop.is_empty() {
            return pieces;
        }
        if let Some(at) = self.stop.iter().filter_map(|word| self.answer.find(word.as_str())).min() {
            self.answer.truncate(at);
            self.cut = true;
        }
        (!self.answer.is_empty()).then(|| Piece::Answer(self.answer.clone())).into_iter().collect()
    }

    /// Another reply follows: what was held was no answer.
    fn followed(&mut self) -> Option<Piece> {
        let text = self.held.take()?;
        self.beside(&text, true)
    }

    fn beside(&mut self, text: &str, begins: bool) -> Option<Piece> {
        added(&mut self.beside, text, begins).map(Piece::Beside)
    }

    fn answer(&mut self, text: &str, begins: bool) -> Option<Piece> {
        let sent = added(&mut self.answer, text, begins);
        sent.filter(|_| self.stop.is_empty()).map(Piece::Answer)
    }
}

/// Appends words, in a paragraph of their own where they begin one; gives what was appended.
fn added(to: &mut String, text: &str, begins: bool) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let gap = if begins && !to.is_empty() { "\n\n" } else { "" };
    let words = format!("{gap}{text}");
    to.push_str(&words);
    Some(words)
}

/// What of the parts of a reply has not been sent. Where something else was sent, such as the words of a model that failed and was stood in
/// for, all of it follows in a paragraph of its own.
fn missing(sent: &str, parts: &[&str]) -> String {
    let whole = parts.join("\n");
    match whole.strip_prefix(sent) {
        Some(rest) => rest.to_owned(),
        // Sent in one go, without the line breaks between its parts; or after the words of another.
        None if parts.concat() == sent || sent.ends_with(&whole) => String::new(),
        None => format!("\n\n{whole}"),
    }
}

#[cfg(test)]
mod tests {
    use harness_abi::Role;

    use super::*;

    fn said(thought: &str, text: &str, calls: &[&str]) -> Message {
        let thought = (!thought.is_empty()).then(|| Part::Reasoning { text: thought.into() });
        let text = (!text.is_empty()).then(|| Part::text(text));
        let calls = calls.iter().map(|name| Part::tool_call(*name, *name, "{}"));
        Message::new(Role::Assistant, thought.into_iter().chain(text).chain(calls))
    }

    /// Plays replies word by word, and at once; gives what both come to: beside, answer.
    fn sent(make: impl Fn() -> ReplyText, replies: &[Message]) -> (String, String) {
        let both = [true, false].map(|live| {
            let (mut reply_text, mut sent) = (make(), (String::new(), String::new()));
            let mut send = |pieces: Vec<Piece>| {
                for piece in pieces {
                    match piece {
                        Piece::Beside(text) => sent.0 += &text,
                        Piece::Answer(text) => sent.1 += &text,
                    }
                }
            };
            for reply in replies {
                for part in reply.known_parts().filter(|_| live) {
                    let (kind, text) = match part {
                        Part::Text { text } => (DeltaKind::TEXT, text),
                        Part::Reasoning { text } => (DeltaKind::REASONING, text),
                        _ => continue,
                    };
                    text.split_inclusive(' ').for_each(|word| send(reply_text.delta(kind, word)));
                }
                send(reply_text.reply(reply));
            }
            send(reply_text.end());
            assert_eq!(sent, (reply_text.beside.clone(), reply_text.answer.clone()), "what is kept is what was sent");
            sent
        });
        assert_eq!(both[0], both[1], "a stream says what the whole says");
        let [one, _] = both;
        one
    }

    #[test]
    fn the_last_reply_is_the_answer_and_what_came_before_stands_beside_it() {
        let replies =
            [said("Hm.", "I look it up.", &["find"]), said("", "Not yet.", &[]), said("So it is.", "It is four.", &[])];
        let beside = || ReplyText::default();
        let expected = "Hm.\n\nI look it up.\n\nNot yet.\n\nSo it is.";
        assert_eq!(sent(beside, &replies), (expected.to_owned(), "It is four.".to_owned()));
        let within = || ReplyText { text_is_answer: true, ..ReplyText::default() };
        let expected = ("Hm.\n\nSo it is.".to_owned(), "I look it up.\n\nNot yet.\n\nIt is four.".to_owned());
        assert_eq!(sent(within, &replies), expected);
        // A call of the client's tool is the client's to see, words and all.
        let callers = || ReplyText { callers: vec!["ask".to_owned()], ..ReplyText::default() };
        let asks = [said("", "May I?", &["find", "ask"])];
        assert_eq!(sent(callers, &asks), (String::new(), "May I?".to_owned()));
        assert_eq!(sent(beside, &replies[..1]), ("Hm.\n\nI look it up.".to_owned(), "I look it up.".to_owned()));
        let stop = || ReplyText { stop: vec!["is".to_owned()], ..ReplyText::default() };
        assert_eq!(sent(stop, &replies).1, "It ");
    }

    #[test]
    fn what_was_told_is_not_taken_back() {
        for (sent, parts, rest) in [
            ("", &["abc"][..], "abc"),
            ("ab", &["abc"], "c"),
            ("abc", &["abc"], ""),
            ("x abc", &["abc"], ""),
            ("x", &["abc"], "\n\nabc"),
            ("ab", &["a", "b"], ""),
        ] {
            assert_eq!(missing(sent, parts), rest);
        }
    }
}
