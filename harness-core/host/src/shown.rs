//! What a module shows to a model: the prompts of its configuration, names, descriptions and schemas of its tools. Hashed into
//! the lock, because a tool that describes itself anew steers a model without a byte of the file changing. Refuses to judge the
//! words: a person does.

use std::collections::BTreeMap;

use harness_abi::{Kind, ModuleError, ToolSpec};
use harness_spec::{Config, FieldType, Module, ModuleRef, Version};
use serde_json::Value;

use crate::{Host, HostError, Resolved, elf::sha256};

/// The texts, by the place they have in the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown(pub BTreeMap<String, String>);

impl Shown {
    /// Of a module, with what its tool offers in its default configuration, JSON.
    fn of(module: &Module, specs: Option<&str>) -> Result<Self, serde_json::Error> {
        let mut texts = BTreeMap::new();
        let mut note = |place: String, value: &Value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            texts.insert(place, text);
        };
        for (name, field) in &module.config {
            if matches!(field.field_type, FieldType::String | FieldType::Array | FieldType::Object) {
                field.default.iter().for_each(|value| note(format!("config.{name}"), value));
                let variants = field.variants.iter().enumerate();
                variants.for_each(|(number, value)| note(format!("config.{name} variant {}", number + 1), value));
            }
        }
        let specs: Vec<ToolSpec> = specs.map_or(Ok(Vec::new()), serde_json::from_str)?;
        for spec in specs {
            note(format!("tool {}", spec.name), &spec.description.into());
            note(format!("tool {} input", spec.name), &spec.input_schema);
        }
        Ok(Self(texts))
    }

    /// SHA-256 of all of it, in hex.
    pub fn digest(&self) -> String {
        let texts = self.0.iter().map(|(place, text)| (place.clone(), text.as_str().into()));
        sha256(Value::Object(texts.collect()).to_string().as_bytes())
    }
}

impl Host {
    /// What each module of an installed pack shows; modules that show nothing are left out. Brings its tools up, in their
    /// default configuration; one that needs more to start is known by its prompts alone.
    pub fn shown(&self, pack: &str, version: Version) -> Result<BTreeMap<String, Shown>, HostError> {
        let mut all = BTreeMap::new();
        let packs = self.catalogue().packs();
        for module in packs.filter(|one| one.pack.name == pack && one.pack.version == version).flat_map(|p| &p.modules)
        {
            let reference = ModuleRef { pack: pack.to_owned(), module: module.name.clone(), version: Some(version) };
            let fail = |error: ModuleError| HostError::Module { module: reference.clone(), error: Box::new(error) };
            let specs = if module.kind == Kind::Tool {
                let resolved = self.resolve(&reference, &Config::new())?;
                let specs = resolved.tool().and_then(|tool| tool.specs().into_result());
                specs.ok()
            } else {
                None
            };
            let shown = Shown::of(module, specs.as_deref()).map_err(|error| fail(error.into()))?;
            if !shown.0.is_empty() {
                all.insert(module.name.clone(), shown);
            }
        }
        Ok(all)
    }
}

impl Resolved {
    /// Compares what this tool offers with what was locked, where it has its default configuration: another one may well
    /// say something else.
    ///
    /// # Errors
    ///
    /// It says something else than when it was locked.
    pub fn as_locked(&self, specs: &str) -> Result<(), ModuleError> {
        let Some(locked) = &self.locked_shown else { return Ok(()) };
        if Shown::of(&self.manifest, Some(specs))?.digest() == **locked {
            return Ok(());
        }
        Err(ModuleError::fault(
            "what it shows to a model is not what harness.lock has: names, descriptions or schemas of its tools changed \
             though its file did not; look at `harness plugin verify`, and remove the pack if you cannot tell why",
        ))
    }
}
