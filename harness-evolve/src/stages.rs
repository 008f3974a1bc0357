//! The stages a run is made of, each replaceable. Refuses to hand any of them more than its view.

use harness_abi::Usage;
use harness_spec::Catalogue;

use crate::critic::{AuditCritic, Critic};
use crate::digester::{Digester, TraceDigester};
use crate::planner::{LandscapePlanner, Planner};
use crate::propose::{CatalogueEvolver, Evolver};

/// One of each stage.
pub trait Stages: Send + Sync {
    /// Reads traces.
    fn digester(&self) -> &impl Digester;
    /// Ranks directions.
    fn planner(&self) -> &impl Planner;
    /// Makes candidates.
    fn evolver(&self) -> &impl Evolver;
    /// Refuses candidates.
    fn critic(&self) -> &impl Critic;
    /// What their models used in all so far, as if nothing had been replayed.
    fn spent(&self) -> Usage {
        Usage::default()
    }
    /// Tokens that are set aside for their models, known before the first rollout; `None`: they have none, or no limit.
    fn budget(&self) -> Option<u64> {
        None
    }
}

/// The stages that need no model.
#[derive(Debug, Clone, Default)]
pub struct Deterministic {
    /// Reads traces.
    pub digester: TraceDigester,
    /// Ranks directions.
    pub planner: LandscapePlanner,
    /// Makes candidates.
    pub evolver: CatalogueEvolver,
    /// Refuses candidates.
    pub critic: AuditCritic,
}

impl Deterministic {
    /// With what the installed packs say of failures.
    pub fn of(catalogue: &Catalogue) -> Self {
        Self { digester: TraceDigester::of(catalogue), ..Self::default() }
    }
}

impl Stages for Deterministic {
    fn digester(&self) -> &impl Digester {
        &self.digester
    }

    fn planner(&self) -> &impl Planner {
        &self.planner
    }

    fn evolver(&self) -> &impl Evolver {
        &self.evolver
    }

    fn critic(&self) -> &impl Critic {
        &self.critic
    }
}
