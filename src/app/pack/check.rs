//! The conformance suite over every module of a pack. Refuses to pass a pack of which it could check nothing.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

pub use harness_core::{Check, CheckResult, ConformanceReport};
use harness_core::{Extent, conformance};
use harness_spec::{Config, ModuleRef, nearest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    super::{App, bounds::Seconds},
    list::ModuleLine,
};
use crate::{Control, Event, Failure};

/// A pack, and how long it is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckRequest {
    /// The pack's file.
    pub file: PathBuf,
    /// `MODULE.KEY=VALUE`: configures a module, the value JSON or else a text.
    #[serde(default)]
    pub set: Vec<String>,
    /// Episodes after which memory must not have grown.
    pub episodes: u32,
    /// Most seconds a module's episodes get.
    pub seconds: Seconds,
}

/// What became of a pack.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// Its file.
    pub file: PathBuf,
    /// Whether everything holds.
    pub passed: bool,
    /// Its modules.
    pub modules: Vec<ConformanceReport>,
    /// Its modules in one line each, in the same order.
    #[serde(skip)]
    pub lines: Vec<ModuleLine>,
}

/// Puts every module of the pack through what its kind must do. A module that fails is a result.
///
/// # Errors
///
/// The file is no pack, a setting is of no module of it, or it was cancelled.
pub fn check(app: &App, request: &CheckRequest, control: &Control) -> Result<Checked, Failure> {
    let host = app.host_of_file(&request.file)?;
    let entries: Vec<_> = host
        .catalogue()
        .modules()
        .filter(|entry| host.file(&entry.pack.pack.name, entry.pack.pack.version).is_some())
        .collect();
    let modules: Vec<ModuleRef> = entries.iter().map(|entry| entry.reference()).collect();
    let settings = settings(request, &modules)?;
    let extent = Extent {
        episodes: request.episodes,
        patience: Duration::from_secs(request.seconds.get()),
        ..Extent::default()
    };
    let what = request.file.display().to_string();
    control.tell(&Event::Started { what, total: modules.len() as u64 });
    let mut verdicts = Vec::new();
    for module in &modules {
        control.check()?;
        let config = settings.get(&module.module).cloned().unwrap_or_default();
        verdicts.push(conformance(&host, module, &config, extent));
        control.tell(&Event::Advanced { by: 1 });
    }
    Ok(Checked {
        file: request.file.clone(),
        passed: verdicts.iter().all(ConformanceReport::passed),
        modules: verdicts,
        lines: entries.iter().map(|entry| ModuleLine::of(entry.module)).collect(),
    })
}

/// `MODULE.KEY=VALUE`, the value JSON or else a string.
fn settings(request: &CheckRequest, modules: &[ModuleRef]) -> Result<BTreeMap<String, Config>, Failure> {
    let mut all: BTreeMap<String, Config> = BTreeMap::new();
    for setting in &request.set {
        let parsed = setting.split_once('=').and_then(|(name, value)| Some((name.split_once('.')?, value)));
        let Some(((module, key), value)) = parsed else {
            return Err(Failure::input(format!("--set takes MODULE.KEY=VALUE, got `{setting}`")));
        };
        let mut names = modules.iter().map(|known| known.module.as_str());
        if !names.clone().any(|name| name == module) {
            let hint = nearest(module, names.clone()).unwrap_or_else(|| names.next().unwrap_or_default());
            return Err(
                Failure::input(format!("the pack has no module `{module}`")).hint(format!("did you mean `{hint}`?"))
            );
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        all.entry(module.to_owned()).or_default().insert(key.to_owned(), value);
    }
    Ok(all)
}
