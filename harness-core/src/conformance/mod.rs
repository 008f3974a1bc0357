//! The conformance suite: what every module of a kind must do, whoever wrote it, linked in or loaded. It finds out what a
//! module does, and refuses to know how it is made.

mod model;
mod processor;
mod tool;
mod world;

use harness_abi::Kind;
use harness_host::Host;
use harness_spec::{Config, FieldType, Module, ModuleRef};
use serde_json::Value;

/// What is wrong with a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The module.
    pub module: ModuleRef,
    /// What it should do and does not.
    pub problem: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.module, self.problem)
    }
}

/// Puts a module through the suite of its kind, with `config` over its defaults; no finding is a pass.
pub fn conformance(host: &Host, module: &ModuleRef, config: &Config) -> Vec<Finding> {
    let problems = match examine(host, module, config) {
        Ok(()) => Vec::new(),
        Err(problem) => vec![problem],
    };
    let problems = problems.into_iter().chain(wrong_configurations(host, module, config));
    problems.map(|problem| Finding { module: module.clone(), problem }).collect()
}

fn examine(host: &Host, reference: &ModuleRef, config: &Config) -> Result<(), String> {
    let resolved = host.resolve(reference, config).map_err(|error| error.to_string())?;
    match resolved.manifest.kind {
        Kind::Processor => processor::examine(&resolved),
        Kind::Tool => tool::examine(&resolved),
        Kind::Model => {
            let model = host.model(reference, config).map_err(|error| error.to_string())?;
            model::examine(&model, &resolved.manifest)
        }
        Kind::Environment => world::examine_environment(&resolved),
        Kind::Verifier => world::examine_verifier(&resolved),
    }
}

/// A field of the wrong type is refused with an error, in every field in turn.
fn wrong_configurations(host: &Host, reference: &ModuleRef, config: &Config) -> Vec<String> {
    let Ok(entry) = host.catalogue().lookup(reference) else { return Vec::new() };
    let kind = entry.module.kind;
    let accepted = entry.module.config.iter().filter(|(key, field)| {
        let mut wrong = config.clone();
        wrong.insert((*key).clone(), of_another_type(field.field_type));
        host.resolve(reference, &wrong).is_ok_and(|resolved| match kind {
            Kind::Processor => resolved.processor().is_ok(),
            Kind::Tool => resolved.tool().is_ok(),
            Kind::Model => host.model(reference, &wrong).is_ok(),
            Kind::Environment => resolved.environment().is_ok(),
            Kind::Verifier => resolved.verifier().is_ok(),
        })
    });
    accepted.map(|(key, _)| format!("it starts with a value of the wrong type in `{key}`")).collect()
}

fn of_another_type(field: FieldType) -> Value {
    match field {
        FieldType::Array => Value::from("not an array"),
        FieldType::Object => Value::from("not an object"),
        FieldType::String => Value::from(vec![1]),
        FieldType::Integer | FieldType::Number | FieldType::Boolean => Value::from("not that"),
    }
}

/// Whether equal calls must give equal answers.
fn repeats(manifest: &Module) -> bool {
    manifest.deterministic
}
