//! The pack `{{name}}`: a planner that says the task again every few steps and asks for the next subgoal.

use harness_abi::{Cx, Decision, Event, Message, Outcome, Processor, Role, pass};
use serde::Deserialize;

/// Its configuration: the fields of `[module.config.…]` in pack.toml. What a harness leaves out has its default.
#[derive(Debug, Deserialize)]
pub struct Goal {
    every: u64,
}

impl Goal {
    /// What to say before this step, if anything: the first message of the user is the task.
    fn reminder(&self, step: u64, history: &[Message]) -> Option<String> {
        let task = history.iter().find(|message| message.role() == Role::User)?;
        let due = step > 0 && step.is_multiple_of(self.every.max(1));
        due.then(|| format!("Remember your task: {}\nWhich subgoal comes next? Do what serves it.", task.text()))
    }
}

impl Processor for Goal {
    /// Called for the hooks pack.toml names. What it answers are decisions: data that the engine checks and records.
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        match event {
            Event::BeforeModel => match self.reminder(cx.step(), cx.history()) {
                Some(text) => Ok(vec![Decision::AppendUser { text: text.into() }]),
                None => pass(),
            },
            _ => pass(),
        }
    }
}

harness_abi::export_pack! {
    manifest: include_str!("../pack.toml"),
    processors: { "goal" => |config: Goal| Ok(config) },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_is_said_again_when_it_is_time() {
        let goal = Goal { every: 2 };
        let history = [Message::user("Find the key."), Message::assistant("look")];
        assert_eq!(goal.reminder(0, &history), None);
        assert_eq!(goal.reminder(1, &history), None);
        assert!(goal.reminder(2, &history).is_some_and(|text| text.contains("Find the key.")));
        assert_eq!(goal.reminder(2, &[]), None);
    }
}
