//! A tool's result → the text a model sees. Says what it leaves out: pictures, sounds, what is too long. What a result says twice, as
//! structure and as text, is shown once.

use harness_abi::ToolOutput;
use serde_json::Value;

/// The output for a result as the protocol has it; `None` if it is none.
pub fn output(result: &Value, most_bytes: usize) -> Option<ToolOutput> {
    let known = |key: &str| result.get(key).is_some_and(|value| !value.is_null());
    match result["resultType"].as_str() {
        Some("input_required" | "task") => {
            let why = "The tool wants more than arguments before it answers (a person's input, or patience), which it does not get here.";
            return Some(failed(why.to_owned(), most_bytes));
        }
        _ if known("task") || known("inputRequests") => {
            return Some(failed("The tool has only begun, and nobody here waits for it.".to_owned(), most_bytes));
        }
        _ => {}
    }
    let empty = result.as_object().is_some_and(|result| result.keys().all(|key| key == "_meta" || key == "resultType"));
    let content = match &result["content"] {
        Value::Array(content) => content.as_slice(),
        Value::Null
            if empty || ["content", "structuredContent", "isError"].iter().any(|key| result.get(key).is_some()) =>
        {
            &[]
        }
        _ => return None,
    };
    let mut pieces: Vec<String> = content.iter().map(piece).collect();
    let structured = &result["structuredContent"];
    if !structured.is_null() && !is_said(structured, content) {
        pieces.push(structured.to_string());
    }
    let is_error = result["isError"] == true;
    let mut text = pieces.join("\n");
    if text.trim().is_empty() {
        text = if is_error { "[the tool failed and did not say why]" } else { "[the tool gave no content]" }.to_owned();
    }
    Some(ToolOutput { text: cut(text, most_bytes), is_error, cost_micros: 0 })
}

/// The output for an error of the protocol in place of a result.
pub fn refused(error: &Value, most_bytes: usize) -> ToolOutput {
    let mut text = match error["message"].as_str().map(str::trim) {
        Some(message) if !message.is_empty() => message.to_owned(),
        _ => format!("[the server refused the call with code {} and did not say why]", error["code"]),
    };
    if !error["data"].is_null() {
        text.push_str(&format!("\n{}", error["data"]));
    }
    failed(text, most_bytes)
}

fn failed(text: String, most_bytes: usize) -> ToolOutput {
    ToolOutput { text: cut(text, most_bytes), is_error: true, cost_micros: 0 }
}

/// Whether the texts of a result say what its structure says: as the same JSON, as SDKs write it, or as what they wrap in `result`.
fn is_said(structured: &Value, content: &[Value]) -> bool {
    let texts: Vec<&str> =
        content.iter().filter(|one| one["type"] == "text").filter_map(|one| one["text"].as_str()).collect();
    let same = |value: &Value, text: &str| {
        value.as_str() == Some(text) || serde_json::from_str::<Value>(text).is_ok_and(|said| said == *value)
    };
    let whole = |value: &Value| {
        let parts = value.as_array().filter(|parts| !texts.is_empty() && parts.len() == texts.len());
        texts.iter().any(|text| same(value, text))
            || same(value, &texts.join("\n"))
            || parts.is_some_and(|parts| parts.iter().zip(&texts).all(|(part, text)| same(part, text)))
    };
    let wrapped = structured.as_object().filter(|object| object.len() == 1).and_then(|object| object.get("result"));
    whole(structured) || wrapped.is_some_and(whole)
}

fn piece(content: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kind = |value: &Value| value["mimeType"].as_str().unwrap_or("of a kind it does not name").to_owned();
    match content["type"].as_str().unwrap_or_default() {
        "text" => match &content["text"] {
            Value::String(text) => text.clone(),
            other => format!("[content `text` that is {other}]"),
        },
        "image" | "audio" => {
            // Base64 has four letters for three bytes.
            let bytes = content["data"].as_str().map_or(0, |data| data.len() / 4 * 3);
            format!("[{} {}, about {bytes} bytes, left out]", text(&content["type"]), kind(content))
        }
        "resource_link" => {
            let about = ["name", "title", "description", "mimeType"].map(|key| text(&content[key]));
            let about: Vec<String> = about.into_iter().filter(|about| !about.is_empty()).collect();
            format!("[resource {} ({})]", text(&content["uri"]), about.join("; "))
        }
        "resource" => {
            let (uri, resource) = (text(&content["resource"]["uri"]), &content["resource"]);
            match resource["text"].as_str() {
                Some(text) => format!("[resource {uri}]\n{text}"),
                None => format!("[resource {uri}, {}, left out]", kind(resource)),
            }
        }
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

    fn shown(result: Value) -> Option<(String, bool)> {
        output(&result, 1000).map(|output| (output.text, output.is_error))
    }

    fn text(text: &str) -> Value {
        json!([{"type": "text", "text": text}])
    }

    #[test]
    fn what_is_left_out_is_said() {
        let content = json!([
            {"type": "text", "text": "one"},
            {"type": "image", "mimeType": "image/png", "data": "AAAAAAAA"},
            {"type": "audio", "data": "AAAA"},
            {"type": "resource_link", "uri": "file:///a", "name": "a", "description": "of a"},
            {"type": "resource", "resource": {"uri": "file:///b", "text": "two"}},
            {"type": "resource", "resource": {"uri": "file:///c", "mimeType": "image/png", "blob": "AAAA"}},
            {"type": "hologram"},
            {"type": "text", "text": 7},
        ]);
        let expected = "one\n[image image/png, about 6 bytes, left out]\n[audio of a kind it does not name, about 3 bytes, left out]\n\
                        [resource file:///a (a; of a)]\n[resource file:///b]\ntwo\n[resource file:///c, image/png, left out]\n\
                        [content `hologram` left out]\n[content `text` that is 7]";
        assert_eq!(shown(json!({"content": content, "isError": true})), Some((expected.to_owned(), true)));
        let cut = cut("é".repeat(600), 400);
        assert!(cut.contains("[800 of 1200 bytes left out here]") && cut.len() < 450, "{cut}");
    }

    #[test]
    fn structure_that_no_text_says_is_shown() {
        for (content, structured, expected) in [
            (text("2 issues listed"), json!({"issues": ["A-1"]}), "2 issues listed\n{\"issues\":[\"A-1\"]}"),
            (json!([]), json!({"a": 1}), "{\"a\":1}"),
            (json!(null), json!({"a": 1}), "{\"a\":1}"),
            (text("{\"b\": 2, \"a\": 1}"), json!({"a": 1, "b": 2}), "{\"b\": 2, \"a\": 1}"),
            (text("sunny"), json!({"result": "sunny"}), "sunny"),
            (text("7"), json!({"result": 7}), "7"),
            (
                json!([{"type": "text", "text": "1"}, {"type": "text", "text": "b"}]),
                json!({"result": [1, "b"]}),
                "1\nb",
            ),
            (text("sunny"), json!({"result": "rainy"}), "sunny\n{\"result\":\"rainy\"}"),
            (text("done"), json!(null), "done"),
        ] {
            let result = json!({"content": content, "structuredContent": structured});
            assert_eq!(shown(result.clone()), Some((expected.to_owned(), false)), "{result}");
        }
    }

    #[test]
    fn a_model_is_never_told_nothing() {
        for (result, expected) in [
            (json!({"content": [], "isError": true}), "[the tool failed and did not say why]"),
            (
                json!({"content": [{"type": "text", "text": " "}], "isError": true}),
                "[the tool failed and did not say why]",
            ),
            (json!({"isError": true}), "[the tool failed and did not say why]"),
            (json!({"content": []}), "[the tool gave no content]"),
            (json!({}), "[the tool gave no content]"),
            (json!({"_meta": {}}), "[the tool gave no content]"),
        ] {
            assert_eq!(shown(result.clone()).map(|(text, _)| text).as_deref(), Some(expected), "{result}");
        }
        for strange in [json!({"weather": "fine"}), json!(7), json!({"content": "words"})] {
            assert_eq!(shown(strange.clone()), None, "{strange}");
        }
        for (error, expected) in [
            (
                json!({"code": -32602, "message": ""}),
                "[the server refused the call with code -32602 and did not say why]",
            ),
            (json!({"code": 1, "message": "no", "data": {"field": "a"}}), "no\n{\"field\":\"a\"}"),
        ] {
            let output = refused(&error, 1000);
            assert!(output.is_error);
            assert_eq!(output.text, expected);
        }
    }
}
