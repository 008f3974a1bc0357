//! Choice tasks: options of which one is right, the order in which they are shown, and the grader. Refuses options of which two would
//! be marked alike, or none would pass. How options reach a model is no business of this file: a harness finds them among the
//! admissible actions of the first observation.

use harness_abi::{Grade, Grader, Message, ModuleError, Task};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    graders::{graded, nothing, shown, words},
    reply::{answers, marked},
    row::Row,
    text::{bare, caseless, holds},
};

/// Fewer are no choice.
const FEWEST: usize = 2;
/// As many as there are letters to call them by.
const MOST: usize = 26;

/// What is wrong with the options of a row.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceFault {
    /// Too few or too many.
    #[error("{0} options; a choice has {FEWEST} to {MOST}")]
    Count(usize),
    /// One that says nothing.
    #[error("option {0} is empty")]
    Empty(usize),
    /// Two that say the same.
    #[error("options {first} and {second} are the same, {text:?}: a grader cannot tell them apart")]
    Same {
        /// The first of them, counted from 1.
        first: usize,
        /// The second.
        second: usize,
        /// What the second says.
        text: String,
    },
    /// The answer is none of them.
    #[error("the answer {0} is none of the options; it is one of them, word for word")]
    NoRight(String),
}

/// An option in the spelling in which options are compared.
fn spelt(text: &str) -> String {
    caseless(bare(&words(text)).trim())
}

/// Whether the options of a row, if it has any, are a choice.
pub(crate) fn checked(row: &Row) -> Result<(), ChoiceFault> {
    let options = &row.options;
    if options.is_empty() {
        return Ok(());
    }
    if !(FEWEST..=MOST).contains(&options.len()) {
        return Err(ChoiceFault::Count(options.len()));
    }
    let spelt: Vec<String> = options.iter().map(|option| spelt(option)).collect();
    for (second, (text, option)) in spelt.iter().zip(options).enumerate() {
        if text.is_empty() {
            return Err(ChoiceFault::Empty(second + 1));
        }
        if let Some(first) = spelt.iter().take(second).position(|other| other == text) {
            return Err(ChoiceFault::Same { first: first + 1, second: second + 1, text: option.clone() });
        }
    }
    let right = match &row.answer {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match right.filter(|right| options.contains(right)) {
        Some(_) => Ok(()),
        None => Err(ChoiceFault::NoRight(row.answer.to_string())),
    }
}

/// What a task asks: a question, with options or without. It is what the environment is told of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Asked {
    /// A question whose answer is in words of one's own.
    Open(String),
    /// A question with options.
    Choice {
        /// The question.
        question: String,
        /// The options, as the row has them.
        options: Vec<String>,
        /// Whether they stay in that order.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        fixed_order: bool,
    },
}

impl Asked {
    /// What a row asks.
    pub(crate) fn of(row: &Row) -> Self {
        match row.options.is_empty() {
            true => Self::Open(row.prompt.clone()),
            false => Self::Choice {
                question: row.prompt.clone(),
                options: row.options.clone(),
                fixed_order: row.fixed_order,
            },
        }
    }

    /// For the record and for whoever looks for tasks that ask the same: the question, and its options below it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Open(question) => question.clone(),
            Self::Choice { question, options, .. } => format!("{question}\n- {}", options.join("\n- ")),
        }
    }

    /// The question, and its options in the order in which they are shown.
    pub(crate) fn shown(self, task: &str, seed: u64, shuffle: bool) -> (String, Vec<String>) {
        match self {
            Self::Open(question) => (question, Vec::new()),
            Self::Choice { question, options, fixed_order } => {
                (question, if shuffle && !fixed_order { shuffled(task, seed, options) } else { options })
            }
        }
    }
}

/// Options in an order that task and seed decide: by a digest of each, so that every order is as likely as any other, whatever the
/// order of the row.
fn shuffled(task: &str, seed: u64, mut options: Vec<String>) -> Vec<String> {
    options.sort_by_cached_key(|option| {
        let mut digest = Sha256::new();
        digest.update(seed.to_le_bytes());
        for text in [task, option] {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        <[u8; 32]>::from(digest.finalize())
    });
    options
}

/// Passes a reply that is the right option, or that names it and no other.
#[derive(Debug)]
pub(crate) struct Choice(ChoiceConfig);

/// Configuration; see `pack.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChoiceConfig {
    after: String,
}

impl Choice {
    pub fn new(config: ChoiceConfig) -> Self {
        Self(config)
    }
}

/// The options that a reply names: the one it is, or those it holds as whole words. One that stands within another is named where it
/// stands by itself as well.
fn named<'a>(reply: &str, options: &'a [String]) -> Vec<&'a String> {
    let reply = caseless(&words(reply));
    let mut spelled: Vec<(String, &String)> = options.iter().map(|option| (spelt(option), option)).collect();
    if let Some((_, option)) = spelled.iter().find(|(text, _)| *text == spelt(&reply)) {
        return vec![*option];
    }
    spelled.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    let (mut left, mut found) = (reply, Vec::new());
    for (text, option) in spelled {
        if !text.is_empty() && holds(&left, &text) {
            // What was named is not read again as a part of something shorter.
            left = left.replace(&text, "\n");
            found.push(option);
        }
    }
    found
}

impl Grader for Choice {
    fn grade(&self, task: &Task, state: &Value, _: &[Message]) -> Result<Grade, ModuleError> {
        let options = Vec::<String>::deserialize(&state["options"]).unwrap_or_default();
        let right = answers(task)?;
        let Some(right) = right.first().filter(|right| options.contains(right)) else {
            return Err(ModuleError::input(format_args!(
                "task {} has no options with its answer among them; `tasks/choice` marks rows with `options`, other graders mark the rest",
                task.id
            )));
        };
        let Some(reply) = marked(state, &self.0.after) else { return Ok(nothing(&self.0.after)) };
        Ok(match named(&reply, &options)[..] {
            [one] => graded(one == right, || format!("{} is not {}", shown(one), shown(right))),
            [] => graded(false, || format!("{} names none of the options", shown(&reply))),
            [..] => graded(false, || format!("{} names several options", shown(&reply))),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(options: &[&str], answer: &str) -> Row {
        let row = json!({"id": "a", "prompt": "p", "options": options, "answer": answer});
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn options_that_are_no_choice_are_named() {
        let many: Vec<String> = (0..27).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let cases: &[(&[&str], &str, &str)] = &[
            (&[], "x", ""),
            (&["ice", "ice cream"], "ice", ""),
            (&["ثلج", "حليب"], "ثلج", ""),
            (&["冰", "牛奶"], "冰", ""),
            (&many[..26], "3", ""),
            (&["one"], "one", "1 options; a choice has 2 to 26"),
            (&many, "3", "27 options; a choice has 2 to 26"),
            (&["a", " "], "a", "option 2 is empty"),
            (&["\u{200b}", "a"], "a", "option 1 is empty"),
            (&["a", "b", "A."], "a", "options 1 and 3 are the same, \"A.\": a grader cannot tell them apart"),
            (&["a", "b"], "c", "the answer \"c\" is none of the options; it is one of them, word for word"),
            (&["a", "b"], "", "the answer \"\" is none of the options; it is one of them, word for word"),
        ];
        for (options, answer, says) in cases {
            let found = checked(&row(options, answer)).map_or_else(|fault| fault.to_string(), |()| String::new());
            assert_eq!(&found, says, "{options:?}");
        }
    }

    #[test]
    fn task_and_seed_decide_the_order_and_nothing_else_does() {
        let asked = |options: &[&str]| Asked::of(&row(options, options[0]));
        let shown = |options: &[&str], task: &str, seed: u64| asked(options).shown(task, seed, true).1;
        let options = ["a", "b", "c", "d"];
        assert_eq!(shown(&options, "t", 1), shown(&["d", "c", "b", "a"], "t", 1));
        assert_eq!(asked(&options).shown("t", 1, false).1, options);
        // Every option stands everywhere about as often: 2,400 shows, 600 expected, 5 standard errors are 106.
        let mut first = std::collections::BTreeMap::<(String, usize), usize>::new();
        for seed in 0..2400 {
            for (place, option) in shown(&options, &format!("t{}", seed % 7), seed).into_iter().enumerate() {
                *first.entry((option, place)).or_default() += 1;
            }
        }
        assert!(first.len() == 16 && first.values().all(|count| count.abs_diff(600) < 106), "{first:?}");
        let fixed = Asked::Choice { question: "q".into(), options: vec!["b".into(), "a".into()], fixed_order: true };
        assert!((0..20).all(|seed| fixed.clone().shown("t", seed, true).1 == ["b", "a"]));
    }

    #[test]
    fn a_reply_passes_that_is_the_right_option_or_names_it_alone() {
        let grader = Choice::new(ChoiceConfig { after: String::new() });
        let task = Task { id: "t".to_owned(), gold: json!({"answer": "ice"}), ..Task::default() };
        let mark = |reply: Option<&str>| {
            let state = json!({"answer": reply, "options": ["ice cream", "ice", "snow"]});
            grader.grade(&task, &state, &[]).unwrap()
        };
        for reply in ["ice", "Ice.", " **ICE** ", "It is ice, I think.", "The answer: \"ice\""] {
            assert_eq!(mark(Some(reply)).reward, 1.0, "{reply}");
        }
        let cases = [
            (Some("ice cream"), "\"ice cream\" is not \"ice\""),
            (Some("I like ice cream"), "\"ice cream\" is not \"ice\""),
            (Some("ice or snow"), "\"ice or snow\" names several options"),
            (Some("ice cream is made of ice"), "\"ice cream is made of ice\" names several options"),
            (Some("rice"), "\"rice\" names none of the options"),
            (Some("B"), "\"B\" names none of the options"),
            (Some(""), "\"\" names none of the options"),
            (None, "there was no reply"),
        ];
        for (reply, why) in cases {
            let grade = mark(reply);
            assert_eq!((grade.reward, grade.reasons.join("")), (0.0, why.to_owned()), "{reply:?}");
        }
        for state in [json!({"answer": "ice"}), json!({"answer": "ice", "options": ["snow", "rain"]})] {
            assert!(grader.grade(&task, &state, &[]).unwrap_err().message.contains("no options with its answer"));
        }
    }
}
