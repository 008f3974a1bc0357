//! A tool's result → the text a model sees. Says what it leaves out: pictures, sounds, what is too long.

use harness_abi::ToolOutput;
use serde_json::Value;

/// The output for a result as the protocol has it.
pub fn output(result: &Value, most_bytes: usize) -> ToolOutput {
    let mut pieces: Vec<String> = result["content"].as_array().into_iter().flatten().map(piece).collect();
    // Servers repeat structured content as text, or should; where they do not, it is the answer.
    if pieces.is_empty() && !result["structuredContent"].is_null() {
        pieces.push(result["structuredContent"].to_string());
    }
    ToolOutput { text: cut(pieces.join("\n"), most_bytes), is_error: result["isError"] == true, cost_micros: 0 }
}

fn piece(content: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = |value: &Value| value["mimeType"].as_str().unwrap_or("of a kind it does not name").to_owned();
    match content["type"].as_str().unwrap_or_default() {
        "text" => text(&content["text"]),
        "image" | "audio" => {
            // Base64 has four letters for three bytes.
            let bytes = content["data"].as_str().map_or(0, |data| data.len() / 4 * 3);
            format!("[{} {}, about {bytes} bytes, left out]", text(&content["type"]), kind(content))
        }
        "resource_link" => format!("[resource {} ({})]", text(&content["uri"]), text(&content["name"])),
        "resource" => match content["resource"]["text"].as_str() {
            Some(text) => text.to_owned(),
            None => {
                format!("[resource {}, {}, left out]", text(&content["resource"]["uri"]), kind(&content["resource"]))
            }
        },
        other => format!("[content `{other}` left out]"),
    }
}

/// The beginning and the end of a text that is too long, with what lies between in numbers.
pub fn cut(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let head = text.floor_char_boundary(most / 4 * 3);
    let tail = text.ceil_char_boundary(text.len() - most / 4);
    let (first, last) = (text.get(..head).unwrap_or_default(), text.get(tail..).unwrap_or_default());
    format!("{first}\n[{} of {} bytes left out here]\n{last}", tail - head, text.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_out_is_said() {
        let content = json!([
            {"type": "text", "text": "one"},
            {"type": "image", "mimeType": "image/png", "data": "AAAAAAAA"},
            {"type": "resource_link", "uri": "file:///a", "name": "a"},
            {"type": "resource", "resource": {"uri": "file:///b", "text": "two"}},
            {"type": "hologram"},
        ]);
        let output = output(&json!({"content": content, "isError": true}), 1000);
        assert!(output.is_error);
        assert_eq!(
            output.text,
            "one\n[image image/png, about 6 bytes, left out]\n[resource file:///a (a)]\ntwo\n[content `hologram` left out]"
        );
        assert_eq!(super::output(&json!({"content": [], "structuredContent": {"a": 1}}), 1000).text, "{\"a\":1}");
        let long = "é".repeat(600);
        let text = cut(long, 400);
        assert!(text.contains("[800 of 1200 bytes left out here]") && text.len() < 450, "{text}");
    }
}
