//! OpenTelemetry spans of an episode, under the names of the GenAI semantic conventions, as an OTLP/HTTP request in JSON: one
//! `invoke_agent`, below it a `chat` for each call of a model and an `execute_tool` for each of a tool.
//!
//! The record says how long calls took, not when they began: spans are laid end to end from the episode's beginning.

use serde_json::{Value, json};

use super::{ModelNames, name_of};
use crate::{Entry, EpisodeRow, Outcome, Purpose, Store, TraceError};

/// The version of the conventions that names follow.
pub const OTEL_SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
const ERROR: u8 = 2;

/// Spans as the body of a request to `/v1/traces`.
pub fn otlp_request(spans: Vec<Value>) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "harness"), text("service.version", version)]},
        "scopeSpans": [{"scope": {"name": "harness", "version": version}, "schemaUrl": OTEL_SCHEMA, "spans": spans}],
        "schemaUrl": OTEL_SCHEMA,
    }]})
}

impl Store {
    /// The spans of an episode.
    pub fn otlp_spans(&self, row: &EpisodeRow, names: &ModelNames) -> Result<Vec<Value>, TraceError> {
        let start = &row.start;
        let hash = blake3::hash(format!("{} {}", start.episode, row.num).as_bytes()).to_hex();
        let (trace, root) = (&hash[..32], &hash[32..48]);
        let began = start.started_ms.saturating_mul(1000);
        let mut at = began;
        let mut spans = vec![Value::Null];
        for entry in self.entries(row)? {
            let (step, entry) = entry?;
            let Some(mut child) = span_of(&entry, names) else { continue };
            child.attributes.push(number("harness.step", step));
            let id = blake3::hash(format!("{hash} {}", spans.len()).as_bytes()).to_hex();
            let end = at.saturating_add(child.micros);
            spans.push(child.value(trace, &id[..16], root, at, end));
            at = end;
        }
        let main = name_of(names, "main");
        let failed = row.outcome.filter(|outcome| *outcome != Outcome::Done);
        let mut attributes = vec![
            text("gen_ai.operation.name", "invoke_agent"),
            text("gen_ai.provider.name", &main.provider),
            text("gen_ai.request.model", &main.model),
            text("gen_ai.agent.name", "harness"),
            text("gen_ai.agent.id", &start.harness),
            text("gen_ai.conversation.id", if start.group.is_empty() { &start.episode } else { &start.group }),
            number("gen_ai.usage.input_tokens", row.usage.input_tokens),
            number("gen_ai.usage.output_tokens", row.usage.output_tokens),
            text("harness.episode", &start.episode),
            text("harness.run", &start.run),
            text("harness.outcome", row.outcome.map_or("not ended", Outcome::name)),
        ];
        attributes
            .extend(row.reward().map(|reward| json!({"key": "harness.reward", "value": {"doubleValue": reward}})));
        attributes.extend(failed.map(|outcome| text("error.type", outcome.name())));
        let whole = Child {
            name: "invoke_agent harness".to_owned(),
            kind: INTERNAL,
            micros: 0,
            attributes,
            error: failed.map(|_| row.reason.clone()),
        };
        spans[0] = whole.value(trace, root, "", began, at.max(began.saturating_add(row.micros)));
        Ok(spans)
    }
}

/// A span without its place.
struct Child {
    name: String,
    kind: u8,
    micros: u64,
    attributes: Vec<Value>,
    error: Option<String>,
}

fn span_of(entry: &Entry, names: &ModelNames) -> Option<Child> {
    match entry {
        Entry::Chat { role, purpose, finish, usage, micros, replayed, .. } => {
            let name = name_of(names, role);
            let mut attributes = vec![
                text("gen_ai.operation.name", "chat"),
                text("gen_ai.provider.name", &name.provider),
                text("gen_ai.request.model", &name.model),
                number("gen_ai.usage.input_tokens", usage.input_tokens),
                number("gen_ai.usage.output_tokens", usage.output_tokens),
                json!({"key": "gen_ai.response.finish_reasons",
                    "value": {"arrayValue": {"values": [{"stringValue": finish.name()}]}}}),
                json!({"key": "harness.replayed", "value": {"boolValue": replayed}}),
            ];
            if let Purpose::Ask(module) = purpose {
                attributes.push(text("harness.asked_by", module));
            }
            Some(Child { name: format!("chat {}", name.model), kind: CLIENT, micros: *micros, attributes, error: None })
        }
        Entry::Tool { id, name, is_error, micros, .. } => {
            let mut attributes = vec![
                text("gen_ai.operation.name", "execute_tool"),
                text("gen_ai.tool.name", name),
                text("gen_ai.tool.call.id", id),
                text("gen_ai.tool.type", "function"),
            ];
            attributes.extend(is_error.then(|| text("error.type", "tool_error")));
            let error = is_error.then(String::new);
            Some(Child { name: format!("execute_tool {name}"), kind: INTERNAL, micros: *micros, attributes, error })
        }
        _ => None,
    }
}

impl Child {
    fn value(self, trace: &str, id: &str, parent: &str, from: u64, to: u64) -> Value {
        let nanos = |micros: u64| micros.saturating_mul(1000).to_string();
        let mut span = json!({
            "traceId": trace, "spanId": id, "name": self.name, "kind": self.kind,
            "startTimeUnixNano": nanos(from), "endTimeUnixNano": nanos(to), "attributes": self.attributes,
        });
        if !parent.is_empty() {
            span["parentSpanId"] = parent.into();
        }
        if let Some(message) = self.error {
            span["status"] = json!({"code": ERROR, "message": message});
        }
        span
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// Integers of 64 bits are strings in JSON of this protocol.
fn number(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}
