//! The head of a document, YAML between lines of `---`: the fields of it that are plain texts. It may be a stranger's, so it is read
//! event by event: nothing is built of what nobody asks for, nothing is repeated that refers to an anchor, and nothing recurses.

use std::collections::BTreeMap;

use yaml_rust2::{
    Yaml,
    parser::{Event, Parser},
    scanner::TScalarStyle,
};

/// Fields by name; `None` for what is no plain text.
pub type Fields = BTreeMap<String, Option<String>>;

/// Parts a document into head and body.
///
/// # Errors
///
/// If it does not begin with a head.
pub fn split(text: &str) -> Result<(&str, &str), String> {
    let parts = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---"));
    let (head, body) = parts.ok_or("does not begin with a head between lines of `---`")?;
    Ok((head, body.trim_start_matches('-').trim()))
}

/// The fields of a head.
///
/// # Errors
///
/// If it is no YAML, or names a field twice.
pub fn fields(head: &str) -> Result<Fields, String> {
    let mut parser = Parser::new_from_str(head);
    let (mut fields, mut key, mut depth) = (Fields::new(), None, 0_usize);
    loop {
        let (event, _) = parser.next_token().map_err(|error| format!("has a head that is no YAML: {error}"))?;
        let node = match event {
            Event::DocumentEnd | Event::StreamEnd => return Ok(fields),
            // A list has no fields.
            Event::SequenceStart(..) if depth == 0 => return Ok(fields),
            // What begins on the first level is a key or a value there; what lies in it is not.
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                depth += 1;
                (depth == 2).then_some(None)
            }
            Event::MappingEnd | Event::SequenceEnd => {
                depth = depth.saturating_sub(1);
                None
            }
            Event::Scalar(text, style, ..) => (depth == 1).then(|| plain(text, style)),
            Event::Alias(_) => (depth == 1).then_some(None),
            Event::Nothing | Event::StreamStart | Event::DocumentStart => None,
        };
        let Some(text) = node else { continue };
        match key.take() {
            None => key = Some(text),
            Some(name) => {
                let name = name.unwrap_or_default();
                if fields.contains_key(&name) {
                    return Err(format!("has a head with two fields `{name}`"));
                }
                fields.insert(name, text);
            }
        }
    }
}

/// A scalar as text, unless it is a number, a truth or nothing.
fn plain(text: String, style: TScalarStyle) -> Option<String> {
    let is_text = style != TScalarStyle::Plain || matches!(Yaml::from_str(&text), Yaml::String(_));
    is_text.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(head: &str) -> Vec<(String, String)> {
        fields(head).expect("fields").into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
    }

    #[test]
    fn texts_are_read_and_all_else_is_passed_over() {
        let head = "name: pdf\nallowed: [a, {b: c}]\nversion: 1.0\nmetadata:\n  name: inner\nsame: &x yes\nagain: *x\n\
                    ? [odd]\n: key\ndescription: >\n  Two\n  lines.\n";
        let expected = [("", "key"), ("description", "Two lines.\n"), ("name", "pdf"), ("same", "yes")];
        assert_eq!(texts(head), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        assert!(fields("name: a\nname: b").is_err_and(|error| error.contains("two fields `name`")));
        for head in ["", "just words", "[name, b]", "- name\n- b", "~"] {
            assert!(!texts(head).iter().any(|(name, _)| name == "name"), "{head}");
        }
    }

    #[test]
    fn a_head_costs_its_length() {
        // Each anchor holds the one before nine times: written out, 9^40 words.
        let mut bomb = "name: pdf\na0: &a0 [x]\n".to_owned();
        for level in 1..40 {
            let before = format!("*a{}", level - 1);
            bomb += &format!("a{level}: &a{level} [{}]\n", [before.as_str(); 9].join(", "));
        }
        assert_eq!(texts(&bomb), [("name".to_owned(), "pdf".to_owned())]);
        // As deep as it likes: read or refused, on a thread with little room.
        for deep in ["- ".repeat(100_000), "[".repeat(100_000), "? ".repeat(100_000)] {
            let read = std::thread::Builder::new().stack_size(256 << 10).spawn(move || fields(&deep).is_ok());
            read.expect("a thread").join().expect("no overflow");
        }
    }
}
