//! What a module shows to a model: the prompts of its configuration, names, descriptions and schemas of its tools. Hashed into
//! the lock, because a tool that describes itself anew steers a model without a byte of the file changing. Refuses to judge the
//! words: a person does.

use std::{collections::BTreeMap, sync::Arc};

use harness_abi::{Kind, ModuleError, ToolSpec};
use harness_spec::{Config, FieldType, LockedTool, Module, ModuleRef, Version};
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
    ///
    /// # Errors
    ///
    /// The pack is not installed or does not load.
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

/// What a lock says of the words of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LockedShown {
    /// Nothing: there is no lock, or the module's words follow from its pack and its configuration.
    Free,
    /// The digest they have.
    Digest(Arc<str>),
    /// They come from elsewhere, and nobody approved them in this configuration.
    Unknown,
}

impl Resolved {
    /// What this tool shows in its configuration, and its entry for a lock: of a `foreign` one alone, and starts it.
    ///
    /// # Errors
    ///
    /// It does not start, or does not say what it offers.
    pub fn foreign(&self) -> Result<Option<(LockedTool, Shown)>, ModuleError> {
        if !self.manifest.foreign {
            return Ok(None);
        }
        let specs = self.tool()?.specs().into_result()?;
        let shown = Shown::of(&self.manifest, Some(&specs))?;
        let module = format!("{}/{}", self.reference.pack, self.reference.module);
        let config = sha256(self.config.as_bytes());
        Ok(Some((LockedTool { module, config, shown: shown.digest() }, shown)))
    }

    /// Compares what this tool offers with what was locked: where it has its default configuration, since another one may well
    /// say something else, or where what it says comes from elsewhere.
    ///
    /// # Errors
    ///
    /// It says something else than when it was locked.
    pub fn as_locked(&self, specs: &str) -> Result<(), ModuleError> {
        let locked = match &self.locked_shown {
            LockedShown::Free => return Ok(()),
            LockedShown::Unknown => {
                return Err(ModuleError::config(
                    "nobody approved what it shows to a model: harness.lock has no entry for this configuration; \
                     `harness plugin lock HARNESS.toml` shows it and approves it",
                ));
            }
            LockedShown::Digest(locked) => locked,
        };
        if Shown::of(&self.manifest, Some(specs))?.digest() == **locked {
            return Ok(());
        }
        if self.manifest.foreign {
            return Err(ModuleError::fault(
                "what it shows to a model is not what harness.lock has: names, descriptions or schemas of its tools changed \
                 since they were approved; `harness plugin lock HARNESS.toml` shows them and approves them anew",
            ));
        }
        Err(ModuleError::fault(
            "what it shows to a model is not what harness.lock has: names, descriptions or schemas of its tools changed \
             though its file did not; look at `harness plugin verify`, and remove the pack if you cannot tell why",
        ))
    }
}
