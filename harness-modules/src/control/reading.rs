//! What a messy reply means: the tool call, the action or the JSON value in it. Each function gives its best reading or none; none
//! invents a tool, an action or a required field.

use serde_json::{Map, Value};

use crate::control::lenient_json;

/// A tool call found in text.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundCall {
    /// One of the names it was looked for among.
    pub name: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
}

/// The first tool call in `text` of one of the tools `names`.
pub fn call(text: &str, names: &[&str]) -> Option<FoundCall> {
    let written = lenient_json::values(text).into_iter().find_map(|value| call_of(&value, names, 0));
    written.or_else(|| python_call(text, names)).or_else(|| {
        let name = tool_name(text.trim().trim_matches(['`', '"', '\'', '.']), names)?;
        Some(FoundCall { name: name.to_owned(), arguments: Map::new() })
    })
}

/// The one of `names` that `written` means: the same, or the same but for case and punctuation.
pub fn tool_name<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    let plain = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let wanted = plain(written);
    if let Some(exact) = names.iter().find(|name| **name == written) {
        return Some(exact);
    }
    let mut alike = names.iter().filter(|name| !wanted.is_empty() && plain(name) == wanted);
    alike.next().filter(|_| alike.next().is_none()).copied()
}

fn call_of(value: &Value, names: &[&str], depth: usize) -> Option<FoundCall> {
    const NAME: [&str; 6] = ["name", "function", "tool", "tool_name", "function_name", "action"];
    const ARGUMENTS: [&str; 6] = ["arguments", "parameters", "args", "params", "input", "action_input"];
    if depth > 3 {
        return None;
    }
    let fields = match value {
        Value::Array(items) => return items.iter().find_map(|item| call_of(item, names, depth + 1)),
        Value::Object(fields) => fields,
        _ => return None,
    };
    let name = NAME.iter().find_map(|key| fields.get(*key)?.as_str()).and_then(|name| tool_name(name, names));
    if let Some(name) = name {
        let arguments = ARGUMENTS.iter().find_map(|key| fields.get(*key));
        return Some(FoundCall { name: name.to_owned(), arguments: arguments.map(object).unwrap_or_default() });
    }
    // {"get_weather": {"city": …}}, or a wrapper such as {"function": {…}} or {"tool_calls": […]}.
    fields.iter().find_map(|(key, inner)| match tool_name(key, names) {
        Some(name) => Some(FoundCall { name: name.to_owned(), arguments: object(inner) }),
        None => call_of(inner, names, depth + 1),
    })
}

/// An object, also one written as a string.
pub fn object(value: &Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields.clone(),
        Value::String(text) => match lenient_json::values(text).into_iter().next() {
            Some(Value::Object(fields)) => fields,
            _ => Map::new(),
        },
        _ => Map::new(),
    }
}

fn python_call(text: &str, names: &[&str]) -> Option<FoundCall> {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    names.iter().find_map(|name| {
        let start = text.match_indices(name).find_map(|(start, _)| {
            let whole = start == 0 || !inside(text.as_bytes()[start - 1]);
            let open = start + name.len();
            (whole && text.as_bytes().get(open) == Some(&b'(')).then_some(open + 1)
        })?;
        let arguments = lenient_json::keywords(text.get(start..)?)?;
        Some(FoundCall { name: (*name).to_owned(), arguments })
    })
}

/// The one of `actions` that `text` means; `likeness` in `[0, 1]` is the least share of common words that still counts.
pub fn action<'a>(text: &str, actions: &'a [String], likeness: f64) -> Option<&'a String> {
    let lines: Vec<String> = text.lines().map(bare_line).filter(|line| !line.is_empty()).collect();
    let exact = lines.iter().find_map(|line| actions.iter().find(|action| action.to_lowercase() == *line));
    if exact.is_some() {
        return exact;
    }
    let all = lines.join("\n");
    let mut contained: Option<&String> = None;
    for action in actions {
        let longer = contained.is_none_or(|best| action.len() > best.len());
        if longer && !action.is_empty() && all.contains(&action.to_lowercase()) {
            contained = Some(action);
        }
    }
    contained.or_else(|| {
        let mut best: Option<(f64, &String)> = None;
        for action in actions {
            let score = lines.iter().map(|line| overlap(line, &action.to_lowercase())).fold(0.0, f64::max);
            if score >= likeness && score > 0.0 && best.is_none_or(|(most, _)| score > most) {
                best = Some((score, action));
            }
        }
        best.map(|(_, action)| action)
    })
}

/// A line without the ornaments models put around an action, in lower case.
fn bare_line(line: &str) -> String {
    let line = line.trim().to_lowercase();
    let line = line.trim_start_matches(['>', '-', '*', '#', ' ']);
    let line = line.strip_prefix("action").map_or(line, |rest| rest.trim_start_matches([' ', ':', '*']));
    line.trim_matches(['`', '"', '\'', '*', '.', ' ', '!']).to_owned()
}

/// Jaccard index of the words of two strings.
fn overlap(a: &str, b: &str) -> f64 {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    let (a, b) = (words(a), words(b));
    let common = a.intersection(&b).count();
    let all = a.len() + b.len() - common;
    #[expect(clippy::cast_precision_loss, reason = "counts of words")]
    let share = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    share(common, all)
}

/// The first value in `text` that has the schema's type and required fields.
pub fn value(text: &str, schema: &Value) -> Option<Value> {
    let strict = serde_json::from_str(text.trim()).ok().filter(|value| fits(value, schema));
    strict.or_else(|| lenient_json::values(text).into_iter().find(|value| fits(value, schema)))
}

fn fits(value: &Value, schema: &Value) -> bool {
    let typed = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        _ => true,
    };
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    typed && required.into_iter().all(|name| value.get(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_the_call() {
        let names = ["get_weather", "weather.get_air", "book"];
        let cases = [
            (r#"{"name": "get_weather", "arguments": {"city": "Oslo"}}"#, "get_weather", json!({"city": "Oslo"})),
            (
                "<tool_call>{'name': 'get-weather', 'arguments': '{\"city\": \"Oslo\"}'}</tool_call>",
                "get_weather",
                json!({"city": "Oslo"}),
            ),
            // Qwen's own spelling, and the one it often falls into.
            (
                "Let me look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>",
                "get_weather",
                json!({"city": "Oslo"}),
            ),
            (
                "```json\n{\n  \"name\": \"get_weather\",\n  \"arguments\": {\n    \"city\": \"Oslo\"\n  }\n}\n```\nThis calls it.",
                "get_weather",
                json!({"city": "Oslo"}),
            ),
            (r#"[{"function": {"name": "book", "parameters": {"n": 2}}}]"#, "book", json!({"n": 2})),
            (r#"I will use {"get_weather": {"city": "Rome"}}."#, "get_weather", json!({"city": "Rome"})),
            ("get_weather(city='Oslo', days=2)", "get_weather", json!({"city": "Oslo", "days": 2})),
            ("[weather.get_air(zip=12)]", "weather.get_air", json!({"zip": 12})),
            ("`book`", "book", json!({})),
        ];
        for (text, name, arguments) in cases {
            let found = call(text, &names);
            assert_eq!(
                found.map(|found| (found.name, Value::Object(found.arguments))),
                Some((name.to_owned(), arguments)),
                "{text}"
            );
        }
        for text in ["", "It is sunny.", r#"{"name": "fly", "arguments": {}}"#, "mybook(n=1)", "{\"a\": 1}"] {
            assert_eq!(call(text, &names), None, "{text}");
        }
    }

    #[test]
    fn finds_the_action() {
        let actions = ["go to desk 1", "go to desk 10", "take mug 1 from desk 1", "look"].map(String::from);
        let cases = [
            ("Go to desk 10.", Some("go to desk 10")),
            ("Thought: hm\nAction: **look**", Some("look")),
            ("I should take mug 1 from desk 1 now", Some("take mug 1 from desk 1")),
            ("take the mug 1 from desk 1", Some("take mug 1 from desk 1")),
            ("dance", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(action(text, &actions, 0.6).map(String::as_str), expected, "{text}");
        }
    }
}
