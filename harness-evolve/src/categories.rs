//! How an episode fails: a closed vocabulary, each word with an exact test on the trace. Refuses to read minds: a category
//! says what is in the record, not why.

use std::collections::BTreeSet;

use evolve_gate::{Outcome, Unit};
use harness_abi::{Finish, Role};
use harness_trace::{Entry, Purpose};
use serde::{Deserialize, Serialize};

use crate::arena::Played;

/// Turns in a row with the same action and the same answer that make a loop.
pub const LOOP: usize = 3;
/// Steps in a row that show nothing new that make a standstill.
pub const STANDSTILL: usize = 6;

/// A failure category. Modules name the ones they help with in their manifest's `addresses`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// A module failed or broke its hook's contract: a fault is in the record, or the outcome is one.
    ModuleFault,
    /// A step's reply ran into its limit of tokens, or a model refused its input (a fault of class `input`).
    ContextOverflow,
    /// The arguments of a tool call are no JSON object.
    MalformedCall,
    /// The world refused an action as malformed or impossible.
    InvalidAction,
    /// The same action met the same answer [`LOOP`] times in a row.
    ActionLoop,
    /// A tool reported failure.
    ToolError,
    /// The task's message was cut out of the history.
    LostGoal,
    /// For [`STANDSTILL`] steps in a row the world showed nothing it had not shown before.
    NoProgress,
    /// Steps, tokens, money or time ran out.
    BudgetExhausted,
    /// The harness ended the episode although the world had not said that it was over: a processor interrupted it, or
    /// its last step did nothing in the world.
    PrematureFinish,
    /// It failed, and nothing above is in the record.
    WrongAnswer,
}

impl Category {
    /// All, the most specific first: the first that holds is an episode's primary one.
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
    pub const fn name(self) -> &'static str {
        match self {
            Self::ModuleFault => "module_fault",
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

/// Whether an outcome is a pass: the full score.
pub fn passed(outcome: Outcome) -> bool {
    outcome.score().is_some_and(|score| score == Unit::ONE)
}

/// A category that holds, with the first step at which it shows.
pub type Shown = (Category, u64);

/// What one pass over an episode's entries gathers.
#[derive(Debug, Default)]
struct Reading {
    shown: Vec<Shown>,
    step: u64,
    /// The step's actions, then its answers.
    turn: String,
    last_turn: String,
    repeats: usize,
    seen: BTreeSet<[u8; 32]>,
    news: bool,
    stale: usize,
    observed: bool,
    done: bool,
    /// Whether the step called anything.
    acted: bool,
    interrupted: bool,
    task: Option<String>,
    messages: usize,
}

/// The categories that hold in a failed episode, the most specific first; none for a pass.
pub fn classify(played: &Played, entries: &[(u64, Entry)]) -> Vec<Shown> {
    if passed(played.outcome) {
        return Vec::new();
    }
    let mut reading = Reading::default();
    for (step, entry) in entries {
        if *step != reading.step {
            reading.close_step();
            reading.acted = false;
            reading.step = *step;
        }
        reading.enter(entry);
    }
    reading.close_step();
    reading.end(played);
    let mut shown = reading.shown;
    shown.sort_by_key(|(category, step)| (Category::ALL.iter().position(|c| c == category), *step));
    shown.dedup_by_key(|(category, _)| *category);
    shown
}

impl Reading {
    fn show(&mut self, category: Category) {
        self.shown.push((category, self.step));
    }

    fn enter(&mut self, entry: &Entry) {
        match entry {
            Entry::Fault { class, .. } => {
                self.show(if class == "input" { Category::ContextOverflow } else { Category::ModuleFault });
            }
            Entry::Chat { purpose: Purpose::Step, finish, .. } if *finish == Finish::LENGTH => {
                self.show(Category::ContextOverflow);
            }
            Entry::Message { message } => {
                if message.role() == Role::User && self.task.is_none() {
                    self.task = Some(message.text().into_owned());
                }
                self.messages += 1;
                if message.role() == Role::Assistant {
                    self.turn.push_str(&message.text());
                }
                let object = |text: &str| serde_json::from_str::<serde_json::Map<_, _>>(text).is_ok();
                if message.calls().any(|call| !object(call.arguments)) {
                    self.show(Category::MalformedCall);
                }
            }
            Entry::Edited { start, with, .. } => {
                // The task stands at the head; an edit that begins there must keep its words.
                let kept = |task: &String| with.iter().any(|message| message.text().contains(task.as_str()));
                if *start == 0 && self.messages > 0 && self.task.as_ref().is_some_and(|task| !kept(task)) {
                    self.show(Category::LostGoal);
                }
            }
            Entry::Decided { decisions, .. } => {
                let interrupts = |decision: &serde_json::Value| decision.get("interrupt").is_some();
                self.interrupted |= decisions.as_array().is_some_and(|all| all.iter().any(interrupts));
            }
            Entry::Tool { name, arguments, is_error, .. } => {
                self.acted = true;
                self.turn.push_str(&format!("\n{name} {arguments}"));
                if *is_error {
                    self.show(Category::ToolError);
                }
            }
            Entry::Observed { observation } => {
                self.observed = true;
                self.done |= observation.done;
                if observation.invalid {
                    self.show(Category::InvalidAction);
                }
                self.turn.push_str(&format!("\n{}", observation.text));
                let fresh = self.seen.insert(*blake3::hash(observation.text.as_bytes()).as_bytes());
                self.news |= fresh || observation.reward > 0.0;
            }
            _ => {}
        }
    }

    fn close_step(&mut self) {
        if self.turn.is_empty() {
            return;
        }
        let turn = std::mem::take(&mut self.turn);
        self.repeats = if turn == self.last_turn { self.repeats + 1 } else { 1 };
        self.last_turn = turn;
        if self.repeats >= LOOP {
            self.show(Category::ActionLoop);
        }
        self.stale = if self.news || !self.observed { 0 } else { self.stale + 1 };
        self.news = false;
        if self.stale >= STANDSTILL {
            self.show(Category::NoProgress);
        }
    }

    fn end(&mut self, played: &Played) {
        match played.outcome {
            Outcome::Fault => self.show(Category::ModuleFault),
            Outcome::Timeout | Outcome::BudgetSpent => self.show(Category::BudgetExhausted),
            Outcome::Scored(_) if self.observed && !self.done && (self.interrupted || !self.acted) => {
                self.show(Category::PrematureFinish);
            }
            Outcome::Scored(_) | Outcome::Infrastructure => {}
        }
        if self.shown.is_empty() {
            self.show(Category::WrongAnswer);
        }
    }
}
