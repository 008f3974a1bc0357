//! `person`: a model role served by whoever sits at the terminal. For approvals; its answers are never taken from the record.
//! Refuses to be asked anything but a choice, and anything at all without a terminal.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    sync::mpsc::{RecvTimeoutError, channel},
    time::Duration,
};

use harness_abi::{
    ChatReply, ChatRequest, ChatSink, Constraint, ErrorClass, Message, Model, ModelInfo, ModuleError, NoConfig,
    ScoreReply, ScoreRequest, ScoreSink,
};

/// How often it is looked whether the answer is still wanted.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes of an answer.
const ANSWER: u64 = 256;

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

fn terminal() -> Result<File, ModuleError> {
    let opened = OpenOptions::new().read(true).write(true).open("/dev/tty");
    opened.map_err(|error| ModuleError::unsupported(format_args!("there is no terminal to ask at: {error}")))
}

/// One line of the terminal.
fn line(terminal: File, sink: &ChatSink) -> Result<String, ModuleError> {
    let (tell, said) = channel();
    // It waits for a person; when nobody waits for it any more, it is left waiting.
    std::thread::spawn(move || {
        let mut answer = String::new();
        let read = BufReader::new(terminal.take(ANSWER)).read_line(&mut answer);
        let _ = tell.send(read.map(|_| answer));
    });
    loop {
        match said.recv_timeout(LOOK) {
            Ok(Ok(answer)) => return Ok(answer.trim().to_lowercase()),
            Ok(Err(error)) => return Err(ModuleError::unsupported(format_args!("the terminal: {error}"))),
            Err(RecvTimeoutError::Timeout) if !sink.cancelled() => {}
            Err(_) => return Err(ModuleError::new(ErrorClass::CANCELLED, "nobody waits for the answer any more")),
        }
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
        let terminal = terminal()?;
        let asked = request.messages.as_slice().last().map(Message::text).unwrap_or_default();
        (&terminal)
            .write_all(format!("\n{asked}: ").as_bytes())
            .map_err(|error| ModuleError::unsupported(format_args!("the terminal: {error}")))?;
        let said = line(terminal, sink)?;
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
