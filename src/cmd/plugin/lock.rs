//! `harness plugin lock`: pins every installed file by its bytes, and what the tools of a harness show where their bytes do not say. A
//! lock there was is what it replaces, not what it obeys.

use std::path::PathBuf;

use clap::Args;
use harness_host::{Host, Lock};
use harness_spec::LockedPack;
use serde_json::{Value, json};

use super::Global;
use crate::{failure::Failure, output, paths, wire};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin lock                approves all that is installed as it is
  harness plugin lock my.toml        and what the MCP servers of my.toml show to a model: they are started, and asked

What a server shows is printed when it is new or not what was approved: read it, since a model will.")]
pub struct LockArgs {
    /// Harnesses whose tools show what comes from elsewhere
    #[arg(value_name = "FILE.toml")]
    files: Vec<PathBuf>,
}

/// Writes `harness.lock`.
pub fn run(global: &Global, args: &LockArgs) -> Result<(), Failure> {
    let host = wire::host_without_lock(&global.plugins)?;
    let former = wire::lock()?.unwrap_or_default();
    let mut lock = Lock { tools: former.tools.clone(), ..Lock::default() };
    let mut lines = Vec::new();
    for pack in host.catalogue().packs() {
        let Some(file) = host.file(&pack.pack.name, pack.pack.version) else { continue };
        let (name, version) = (&pack.pack.name, pack.pack.version);
        let what = match former.get(name, version) {
            Some(locked) if locked.sha256 == file.sha256 => "unchanged",
            Some(_) => "changed",
            None => "added",
        };
        lines.push((what, name.clone(), version, file.sha256.clone()));
        lock.insert(LockedPack {
            name: name.clone(),
            version,
            sha256: file.sha256.clone(),
            publisher: host.trust(name, version).and_then(|trust| trust.signer.key().cloned()),
            permissions: pack.permissions(),
            shown: super::review::shown(&host, name, version)?,
        });
    }
    for gone in former.packs.iter().filter(|pack| lock.get(&pack.name, pack.version).is_none()) {
        lines.push(("removed", gone.name.clone(), gone.version, gone.sha256.clone()));
    }
    let tools = tools(&host, args, &former, &mut lock)?;
    let path = paths::lock();
    let lock = wire::change_lock(|present| {
        // What another process approved meanwhile stays approved.
        for pack in present.unwrap_or_default().packs {
            if former.get(&pack.name, pack.version).is_none() && lock.get(&pack.name, pack.version).is_none() {
                lock.insert(pack);
            }
        }
        Ok((lock.clone(), lock))
    })?;
    if global.json {
        let packs: Vec<_> = lines
            .iter()
            .map(|(what, name, version, sha256)| json!({"name": name, "version": version, "sha256": sha256, "change": what}))
            .collect();
        return output::json(&json!({"lock": path, "packs": packs, "tools": tools}));
    }
    for (what, name, version, sha256) in &lines {
        output::line(format_args!("{what:<9} {name} {version} sha256 {sha256}"))?;
    }
    for tool in &tools {
        let text = |key: &str| tool[key].as_str().unwrap_or_default();
        output::line(format_args!(
            "{:<9} tools of {} ({}) sha256 {}",
            text("change"),
            text("id"),
            text("module"),
            text("shown")
        ))?;
        for (place, words) in tool["texts"].as_object().into_iter().flatten() {
            output::line(format_args!("          {place}: {}", words.as_str().unwrap_or_default()))?;
        }
    }
    for error in host.refused() {
        output::line(format_args!("refused   {error}"))?;
    }
    let tools = match lock.tools.len() {
        0 => String::new(),
        count => format!(" and what {count} configurations of tools show"),
    };
    output::line(format_args!("{} packs{tools} are locked in {}", lock.packs.len(), path.display()))
}

/// Puts what the harnesses' tools show into the lock; gives what is said of it.
fn tools(host: &Host, args: &LockArgs, former: &Lock, lock: &mut Lock) -> Result<Vec<Value>, Failure> {
    let mut said = Vec::new();
    for file in &args.files {
        for (id, tool, shown) in super::foreign(&wire::pool_file(file)?, host)? {
            let change = match former.tool(&tool.module, &tool.config) {
                Some(known) if *known == tool => "unchanged",
                Some(_) => "changed",
                None => "added",
            };
            let texts = if change == "unchanged" { json!({}) } else { json!(shown.0) };
            said.push(json!({"id": id, "module": tool.module, "change": change, "shown": tool.shown, "texts": texts}));
            lock.insert_tool(tool);
        }
    }
    Ok(said)
}
