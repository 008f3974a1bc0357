//! The driver: asks the state what is due, has an executor perform it, tells the state what came of it. It decides nothing.

use std::sync::Arc;

use harness_abi::Hook;
use harness_trace::{EpisodeEnd, Recorder};
use tokio::task::JoinSet;

use crate::{
    assembled::{Assembled, ModelBinding},
    cancel::Cancel,
    clock::Clock,
    effect::{CallFailure, Effect, EffectResult},
    episode::{Episode, EpisodeSpec, RunError, Start},
    executors::{EnvironmentExecutor, EpisodeExecutor, ModelExecutor, Playing, ProcessorExecutor, ToolExecutor},
    sinks::ReplyObserver,
    state::{Bindings, EpisodeState, Opening, Setup},
};

/// A running episode: its state, and who performs what the state asks for.
pub(crate) struct Driver {
    state: EpisodeState,
    harness: Arc<Assembled>,
    /// The model that the grader asks, if it has one.
    grader: Option<Grading>,
    episode: String,
    recorder: Arc<dyn Recorder>,
    cancel: Cancel,
    clock: Arc<dyn Clock>,
    began: u64,
    replies: Option<ReplyObserver>,
    processors: ProcessorExecutor,
    models: ModelExecutor,
    tools: ToolExecutor,
    environment: Option<EnvironmentExecutor>,
    episodes: EpisodeExecutor,
    end: Option<EpisodeEnd>,
}

type Grading = (harness_spec::ModuleRef, Arc<harness_host::LoadedModel>);

fn bindings(harness: &Arc<Assembled>, grader: Option<&Grading>) -> Bindings {
    let grader = ModelBinding { models: grader.cloned().into_iter().collect(), info: String::new() };
    Bindings { harness: harness.clone(), grader }
}

/// Plays an episode to its end.
pub(crate) fn play(harness: Arc<Assembled>, spec: EpisodeSpec) -> Playing {
    Box::pin(async move { Driver::new(harness, spec).run().await })
}

impl Driver {
    pub fn new(harness: Arc<Assembled>, mut spec: EpisodeSpec) -> Self {
        harness.variant().clone_into(&mut spec.meta.harness);
        spec.meta.simulated |= harness.is_simulated();
        if spec.meta.started_ms == 0 {
            spec.meta.started_ms = spec.clock.unix_millis();
        }
        let began = spec.clock.micros();
        let (opening, environment, grader) = match spec.start {
            Start::Prompt(prompt) => (Opening::Prompt(prompt), None, None),
            Start::Dialogue(dialogue) => (Opening::Dialogue(dialogue), None, None),
            Start::Environment(environment) => {
                let opening = Opening::Environment {
                    prompt: environment.task.prompt.clone(),
                    max_turns: environment.task.max_turns,
                    graded: environment.grader.is_some(),
                };
                let grader = environment.grader.as_ref().and_then(|binding| binding.model.clone());
                (opening, Some(EnvironmentExecutor::new(*environment, spec.cancel.clone())), grader)
            }
        };
        let (recorder, cancel, clock) = (spec.recorder, spec.cancel, spec.clock);
        let episode = spec.meta.episode.clone();
        let setup = Setup {
            meta: spec.meta,
            opening,
            completed: spec.completed,
            allowance: spec.allowance,
            workspace: spec.workspace,
            hook_deadline_micros: spec.hook_deadline_micros,
            reports: spec.replies.is_some(),
        };
        Self {
            state: EpisodeState::new(bindings(&harness, grader.as_ref()), setup),
            processors: ProcessorExecutor::new(harness.clone(), recorder.clone(), cancel.clone()),
            models: ModelExecutor {
                recorder: recorder.clone(),
                cancel: cancel.clone(),
                clock: clock.clone(),
                replay: spec.replay,
                observer: spec.observer,
            },
            tools: ToolExecutor::new(cancel.clone()),
            environment,
            episodes: EpisodeExecutor {
                play,
                recorder: recorder.clone(),
                clock: clock.clone(),
                replay: spec.replay,
                cancel: cancel.clone(),
                stop: Cancel::new(),
                playing: JoinSet::new(),
            },
            replies: spec.replies,
            harness,
            grader,
            episode,
            recorder,
            cancel,
            clock,
            began,
            end: None,
        }
    }

    pub async fn run(mut self) -> Result<Episode, RunError> {
        while self.perform(true).await? {}
        Ok(self.into_episode())
    }

    /// Performs one effect; `false` when there is none left.
    pub async fn step(&mut self) -> Result<bool, RunError> {
        self.perform(false).await
    }

    /// Has a processor answer a hook.
    fn answer_hook(&mut self, hook: Hook, slot: usize) -> Result<(), RunError> {
        let answer = self.processors.answer(hook, slot, &self.state.view(slot))?;
        self.state.feed_hook(answer, self.clock.micros().saturating_sub(self.began));
        Ok(())
    }

    /// Performs an effect that is not a hook's, and `hooks` before it. Hooks are by far the most frequent effects and wait for
    /// nothing: to pass each through a future would cost more than most of them.
    async fn perform(&mut self, hooks: bool) -> Result<bool, RunError> {
        let result = loop {
            break match self.state.next(self.cancel.is_cancelled()) {
                Effect::Hook { hook, slot } => {
                    self.answer_hook(hook, slot)?;
                    if hooks {
                        continue;
                    }
                    return Ok(true);
                }
                Effect::Model(call) => EffectResult::Model(self.models.perform(call).await?),
                Effect::StartTool(input) => {
                    self.tools.start(input);
                    EffectResult::Done
                }
                Effect::AwaitTool { call, time_left } => {
                    EffectResult::Tool { call, output: self.tools.output(call, time_left).await }
                }
                Effect::Record { step, entries } => {
                    self.recorder.step(&self.episode, step, entries)?;
                    EffectResult::Done
                }
                Effect::Reset { seed, time_left } => EffectResult::Observed(match &mut self.environment {
                    Some(environment) => environment.reset(seed, time_left).await,
                    None => Err(no_environment()),
                }),
                Effect::Act { action, time_left } => EffectResult::Observed(match &mut self.environment {
                    Some(environment) => environment.act(&action, time_left).await,
                    None => Err(no_environment()),
                }),
                Effect::FinalState => EffectResult::FinalState(match &mut self.environment {
                    Some(environment) => environment.final_state().await,
                    None => Err(no_environment()),
                }),
                Effect::Grade(input) => EffectResult::Graded(match &mut self.environment {
                    Some(environment) => environment.grade(input).await,
                    None => Err(no_environment()),
                }),
                Effect::StartEpisode(inner) => {
                    self.episodes.start(*inner);
                    EffectResult::Done
                }
                Effect::AwaitEpisode => EffectResult::Episode(self.episodes.ended().await?),
                Effect::Abandon => {
                    self.tools.abandon();
                    EffectResult::Abandoned(self.episodes.abandon().await?)
                }
                Effect::Instances(plan) => {
                    let fresh = self.processors.renew(&plan);
                    EffectResult::Instances(fresh.and_then(|fresh| self.tools.renew(&plan).map(|()| fresh)))
                }
                Effect::Report(message) => {
                    self.replies.iter().for_each(|observer| observer(&message));
                    EffectResult::Done
                }
                Effect::Begin(meta) => {
                    self.recorder.begin(meta)?;
                    EffectResult::Done
                }
                Effect::Close(end) => {
                    self.recorder.end(&self.episode, end.clone())?;
                    self.end = Some(end);
                    EffectResult::Done
                }
                Effect::Over => return Ok(false),
            };
        };
        self.state.feed(result, self.clock.micros().saturating_sub(self.began));
        Ok(true)
    }

    /// The state as JSON.
    pub fn save(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&self.state)
    }

    /// Goes on from a saved state, with the same executors.
    pub fn restore(&mut self, saved: &str) -> Result<(), serde_json::Error> {
        self.state = EpisodeState::restore(bindings(&self.harness, self.grader.as_ref()), saved)?;
        Ok(())
    }

    /// What it leaves. Before its end: as if it had ended without a reason.
    pub fn into_episode(self) -> Episode {
        let end = self.end.unwrap_or_else(|| self.state.summary());
        let (history, finish, left) = self.state.into_parts();
        Episode { end, history, finish, left }
    }
}

fn no_environment() -> CallFailure {
    CallFailure::Failed(harness_abi::ModuleError::fault("the episode has no environment"))
}
