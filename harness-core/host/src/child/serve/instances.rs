//! What was built, by the host's numbers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use harness_abi::{EnvironmentBox, GraderBox, Kind, Message, ModelBox, ModuleError, ProcessorBox, ToolBox};

use super::drop_thread::DropThread;
use crate::pack_root::PackRoot;

/// A processor and the history as it was last told.
pub struct Hooked {
    pub processor: ProcessorBox,
    pub history: Vec<Message>,
}

/// An instance of any kind.
#[derive(Clone)]
pub enum Module {
    Processor(Arc<Mutex<Hooked>>),
    Tool(Arc<ToolBox>),
    Model(Arc<ModelBox>),
    Environment(Arc<Mutex<EnvironmentBox>>),
    Grader(Arc<GraderBox>),
}

/// The instances of this process.
pub struct Instances {
    modules: Mutex<HashMap<u64, Module>>,
    drop_thread: DropThread<Module>,
}

impl Instances {
    pub fn new(drop_thread: DropThread<Module>) -> Self {
        Self { modules: Mutex::default(), drop_thread }
    }

    fn modules(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Module>> {
        self.modules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn make(&self, pack: PackRoot, id: u64, kind: Kind, name: &str, config: &str) -> Result<(), ModuleError> {
        let module = match kind {
            Kind::Processor => {
                let processor = pack.processor(name, config)?;
                Module::Processor(Arc::new(Mutex::new(Hooked { processor, history: Vec::new() })))
            }
            Kind::Tool => Module::Tool(Arc::new(pack.tool(name, config)?)),
            Kind::Model => Module::Model(Arc::new(pack.model(name, config)?)),
            Kind::Environment => Module::Environment(Arc::new(Mutex::new(pack.environment(name, config)?))),
            Kind::Grader => Module::Grader(Arc::new(pack.grader(name, config)?)),
        };
        self.modules().insert(id, module);
        Ok(())
    }

    pub fn get(&self, id: u64) -> Result<Module, ModuleError> {
        self.modules().get(&id).cloned().ok_or_else(|| ModuleError::fault(format_args!("there is no instance {id}")))
    }

    /// Hands instances to the drop_thread.
    pub fn drop_all(&self, ids: &[u64]) {
        for id in ids {
            let module = self.modules().remove(id);
            if let Some(module) = module {
                self.drop_thread.drop(module);
            }
        }
    }
}
