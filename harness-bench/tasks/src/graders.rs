//! The graders: exact, contains, numeric, regex. Each gives 1 or 0 and says why it gave 0; none passes a task whose
//! answer it cannot read.

use harness_abi::{Grade, Grader, Message, ModuleError, Task};
use regex::RegexBuilder;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    decimal::Decimal,
    number,
    reply::{answers, marked},
    text::{bare, caseless, holds, nfc, plain},
};

/// A grade: passed, or not and why.
pub(crate) fn graded(passed: bool, why: impl FnOnce() -> String) -> Grade {
    let reasons = if passed { Vec::new() } else { vec![why()] };
    Grade { reward: f64::from(u8::from(passed)), reasons, ..Grade::default() }
}

/// A reply cut to what a reason has room for.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 120;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

pub(crate) fn nothing(after: &str) -> Grade {
    let why = if after.is_empty() { "there was no reply".to_owned() } else { format!("the reply lacks {after:?}") };
    graded(false, || why)
}

macro_rules! grader {
    ($(#[$about:meta])* $name:ident, $config:ident { $($(#[$field_about:meta])* $field:ident: $kind:ty),* }) => {
        $(#[$about])*
        #[derive(Debug)]
        pub(crate) struct $name($config);

        /// Configuration; see `pack.toml`.
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $config { $($field: $kind,)* after: String }

        impl $name {
            pub fn new(config: $config) -> Self {
                Self(config)
            }
        }
    };
}

grader! {
    /// The reply is one of the answers.
    Exact, ExactConfig { ignore_case: bool, ignore_punctuation: bool }
}

grader! {
    /// The reply holds every answer.
    Contains, ContainsConfig { ignore_case: bool }
}

/// The last number of the reply is one of the answers: exactly, or within a tolerance that is as exact.
#[derive(Debug)]
pub(crate) struct Numeric {
    tolerance: Decimal,
    relative: Decimal,
    after: String,
}

/// Configuration; see `pack.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NumericConfig {
    tolerance: f64,
    relative: f64,
    after: String,
}

impl Numeric {
    pub fn new(config: NumericConfig) -> Result<Self, ModuleError> {
        let bound = |name: &str, value: f64| {
            let bound = Decimal::of(value).filter(|_| value >= 0.0);
            bound.ok_or_else(|| ModuleError::config(format_args!("`{name}` of numeric is {value}; it is 0 or more")))
        };
        let (tolerance, relative) = (bound("tolerance", config.tolerance)?, bound("relative", config.relative)?);
        Ok(Self { tolerance, relative, after: config.after })
    }
}

grader! {
    /// The whole reply matches one of the answers.
    Pattern, PatternConfig {}
}

impl Exact {
    /// One spelling, one space between words, and what the configuration says does not matter taken away.
    fn normal(&self, text: &str) -> String {
        let words = words(text);
        let words = if self.0.ignore_punctuation { bare(&words).trim() } else { &words };
        if self.0.ignore_case { caseless(words) } else { words.to_owned() }
    }
}

impl Grader for Exact {
    fn grade(&self, task: &Task, state: &Value, _: &[Message]) -> Result<Grade, ModuleError> {
        let answers = answers(task)?;
        let Some(reply) = marked(state, &self.0.after) else { return Ok(nothing(&self.0.after)) };
        // What is empty equals nothing.
        let given = self.normal(&reply);
        let passed = !given.is_empty() && answers.iter().any(|answer| self.normal(answer) == given);
        Ok(graded(passed, || format!("{} is not {}", shown(&reply), shown(&answers.join(" | ")))))
    }
}

impl Grader for Contains {
    fn grade(&self, task: &Task, state: &Value, _: &[Message]) -> Result<Grade, ModuleError> {
        let answers = answers(task)?;
        let Some(reply) = marked(state, &self.0.after) else { return Ok(nothing(&self.0.after)) };
        let normal = |text: &str| if self.0.ignore_case { caseless(&words(text)) } else { words(text) };
        let within = normal(&reply);
        let missing: Vec<&String> = answers.iter().filter(|answer| !holds(&within, &normal(answer))).collect();
        let found = (answers.len() - missing.len()) as f64 / answers.len() as f64;
        let mut grade = graded(missing.is_empty(), || format!("{} lacks {missing:?}", shown(&reply)));
        grade.parts.push(("found".to_owned(), found));
        Ok(grade)
    }
}

/// A text in one spelling with one space between words.
pub(crate) fn words(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Grader for Numeric {
    fn grade(&self, task: &Task, state: &Value, _: &[Message]) -> Result<Grade, ModuleError> {
        let answers = answers(task)?;
        let wanted = answers.iter().map(|answer| {
            number::last(answer)
                .ok_or_else(|| ModuleError::input(format_args!("task {}: the answer {answer:?} is no number", task.id)))
        });
        let wanted = wanted.collect::<Result<Vec<Decimal>, _>>()?;
        let Some(reply) = marked(state, &self.after) else { return Ok(nothing(&self.after)) };
        let Some(given) = number::last(&reply) else {
            return Ok(graded(false, || format!("{} holds no number", shown(&reply))));
        };
        let near = |wanted: &Decimal| {
            given == *wanted || given.distance(wanted) <= wanted.product(&self.relative).max(self.tolerance.clone())
        };
        Ok(graded(wanted.iter().any(near), || format!("{given} is not {}", answers.join(" | "))))
    }
}

impl Grader for Pattern {
    fn grade(&self, task: &Task, state: &Value, _: &[Message]) -> Result<Grade, ModuleError> {
        let patterns = answers(task)?;
        let compiled = patterns.iter().map(|pattern| {
            // Bounded, so that no pattern takes the memory; matching is linear in the reply.
            RegexBuilder::new(&format!(r"\A(?:{})\z", nfc(pattern))).size_limit(1 << 20).build().map_err(|error| {
                ModuleError::input(format_args!("task {}: the answer is no regular expression: {error}", task.id))
            })
        });
        let compiled = compiled.collect::<Result<Vec<_>, _>>()?;
        let Some(reply) = marked(state, &self.0.after) else { return Ok(nothing(&self.0.after)) };
        // As it is written, or in the spelling that patterns are mostly written for.
        let replies = [nfc(&reply), plain(&reply)];
        let passed = compiled.iter().any(|pattern| replies.iter().any(|reply| pattern.is_match(reply)));
        Ok(graded(passed, || format!("{} does not match {}", shown(&reply), patterns.join(" | "))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mark(grader: &impl Grader, answer: Value, reply: Option<&str>) -> Result<f64, String> {
        let task = Task { id: "t".to_owned(), gold: json!({"answer": answer}), ..Task::default() };
        let grade = grader.grade(&task, &json!({"answer": reply}), &[]);
        let grade = grade.map_err(|error| error.message.to_string())?;
        assert_eq!(grade.reward == 1.0, grade.reasons.is_empty(), "a failure says why");
        Ok(grade.reward)
    }

    fn check(grader: &impl Grader, cases: &[(Value, &str, bool)]) {
        for (answer, reply, passes) in cases {
            let reward = mark(grader, answer.clone(), Some(reply));
            assert_eq!(reward, Ok(f64::from(u8::from(*passes))), "{reply:?} against {answer}");
        }
        assert_eq!(mark(grader, json!("1"), None), Ok(0.0), "no reply passes nothing");
        for broken in [json!(null), json!(""), json!([]), json!({}), json!([null])] {
            assert!(mark(grader, broken, Some("")).is_err(), "without an answer nothing is marked");
        }
    }

    #[test]
    fn exact_ignores_what_does_not_matter() {
        let exact = |ignore: bool, after: &str| {
            Exact::new(ExactConfig { ignore_case: ignore, ignore_punctuation: ignore, after: after.to_owned() })
        };
        check(
            &exact(true, ""),
            &[
                (json!("Paris"), " paris.\n", true),
                (json!("Paris"), "It is Paris", false),
                (json!(["NY", "New York"]), "new   york", true),
                (json!(4), "4", true),
                (json!(-4), "4", false),
                (json!("..."), "!!", false),
                (json!("yes"), "", false),
                (json!("café"), "Cafe\u{301}.", true),
                (json!("café"), "cafe", false),
                (json!("Straße"), "STRASSE", true),
                (json!("東京"), "「東京」。", true),
                (json!("-5"), "−5", true),
                (json!("5"), "−5", false),
                (json!("42"), "４２", true),
                (json!("it's"), "it’s", true),
                (json!("New York"), "New\u{a0}York", true),
                (json!("İzmir"), "IZMIR", true),
                (json!("C#"), "C", false),
                (json!("👍"), "👍", true),
                (json!("👍"), "👎", false),
            ],
        );
        check(&exact(false, ""), &[(json!("Paris"), "paris", false), (json!("Paris"), "Paris.", false)]);
        check(&exact(true, "Answer:"), &[(json!("b"), "Answer: a? No. Answer: b", true), (json!("b"), "b", false)]);
    }

    #[test]
    fn contains_wants_all_and_whole_words() {
        let contains = Contains::new(ContainsConfig { ignore_case: true, after: String::new() });
        check(
            &contains,
            &[
                (json!("art"), "Art, of course", true),
                (json!("art"), "a party", false),
                (json!(["red", "blue"]), "Blue and red", true),
                (json!(["red", "blue"]), "red", false),
                (json!("C++"), "use C++14? no: C++.", true),
                (json!("é"), "cafés", false),
                (json!("東京"), "答えは東京です。", true),
                (json!("café"), "the cafe\u{301} there", true),
                (json!("cafe"), "the cafe\u{301} there", false),
                (json!("กรุงเทพ"), "คำตอบคือกรุงเทพฯ", true),
                (json!(["서울", "5"]), "답은 서울입니다. 5명.", true),
                (json!("3"), "version 3.5", false),
                (json!("-5"), "x = −5.", true),
            ],
        );
    }

    #[test]
    fn numeric_is_as_exact_as_it_is_told() {
        let numeric = |tolerance: f64, relative: f64| {
            Numeric::new(NumericConfig { tolerance, relative, after: String::new() }).unwrap()
        };
        check(
            &numeric(0.0, 0.0),
            &[
                (json!(1234.5), "so $1,234.50.", true),
                (json!("12"), "12 or 13", false),
                (json!(1), "one", false),
                (json!(-5), "答えは−5です", true),
                (json!(5), "−5", false),
                (json!(42), "４２", true),
                (json!(3.25), "3,25", true),
                (json!(300_000), "3 × 10⁵", true),
                (json!(0.3), "0.30000000000000004", false),
                (json!("12345678901234567890123"), "12345678901234567890123", true),
                (json!("12345678901234567890123"), "12345678901234567890124", false),
                (json!("1e400"), "1e401", false),
            ],
        );
        check(&numeric(0.5, 0.0), &[(json!(10), "10.4", true), (json!(10), "10.6", false), (json!(10), "10.5", true)]);
        // 0.3 − 0.2 is 0.1, whatever binary fractions say.
        check(
            &numeric(0.1, 0.0),
            &[(json!(0.2), "0.3", true), (json!("10000000000000000000000"), "10000000000000000000001", false)],
        );
        for (tolerance, relative) in [(-1.0, 0.0), (0.0, f64::NAN)] {
            let config = NumericConfig { tolerance, relative, after: String::new() };
            assert!(Numeric::new(config).unwrap_err().message.contains("it is 0 or more"));
        }
        check(&numeric(0.0, 0.1), &[(json!(-100), "-91", true), (json!(-100), "-89", false)]);
        assert!(mark(&numeric(0.0, 0.0), json!("none"), Some("1")).is_err());
    }

    #[test]
    fn a_pattern_matches_the_whole_reply() {
        let pattern = Pattern::new(PatternConfig { after: String::new() });
        check(
            &pattern,
            &[(json!("-?[0-9]+"), "−４２", true), (json!("–5"), "–5", true), (json!("caf[é]"), "cafe\u{301}", true)],
        );
        check(&pattern, &[(json!("[ab]+"), "abba", true), (json!("[ab]+"), "abc", false), (json!("a|b"), "ab", false)]);
        assert!(mark(&pattern, json!("("), Some("(")).is_err());
        assert!(mark(&pattern, json!("((a{1000}){1000}){1000}"), Some("a")).is_err());
    }
}
