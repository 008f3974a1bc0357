//! `pmi_choice`: chooses by what the conversation adds to a candidate's probability, not by that probability itself, so that short and
//! common strings do not win for being so (Holtzman et al. 2021). Answers in the model's place, or narrows the choice.

use std::collections::BTreeMap;

use harness_abi::{
    Constraint, Cx, Decision, Event, Message, ModuleError, Outcome, Processor, Score, ScoreItem, ScoreRequest, pass,
};
use serde::Deserialize;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the candidates are scored under for their prior.
    neutral: String,
    /// How much of the prior is taken off.
    prior_weight: f64,
    /// Whether scores are means a token.
    per_token: bool,
    /// 1 answers with the best; more leaves the model so many to choose from.
    top: usize,
    /// Longer choices are left to the model.
    limit: usize,
}

/// The processor.
#[derive(Debug)]
pub struct PmiChoice {
    config: Config,
    /// Priors known, by candidate: the neutral prompt never changes.
    priors: BTreeMap<String, f64>,
}

impl PmiChoice {
    /// Takes the configuration.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config, priors: BTreeMap::new() })
    }

    fn measure(&self, score: &Score) -> f64 {
        if self.config.per_token { score.logprob / f64::from(score.tokens.max(1)) } else { score.logprob }
    }
}

/// The conversation as the model would get it.
pub fn conversation(cx: &Cx<'_>) -> Vec<Message> {
    let system = (!cx.system().is_empty()).then(|| Message::system(cx.system()));
    system.into_iter().chain(cx.history().iter().cloned()).collect()
}

impl Processor for PmiChoice {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        let Constraint::Choice { choices } = cx.constraint()? else { return pass() };
        let Config { top, limit, prior_weight, .. } = self.config;
        if choices.len() <= top.max(1) || choices.len() > limit {
            return pass();
        }
        let (prompt, neutral) = (conversation(cx), [Message::user(self.config.neutral.as_str())]);
        let unknown: Vec<&String> = choices.iter().filter(|choice| !self.priors.contains_key(*choice)).collect();
        let items = choices
            .iter()
            .map(|choice| ScoreItem::new(&prompt, choice))
            .chain(unknown.iter().map(|choice| ScoreItem::new(&neutral, choice)));
        let reply = cx.score("main", ScoreRequest::new(items))?;
        if reply.scores.len() != choices.len() + unknown.len() {
            return Err(ModuleError::fault("the model did not score every item").into());
        }
        let (given, prior) = reply.scores.as_slice().split_at(choices.len());
        let new: Vec<(String, f64)> =
            unknown.into_iter().zip(prior).map(|(choice, score)| (choice.clone(), self.measure(score))).collect();
        self.priors.extend(new);
        let mut ranked: Vec<(f64, &String)> = choices
            .iter()
            .zip(given)
            .map(|(choice, score)| {
                let prior = self.priors.get(choice).copied().unwrap_or_default();
                (self.measure(score) - prior_weight * prior, choice)
            })
            .collect();
        // Stable: of equals, the earlier choice.
        ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let best: Vec<String> = ranked.iter().take(top.max(1)).map(|(_, choice)| (*choice).clone()).collect();
        Ok(vec![match &best[..] {
            [one] => Decision::Answer { message: Message::assistant(one) },
            _ => Decision::constrain(&Constraint::Choice { choices: best }),
        }])
    }
}
