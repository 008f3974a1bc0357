//! `action_memory`: remembers which actions came to nothing in which state, takes them out of the choice there, or names them.

use harness_abi::{Constraint, Cx, Decision, Event, ModuleError, Outcome, Processor, Role, pass};
use serde::Deserialize;

use crate::past::{Deed, Past, narrowed};

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    scope: Scope,
    forget: Forget,
    /// So many times before an action counts.
    after: usize,
    mode: Mode,
    /// Words by which an observation says that nothing came of it.
    refusals: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Scope {
    State,
    Episode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Forget {
    NoEffect,
    Tried,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Mask,
    Hint,
    Both,
}

/// The processor.
#[derive(Debug)]
pub struct ActionMemory {
    config: Config,
    past: Past,
}

impl ActionMemory {
    /// Starts with an empty memory.
    ///
    /// # Errors
    ///
    /// The configuration holds what it cannot work with, which is named.
    pub fn new(mut config: Config) -> Result<Self, ModuleError> {
        for refusal in &mut config.refusals {
            *refusal = refusal.to_lowercase();
        }
        Ok(Self { config, past: Past::default() })
    }

    fn vain(&self, action: &str) -> bool {
        let here = |deed: &&Deed| self.config.scope == Scope::Episode || deed.state == self.past.state();
        let counts = |deed: &&Deed| self.config.forget == Forget::Tried || !deed.effect;
        let same = |deed: &&Deed| deed.action == action;
        self.past.deeds().iter().filter(same).filter(here).filter(counts).count() >= self.config.after
    }
}

impl Processor for ActionMemory {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        self.past.observe(cx, &self.config.refusals)?;
        let mut decisions = Vec::new();
        if self.config.mode != Mode::Hint
            && let Constraint::Choice { choices } = cx.constraint()?
            && let Some(choices) = narrowed(&choices, |choice| !self.vain(choice.trim()))
        {
            decisions.push(Decision::constrain(&Constraint::Choice { choices }));
        }
        if self.config.mode != Mode::Mask {
            let mut vain: Vec<&str> = Vec::new();
            for deed in self.past.deeds() {
                if self.vain(&deed.action) && !vain.contains(&deed.action.as_str()) {
                    vain.push(&deed.action);
                }
            }
            if !vain.is_empty() {
                let text = format!("These came to nothing here: {}", vain.join("; "));
                decisions.push(match cx.history().last() {
                    Some(last) if last.role() == Role::User => {
                        Decision::SetLastUser { text: format!("{}\n\n{text}", last.text()).into() }
                    }
                    _ => Decision::AppendUser { text: text.into() },
                });
            }
        }
        Ok(decisions)
    }
}
