//! What a score is worth, and which option it speaks for.

use harness_abi::{Cx, Decision, Message, ModuleError, Score, ScoreItem, ScoreReply, ScoreRequest, Stop};
use serde::Deserialize;

/// What a log-probability is divided by, so that long texts are not put off for being long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// By nothing.
    Sum,
    /// By its tokens.
    PerToken,
    /// By its bytes of UTF-8, which no tokenizer decides.
    PerByte,
}

impl Measure {
    /// The measure of a text's score.
    pub fn of(self, text: &str, score: &Score) -> f64 {
        match self {
            Self::Sum => score.logprob,
            Self::PerToken => score.logprob / f64::from(score.tokens.max(1)),
            Self::PerByte => score.logprob / text.len().max(1) as f64,
        }
    }
}

/// Asks for the scores of all items; `raw` reads prompts as plain text.
pub(crate) fn scores(cx: &Cx<'_>, items: Vec<ScoreItem>, raw: bool) -> Result<Vec<Score>, Stop> {
    let wanted = items.len();
    let request = ScoreRequest::new(items);
    let ScoreReply { scores, .. } = cx.score("main", if raw { request.raw() } else { request })?;
    match scores.len() == wanted {
        true => Ok(scores.into_vec()),
        false => Err(ModuleError::fault("the model did not score every item").into()),
    }
}

/// An item of plain text.
pub(crate) fn plain(prompt: &str, completion: &str) -> ScoreItem {
    ScoreItem::new(&[Message::user(prompt)], completion)
}

/// Answers with the best option; of equals, with the first.
pub(crate) fn answer(options: &[String], worth: impl IntoIterator<Item = f64>) -> Vec<Decision> {
    let mut best: Option<(f64, &String)> = None;
    for (option, worth) in options.iter().zip(worth) {
        if best.is_none_or(|(most, _)| worth > most) {
            best = Some((worth, option));
        }
    }
    best.map(|(_, option)| Decision::Answer { message: Message::assistant(option) }).into_iter().collect()
}
