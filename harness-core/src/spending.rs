//! What an episode has spent and what it may spend. Checked at step boundaries and before questions: a call under way is
//! never cut off for tokens or money, so a budget may be passed by one call; wall clock does cut.

use harness_abi::{BudgetLeft, Usage};
use harness_spec::Budget;
use harness_trace::EpisodeEnd;
use serde::{Deserialize, Serialize};

/// What an episode may spend; `u64::MAX` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BudgetLimits {
    pub steps: u64,
    /// Whether the task set `steps`, not the harness.
    pub by_task: bool,
    pub tokens: u64,
    pub micros: u64,
    pub cost_micros: u64,
    /// What whoever plays the episode has left: of tokens, microseconds and money.
    pub allowed: [u64; 3],
}

impl BudgetLimits {
    /// The harness's budget, and the turns the task allows (0: as many as the harness).
    pub fn new(budget: &Budget, max_turns: u32) -> Self {
        let steps = u64::from(budget.steps);
        let turns = if max_turns == 0 { u64::MAX } else { u64::from(max_turns) };
        Self {
            steps: steps.min(turns),
            by_task: turns <= steps,
            tokens: budget.tokens.unwrap_or(u64::MAX),
            micros: budget.seconds.map_or(u64::MAX, |seconds| seconds.saturating_mul(1_000_000)),
            cost_micros: budget.cost.unwrap_or(u64::MAX),
            allowed: [u64::MAX; 3],
        }
    }

    /// No more than `allowed`.
    pub fn within(self, allowed @ [tokens, micros, cost]: [u64; 3]) -> Self {
        Self {
            tokens: self.tokens.min(tokens),
            micros: self.micros.min(micros),
            cost_micros: self.cost_micros.min(cost),
            allowed,
            ..self
        }
    }

    /// As [`BudgetLimits::within`], of what is left to another episode.
    pub fn left_by(self, left: BudgetLeft) -> Self {
        self.within([left.tokens, left.millis.saturating_mul(1000), left.cost_micros])
    }
}

/// What one call may be said to have used of anything. A figure above it is a mistake, and sums of such would not stay numbers; a budget
/// is spent by less.
const MOST: u64 = 1 << 48;

/// The figures a module gave, within reason.
pub(crate) fn within_reason(usage: Usage) -> Usage {
    let Usage { input_tokens, cached_tokens, output_tokens, cost_micros } = usage;
    Usage {
        input_tokens: input_tokens.min(MOST),
        cached_tokens: cached_tokens.min(MOST),
        output_tokens: output_tokens.min(MOST),
        cost_micros: cost_micros.min(MOST),
    }
}

/// What an episode has spent.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Spent {
    /// As if nothing had been replayed.
    pub usage: Usage,
    /// Of that, what replayed calls account for.
    pub replayed: Usage,
    /// Money of tools.
    pub tools_cost_micros: u64,
}

impl Spent {
    /// Counts a model call.
    pub fn add(&mut self, usage: Usage, replayed: bool) {
        self.usage += usage;
        if replayed {
            self.replayed += usage;
        }
    }

    /// Counts what a tool cost.
    pub fn add_tool(&mut self, cost_micros: u64) {
        self.tools_cost_micros += cost_micros.min(MOST);
    }

    /// Counts an episode that answered a call.
    pub fn add_inner(&mut self, end: &EpisodeEnd) {
        self.usage += end.usage;
        self.replayed += end.replayed;
    }

    fn tokens(&self) -> u64 {
        self.usage.input_tokens + self.usage.output_tokens
    }

    fn cost(&self) -> u64 {
        self.usage.cost_micros + self.tools_cost_micros
    }

    /// The budget that is used up before step `step`, in words.
    pub fn exhausted(&self, limits: &BudgetLimits, step: u64, elapsed: u64) -> Option<String> {
        if step >= limits.steps {
            let whose = if limits.by_task { "turns of the task" } else { "steps" };
            return Some(format!("all {} {whose} are used", limits.steps));
        }
        if elapsed >= limits.micros {
            return Some(format!("{} s of wall clock are used", limits.micros / 1_000_000));
        }
        if self.tokens() >= limits.tokens {
            return Some(format!("{} of {} tokens are used", self.tokens(), limits.tokens));
        }
        if self.cost() >= limits.cost_micros {
            return Some(format!("{} of {} micro-USD are spent", self.cost(), limits.cost_micros));
        }
        None
    }

    /// Whether step `step` is one more than the task allows: then the episode is over, not out of budget.
    pub fn task_is_over(limits: &BudgetLimits, step: u64) -> bool {
        limits.by_task && step >= limits.steps
    }

    /// The largest share of any budget that is spent, after `steps` steps.
    pub fn share(&self, limits: &BudgetLimits, steps: u64, elapsed: u64) -> f64 {
        let pairs = [
            (steps, limits.steps),
            (self.tokens(), limits.tokens),
            (elapsed, limits.micros),
            (self.cost(), limits.cost_micros),
        ];
        let share =
            |(spent, limit): (u64, u64)| if limit == u64::MAX { 0.0 } else { spent as f64 / limit.max(1) as f64 };
        pairs.into_iter().map(share).fold(0.0, f64::max)
    }

    /// What is left.
    pub fn left(&self, limits: &BudgetLimits, step: u64, elapsed: u64) -> BudgetLeft {
        let left = |limit: u64, spent: u64| if limit == u64::MAX { limit } else { limit.saturating_sub(spent) };
        BudgetLeft {
            steps: left(limits.steps, step),
            tokens: left(limits.tokens, self.tokens()),
            millis: if limits.micros == u64::MAX { u64::MAX } else { left(limits.micros, elapsed) / 1000 },
            cost_micros: left(limits.cost_micros, self.cost()),
        }
    }
}
