//! Arguments of past tool calls, as servers take them. A model may have written what is no JSON object; servers read a history's
//! arguments, and some refuse it all for that.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

/// The arguments as an object; what is none becomes the one field of one, so that the model still sees what it wrote.
pub fn object(arguments: &str) -> Value {
    match serde_json::from_str(arguments) {
        Ok(Value::Object(object)) => object.into(),
        _ if arguments.trim().is_empty() => Map::new().into(),
        _ => json!({"arguments": arguments}),
    }
}

/// The arguments as the text of an object: untouched where they are one.
pub fn text(arguments: &str) -> Cow<'_, str> {
    match serde_json::from_str::<Map<String, Value>>(arguments) {
        Ok(_) => arguments.into(),
        Err(_) => object(arguments).to_string().into(),
    }
}
