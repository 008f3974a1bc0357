//! Modules of the five kinds whose code runs in a child: what the engine holds looks like any other module.

mod environment;
mod model;
mod processor;
mod tool;
mod verifier;

use std::sync::{Arc, Mutex, PoisonError};

use harness_abi::{EnvironmentBox, Kind, ModelBox, ModuleError, ProcessorBox, ToolBox, VerifierBox, boxed};

use super::keeper::{Instance, Keeper};

/// A fresh processor.
pub fn processor(keeper: &Arc<Keeper>, name: &str, config: &str) -> Result<ProcessorBox, ModuleError> {
    let instance = keeper.make(Kind::Processor, name, config)?;
    Ok(boxed::processor(processor::Processor::new(keeper.clone(), instance)))
}

/// A fresh tool; one that serves many episodes is built anew when its child has ended.
pub fn tool(keeper: &Arc<Keeper>, name: &str, config: &str, shared: bool) -> Result<ToolBox, ModuleError> {
    let mut module = Shared::make(keeper, Kind::Tool, name, config)?;
    module.renews = shared;
    Ok(boxed::tool(tool::Tool(module)))
}

/// A fresh model.
pub fn model(keeper: &Arc<Keeper>, name: &str, config: &str) -> Result<ModelBox, ModuleError> {
    Ok(boxed::model(model::Model(Shared::make(keeper, Kind::Model, name, config)?)))
}

/// A fresh environment.
pub fn environment(keeper: &Arc<Keeper>, name: &str, config: &str) -> Result<EnvironmentBox, ModuleError> {
    let instance = keeper.make(Kind::Environment, name, config)?;
    Ok(boxed::environment(environment::Environment { keeper: keeper.clone(), instance }))
}

/// A fresh verifier.
pub fn verifier(keeper: &Arc<Keeper>, name: &str, config: &str) -> Result<VerifierBox, ModuleError> {
    Ok(boxed::verifier(verifier::Verifier(Shared::make(keeper, Kind::Verifier, name, config)?)))
}

/// A module that is called from many threads. If it keeps nothing of an episode it is built anew when its child has ended.
struct Shared {
    keeper: Arc<Keeper>,
    kind: Kind,
    name: String,
    config: String,
    instance: Mutex<Arc<Instance>>,
    renews: bool,
}

impl Shared {
    fn make(keeper: &Arc<Keeper>, kind: Kind, name: &str, config: &str) -> Result<Self, ModuleError> {
        let instance = Mutex::new(Arc::new(keeper.make(kind, name, config)?));
        Ok(Self {
            keeper: keeper.clone(),
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
            *instance = Arc::new(self.keeper.make(self.kind, &self.name, &self.config)?);
        }
        Ok(instance.clone())
    }
}
