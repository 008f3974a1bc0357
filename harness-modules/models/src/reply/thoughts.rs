//! Thoughts that a server leaves in the text: `<think>…</think>` before the answer, as models write them whose server does not take them
//! apart. Text that holds such a tag anywhere else is the answer's own.

use harness_abi::DeltaKind;

/// What models put around thoughts.
const TAGS: [(&str, &str); 4] =
    [("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("<seed:think>", "</seed:think>"), ("◁think▷", "◁/think▷")];

/// Takes thoughts and answer apart while text comes in pieces that part anywhere.
#[derive(Debug, Default)]
pub struct Thoughts {
    state: State,
    /// What cannot be told yet.
    held: String,
}

#[derive(Debug, Default)]
enum State {
    /// Nothing but blank space has come.
    #[default]
    Beginning,
    /// A thought has ended.
    After,
    /// In a thought that ends with this; `true` until it has words.
    Within(&'static str, bool),
    /// In the answer.
    Answer,
}

impl Thoughts {
    /// Takes in a piece; gives out what it makes certain.
    pub fn push(&mut self, piece: &str, out: &mut dyn FnMut(DeltaKind, &str)) {
        if matches!(self.state, State::Answer) {
            return out(DeltaKind::TEXT, piece);
        }
        self.held.push_str(piece);
        while self.step(out) {}
    }

    /// Gives out what was held back: no more will come.
    pub fn end(&mut self, out: &mut dyn FnMut(DeltaKind, &str)) {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Within(..) => out(DeltaKind::REASONING, held.trim_end()),
            State::After => out(DeltaKind::TEXT, held.trim_start()),
            State::Beginning | State::Answer => out(DeltaKind::TEXT, &held),
        }
    }

    /// Gives whether there may be more to give out.
    fn step(&mut self, out: &mut dyn FnMut(DeltaKind, &str)) -> bool {
        match self.state {
            State::Answer => {
                out(DeltaKind::TEXT, &std::mem::take(&mut self.held));
                false
            }
            State::Beginning | State::After => {
                let rest = self.held.trim_start();
                if let Some((open, close)) = TAGS.iter().find(|(open, _)| rest.starts_with(open)) {
                    self.held = rest[open.len()..].to_owned();
                    self.state = State::Within(close, true);
                    return true;
                }
                if TAGS.iter().any(|(open, _)| open.starts_with(rest)) {
                    return false;
                }
                if matches!(self.state, State::After) {
                    self.held = rest.to_owned();
                }
                self.state = State::Answer;
                true
            }
            State::Within(close, blank) => {
                if blank {
                    self.held = self.held.trim_start().to_owned();
                    self.state = State::Within(close, self.held.is_empty());
                }
                if let Some(at) = self.held.find(close) {
                    out(DeltaKind::REASONING, self.held[..at].trim_end());
                    self.held.drain(..at + close.len());
                    self.state = State::After;
                    return true;
                }
                let certain = self.held[..self.held.len() - overlap(&self.held, close)].trim_end().len();
                out(DeltaKind::REASONING, &self.held[..certain]);
                self.held.drain(..certain);
                false
            }
        }
    }
}

/// Bytes at the end of `text` that may be the beginning of `tag`.
fn overlap(text: &str, tag: &str) -> usize {
    let beginnings = tag.char_indices().map(|(at, _)| &tag[..at]).rev();
    beginnings.filter(|beginning| text.ends_with(beginning)).map(str::len).next().unwrap_or(0)
}

/// The thought and the answer of a text whose thought was begun in the prompt: it ends with a tag alone on its line that nothing opens.
pub fn unopened(text: &str) -> Option<(&str, &str)> {
    TAGS.iter().find_map(|(open, close)| {
        let (thought, answer) = text.split_once(close)?;
        let alone = thought.trim_end_matches([' ', '\t']).ends_with('\n') || thought.trim().is_empty();
        let ends = answer.trim_start_matches([' ', '\t', '\r']).starts_with('\n') || answer.trim().is_empty();
        (alone && ends && !thought.contains(open)).then(|| (thought.trim(), answer.trim_start()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_apart(text: &str, size: usize) -> (String, String) {
        let (mut thought, mut answer, mut thoughts) = (String::new(), String::new(), Thoughts::default());
        let mut out = |kind: DeltaKind, text: &str| {
            if kind == DeltaKind::TEXT { answer.push_str(text) } else { thought.push_str(text) }
        };
        let characters: Vec<char> = text.chars().collect();
        for piece in characters.chunks(size) {
            thoughts.push(&piece.iter().collect::<String>(), &mut out);
        }
        thoughts.end(&mut out);
        (thought, answer)
    }

    #[test]
    fn thoughts_at_the_beginning_are_apart_wherever_pieces_part() {
        for (text, thought, answer) in [
            ("<think>\nhmm\n</think>\n\n4", "hmm", "4"),
            ("\n <think>a < b </thin </think>4 ", "a < b </thin", "4 "),
            ("<think>\n\n</think>\n\n4", "", "4"),
            ("<think>a</think><think>b</think> 4", "ab", "4"),
            ("<think>never closed </th", "never closed </th", ""),
            ("<think>never closed \n", "never closed", ""),
            ("<think></think>", "", ""),
            ("<think", "", "<think"),
            ("<thinking>x</thinking>", "", "<thinking>x</thinking>"),
            ("Write <think>x</think> 4", "", "Write <think>x</think> 4"),
            ("  4 <think>", "", "  4 <think>"),
            ("[THINK]é[/THINK]4", "é", "4"),
            ("◁think▷é◁/think▷4", "é", "4"),
            (" \n", "", " \n"),
            ("", "", ""),
        ] {
            for size in 1..=text.chars().count().max(1) {
                let found = taken_apart(text, size);
                assert_eq!(found, (thought.to_owned(), answer.to_owned()), "{text} in pieces of {size}");
            }
        }
    }

    #[test]
    fn a_thought_that_the_prompt_began_ends_on_a_line_of_its_own() {
        for (text, split) in [
            ("hmm\n</think>\n\n4", Some(("hmm", "4"))),
            ("</think>\n4", Some(("", "4"))),
            ("hmm\n</think>", Some(("hmm", ""))),
            ("the tag </think> ends it", None),
            ("```\n<think>\n</think>\n```", None),
            ("4", None),
        ] {
            assert_eq!(unopened(text), split, "{text}");
        }
    }
}
