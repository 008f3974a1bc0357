//! `irrelevance_guard`: asks the model whether any tool can serve the request, and answers in words when it rather denies it. The
//! question is calibrated on a request that says nothing, since small models lean to one answer whatever is asked.

use harness_abi::{Cx, Decision, Event, Message, ModuleError, Outcome, Processor, ScoreItem, ScoreRequest, pass};
use serde::Deserialize;

use crate::request::Request;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `{request}` and `{tools}` are filled in.
    template: String,
    yes: String,
    no: String,
    /// Least log-odds of `yes` beyond those of a request that says nothing.
    threshold: f64,
    /// What is answered when no tool fits.
    reply: String,
}

/// The processor.
#[derive(Debug)]
pub struct IrrelevanceGuard {
    config: Config,
    request: Request,
    /// The last request judged, and whether a tool fits it.
    last: Option<(String, bool)>,
}

impl IrrelevanceGuard {
    /// Takes the wording.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config, request: Request::default(), last: None })
    }

    fn prompt(&self, request: &str, tools: &str) -> [Message; 1] {
        [Message::user(self.config.template.replace("{tools}", tools).replace("{request}", request))]
    }
}

impl Processor for IrrelevanceGuard {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        self.request.listen(cx);
        let Some(request) = self.request.text().map(str::to_owned) else { return pass() };
        let visible: Vec<&str> = cx.visible_tools().collect();
        if visible.is_empty() {
            return pass();
        }
        let fits = match &self.last {
            Some((judged, fits)) if *judged == request => *fits,
            _ => {
                let tools = cx.tools()?;
                let shown = tools.iter().filter(|tool| visible.contains(&tool.name.as_str()));
                let lines: Vec<String> = shown.map(|tool| format!("- {}: {}", tool.name, tool.description)).collect();
                let lines = lines.join("\n");
                let items = [request.as_str(), "N/A"].into_iter().flat_map(|asked| {
                    let prompt = self.prompt(asked, &lines);
                    [&self.config.yes, &self.config.no].map(|answer| ScoreItem::new(&prompt, answer))
                });
                let reply = cx.score("main", ScoreRequest::new(items))?;
                let [yes, no, calm_yes, calm_no] = reply.scores.as_slice() else {
                    return Err(ModuleError::fault("the model did not score every item").into());
                };
                let gain = (yes.logprob - no.logprob) - (calm_yes.logprob - calm_no.logprob);
                gain >= self.config.threshold
            }
        };
        self.last = Some((request, fits));
        if fits {
            pass()
        } else {
            Ok(vec![Decision::Answer { message: Message::assistant(self.config.reply.as_str()) }])
        }
    }
}
