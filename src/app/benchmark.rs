//! Opening a suite as a benchmark: its name, data, settings and splits.

use std::path::{Path, PathBuf};

use harness_bench::{Benchmark, Part, Suite};
use harness_host::Host;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{App, folder_trust::Asking};
use crate::{Failure, Workspace};

/// Which benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BenchmarkRequest {
    /// The suite: a folder with a `suite.toml`, or the name of one that comes with the program.
    pub suite: String,
    /// The benchmark's own data: a folder or file, or `bfcl` for what [`data::pull`](super::data::pull) fetched. Without it a world's
    /// own variable says where it is (`$ALFWORLD_DATA` for household games), and otherwise tasks of this program are played.
    pub data: Option<PathBuf>,
    /// Configures the suite's environment, by key; in a mixed suite by `PART.KEY`.
    pub settings: Map<String, Value>,
    /// At most so many tasks of a group; 0: all. Without it as the suite says.
    pub per_group: Option<usize>,
    /// Seed of the splits; the requests that hold this say of what else.
    pub seed: u64,
}

impl Default for BenchmarkRequest {
    /// No suite yet; seed 1.
    fn default() -> Self {
        Self { suite: String::new(), data: None, settings: Map::new(), per_group: None, seed: 1 }
    }
}

impl BenchmarkRequest {
    /// This suite with its own data and settings, and seed 1.
    pub fn new(suite: impl Into<String>) -> Self {
        Self { suite: suite.into(), ..Self::default() }
    }
}

/// `KEY=VALUE` as a person writes it: the value is JSON, or else text.
///
/// # Errors
///
/// There is no `=`; `option` is what it was given with.
pub fn key_value(option: &str, text: &str) -> Result<(String, Value), Failure> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| Failure::input(format!("{option} takes KEY=VALUE, got `{text}`")))?;
    Ok((key.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))))
}

/// The folder a person means by data for a world: a path, the name of a benchmark that was pulled, or, without either, what the
/// world's own variable names. In a mixed suite a path holds one folder for each part that has data.
fn data(workspace: &Workspace, named: Option<&Path>, suite: &Suite, part: &str) -> Option<PathBuf> {
    let bfcl = |path: &&Path| path.as_os_str() == "bfcl" && !path.exists();
    match named {
        Some(_) if named.filter(bfcl).is_some() => {
            (part == "functions" || !suite.is_mixed()).then(|| bench_functions::pull::bfcl_folder(&workspace.cache()))
        }
        Some(path) if suite.is_mixed() => Some(path.join(part)).filter(|folder| folder.is_dir()),
        Some(path) => Some(path.to_owned()),
        None if part == "household" => workspace.var_path("ALFWORLD_DATA"),
        None => None,
    }
}

impl App {
    /// Opens the benchmark, if the user has allowed what its suite would do.
    pub(super) fn benchmark(&self, request: &BenchmarkRequest, host: &Host) -> Result<Benchmark, Failure> {
        let mut asking = Asking::new(self, host);
        let suite = self.suite(request, &mut asking)?;
        asking.allowed()?;
        self.open_suite(request, suite, host)
    }

    /// The suite as it was asked for; what it would do is gathered in `asking`.
    pub(super) fn suite(&self, request: &BenchmarkRequest, asking: &mut Asking<'_>) -> Result<Suite, Failure> {
        let name = &request.suite;
        let mut suite = Suite::named(name)?;
        let whole = suite.clone();
        let folder = |part: &str| self.data(request, &whole, part);
        for part in &mut suite.parts {
            part.splits.per_group = request.per_group.unwrap_or(part.splits.per_group);
        }
        for (setting, value) in &request.settings {
            let (part, key) = match setting.split_once('.') {
                Some((part, key)) => (suite.parts.iter_mut().find(|known| known.name == part), key),
                None if whole.is_mixed() => (None, setting.as_str()),
                None => (suite.parts.first_mut(), setting.as_str()),
            };
            let Some(part) = part else {
                let known = whole.parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(Failure::input(format!("--set {setting}={value}: say of which part"))
                    .hint(format!("PART.KEY=VALUE; the parts of {name} are {known}")));
            };
            let config =
                if folder(&part.name).is_some() { &mut part.data_config } else { &mut part.environment.config };
            config.insert(key.to_owned(), value.clone());
        }
        for (part, file) in suite.parts.iter().zip(&whole.parts) {
            let mut environment = part.environment.clone();
            if let Some(data) = folder(&part.name) {
                environment.config.extend(part.data_config.clone());
                environment.config.insert("data".to_owned(), data.to_string_lossy().into());
            }
            asking.part(part.file.as_deref(), file, &environment);
        }
        Ok(suite)
    }

    /// Opens a suite whose acts are allowed.
    pub(super) fn open_suite(
        &self,
        request: &BenchmarkRequest,
        suite: Suite,
        host: &Host,
    ) -> Result<Benchmark, Failure> {
        let whole = suite.clone();
        Ok(Benchmark::open(suite, host, |part| self.data(request, &whole, part), request.seed)?)
    }

    fn data(&self, request: &BenchmarkRequest, suite: &Suite, part: &str) -> Option<PathBuf> {
        data(&self.workspace, request.data.as_deref(), suite, part)
    }
}

/// What a benchmark's worlds are configured with, how their tasks are split and marked: part of the identity of a run.
pub(super) fn environments(benchmark: &Benchmark) -> Value {
    let part = |part: &Part| (part.name.clone(), json!([part.environment.config, part.splits, part.grader, part.also]));
    Value::Object(benchmark.suite.parts.iter().map(part).collect())
}
