//! Tokens whose text is never cut: where in a text the first of them stands.

use super::Kind;
use std::collections::HashMap;

/// Control and user-defined tokens by their text.
pub struct Specials {
    /// The token, and whether it is a control token.
    ids: HashMap<String, (u32, bool)>,
    /// Lengths of the texts, longest first: of several that begin at one place the longest is meant.
    lengths: Vec<usize>,
    /// First bytes of the texts.
    begins: [bool; 256],
}

impl Specials {
    pub fn new(bytes: &[Vec<u8>], kinds: &[Kind]) -> Self {
        let mut ids = HashMap::new();
        let mut begins = [false; 256];
        for (id, (bytes, kind)) in bytes.iter().zip(kinds).enumerate() {
            let (Kind::Control | Kind::UserDefined, Ok(text)) = (kind, std::str::from_utf8(bytes)) else { continue };
            let Some(first) = bytes.first() else { continue };
            begins[usize::from(*first)] = true;
            ids.entry(text.to_owned()).or_insert((id as u32, *kind == Kind::Control));
        }
        let mut lengths: Vec<usize> = ids.keys().map(String::len).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        lengths.dedup();
        Self { ids, lengths, begins }
    }

    /// The first special token of a text, as place, length and id; of control tokens only with `control`.
    pub fn first(&self, text: &str, control: bool) -> Option<(usize, usize, u32)> {
        let bytes = text.as_bytes();
        let mut places = (0..bytes.len()).filter(|at| self.begins[usize::from(bytes[*at])]);
        places.find_map(|at| self.at(text, at, control).map(|(len, id)| (at, len, id)))
    }

    fn at(&self, text: &str, at: usize, control: bool) -> Option<(usize, u32)> {
        self.lengths.iter().find_map(|len| {
            let (id, is_control) = self.ids.get(text.get(at..at + len)?)?;
            (control || !is_control).then_some((*len, *id))
        })
    }

    /// The control token of this text.
    pub fn control(&self, text: &str) -> Option<u32> {
        self.ids.get(text).filter(|found| found.1).map(|found| found.0)
    }

    /// Whether a control token's text begins there.
    pub fn control_at(&self, text: &str, at: usize) -> bool {
        self.begins[usize::from(text.as_bytes()[at])]
            && self.lengths.iter().any(|len| text.get(at..at + len).is_some_and(|text| self.control(text).is_some()))
    }
}
