//! Why a reply ended, in everybody's words.

use harness_abi::{Finish, ModuleError};
use serde_json::Value;

use crate::http::{excerpt, failed_reply, garbage, unsupported};

/// A reason that no protocol here knows; its name in the record is `other`.
const OTHER: Finish = Finish(u32::MAX);

/// What a server says; `None` where it says nothing: an empty reason is none.
///
/// # Errors
///
/// The reply was broken off by the server, or goes on elsewhere.
pub fn reason(value: &Value) -> Result<Option<Finish>, ModuleError> {
    let name = match value {
        Value::Null => return Ok(None),
        Value::String(name) => name.trim().to_lowercase(),
        other => return Err(garbage(format_args!("`{}` as the reason why it ended", excerpt(&other.to_string())))),
    };
    Ok(Some(match name.as_str() {
        "" | "null" | "none" => return Ok(None),
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "stop_token" | "completed" => Finish::STOP,
        "length"
        | "max_tokens"
        | "max_length"
        | "max_output_tokens"
        | "model_length"
        | "model_context_window_exceeded" => Finish::LENGTH,
        "tool_calls" | "tool_call" | "tool_use" | "function_call" => Finish::TOOL_CALLS,
        "content_filter" | "refusal" | "safety" | "sensitive" | "recitation" | "blocklist" | "prohibited_content" => {
            Finish::FILTERED
        }
        "error"
        | "abort"
        | "aborted"
        | "cancelled"
        | "canceled"
        | "timeout"
        | "interrupted"
        | "network_error"
        | "server_error"
        | "unavailable"
        | "overloaded"
        | "insufficient_system_resource" => {
            return Err(failed_reply(&name));
        }
        "pause_turn" => return Err(unsupported("a turn that goes on in another request (`pause_turn`)")),
        _ => OTHER,
    }))
}
