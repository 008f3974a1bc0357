//! `person`: a model role served by whoever sits at the terminal. For approvals; its answers are never taken from the record.
//! Refuses to be asked anything but a choice, and anything at all without a terminal.

use std::io::ErrorKind;

use harness_abi::{
    ChatReply, ChatRequest, ChatSink, Constraint, ErrorClass, Message, Model, ModelInfo, ModuleError, NoConfig,
    ScoreReply, ScoreRequest, ScoreSink,
};
use harness_terminal::question::ask;

/// The model.
#[derive(Debug)]
pub(crate) struct Person {
    digest: String,
}

impl Person {
    pub fn new(_: NoConfig) -> Result<Self, ModuleError> {
        // Another one each time, so that yesterday's yes is nobody's answer today.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(Self { digest: format!("person {} {}", std::process::id(), now.as_nanos()) })
    }
}

impl Model for Person {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            name: "person".to_owned(),
            digest: self.digest.clone(),
            capabilities: vec!["choice".to_owned()],
            ..ModelInfo::default()
        }
    }

    fn chat(&self, request: &ChatRequest<'_>, sink: &ChatSink) -> Result<ChatReply, ModuleError> {
        let Constraint::Choice { choices } = request.constraint()? else {
            return Err(ModuleError::unsupported("a person at the terminal is asked for a choice only"));
        };
        let asked = request.messages.as_slice().last().map(Message::text).unwrap_or_default();
        let said = ask(format_args!("{asked}:"), || sink.cancelled()).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => ModuleError::new(ErrorClass::CANCELLED, error),
            _ => ModuleError::unsupported(format_args!("there is no terminal to ask at: {error}")),
        })?;
        let said = said.to_lowercase();
        // The last choice is what is meant by anything else; its first letter is enough for each.
        let chosen = choices
            .iter()
            .find(|choice| !said.is_empty() && (**choice == said || said.len() == 1 && choice.starts_with(&said)));
        let chosen = chosen.or(choices.last()).cloned().unwrap_or_default();
        Ok(ChatReply::text(chosen))
    }

    fn score(&self, _: &ScoreRequest, _: &ScoreSink) -> Result<ScoreReply, ModuleError> {
        Err(ModuleError::unsupported("a person gives no scores"))
    }
}
