//! A question with its options, as a processor finds it. Refuses to guess: without two options there is nothing to choose.

use harness_abi::{Constraint, Cx, Message, ModuleError, Role};

/// What is asked, what may be answered, and what was asked and answered before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// What is asked.
    pub text: String,
    /// The options, each once, in the order in which they came.
    pub options: Vec<String>,
    /// Earlier turns and worked examples of the conversation, oldest first.
    pub before: Vec<(String, String)>,
}

impl Question {
    /// The question at hand; `None` where there are fewer than two options, or more than `limit`.
    pub fn of(cx: &Cx<'_>, limit: usize) -> Result<Option<Self>, ModuleError> {
        let seen = cx.observation()?.unwrap_or_default();
        // A choice that others narrowed says more than what the environment admits.
        let all = match cx.constraint()? {
            Constraint::Choice { choices } => choices,
            _ => seen.admissible,
        };
        let mut options: Vec<String> = Vec::with_capacity(all.len());
        for option in all {
            if !options.contains(&option) {
                options.push(option);
            }
        }
        if options.len() < 2 || options.len() > limit {
            return Ok(None);
        }
        let history = cx.history();
        let last = history.iter().rposition(|message| message.role() == Role::User);
        // What the environment said is the question itself; the message may carry what other modules added to it.
        let text = match (seen.text.is_empty(), last.and_then(|at| history.get(at))) {
            (true, Some(message)) => message.text().into_owned(),
            _ => seen.text,
        };
        let before = turns(last.and_then(|at| history.get(..at)).unwrap_or_default());
        Ok(Some(Self { text, options, before }))
    }
}

/// What users said and what was answered, pair by pair.
fn turns(messages: &[Message]) -> Vec<(String, String)> {
    let (mut turns, mut asked) = (Vec::new(), None);
    for message in messages {
        match message.role() {
            Role::User => asked = Some(message.text().into_owned()),
            Role::Assistant => {
                turns.extend(asked.take().map(|asked| (asked, message.text().into_owned())));
            }
            _ => {}
        }
    }
    turns
}

/// The options as a list, one a line, each behind its mark.
pub(crate) fn listed(options: &[String], mark: impl Fn(usize) -> String) -> String {
    let lines: Vec<String> =
        options.iter().enumerate().map(|(number, option)| format!("{} {option}", mark(number))).collect();
    lines.join("\n")
}
