//! Modules of the five kinds whose code runs in a child: what the engine holds looks like any other module.

mod environment;
mod grader;
mod model;
mod processor;
mod tool;

use std::sync::{Arc, Mutex, PoisonError};

use harness_abi::{EnvironmentBox, GraderBox, Kind, ModelBox, ModuleError, ProcessorBox, ToolBox, boxed};

use super::supervisor::{Instance, Supervisor};

/// A fresh processor.
pub fn processor(supervisor: &Arc<Supervisor>, name: &str, config: &str) -> Result<ProcessorBox, ModuleError> {
    let instance = supervisor.make(Kind::Processor, name, config)?;
    Ok(boxed::processor(processor::Processor::new(supervisor.clone(), instance)))
}

/// A fresh tool; one that serves many episodes is built anew when its child has ended.
pub fn tool(supervisor: &Arc<Supervisor>, name: &str, config: &str, shared: bool) -> Result<ToolBox, ModuleError> {
    let mut module = Shared::make(supervisor, Kind::Tool, name, config)?;
    module.renews = shared;
    Ok(boxed::tool(tool::Tool(module)))
}

/// A fresh model.
pub fn model(supervisor: &Arc<Supervisor>, name: &str, config: &str) -> Result<ModelBox, ModuleError> {
    Ok(boxed::model(model::Model(Shared::make(supervisor, Kind::Model, name, config)?)))
}

/// A fresh environment.
pub fn environment(supervisor: &Arc<Supervisor>, name: &str, config: &str) -> Result<EnvironmentBox, ModuleError> {
    let instance = supervisor.make(Kind::Environment, name, config)?;
    Ok(boxed::environment(environment::Environment { supervisor: supervisor.clone(), instance }))
}

/// A fresh grader.
pub fn grader(supervisor: &Arc<Supervisor>, name: &str, config: &str) -> Result<GraderBox, ModuleError> {
    Ok(boxed::grader(grader::Grader(Shared::make(supervisor, Kind::Grader, name, config)?)))
}

/// A module that is called from many threads. If it keeps nothing of an episode it is built anew when its child has ended.
struct Shared {
    supervisor: Arc<Supervisor>,
    kind: Kind,
    name: String,
    config: String,
    instance: Mutex<Arc<Instance>>,
    renews: bool,
}

impl Shared {
    fn make(supervisor: &Arc<Supervisor>, kind: Kind, name: &str, config: &str) -> Result<Self, ModuleError> {
        let instance = Mutex::new(Arc::new(supervisor.make(kind, name, config)?));
        Ok(Self {
            supervisor: supervisor.clone(),
            kind,
            name: name.to_owned(),
            config: config.to_owned(),
            instance,
            renews: true,
        })
    }

    /// Whether the instance called last is no more.
    fn has_ended(&self) -> bool {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner).child.has_ended()
    }

    /// The instance to call now.
    fn instance(&self) -> Result<Arc<Instance>, ModuleError> {
        let mut instance = self.instance.lock().unwrap_or_else(PoisonError::into_inner);
        if self.renews && instance.child.has_ended() {
            *instance = Arc::new(self.supervisor.make(self.kind, &self.name, &self.config)?);
        }
        Ok(instance.clone())
    }
}
