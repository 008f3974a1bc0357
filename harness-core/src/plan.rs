//! An assembled variant of a harness: what an episode needs of it, resolved once and shared by all episodes.

use std::sync::Arc;

use harness_abi::{Hook, ToolBox};
use harness_host::Resolved;
use harness_spec::Harness;

use crate::{agent::Agent, toolbox::Offer};

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
    /// The harness that answers its calls, where one does: what the module says is then what that is asked.
    pub agent: Option<Arc<Agent>>,
}

/// One variant, ready to run.
pub(crate) struct Plan {
    /// Its variant id.
    pub variant: String,
    pub harness: Harness,
    pub slots: Vec<Slot>,
    /// Which slots answer which hook, in call order.
    hooks: [Vec<usize>; Hook::ALL.len()],
    pub tools: Vec<Arc<ToolModule>>,
    pub offers: Vec<Offer>,
    /// Where each rule leads: another plan, this one, or why it does not apply here.
    pub switches: Vec<Result<usize, String>>,
}

impl Plan {
    /// A plan without switches.
    pub fn new(
        variant: String,
        harness: Harness,
        slots: Vec<Slot>,
        hooks: [Vec<usize>; Hook::ALL.len()],
        tools: Vec<Arc<ToolModule>>,
        offers: Vec<Offer>,
    ) -> Self {
        Self { variant, harness, slots, hooks, tools, offers, switches: Vec::new() }
    }

    /// The slots that answer `hook`, in call order.
    pub fn answers(&self, hook: Hook) -> &[usize] {
        self.hooks.get(hook.code() as usize).map_or(&[], Vec::as_slice)
    }

    /// The id of a slot.
    pub fn id(&self, slot: usize) -> &str {
        self.slots.get(slot).map_or("", |slot| slot.id.as_str())
    }
}
