//! Calls that a harness answers: an episode inside an episode. It works in the same folder, spends what is left of the outer one's
//! budget, stops when that stops, and is recorded as its. A failure of its modules is never passed off as an answer.

use harness_abi::{BudgetLeft, ErrorClass, ModuleError};
use harness_trace::{EpisodeStart, Outcome};

use super::{ending::TOLD_TO_STOP, turn::Progress, value::EpisodeState};
use crate::{
    completed_calls::CompletedCall,
    effect::{InnerEnd, InnerEpisode},
    seed,
};

impl EpisodeState {
    /// The episode that answers a call.
    pub(super) fn inner_episode(&mut self, index: usize) -> Option<Box<InnerEpisode>> {
        let Progress::Asked { since, number, task } = self.turn.calls().get(index)?.progress.clone() else {
            return None;
        };
        let tool = self.owner_of(index);
        let module = self.plan.tools.iter().find(|module| module.id == tool)?;
        let harness = module.harness.clone()?;
        let within = format!(".{number}");
        let meta = EpisodeStart {
            episode: format!("{}{within}", self.meta.episode),
            run: self.meta.run.clone(),
            parent: self.meta.episode.clone(),
            task,
            seed: seed::derive(self.meta.seed, self.step, number, &tool),
            ..EpisodeStart::default()
        };
        let inner = InnerEpisode {
            call: index,
            harness,
            meta,
            completed: CompletedCall::take_within(&mut self.completed, &within),
            workspace: self.workspace.clone(),
            allowance: self.allowance(),
            hook_deadline_micros: self.hook_deadline_micros,
        };
        if let Some(call) = self.turn.call_mut(index) {
            call.progress = Progress::Inside { since, number };
        }
        Some(Box::new(inner))
    }

    /// What is left of the budget; tokens and money in equal shares, for they are spent side by side.
    fn allowance(&self) -> BudgetLeft {
        let share = self.turn.calls().iter().filter(|call| call.delegates).count() as u64;
        let left = self.spent.left(&self.limits, self.step, self.elapsed);
        let part = |left: u64| if left == u64::MAX { left } else { left / share.max(1) };
        BudgetLeft { tokens: part(left.tokens), cost_micros: part(left.cost_micros), ..left }
    }

    /// An inner episode ended: its answer becomes the call's result, its costs this episode's.
    pub(super) fn inner_ended(&mut self, ended: Option<InnerEnd>) {
        let Some(InnerEnd { call, ended }) = ended else {
            let error = ModuleError::fault("the engine waits for an inner episode that does not run");
            return self.fault(None, "engine", &error);
        };
        let (end, words) = match ended {
            Ok(ended) => ended,
            Err(error) => return self.fault(None, "engine", &error),
        };
        self.spent.add_inner(&end);
        let Some(index) = call else { return };
        let Some(&Progress::Inside { since, number }) = self.turn.calls().get(index).map(|call| &call.progress) else {
            return;
        };
        let micros = self.elapsed.saturating_sub(since);
        let failed =
            |class| ModuleError::new(class, format_args!("its episode {}.{number}: {}", self.meta.episode, end.reason));
        match end.outcome {
            Outcome::Done => self.answer(index, words, false, Some(since), micros),
            Outcome::Budget | Outcome::Interrupted => {
                let last = if words.is_empty() { String::new() } else { format!(" Its last words: {words}") };
                let text = format!("It ended early ({}): {}.{last}", end.outcome.name(), end.reason);
                self.answer(index, text, true, Some(since), micros);
            }
            Outcome::Fault => {
                let (tool, error) = (self.owner_of(index), failed(ErrorClass::FAULT));
                self.fault(None, &tool, &error);
            }
            Outcome::Infrastructure => {
                let (tool, error) = (self.owner_of(index), failed(ErrorClass::UNAVAILABLE));
                self.infrastructure(None, &tool, &error);
            }
            Outcome::Cancelled => self.end(Outcome::Cancelled, TOLD_TO_STOP),
        }
    }
}
