//! The action router: sorts the possible actions, most promising first, and leaves the first few. Knows which places are
//! likely for an object and what was looked at already; knows no plan.

use harness_abi::{Constraint, Cx, Decision, Event, Outcome, Processor, pass};
use serde::Deserialize;

use crate::affinity;
use crate::belief::Belief;
use crate::goal::kind;
use crate::planner::{choices, destination};

/// Configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    rank: Rank,
    /// Most actions left; 0 leaves all.
    limit: usize,
    /// First words of actions that are left out while others remain.
    drop: Vec<String>,
    /// Whether places already looked at come last.
    avoid_visited: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rank {
    Likely,
    Cheap,
    Given,
}

/// The processor.
#[derive(Debug)]
pub struct Router {
    config: Config,
    belief: Belief,
}

impl Router {
    /// Starts without a picture of the house.
    pub fn new(config: Config) -> Self {
        Self { config, belief: Belief::default() }
    }

    /// What sorts an action: lower is better.
    fn cost(&self, action: &str) -> (bool, usize) {
        // Whatever does something at hand comes before going elsewhere.
        let Some(place) = destination(action) else { return (false, 0) };
        let visited = self.config.avoid_visited && self.belief.searched(place);
        let place = kind(place);
        let rank = match (self.config.rank, &self.belief.goal) {
            (Rank::Given, _) => 0,
            (Rank::Likely, Some(goal)) => affinity::rank(self.sought(goal), place),
            (Rank::Cheap | Rank::Likely, _) => usize::from(affinity::is_shut(place)),
        };
        (visited, 1 + rank)
    }

    /// What is being looked for: the object, or the lamp once the object is in hand.
    fn sought<'g>(&self, goal: &'g crate::goal::Goal) -> &'g str {
        let in_hand = self.belief.holding.as_deref().is_some_and(|object| kind(object) == goal.object);
        if in_hand && goal.lamp { &goal.target } else { &goal.object }
    }
}

impl Processor for Router {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        self.belief.observe(cx)?;
        let Some(all) = choices(cx)? else { return pass() };
        let dropped = |action: &str| {
            let verb = action.split_whitespace().next().unwrap_or_default();
            self.config.drop.iter().any(|word| word == verb)
        };
        let mut left: Vec<String> = all.iter().filter(|action| !dropped(action)).cloned().collect();
        if left.is_empty() {
            left.clone_from(&all);
        }
        left.sort_by_key(|action| self.cost(action));
        if self.config.limit > 0 {
            left.truncate(self.config.limit);
        }
        if left == all {
            return pass();
        }
        Ok(vec![Decision::constrain(&Constraint::Choice { choices: left })])
    }
}
