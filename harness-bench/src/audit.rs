//! Whether a benchmark measures what it should: known answers must pass; silence, the question itself and one reply to all must
//! not. Asks no model. Refuses to guess: what cannot be played is counted as such.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use harness_abi::{Action, ErrorClass, Grade, ModuleError, Task, kit};
use serde::Serialize;

use crate::{
    Benchmark, Finding, RuleScore, Spelling, Split,
    benchmark::EnvironmentBinding,
    play::{opened, play},
    rules::{self, Choice},
    spelling,
};

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Audit {
    /// Tasks in all.
    pub tasks: usize,
    /// Tasks whose known solution was played and passed.
    pub solved: usize,
    /// Tasks whose known solution failed.
    pub unsolved: Vec<Finding>,
    /// Tasks without a known solution.
    pub unknown: Vec<Finding>,
    /// Tasks that an empty reply passes, or at which the grader failed.
    pub empty: Vec<Finding>,
    /// Tasks that an empty reply rightly passes: others are solved by calls, and these by none.
    pub idle: Vec<Finding>,
    /// Tasks that are passed by the question said back.
    pub echo: Vec<Finding>,
    /// The reply that passes most tasks, and how many.
    pub constant: Option<(String, usize)>,
    /// What became of known answers in other spellings.
    pub spellings: Vec<Spelling>,
    /// Tasks of different groups with the same question: what is learnt on one is known on the other.
    pub twins: Vec<(String, String)>,
    /// Tasks of which more than one option passes, or none.
    pub ambiguous: Vec<Finding>,
    /// What rules without a model pass of the tasks that have options.
    pub rules: Vec<RuleScore>,
}

impl Audit {
    /// Whether numbers of this benchmark would be wrong.
    pub fn is_broken(&self) -> bool {
        !self.unsolved.is_empty() || !self.empty.is_empty()
    }
}

/// Seed of what is played: it decides in which order options are shown.
const SEED: u64 = 1;
/// Replies tried on every task: the commonest solutions.
const CONSTANTS: usize = 5;

/// Plays known solutions, silence, echoes and constants on every task of `benchmark`; `tick` is called for every task
/// and may stop it.
///
/// # Errors
///
/// If an environment does not come up, or it was stopped.
pub fn audit(benchmark: &Benchmark, tick: impl Fn() -> ControlFlow<()>) -> Result<Audit, ModuleError> {
    let mut audit = Audit::default();
    // Tasks solved by calls; tasks solved by none.
    let (mut called, mut uncalled) = (0, BTreeSet::new());
    let mut choices: Vec<Choice> = Vec::new();
    let (mut solutions, mut questions) = (BTreeMap::<String, usize>::new(), BTreeMap::<String, &Task>::new());
    for (task, binding) in benchmark.bound() {
        audit.tasks += 1;
        match known(binding, task) {
            Err(why) => audit.unknown.push(finding(task, why)),
            Ok(actions) => {
                if let [Action::Text { text }] = &*actions {
                    *solutions.entry(text.clone()).or_default() += 1;
                }
                if actions.iter().any(|action| matches!(action, Action::Call { .. })) {
                    called += 1;
                } else {
                    uncalled.insert(task.id.clone());
                }
                match played(binding, task, &actions) {
                    Ok(graded) if graded.reward >= 1.0 => {
                        audit.solved += 1;
                        // Each spelling is marked anew: not where that starts programs or asks a model.
                        if let ([Action::Text { text }], false) = (&*actions, binding.blocking()) {
                            let passes = |reply: &str| match played(binding, task, &[say(reply)]) {
                                Ok(graded) if graded.reward >= 1.0 => Ok(()),
                                Ok(graded) => Err(graded.reasons.join("; ")),
                                Err(error) => Err(error.message.to_string()),
                            };
                            spelling::play(&mut audit.spellings, task, text, passes);
                        }
                    }
                    Ok(graded) => audit.unsolved.push(finding(task, graded.reasons.join("; "))),
                    Err(error) => audit.unsolved.push(finding(task, error.message)),
                }
            }
        }
        // Each option is marked: not where that starts programs or asks a model.
        if !binding.blocking() {
            choices.extend(choice(benchmark, binding, task)?);
        }
        match played(binding, task, &[say("")]) {
            Ok(graded) if graded.reward > 0.0 => audit.empty.push(finding(task, "an empty reply passes")),
            Ok(_) => {}
            Err(error) => audit.empty.push(finding(task, error.message)),
        }
        if played(binding, task, &[say(&task.prompt)]).is_ok_and(|graded| graded.reward >= 1.0) {
            audit.echo.push(finding(task, "the question said back passes"));
        }
        let question = task.prompt.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        match questions.get(&question) {
            Some(other) if other.group != task.group => audit.twins.push((other.id.clone(), task.id.clone())),
            Some(_) => {}
            None => drop(questions.insert(question, task)),
        }
        if tick().is_break() {
            return Err(ModuleError::new(ErrorClass::CANCELLED, "the check was stopped"));
        }
    }
    if called > 0 {
        let right = |finding: &Finding| uncalled.contains(&finding.task);
        (audit.idle, audit.empty) = audit.empty.into_iter().partition(right);
        audit.echo.retain(|finding| !right(finding));
    }
    for choice in &choices {
        let passes = choice.passes.iter().filter(|passes| **passes).count();
        if passes != 1 {
            let why = format!("{passes} of its {} options pass", choice.options.len());
            audit.ambiguous.push(Finding { task: choice.task.clone(), why });
        }
    }
    audit.rules = rules::play(&choices);
    let mut common: Vec<(String, usize)> = solutions.into_iter().collect();
    common.sort_by_key(|(text, count)| (std::cmp::Reverse(*count), text.clone()));
    let passed = |reply: &str| {
        let passes = |(task, binding): &(&Task, &EnvironmentBinding)| {
            played(binding, task, &[say(reply)]).is_ok_and(|graded| graded.reward >= 1.0)
        };
        benchmark.bound().filter(passes).count()
    };
    let tried = common.into_iter().take(CONSTANTS).map(|(reply, _)| (passed(&reply), reply));
    audit.constant = tried.max_by_key(|(count, _)| *count).map(|(count, reply)| (reply, count));
    Ok(audit)
}

/// A task that is done by naming one of the actions shown first, and which of them pass; `None` for any other.
fn choice(benchmark: &Benchmark, binding: &EnvironmentBinding, task: &Task) -> Result<Option<Choice>, ModuleError> {
    let mut environment = binding.environment()?;
    // One that does not open here is named by what plays its known answer.
    let Ok(first) = opened(&mut environment, task, SEED) else { return Ok(None) };
    let options = first.admissible;
    if options.len() < 2 {
        return Ok(None);
    }
    let mut passes = Vec::with_capacity(options.len());
    for option in &options {
        let played = play(&mut environment, &binding.grader(), task, SEED, &[say(option)])?;
        // A first move is no answer.
        if !played.done {
            return Ok(None);
        }
        passes.push(played.grade.reward >= 1.0);
    }
    Ok(Some(Choice {
        task: task.id.clone(),
        group: task.group.clone(),
        question: first.text,
        options,
        passes,
        explore: benchmark.split_of(&task.id) == Some(Split::Explore),
    }))
}

fn finding(task: &Task, why: impl std::fmt::Display) -> Finding {
    Finding { task: task.id.clone(), why: why.to_string() }
}

fn say(text: &str) -> Action {
    Action::Text { text: text.to_owned() }
}

/// The known solution; or why there is none.
fn known(binding: &EnvironmentBinding, task: &Task) -> Result<Vec<Action>, String> {
    let solve = || -> Result<Vec<Action>, ModuleError> {
        let actions = binding.environment()?.oracle(kit::json(task).as_rstr()).into_result()?;
        Ok(serde_json::from_str(&actions)?)
    };
    solve().map_err(|error| error.message.to_string())
}

fn played(binding: &EnvironmentBinding, task: &Task, actions: &[Action]) -> Result<Grade, ModuleError> {
    let mut environment = binding.environment()?;
    Ok(play(&mut environment, &binding.grader(), task, SEED, actions)?.grade)
}
