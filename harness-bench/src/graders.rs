//! A suite's grader and those shown beside it, as one: the first decides the reward, the others become parts of it.

use harness_abi::{
    Grade, Grader, GraderBox, Message, ModuleError, Task, kit,
    stable::{RSlice, RStr},
};
use harness_host::{Host, HostError};
use serde_json::Value;

use crate::{GraderSpec, Part, model_grader::RubricGrader};

struct Combined {
    first: GraderBox,
    others: Vec<(String, GraderBox)>,
}

fn ask(grader: &GraderBox, task: &Task, state: &Value, history: &[Message]) -> Result<Grade, ModuleError> {
    let (task, state) = (kit::json(task), kit::json(state));
    let verdict = grader.grade(task.as_rstr(), state.as_rstr(), RSlice::from_slice(history)).into_result()?;
    Ok(serde_json::from_str(verdict.as_str())?)
}

impl Grader for Combined {
    fn grade(&self, task: &Task, state: &Value, history: &[Message]) -> Result<Grade, ModuleError> {
        let mut grade = ask(&self.first, task, state, history)?;
        for (name, grader) in &self.others {
            let other = ask(grader, task, state, history)?;
            grade.parts.push((name.clone(), other.reward));
            grade.usage += other.usage;
        }
        Ok(grade)
    }
}

/// The grader of a world.
pub(crate) fn combined(host: &Host, part: &Part) -> Result<GraderBox, HostError> {
    let start = |module: &crate::module_use::Use| {
        let resolved = host.resolve(&module.module, &module.config)?;
        resolved.grader().map_err(|error| HostError::Module { module: module.module.clone(), error: Box::new(error) })
    };
    let first = match &part.grader {
        GraderSpec::Module(module) => start(module)?,
        GraderSpec::Model(grader) => {
            let model = host.model(&grader.model.module, &grader.model.config)?;
            boxed(RubricGrader::new(model, &grader.rubric), part)?
        }
    };
    let others = part.also.iter().map(|module| Ok((module.module.module.clone(), start(module)?)));
    boxed(Combined { first, others: others.collect::<Result<_, HostError>>()? }, part)
}

/// A grader of this room's own, as all others are held.
fn boxed(grader: impl Grader, part: &Part) -> Result<GraderBox, HostError> {
    kit::grader(RStr::from_str("{}"), |_: harness_abi::NoConfig| Ok(grader))
        .into_result()
        .map_err(|error| HostError::Module { module: part.grader.module().clone(), error: Box::new(error) })
}
