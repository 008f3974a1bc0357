//! `loop_guard`: notices that the agent does the same and sees the same, takes such actions out of a choice, says so, or ends the
//! episode. Looks at a window of turns.

use std::collections::VecDeque;

use harness_abi::{Constraint, Cx, Decision, Event, ModuleError, Outcome, Processor, pass};
use serde::Deserialize;

use crate::turns::{Past, Turn};
use crate::wording::Aside;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Turns looked back at.
    window: usize,
    /// So many equal turns are a loop.
    repeats: usize,
    mode: Mode,
    /// So many equal turns end the episode; 0: none does.
    interrupt_after: usize,
    /// `{action}` and `{count}` are filled in.
    hint: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Hint,
    Mask,
    Both,
}

/// The processor.
#[derive(Debug)]
pub struct LoopGuard {
    config: Config,
    past: Past,
    aside: Aside,
}

impl LoopGuard {
    /// Takes the limits.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config, past: Past::default(), aside: Aside::default() })
    }
}

fn count(turns: &VecDeque<Turn>, turn: &Turn) -> usize {
    turns.iter().filter(|other| *other == turn).count()
}

impl Processor for LoopGuard {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        match event {
            Event::StepStart => return Ok(self.aside.withdraw(cx)),
            Event::BeforeModel => {}
            _ => return pass(),
        }
        let config = &self.config;
        self.past.observe(cx, config.window)?;
        let turns = self.past.turns();
        let Some(last) = turns.front() else { return pass() };
        let times = count(turns, last);
        if config.interrupt_after > 0 && times >= config.interrupt_after {
            return Ok(vec![Decision::interrupt(format!(
                "action_loop: `{}` {times} times with the same result",
                last.action
            ))]);
        }
        let mut decisions = Vec::new();
        if config.mode != Mode::Hint
            && let Constraint::Choice { choices } = cx.constraint()?
        {
            let looping = |choice: &String| {
                turns.iter().any(|turn| turn.action == choice.trim() && count(turns, turn) >= config.repeats)
            };
            let left: Vec<String> = choices.iter().filter(|choice| !looping(choice)).cloned().collect();
            // All choices looping is a reason to try any of them again, not to be left with none.
            if !left.is_empty() && left.len() < choices.len() {
                decisions.push(Decision::constrain(&Constraint::Choice { choices: left }));
            }
        }
        if config.mode != Mode::Mask && times >= config.repeats {
            let hint = config.hint.replace("{action}", &last.action).replace("{count}", &times.to_string());
            decisions.push(self.aside.add(cx, &hint));
        }
        Ok(decisions)
    }
}
