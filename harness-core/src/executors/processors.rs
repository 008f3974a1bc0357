//! Calls processors: one instance per episode, here and now, with a context that borrows the episode's state.

use std::{cell::RefCell, mem, sync::Arc};

use harness_abi::{Hook, ModuleError, ProcessorBox};
use harness_trace::{Recorder, TraceError};

use crate::{
    assembled::{Assembled, Plan, Slot},
    cancel::Cancel,
    context::{Context, Notes},
    effect::{HookAnswer, HookFailure, NotUp},
    view::View,
};

pub(crate) struct ProcessorExecutor {
    harness: Arc<Assembled>,
    recorder: Arc<dyn Recorder>,
    cancel: Cancel,
    /// The plan the instances belong to.
    plan: Arc<Plan>,
    /// Instances of its slots.
    instances: Vec<ProcessorBox>,
    notes: RefCell<Notes>,
}

impl ProcessorExecutor {
    pub fn new(harness: Arc<Assembled>, recorder: Arc<dyn Recorder>, cancel: Cancel) -> Self {
        Self { harness, recorder, cancel, plan: Arc::default(), instances: Vec::new(), notes: RefCell::default() }
    }

    /// Brings the instances in line with a plan: what is the same in both keeps its instance. Says which slots have new ones.
    pub fn renew(&mut self, plan: &Arc<Plan>) -> Result<Vec<bool>, NotUp> {
        let old = mem::replace(&mut self.plan, plan.clone());
        let mut kept: Vec<Option<ProcessorBox>> = mem::take(&mut self.instances).into_iter().map(Some).collect();
        let mut fresh = Vec::with_capacity(plan.slots.len());
        for slot in &plan.slots {
            let same = |other: &Slot| other.id == slot.id && Arc::ptr_eq(&other.module, &slot.module);
            let instance = old.slots.iter().position(same).and_then(|at| kept.get_mut(at)?.take());
            fresh.push(instance.is_none());
            let instance = instance.map_or_else(|| slot.module.processor(), Ok);
            self.instances.push(instance.map_err(|error| NotUp::of(&slot.id, error))?);
        }
        Ok(fresh)
    }

    /// Has a processor answer a hook. An error is one of the record.
    pub fn answer(&mut self, hook: Hook, slot: usize, view: &View<'_>) -> Result<HookAnswer, TraceError> {
        let decisions = match self.instances.get_mut(slot) {
            Some(processor) => {
                let context = Context {
                    view,
                    models: &self.harness.models,
                    recorder: &*self.recorder,
                    notes: &self.notes,
                    cancel: &self.cancel,
                };
                processor.on(hook.code(), &harness_abi::context(&context)).into_result()
            }
            None => Err(ModuleError::fault("the engine has no instance of it")),
        };
        let notes = self.notes.get_mut();
        if let Some(error) = notes.record.take() {
            return Err(error);
        }
        let decisions = decisions.map_err(|error| HookFailure { lost: harness_host::is_lost(&error), error });
        Ok(HookAnswer { hook, slot, decisions, log: mem::take(&mut notes.log) })
    }
}
