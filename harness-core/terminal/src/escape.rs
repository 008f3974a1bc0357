//! Which characters are spelt out, and how: `\u{1b}` in place of an escape character.

use std::{
    borrow::Cow,
    fmt::{self, Display, Write},
};

/// What a reader may see as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text of several lines: line breaks and tabs stay, and joiners within words that are not ASCII.
    Text,
    /// A part of one line: line breaks and tabs are spelt out, too.
    Line,
    /// Something a person decides about: every character that cannot be seen is spelt out.
    Exact,
}

/// Whether a character acts on a terminal or cannot be seen: controls (C0, DEL, C1), marks of direction, separators of lines, what has
/// no width, fillers, tags.
pub fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What words of many languages and emoji need between two characters: joiners and selectors of a variant.
fn joins(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Passes text on with what is hidden spelt out. Keeps what it must know of the text before, so that text may come in pieces.
#[derive(Debug)]
pub(crate) struct Escaper {
    form: Form,
    /// The character before.
    before: char,
    /// A carriage return has come, and it is not known what follows.
    returned: bool,
}

impl Escaper {
    pub(crate) fn new(form: Form) -> Self {
        Self { form, before: ' ', returned: false }
    }

    /// Passes on a piece.
    pub(crate) fn pass(&mut self, piece: &str, to: &mut impl Write) -> fmt::Result {
        // What stays as it is is passed on in one go.
        let mut rest = 0;
        for (at, c) in piece.char_indices() {
            if std::mem::take(&mut self.returned) && c != '\n' {
                to.write_str("\\r")?;
            }
            let before = std::mem::replace(&mut self.before, c);
            if !hidden(c) || self.stays(c, before) {
                continue;
            }
            to.write_str(&piece[rest..at])?;
            rest = at + c.len_utf8();
            match c {
                '\r' if self.form == Form::Text => self.returned = true,
                c => spell(c, to)?,
            }
        }
        to.write_str(&piece[rest..])
    }

    /// Nothing follows.
    pub(crate) fn end(&mut self, to: &mut impl Write) -> fmt::Result {
        if std::mem::take(&mut self.returned) { to.write_str("\\r") } else { Ok(()) }
    }

    fn stays(&self, c: char, before: char) -> bool {
        match self.form {
            Form::Exact => false,
            Form::Text if matches!(c, '\n' | '\t') => true,
            Form::Text | Form::Line => {
                joins(c) && !hidden(before) && (!before.is_ascii() || matches!(c, '\u{fe00}'..='\u{fe0f}'))
            }
        }
    }
}

fn spell(c: char, to: &mut impl Write) -> fmt::Result {
    match c {
        '\n' => to.write_str("\\n"),
        '\r' => to.write_str("\\r"),
        '\t' => to.write_str("\\t"),
        c => write!(to, "{}", c.escape_unicode()),
    }
}

/// Something whose text is shown with what is hidden spelt out.
#[derive(Debug, Clone, Copy)]
pub struct Visible<T>(T, Form);

/// Text of several lines.
pub fn text<T: Display>(shown: T) -> Visible<T> {
    Visible(shown, Form::Text)
}

/// A part of one line.
pub fn line<T: Display>(shown: T) -> Visible<T> {
    Visible(shown, Form::Line)
}

/// What a person decides about.
pub fn exact<T: Display>(shown: T) -> Visible<T> {
    Visible(shown, Form::Exact)
}

impl<T: Display> Display for Visible<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct To<'a, 'b>(&'a mut fmt::Formatter<'b>, Escaper);
        impl Write for To<'_, '_> {
            fn write_str(&mut self, piece: &str) -> fmt::Result {
                self.1.pass(piece, self.0)
            }
        }
        let mut to = To(f, Escaper::new(self.1));
        write!(to, "{}", self.0)?;
        let To(f, mut escaper) = to;
        escaper.end(f)
    }
}

/// JSON of the same value in which no string holds a hidden character as it is: JSON spells it `\u001b`.
pub fn json(text: &str) -> Cow<'_, str> {
    // Outside strings JSON has line breaks and tabs alone, inside it spells them.
    let unsafe_here = |c: char| hidden(c) && !matches!(c, '\n' | '\r' | '\t');
    if !text.contains(unsafe_here) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if unsafe_here(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Names of what is told apart: shown as text, as a line, exactly.
    #[test]
    fn what_acts_on_a_terminal_is_spelt_out() {
        for (given, as_text, as_line, as_exact) in [
            ("plain, ünïcödé, 日本", "plain, ünïcödé, 日本", "plain, ünïcödé, 日本", "plain, ünïcödé, 日本"),
            ("a\x1b[8mb", "a\\u{1b}[8mb", "a\\u{1b}[8mb", "a\\u{1b}[8mb"),
            ("a\u{9b}31mb", "a\\u{9b}31mb", "a\\u{9b}31mb", "a\\u{9b}31mb"),
            ("a\nb\tc", "a\nb\tc", "a\\nb\\tc", "a\\nb\\tc"),
            ("a\r\nb", "a\nb", "a\\r\\nb", "a\\r\\nb"),
            ("a\rb\r", "a\\rb\\r", "a\\rb\\r", "a\\rb\\r"),
            (
                "a\x07\x08\x7f\0",
                "a\\u{7}\\u{8}\\u{7f}\\u{0}",
                "a\\u{7}\\u{8}\\u{7f}\\u{0}",
                "a\\u{7}\\u{8}\\u{7f}\\u{0}",
            ),
            ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}", "a\\u{202e}b\\u{2066}", "a\\u{202e}b\\u{2066}"),
            ("a\u{2028}b\u{feff}", "a\\u{2028}b\\u{feff}", "a\\u{2028}b\\u{feff}", "a\\u{2028}b\\u{feff}"),
            ("r\u{200d}m\u{e0041}", "r\\u{200d}m\\u{e0041}", "r\\u{200d}m\\u{e0041}", "r\\u{200d}m\\u{e0041}"),
            ("می\u{200c}شود", "می\u{200c}شود", "می\u{200c}شود", "می\\u{200c}شود"),
            ("❤\u{fe0f}\u{200d}🔥", "❤\u{fe0f}\\u{200d}🔥", "❤\u{fe0f}\\u{200d}🔥", "❤\\u{fe0f}\\u{200d}🔥"),
        ] {
            let shown = [text(given).to_string(), line(given).to_string(), exact(given).to_string()];
            assert_eq!(shown, [as_text, as_line, as_exact], "{given:?}");
        }
    }

    #[test]
    fn json_says_the_same() {
        assert_eq!(json("{\n\t\"a\": \"b\"}"), "{\n\t\"a\": \"b\"}");
        assert_eq!(json("\"\u{9b}\u{7f}\u{e0041}\""), "\"\\u009b\\u007f\\udb40\\udc41\"");
    }

    proptest! {
        #[test]
        fn nothing_hidden_comes_through(given in any::<Vec<char>>()) {
            let given: String = given.into_iter().collect();
            prop_assert!(!exact(&given).to_string().contains(hidden));
            prop_assert!(!line(&given).to_string().contains(|c| hidden(c) && !joins(c)));
            prop_assert!(!text(&given).to_string().contains(|c| hidden(c) && !joins(c) && !matches!(c, '\n' | '\t')));
        }

        #[test]
        fn pieces_are_shown_as_the_whole(given in "[a\r\n\t\u{1b}\u{200d}é]{0,12}", at in 0_usize..12) {
            let whole = text(&given).to_string();
            let at = given.char_indices().map(|(at, _)| at).nth(at).unwrap_or(given.len());
            let (mut escaper, mut pieces) = (Escaper::new(Form::Text), String::new());
            escaper.pass(&given[..at], &mut pieces).unwrap();
            escaper.pass(&given[at..], &mut pieces).unwrap();
            escaper.end(&mut pieces).unwrap();
            prop_assert_eq!(pieces, whole);
        }
    }
}
