//! What tools say: to the model when it can mend it, and how arguments are read. Refuses arguments a tool does not know, by
//! name, so that a slip is not silently ignored.

use harness_abi::{ModuleError, ToolOutput, ToolRequest};
use serde::de::DeserializeOwned;

/// Why a call has no result: something the model can mend.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub String);

impl<T: std::fmt::Display> From<T> for Refusal {
    fn from(why: T) -> Self {
        Self(why.to_string())
    }
}

/// The output of a call.
pub(crate) fn output(answer: Result<String, Refusal>) -> Result<ToolOutput, ModuleError> {
    let (text, is_error) = match answer {
        Ok(text) => (text, false),
        Err(Refusal(why)) => (why, true),
    };
    Ok(ToolOutput { text, is_error, ..ToolOutput::default() })
}

/// The arguments of a call.
pub(crate) fn arguments<T: DeserializeOwned>(request: &ToolRequest<'_>) -> Result<T, Refusal> {
    serde_json::from_str(request.arguments.as_str())
        .map_err(|error| Refusal(format!("the arguments of {} are wrong: {error}", request.name)))
}

/// At most `most` bytes of `text`, whole characters.
pub(crate) fn clipped(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// `1 line`, `2 lines`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
