//! Performs calls of the harness's tools: each begins at once, on a blocking thread unless it promised to return soon, and is
//! waited for later, so that calls of a step work side by side.

use std::sync::Arc;

use harness_abi::{ModuleError, ToolBox, ToolOutput, ToolRequest};

use super::answer::answer;
use crate::{
    assembled::{Plan, ToolModule},
    cancel::Cancel,
    effect::{CallFailure, NotUp, ToolCallInput},
    sinks::{self, Filled},
};

pub(crate) struct ToolExecutor {
    cancel: Cancel,
    plan: Arc<Plan>,
    /// Instances of the plan's tools.
    instances: Vec<Arc<ToolBox>>,
    /// Tools at work, by their calls.
    working: Vec<(usize, Filled<ToolOutput>)>,
}

impl ToolExecutor {
    pub fn new(cancel: Cancel) -> Self {
        Self { cancel, plan: Arc::default(), instances: Vec::new(), working: Vec::new() }
    }

    /// Brings the instances in line with a plan: what is the same in both keeps its instance.
    pub fn renew(&mut self, plan: &Arc<Plan>) -> Result<(), NotUp> {
        let mut instances = Vec::with_capacity(plan.tools.len());
        for tool in &plan.tools {
            let at = self.plan.tools.iter().position(|other| Arc::ptr_eq(other, tool));
            let kept = at.and_then(|at| self.instances.get(at).cloned());
            instances.push(kept.map_or_else(|| instance(tool), Ok)?);
        }
        (self.plan, self.instances) = (plan.clone(), instances);
        Ok(())
    }

    /// Begins a call.
    pub fn start(&mut self, input: ToolCallInput) {
        let Some(instance) = self.instances.get(input.tool).cloned() else { return };
        let (sink, filled) = sinks::tool(&self.cancel);
        self.working.push((input.call, filled));
        if input.module.module.manifest.blocking {
            // Its answer comes through the sink; a panic drops the sink, which is an answer too.
            drop(tokio::task::spawn_blocking(move || instance.call(&request(&input), sink)));
        } else {
            instance.call(&request(&input), sink);
        }
    }

    /// Waits for the output of a call that was begun.
    pub async fn output(&mut self, call: usize, time_left: u64) -> Result<ToolOutput, CallFailure> {
        match self.working.iter().position(|(working, _)| *working == call) {
            Some(at) => answer(self.working.swap_remove(at).1, &self.cancel, time_left).await,
            None => Err(CallFailure::Failed(ModuleError::fault("the engine has no instance of it"))),
        }
    }

    /// Gives up what is at work: it learns that nobody waits.
    pub fn abandon(&mut self) {
        self.working.clear();
    }
}

fn request(input: &ToolCallInput) -> ToolRequest<'_> {
    ToolRequest {
        id: input.id.as_str().into(),
        name: input.name.as_str().into(),
        arguments: input.arguments.as_str().into(),
        seed: input.seed,
        extra: (&*input.extra).into(),
    }
}

/// The shared instance of a tool, or a fresh one.
fn instance(tool: &ToolModule) -> Result<Arc<ToolBox>, NotUp> {
    match &tool.shared {
        Some(shared) => Ok(shared.clone()),
        None => tool.module.tool().map(Arc::new).map_err(|error| NotUp::of(&tool.id, error)),
    }
}
