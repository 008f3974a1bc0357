//! `approval`: asks before a tool is called. Who is asked is whoever serves the model role `approval`: a person at the terminal, or
//! a model the harness names. Refuses the call when nobody does, or when the answer is not a plain yes.

use harness_abi::{
    AskChat, Call, Constraint, Cx, Decision, Event, Message, ModuleError, Outcome, Processor, Stop, pass,
};
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
/// Characters of the arguments that are shown; what is longer says how much is missing.
const SHOWN: usize = 4000;

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

/// What is asked. Characters that would write elsewhere on a terminal, or hide what stands there, are spelt out.
fn question(call: &Call<'_>) -> String {
    let hides = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let plain = |text: &str| -> String {
        text.chars().map(|c| if hides(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
    };
    let length = call.arguments.chars().count();
    let shown: String = call.arguments.chars().take(SHOWN).collect();
    let more =
        if length > SHOWN { format!("\n[{} characters more are not shown]", length - SHOWN) } else { String::new() };
    format!("The agent wants to call the tool `{}` with\n{}{more}\nMay it? yes or no", plain(call.name), plain(&shown))
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
            Some(_) => match cx.chat(AskChat::new([Message::user(question(&call))]).role(ROLE).constraint(&constraint))
            {
                Ok(reply) => Ok(reply.message.text().trim().to_owned()),
                Err(Stop::Pending) => return Err(Stop::Pending),
                Err(Stop::Failed(error)) => Err(error.message.into()),
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
