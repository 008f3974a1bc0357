//! An assembled harness: every variant it can become, with its modules resolved once and shared by all episodes.

use std::{collections::BTreeMap, sync::Arc};

use harness_abi::{Hook, ToolBox};
use harness_host::{LoadedModel, Resolved};
use harness_spec::{Harness, ModuleRef};

use crate::toolbox::OfferedTool;

/// The models of a role: the one that serves it, then its fallbacks.
#[derive(Debug, Default)]
pub(crate) struct ModelBinding {
    pub models: Vec<(ModuleRef, Arc<LoadedModel>)>,
    /// `ModelInfo` of the first, as JSON.
    pub info: String,
}

/// A processor in its place.
#[derive(Debug)]
pub(crate) struct Slot {
    pub id: String,
    pub module: Arc<Resolved>,
    pub may_ask: bool,
}

/// A tool module.
pub(crate) struct ToolModule {
    pub id: String,
    pub module: Arc<Resolved>,
    /// The one instance, where the module is shared.
    pub shared: Option<Arc<ToolBox>>,
    pub offers: Vec<harness_abi::ToolSpec>,
    /// The harness that answers its calls, where one does: what the module returns is then the task of that harness.
    pub harness: Option<Arc<Assembled>>,
}

/// One variant, ready to run.
#[derive(Default)]
pub(crate) struct Plan {
    /// Its variant id.
    pub variant: String,
    pub harness: Harness,
    pub slots: Vec<Slot>,
    /// Which slots answer which hook, in call order.
    pub hooks: [Vec<usize>; Hook::ALL.len()],
    pub tools: Vec<Arc<ToolModule>>,
    pub offers: Vec<OfferedTool>,
    /// Where each rule leads: another plan, this one, or why it does not apply here.
    pub switches: Vec<Result<usize, String>>,
}

impl Plan {
    /// The slots that answer `hook`, in call order.
    pub fn answers(&self, hook: Hook) -> &[usize] {
        self.hooks.get(hook.code() as usize).map_or(&[], Vec::as_slice)
    }

    /// The id of a slot.
    pub fn id(&self, slot: usize) -> &str {
        self.slots.get(slot).map_or("", |slot| slot.id.as_str())
    }
}

/// A harness with everything an episode of it may need.
#[derive(Default)]
pub(crate) struct Assembled {
    /// Models by role.
    pub models: BTreeMap<String, ModelBinding>,
    /// The harness itself first, then the variants its rules lead to. Never empty.
    pub plans: Vec<Arc<Plan>>,
}

impl Assembled {
    /// The variant id of the harness.
    pub fn variant(&self) -> &str {
        self.plans.first().map_or("", |plan| plan.variant.as_str())
    }

    /// The harnesses that answer calls of its tools, with the tools' ids.
    pub fn inner(&self) -> impl Iterator<Item = (&str, &Self)> {
        let tools = self.plans.iter().flat_map(|plan| &plan.tools);
        tools.filter_map(|tool| Some((tool.id.as_str(), tool.harness.as_deref()?)))
    }

    /// Whether a stand-in for a language model serves any role.
    pub fn is_simulated(&self) -> bool {
        self.models.values().flat_map(|role| &role.models).any(|(_, model)| model.info.simulated)
            || self.inner().any(|(_, harness)| harness.is_simulated())
    }

    /// The names of the models whose price nobody knows.
    pub fn unpriced(&self) -> Vec<&str> {
        let models = self.models.values().flat_map(|role| &role.models).filter(|(_, model)| model.info.unpriced);
        let mut names: Vec<&str> = models.map(|(_, model)| model.info.name.as_str()).collect();
        names.extend(self.inner().flat_map(|(_, harness)| harness.unpriced()));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What each role's models say they are, fallbacks included; roles of inner harnesses behind the tool's id and a point.
    pub fn model_digests(&self) -> BTreeMap<String, Vec<String>> {
        let digests = |role: &ModelBinding| role.models.iter().map(|(_, model)| model.info.digest.clone()).collect();
        let own = self.models.iter().map(|(name, role)| (name.clone(), digests(role)));
        let inner = self.inner().flat_map(|(tool, harness)| {
            harness.model_digests().into_iter().map(move |(role, digests)| (format!("{tool}.{role}"), digests))
        });
        own.chain(inner).collect()
    }
}
