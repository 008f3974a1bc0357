//! An assembled harness, and running it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use harness_abi::Hook;

use crate::{
    assembled::Assembled,
    driver::{Driver, play},
    episode::{Episode, EpisodeSpec, RunError},
};

/// A harness ready to run: immutable, shared by any number of concurrent episodes.
#[derive(Clone)]
pub struct Agent(Arc<Assembled>);

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("variant", &self.variant())
            .field("plans", &self.0.plans.len())
            .finish_non_exhaustive()
    }
}

impl Agent {
    pub(crate) fn new(harness: Arc<Assembled>) -> Self {
        Self(harness)
    }

    /// The variant id of the harness.
    pub fn variant(&self) -> &str {
        self.0.variant()
    }

    /// Whether a stand-in for a language model serves any role.
    pub fn is_simulated(&self) -> bool {
        self.0.is_simulated()
    }

    /// The names of the models whose price nobody knows: their costs are recorded as 0.
    pub fn unpriced(&self) -> Vec<&str> {
        self.0.unpriced()
    }

    /// The model of a role, its fallbacks left out.
    pub fn model(&self, role: &str) -> Option<&harness_host::LoadedModel> {
        self.0.models.get(role)?.models.first().map(|(_, model)| &**model)
    }

    /// Names of the tools that the harness offers, in any variant its rules lead to.
    pub fn tool_names(&self) -> impl Iterator<Item = &str> {
        self.0.plans.iter().flat_map(|plan| &plan.offers).map(|offer| offer.name.as_str())
    }

    /// Whether no processor changes replies: then what [`EpisodeSpec::observer`] receives is what enters the conversation.
    pub fn keeps_replies(&self) -> bool {
        self.0.plans.iter().all(|plan| plan.answers(Hook::AfterModel).is_empty())
    }

    /// What each role's models say they are, fallbacks included: name and weights, or server and name. Roles of a harness that
    /// answers a tool's calls stand behind the tool's id and a point.
    pub fn model_digests(&self) -> BTreeMap<String, Vec<String>> {
        self.0.model_digests()
    }

    /// Runs one episode to its end. Needs a tokio runtime: blocking modules are called on its blocking threads, and a
    /// wall-clock budget uses its timer.
    ///
    /// # Errors
    ///
    /// Only where the record fails; whatever else goes wrong is an outcome, recorded like any other.
    pub async fn run(&self, spec: EpisodeSpec) -> Result<Episode, RunError> {
        play(self.0.clone(), spec).await
    }

    /// An episode that its caller takes forward one effect at a time.
    pub fn begin(&self, spec: EpisodeSpec) -> EpisodeRun {
        EpisodeRun(Driver::new(self.0.clone(), spec))
    }
}

/// An episode that is taken forward one effect at a time: a model's reply, a hook's decision, a record of a step. Between two of
/// them its state is a value that can be saved and gone on from.
pub struct EpisodeRun(Driver);

impl fmt::Debug for EpisodeRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpisodeRun").finish_non_exhaustive()
    }
}

impl EpisodeRun {
    /// Performs the next effect; `false` when the episode is over.
    ///
    /// # Errors
    ///
    /// As [`Agent::run`].
    pub async fn step(&mut self) -> Result<bool, RunError> {
        self.0.step().await
    }

    /// The state as JSON: everything that was decided so far. Instances of modules, and tools at work, are not part of it.
    ///
    /// # Errors
    ///
    /// When a message has a part of a kind that this version does not know.
    pub fn save(&self) -> Result<String, serde_json::Error> {
        self.0.save()
    }

    /// Goes on from a state that was saved of this episode, with the modules as they are.
    ///
    /// # Errors
    ///
    /// When it is no saved state.
    pub fn restore(&mut self, saved: &str) -> Result<(), serde_json::Error> {
        self.0.restore(saved)
    }

    /// What it leaves. Before its end that is what it has so far, with an outcome of `fault`.
    pub fn into_episode(self) -> Episode {
        self.0.into_episode()
    }
}
