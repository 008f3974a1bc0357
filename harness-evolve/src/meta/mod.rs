//! Stages that ask a model, role `meta`, through the same types as those that need none. What they were told is a fact of the
//! run, so that a repetition decides the same whatever the model would say now. Refuses to depend on it: a reply that does
//! not fit after all tries is no reply, and the stage does what it would do without a model.

mod client;
mod critic;
mod digester;
mod evolver;
mod planner;
mod transcript;

use std::collections::BTreeSet;
use std::future::Future;

use harness_abi::Usage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use client::MetaClient;
pub use critic::MetaCritic;
pub use digester::MetaDigester;
pub use evolver::MetaEvolver;
pub use planner::MetaPlanner;

pub use crate::config::Stage;
use crate::critic::{AuditCritic, Critic};
use crate::digester::{Digester, TraceDigester};
use crate::ledger::Ledger;
use crate::planner::Planner;
use crate::propose::Evolver;
use crate::stages::Stages;

/// A question: one message, and what the answer must look like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Question {
    /// Who asks.
    pub stage: Stage,
    /// What is asked, whole.
    pub prompt: String,
    /// JSON Schema of the answer.
    pub schema: Value,
    /// Most tokens of the answer.
    pub max_tokens: u32,
}

/// What the model wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// The text.
    pub text: String,
    /// What it used, as if nothing had been replayed.
    pub usage: Usage,
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetaError {
    /// Told to stop; the question is asked again when the run goes on.
    #[error("stopped")]
    Stopped,
    /// The model failed.
    #[error("{0}")]
    Failed(String),
}

/// The model of role `meta`. Its calls go into the record as whoever implements this sees fit.
pub trait Meta: Send + Sync {
    /// Puts a question.
    fn ask(&self, question: &Question) -> impl Future<Output = Result<Written, MetaError>> + Send;
}

/// Stages of which some ask a model.
pub struct MetaStages<'a, M, L> {
    digester: MetaDigester<'a, M, L>,
    planner: MetaPlanner<'a, M, L>,
    evolver: MetaEvolver<'a, M, L>,
    critic: MetaCritic<'a, M, L>,
    client: &'a MetaClient<'a, M, L>,
}

impl<'a, M: Meta, L: Ledger> MetaStages<'a, M, L> {
    /// The stages of `which` ask at `client`; the others need no model.
    pub fn new(
        client: &'a MetaClient<'a, M, L>,
        which: &BTreeSet<Stage>,
        digester: TraceDigester,
        critic: AuditCritic,
    ) -> Self {
        let at = |stage: Stage| which.contains(&stage).then_some(client);
        Self {
            digester: MetaDigester { base: digester, client: at(Stage::Digester) },
            planner: MetaPlanner { client: at(Stage::Planner) },
            evolver: MetaEvolver { client: at(Stage::Evolver) },
            critic: MetaCritic { base: critic, client: at(Stage::Critic) },
            client,
        }
    }
}

impl<M: Meta, L: Ledger> Stages for MetaStages<'_, M, L> {
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

    fn spent(&self) -> Usage {
        self.client.spent()
    }

    fn budget(&self) -> Option<u64> {
        self.client.budget()
    }
}
