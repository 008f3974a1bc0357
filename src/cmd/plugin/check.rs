//! `harness plugin check`: the conformance suite over every module of a pack, and a verdict a person can read. Refuses to pass a
//! pack of which it could check nothing.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use clap::Args;
use harness_core::{Check, Extent, Mark, Verdict, conformance};
use harness_spec::{Config, ModuleRef, nearest};
use serde_json::{Value, json};

use super::{Global, list::kind};
use crate::{failure::Failure, output, wire};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness plugin check target/release/libmy_pack.so
  harness plugin check libmy_pack.so --set my_model.path=weights.bin --episodes 1000
  harness plugin check libmy_pack.so --json

Every module is put through what its kind must do: every hook and its contract, wrong input and wrong configuration, cancellation,
deadlines, the same again with the same seed, nothing carried from episode to episode, memory after many episodes.
Exit codes: 0 everything holds, 1 something does not, 2 no pack.")]
pub struct CheckArgs {
    /// The pack
    #[arg(value_name = "FILE.so")]
    file: PathBuf,
    /// Configure a module for the check, e.g. what it needs to start
    #[arg(long, value_name = "MODULE.KEY=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Episodes after which memory must not have grown
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    episodes: u32,
    /// Most seconds a module's episodes get
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = crate::argv::seconds)]
    seconds: u64,
}

/// Checks the pack.
pub fn run(global: &Global, args: &CheckArgs) -> Result<(), Failure> {
    let host = wire::host_of_file(&args.file)?;
    let modules: Vec<ModuleRef> = host
        .catalogue()
        .modules()
        .filter(|entry| host.file(&entry.pack.pack.name, entry.pack.pack.version).is_some())
        .map(|entry| entry.reference())
        .collect();
    let settings = settings(args, &modules)?;
    let extent = Extent { episodes: args.episodes, patience: Duration::from_secs(args.seconds), ..Extent::default() };
    let mut verdicts = Vec::new();
    for module in &modules {
        let config = settings.get(&module.module).cloned().unwrap_or_default();
        let verdict = conformance(&host, module, &config, extent);
        if !global.json {
            let kind = host.catalogue().lookup(module).map(|entry| kind(entry.module)).unwrap_or_default();
            output::line(text(&verdict, &kind))?;
        }
        verdicts.push(verdict);
    }
    let (bad, checks) = (count(&verdicts, |mark| matches!(mark, Mark::Failed(_))), count(&verdicts, |_| true));
    let left_out = count(&verdicts, |mark| matches!(mark, Mark::LeftOut(_)));
    if global.json {
        output::json(&object(args, &verdicts))?;
    }
    if bad > 0 {
        return Err(Failure::new(format!("{bad} of {checks} checks failed")));
    }
    if modules.is_empty() {
        return Err(Failure::input(format!("{} has no modules to check", args.file.display())));
    }
    if !global.json {
        let rest = if left_out > 0 { format!(", {left_out} left out") } else { String::new() };
        output::line(format_args!(
            "{} of {} modules conform: {} checks hold{rest}",
            modules.len(),
            modules.len(),
            checks - left_out
        ))?;
    }
    Ok(())
}

/// `MODULE.KEY=VALUE`, the value JSON or else a string.
fn settings(args: &CheckArgs, modules: &[ModuleRef]) -> Result<BTreeMap<String, Config>, Failure> {
    let mut all: BTreeMap<String, Config> = BTreeMap::new();
    for setting in &args.set {
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

fn count(verdicts: &[Verdict], which: impl Fn(&Mark) -> bool) -> usize {
    verdicts.iter().flat_map(|verdict| &verdict.checks).filter(|check| which(&check.mark)).count()
}

fn text(verdict: &Verdict, kind: &str) -> String {
    let lines: Vec<String> = verdict.checks.iter().map(line).collect();
    format!("{} — {kind}\n{}", verdict.module, lines.join("\n"))
}

fn line(check: &Check) -> String {
    let (word, detail) = match &check.mark {
        Mark::Passed(detail) => ("ok", detail),
        Mark::Failed(detail) => ("FAILED", detail),
        Mark::LeftOut(detail) => ("left out", detail),
    };
    let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
    format!("  {word:<8}  {}{detail}", check.name)
}

fn object(args: &CheckArgs, verdicts: &[Verdict]) -> Value {
    json!({
        "file": args.file, "passed": verdicts.iter().all(Verdict::passed), "modules": verdicts,
    })
}
