//! `demonstrations`: worked examples, in the system prompt or as turns before the task. Examples are text of the harness's
//! author; this module invents none.

use harness_abi::{
    Cx, Decision, Draft, Event, HistoryEdit, Message, ModuleError, Outcome, Part, Processor, Role, pass,
};
use serde::Deserialize;

use crate::turns::DEMONSTRATION;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    examples: Vec<Example>,
    count: usize,
    place: Place,
    header: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    user: String,
    assistant: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    System,
    Messages,
}

/// The processor.
#[derive(Debug)]
pub struct Demonstrations {
    config: Config,
    placed: bool,
}

impl Demonstrations {
    /// Takes the examples.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config, placed: false })
    }

    fn shown(&self) -> impl Iterator<Item = &Example> {
        self.config.examples.iter().take(self.config.count)
    }

    fn as_text(&self) -> String {
        let examples: Vec<String> =
            self.shown().map(|example| format!("User: {}\nAssistant: {}", example.user, example.assistant)).collect();
        format!("{}\n\n{}", self.config.header, examples.join("\n\n"))
    }

    fn as_messages(&self) -> Vec<Message> {
        let message = |role, text: &str| Draft::new(role).part(Part::text(text)).id(DEMONSTRATION).build();
        self.shown()
            .flat_map(|example| [message(Role::User, &example.user), message(Role::Assistant, &example.assistant)])
            .collect()
    }
}

impl Processor for Demonstrations {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        if self.shown().next().is_none() {
            return pass();
        }
        match (event, self.config.place) {
            (Event::TaskStart, Place::System) => {
                Ok(vec![Decision::system(format!("{}\n\n{}", cx.system(), self.as_text()).trim_start())])
            }
            (Event::StepStart, Place::Messages) if !self.placed => {
                self.placed = true;
                // An instance made in the middle of a task finds the examples where an earlier one put them.
                if cx.history().first().is_some_and(|first| first.id() == DEMONSTRATION) {
                    return pass();
                }
                let edit = HistoryEdit { start: 0, end: 0, with: self.as_messages().into() };
                Ok(vec![Decision::EditHistory { edits: vec![edit].into() }])
            }
            _ => pass(),
        }
    }
}
