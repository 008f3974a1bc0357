//! `argument_fill`: fills a call's arguments from the words of the request, by the tool's schema. For models that can pick a tool but
//! not write JSON. Invents nothing: a required string that nothing suits stays empty.

use harness_abi::{Cx, Decision, Draft, Event, ModuleError, Outcome, Part, Processor, pass};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::extract::fill::fill;
use crate::request::Request;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    when: When,
    /// Whether parameters that are not required are filled where the request speaks of them.
    optional: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum When {
    Empty,
    Missing,
    Always,
}

/// The processor.
#[derive(Debug)]
pub struct ArgumentFill {
    config: Config,
    request: Request,
}

impl ArgumentFill {
    /// Takes the configuration.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config, request: Request::default() })
    }

    fn arguments(&self, given: &str, schema: &Value, request: &str) -> Option<String> {
        let own: Option<Map<String, Value>> = serde_json::from_str(given).ok();
        let kept = match (self.config.when, own) {
            (When::Empty, Some(own)) if !own.is_empty() => return None,
            (When::Missing, Some(own)) => {
                own.into_iter().filter(|(name, value)| suits(value, &schema["properties"][name])).collect()
            }
            _ => Map::new(),
        };
        let mut arguments = fill(request, schema, self.config.optional);
        arguments.extend(kept);
        let text = Value::Object(arguments).to_string();
        (text != given).then_some(text)
    }
}

/// Whether a value is of its schema's type and among its choices.
fn suits(value: &Value, schema: &Value) -> bool {
    let typed = match schema["type"].as_str() {
        Some("string") => value.as_str().is_some_and(|text| !text.is_empty()),
        Some("integer") => value.is_i64(),
        Some("number" | "float") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object" | "dict") => value.is_object(),
        _ => !schema.is_null(),
    };
    typed && schema["enum"].as_array().is_none_or(|choices| choices.contains(value))
}

impl Processor for ArgumentFill {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let response = match event {
            Event::BeforeModel => {
                self.request.listen(cx);
                return pass();
            }
            Event::AfterModel { response } => response,
            _ => return pass(),
        };
        let Some(request) = self.request.text() else { return pass() };
        if response.calls().next().is_none() {
            return pass();
        }
        let (tools, mut changed) = (cx.tools()?, false);
        let parts: Vec<Part> = response
            .known_parts()
            .map(|part| match part {
                Part::ToolCall { id, name, arguments } => {
                    let tool = tools.iter().find(|tool| tool.name == name.as_str());
                    let filled = tool.and_then(|tool| self.arguments(arguments, &tool.input_schema, request));
                    changed |= filled.is_some();
                    Part::tool_call(id.as_str(), name.as_str(), filled.unwrap_or_else(|| arguments.to_string()))
                }
                other => other.clone(),
            })
            .collect();
        if !changed {
            return pass();
        }
        Ok(vec![Decision::SetResponse { message: Draft::from(response).without_parts().parts(parts).build() }])
    }
}
