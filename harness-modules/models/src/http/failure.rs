//! What a server says went wrong, in whatever shape: within a success or as a status. Numbers and words become a class, which decides
//! whether the call is tried again; the words go on to a person.

use harness_abi::{ErrorClass, ModuleError};
use serde_json::Value;

/// Characters shown of what a server says.
const SHOWN: usize = 300;

/// The error that a body or an event reports inside a success, if it is one. `named` says that the stream calls it one.
pub fn inside(value: &Value, named: bool) -> Option<ModuleError> {
    // Some servers put it into a list.
    let value = alone(value);
    let given = |key: &str| value.get(key).filter(|value| !empty(value));
    let error = given("error").or_else(|| given("errors")).or_else(|| given("fault"));
    let base = value.get("base_resp").filter(|base| base["status_code"].as_i64().is_some_and(|code| code != 0));
    let typed = ["type", "object", "status"].iter().any(|key| value[key] == "error");
    match error.or(base) {
        Some(error) => Some(reported(error, value)),
        None if named || typed => Some(reported(value, value)),
        None => None,
    }
}

/// The error for an event or a body that is no reply: what it says where it says so, else that the protocol does not know it.
pub fn unknown(what: &str, value: &Value) -> ModuleError {
    const WORDS: [&str; 8] =
        ["detail", "message", "msg", "error_msg", "error_message", "error_code", "status_code", "errmsg"];
    let speaks = WORDS.iter().any(|key| value.get(key).is_some_and(|value| !empty(value) && !value.is_object()));
    if speaks {
        return reported(value, value);
    }
    garbage(format_args!("{what}: `{}`", excerpt(&value.to_string())))
}

/// The error for bytes that the protocol does not know.
pub fn garbage(what: impl std::fmt::Display) -> ModuleError {
    ModuleError::new(
        ErrorClass::UNAVAILABLE,
        format_args!(
            "the server sent {what}, which is no reply of this protocol; check that `base_url` is a server's that speaks it"
        ),
    )
}

/// The error for a reply that breaks off.
pub fn cut() -> ModuleError {
    let message = "the stream ended in the middle of a reply; the server may have been stopped, try again";
    ModuleError::new(ErrorClass::UNAVAILABLE, message)
}

/// The error for a reply that its server ended early, and said so.
pub fn failed_reply(how: &str) -> ModuleError {
    let message = format!("the server ended the reply early (`{}`); it may be overloaded, try again", excerpt(how));
    ModuleError::new(ErrorClass::UNAVAILABLE, message)
}

/// The error for a part of a reply that this program cannot pass on.
pub fn unsupported(what: impl std::fmt::Display) -> ModuleError {
    ModuleError::unsupported(format_args!(
        "the server's reply holds {what}, which this program cannot pass on; ask for none of it (extra_body), or use another model"
    ))
}

/// The class of a status of HTTP, also where a body holds it; `None` where it is no error.
pub fn class(status: u16, words: &str) -> Option<ErrorClass> {
    Some(match status {
        401..=404 => ErrorClass::CONFIG,
        429 if spent(words) => ErrorClass::CONFIG,
        429 => ErrorClass::RATE_LIMITED,
        408 | 425 | 500..=599 => ErrorClass::UNAVAILABLE,
        400..=499 => ErrorClass::INPUT,
        _ => return None,
    })
}

/// Whether an account has nothing left.
pub fn spent(words: &str) -> bool {
    ["insufficient_quota", "billing", "payment_required", "insufficient_balance"]
        .iter()
        .any(|word| words.contains(word))
}

/// What a body says for a person.
pub fn words(body: &Value) -> Option<String> {
    let body = alone(body);
    ["error", "errors", "fault"].iter().filter_map(|key| body.get(key)).chain([body]).find_map(message)
}

/// The beginning of a text, in one line.
pub fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "nothing".to_owned() } else { line.chars().take(SHOWN).collect() }
}

/// `error` stands in `whole`, or is all of it: numbers may stand beside it.
fn reported(error: &Value, whole: &Value) -> ModuleError {
    let error = alone(error);
    let said = message(error).or_else(|| message(whole)).unwrap_or_else(|| excerpt(&error.to_string()));
    let mut names = String::new();
    let mut status = None;
    for value in [error, whole] {
        for key in ["type", "code", "status", "status_code", "http_status", "error_code", "error_type", "reason"] {
            if let Some(name) = value[key].as_str() {
                names.push_str(&name.to_lowercase());
                names.push(' ');
            }
            let number = value[key].as_u64().or_else(|| value[key].as_str()?.trim().parse().ok());
            status = status.or(number.and_then(|number| u16::try_from(number).ok()).filter(|n| (400..600).contains(n)));
        }
    }
    let by_number = status.and_then(|status| class(status, &names));
    let class = if spent(&names) { Some(ErrorClass::CONFIG) } else { by_number.or_else(|| named(&names)) };
    ModuleError::new(
        class.unwrap_or(ErrorClass::UNAVAILABLE),
        format_args!("the server reported an error in place of a reply: {said}"),
    )
}

/// The class that the names of an error mean, in everybody's words.
fn named(names: &str) -> Option<ErrorClass> {
    const MEANINGS: [(&[&str], ErrorClass); 4] = [
        (
            &["rate_limit", "ratelimit", "too_many_requests", "toomanyrequests", "resource_exhausted", "throttl"],
            ErrorClass::RATE_LIMITED,
        ),
        (
            &["overloaded", "server_error", "servererror", "internal", "unavailable", "timeout", "api_error"],
            ErrorClass::UNAVAILABLE,
        ),
        (&["auth", "permission", "forbidden", "api_key", "apikey", "not_found", "notfound"], ErrorClass::CONFIG),
        (
            &["invalid", "bad_request", "badrequest", "context_length", "unprocessable", "validation", "too_large"],
            ErrorClass::INPUT,
        ),
    ];
    let meaning = MEANINGS.iter().find(|(words, _)| words.iter().any(|word| names.contains(word)));
    meaning.map(|(_, class)| *class)
}

/// Its words, at the places where servers put them.
fn message(error: &Value) -> Option<String> {
    const PLACES: [&str; 10] = [
        "message",
        "msg",
        "detail",
        "error_msg",
        "error_message",
        "error_description",
        "status_msg",
        "errmsg",
        "faultstring",
        "error",
    ];
    match error {
        Value::String(text) if !text.trim().is_empty() => Some(excerpt(text)),
        Value::Array(list) => {
            let all: Vec<String> = list.iter().filter_map(message).collect();
            (!all.is_empty()).then(|| excerpt(&all.join("; ")))
        }
        Value::Object(_) => PLACES.iter().filter_map(|place| error.get(place)).find_map(message),
        _ => None,
    }
}

/// The one value of a list of one.
fn alone(value: &Value) -> &Value {
    match value.as_array().map(Vec::as_slice) {
        Some([only]) => only,
        _ => value,
    }
}

/// Whether a field is there in name only.
fn empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_in_every_shape_are_read() {
        const INPUT: ErrorClass = ErrorClass::INPUT;
        const CONFIG: ErrorClass = ErrorClass::CONFIG;
        const BUSY: ErrorClass = ErrorClass::UNAVAILABLE;
        const LIMITED: ErrorClass = ErrorClass::RATE_LIMITED;
        for (value, class, words) in [
            (json!({"error": {"message": "no", "type": "invalid_request_error"}}), INPUT, "no"),
            (json!({"error": "model not loaded"}), BUSY, "model not loaded"),
            (json!({"error": true, "message": "oops"}), BUSY, "oops"),
            (
                json!({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}),
                BUSY,
                "Loading model",
            ),
            (json!({"error": {"code": "429", "message": "slow"}}), LIMITED, "slow"),
            (json!({"error": {"code": 429, "type": "insufficient_quota", "message": "pay"}}), CONFIG, "pay"),
            (json!({"error": {"message": "Bad key", "type": null, "code": "invalid_api_key"}}), CONFIG, "Bad key"),
            (
                json!([{"error": {"code": 400, "message": "API key not valid", "status": "INVALID_ARGUMENT"}}]),
                INPUT,
                "not valid",
            ),
            (json!({"error": {"code": 8, "status": "RESOURCE_EXHAUSTED", "message": "quota"}}), LIMITED, "quota"),
            (
                json!({"object": "error", "message": "too long", "type": "BadRequestError", "code": 400}),
                INPUT,
                "too long",
            ),
            (json!({"object": "error", "message": "gone", "type": "InternalServerError", "code": 500}), BUSY, "gone"),
            (json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}), BUSY, "busy"),
            (json!({"type": "error", "code": "rate_limit_exceeded", "message": "slow"}), LIMITED, "slow"),
            (json!({"errors": [{"message": "a", "code": 7003}, {"message": "b"}], "success": false}), BUSY, "a; b"),
            (json!({"base_resp": {"status_code": 1004, "status_msg": "login"}, "choices": null}), BUSY, "login"),
            (json!({"error": "overloaded", "error_type": "overloaded"}), BUSY, "overloaded"),
        ] {
            let error = inside(&value, false).expect("an error");
            assert!(error.class == class && error.message.contains(words), "{value}: {error}");
        }
        for (value, class, words) in [
            (json!({"detail": "overloaded"}), BUSY, "overloaded"),
            (json!({"detail": [{"loc": ["body"], "msg": "field required"}], "code": 422}), INPUT, "field required"),
            (json!({"message": "Forbidden", "status": 403}), CONFIG, "Forbidden"),
            (json!({"code": 500, "msg": "boom"}), BUSY, "boom"),
            (json!({"ok": true}), BUSY, "which is no reply of this protocol"),
            (json!("text"), BUSY, "`\"text\"`"),
        ] {
            assert!(inside(&value, false).is_none(), "{value}");
            let error = unknown("the event", &value);
            assert!(error.class == class && error.message.contains(words), "{value}: {error}");
        }
        let named = inside(&json!("upstream died"), true).expect("an error");
        assert!(named.message.contains("upstream died"), "{named}");
        for value in
            [json!({"error": null, "choices": []}), json!({"error": "", "errors": [], "base_resp": {"status_code": 0}})]
        {
            assert!(inside(&value, false).is_none(), "{value}");
        }
    }
}
