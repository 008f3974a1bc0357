//! One conformance suite over every module there is: those linked into the binary, those loaded from
//! `.so` files, and those in a process of their own.

use harness_core::{Extent, conformance};
use harness_host::{ChildSettings, Host, Isolation};
use harness_spec::{Config, ModuleRef};

use crate::support::{Workspace, library};

/// Modules that need something to start: their configuration, or why they are left out.
fn special(module: &ModuleRef, workspace: &Workspace) -> Result<Config, String> {
    match module.to_string().as_str() {
        "std/scripted" => Ok(Config::from([("replies".to_owned(), serde_json::json!(["look", "look"]))])),
        "models/openai" | "models/anthropic" | "mcp/server" | "mcp/shared_server" => {
            Err("it needs a server; tested against one in its own crate".to_owned())
        }
        "gguf/gguf" => {
            let home = std::env::var_os("HOME").unwrap_or_default();
            let weights = std::path::Path::new(&home).join(".cache/harness/models/smollm2-135m-instruct-q4_1.gguf");
            if weights.is_file() {
                Ok(Config::from([("path".to_owned(), weights.to_string_lossy().into())]))
            } else {
                Err("no weights; `harness model pull smollm2` fetches them".to_owned())
            }
        }
        "std/skills" | "std/skill" => {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/skills");
            Ok(Config::from([("folder".to_owned(), path.into())]))
        }
        "std/instructions" => {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/skills/haiku/SKILL.md");
            Ok(Config::from([("file".to_owned(), path.into())]))
        }
        "memory/recall" | "memory/notebook" => {
            let past = harness_memory::Past { task: "look".into(), worked: "look".into(), episode: "e".into() };
            let note = harness_memory::Note { note: "look".into(), task: "look".into(), episode: "e".into() };
            let written = harness_memory::write(&workspace.path("memory"), &[past], &[note]);
            let written = written.map_err(|error| error.to_string())?;
            Ok(Config::from([("file".to_owned(), written.file.to_string_lossy().into())]))
        }
        "tasks/questions" => {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/questions.jsonl");
            Ok(Config::from([("data".to_owned(), path.into())]))
        }
        "tools/bash" | "tasks/command" => confined().map(|()| Config::new()),
        "tasks/workspace" => {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/chores.jsonl");
            confined().map(|()| Config::from([("data".to_owned(), path.into())]))
        }
        "tools/agent" => Ok(Config::from([("harness".to_owned(), serde_json::json!({}))])),
        "tools/person" => Err("it asks whoever sits at the terminal".to_owned()),
        _ => Ok(Config::new()),
    }
}

/// Whether this machine can confine commands: what cannot refuses to start.
fn confined() -> Result<(), String> {
    let found = harness_sandbox::choose(harness_sandbox::Choice::Auto).map(drop).map_err(|error| error.to_string());
    found.inspect_err(|why| crate::support::sandbox_is_missing(why))
}

/// Everything there is, loaded packs where `isolation` says.
fn findings(isolation: Isolation) -> Vec<String> {
    let workspace = Workspace::with(&["hello", "generic", "choice", "household", "gguf"]);
    let host = Host::builder()
        .linked(harness_modules::pack())
        .linked(harness_models::pack())
        .linked(harness_memory::pack())
        .linked(harness_tools::pack())
        .linked(harness_mcp::pack())
        .linked(bench_functions::pack())
        .linked(bench_menus::pack())
        .linked(bench_tasks::pack())
        .search([workspace.path(".harness/plugins")])
        .store(workspace.path("store"))
        .isolation(move |_| Ok(isolation))
        .children(ChildSettings { program: Some(env!("CARGO_BIN_EXE_harness").into()), ..ChildSettings::default() })
        .build()
        .unwrap();
    assert!(host.refused().is_empty(), "{:?} {:?}", library("hello"), host.refused());
    let modules: Vec<ModuleRef> = host.catalogue().modules().map(|entry| entry.reference()).collect();
    assert!(modules.len() > 30, "{}", modules.len());
    let mut findings = Vec::new();
    for module in &modules {
        match special(module, &workspace) {
            Ok(config) => {
                let verdict = conformance(&host, module, &config, Extent::default());
                findings.extend(verdict.problems().map(|problem| format!("{module}: {problem}")));
            }
            Err(reason) => eprintln!("{module} is left out: {reason}"),
        }
    }
    assert_eq!(host.quarantined(), Ok(Vec::new()));
    findings
}

#[test]
fn every_module_linked_or_loaded_conforms() {
    assert_eq!(findings(Isolation::InProcess), Vec::<String>::new());
}

#[test]
fn every_module_conforms_in_a_process_of_its_own() {
    assert_eq!(findings(Isolation::Process), Vec::<String>::new());
}
