//! An environment in a child. When its child ends, the environment it held is gone.

use std::sync::Arc;

use harness_abi::{
    ModuleError, RawEnvironment,
    stable::{RResult, RStr, RString},
};

use super::{Instance, Supervisor};
use crate::child::{
    call::Nobody,
    protocol::{Operation, Reply, Request},
};

pub struct Environment {
    pub supervisor: Arc<Supervisor>,
    pub instance: Instance,
}

impl Environment {
    fn call(&self, operation: Operation, text: RStr<'_>, seed: u64) -> RResult<RString, ModuleError> {
        let request = Request::Environment { id: self.instance.id, operation, text: text.as_str(), seed };
        match self.supervisor.call(&self.instance, request, self.supervisor.patience(), &Nobody) {
            Ok(Reply::Text(text)) => RResult::ROk(text),
            Ok(other) => RResult::RErr(self.supervisor.unexpected(&self.instance.child, &other)),
            Err(error) => RResult::RErr(error),
        }
    }
}

impl RawEnvironment for Environment {
    fn tasks(&mut self, query: RStr<'_>) -> RResult<RString, ModuleError> {
        self.call(Operation::Tasks, query, 0)
    }

    fn reset(&mut self, task: RStr<'_>, seed: u64) -> RResult<RString, ModuleError> {
        self.call(Operation::Reset, task, seed)
    }

    fn step(&mut self, action: RStr<'_>) -> RResult<RString, ModuleError> {
        self.call(Operation::Step, action, 0)
    }

    fn state(&mut self) -> RResult<RString, ModuleError> {
        self.call(Operation::State, RStr::default(), 0)
    }

    fn oracle(&mut self, task: RStr<'_>) -> RResult<RString, ModuleError> {
        self.call(Operation::Oracle, task, 0)
    }
}
