//! `approval`: asks before a tool is called. Who is asked is whoever serves the model role `approval`: a person at the terminal, or
//! a model the harness names. Refuses the call when nobody does, or when the answer is not a plain yes.

use harness_abi::{
    AskChat, Call, Constraint, Cx, Decision, Event, Message, ModuleError, Outcome, Processor, Stop, pass,
};
use harness_terminal::exact;
use serde::Deserialize;
use serde_json::json;

use crate::glob::matcher;

/// When it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Policy {
    /// Never.
    Never,
    /// Before tools that change something, or do not say that they change nothing.
    OnWrite,
    /// Before every tool.
    Always,
}

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalConfig {
    policy: Policy,
    allow: Vec<String>,
}

/// The processor.
#[derive(Debug)]
pub(crate) struct Approval {
    policy: Policy,
    allow: Vec<globset::GlobMatcher>,
}

/// Who is asked.
pub(crate) const ROLE: &str = "approval";
/// The answer that lets a call pass; every other one refuses it.
pub(crate) const YES: &str = "yes";
/// The answer that is expected otherwise.
pub(crate) const NO: &str = "no";
/// Characters of the arguments, as they are shown, that a person may be asked about. Nobody reads more, and what is not read hides.
const MOST: usize = 20_000;
/// From so many on, the end says again what it was.
const LONG: usize = 500;

impl Approval {
    pub fn new(config: ApprovalConfig) -> Result<Self, ModuleError> {
        let allow = config.allow.iter().map(|pattern| matcher(pattern).map_err(|why| ModuleError::config(why.0)));
        Ok(Self { policy: config.policy, allow: allow.collect::<Result<_, _>>()? })
    }

    /// Whether somebody must be asked about this call.
    fn asks(&self, cx: &Cx<'_>, call: &Call<'_>) -> Result<bool, ModuleError> {
        if self.policy == Policy::Never || self.allow.iter().any(|pattern| pattern.is_match(call.name)) {
            return Ok(false);
        }
        // A tool nobody offers is not called at all, and a reply that is itself the action is no call.
        let tools = cx.tools()?;
        let Some(tool) = tools.iter().find(|tool| tool.name == call.name) else { return Ok(false) };
        Ok(self.policy == Policy::Always || !tool.read_only)
    }
}

/// What is asked: the whole call, in characters that can all be seen. Its name and length stand on both ends, so that a long one
/// cannot push what it is out of sight. An error says why nobody can be asked.
fn question(call: &Call<'_>) -> Result<String, String> {
    let (name, arguments) = (exact(call.name).to_string(), exact(call.arguments).to_string());
    let length = arguments.chars().count();
    if name.len() + length > MOST {
        return Err(format!("it has {length} characters, and nobody can judge more than {MOST}"));
    }
    let long = if length > LONG { format!("\nThat was `{name}` with {length} characters.") } else { String::new() };
    Ok(format!(
        "The agent wants to call the tool `{name}` with {length} characters\n{arguments}{long}\nMay it? yes or no"
    ))
}

impl Processor for Approval {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeTool { call } = event else { return pass() };
        if !self.asks(cx, &call)? {
            return pass();
        }
        let constraint = Constraint::Choice { choices: vec![YES.to_owned(), NO.to_owned()] };
        let answer = match cx.model(ROLE)? {
            None => {
                Err("nobody can be asked: approval needs a terminal, or a model for the role `approval`".to_owned())
            }
            Some(_) => match question(&call) {
                Err(why) => Err(why),
                Ok(question) => {
                    let ask = AskChat::new([Message::user(question)]).role(ROLE).constraint(&constraint);
                    match cx.chat(ask) {
                        Ok(reply) => Ok(reply.message.text().trim().to_owned()),
                        Err(Stop::Pending) => return Err(Stop::Pending),
                        Err(Stop::Failed(error)) => Err(error.message.into()),
                    }
                }
            },
        };
        let approved = answer.as_deref() == Ok(YES);
        let note = Decision::annotate("approval", &json!({"tool": call.name, "approved": approved}));
        if approved {
            return Ok(vec![note]);
        }
        let why = answer.err().unwrap_or_else(|| "the answer was no".to_owned());
        let text = format!("The call of `{}` was not approved: {why}. It was not made; go on without it.", call.name);
        Ok(vec![note, Decision::Answer { message: Message::tool_result(call.id, text, true) }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, arguments: &str) -> Result<String, String> {
        question(&Call { id: "1", name, arguments })
    }

    #[test]
    fn a_call_is_shown_whole_and_cannot_hide() {
        let tail = "rm -rf ~";
        for padding in
            ["\n".repeat(300), " ".repeat(3000), "\u{1b}[8m".repeat(50), "\u{2800}".repeat(3000), "\r".repeat(9)]
        {
            let shown = asked("ba\u{202e}sh", &format!("{{\"command\": \"ls\"{padding}; {tail}\"}}")).unwrap();
            assert!(shown.contains(tail) && shown.contains("`ba\\u{202e}sh`"), "{shown}");
            assert!(!shown.contains(|c| harness_terminal::hidden(c) && c != '\n'), "{shown}");
            assert!(shown.lines().count() <= 4, "{shown}");
        }
        assert!(asked("bash", "x").unwrap().contains("with 1 characters\nx\n"));
        assert!(
            asked("bash", &"x".repeat(9000))
                .unwrap()
                .ends_with("That was `bash` with 9000 characters.\nMay it? yes or no")
        );
        assert!(asked("bash", &"x".repeat(MOST)).is_err());
    }
}
