//! A grader in a child.

use std::borrow::Cow;

use harness_abi::{
    Message, ModuleError, RawGrader,
    stable::{RResult, RSlice, RStr, RString},
};

use super::Shared;
use crate::child::{
    call::Nobody,
    protocol::{Reply, Request},
};

pub struct Grader(pub Shared);

impl Grader {
    fn judge(&self, task: RStr<'_>, state: RStr<'_>, history: &[Message]) -> Result<RString, ModuleError> {
        let Shared { supervisor, .. } = &self.0;
        let instance = self.0.instance()?;
        let history = Cow::Borrowed(history);
        let request = Request::Grade { id: instance.id, task: task.as_str(), state: state.as_str(), history };
        match supervisor.call(&instance, request, supervisor.patience(), &Nobody)? {
            Reply::Text(text) => Ok(text),
            other => Err(supervisor.unexpected(&instance.child, &other)),
        }
    }
}

impl RawGrader for Grader {
    fn grade(&self, task: RStr<'_>, state: RStr<'_>, history: RSlice<'_, Message>) -> RResult<RString, ModuleError> {
        self.judge(task, state, history.as_slice()).into()
    }
}
