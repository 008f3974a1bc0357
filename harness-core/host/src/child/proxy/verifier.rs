//! A verifier in a child.

use std::borrow::Cow;

use harness_abi::{
    Message, ModuleError, RawVerifier,
    stable::{RResult, RSlice, RStr, RString},
};

use super::Shared;
use crate::child::{
    call::Nobody,
    wire::{Reply, Request},
};

pub struct Verifier(pub Shared);

impl Verifier {
    fn judge(&self, task: RStr<'_>, state: RStr<'_>, history: &[Message]) -> Result<RString, ModuleError> {
        let Shared { keeper, .. } = &self.0;
        let instance = self.0.instance()?;
        let history = Cow::Borrowed(history);
        let request = Request::Verify { id: instance.id, task: task.as_str(), state: state.as_str(), history };
        match keeper.call(&instance, request, keeper.patience(), &Nobody)? {
            Reply::Text(text) => Ok(text),
            other => Err(keeper.unexpected(&instance.child, &other)),
        }
    }
}

impl RawVerifier for Verifier {
    fn verify(&self, task: RStr<'_>, state: RStr<'_>, history: RSlice<'_, Message>) -> RResult<RString, ModuleError> {
        self.judge(task, state, history.as_slice()).into()
    }
}
