//! Processors: only what the hook allows and in time, the same for the same seed, nothing carried from one episode to another.

use std::time::{Duration, Instant};

use harness_abi::{
    Answer, Ask, ChatReply, Constraint, Decision, Hook, Message, ModelInfo, ModuleError, Observation, Part, ReplyExtra,
    Role, Score, ScoreReply, ToolSpec, Usage,
};
use harness_host::{Resolved, testing::FakeContext};
use serde_json::json;

use super::{
    memory::{self, short},
    report::Sheet,
};
use crate::contract;

/// What an episode waits for a hook by default.
const IN_TIME: Duration = Duration::from_secs(10);

/// Other episodes between two that must be equal.
const BETWEEN: u64 = 20;

pub(super) fn examine(resolved: &Resolved, sheet: &mut Sheet) {
    let it = resolved.clone();
    let sound = sheet.check("answers its hooks with what they allow", move || {
        let mut slowest = Duration::ZERO;
        let calls = episode(&it, 7, false, &mut slowest)?.len();
        match slowest {
            late if late > IN_TIME => Err(format!("a call took {}; an episode waits 10 s", short(late))),
            slowest => Ok(format!("{calls} calls, the slowest {}", short(slowest))),
        }
    });
    if !sound {
        return;
    }
    const SAME: &str = "decides the same with the same seed";
    const FRESH: &str = "carries nothing from one episode to another";
    if super::promise::repeats(&resolved.manifest) {
        let it = resolved.clone();
        sheet.check(SAME, move || {
            let same = played(&it, 7)? == played(&it, 7)?;
            if same {
                Ok(String::new())
            } else {
                Err("two fresh instances decide differently about the same episode".into())
            }
        });
        let it = resolved.clone();
        sheet.check(FRESH, move || {
            let before = played(&it, 7)?;
            (0..BETWEEN).try_for_each(|seed| played(&it, 100 + seed).map(drop))?;
            let same = before == played(&it, 7)?;
            if same { Ok(String::new()) } else { Err(format!("it decides otherwise after {BETWEEN} other episodes")) }
        });
    } else {
        [SAME, FRESH].into_iter().for_each(|name| sheet.leave_out(name, super::promise::NOT_PROMISED));
    }
    let it = resolved.clone();
    sheet.check("comes back when the episode is cancelled", move || {
        // An error is as good as a decision: what counts is that it returns.
        let _ = episode(&it, 7, true, &mut Duration::default());
        Ok(String::new())
    });
    let it = resolved.clone();
    memory::examine(sheet, resolved.process_id(), move |number| played(&it, u64::from(number)).map(drop));
}

fn played(resolved: &Resolved, seed: u64) -> Result<Vec<Vec<Decision>>, String> {
    episode(resolved, seed, false, &mut Duration::default())
}

/// Calls a fresh instance at every hook it names, over three steps; gives what it decided, and the time of its slowest call.
fn episode(
    resolved: &Resolved,
    seed: u64,
    cancelled: bool,
    slowest: &mut Duration,
) -> Result<Vec<Vec<Decision>>, String> {
    let mut processor = resolved.processor().map_err(|error| format!("it does not start: {error}"))?;
    let mut decided = Vec::new();
    for step in 0..3 {
        for hook in Hook::ALL {
            let only_once = matches!(hook, Hook::TaskStart) && step > 0 || matches!(hook, Hook::TaskEnd) && step < 2;
            if only_once || !resolved.manifest.hooks.contains(&hook) {
                continue;
            }
            let mut context = context(hook, step);
            (context.seed, context.cancelled) = (seed, cancelled);
            let began = Instant::now();
            let outcome = context.call_hook(&mut processor, hook, answer);
            *slowest = began.elapsed().max(*slowest);
            let decisions = outcome.map_err(|error| format!("it fails at {}: {error}", hook.name()))?;
            if let Some(wrong) = decisions.iter().find(|decision| !contract::allows(hook, decision)) {
                return Err(format!(
                    "it answers {} with `{}`, which is not allowed there",
                    hook.name(),
                    contract::name(wrong)
                ));
            }
            decided.push(decisions);
        }
    }
    Ok(decided)
}

/// An ordinary moment: a task, two tools, admissible actions, whatever the hook is about.
fn context(hook: Hook, step: u64) -> FakeContext {
    let tool = |name: &str| ToolSpec {
        name: name.to_owned(),
        description: format!("Does {name}."),
        input_schema: json!({"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}),
        read_only: false,
        idempotent: false,
    };
    let observation = Observation {
        text: "You are in a room.".to_owned(),
        admissible: vec!["go north".to_owned(), "look".to_owned()],
        ..Observation::default()
    };
    let mut history = vec![Message::user("Your task is to: count 3 apples.")];
    for turn in 0..step {
        history.push(Message::assistant(format!("look {turn}")));
        history.push(Message::user("You are in a room."));
    }
    let call = Message::new(Role::Assistant, [Part::tool_call("c1", "apples", "{\"count\": 3}")]);
    let info = ModelInfo { name: "conformance".to_owned(), simulated: true, ..ModelInfo::default() };
    let mut context = FakeContext::default()
        .history(history)
        .tools(&[tool("apples"), tool("pears")])
        .observation(&observation)
        .constraint(&Constraint::Choice { choices: observation.admissible.clone() })
        .model(&info);
    context.step = step;
    if hook >= Hook::AfterModel {
        context = context.response(call, &ReplyExtra::default());
    }
    if matches!(hook, Hook::BeforeTool | Hook::AfterTool) {
        context = context.call("c1", "apples", "{\"count\": 3}");
    }
    if hook == Hook::AfterTool {
        context.result = Some(Message::tool_result("c1", "3 apples", false));
    }
    if hook == Hook::TaskEnd {
        context.outcome = "done: conformance".to_owned();
    }
    context
}

/// A model that says little and scores by length: always the same.
fn answer(ask: &Ask) -> Answer {
    match ask {
        Ask::Chat { .. } => Answer::Chat { reply: ChatReply::text("look") },
        Ask::Score { score } => {
            let scores = score.request.items.iter().map(|item| {
                let tokens = item.completion.split_whitespace().count() as u32;
                Score { logprob: -f64::from(tokens) - item.prompt.len() as f64, tokens: tokens.max(1) }
            });
            let reply = ScoreReply { scores: scores.collect(), usage: Usage::default(), extra: Default::default() };
            Answer::Score { reply }
        }
        _ => Answer::Failed { error: ModuleError::unsupported("a question newer than this suite") },
    }
}
