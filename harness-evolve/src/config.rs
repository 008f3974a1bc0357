//! What a run of evolution is told: sizes, levels, budgets, and what it may touch. Part of the run's record; a run is a
//! function of it, the seed and the outcomes.

use std::collections::{BTreeMap, BTreeSet};

use evolve_gate::{Alpha, Control, ErrorBudget, Schedule, UnitError};
use harness_spec::{Harness, Permission};
use serde::{Deserialize, Serialize};

/// What a candidate may ship for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// A proven gain in success.
    #[default]
    Success,
    /// That, or proven less money (tokens where nothing costs money) at proven non-inferior success.
    Cost,
    /// That, or proven less time in models and tools, likewise.
    Latency,
}

/// Whether the seesaw of HarnessX has a say beside the protected panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeesawRule {
    /// No.
    #[default]
    Off,
    /// No explore task that passed in one of two attempts may fail in both.
    Strict,
}

/// What an edit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditKind {
    /// Adds a module.
    Insert,
    /// Puts another module in the place of one of its slot.
    Replace,
    /// Takes a module out.
    Remove,
    /// Changes a tunable field: a number, a choice, a prompt's wording.
    Configure,
    /// Changes how the main model samples, or how actions reach the environment.
    Setting,
    /// Changes what an episode may spend.
    Budget,
    /// Changes who serves a model role, or who stands in.
    Model,
    /// Brings a mid-task rule in, changes or removes one.
    Adapt,
}

impl EditKind {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Insert,
        Self::Replace,
        Self::Remove,
        Self::Configure,
        Self::Setting,
        Self::Budget,
        Self::Model,
        Self::Adapt,
    ];

    /// Its name in settings and in the record.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Replace => "replace",
            Self::Remove => "remove",
            Self::Configure => "configure",
            Self::Setting => "setting",
            Self::Budget => "budget",
            Self::Model => "model",
            Self::Adapt => "adapt",
        }
    }

    /// Whether it changes which modules there are.
    pub const fn structural(self) -> bool {
        matches!(self, Self::Insert | Self::Replace)
    }
}

/// A stage of a round that may ask a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reads traces.
    Digester,
    /// Ranks directions.
    Planner,
    /// Makes candidates.
    Evolver,
    /// Refuses candidates.
    Critic,
}

impl Stage {
    /// All.
    pub const ALL: [Self; 4] = [Self::Digester, Self::Planner, Self::Evolver, Self::Critic];
}

/// The settings of a run. Defaults suit a suite with about 100 gate groups and effects of 30 points and more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvolveConfig {
    /// The run's id: the same id continues.
    pub run: String,
    /// Draws orders and samples; episodes are played with it and the numbers after it.
    pub seed: u64,
    /// Chance that anything useless ships in the whole run, or what `control` says. Default 0.05.
    pub alpha: f64,
    /// What `alpha` bounds: `every-ship`, the chance that anything useless ships, or `share-of-ships`, the expected
    /// share of useless edits among the shipped ones (e-LOND). Default `every-ship`.
    pub control: Control,
    /// Smallest gain worth having, as a share of 1; candidates that are likely below it are given up. Default 0.2.
    pub delta: f64,
    /// Most harnesses: above 1, an edit that helps one kind of task and hurts another makes a variant. Default 1.
    pub variants: usize,
    /// Whether a proven edit waits for a person before it ships. Default no.
    pub approve: bool,
    /// Harnesses that somebody wrote for a part of the tasks, by its name: what candidates may begin with besides the
    /// present harness.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub starts: BTreeMap<String, Harness>,
    /// What a candidate may ship for: `success`, `cost` or `latency`. Default `success`.
    pub objective: Objective,
    /// Loss of success that a cheaper candidate is proven not to exceed, as a share of 1. Default 0.1.
    pub margin: f64,
    /// Smallest saving worth having, as a share of the price; candidates that are likely below it are given up. Default 0.1.
    pub saving: f64,
    /// Whether no task that passed may fail: `off`, or `strict` as in HarnessX. Default `off`.
    pub seesaw: SeesawRule,
    /// Ships after which the incumbent is tested against the harness the run began with; 0: never. Default 2.
    pub drift_every: u32,
    /// Chance that any such test finds a drop where there is none. Default 0.05.
    pub drift_alpha: f64,
    /// Most rounds. Default 5.
    pub rounds: u32,
    /// Rounds without a ship in a row that end the run. Default 2.
    pub idle_rounds: u32,
    /// Candidates screened in the first round, which looks widest. Default 16.
    pub first_candidates: usize,
    /// Candidates screened in later rounds. Default 8.
    pub candidates: usize,
    /// Candidates that may meet the judge in a round. Default 4.
    pub judged: usize,
    /// Pairs of good candidates tried together in a round. Default 3.
    pub combinations: usize,
    /// Other values of the best candidate's module tried in a round, one field at a time. Default 8.
    pub tunings: usize,
    /// Share of directions that are structural and untried, whatever the landscape says. Default 1/3.
    pub structural_share: f64,
    /// Rounds a direction goes to the end of the line after a disappointment, times the disappointments in a row; 0: it
    /// never does. Default 1.
    pub cooldown: u32,
    /// Explore groups the incumbent plays and is digested on; 0: all. Default 60.
    pub explore_groups: usize,
    /// Explore tasks the last survivors of a screen play; its first rung takes a quarter. Default 24.
    pub screen_tasks: usize,
    /// Episodes per task. Default 1: enough for a deterministic harness.
    pub seeds_per_task: u32,
    /// How often a group is tried in all when the infrastructure fails. Default 3.
    pub attempts: u32,
    /// Groups of the protected panel, played with seeds nobody has seen; below 20 it has no say. Default 24.
    pub panel_groups: usize,
    /// Rollouts in flight. Part of the run because it decides which outcomes are asked for. Default 2.
    pub concurrency: usize,
    /// Most rollouts, remembered ones counted.
    pub max_rollouts: Option<u64>,
    /// Most tokens, counted as if nothing had been replayed.
    pub max_tokens: Option<u64>,
    /// Most tokens the stages' own model may use, where there is one; they count against `max_tokens` too. Default: a fifth of
    /// `max_tokens`, where that is set. Never what rollouts happen to leave: that would say how long duels were.
    pub meta_tokens: Option<u64>,
    /// Stages that ask the model of role `meta`, where there is one. Default: all.
    pub meta_stages: BTreeSet<Stage>,
    /// Most seconds on the clock, over all sittings of the run.
    pub max_seconds: Option<u64>,
    /// Packs that modules may be taken from; `None`: all that are installed.
    pub allowed_packs: Option<BTreeSet<String>>,
    /// Kinds of edits that may be proposed. Default: all but `model`: who serves is the user's choice, and their money.
    pub allowed_kinds: BTreeSet<EditKind>,
    /// Permissions a candidate's modules may have beyond those of the initial harness. Default: asking the model.
    pub allowed_permissions: BTreeSet<Permission>,
}

impl Default for EvolveConfig {
    fn default() -> Self {
        Self {
            run: "evolve".to_owned(),
            seed: 1,
            alpha: 0.05,
            control: Control::EveryShip,
            delta: 0.2,
            variants: 1,
            approve: false,
            starts: BTreeMap::new(),
            objective: Objective::Success,
            margin: 0.1,
            saving: 0.1,
            seesaw: SeesawRule::Off,
            drift_every: 2,
            drift_alpha: 0.05,
            rounds: 5,
            idle_rounds: 2,
            first_candidates: 16,
            candidates: 8,
            judged: 4,
            combinations: 3,
            tunings: 8,
            structural_share: 1.0 / 3.0,
            cooldown: 1,
            explore_groups: 60,
            screen_tasks: 24,
            seeds_per_task: 1,
            attempts: 3,
            panel_groups: 24,
            concurrency: 2,
            max_rollouts: None,
            max_tokens: None,
            meta_tokens: None,
            meta_stages: Stage::ALL.into(),
            max_seconds: None,
            allowed_packs: None,
            allowed_kinds: EditKind::ALL.into_iter().filter(|kind| *kind != EditKind::Model).collect(),
            allowed_permissions: [Permission::Model].into(),
        }
    }
}

impl EvolveConfig {
    /// The same run with modules of some packs only, under an id and an error budget of its own.
    #[must_use]
    pub fn restricted(&self, suffix: &str, packs: BTreeSet<String>) -> Self {
        Self { run: format!("{}-{suffix}", self.run), allowed_packs: Some(packs), ..self.clone() }
    }

    /// Whether modules of a pack may be proposed.
    pub fn allows_pack(&self, pack: &str) -> bool {
        self.allowed_packs.as_ref().is_none_or(|packs| packs.contains(pack))
    }

    /// The error budget of a run.
    pub(crate) fn purse(&self) -> Result<ErrorBudget, UnitError> {
        Ok(self.purse_of(Alpha::new(self.alpha)?))
    }

    /// The error budget of a part of the population that was given so much of the run's.
    pub(crate) fn purse_of(&self, alpha: Alpha) -> ErrorBudget {
        let schedule = Schedule { rounds: self.rounds, idle_rounds: self.idle_rounds.max(1) };
        ErrorBudget::new(alpha, self.control, schedule)
    }

    /// Most tokens of the stages' own model, known before the first rollout.
    pub(crate) fn stage_tokens(&self) -> Option<u64> {
        self.meta_tokens.or_else(|| self.max_tokens.map(|all| all / 5))
    }

    /// Seeds of the episodes.
    pub(crate) fn seeds(&self) -> Vec<u64> {
        (0..u64::from(self.seeds_per_task.max(1))).map(|k| self.seed.wrapping_add(k)).collect()
    }

    /// The two attempts of a strict seesaw.
    pub(crate) fn two_seeds(&self) -> [u64; 2] {
        [self.seed, self.seed.wrapping_add(1)]
    }

    /// Seeds no screen and no duel plays: the protected panel's.
    pub(crate) fn fresh_seeds(&self) -> Vec<u64> {
        let unseen = self.seed.wrapping_add(1 << 32);
        (0..u64::from(self.seeds_per_task.max(1))).map(|k| unseen.wrapping_add(k)).collect()
    }
}
