//! A suite's verifier and those shown beside it, as one: the first decides the reward, the others become parts of it.

use harness_abi::{
    Judgement, Message, ModuleError, Task, Verifier, VerifierBox, kit,
    stable::{RSlice, RStr},
};
use harness_host::{Host, HostError};
use serde_json::Value;

use crate::{Marker, Part, judge::Marking};

struct Combined {
    first: VerifierBox,
    others: Vec<(String, VerifierBox)>,
}

fn ask(verifier: &VerifierBox, task: &Task, state: &Value, history: &[Message]) -> Result<Judgement, ModuleError> {
    let (task, state) = (kit::json(task), kit::json(state));
    let verdict = verifier.verify(task.as_rstr(), state.as_rstr(), RSlice::from_slice(history)).into_result()?;
    Ok(serde_json::from_str(verdict.as_str())?)
}

impl Verifier for Combined {
    fn verify(&self, task: &Task, state: &Value, history: &[Message]) -> Result<Judgement, ModuleError> {
        let mut judgement = ask(&self.first, task, state, history)?;
        for (name, verifier) in &self.others {
            let other = ask(verifier, task, state, history)?;
            judgement.parts.push((name.clone(), other.reward));
            judgement.usage += other.usage;
        }
        Ok(judgement)
    }
}

/// The verifier of a world.
pub(crate) fn combined(host: &Host, part: &Part) -> Result<VerifierBox, HostError> {
    let start = |module: &crate::Use| {
        let resolved = host.resolve(&module.module, &module.config)?;
        resolved.verifier().map_err(|error| HostError::Module { module: module.module.clone(), error: Box::new(error) })
    };
    let first = match &part.verifier {
        Marker::Module(module) => start(module)?,
        Marker::Judge(judge) => {
            let model = host.model(&judge.model.module, &judge.model.config)?;
            boxed(Marking::new(model, &judge.rubric), part)?
        }
    };
    let others = part.also.iter().map(|module| Ok((module.module.module.clone(), start(module)?)));
    boxed(Combined { first, others: others.collect::<Result<_, HostError>>()? }, part)
}

/// A verifier of this room's own, as all others are held.
fn boxed(verifier: impl Verifier, part: &Part) -> Result<VerifierBox, HostError> {
    kit::verifier(RStr::from_str("{}"), |_: harness_abi::NoConfig| Ok(verifier))
        .into_result()
        .map_err(|error| HostError::Module { module: part.verifier.module().clone(), error: Box::new(error) })
}
