//! `texts`: the option whose whole text is most probable as an answer, less what it has as an answer to anything. The model need not
//! see the options: then it cannot prefer a letter or a place. Refuses plain text of a model that cannot read it.

use harness_abi::{Cx, Event, Message, ModuleError, Outcome, Processor, Score, ScoreItem, pass};
use serde::Deserialize;

use crate::{
    question::{Question, listed},
    scoring::{Measure, answer, scores},
};

/// Configuration; see `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    show: Show,
    template: Template,
    measure: Measure,
    shots: usize,
    prior_weight: f64,
    neutral: String,
    examples: Vec<Example>,
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Show {
    Hidden,
    Listed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Template {
    Auto,
    Chat,
    Completion,
}

/// A worked example.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    question: String,
    answer: String,
}

/// The processor.
#[derive(Debug)]
pub(crate) struct Texts {
    config: Config,
}

impl Texts {
    /// Takes the configuration.
    ///
    /// # Errors
    ///
    /// None; the manifest says what is allowed.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config })
    }

    /// Whether plain text is scored.
    fn is_raw(&self, cx: &Cx<'_>) -> Result<bool, ModuleError> {
        let can = || -> Result<bool, ModuleError> {
            let info = cx.model("main")?.unwrap_or_default();
            Ok(info.capabilities.iter().any(|capability| capability == "completion"))
        };
        match self.config.template {
            Template::Chat => Ok(false),
            Template::Auto => can(),
            Template::Completion if can()? => Ok(true),
            Template::Completion => Err(ModuleError::unsupported(
                "the model does not score plain text (capability `completion`); set `template` to \"chat\" or \"auto\"",
            )),
        }
    }

    /// What the model reads before the answer to `asked`.
    fn prompt(&self, cx: &Cx<'_>, raw: bool, before: &[(String, String)], asked: &str) -> Vec<Message> {
        if raw {
            let turns = before.iter().map(|(question, answer)| format!("Question: {question}\nAnswer: {answer}\n\n"));
            return vec![Message::user(format!("{}Question: {asked}\nAnswer:", turns.collect::<String>()))];
        }
        let system = (!cx.system().is_empty()).then(|| Message::system(cx.system()));
        let turns = before
            .iter()
            .flat_map(|(question, answer)| [Message::user(question.as_str()), Message::assistant(answer.as_str())]);
        system.into_iter().chain(turns).chain([Message::user(asked)]).collect()
    }

    fn worth(&self, option: &str, given: &Score, prior: Option<&Score>) -> f64 {
        let measured = |score: &Score| self.config.measure.of(option, score);
        measured(given) - prior.map_or(0.0, |prior| self.config.prior_weight * measured(prior))
    }
}

impl Processor for Texts {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        let Config { show, shots, neutral, examples, limit, prior_weight, .. } = &self.config;
        let Some(Question { text, options, before }) = Question::of(cx, *limit)? else { return pass() };
        let raw = self.is_raw(cx)?;
        let before = match before.is_empty() {
            true => examples.iter().take(*shots).map(|one| (one.question.clone(), one.answer.clone())).collect(),
            false => before,
        };
        let asked = match show {
            Show::Hidden => text,
            Show::Listed => format!("{text}\n{}", listed(&options, |_| "-".to_owned())),
        };
        // An answer in plain text begins with a space, which belongs to its first word.
        let completion = |option: &String| if raw { format!(" {option}") } else { option.clone() };
        let under = |prompt: &[Message]| -> Vec<ScoreItem> {
            options.iter().map(|option| ScoreItem::new(prompt, &completion(option))).collect()
        };
        let mut items = under(&self.prompt(cx, raw, &before, &asked));
        let weighed = *prior_weight > 0.0;
        if weighed {
            // After the same examples: what they make probable is no merit of the question.
            items.extend(under(&self.prompt(cx, raw, &before, neutral)));
        }
        let scores = scores(cx, items, raw)?;
        let (given, prior) = scores.split_at(options.len());
        let worth = options.iter().zip(given).enumerate();
        let worth = worth.map(|(place, (option, given))| self.worth(option, given, prior.get(place)));
        Ok(answer(&options, worth))
    }
}
