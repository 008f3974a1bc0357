//! Calls that a harness answers: an episode inside an episode. It works in the same folder, spends what is left of the outer one's budget,
//! stops when that stops, and is recorded as its. Refuses to pass off a failure of its modules as an answer.

use std::{future::Future, pin::Pin, sync::Arc};

use harness_abi::{BudgetLeft, ErrorClass, ModuleError, Role};
use harness_trace::{EpisodeStart, Outcome};
use tokio::task::JoinSet;

use crate::{
    agent::{Agent, Episode, EpisodeSpec, RunError, Start},
    calls::Working,
    cancel::Cancel,
    driver::Live,
    performed::Performed,
    seed,
};

/// The inner episodes of a turn. Dropped, it ends them.
pub(crate) struct Inner {
    playing: JoinSet<(Working, Result<Episode, RunError>)>,
    /// Ends these and no other.
    cancel: Cancel,
}

impl Inner {
    pub fn new(cancel: &Cancel) -> Self {
        Self { playing: JoinSet::new(), cancel: cancel.below() }
    }
}

/// Boxed, because in an episode of a harness lies one of a harness.
type Playing = Pin<Box<dyn Future<Output = Result<Episode, RunError>> + Send>>;

fn play(agent: Arc<Agent>, spec: EpisodeSpec) -> Playing {
    Box::pin(async move { agent.run(spec).await })
}

impl Live<'_> {
    /// Begins the episode that answers a call. `task` is what it is asked, `share` how many begin with what is left.
    pub fn begin_inner(&mut self, inner: &mut Inner, tool: Working, agent: Arc<Agent>, task: String, share: u64) {
        let outer = &self.spec.meta;
        let within = format!(".{}", tool.number);
        let meta = EpisodeStart {
            episode: format!("{}{within}", outer.episode),
            run: outer.run.clone(),
            parent: outer.episode.clone(),
            task: task.clone(),
            seed: seed::derive(outer.seed, self.machine.step, tool.number, &tool.module),
            ..EpisodeStart::default()
        };
        let mut spec = EpisodeSpec::new(meta, Start::Prompt(task), self.spec.recorder.clone());
        spec.cancel = inner.cancel.clone();
        spec.replay = self.spec.replay;
        spec.performed = Performed::take_within(&mut self.spec.performed, &within);
        spec.clock = self.spec.clock.clone();
        spec.workspace = self.workspace.clone();
        spec.hook_deadline_micros = self.spec.hook_deadline_micros;
        spec.allowance = Some(self.allowance(share));
        let playing = play(agent, spec);
        inner.playing.spawn(async move { (tool, playing.await) });
    }

    /// What is left of the budget; tokens and money in equal shares, for they are spent side by side.
    fn allowance(&mut self, share: u64) -> BudgetLeft {
        self.look();
        let left = self.machine.spent.left(&self.machine.limits, self.machine.step, self.elapsed);
        let part = |left: u64| if left == u64::MAX { left } else { left / share.max(1) };
        BudgetLeft { tokens: part(left.tokens), cost_micros: part(left.cost_micros), ..left }
    }

    /// Waits for the inner episodes; their answers become results, their costs this episode's. When this one ends, so do they.
    pub async fn end_inner(&mut self, mut inner: Inner) -> Result<(), RunError> {
        loop {
            if self.machine.ending.is_some() {
                inner.cancel.cancel();
            }
            let Some(joined) = inner.playing.join_next().await else { return Ok(()) };
            let (tool, played) = match joined {
                Ok((tool, played)) => (tool, played?),
                Err(error) if self.machine.ending.is_none() => {
                    let error = ModuleError::fault(format_args!("an inner episode died: {error}"));
                    self.machine.fault(None, "engine", &error);
                    continue;
                }
                Err(_) => continue,
            };
            self.machine.spent.add_inner(&played.end);
            let micros = self.look().saturating_sub(tool.since);
            self.took(tool.index, Some(tool.since), micros);
            // The first ending stands.
            if self.machine.ending.is_none() {
                self.take_answer(&tool, &played);
            }
        }
    }

    fn take_answer(&mut self, tool: &Working, played: &Episode) {
        let end = &played.end;
        let failed = |class| {
            ModuleError::new(
                class,
                format_args!("its episode {}.{}: {}", self.spec.meta.episode, tool.number, end.reason),
            )
        };
        match end.outcome {
            Outcome::Done => self.answer(tool.index, words(played), false),
            Outcome::Budget | Outcome::Interrupted => {
                let text = words(played);
                let last = if text.is_empty() { String::new() } else { format!(" Its last words: {text}") };
                let text = format!("It ended early ({}): {}.{last}", end.outcome.name(), end.reason);
                self.answer(tool.index, text, true);
            }
            Outcome::Fault => self.machine.fault(None, &tool.module, &failed(ErrorClass::FAULT)),
            Outcome::Infrastructure => {
                self.machine.infrastructure(None, &tool.module, &failed(ErrorClass::UNAVAILABLE))
            }
            Outcome::Cancelled => self.machine.end(Outcome::Cancelled, "it was told to stop"),
        }
    }
}

/// The last thing the model said.
fn words(played: &Episode) -> String {
    let said = played.history.iter().rev().find(|message| message.role() == Role::Assistant);
    said.map_or_else(String::new, |message| message.text().trim().to_owned())
}
