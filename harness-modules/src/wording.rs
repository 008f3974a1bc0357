//! How a module speaks to the model at before_model: into the last user message where there is one, else in one of its own; and how it
//! takes its words back a step later, so that a conversation holds what happened and not what was said beside it.

use harness_abi::{Cx, Decision, Draft, HistoryEdit, Message, Part, Role};

/// Adds `text` after what the model reads last.
pub fn add(cx: &Cx<'_>, text: &str) -> Decision {
    place(cx, |last| format!("{last}\n\n{text}"), text)
}

/// Adds `text` before the words of the last user message.
pub fn add_before(cx: &Cx<'_>, text: &str) -> Decision {
    place(cx, |last| format!("{text}\n\n{last}"), text)
}

fn place(cx: &Cx<'_>, combine: impl FnOnce(&str) -> String, alone: &str) -> Decision {
    match cx.history().last() {
        Some(last) if last.role() == Role::User => Decision::SetLastUser { text: combine(&last.text()).into() },
        _ => Decision::AppendUser { text: alone.into() },
    }
}

/// Words that hold for one step.
#[derive(Debug, Default)]
pub struct Aside {
    said: Option<String>,
}

impl Aside {
    /// [`add`], to be taken back.
    pub fn add(&mut self, cx: &Cx<'_>, text: &str) -> Decision {
        self.said = Some(text.to_owned());
        add(cx, text)
    }

    /// [`add_before`], to be taken back.
    pub fn add_before(&mut self, cx: &Cx<'_>, text: &str) -> Decision {
        self.said = Some(text.to_owned());
        add_before(cx, text)
    }

    /// Takes the words of the last step back; for step_start. They stand near the end or, after a cut, nowhere.
    pub fn withdraw(&mut self, cx: &Cx<'_>) -> Vec<Decision> {
        const NEAR: usize = 32;
        let Some(said) = self.said.take() else { return Vec::new() };
        let history = cx.history();
        let holds = |message: &Message| message.role() == Role::User && message.text().contains(&said);
        let found = history.iter().enumerate().rev().take(NEAR).find(|(_, message)| holds(message));
        let Some((index, message)) = found else { return Vec::new() };
        let left = message.text().replacen(&said, "", 1);
        // A message that held nothing else goes as a whole.
        let with = match left.trim() {
            "" => Vec::new(),
            left => vec![Draft::from(message).without_parts().part(Part::text(left)).build()],
        };
        let edit = HistoryEdit { start: index as u64, end: index as u64 + 1, with: with.into() };
        vec![Decision::EditHistory { edits: vec![edit].into() }]
    }
}
