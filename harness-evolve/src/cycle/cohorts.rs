//! Cohorts: the cells of the population a variant can be made for, each with a stream of gate groups and an error budget of its own. One
//! cohort is the whole population. Refuses cells that a group straddles, and Σ α above the run's.
//!
//! Cohorts share no group, so what is decided on one tells nothing of the groups of another: each keeps the guarantee of its
//! part of α by itself, and the union bound over cohorts gives the run's. A test over several cohorts takes its level out of
//! each of their purses, and a ship uses up what was looked at of each of their streams.

use std::collections::{BTreeMap, BTreeSet};

use evolve_gate::{Alpha, Certificate, ErrorBudget, GateStream, GroupSplit, PlannedGroup, draw_order};
use harness_spec::{Cell, Features, VariantId};

use crate::candidate::Candidate;
use crate::config::EvolveConfig;
use crate::error::EvolveError;
use crate::evaluator::Evaluator;
use crate::history::History;
use crate::session::Stop;

/// A cell of the population.
pub(super) struct Cohort {
    /// Its tasks.
    pub cell: Cell,
    /// One of them: what they all are routed by.
    pub like: Features,
    /// Its explore groups in drawn order.
    pub explore: Vec<PlannedGroup>,
    /// Its gate groups.
    pub gate: GateStream,
    /// Its part of α.
    pub purse: ErrorBudget,
    /// Harnesses met here.
    pub tried: BTreeSet<VariantId>,
    /// Wishes that did not ship here against the present incumbent.
    pub rejected: BTreeSet<String>,
    /// Survivors that waited when another shipped here.
    pub waiting: Vec<Candidate>,
    /// What was tried here: a disappointment in one environment is none in another.
    pub history: History,
    /// The newest round its purse was opened for.
    pub round: u32,
    /// Rounds without a ship in a row.
    pub idle: u32,
    /// Why it is not worked on any more.
    pub done: Option<Stop>,
}

/// All cohorts and the one this round is about.
pub(super) struct Cohorts {
    pub all: Vec<Cohort>,
    pub at: usize,
}

impl Cohorts {
    /// One cohort for each suite of a mixed one, or for each kind of task, where variants are wanted; else one in all.
    pub fn new<A: Evaluator>(evaluator: &A, config: &EvolveConfig) -> Result<Self, EvolveError> {
        let split = evaluator.split();
        let cells = cells(evaluator, config, split);
        let of = |cell: &Cell, groups: &[String]| -> Vec<String> {
            let mine = |group: &&String| cell.is_everything() || cell.holds(&first(evaluator, group));
            groups.iter().filter(mine).cloned().collect()
        };
        let alpha = Alpha::new(config.alpha)?.share(cells.len() as u64);
        let mut all = Vec::with_capacity(cells.len());
        for (cell, like) in cells {
            let mut explore =
                draw_order(config.seed, "explore", evaluator.planned(&of(&cell, &split.explore)), |planned| {
                    planned.group.as_str()
                });
            if config.explore_groups > 0 {
                explore.truncate(config.explore_groups);
            }
            let gate = of(&cell, &split.gate);
            if explore.is_empty() {
                return Err(EvolveError::NoGroups { what: "explore" });
            }
            if gate.is_empty() {
                return Err(EvolveError::NoGroups { what: "gate" });
            }
            all.push(Cohort {
                cell,
                like,
                explore,
                purse: config.purse_of(alpha),
                gate: GateStream::draw(config.seed, gate),
                tried: BTreeSet::new(),
                rejected: BTreeSet::new(),
                waiting: Vec::new(),
                history: History::default(),
                round: 0,
                idle: 0,
                done: None,
            });
        }
        Ok(Self { all, at: 0 })
    }

    /// The cohort of this round.
    pub fn here(&self) -> &Cohort {
        &self.all[self.at]
    }

    /// The cohort of this round, to be changed.
    pub fn here_mut(&mut self) -> &mut Cohort {
        &mut self.all[self.at]
    }

    /// Tasks of a cohort's explore groups.
    pub fn tasks(&self, cohort: usize) -> BTreeSet<&str> {
        self.all[cohort].explore.iter().flat_map(|planned| &planned.tasks).map(String::as_str).collect()
    }

    /// The cohort with most left to gain: its share of failing tasks, less for every round there that shipped nothing. `None`
    /// when all are done; a cohort that fails nowhere is passed over.
    pub fn choose(&self, failing: impl Fn(&BTreeSet<&str>) -> usize) -> Option<usize> {
        let worth = |cohort: usize| {
            let tasks = self.tasks(cohort);
            failing(&tasks) as f64 / tasks.len().max(1) as f64 / f64::from(1 + self.all[cohort].idle)
        };
        let open = (0..self.all.len()).filter(|&cohort| self.all[cohort].done.is_none());
        // Of equal ones the first.
        open.rev().map(|cohort| (cohort, worth(cohort))).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(cohort, _)| cohort)
    }

    /// Why the last cohort was given up, if all are.
    pub fn all_done(&mut self) -> Option<Stop> {
        for cohort in &mut self.all {
            if cohort.done.is_none() && cohort.gate.ahead().is_none() {
                cohort.done = Some(Stop::GateUsedUp);
            }
        }
        self.all.iter().all(|cohort| cohort.done.is_some()).then(|| self.ended())
    }

    /// Why nothing is worked on any more.
    pub fn ended(&self) -> Stop {
        self.all.iter().rev().find_map(|cohort| cohort.done).unwrap_or(Stop::NothingFails)
    }

    /// The groups ahead of these cohorts, and how many of theirs are used up; `None` if one has none left.
    pub fn ahead(&self, scope: &[usize]) -> Option<(u32, Vec<String>)> {
        let streams = scope.iter().map(|&cohort| self.all[cohort].gate.ahead()).collect::<Option<Vec<_>>>()?;
        let used_up = streams.iter().map(|(used_up, _)| used_up).sum();
        let groups: Vec<String> = streams.iter().flat_map(|(_, groups)| groups.iter().cloned()).collect();
        (!groups.is_empty()).then_some((used_up, groups))
    }

    /// A test over these cohorts counted groups of theirs.
    pub fn look(&mut self, scope: &[usize], certificate: &Certificate) {
        for &cohort in scope {
            self.all[cohort].gate.look(certificate.counted.iter().map(|outcome| outcome.group.as_str()));
        }
    }

    /// The level of a test over these cohorts: the least that each of them can spare in this round, spent in each.
    pub fn grant(&mut self, scope: &[usize], round: u32) -> Alpha {
        let levels = scope.iter().map(|&cohort| {
            let cohort = &mut self.all[cohort];
            if cohort.round < round {
                cohort.round = round;
                cohort.purse.open_round();
            }
            cohort.purse.grant()
        });
        levels.min().unwrap_or(Alpha::ZERO)
    }

    /// Something shipped that was proven on these cohorts: what was looked at of each is used up.
    pub fn ship(&mut self, scope: &[usize]) {
        for &cohort in scope {
            let cohort = &mut self.all[cohort];
            cohort.purse.ship();
            cohort.rejected.clear();
            cohort.gate.use_up();
        }
    }

    /// Something was rolled back that was proven on these cohorts: what was looked at of each is used up, and nobody waits any
    /// more.
    pub fn roll_back(&mut self, scope: &[usize]) {
        for &cohort in scope {
            let cohort = &mut self.all[cohort];
            cohort.purse.end_reign();
            cohort.gate.use_up();
        }
        for cohort in &mut self.all {
            cohort.waiting.clear();
            cohort.rejected.clear();
        }
    }

    /// Granted so far, in all.
    pub fn spent(&self) -> Alpha {
        self.all.iter().fold(Alpha::ZERO, |sum, cohort| sum.plus(cohort.purse.spent()))
    }

    /// What was tried on all cohorts, by round.
    pub fn history(&self) -> History {
        let mut all = History::default();
        for cohort in &self.all {
            all.trials.extend(cohort.history.trials.iter().cloned());
            all.predictions.extend(cohort.history.predictions.iter().cloned());
        }
        all.trials.sort_by_key(|trial| trial.round);
        all.predictions.sort_by_key(|scored| scored.round);
        all
    }
}

/// What is known of a group's first task.
fn first<A: Evaluator>(evaluator: &A, group: &str) -> Features {
    let planned = evaluator.planned(&[group.to_owned()]);
    planned.first().and_then(|planned| planned.tasks.first()).map(|task| evaluator.features(task)).unwrap_or_default()
}

/// The cells, each with what one of its tasks is known by.
fn cells<A: Evaluator>(evaluator: &A, config: &EvolveConfig, split: &GroupSplit) -> Vec<(Cell, Features)> {
    let groups: Vec<String> = [&split.explore, &split.sealed, &split.gate].into_iter().flatten().cloned().collect();
    let planned = evaluator.planned(&groups);
    let by = |cell: fn(&Features) -> Cell| -> Option<BTreeMap<Cell, Features>> {
        let mut cells = BTreeMap::new();
        for group in &planned {
            let mut of_group = group.tasks.iter().map(|task| evaluator.features(task));
            let like = of_group.next()?;
            if of_group.any(|other| cell(&other) != cell(&like)) {
                return None;
            }
            cells.entry(cell(&like)).or_insert(like);
        }
        // A cell needs groups to be seen on and groups to be judged on.
        let seen = |cell: &Cell, groups: &[String]| groups.iter().any(|group| cell.holds(&first(evaluator, group)));
        let whole = cells.keys().all(|cell| seen(cell, &split.explore) && seen(cell, &split.gate));
        (whole && cells.len() > 1).then_some(cells)
    };
    let suites = |task: &Features| Cell { suite: Some(task.suite.clone()), ..Cell::default() };
    let kinds = |task: &Features| Cell { kind: Some(task.kind.clone()), ..Cell::default() };
    let found = if config.variants > 1 { by(suites).or_else(|| by(kinds)) } else { None };
    let one = || [(Cell::default(), Features::default())].into();
    found.unwrap_or_else(one).into_iter().collect()
}
