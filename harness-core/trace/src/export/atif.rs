//! ATIF, the Agent Trajectory Interchange Format of the Harbor project, version 1.4: one JSON object an episode. What it has no
//! field for (decisions of processors, faults, the grade) stands under `extra`.

use harness_abi::{Message, Part, Role};
use serde_json::{Map, Value, json};

use super::{ModelNames, name_of};
use crate::{Entry, EpisodeRow, Purpose, Store, TraceError};

/// The `schema_version` of what is written.
pub const ATIF: &str = "ATIF-v1.4";

impl Store {
    /// An episode as an ATIF trajectory.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn atif(&self, row: &EpisodeRow, names: &ModelNames) -> Result<Value, TraceError> {
        let mut fold = Fold::default();
        for entry in self.entries(row)? {
            let (step, entry) = entry?;
            fold.take(step, &entry, names);
        }
        fold.rest();
        let start = &row.start;
        let dollars = |micros: u64| micros as f64 / 1e6;
        Ok(json!({
            "schema_version": ATIF,
            "session_id": start.episode,
            "agent": {
                "name": "harness", "version": env!("CARGO_PKG_VERSION"), "model_name": name_of(names, "main").model,
                "extra": {"variant": start.harness, "simulated": start.simulated},
            },
            "steps": fold.steps,
            "final_metrics": {
                "total_prompt_tokens": row.usage.input_tokens, "total_completion_tokens": row.usage.output_tokens,
                "total_cached_tokens": row.usage.cached_tokens, "total_cost_usd": dollars(row.usage.cost_micros),
                "total_steps": fold.steps.len(),
            },
            "extra": {
                "run": start.run, "suite": start.suite, "split": start.split, "task": start.task, "group": start.group,
                "seed": start.seed, "outcome": row.outcome, "reason": row.reason, "wall_seconds": row.micros as f64 / 1e6,
                "grade": row.grade, "state": self.final_state(row)?,
            },
        }))
    }
}

/// Steps so far.
#[derive(Default)]
struct Fold {
    steps: Vec<Value>,
    /// What belongs to the step that comes next.
    pending: Map<String, Value>,
    metrics: Option<(Value, String)>,
}

impl Fold {
    fn take(&mut self, step: u64, entry: &Entry, names: &ModelNames) {
        match entry {
            Entry::System { text } => self.push("system", text, Map::new()),
            Entry::Message { message } => self.message(step, message),
            Entry::Chat { role, purpose: Purpose::Step, usage, finish, replayed, .. } => {
                let metrics = json!({
                    "prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens,
                    "cached_tokens": usage.cached_tokens, "cost_usd": usage.cost_micros as f64 / 1e6,
                    "extra": {"finish_reason": finish.name(), "replayed": replayed},
                });
                self.metrics = Some((metrics, name_of(names, role).model));
            }
            // A tool's result is the message that follows; what else is known of the call stands in the step that made it.
            Entry::Tool { id, arguments, began, micros, .. } => self.called(id, arguments, *began, *micros),
            other => self.beside(other),
        }
    }

    /// Keeps an entry for which there is no field.
    fn beside(&mut self, entry: &Entry) {
        let list = self.pending.entry(entry.kind()).or_insert_with(|| json!([]));
        if let (Some(list), Ok(value)) = (list.as_array_mut(), serde_json::to_value(entry)) {
            list.push(value);
        }
    }

    fn message(&mut self, step: u64, message: &Message) {
        let part = |of: fn(&Part) -> Option<&str>| {
            let texts: Vec<&str> = message.known_parts().filter_map(of).collect();
            texts.join("\n")
        };
        let text = part(|part| match part {
            Part::Text { text } => Some(text),
            _ => None,
        });
        let blobs: Vec<Value> = message.known_parts().filter_map(blob).collect();
        if !blobs.is_empty() {
            self.pending.insert("blobs".into(), blobs.into());
        }
        match message.role() {
            Role::System => self.push("system", &text, Map::new()),
            Role::User => self.push("user", &text, Map::new()),
            Role::Assistant => {
                let mut fields = Map::new();
                let thoughts = part(|part| match part {
                    Part::Reasoning { text } => Some(text),
                    _ => None,
                });
                if !thoughts.is_empty() {
                    fields.insert("reasoning_content".into(), thoughts.into());
                }
                let calls: Vec<Value> = message.calls().map(|call| {
                    json!({"tool_call_id": call.id, "function_name": call.name, "arguments": arguments(call.arguments)})
                }).collect();
                if !calls.is_empty() {
                    fields.insert("tool_calls".into(), calls.into());
                }
                if let Some((metrics, model)) = self.metrics.take() {
                    fields.insert("metrics".into(), metrics);
                    fields.insert("model_name".into(), model.into());
                }
                self.pending.insert("step".into(), step.into());
                self.push("agent", &text, fields);
            }
            Role::Tool => {
                for part in message.known_parts() {
                    if let Part::ToolResult { id, text, is_error } = part {
                        self.result(id, text, *is_error);
                    }
                }
            }
        }
    }

    /// The step that made a call.
    fn made(&mut self, id: &str) -> Option<&mut Value> {
        self.steps.iter_mut().rev().find(|step| {
            step["tool_calls"].as_array().is_some_and(|calls| calls.iter().any(|call| call["tool_call_id"] == id))
        })
    }

    /// How long a call took, and what the tool was given where that is not what the model said.
    fn called(&mut self, id: &str, given: &str, began: Option<u64>, micros: u64) {
        let Some(step) = self.made(id) else { return };
        let mut about = json!({"tool_call_id": id, "seconds": micros as f64 / 1e6});
        if let Some(began) = began {
            about["began_seconds"] = json!(began as f64 / 1e6);
        }
        let said = step["tool_calls"].as_array().and_then(|calls| calls.iter().find(|call| call["tool_call_id"] == id));
        let given = arguments(given);
        if said.is_some_and(|said| said["arguments"] != given) {
            about["arguments"] = given;
        }
        let calls = step["extra"]["calls"].as_array().cloned().unwrap_or_default();
        step["extra"]["calls"] = calls.into_iter().chain([about]).collect();
    }

    /// The result of a call belongs to the step that made it.
    fn result(&mut self, id: &str, text: &str, is_error: bool) {
        let Some(step) = self.made(id) else {
            // Its call was edited out of the history.
            return self.push("user", text, Map::new());
        };
        if !step["observation"].is_object() {
            step["observation"] = json!({"results": []});
        }
        if let Some(results) = step["observation"]["results"].as_array_mut() {
            results.push(json!({"source_call_id": id, "content": text}));
        }
        if is_error {
            let failed = step["extra"]["failed_calls"].as_array().cloned().unwrap_or_default();
            step["extra"]["failed_calls"] = failed.into_iter().chain([id.into()]).collect();
        }
    }

    fn push(&mut self, source: &str, text: &str, fields: Map<String, Value>) {
        let mut step = json!({"step_id": self.steps.len() + 1, "source": source, "message": text});
        if let Some(object) = step.as_object_mut() {
            object.extend(fields);
            let extra = std::mem::take(&mut self.pending);
            if !extra.is_empty() {
                object.insert("extra".into(), extra.into());
            }
        }
        self.steps.push(step);
    }

    /// What came after the last message belongs to it.
    fn rest(&mut self) {
        let rest = std::mem::take(&mut self.pending);
        if self.steps.is_empty() {
            // The format wants a step even of an episode that ended before it began.
            self.push("system", "", Map::new());
        }
        if let Some(last) = self.steps.last_mut().filter(|_| !rest.is_empty()) {
            last["extra"]["after"] = rest.into();
        }
    }
}

/// What is kept beside the text of a message, by its hash.
fn blob(part: &Part) -> Option<Value> {
    match part {
        Part::Blob { hash, media_type } => Some(json!({"hash": hash.as_str(), "media_type": media_type.as_str()})),
        _ => None,
    }
}

/// An object, as the format wants it; what is none is kept as text.
fn arguments(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Object(arguments)) => arguments.into(),
        _ => json!({"malformed": text}),
    }
}
