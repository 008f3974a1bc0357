//! Values worth trying: other values of a field, those a module must be given, an id that is free. Refuses values outside
//! what the manifest allows.

use harness_spec::{Config, Field, FieldType, Module, ModuleRef, ModuleSpec};
use serde_json::Value;

/// The first of each list, then the second of each, and so on.
pub(crate) fn interleaved<T>(lists: Vec<Vec<T>>) -> Vec<T> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    loop {
        let row: Vec<T> = lists.iter_mut().filter_map(Iterator::next).collect();
        if row.is_empty() {
            return all;
        }
        all.extend(row);
    }
}

/// Values for the fields that must be given: the first ready one. `None` where there is no ready value.
pub(crate) fn required(module: &Module) -> Option<Config> {
    let required = module.config.iter().filter(|(_, field)| field.required);
    let first = |field: &Field| field.variants.iter().chain(&field.choices).next().cloned();
    required.map(|(key, field)| Some((key.clone(), first(field)?))).collect()
}

/// An id for a module whose name is taken; `None`: its own name is free.
pub(crate) fn free_id(present: &[ModuleSpec], reference: &ModuleRef) -> Option<String> {
    let taken = |id: &str| present.iter().any(|spec| spec.id == id);
    if !taken(&reference.module) {
        return None;
    }
    let long = format!("{}_{}", reference.pack, reference.module);
    if !taken(&long) {
        return Some(long);
    }
    (2..).map(|n| format!("{long}_{n}")).find(|id| !taken(id))
}

/// Other values of a tunable field: listed ones, the other truth value, or a number halved, doubled, and the ends of its
/// range (both ends needed: an open range gives only half and double).
pub(crate) fn alternatives(field: &Field, now: Option<&Value>) -> Vec<Value> {
    let mut values: Vec<Value> = field.choices.iter().chain(&field.variants).cloned().collect();
    if values.is_empty() {
        match field.field_type {
            FieldType::Boolean => values.push((!now.and_then(Value::as_bool).unwrap_or(false)).into()),
            FieldType::Integer | FieldType::Number => values.extend(numbers(field, now)),
            FieldType::String | FieldType::Array | FieldType::Object | FieldType::Harness => {}
        }
    }
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        if Some(&value) != now && !kept.contains(&value) && field.accepts(&value).is_ok() {
            kept.push(value);
        }
    }
    kept
}

fn numbers(field: &Field, now: Option<&Value>) -> Vec<Value> {
    let mut wanted = Vec::new();
    if let Some(now) = now.and_then(Value::as_f64) {
        wanted.extend(if now == 0.0 { vec![1.0] } else { vec![now * 2.0, now / 2.0] });
    }
    if let (Some(low), Some(high)) = (field.minimum, field.maximum) {
        wanted.extend([high, low]);
    }
    let whole = field.field_type == FieldType::Integer;
    let bound = |value: f64| value.max(field.minimum.unwrap_or(f64::MIN)).min(field.maximum.unwrap_or(f64::MAX));
    let to_json = |value: f64| if whole { Value::from(bound(value).round() as i64) } else { Value::from(bound(value)) };
    wanted.into_iter().map(to_json).collect()
}
