//! What all routers share: the request, the candidates, the decision; and the memory that spares a second ranking of the same.

use harness_abi::{Constraint, Cx, Decision, Event, ModuleError, Outcome, Processor, Role, Stop, ToolSpec, pass};
use serde::Deserialize;

use crate::rank;

/// Which message of the user's is the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// The first.
    First,
    /// The newest.
    Last,
}

/// How a router scores.
pub trait Score: Send + 'static {
    /// One score for each tool: the higher, the better it fits.
    fn score(&self, cx: &Cx<'_>, question: &str, tools: &[ToolSpec]) -> Result<Ranking, Stop>;
}

/// Scores of the candidates.
#[derive(Debug)]
pub struct Ranking {
    /// One for each candidate; the best are shown.
    pub scores: Vec<f64>,
    /// How well the best one fits, on a scale that has a zero: a router that rejects shows none below its threshold.
    pub fit: f64,
}

/// What all routers are configured with.
#[derive(Debug, Deserialize)]
pub struct Common {
    /// Tools shown.
    pub k: usize,
    /// Which message is the request.
    pub question: Question,
    /// Whether no tool is shown when the best one fits worse than `threshold`.
    pub reject: bool,
    /// See `reject`.
    pub threshold: f64,
}

/// A router made of a score.
#[derive(Debug)]
pub struct Router<S> {
    common: Common,
    score: S,
    question: Option<String>,
    /// The last request and candidates, and what was shown for them.
    last: Option<(String, Vec<String>, Vec<String>)>,
}

impl<S: Score> Router<S> {
    /// A router that ranks by `score`.
    pub const fn new(common: Common, score: S) -> Self {
        Self { common, score, question: None, last: None }
    }

    /// Keeps the request as it was when it came: later processors may add to the message.
    fn listen(&mut self, cx: &Cx<'_>) {
        if self.common.question == Question::First && self.question.is_some() {
            return;
        }
        let mut asked =
            cx.history().iter().filter(|message| message.role() == Role::User && message.id() != "demonstration");
        let message = match (self.common.question, &self.question) {
            (Question::First, _) => asked.next(),
            // Only a message that no model has answered is new and as its author left it.
            (Question::Last, Some(_)) => cx.history().last().filter(|last| last.role() == Role::User),
            (Question::Last, None) => asked.next_back(),
        };
        if let Some(message) = message {
            self.question = Some(message.text().into_owned());
        }
    }
}

fn decide(shown: &[String]) -> Outcome {
    let show = Decision::show_tools(shown);
    // Without tools there is no call to insist on.
    let free = shown.is_empty().then(|| Decision::constrain(&Constraint::Free));
    Ok([show].into_iter().chain(free).collect())
}

impl<S: Score> Processor for Router<S> {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        self.listen(cx);
        let Some(question) = self.question.clone() else { return pass() };
        let names: Vec<String> = cx.visible_tools().map(str::to_owned).collect();
        if names.is_empty() || (names.len() <= self.common.k && !self.common.reject) {
            return pass();
        }
        if let Some((old, candidates, shown)) = &self.last
            && (old, candidates) == (&question, &names)
        {
            return decide(shown);
        }
        let all = cx.tools()?;
        let tools: Vec<ToolSpec> =
            names.iter().filter_map(|name| all.iter().find(|tool| tool.name == *name).cloned()).collect();
        if tools.len() != names.len() {
            return Err(ModuleError::fault("a visible tool is not among the tools on offer").into());
        }
        let Ranking { scores, fit } = self.score.score(cx, &question, &tools)?;
        let rejected = self.common.reject && fit < self.common.threshold;
        let k = if rejected { 0 } else { self.common.k };
        let shown: Vec<String> = rank::best(&scores, k).into_iter().map(|index| names[index].clone()).collect();
        let decisions = decide(&shown);
        let ranked: Vec<(&String, f64)> = names.iter().zip(scores).collect();
        let note = Decision::annotate("tool_router", &serde_json::json!({"scores": ranked, "fit": fit}));
        self.last = Some((question, names.clone(), shown));
        decisions.map(|mut decisions| {
            decisions.push(note);
            decisions
        })
    }
}

/// Asks the main model for log p(completion | prompt), one number of nats and its tokens for each pair.
pub fn ask(
    cx: &Cx<'_>,
    pairs: impl IntoIterator<Item = (harness_abi::Message, String)>,
) -> Result<Vec<harness_abi::Score>, Stop> {
    let items: Vec<harness_abi::ScoreItem> =
        pairs.into_iter().map(|(prompt, completion)| harness_abi::ScoreItem::new(&[prompt], &completion)).collect();
    let asked = items.len();
    let scores: Vec<harness_abi::Score> = cx.score("main", harness_abi::ScoreRequest::new(items))?.scores.into();
    if scores.len() == asked {
        Ok(scores)
    } else {
        let got = scores.len();
        Err(ModuleError::fault(format_args!("the model scored {got} items of {asked}")).into())
    }
}

/// Nats a token.
pub fn per_token(score: &harness_abi::Score) -> f64 {
    score.logprob / f64::from(score.tokens.max(1))
}
