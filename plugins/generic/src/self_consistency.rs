//! `self_consistency`: lets the model answer several times and takes the answer given most often (Wang et al. 2022).

use harness_abi::{
    AskChat, ChatReply, Cx, Decision, Event, ModuleError, Outcome, Processor, Sampling, Stop, ToolSpec, pass,
};
use serde::Deserialize;
use serde_json::Value;

use crate::pmi_choice::conversation;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    samples: u64,
    temperature: f64,
    vote: Vote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Vote {
    Whole,
    LastLine,
}

/// The processor.
#[derive(Debug)]
pub struct SelfConsistency {
    config: Config,
}

impl SelfConsistency {
    /// Takes the configuration.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config })
    }

    /// What two answers must share to count as one.
    fn ballot(&self, reply: &ChatReply) -> String {
        let calls: Vec<String> =
            reply.message.calls().map(|call| format!("{} {}", call.name, canonical(call.arguments))).collect();
        if !calls.is_empty() {
            return calls.join("\n");
        }
        let text = reply.message.text().trim().to_lowercase();
        match self.config.vote {
            Vote::Whole => text,
            Vote::LastLine => text.lines().next_back().unwrap_or_default().trim().to_owned(),
        }
    }
}

/// JSON with the keys of its outermost object sorted; anything else as it is.
fn canonical(arguments: &str) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_str(arguments) else { return arguments.to_owned() };
    let mut fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    fields.sort_unstable();
    fields.join(",")
}

impl Processor for SelfConsistency {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        let (constraint, sampling, messages) = (cx.constraint()?, cx.sampling()?, conversation(cx));
        let visible: Vec<&str> = cx.visible_tools().collect();
        let mut tools: Vec<ToolSpec> = cx.tools()?;
        tools.retain(|tool| visible.contains(&tool.name.as_str()));
        // All samples are asked for before the first is missed, so that the host can draw them side by side.
        let asked: Vec<Result<ChatReply, Stop>> = (0..self.config.samples)
            .map(|index| {
                let sampling = Sampling {
                    temperature: self.config.temperature,
                    seed: sampling.seed.wrapping_add(index),
                    ..sampling.clone()
                };
                let ask = AskChat::new(messages.iter().cloned()).constraint(&constraint).sampling(&sampling);
                cx.chat(if tools.is_empty() { ask } else { ask.tools(&tools) })
            })
            .collect();
        let replies = asked.into_iter().collect::<Result<Vec<_>, _>>()?;
        let ballots: Vec<String> = replies.iter().map(|reply| self.ballot(reply)).collect();
        let votes = |ballot: &String| ballots.iter().filter(|other| *other == ballot).count();
        // Of equals, the earliest.
        let winner = (0..ballots.len()).rev().max_by_key(|index| votes(&ballots[*index]));
        let Some(winner) = winner else { return pass() };
        let agreement = Decision::annotate(
            "self_consistency",
            &serde_json::json!({"votes": votes(&ballots[winner]), "of": ballots.len()}),
        );
        // An answer ends the hook, so the note comes first.
        Ok(vec![agreement, Decision::Answer { message: replies[winner].message.clone() }])
    }
}
