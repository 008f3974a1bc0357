//! How an episode fails: a vocabulary of categories, each with an exact test on the trace; packs add theirs. Refuses to
//! read minds: a category says what is in the record, not why.

use std::collections::BTreeSet;
use std::sync::Arc;

use evolve_gate::{Outcome, Unit};
use harness_spec::{Catalogue, FailureCategory};
use serde::{Deserialize, Serialize};

/// Turns in a row with the same action and the same answer that make a loop.
pub const LOOP: usize = 3;
/// Steps in a row that show nothing new that make a standstill.
pub const STANDSTILL: usize = 6;

/// A failure category. Modules name the ones they help with in their manifest's `addresses`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Category {
    /// A module failed or broke its hook's contract: a fault is in the record, or the outcome is one.
    ModuleFault,
    /// A category of a pack (`[[category]]` of its manifest), whose sign is in the record often enough.
    Own(Arc<str>),
    /// A step's reply ran into its limit of tokens, or a model refused its input (a fault of class `input`).
    ContextOverflow,
    /// The arguments of a tool call are no JSON object.
    MalformedCall,
    /// The environment refused an action as malformed or impossible.
    InvalidAction,
    /// The same action met the same answer [`LOOP`] times in a row.
    ActionLoop,
    /// A tool reported failure.
    ToolError,
    /// The task's message was cut out of the history.
    LostGoal,
    /// For [`STANDSTILL`] steps in a row the environment showed nothing it had not shown before.
    NoProgress,
    /// Steps, tokens, money or time ran out.
    BudgetExhausted,
    /// The harness ended the episode although the environment had not said that it was over: a processor interrupted it, or
    /// its last step did nothing in the environment.
    PrematureFinish,
    /// It failed, and nothing above is in the record.
    WrongAnswer,
}

impl Category {
    /// The built-in ones, the most specific first: the first that holds is an episode's primary one. One of a pack comes
    /// directly before the one it refines, or else behind the first of these.
    pub const ALL: [Self; 11] = [
        Self::ModuleFault,
        Self::ContextOverflow,
        Self::MalformedCall,
        Self::InvalidAction,
        Self::ActionLoop,
        Self::ToolError,
        Self::LostGoal,
        Self::NoProgress,
        Self::BudgetExhausted,
        Self::PrematureFinish,
        Self::WrongAnswer,
    ];

    /// The name in manifests and reports.
    pub fn name(&self) -> &str {
        match self {
            Self::ModuleFault => "module_fault",
            Self::Own(name) => name,
            Self::ContextOverflow => "context_overflow",
            Self::MalformedCall => "malformed_call",
            Self::InvalidAction => "invalid_action",
            Self::ActionLoop => "action_loop",
            Self::ToolError => "tool_error",
            Self::LostGoal => "lost_goal",
            Self::NoProgress => "no_progress",
            Self::BudgetExhausted => "budget_exhausted",
            Self::PrematureFinish => "premature_finish",
            Self::WrongAnswer => "wrong_answer",
        }
    }
}

impl From<String> for Category {
    fn from(name: String) -> Self {
        let built_in = Self::ALL.into_iter().find(|category| category.name() == name);
        built_in.unwrap_or_else(|| Self::Own(name.into()))
    }
}

impl From<Category> for String {
    fn from(category: Category) -> Self {
        category.name().to_owned()
    }
}

/// Whether an outcome is a pass: the full score.
pub fn passed(outcome: Outcome) -> bool {
    outcome.score().is_some_and(|score| score == Unit::ONE)
}

/// A category that holds, with the first step at which it shows.
pub type Shown = (Category, u64);

/// The categories that installed packs bring, with their tests.
#[derive(Debug, Clone, Default)]
pub struct Categories {
    pub(crate) own: Vec<(Category, FailureCategory)>,
}

impl Categories {
    /// Those of a catalogue, in its order; the first pack to use a name has it, and no pack has a built-in one.
    pub fn of(catalogue: &Catalogue) -> Self {
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        let built_in = |name: &str| Category::ALL.iter().any(|category| category.name() == name);
        let all = catalogue.packs().flat_map(|pack| &pack.categories);
        let own = all.filter(|own| !built_in(&own.name) && taken.insert(&own.name));
        Self { own: own.map(|own| (Category::Own(own.name.as_str().into()), own.clone())).collect() }
    }

    /// Whether a module that claims to help with `claimed` helps with `category`: by its name, or by the name of the
    /// one it refines.
    pub fn helps(&self, claimed: &str, category: &Category) -> bool {
        claimed == category.name()
            || self.own.iter().any(|(own, test)| own == category && test.refines.as_deref() == Some(claimed))
    }

    /// Where a category stands: the most specific first, and what refines another directly before it.
    pub(crate) fn rank(&self, category: &Category) -> (usize, usize) {
        let place = |name: &str| Category::ALL.iter().position(|built_in| built_in.name() == name);
        match self.own.iter().position(|(own, _)| own == category) {
            Some(k) => {
                let refines = self.own.get(k).and_then(|(_, test)| test.refines.as_deref());
                (refines.and_then(place).unwrap_or(1), k)
            }
            None => (place(category.name()).unwrap_or(0), self.own.len()),
        }
    }
}
