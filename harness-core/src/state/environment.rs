//! The environment's answers to a reset and to actions.

use harness_abi::{Message, Observation, stable::RString};
use harness_trace::{Entry, Outcome};

use super::{
    environment_state::ENVIRONMENT,
    phase::Phase,
    value::{EpisodeState, Opening},
};
use crate::{effect::CallFailure, toolbox::call_extra};

impl EpisodeState {
    /// The environment answered a reset or an action.
    pub(super) fn environment_answered(&mut self, answer: Result<(RString, Observation), CallFailure>) {
        match answer {
            Ok((raw, observation)) if self.phase == Phase::Open => self.begin_in_environment(raw, observation),
            Ok((raw, observation)) => {
                let (text, refused) = (observation.text.clone(), observation.invalid);
                self.observed(raw, observation);
                self.answer_action(text, refused);
            }
            // Whatever is wrong with an environment is no fault of the harness.
            Err(CallFailure::Failed(error)) if self.phase == Phase::Open => {
                self.abort(Outcome::Infrastructure, ENVIRONMENT, &error);
            }
            Err(CallFailure::Failed(error)) => self.infrastructure(None, ENVIRONMENT, &error),
            Err(CallFailure::Stopped(why)) => self.stopped(why),
        }
    }

    fn begin_in_environment(&mut self, raw: RString, observation: Observation) {
        let prompt = match &self.opening {
            Opening::Environment { prompt, .. } if observation.text.is_empty() => prompt.clone(),
            _ => observation.text.clone(),
        };
        if let Some(environment) = &mut self.environment {
            environment.ready = true;
        }
        self.enter(Phase::TaskStart);
        self.rebuild_tools();
        self.observed(raw, observation);
        self.push(Message::user(prompt));
    }

    fn observed(&mut self, raw: RString, mut observation: Observation) {
        if let Some(workspace) = observation.workspace.take() {
            self.tool_extra = call_extra(Some(&workspace));
            self.workspace = Some(workspace);
        }
        if observation.invalid {
            self.signals.parse_failure();
        }
        let watched = self.watched();
        let Some(environment) = &mut self.environment else { return };
        environment.shown = raw;
        environment.reward += observation.reward;
        environment.done |= observation.done;
        if watched {
            self.signals.reward(environment.reward);
        }
        if let Some(tools) = observation.tools.clone()
            && tools != environment.tools
        {
            environment.tools = tools;
            self.rebuild_tools();
        } else if self.step > 0 {
            // Unchanged offers are not recorded again.
            observation.tools = None;
        }
        self.journal.push(Entry::Observed { observation });
    }
}
