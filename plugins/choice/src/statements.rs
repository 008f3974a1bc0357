//! `statements`: the option that makes the most probable statement. Where options are sentences, what is asked is which of them one
//! would rather say; good statements before them show what is meant.

use harness_abi::{Cx, Event, ModuleError, Outcome, Processor, ScoreItem, pass};
use serde::Deserialize;

use crate::{
    question::Question,
    scoring::{Measure, answer, plain, scores},
};

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    form: Form,
    measure: Measure,
    shots: usize,
    examples: Vec<String>,
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    Auto,
    Option,
    QuestionOption,
}

/// The processor.
#[derive(Debug)]
pub(crate) struct Statements {
    config: Config,
}

/// Whether a text ends as a sentence does.
fn is_sentence(text: &str) -> bool {
    text.trim_end().ends_with(['.', '!', '?', '…', '。', '！', '？', '؟'])
}

impl Statements {
    /// Takes the configuration.
    ///
    /// # Errors
    ///
    /// None; the manifest says what is allowed.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config })
    }

    fn statement(&self, question: &str, option: &str) -> String {
        let alone = match self.config.form {
            Form::Auto => is_sentence(option),
            Form::Option => true,
            Form::QuestionOption => false,
        };
        if alone { option.to_owned() } else { format!("{question} {option}") }
    }
}

impl Processor for Statements {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        let Config { measure, shots, examples, limit, .. } = &self.config;
        let Some(Question { text, options, .. }) = Question::of(cx, *limit)? else { return pass() };
        // A line of its own, even as the first: a completion follows something.
        let lines: Vec<&str> = examples.iter().take(*shots).map(String::as_str).collect();
        let prompt = format!("{}\n", lines.join("\n"));
        let statements: Vec<String> = options.iter().map(|option| self.statement(&text, option)).collect();
        let items: Vec<ScoreItem> = statements.iter().map(|statement| plain(&prompt, statement)).collect();
        let scores = scores(cx, items, true)?;
        Ok(answer(&options, statements.iter().zip(&scores).map(|(statement, score)| measure.of(statement, score))))
    }
}
