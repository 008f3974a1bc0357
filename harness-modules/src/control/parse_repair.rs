//! `parse_repair`: reads the tool call, the action or the JSON out of a messy reply; when it cannot, it shows the model its reply and
//! asks again. What stays unreadable is passed on as it is, for the environment to judge.

use harness_abi::{
    AskChat, Constraint, Cx, Decision, Draft, Event, Message, ModuleError, Outcome, Part, Processor, Role, ToolSpec,
    pass,
};
use serde::Deserialize;
use serde_json::Value;

use crate::control::reading;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    expect: Expect,
    /// How often the model is asked again.
    retries: usize,
    /// Least share of common words for a reply to mean an action.
    likeness: f64,
    /// What the model is told; `{problem}` is filled in.
    request: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Expect {
    Auto,
    Call,
    Action,
}

/// What the reply should have been.
enum Wish {
    Call { must: bool },
    Action(Vec<String>),
    Json(Value),
    Nothing,
}

enum Reading {
    Fine,
    Mended(Message),
    Unreadable(String),
}

/// The processor.
#[derive(Debug)]
pub struct ParseRepair {
    config: Config,
}

impl ParseRepair {
    /// Takes the wording and limits.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config })
    }

    fn wish(&self, cx: &Cx<'_>) -> Result<Wish, ModuleError> {
        let admissible = || Ok::<_, ModuleError>(cx.observation()?.unwrap_or_default().admissible);
        let tools = cx.visible_tools().next().is_some();
        Ok(match (self.config.expect, cx.constraint()?) {
            (Expect::Call, _) => Wish::Call { must: tools },
            (_, Constraint::Choice { choices }) => Wish::Action(choices),
            (Expect::Action, _) => Wish::Action(admissible()?),
            (_, Constraint::ToolCall { .. }) => Wish::Call { must: true },
            (_, Constraint::JsonSchema { schema }) => Wish::Json(schema),
            (_, Constraint::Free) if tools => Wish::Call { must: false },
            (_, Constraint::Free) => Wish::Action(admissible()?),
            _ => Wish::Nothing,
        })
    }

    fn read(&self, response: &Message, wish: &Wish, names: &[&str]) -> Reading {
        let text = response.text();
        let say = |text: &str| Reading::Mended(Draft::from(response).without_parts().part(Part::text(text)).build());
        match wish {
            Wish::Call { must } => match calls(response, names) {
                Reading::Unreadable(problem) if *must => Reading::Unreadable(problem),
                // Without calls, text is an answer of its own, unless a call is due.
                Reading::Unreadable(_) => Reading::Fine,
                reading => reading,
            },
            Wish::Action(actions) if actions.is_empty() || actions.iter().any(|action| *action == text) => {
                Reading::Fine
            }
            Wish::Action(actions) if response.calls().next().is_none() => {
                match reading::action(&text, actions, self.config.likeness) {
                    Some(action) => say(action),
                    None => Reading::Unreadable(format!("it is none of: {}", actions.join("; "))),
                }
            }
            Wish::Json(schema) => match reading::value(&text, schema) {
                Some(value) if serde_json::from_str::<Value>(&text).is_ok_and(|same| same == value) => Reading::Fine,
                Some(value) => say(&value.to_string()),
                None => Reading::Unreadable(format!("it is not JSON of the schema {schema}")),
            },
            _ => Reading::Fine,
        }
    }
}

/// Reads a response that should call tools.
fn calls(response: &Message, names: &[&str]) -> Reading {
    let mut mended = false;
    let mut parts: Vec<Part> = Vec::new();
    for part in response.known_parts() {
        let Part::ToolCall { id, name, arguments } = part else {
            parts.push(part.clone());
            continue;
        };
        let Some(known) = reading::tool_name(name, names) else {
            return Reading::Unreadable(format!("there is no tool `{name}`; the tools are: {}", names.join(", ")));
        };
        let strict = serde_json::from_str::<Value>(arguments).is_ok_and(|value| value.is_object());
        let text = if strict {
            arguments.to_string()
        } else {
            let fields = reading::object(&Value::String(arguments.to_string()));
            if fields.is_empty() && !arguments.trim().is_empty() {
                return Reading::Unreadable(format!("the arguments of `{name}` are not a JSON object: {arguments}"));
            }
            Value::Object(fields).to_string()
        };
        mended |= !strict || known != name.as_str();
        parts.push(Part::tool_call(id.as_str(), known, text));
    }
    if parts.iter().any(|part| matches!(part, Part::ToolCall { .. })) {
        return if mended {
            Reading::Mended(Draft::from(response).without_parts().parts(parts).build())
        } else {
            Reading::Fine
        };
    }
    match reading::call(&response.text(), names) {
        Some(found) => {
            let part = Part::tool_call("call-0", found.name, Value::Object(found.arguments).to_string());
            Reading::Mended(Draft::from(response).without_parts().part(part).build())
        }
        None => Reading::Unreadable(format!("it calls none of the tools: {}", names.join(", "))),
    }
}

impl Processor for ParseRepair {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::AfterModel { response } = event else { return pass() };
        let (wish, names) = (self.wish(cx)?, cx.visible_tools().collect::<Vec<_>>());
        let mut last = response.clone();
        for attempt in 0..=self.config.retries {
            let problem = match self.read(&last, &wish, &names) {
                Reading::Fine if attempt == 0 => return pass(),
                Reading::Fine => return Ok(vec![Decision::SetResponse { message: last }]),
                Reading::Mended(message) => return Ok(vec![Decision::SetResponse { message }]),
                Reading::Unreadable(problem) => problem,
            };
            if attempt < self.config.retries {
                last = cx.chat(self.again(cx, &last, &problem, attempt, &names)?)?.message;
            }
        }
        pass()
    }
}

impl ParseRepair {
    fn again(
        &self,
        cx: &Cx<'_>,
        reply: &Message,
        problem: &str,
        attempt: usize,
        names: &[&str],
    ) -> Result<AskChat, ModuleError> {
        let system = (!cx.system().is_empty()).then(|| Message::system(cx.system()));
        let shown = crate::turns::action(reply);
        let messages = system
            .into_iter()
            .chain(cx.history().iter().filter(|message| *message != reply).cloned())
            // The reply goes back as text: a call without its result is a conversation most providers refuse.
            .chain((!shown.is_empty()).then(|| Message::new(Role::Assistant, [Part::text(shown)])))
            .chain([Message::user(self.config.request.replace("{problem}", problem))]);
        let tools: Vec<ToolSpec> = cx.tools()?.into_iter().filter(|tool| names.contains(&tool.name.as_str())).collect();
        let mut sampling = cx.sampling()?;
        sampling.seed = sampling.seed.wrapping_add(attempt as u64 + 1);
        let ask = AskChat::new(messages).constraint(&cx.constraint()?).sampling(&sampling);
        Ok(if tools.is_empty() { ask } else { ask.tools(&tools) })
    }
}
