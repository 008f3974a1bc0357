//! `letters`: lists the options with letters, has the model answer with a letter, and says the option it stands for. Passes on what it
//! cannot letter: more options than there are letters.

use harness_abi::{Constraint, Cx, Decision, Event, Message, ModuleError, Outcome, Processor, Role, kit, pass};
use serde::Deserialize;

use crate::question::{Question, listed};

/// Where the options of the step are kept, in the order of their letters: an instance made in the middle of a step finds them.
const KEPT: &str = "choice/letters";
/// As many as there are letters.
const MOST: usize = 26;

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    place: Place,
    instruction: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    After,
    Before,
}

/// The processor.
#[derive(Debug)]
pub(crate) struct Letters {
    config: Config,
}

fn letter(number: usize) -> String {
    (b'A'..=b'Z').nth(number).map(char::from).map(String::from).unwrap_or_default()
}

impl Letters {
    /// Takes the wording.
    ///
    /// # Errors
    ///
    /// None; the manifest says what is allowed.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config })
    }

    fn ask(&self, cx: &Cx<'_>) -> Outcome {
        let options = Question::of(cx, MOST)?.map(|question| question.options).unwrap_or_default();
        cx.put(KEPT, kit::json(&options));
        if options.is_empty() {
            return pass();
        }
        let list = listed(&options, |number| format!("{})", letter(number)));
        let asked = cx.history().last().filter(|last| last.role() == Role::User);
        let question = asked.map(|last| last.text().into_owned()).unwrap_or_default();
        let parts = match self.config.place {
            Place::After => [question.as_str(), &list, &self.config.instruction],
            Place::Before => [list.as_str(), &question, &self.config.instruction],
        };
        let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
        let choices = (0..options.len()).map(letter).collect();
        Ok(vec![
            match asked {
                Some(_) => Decision::SetLastUser { text: text.into() },
                None => Decision::AppendUser { text: text.into() },
            },
            Decision::constrain(&Constraint::Choice { choices }),
        ])
    }

    /// The option a letter stands for, in its place.
    fn read(cx: &Cx<'_>, reply: &Message) -> Option<Decision> {
        let options: Vec<String> = serde_json::from_str(&cx.get(KEPT)?).ok()?;
        let text = reply.text();
        let (_, option) = options.iter().enumerate().find(|(number, _)| letter(*number) == text.trim())?;
        Some(Decision::SetResponse { message: Message::assistant(option) })
    }
}

impl Processor for Letters {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        match event {
            Event::BeforeModel => self.ask(cx),
            Event::AfterModel { response } => Ok(Self::read(cx, response).into_iter().collect()),
            _ => pass(),
        }
    }
}
