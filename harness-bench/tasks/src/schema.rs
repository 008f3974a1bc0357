//! The grader `json_schema`: the reply is JSON and fits a schema. Refuses tasks that demand nothing: a schema that everything
//! fits passes nobody. Nothing is fetched: a reference to another document is an error.

use boon::{Compiler, SchemaIndex, Schemas, UrlLoader, ValidationError};
use harness_abi::{Grade, Grader, Message, ModuleError, Task};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    graders::{graded, nothing, shown},
    reply::marked,
    text::nfc,
};

/// Most reasons given for one reply.
const MOST_REASONS: usize = 4;

/// Configuration; see `pack.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonSchemaConfig {
    schema: Value,
    after: String,
}

/// The reply fits the suite's schema and the task's.
#[derive(Debug)]
pub(crate) struct JsonSchema {
    all: Option<Validator>,
    after: String,
}

impl JsonSchema {
    pub fn new(config: JsonSchemaConfig) -> Result<Self, ModuleError> {
        let all = demands(&config.schema).then(|| compiled(&config.schema)).transpose();
        let all = all.map_err(|why| ModuleError::config(format_args!("`schema` of json_schema: {why}; mend it")))?;
        Ok(Self { all, after: config.after })
    }
}

/// Whether anything can fail to fit: not `{}`, not `true`.
fn demands(schema: &Value) -> bool {
    !matches!(schema, Value::Null | Value::Bool(true)) && schema.as_object().is_none_or(|schema| !schema.is_empty())
}

fn compiled(schema: &Value) -> Result<Validator, String> {
    match schema {
        Value::Object(_) | Value::Bool(_) => Validator::new(composed(schema.clone())),
        other => Err(format!("a JSON Schema is an object, this is {other}")),
    }
}

/// Every text in it with composed letters, so that a reply is not marked by how it spells them.
fn composed(value: Value) -> Value {
    match value {
        Value::String(text) => nfc(&text).into(),
        Value::Array(all) => all.into_iter().map(composed).collect(),
        Value::Object(all) => all.into_iter().map(|(key, value)| (nfc(&key), composed(value))).collect(),
        other => other,
    }
}

/// A schema that has been read.
struct Validator {
    schemas: Schemas,
    root: SchemaIndex,
}

impl std::fmt::Debug for Validator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Validator").finish_non_exhaustive()
    }
}

impl Validator {
    fn new(schema: Value) -> Result<Self, String> {
        /// Where the schema is for those of its references that lead into itself.
        const PLACE: &str = "schema:///task";
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.use_loader(Box::new(Nothing));
        compiler.add_resource(PLACE, schema).map_err(|error| error.to_string())?;
        let root = compiler.compile(PLACE, &mut schemas).map_err(|error| format!("{error:#}"))?;
        Ok(Self { schemas, root })
    }

    /// What does not fit, with its place in the value; at most so many.
    fn faults(&self, value: &Value, most: usize) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Err(error) = self.schemas.validate(value, self.root) {
            explain(&error, most, &mut reasons);
        }
        reasons
    }
}

/// The innermost errors, which say what is wrong; those around them only say that something is.
fn explain(error: &ValidationError<'_, '_>, most: usize, reasons: &mut Vec<String>) {
    if reasons.len() < most && error.causes.is_empty() {
        let place = error.instance_location.to_string();
        let place = if place.is_empty() { "/" } else { &place };
        reasons.push(format!("{place}: {}", shown(&error.kind.to_string())));
    }
    error.causes.iter().for_each(|cause| explain(cause, most, reasons));
}

/// Fetches no other document.
struct Nothing;

impl UrlLoader for Nothing {
    fn load(&self, url: &str) -> Result<Value, Box<dyn std::error::Error>> {
        Err(format!("{url} is another document, and none is fetched; put what it says into `$defs`").into())
    }
}

/// The reply without the fence that models put around code.
fn unfenced(reply: &str) -> &str {
    let inner = reply.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    inner.and_then(|inner| inner.split_once('\n')).map_or(reply, |(_, body)| body.trim())
}

impl Grader for JsonSchema {
    fn grade(&self, task: &Task, state: &Value, _: &[Message]) -> Result<Grade, ModuleError> {
        let wanted = &task.gold["answer"];
        let own = demands(wanted).then(|| compiled(wanted)).transpose().map_err(|why| {
            ModuleError::input(format_args!("task {}: `answer` is to be a JSON Schema: {why}", task.id))
        })?;
        if self.all.is_none() && own.is_none() {
            let why =
                format_args!("task {}: any JSON would pass; give json_schema a `schema`, or the task one", task.id);
            return Err(ModuleError::input(why));
        }
        let Some(reply) = marked(state, &self.after) else { return Ok(nothing(&self.after)) };
        let value: Value = match serde_json::from_str(unfenced(&reply)) {
            Ok(value) => composed(value),
            Err(error) => return Ok(graded(false, || format!("{} is not JSON: {error}", shown(&reply)))),
        };
        let schemas = [&self.all, &own].into_iter().flatten();
        let mut reasons: Vec<String> = schemas.flat_map(|schema| schema.faults(&value, MOST_REASONS)).collect();
        reasons.truncate(MOST_REASONS);
        Ok(Grade { reward: f64::from(u8::from(reasons.is_empty())), reasons, ..Grade::default() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mark(schema: &Value, answer: &Value, reply: &str) -> Result<f64, String> {
        let config = JsonSchemaConfig { schema: schema.clone(), after: String::new() };
        let grader = JsonSchema::new(config).map_err(|error| error.message.to_string())?;
        let task = Task { id: "t".to_owned(), gold: json!({"answer": answer}), ..Task::default() };
        let grade = grader.grade(&task, &json!({"answer": reply}), &[]);
        let grade = grade.map_err(|error| error.message.to_string())?;
        assert_eq!(grade.reward == 1.0, grade.reasons.is_empty(), "a failure says why");
        Ok(grade.reward)
    }

    #[test]
    fn a_reply_fits_the_schema_of_the_suite_and_of_the_task() {
        let person = json!({"type": "object", "required": ["name"], "properties": {"age": {"type": "integer"}, "café": {"const": 1}}});
        let ann = json!({"properties": {"name": {"const": "Ann"}}});
        let cases = [
            (r#"{"name": "Ann", "age": 4}"#, 1.0),
            ("```json\n{\"name\": \"Ann\"}\n```", 1.0),
            ("{\"name\": \"A\u{6e}n\", \"cafe\u{301}\": 1}", 1.0),
            (r#"{"name": "Bob"}"#, 0.0),
            ("{\"name\": \"Ann\", \"cafe\u{301}\": 2}", 0.0),
            (r#"{"age": 4}"#, 0.0),
            (r#"{"name": "Ann", "age": "4"}"#, 0.0),
            ("Ann", 0.0),
            ("", 0.0),
            (r#"{"name": "Ann"} and more"#, 0.0),
        ];
        for (reply, reward) in cases {
            assert_eq!(mark(&person, &ann, reply), Ok(reward), "{reply}");
        }
    }

    #[test]
    fn a_schema_that_demands_nothing_marks_nobody() {
        for nothing in [json!({}), json!(null), json!(true)] {
            assert!(mark(&json!({}), &nothing, "{}").unwrap_err().contains("any JSON would pass"));
        }
        assert!(mark(&json!({}), &json!(7), "7").unwrap_err().contains("a JSON Schema is an object"));
        assert!(mark(&json!({"type": "strange"}), &json!(null), "7").unwrap_err().contains("`schema` of json_schema"));
        let far = json!({"$ref": "https://example.org/schema.json"});
        assert!(mark(&far, &json!(null), "{}").is_err(), "nothing is fetched");
    }
}
