//! `budget_guard`: acts before a budget ends: reminds, asks for a final answer without tools, or stops in good order. The budget
//! itself is the engine's to enforce.

use harness_abi::{Constraint, Cx, Decision, Event, ModuleError, Outcome, Processor, pass};
use serde::Deserialize;

use crate::wording;

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Acts at so many steps left, the present one included; 0: steps do not matter.
    steps: u64,
    /// Acts at so many tokens left; 0: tokens do not matter.
    tokens: u64,
    /// Acts at so many milliseconds left; 0: time does not matter.
    millis: u64,
    mode: Mode,
    /// `{steps}` is filled in.
    hint: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Remind,
    FinalAnswer,
    Stop,
}

/// The processor.
#[derive(Debug)]
pub struct BudgetGuard {
    config: Config,
}

impl BudgetGuard {
    /// Takes the limits.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(config: Config) -> Result<Self, ModuleError> {
        Ok(Self { config })
    }
}

impl Processor for BudgetGuard {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        let (left, config) = (cx.budget(), &self.config);
        let near = [
            ("steps", left.steps, config.steps),
            ("tokens", left.tokens, config.tokens),
            ("milliseconds", left.millis, config.millis),
        ];
        let Some((what, amount, _)) = near.into_iter().find(|(_, left, limit)| *limit > 0 && left <= limit) else {
            return pass();
        };
        let hint = config.hint.replace("{steps}", &left.steps.to_string());
        Ok(match config.mode {
            Mode::Remind => vec![wording::add(cx, &hint)],
            Mode::FinalAnswer => vec![
                Decision::show_tools(Vec::<String>::new()),
                Decision::constrain(&Constraint::Free),
                wording::add(cx, &hint),
            ],
            Mode::Stop => vec![Decision::interrupt(format!("budget_exhausted: {amount} {what} left"))],
        })
    }
}
