//! An assembled harness and what it takes to run it once.

use std::{collections::BTreeMap, fmt, sync::Arc};

use harness_abi::{BudgetLeft, EnvironmentBox, Finish, GraderBox, Hook, Message, Task, Workspace};
use harness_trace::{EpisodeEnd, EpisodeStart, Recorder, TraceError};

use crate::{
    assemble::Role,
    cancel::Cancel,
    clock::{Clock, SystemClock},
    dialogue::{Dialogue, Left},
    driver::Live,
    performed::Performed,
    plan::Plan,
    sinks::{DeltaObserver, ReplyObserver},
};

/// A harness ready to run: immutable, shared by any number of concurrent episodes.
pub struct Agent {
    roles: BTreeMap<String, Role>,
    plans: Arc<[Arc<Plan>]>,
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("variant", &self.variant())
            .field("plans", &self.plans.len())
            .finish_non_exhaustive()
    }
}

/// A world to act in.
pub struct World {
    /// The environment, fresh.
    pub environment: EnvironmentBox,
    /// Whether its calls may take long and so must leave the driver's thread; holds for the grader too.
    pub blocking: bool,
    /// The task, whole; the environment is given it without its gold.
    pub task: Task,
    /// Who judges the end. Cancelled episodes and those that infrastructure ended are not judged.
    pub grader: Option<Arc<GraderBox>>,
}

/// What an episode starts from.
pub enum Start {
    /// A first user message.
    Prompt(String),
    /// A caller's conversation, with tools that the caller performs.
    Dialogue(Dialogue),
    /// A task in a world: its first observation is the first user message.
    World(Box<World>),
}

/// One episode to run.
pub struct EpisodeSpec {
    /// What is known of it. The engine fills `harness`, `simulated` and, where it is 0, `started_ms`.
    pub meta: EpisodeStart,
    /// What it starts from.
    pub start: Start,
    /// Where it is recorded and replayed from.
    pub recorder: Arc<dyn Recorder>,
    /// Who may stop it.
    pub cancel: Cancel,
    /// Whether model calls found in the record are used instead of being paid again.
    pub replay: bool,
    /// Calls of tools that an earlier attempt of this episode performed: each is answered from here once, in its step.
    pub performed: Vec<Performed>,
    /// Hears replies to step requests as they are written.
    pub observer: Option<DeltaObserver>,
    /// Hears each of them as it enters the conversation, once processors are done with it.
    pub replies: Option<ReplyObserver>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The folder the harness's tools work in, until the world names another; without one, tools that need it refuse.
    pub workspace: Option<Workspace>,
    /// What whoever plays it has left: the budget of the harness where that is less. Steps are the harness's own.
    pub allowance: Option<BudgetLeft>,
    /// Most microseconds one call of a processor may take. Checked when it returns: code in this process cannot be
    /// interrupted.
    pub hook_deadline_micros: u64,
}

impl EpisodeSpec {
    /// An episode with the system's clock, nobody listening, replay on, and ten seconds a hook.
    pub fn new(meta: EpisodeStart, start: Start, recorder: Arc<dyn Recorder>) -> Self {
        Self {
            meta,
            start,
            recorder,
            cancel: Cancel::new(),
            replay: true,
            performed: Vec::new(),
            observer: None,
            replies: None,
            clock: Arc::new(SystemClock),
            workspace: None,
            allowance: None,
            hook_deadline_micros: 10_000_000,
        }
    }
}

/// An episode that was run.
#[derive(Debug)]
pub struct Episode {
    /// How it ended, as recorded.
    pub end: EpisodeEnd,
    /// The conversation as it stood at the end, without the system message.
    pub history: Vec<Message>,
    /// Why the model's last reply to a step ended.
    pub finish: Finish,
    /// Calls of the caller's tools: the caller answers them and goes on with [`Episode::history`] and their results.
    pub left: Vec<Left>,
}

/// Why an episode has no result at all. Everything that happens *within* an episode is an outcome of it instead.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The record cannot be written or read; running on would lose evidence.
    #[error("the episode stopped: {0}")]
    Record(#[from] TraceError),
}

impl Agent {
    pub(crate) fn new(roles: BTreeMap<String, Role>, plans: Arc<[Arc<Plan>]>) -> Self {
        Self { roles, plans }
    }

    /// The variant id of the harness.
    pub fn variant(&self) -> &str {
        self.plans.first().map_or("", |plan| plan.variant.as_str())
    }

    /// The agents that answer calls of its tools, with the tools' ids.
    fn inner(&self) -> impl Iterator<Item = (&str, &Self)> {
        let tools = self.plans.iter().flat_map(|plan| &plan.tools);
        tools.filter_map(|tool| Some((tool.id.as_str(), tool.agent.as_deref()?)))
    }

    /// Whether a stand-in for a language model serves any role.
    pub fn is_simulated(&self) -> bool {
        self.roles.values().flat_map(|role| &role.models).any(|(_, model)| model.info.simulated)
            || self.inner().any(|(_, agent)| agent.is_simulated())
    }

    /// The names of the models whose price nobody knows: their costs are recorded as 0.
    pub fn unpriced(&self) -> Vec<&str> {
        let models = self.roles.values().flat_map(|role| &role.models).filter(|(_, model)| model.info.unpriced);
        let mut names: Vec<&str> = models.map(|(_, model)| model.info.name.as_str()).collect();
        names.extend(self.inner().flat_map(|(_, agent)| agent.unpriced()));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The model of a role, its fallbacks left out.
    pub fn model(&self, role: &str) -> Option<&harness_host::LoadedModel> {
        self.role(role)?.models.first().map(|(_, model)| &**model)
    }

    /// Names of the tools that the harness offers, in any variant its rules lead to.
    pub fn tool_names(&self) -> impl Iterator<Item = &str> {
        self.plans.iter().flat_map(|plan| &plan.offers).map(|offer| offer.name.as_str())
    }

    /// Whether no processor changes replies: then what [`EpisodeSpec::observer`] hears is what enters the conversation.
    pub fn keeps_replies(&self) -> bool {
        self.plans.iter().all(|plan| plan.answers(Hook::AfterModel).is_empty())
    }

    /// What each role's models say they are, fallbacks included: name and weights, or server and name. Roles of a harness that
    /// answers a tool's calls stand behind the tool's id and a point.
    pub fn model_digests(&self) -> BTreeMap<String, Vec<String>> {
        let digests = |role: &Role| role.models.iter().map(|(_, model)| model.info.digest.clone()).collect();
        let own = self.roles.iter().map(|(name, role)| (name.clone(), digests(role)));
        let inner = self.inner().flat_map(|(tool, agent)| {
            agent.model_digests().into_iter().map(move |(role, digests)| (format!("{tool}.{role}"), digests))
        });
        own.chain(inner).collect()
    }

    pub(crate) fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(name)
    }

    pub(crate) fn role_names(&self) -> Vec<&str> {
        self.roles.keys().map(String::as_str).collect()
    }

    pub(crate) fn plans(&self) -> &Arc<[Arc<Plan>]> {
        &self.plans
    }

    /// Runs one episode to its end. Needs a tokio runtime: blocking modules are called on its blocking threads, and a
    /// wall-clock budget uses its timer.
    ///
    /// # Errors
    ///
    /// Only where the record fails; whatever else goes wrong is an outcome, recorded like any other.
    pub async fn run(&self, spec: EpisodeSpec) -> Result<Episode, RunError> {
        match self.plans.first() {
            Some(plan) => Live::new(self, plan.clone(), spec).run().await,
            // `assemble` makes at least one plan.
            None => Err(TraceError::Writer("an agent without a plan cannot run".to_owned()).into()),
        }
    }
}
