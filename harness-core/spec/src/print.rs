//! [`Harness`] or [`Pool`] → `harness.toml`, and the TOML pieces file edits are made of. Refuses values TOML cannot hold.

use serde::Serialize;
use serde_json::Value;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Key, Table, value};

use crate::field::representable;
use crate::harness::{AdaptRule, Config, Fallback, Harness, ModelSpec, ModuleSpec};
use crate::pool::{Cell, ONLY, Pool};
use crate::reference::ModuleRef;
use crate::setting::Setting;
use crate::vocabulary::Vocabulary;

/// A value that TOML cannot hold: `null`, or an integer beyond 64 bits signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: TOML cannot hold `{value}`; leave the field out or write a smaller number")]
pub struct PrintError {
    /// Where.
    pub place: String,
    /// The value, as JSON.
    pub value: String,
}

impl Harness {
    /// The text of a `harness.toml` that parses to this harness. Settings are written out, absent limits are not.
    ///
    /// # Errors
    ///
    /// When a value has no form in TOML: a null, or a number beyond 64 bits.
    pub fn to_toml(&self) -> Result<String, PrintError> {
        let mut document = DocumentMut::new();
        self.write_into(document.as_table_mut())?;
        Ok(document.to_string().trim_start().to_owned())
    }

    fn write_into(&self, root: &mut Table) -> Result<(), PrintError> {
        root.insert("action", value(self.action.name()));
        if !self.models.is_empty() {
            let mut models = Table::new();
            models.set_implicit(true);
            for (role, spec) in &self.models {
                models.insert(role, Item::Table(model_table(spec)?));
            }
            root.insert("model", Item::Table(models));
        }
        for (key, list) in [("processor", &self.processors), ("tool", &self.tools)] {
            if !list.is_empty() {
                let tables = list.iter().map(module_table).collect::<Result<ArrayOfTables, _>>()?;
                root.insert(key, Item::ArrayOfTables(tables));
            }
        }
        for setting in Setting::all() {
            if let (Some((section, key)), Some(json)) = (setting.name().split_once('.'), setting.read(self)) {
                let table = root.entry(section).or_insert_with(|| Item::Table(Table::new()));
                if let Some(table) = table.as_table_mut() {
                    table.insert(key, Item::Value(toml_value(setting.name(), &json)?));
                }
            }
        }
        if !self.adapt.is_empty() {
            let tables = self.adapt.iter().map(rule_table).collect::<Result<ArrayOfTables, _>>()?;
            root.insert("adapt", Item::ArrayOfTables(tables));
        }
        Ok(())
    }
}

impl Pool {
    /// The text of a `harness.toml` that parses to this pool; one harness without routes is written as such.
    ///
    /// # Errors
    ///
    /// When a value has no form in TOML: a null, or a number beyond 64 bits.
    pub fn to_toml(&self) -> Result<String, PrintError> {
        if let Some(harness) = self.single().filter(|_| self.routes.is_empty() && self.fallback == ONLY) {
            return harness.to_toml();
        }
        let mut document = DocumentMut::new();
        let root = document.as_table_mut();
        root.insert("fallback", value(self.fallback.as_str()));
        let mut routes = ArrayOfTables::new();
        for route in &self.routes {
            let mut table = Table::new();
            let Cell { suite, kind, word } = &route.when;
            for (key, text) in [("suite", suite), ("kind", kind), ("word", word), ("to", &Some(route.to.clone()))] {
                if let Some(text) = text {
                    table.insert(key, value(text.as_str()));
                }
            }
            routes.push(table);
        }
        if !routes.is_empty() {
            root.insert("route", Item::ArrayOfTables(routes));
        }
        let mut variants = Table::new();
        variants.set_implicit(true);
        for (name, harness) in &self.variants {
            let mut table = Table::new();
            harness.write_into(&mut table)?;
            variants.insert(name, Item::Table(table));
        }
        root.insert("variant", Item::Table(variants));
        Ok(document.to_string().trim_start().to_owned())
    }
}

/// `use = …`, config as dotted keys, fallbacks as tables of their own.
pub(crate) fn model_table(spec: &ModelSpec) -> Result<Table, PrintError> {
    let mut table = used_table(&spec.module, &spec.config)?;
    if !spec.fallbacks.is_empty() {
        table.insert("fallback", Item::ArrayOfTables(fallback_tables(&spec.fallbacks)?));
    }
    Ok(table)
}

pub(crate) fn fallback_tables(fallbacks: &[Fallback]) -> Result<ArrayOfTables, PrintError> {
    fallbacks.iter().map(|f| used_table(&f.module, &f.config)).collect()
}

/// A processor or a tool; its id only where it is not the module's name.
pub(crate) fn module_table(spec: &ModuleSpec) -> Result<Table, PrintError> {
    let mut table = Table::new();
    if spec.id != spec.module.module {
        table.insert("id", value(spec.id.as_str()));
    }
    used_into(&mut table, &spec.module, &spec.config)?;
    Ok(table)
}

pub(crate) fn rule_table(rule: &AdaptRule) -> Result<Table, PrintError> {
    let place = format!("adapt rule `{}`", rule.id);
    let mut table = Table::new();
    if rule.id != rule.when.name() {
        table.insert("id", value(rule.id.as_str()));
    }
    table.insert("when", Item::Value(serialised(&place, &rule.when)?));
    let mut changes = Array::new();
    for change in &rule.apply {
        let mut item = serialised(&place, change)?;
        item.decor_mut().set_prefix("\n    ");
        changes.push_formatted(item);
    }
    changes.set_trailing("\n");
    changes.set_trailing_comma(true);
    table.insert("apply", value(changes));
    if !rule.once {
        table.insert("once", value(false));
    }
    Ok(table)
}

fn used_table(module: &ModuleRef, config: &Config) -> Result<Table, PrintError> {
    let mut table = Table::new();
    used_into(&mut table, module, config)?;
    Ok(table)
}

fn used_into(table: &mut Table, module: &ModuleRef, config: &Config) -> Result<(), PrintError> {
    table.insert("use", value(module.to_string()));
    if !config.is_empty() {
        table.insert("config", Item::Table(config_table(&module.to_string(), config)?));
    }
    Ok(())
}

/// Config as a dotted table: `config.key = …`.
pub(crate) fn config_table(place: &str, config: &Config) -> Result<Table, PrintError> {
    let mut table = Table::new();
    table.set_dotted(true);
    for (key, json) in config {
        table.insert_formatted(&Key::new(key), Item::Value(toml_value(place, json)?));
    }
    Ok(table)
}

fn serialised(place: &str, of: &impl Serialize) -> Result<toml_edit::Value, PrintError> {
    let json =
        serde_json::to_value(of).map_err(|error| PrintError { place: place.to_owned(), value: error.to_string() })?;
    toml_value(place, &json)
}

/// A JSON value as TOML; tables inside are written inline.
pub(crate) fn toml_value(place: &str, json: &Value) -> Result<toml_edit::Value, PrintError> {
    if !representable(json) {
        return Err(PrintError { place: place.to_owned(), value: json.to_string() });
    }
    Ok(match json {
        Value::String(text) => text.as_str().into(),
        Value::Bool(boolean) => (*boolean).into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Value::Array(items) => {
            let items = items.iter().map(|item| toml_value(place, item)).collect::<Result<Vec<_>, _>>()?;
            toml_edit::Value::Array(items.into_iter().collect())
        }
        Value::Object(entries) => {
            let mut table = InlineTable::new();
            for (key, item) in entries {
                table.insert(key, toml_value(place, item)?);
            }
            table.into()
        }
        // Not representable, refused above.
        Value::Null => return Err(PrintError { place: place.to_owned(), value: json.to_string() }),
    })
}
