//! The one file where all families meet: the built-in packs, the search path, models by name, the evaluator of an evolution.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use harness_bench::{Benchmark, Suite};
use harness_host::{ChildSettings, Host, Lock, QuarantineFiles, search_path};
use harness_spec::{Config, Harness, ModelSpec, ModuleRef, Policy, Pool};
use harness_trace::Store;
use serde_json::{Value, json};

use crate::{failure::Failure, paths, policy, replace::change};

/// A host with the built-in packs and whatever the search path holds, under the workspace's lock if there is one.
pub fn host(plugins: &[PathBuf]) -> Result<Host, Failure> {
    build(folders(plugins), lock()?, None)
}

/// A host with the built-in packs and those in one folder, under this lock: what a bundle brings with it.
pub fn host_of_folder(folder: PathBuf, lock: Lock) -> Result<Host, Failure> {
    build(vec![folder], Some(lock), None)
}

/// As [`host`], with no other files than those a run began with: what [`installed`] said then.
pub fn host_as_of(plugins: &[PathBuf], installed: &Value) -> Result<Host, Failure> {
    let digests = installed.as_object().into_iter().flat_map(|packs| packs.values());
    build(folders(plugins), lock()?, Some(digests.filter_map(Value::as_str).map(str::to_owned).collect()))
}

/// As [`host`], whatever the lock says: for writing a new one.
pub fn host_without_lock(plugins: &[PathBuf]) -> Result<Host, Failure> {
    build(folders(plugins), None, None)
}

/// Where packs are searched for.
pub fn folders(plugins: &[PathBuf]) -> Vec<PathBuf> {
    let variable = std::env::var_os("HARNESS_PLUGINS");
    search_path(plugins, variable.as_deref(), &paths::workspace(), paths::data().as_deref())
}

fn build(folders: Vec<PathBuf>, lock: Option<Lock>, only: Option<BTreeSet<String>>) -> Result<Host, Failure> {
    let policy = policy::policy()?;
    let host = Host::builder()
        .linked(harness_modules::pack())
        .linked(harness_models::pack())
        .linked(harness_memory::pack())
        .linked(harness_tools::pack())
        .linked(harness_mcp::pack())
        .linked(bench_functions::pack())
        .linked(bench_menus::pack())
        .linked(bench_tasks::pack())
        .search(folders)
        .lock(lock)
        .only(only)
        .children(children(&policy))
        .policy(policy)
        .store(store())
        .build()?;
    Ok(host)
}

/// A host with nothing but the pack in this file, on the terms of the policy, whatever a lock says.
pub fn host_of_file(file: &Path) -> Result<Host, Failure> {
    let policy = policy::policy()?;
    let mut host = Host::builder().file(file).children(children(&policy)).policy(policy).store(store()).build()?;
    match host.take_refused().pop() {
        Some(refused) => Err(refused.into()),
        None => Ok(host),
    }
}

/// How packs are run whose code runs in a process of its own: a child of this very program.
fn children(policy: &Policy) -> ChildSettings {
    ChildSettings {
        quarantine: quarantine(),
        unconfined: policy.unconfined,
        guarded: guarded(),
        ..ChildSettings::default()
    }
}

/// Where the packs are written down that were given up.
pub fn quarantine() -> QuarantineFiles {
    QuarantineFiles {
        own: paths::decisions().map(|folder| folder.join("quarantine.json")),
        former: Some(paths::former_quarantine()),
    }
}

/// What no pack and no command of a model writes, wherever else it may: who is trusted, what the user decided, copies of packs that were
/// checked, installed packs.
fn guarded() -> Vec<PathBuf> {
    let own = [paths::policy(), paths::state(), Some(store()), paths::data().map(|data| data.join("harness"))];
    let own: Vec<PathBuf> = own.into_iter().flatten().collect();
    for place in &own {
        // Only fails where there is no present folder, and then there is no workspace.
        let _ = harness_sandbox::guard(place);
    }
    own
}

/// Where private copies of loaded packs are kept.
fn store() -> PathBuf {
    paths::cache().join("packs")
}

/// The workspace's lock; `None` when there is none.
pub fn lock() -> Result<Option<Lock>, Failure> {
    lock_file(&paths::lock())
}

/// A lock; `None` when there is no such file.
pub fn lock_file(path: &Path) -> Result<Option<Lock>, Failure> {
    match harness_files::read_text(path, harness_files::MOST_TEXT) {
        Ok(text) => match Lock::parse(&text) {
            Ok(lock) => Ok(Some(lock)),
            Err(error) => Err(Failure::input(format!("{}: {error}", path.display()))),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::input(format!("{}: {error}", path.display()))),
    }
}

/// The workspace's record for reading alone, which may be another user's.
pub fn record_to_read() -> Result<Arc<Store>, Failure> {
    let path = paths::record();
    if !path.is_file() {
        return Err(Failure::input(format!("there is no record at {}", path.display()))
            .hint("`harness run` and `harness bench` make one; run this where they ran"));
    }
    Ok(Store::read(&path)?)
}

/// Changes the workspace's lock (`None`: there is none) while no other process does; gives what `edit` gives besides.
///
/// # Errors
///
/// What `edit` says, and if the lock cannot be read, understood or written: it is then as it was.
pub fn change_lock<T>(edit: impl FnOnce(Option<Lock>) -> Result<(Lock, T), Failure>) -> Result<T, Failure> {
    let path = paths::lock();
    change(&path, |former| {
        let fail = |error| Failure::input(format!("{}: {error}", path.display()));
        let former = former.map(|text| Lock::parse(&text).map_err(fail)).transpose()?;
        let (lock, result) = edit(former)?;
        Ok((lock.to_toml(), result))
    })
}

/// The workspace's record, made if it is not there.
pub fn record() -> Result<Arc<Store>, Failure> {
    let path = paths::record();
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::new(format!("cannot make {}: {error}", folder.display())))?;
    }
    Ok(Store::open(&path)?)
}

/// The model a person names on the command line.
///
/// `gguf` or `smollm2` (weights of `harness model pull smollm2`), `gguf:FILE`, `openai:NAME`, `anthropic:NAME`, a control
/// (`random`, `first`, `noop`), or any `pack/module`.
pub fn model(name: &str) -> Result<ModelSpec, Failure> {
    let (kind, rest) = name.split_once(':').map_or((name, None), |(kind, rest)| (kind, Some(rest)));
    let (module, key) = match kind {
        "gguf" | "smollm2" => ("gguf/gguf", "path"),
        "openai" => ("models/openai", "model"),
        "anthropic" => ("models/anthropic", "model"),
        "random" | "first" | "noop" => (&*format!("std/{kind}"), ""),
        _ if kind.contains('/') => (kind, ""),
        _ => {
            return Err(Failure::input(format!("no model `{name}`")).hint(
                "--model smollm2 (after `harness model pull smollm2`), gguf:FILE, openai:NAME, anthropic:NAME, random, first, noop, or a module `pack/module`",
            ));
        }
    };
    let module: ModuleRef = module.parse().map_err(Failure::input)?;
    let mut config = Config::new();
    match (rest, key) {
        (Some(rest), key) if !key.is_empty() => {
            config.insert(key.to_owned(), rest.into());
        }
        (Some(rest), _) => {
            return Err(Failure::input(format!("model `{kind}` takes nothing after the colon, got `{rest}`")));
        }
        (None, _) if matches!(kind, "openai" | "anthropic") => {
            return Err(Failure::input(format!("which model of the server? write {kind}:NAME")));
        }
        (None, _) => {}
    }
    // As the clients of these protocols do; it becomes part of the value, so that the record says which server it was.
    let variable = match kind {
        "openai" => Some("OPENAI_BASE_URL"),
        "anthropic" => Some("ANTHROPIC_BASE_URL"),
        _ => None,
    };
    let base = variable.and_then(|name| std::env::var(name).ok()).filter(|base| !base.is_empty());
    config.extend(base.map(|base| ("base_url".to_owned(), base.into())));
    Ok(ModelSpec { module, config, fallbacks: Vec::new() })
}

/// The model that plays: the one given, else the harness's own, else the small one that everybody can fetch.
pub fn main_model(given: Option<&str>, harness: &Harness) -> Result<ModelSpec, Failure> {
    match (given, harness.models.get("main")) {
        (Some(given), _) => model(given),
        (None, Some(own)) => Ok(own.clone()),
        (None, None) => model("smollm2"),
    }
}

/// What a model is called where there is room for a few words: its module and which of them, where its config says.
pub fn model_name(model: &ModelSpec) -> String {
    if model.module.pack == "gguf" && !model.config.contains_key("path") {
        return "smollm2".to_owned();
    }
    let which = ["model", "path"].iter().find_map(|key| model.config.get(*key)?.as_str());
    which.map_or_else(|| model.module.to_string(), |which| format!("{}:{which}", model.module.module))
}

/// The text of a harness. What it says decides what a model may do, so no command of a model writes it from here on.
fn harness_text(path: &Path) -> Result<String, Failure> {
    let fail = |error| Failure::input(format!("cannot read harness {}: {error}", path.display()));
    let text = harness_files::read_text(path, harness_files::MOST_TEXT).map_err(fail)?;
    harness_sandbox::guard(path).map_err(fail)?;
    Ok(text)
}

/// A harness from a file.
pub fn harness_file(path: &Path) -> Result<Harness, Failure> {
    let text = harness_text(path)?;
    Harness::parse(&text).map_err(|error| Failure::input(format!("{}: {error}", path.display())))
}

/// A harness or several with their routes, from a file.
pub fn pool_file(path: &Path) -> Result<Pool, Failure> {
    let text = harness_text(path)?;
    Pool::parse(&text).map_err(|error| Failure::input(format!("{}: {error}", path.display())))
}

/// The folder a person means by `--data` for a world: a path, the name of a benchmark that was pulled, or, without either,
/// what the world's own variable names (`$ALFWORLD_DATA` for household games). In a mixed suite a path holds one folder for
/// each part that has data.
pub fn data(named: Option<&Path>, suite: &Suite, part: &str) -> Option<PathBuf> {
    let bfcl = |path: &&Path| path.as_os_str() == "bfcl" && !path.exists();
    match named {
        Some(_) if named.filter(bfcl).is_some() => {
            (part == "functions" || !suite.is_mixed()).then(|| bench_functions::pull::bfcl_folder(&paths::cache()))
        }
        Some(path) if suite.is_mixed() => Some(path.join(part)).filter(|folder| folder.is_dir()),
        Some(path) => Some(path.to_owned()),
        None if part == "household" => {
            std::env::var_os("ALFWORLD_DATA").filter(|folder| !folder.is_empty()).map(PathBuf::from)
        }
        None => None,
    }
}

/// Opens a suite's benchmark as the command line says: `data` as above; `settings` are `KEY=VALUE` of its environment, the value
/// JSON or else a string, in a mixed suite `PART.KEY=VALUE`.
pub fn benchmark(
    name: &str,
    host: &Host,
    named: Option<&Path>,
    settings: &[String],
    per_group: Option<usize>,
    seed: u64,
) -> Result<Benchmark, Failure> {
    let mut suite = Suite::named(name)?;
    let whole = suite.clone();
    let folder = |part: &str| data(named, &whole, part);
    for part in &mut suite.parts {
        part.splits.per_group = per_group.unwrap_or(part.splits.per_group);
    }
    for setting in settings {
        let (key, value) =
            setting.split_once('=').ok_or_else(|| Failure::input(format!("--set takes KEY=VALUE, got `{setting}`")))?;
        let (part, key) = match key.split_once('.') {
            Some((part, key)) => (suite.parts.iter_mut().find(|known| known.name == part), key),
            None if whole.is_mixed() => (None, key),
            None => (suite.parts.first_mut(), key),
        };
        let Some(part) = part else {
            let known = whole.parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(Failure::input(format!("--set {setting}: say of which part"))
                .hint(format!("PART.KEY=VALUE; the parts of {name} are {known}")));
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        let config = if folder(&part.name).is_some() { &mut part.data_config } else { &mut part.environment.config };
        config.insert(key.to_owned(), value);
    }
    Ok(Benchmark::open(suite, host, folder, seed)?)
}

/// What a benchmark's worlds are configured with, how their tasks are split and marked: part of the identity of a run.
pub fn environments(benchmark: &Benchmark) -> Value {
    let part = |part: &harness_bench::Part| {
        (part.name.clone(), json!([part.environment.config, part.splits, part.grader, part.also]))
    };
    Value::Object(benchmark.suite.parts.iter().map(part).collect())
}

/// What is installed, byte for byte: part of the identity of a run, because outcomes rest on it.
pub fn installed(host: &Host) -> Value {
    let packs = host.catalogue().packs().map(|pack| {
        let pack = &pack.pack;
        let file = host.file(&pack.name, pack.version).map(|file| file.sha256.as_str());
        let identity = file.unwrap_or(concat!("linked into harness ", env!("CARGO_PKG_VERSION")));
        (format!("{} {}", pack.name, pack.version), json!(identity))
    });
    Value::Object(packs.collect())
}

/// The runtime episodes run on.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no runtime: {error}")))
}
