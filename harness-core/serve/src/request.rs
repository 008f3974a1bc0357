//! A chat completion request: what is honoured, what is set aside and named in the answer, what is refused. The harness is what
//! was proven, its sampling included: a client cannot turn that off.

use harness_abi::ToolSpec;
use harness_core::Dialogue;
use serde_json::{Map, Value};

use crate::{content, error::ApiError};

/// What a client asks for.
#[derive(Debug)]
pub(crate) struct Ask {
    pub model: String,
    pub dialogue: Dialogue,
    pub stream: bool,
    pub include_usage: bool,
    pub seed: Option<u64>,
    /// The answer ends before the first of these.
    pub stop: Vec<String>,
    /// What joins requests; empty for none.
    pub session: String,
    /// Fields that had no effect.
    pub ignored: Vec<String>,
}

/// Fields that are read.
const READ: [&str; 12] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "seed",
    "stop",
    "session",
    "user",
    "tools",
    "tool_choice",
    "n",
    "response_format",
];

/// Reads a body.
pub(crate) fn ask(body: &[u8]) -> Result<Ask, ApiError> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| ApiError::malformed(format!("the body is no JSON: {error}")))?;
    let Value::Object(body) = body else {
        return Err(ApiError::malformed("the body must be a JSON object"));
    };
    refuse(&body)?;
    let null = Value::Null;
    let get = |key: &str| body.get(key).unwrap_or(&null);
    let Some(model) = get("model").as_str() else {
        return Err(ApiError::invalid("model", "`model` must be a string; GET /v1/models lists them"));
    };
    let (system, messages) = content::conversation(get("messages"))?;
    let choice = get("tool_choice").as_str().unwrap_or("auto");
    let tools = if choice == "none" { Vec::new() } else { tools(get("tools"))? };
    let session = ["session", "user"].into_iter().find_map(|key| get(key).as_str());
    let used = |key: &String, value: &Value| READ.contains(&key.as_str()) || value.is_null();
    Ok(Ask {
        model: model.to_owned(),
        dialogue: Dialogue { system, messages, tools },
        stream: flag(get("stream"), "stream")?,
        include_usage: flag(&get("stream_options")["include_usage"], "stream_options.include_usage")?,
        seed: seed(get("seed"))?,
        stop: stop(get("stop"))?,
        session: session.unwrap_or_default().to_owned(),
        ignored: body.iter().filter(|(key, value)| !used(key, value)).map(|(key, _)| key.clone()).collect(),
    })
}

/// What would change the meaning of the answer if it were set aside in silence.
fn refuse(body: &Map<String, Value>) -> Result<(), ApiError> {
    let is =
        |key: &str, harmless: &[Value]| body.get(key).is_none_or(|value| value.is_null() || harmless.contains(value));
    let text = |kind: &str| serde_json::json!({"type": kind});
    for (key, harmless, message) in [
        ("n", vec![Value::from(1)], "one answer is given for a request; ask again for another, with another seed"),
        ("logprobs", vec![false.into()], "an answer of a harness has no log-probabilities"),
        (
            "response_format",
            vec![text("text")],
            "answers are text; ask for JSON in the message, or build it into the harness",
        ),
        (
            "tool_choice",
            vec!["auto".into(), "none".into()],
            "the harness decides which tool is called; send auto or none",
        ),
        ("functions", Vec::new(), "`functions` is the former name of `tools`"),
        ("function_call", Vec::new(), "`function_call` is the former name of `tool_choice`"),
        ("audio", Vec::new(), "answers are text"),
        ("modalities", vec![serde_json::json!(["text"])], "answers are text"),
    ] {
        if !is(key, &harmless) {
            return Err(ApiError::unsupported(key, format!("`{key}`: {message}")));
        }
    }
    Ok(())
}

fn flag(value: &Value, name: &str) -> Result<bool, ApiError> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        _ => Err(ApiError::invalid(name, format!("`{name}` must be true or false"))),
    }
}

fn seed(value: &Value) -> Result<Option<u64>, ApiError> {
    match value {
        Value::Null => Ok(None),
        value => match value.as_i64() {
            // 63 bits: seeds travel through formats whose integers are signed.
            Some(seed) => Ok(Some(seed.cast_unsigned() & u64::MAX >> 1)),
            None => Err(ApiError::invalid("seed", "`seed` must be an integer of 64 bits")),
        },
    }
}

fn stop(value: &Value) -> Result<Vec<String>, ApiError> {
    const MOST: usize = 16;
    let wrong = || ApiError::invalid("stop", format!("`stop` must be a string or a list of at most {MOST} strings"));
    let texts: Option<Vec<&str>> = match value {
        Value::Null => Some(Vec::new()),
        Value::String(text) => Some(vec![text]),
        Value::Array(list) if list.len() <= MOST => list.iter().map(Value::as_str).collect(),
        _ => None,
    };
    Ok(texts.ok_or_else(wrong)?.into_iter().filter(|text| !text.is_empty()).map(str::to_owned).collect())
}

fn tools(value: &Value) -> Result<Vec<ToolSpec>, ApiError> {
    const MOST: usize = 128;
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) if list.len() <= MOST => list,
        _ => return Err(ApiError::invalid("tools", format!("`tools` must be a list of at most {MOST} tools"))),
    };
    let mut tools = Vec::<ToolSpec>::with_capacity(list.len());
    for (number, tool) in list.iter().enumerate() {
        let wrong = |what: &str| {
            let param = format!("tools[{number}]");
            let text = format!("`{param}` {what}");
            ApiError::invalid(param, text)
        };
        let function = &tool["function"];
        let name = function["name"].as_str().filter(|name| is_name(name));
        let name = name.ok_or_else(|| wrong("needs `function.name`: 1 to 64 letters, digits, _ or -"))?;
        if tool["type"].as_str().is_some_and(|kind| kind != "function") {
            return Err(wrong("is no function; tools of other types are not known here"));
        }
        if tools.iter().any(|other| other.name == name) {
            return Err(wrong("has the name of another"));
        }
        let schema = match &function["parameters"] {
            Value::Null => serde_json::json!({"type": "object", "properties": {}}),
            schema @ Value::Object(_) => schema.clone(),
            _ => return Err(wrong("needs a JSON Schema as `function.parameters`")),
        };
        tools.push(ToolSpec {
            name: name.to_owned(),
            description: function["description"].as_str().unwrap_or_default().to_owned(),
            input_schema: schema,
            read_only: false,
            idempotent: false,
        });
    }
    Ok(tools)
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cannot_be_answered_is_refused_with_its_place() {
        let hi = json!([{"role": "user", "content": "hi"}]);
        let cases = [
            (json!([]), None, "the body must be a JSON object"),
            (json!({"messages": hi}), Some("model"), "`model` must be a string"),
            (json!({"model": "m"}), Some("messages"), "at least one message"),
            (json!({"model": "m", "messages": []}), Some("messages"), "at least one message"),
            (json!({"model": "m", "messages": [{"role": "bot"}]}), Some("messages[0]"), "`messages[0].role` must be"),
            (
                json!({"model": "m", "messages": [{"role": "system", "content": "x"}]}),
                Some("messages"),
                "no message to answer",
            ),
            (
                json!({"model": "m", "messages": [{"role": "assistant", "content": "x"}]}),
                Some("messages"),
                "the last message must",
            ),
            (
                json!({"model": "m", "messages": [{"role": "user", "content": 1}]}),
                Some("messages[0].content"),
                "a string or a list",
            ),
            (
                json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
                Some("messages[0].content"),
                "only text is understood",
            ),
            (
                json!({"model": "m", "messages": [{"role": "tool", "tool_call_id": "c9", "content": "x"}]}),
                Some("messages[0].tool_call_id"),
                "no message before it makes such a call",
            ),
            (json!({"model": "m", "messages": hi, "n": 2}), Some("n"), "one answer"),
            (json!({"model": "m", "messages": hi, "logprobs": true}), Some("logprobs"), "no log-probabilities"),
            (json!({"model": "m", "messages": hi, "tool_choice": "required"}), Some("tool_choice"), "auto or none"),
            (
                json!({"model": "m", "messages": hi, "response_format": {"type": "json_object"}}),
                Some("response_format"),
                "text",
            ),
            (json!({"model": "m", "messages": hi, "stream": "yes"}), Some("stream"), "true or false"),
            (json!({"model": "m", "messages": hi, "seed": 1.5}), Some("seed"), "an integer"),
            (json!({"model": "m", "messages": hi, "stop": [1]}), Some("stop"), "a string or a list"),
            (
                json!({"model": "m", "messages": hi, "tools": [{"type": "function"}]}),
                Some("tools[0]"),
                "needs `function.name`",
            ),
        ];
        for (body, param, says) in cases {
            let error = ask(body.to_string().as_bytes()).expect_err("a refusal").body();
            assert_eq!(error["error"]["param"].as_str(), param, "{body}");
            assert!(error["error"]["message"].as_str().is_some_and(|text| text.contains(says)), "{says}: {error}");
            assert_eq!(error["error"]["type"], "invalid_request_error");
        }
        assert!(ask(b"{").is_err() && ask(b"\xff").is_err());
    }

    #[test]
    fn a_request_is_read_and_what_has_no_effect_is_named() {
        let body = json!({
            "model": "m", "temperature": 0.7, "max_tokens": 5, "seed": -1, "stop": "END", "user": "u", "stream": true,
            "stream_options": {"include_usage": true}, "top_p": null, "n": 1,
            "tools": [{"type": "function", "function": {"name": "ask"}}],
            "messages": [
                {"role": "developer", "content": "Be kind."},
                {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "function": {"name": "ask", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "r"},
            ],
        });
        let ask = ask(body.to_string().as_bytes()).expect("a request");
        assert_eq!((ask.dialogue.system.as_str(), ask.dialogue.messages.len()), ("Be kind.", 3));
        assert_eq!(ask.dialogue.messages[0].text(), "a\nb");
        assert_eq!((ask.seed, ask.session.as_str()), (Some(u64::MAX >> 1), "u"));
        assert_eq!((ask.stop, ask.stream, ask.include_usage), (vec!["END".to_owned()], true, true));
        assert_eq!(ask.ignored, ["temperature", "max_tokens"]);
        assert_eq!(ask.dialogue.tools[0].name, "ask");
    }
}
