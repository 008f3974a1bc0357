//! One pass over one episode, entry by entry: the tests of all categories at once, the modules at work, the places. Refuses
//! to keep an entry: of texts it holds digests, so that an episode of any length takes little memory.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use evolve_gate::Outcome;
use harness_abi::{Finish, Role};
use harness_spec::Sign;
use harness_trace::{Entry, EpisodeResult, Purpose};

use crate::categories::{Categories, Category, LOOP, STANDSTILL, Shown, passed};
use crate::digest::EpisodeDigest;
use crate::evaluator::JudgedOutcome;

/// What one pass over an episode's entries gathers. Digests of 64 bits stand for texts, from a hasher with fixed keys.
pub(crate) struct Reading<'a> {
    categories: &'a Categories,
    failed: bool,
    shown: BTreeMap<Category, u64>,
    /// How often the sign of each of the packs' categories showed.
    signs: Vec<u32>,
    step: u64,
    /// The step's actions, then its answers.
    turn: DefaultHasher,
    spoke: bool,
    last_turn: u64,
    repeats: usize,
    seen: HashSet<u64>,
    news: bool,
    stale: usize,
    observed: bool,
    done: bool,
    /// Whether the step called anything.
    acted: bool,
    interrupted: bool,
    task: Option<String>,
    messages: usize,
    /// Modules that decided something, with the steps at which they did.
    decided: BTreeMap<String, BTreeSet<u64>>,
    faulty: BTreeSet<String>,
}

fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl<'a> Reading<'a> {
    /// Begins an episode that ended with `outcome`; of one that passed nothing is read.
    pub fn new(categories: &'a Categories, outcome: Outcome) -> Self {
        Self {
            categories,
            failed: !passed(outcome),
            shown: BTreeMap::new(),
            signs: vec![0; categories.own.len()],
            step: 0,
            turn: DefaultHasher::new(),
            spoke: false,
            last_turn: 0,
            repeats: 0,
            seen: HashSet::new(),
            news: false,
            stale: 0,
            observed: false,
            done: false,
            acted: false,
            interrupted: false,
            task: None,
            messages: 0,
            decided: BTreeMap::new(),
            faulty: BTreeSet::new(),
        }
    }

    fn show(&mut self, category: Category) {
        self.shown.entry(category).or_insert(self.step);
    }

    fn sign(&mut self, holds: impl Fn(&Sign) -> bool) {
        for (k, (category, own)) in self.categories.own.iter().enumerate() {
            let Some(count) = self.signs.get_mut(k).filter(|_| holds(&own.shows)) else { continue };
            *count += 1;
            if *count >= own.times {
                self.shown.entry(category.clone()).or_insert(self.step);
            }
        }
    }

    fn say(&mut self, text: &str) {
        text.hash(&mut self.turn);
        self.spoke = true;
    }

    /// Takes in what happened next.
    pub fn enter(&mut self, step: u64, entry: &Entry) {
        if !self.failed {
            return;
        }
        if step != self.step {
            self.close_step();
            self.acted = false;
            self.step = step;
        }
        if let Entry::Decided { module, .. } = entry {
            match self.decided.get_mut(module) {
                Some(steps) => {
                    steps.insert(step);
                }
                None => {
                    self.decided.insert(module.clone(), [step].into());
                }
            }
        }
        self.test(entry);
    }

    fn test(&mut self, entry: &Entry) {
        match entry {
            Entry::Fault { class, module, .. } => {
                self.faulty.insert(module.clone());
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
                    let text = message.text();
                    self.say(&text);
                    self.sign(|sign| matches!(sign, Sign::Said(said) if text.contains(said.as_str())));
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
                self.say(name);
                self.say(arguments);
                if *is_error {
                    self.show(Category::ToolError);
                    self.sign(|sign| matches!(sign, Sign::ToolError(tool) if tool == name));
                }
            }
            Entry::Observed { observation } => {
                self.observed = true;
                self.done |= observation.done;
                if observation.invalid {
                    self.show(Category::InvalidAction);
                }
                let text = &observation.text;
                self.say(text);
                self.news |= self.seen.insert(digest(text)) || observation.reward > 0.0;
                self.sign(|sign| matches!(sign, Sign::Observed(seen) if text.contains(seen.as_str())));
            }
            _ => {}
        }
    }

    fn close_step(&mut self) {
        if !std::mem::take(&mut self.spoke) {
            return;
        }
        let turn = std::mem::take(&mut self.turn).finish();
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

    /// What is kept of the episode.
    pub fn digest(self, played: &EpisodeResult) -> EpisodeDigest {
        let (shown, modules) = self.end(played);
        EpisodeDigest {
            episode: played.episode.clone(),
            passed: passed(played.judged()),
            steps: played.steps,
            shown,
            modules,
        }
    }

    /// The categories that hold, the most specific first, and the modules they implicate: those that failed, or decided
    /// something at a step where a category shows. Nothing for a pass.
    fn end(mut self, played: &EpisodeResult) -> (Vec<Shown>, BTreeSet<String>) {
        if !self.failed {
            return (Vec::new(), BTreeSet::new());
        }
        self.close_step();
        for (name, value) in &played.parts {
            self.sign(|sign| matches!(sign, Sign::Part { name: part, below } if part == name && value < below));
        }
        match played.judged() {
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
        let mut shown: Vec<Shown> = self.shown.into_iter().collect();
        shown.sort_by_key(|(category, step)| (self.categories.rank(category), *step));
        let mut modules = self.faulty;
        let steps: BTreeSet<u64> = shown.iter().map(|(_, step)| *step).collect();
        modules.extend(self.decided.into_iter().filter(|(_, at)| !at.is_disjoint(&steps)).map(|(module, _)| module));
        (shown, modules)
    }
}
