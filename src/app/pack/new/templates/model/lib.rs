//! The pack `{{name}}`: a model that says what it was told. It stands in for a language model and says so (`simulated`).

use harness_abi::{ChatReply, ChatRequest, ChatSink, Constraint, Message, Model, ModelInfo, ModuleError, Role};
use serde::Deserialize;

/// Its configuration: the fields of `[module.config.…]` in pack.toml. What a harness leaves out has its default.
#[derive(Debug, Deserialize)]
pub struct Echo {
    prefix: String,
}

impl Echo {
    /// A constraint is honoured or refused, never ignored.
    fn reply(&self, messages: &[Message], constraint: Constraint) -> Result<String, ModuleError> {
        let last = messages.iter().rev().find(|message| message.role() == Role::User);
        let prompt = last.map(|message| message.text().into_owned()).unwrap_or_default();
        match constraint {
            Constraint::Free => Ok(format!("{}{prompt}", self.prefix)),
            Constraint::Choice { choices } => {
                let said = choices.iter().find(|choice| prompt.contains(choice.as_str())).or(choices.first());
                said.cloned().ok_or_else(|| ModuleError::input("there is nothing to choose from"))
            }
            other => Err(ModuleError::unsupported(format_args!("this model cannot honour {other:?}"))),
        }
    }
}

impl Model for Echo {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            name: "echo".into(),
            // Names these very settings: the record keeps replies under it.
            digest: format!("{{name}}/echo/0.1.0/{}", self.prefix),
            deterministic: true,
            simulated: true,
            capabilities: vec!["choice".into()],
            ..ModelInfo::default()
        }
    }

    fn chat(&self, request: &ChatRequest<'_>, _: &ChatSink) -> Result<ChatReply, ModuleError> {
        self.reply(request.messages.as_slice(), request.constraint()?).map(ChatReply::text)
    }
}

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    models: { "echo" => |config: Echo| Ok(config) },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_was_told_or_what_it_must() {
        let echo = Echo { prefix: "> ".into() };
        let prompt = [Message::user("go north")];
        assert_eq!(echo.reply(&prompt, Constraint::Free).unwrap(), "> go north");
        let choices = vec!["south".into(), "north".into()];
        assert_eq!(echo.reply(&prompt, Constraint::Choice { choices }).unwrap(), "north");
        assert!(echo.reply(&prompt, Constraint::Grammar { grammar: "root ::= \"x\"".into() }).is_err());
    }
}
