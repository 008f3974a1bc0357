//! The harness as a value: models, processors, tools, settings and mid-task rules. Refuses to know what a module does; whether its
//! parts fit the installed modules is `check`'s question.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::change::Change;
use crate::reference::ModuleRef;
use crate::vocabulary::ActionMode;

/// A module's config: field name → value. Holds no `null`: a field without a value is left out.
pub type Config = BTreeMap<String, Value>;

/// A whole harness. Two harnesses with equal canonical form are the same variant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Harness {
    /// Which model serves which role: `main` plays, `meta` edits, others as modules ask for them.
    #[serde(rename = "model", skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, ModelSpec>,
    /// Processors in listed order; `resolve_order` says in which order a hook calls them.
    #[serde(rename = "processor", skip_serializing_if = "Vec::is_empty")]
    pub processors: Vec<ModuleSpec>,
    /// Tools offered to the model, beside those the environment offers.
    #[serde(rename = "tool", skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ModuleSpec>,
    /// How the environment's action reaches it.
    pub action: ActionMode,
    /// How the main model samples.
    pub sampling: Sampling,
    /// What an episode may spend.
    pub budget: Budget,
    /// Mid-task rules, tried in order after each step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub adapt: Vec<AdaptRule>,
}

/// A processor or a tool in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleSpec {
    /// Unique in its list; edits and traces call it by this name. Default in files: the module's name.
    pub id: String,
    /// The module.
    #[serde(rename = "use")]
    pub module: ModuleRef,
    /// Its config; fields left out have the manifest's defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: Config,
}

/// The model of a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// The module.
    #[serde(rename = "use")]
    pub module: ModuleRef,
    /// Its config.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: Config,
    /// Who answers when it cannot, in order.
    #[serde(rename = "fallback", default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<Fallback>,
}

/// A model that stands in for another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// The module.
    #[serde(rename = "use")]
    pub module: ModuleRef,
    /// Its config.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: Config,
}

/// Sampling of the main model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// ≥ 0; 0 is greedy. Default 0.
    pub temperature: f64,
    /// Nucleus mass in (0, 1]. Default 1.
    pub top_p: f64,
    /// Most tokens of one reply, ≥ 1. Default 512.
    pub max_tokens: u32,
    /// Fixed seed; `None`: the run's seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// What an episode may spend. `None`: no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Most steps, ≥ 1. Default 50.
    pub steps: u32,
    /// Most tokens, prompt and completion together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Wall clock, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Money, micro-USD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
}

/// A mid-task rule: after a step, *when* the condition holds, *apply* the changes to the live harness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptRule {
    /// Unique among rules. Default in files: the condition's name.
    pub id: String,
    /// When.
    pub when: Condition,
    /// What; resolved against the harness as it then is, all or none.
    pub apply: Vec<Change>,
    /// Fires at most once an episode (default), or after every step where it holds.
    #[serde(default = "yes")]
    pub once: bool,
}

fn yes() -> bool {
    true
}

/// A condition on the episode so far. Precise trace tests are the engine's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The last n actions and their observations repeat.
    LoopDetected(u32),
    /// n tool errors since the episode began.
    ToolErrors(u32),
    /// Nothing new was observed and no reward gained for n steps.
    NoProgress(u32),
    /// n replies that could not be parsed since the episode began.
    ParseFailures(u32),
    /// This share (0, 1] of any budget is spent.
    BudgetShare(f64),
}

impl Condition {
    /// Names in files.
    pub const NAMES: [&'static str; 5] =
        ["loop_detected", "tool_errors", "no_progress", "parse_failures", "budget_share"];

    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoopDetected(_) => "loop_detected",
            Self::ToolErrors(_) => "tool_errors",
            Self::NoProgress(_) => "no_progress",
            Self::ParseFailures(_) => "parse_failures",
            Self::BudgetShare(_) => "budget_share",
        }
    }
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.0, top_p: 1.0, max_tokens: 512, seed: None }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { steps: 50, tokens: None, seconds: None, cost: None }
    }
}

impl ModuleSpec {
    /// A module under its own name, with defaults.
    pub fn new(module: ModuleRef) -> Self {
        Self { id: module.module.clone(), module, config: Config::new() }
    }
}

impl Harness {
    /// The processor of that id.
    pub fn processor(&self, id: &str) -> Option<&ModuleSpec> {
        self.processors.iter().find(|p| p.id == id)
    }

    /// Every module it names: those of models and their fallbacks, of processors and tools, and those its rules may bring in.
    pub fn modules(&self) -> impl Iterator<Item = &ModuleRef> {
        let models = self.models.values().flat_map(of_model);
        let listed = self.processors.iter().chain(&self.tools).map(|spec| &spec.module);
        let brought = self.adapt.iter().flat_map(|rule| &rule.apply).flat_map(|change| match change {
            Change::Insert { module, .. } | Change::Replace { module, .. } => vec![module],
            Change::Model { model: Some(model), .. } => of_model(model).collect(),
            _ => Vec::new(),
        });
        models.chain(listed).chain(brought)
    }

    /// The tool of that id.
    pub fn tool(&self, id: &str) -> Option<&ModuleSpec> {
        self.tools.iter().find(|t| t.id == id)
    }
}

fn of_model(model: &ModelSpec) -> impl Iterator<Item = &ModuleRef> {
    std::iter::once(&model.module).chain(model.fallbacks.iter().map(|fallback| &fallback.module))
}
