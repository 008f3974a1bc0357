//! The model of role `meta`, which stages of an evolution may ask: each question is an episode of its own, so that its
//! transcript and its calls stand in the record like all others.

use std::sync::Arc;

use harness_bench::digest;
use harness_core::{Cancel, EpisodeSpec, RunError, Start, assemble};
use harness_evolve::meta::{Meta, MetaError, Question, Written};
use harness_host::Host;
use harness_spec::{Capability, Config, Harness, ModelSpec, ModuleSpec};
use harness_trace::{EpisodeStart, Outcome, Store};

/// Who is asked, and where it is recorded.
pub(super) struct MetaModel {
    /// The model.
    pub model: ModelSpec,
    /// What is installed.
    pub host: Arc<Host>,
    /// The record.
    pub store: Arc<Store>,
    /// The run the questions belong to.
    pub run: String,
    /// Seed of the replies.
    pub seed: u64,
    /// Who may stop it.
    pub cancel: Cancel,
}

fn failed(error: impl std::fmt::Display) -> MetaError {
    MetaError::Failed(error.to_string())
}

impl MetaModel {
    /// The model alone, held to the form of the answer where it can be held to one.
    fn harness(&self, question: &Question) -> Result<Harness, MetaError> {
        let mut harness = Harness::default();
        harness.models.insert("main".to_owned(), self.model.clone());
        harness.sampling.max_tokens = question.max_tokens;
        harness.budget.steps = 1;
        let entry = self.host.catalogue().lookup(&self.model.module).map_err(failed)?;
        if entry.module.provides.contains(&Capability::JsonSchema) {
            let module = "std/output_constraint".parse().map_err(failed)?;
            let values = [("mode", "json_schema".into()), ("schema", question.schema.clone())];
            let config: Config = values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            harness.processors.push(ModuleSpec { config, ..ModuleSpec::new(module) });
        }
        Ok(harness)
    }
}

impl Meta for MetaModel {
    async fn ask(&self, question: &Question) -> Result<Written, MetaError> {
        let agent = assemble(&self.harness(question)?, &self.host).map_err(failed)?;
        let start = EpisodeStart {
            episode: format!("{}-meta-{}", self.run, digest(&question.prompt, 12)),
            run: self.run.clone(),
            task: format!("question of the {:?}", question.stage).to_lowercase(),
            seed: self.seed,
            ..EpisodeStart::default()
        };
        let mut spec = EpisodeSpec::new(start, Start::Prompt(question.prompt.clone()), self.store.clone());
        spec.cancel = self.cancel.clone();
        let episode = agent.run(spec).await.map_err(|RunError::Record(error)| failed(error))?;
        match episode.end.outcome {
            Outcome::Cancelled => Err(MetaError::Stopped),
            Outcome::Done | Outcome::Budget => {
                let said = episode.history.iter().rev().find(|message| message.role() == harness_abi::Role::Assistant);
                let text = said.map(|message| message.text().into_owned()).unwrap_or_default();
                Ok(Written { text, usage: episode.end.usage })
            }
            Outcome::Interrupted | Outcome::Fault | Outcome::Infrastructure => Err(failed(episode.end.reason)),
        }
    }
}
