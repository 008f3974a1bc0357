//! The conformance suite: what every module of a kind must do, whoever wrote it, linked in, loaded or in a child process. It
//! finds out what a module does, and refuses to know how it is made.

mod environment;
mod memory;
mod model;
mod processor;
mod promise;
mod report;
mod tool;

use harness_abi::Kind;
use harness_host::Host;
use harness_spec::{Config, FieldType, ModuleRef};
use serde_json::Value;

use report::Sheet;
pub use report::{Check, CheckResult, ConformanceReport, Extent};

/// Puts a module through the suite of its kind, with `config` over its defaults.
pub fn conformance(host: &Host, module: &ModuleRef, config: &Config, extent: Extent) -> ConformanceReport {
    let mut sheet = Sheet::new(extent);
    if let Err(problem) = examine(host, module, config, &mut sheet) {
        sheet.check("can be found", move || Err(problem));
    }
    let accepted = wrong_configurations(host, module, config);
    sheet.check("refuses values of the wrong type", move || match accepted.as_slice() {
        [] => Ok(String::new()),
        fields => Err(format!("it starts with a value of the wrong type in `{}`", fields.join("`, `"))),
    });
    ConformanceReport { module: module.clone(), checks: sheet.checks }
}

fn examine(host: &Host, reference: &ModuleRef, config: &Config, sheet: &mut Sheet) -> Result<(), String> {
    let resolved = host.resolve(reference, config).map_err(|error| error.to_string())?;
    match resolved.manifest.kind {
        Kind::Processor => processor::examine(&resolved, sheet),
        Kind::Tool => tool::examine(&resolved, sheet),
        Kind::Model => {
            let model = host.model(reference, config).map_err(|error| error.to_string())?;
            model::examine(&model, &resolved.manifest, resolved.process_id(), sheet);
        }
        Kind::Environment => environment::examine_environment(&resolved, sheet),
        Kind::Grader => environment::examine_grader(&resolved, sheet),
    }
    Ok(())
}

/// The fields that take a value of another type without an error.
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
            Kind::Grader => resolved.grader().is_ok(),
        })
    });
    accepted.map(|(key, _)| key.clone()).collect()
}

fn of_another_type(field: FieldType) -> Value {
    match field {
        FieldType::Array => Value::from("not an array"),
        FieldType::Object | FieldType::Harness => Value::from("not an object"),
        FieldType::String => Value::from(vec![1]),
        FieldType::Integer | FieldType::Number | FieldType::Boolean => Value::from("not that"),
    }
}
