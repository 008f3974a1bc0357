//! What no harness may hold: texts that only somebody who knows the answers could write. For whoever reviews edits; it
//! refuses to say which task a text belongs to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{Benchmark, GraderSpec, Part};

/// A text in the gold of more groups is vocabulary, not an answer.
const MOST_GROUPS: usize = 2;
/// A single word of fewer letters, without a digit, is a word of the language.
const LONG_WORD: usize = 12;

impl Benchmark {
    /// Strings of gold answers, keys and values: phrases, long words and what holds a digit, of at most two groups each.
    pub fn secrets(&self) -> BTreeSet<String> {
        let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for task in self.tasks() {
            strings(&task.gold, &mut |text| {
                groups.entry(text).or_default().insert(&task.group);
            });
        }
        let rare = groups.into_iter().filter(|(text, of)| of.len() <= MOST_GROUPS && telling(text));
        rare.map(|(text, _)| text.to_owned()).collect()
    }

    /// The strings of a task's gold that tell: phrases, long words and what holds a digit.
    pub fn answers(&self, task: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        if let Ok((task, _)) = self.task(task) {
            strings(&task.gold, &mut |text| {
                if telling(text) {
                    found.insert(text.to_owned());
                }
            });
        }
        found
    }

    /// Names of whatever marks the answers: the graders, and the data they read.
    pub fn grader_names(&self) -> BTreeSet<String> {
        let of_part = |part: &Part| -> Vec<String> {
            let first = match &part.grader {
                GraderSpec::Module(module) => Some(module),
                // Its model is one that a harness may use as well.
                GraderSpec::Model(_) => None,
            };
            let graders = first.into_iter().chain(&part.also);
            let data = part.environment.config.get("data").and_then(Value::as_str).filter(|path| !path.is_empty());
            graders.map(|grader| grader.module.to_string()).chain(data.map(str::to_owned)).collect()
        };
        self.suite.parts.iter().flat_map(of_part).collect()
    }
}

fn strings<'a>(value: &'a Value, each: &mut impl FnMut(&'a str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, each)),
        Value::Object(entries) => entries.iter().for_each(|(key, item)| {
            each(key);
            strings(item, each);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn telling(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).count();
    words > 1 || text.chars().count() >= LONG_WORD || text.chars().any(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_an_answer_from_a_word() {
        assert!(["New York", "unit_of_length", "2024-05-01", "thermodynamics"].into_iter().all(telling));
        assert!(!["celsius", "weather", ""].into_iter().any(telling));
        let gold = serde_json::json!([{"get_weather": {"city": ["Paris, France"], "days": [3]}}]);
        let mut found = Vec::new();
        strings(&gold, &mut |text| found.push(text));
        assert_eq!(found, ["get_weather", "city", "Paris, France", "days"]);
    }
}
