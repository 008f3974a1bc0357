//! OpenTelemetry spans of an episode, under the names of the GenAI semantic conventions, as an OTLP request: one `invoke_agent`, below
//! it a `chat` for each call of a model, a `score` for each scoring, and an `execute_tool` for each call of a tool. No words of
//! messages, arguments or results are in them.

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, any_value::Value as Any},
    resource::v1::Resource,
    trace::v1::{
        ResourceSpans, ScopeSpans, Span, Status,
        span::{Event, SpanKind},
        status::StatusCode,
    },
};
use prost::Message;
use serde_json::Value;

use super::{Encoding, ModelNames, name_of};
use crate::{Entry, EpisodeRow, Outcome, Purpose, Store, TraceError};

/// The version of the conventions that names follow.
pub const OTEL_SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

/// A span of an episode.
#[derive(Debug, Clone, PartialEq)]
pub struct OtlpSpan(Span);

/// A request to a collector's `/v1/traces`.
#[derive(Debug, Clone, PartialEq)]
pub struct OtlpRequest(ExportTraceServiceRequest);

impl OtlpRequest {
    /// A request with these spans.
    pub fn new(spans: Vec<OtlpSpan>) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let scope = ScopeSpans {
            scope: Some(InstrumentationScope {
                name: "harness".to_owned(),
                version: version.to_owned(),
                ..InstrumentationScope::default()
            }),
            spans: spans.into_iter().map(|span| span.0).collect(),
            schema_url: OTEL_SCHEMA.to_owned(),
        };
        let resource = Resource {
            attributes: vec![text("service.name", "harness"), text("service.version", version)],
            ..Resource::default()
        };
        Self(ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(resource),
                scope_spans: vec![scope],
                schema_url: OTEL_SCHEMA.to_owned(),
            }],
        })
    }

    /// Its body.
    ///
    /// # Errors
    ///
    /// JSON cannot hold it, which is a bug of this program.
    pub fn body(&self, encoding: Encoding) -> Result<Vec<u8>, TraceError> {
        match encoding {
            Encoding::Json => Ok(self.json()?.to_string().into_bytes()),
            Encoding::Protobuf => Ok(self.0.encode_to_vec()),
        }
    }

    /// Its body in JSON.
    ///
    /// # Errors
    ///
    /// As [`Self::body`].
    pub fn json(&self) -> Result<Value, TraceError> {
        let value = serde_json::to_value(&self.0);
        let value =
            value.map_err(|source| TraceError::Corrupt { what: "a request to a collector".to_owned(), source })?;
        Ok(without_defaults(value))
    }
}

/// JSON of protocol buffers has no fields that hold what they hold by default; not all collectors read such.
fn without_defaults(value: Value) -> Value {
    let default = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(all) => all.is_empty(),
        _ => false,
    };
    match value {
        Value::Array(all) => all.into_iter().map(without_defaults).collect(),
        Value::Object(all) => {
            let kept = all.into_iter().filter_map(|(key, value)| match key.as_str() {
                // What an attribute holds is never a default.
                "value" => Some((key, value)),
                _ => Some((key, without_defaults(value))).filter(|(_, value)| !default(value)),
            });
            Value::Object(kept.collect())
        }
        other => other,
    }
}

impl Store {
    /// The spans of an episode: itself, then its calls in the order they were recorded. Records of programs that did not write when a
    /// call began have calls laid end to end.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn otlp_spans(&self, row: &EpisodeRow, names: &ModelNames) -> Result<Vec<OtlpSpan>, TraceError> {
        let start = &row.start;
        let hash = blake3::hash(format!("{} {}", start.episode, row.num).as_bytes());
        let (trace, root) = (hash.as_bytes()[..16].to_vec(), hash.as_bytes()[16..24].to_vec());
        let hash = hash.to_hex();
        let first = start.started_ms.saturating_mul(1000);
        let mut at = first;
        let (mut spans, mut events) = (Vec::new(), Vec::new());
        for entry in self.entries(row)? {
            let (step, entry) = entry?;
            if let Entry::Fault { module, class, .. } = &entry {
                events.push(Event {
                    time_unix_nano: nanos(at),
                    name: "exception".to_owned(),
                    attributes: vec![
                        text("exception.type", class),
                        text("harness.module", module),
                        number("harness.step", step),
                    ],
                    ..Event::default()
                });
            }
            let Some(mut call) = call_of(&entry, names) else { continue };
            call.span.attributes.push(number("harness.step", step));
            let began = call.began.map_or(at, |began| first.saturating_add(began));
            let end = began.saturating_add(call.micros);
            at = at.max(end);
            let id = blake3::hash(format!("{hash} {}", spans.len() + 1).as_bytes());
            spans.push(OtlpSpan(Span {
                trace_id: trace.clone(),
                span_id: id.as_bytes()[..8].to_vec(),
                parent_span_id: root.clone(),
                start_time_unix_nano: nanos(began),
                end_time_unix_nano: nanos(end),
                ..call.span
            }));
        }
        let whole = Span {
            trace_id: trace,
            span_id: root,
            name: "invoke_agent harness".to_owned(),
            kind: SpanKind::Internal.into(),
            start_time_unix_nano: nanos(first),
            end_time_unix_nano: nanos(at.max(first.saturating_add(row.micros))),
            attributes: of_episode(row, names),
            events,
            status: failed(row).map(|_| error(&row.reason)),
            ..Span::default()
        };
        spans.insert(0, OtlpSpan(whole));
        Ok(spans)
    }
}

fn failed(row: &EpisodeRow) -> Option<Outcome> {
    row.outcome.filter(|outcome| *outcome != Outcome::Done)
}

fn of_episode(row: &EpisodeRow, names: &ModelNames) -> Vec<KeyValue> {
    let (start, main) = (&row.start, name_of(names, "main"));
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
    attributes.extend(row.reward().map(|reward| attribute("harness.reward", Any::DoubleValue(reward))));
    attributes.extend(failed(row).map(|outcome| text("error.type", outcome.name())));
    attributes.extend((!start.parent.is_empty()).then(|| text("harness.parent_episode", &start.parent)));
    attributes
}

/// A span without its place, and when it was.
struct Call {
    span: Span,
    /// Microseconds after the episode began, where the record has it.
    began: Option<u64>,
    micros: u64,
}

fn call_of(entry: &Entry, names: &ModelNames) -> Option<Call> {
    let model = |role: &str, purpose: &Purpose, operation: &str, replayed: bool| {
        let name = name_of(names, role);
        let mut attributes = vec![
            text("gen_ai.operation.name", operation),
            text("gen_ai.provider.name", &name.provider),
            text("gen_ai.request.model", &name.model),
            attribute("harness.replayed", Any::BoolValue(replayed)),
        ];
        match purpose {
            Purpose::Step => {}
            Purpose::Ask(module) => attributes.push(text("harness.asked_by", module)),
            Purpose::Grade => attributes.push(text("harness.asked_by", "grader")),
        }
        let name = format!("{operation} {}", name.model);
        Span { name, kind: SpanKind::Client.into(), attributes, ..Span::default() }
    };
    // What came out of the record took its time in another episode.
    let took = |micros: u64, replayed: bool| if replayed { 0 } else { micros };
    let (span, began, micros) = match entry {
        Entry::Chat { role, purpose, finish, usage, began, micros, replayed, .. } => {
            let mut span = model(role, purpose, "chat", *replayed);
            let reason = AnyValue { value: Some(Any::StringValue(finish.name().to_owned())) };
            span.attributes.extend([
                number("gen_ai.usage.input_tokens", usage.input_tokens),
                number("gen_ai.usage.output_tokens", usage.output_tokens),
                attribute("gen_ai.response.finish_reasons", Any::ArrayValue(ArrayValue { values: vec![reason] })),
            ]);
            (span, *began, if began.is_some() { took(*micros, *replayed) } else { *micros })
        }
        Entry::Score { role, purpose, usage, began, micros, replayed, .. } => {
            let mut span = model(role, purpose, "score", *replayed);
            span.attributes.push(number("gen_ai.usage.input_tokens", usage.input_tokens));
            (span, *began, if began.is_some() { took(*micros, *replayed) } else { *micros })
        }
        Entry::Tool { id, name, is_error, began, micros, .. } => {
            let mut attributes = vec![
                text("gen_ai.operation.name", "execute_tool"),
                text("gen_ai.tool.name", name),
                text("gen_ai.tool.call.id", id),
                text("gen_ai.tool.type", "function"),
            ];
            attributes.extend(is_error.then(|| text("error.type", "tool_error")));
            let span = Span {
                name: format!("execute_tool {name}"),
                kind: SpanKind::Internal.into(),
                attributes,
                status: is_error.then(|| error("")),
                ..Span::default()
            };
            (span, *began, *micros)
        }
        _ => return None,
    };
    Some(Call { span, began, micros })
}

fn nanos(micros: u64) -> u64 {
    micros.saturating_mul(1000)
}

fn error(message: &str) -> Status {
    Status { message: message.to_owned(), code: StatusCode::Error.into() }
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::StringValue(value.to_owned()))
}

/// The protocol counts up to 2⁶³ − 1.
fn number(key: &str, value: u64) -> KeyValue {
    attribute(key, Any::IntValue(i64::try_from(value).unwrap_or(i64::MAX)))
}
