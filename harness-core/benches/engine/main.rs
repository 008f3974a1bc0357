//! The engine's own cost, on the scenario of `docs/performance.md`: a mock model that answers at once with one call of a
//! tool that does nothing. Simulated, and every line says so; nothing here says anything about a real model's speed.
//!
//! `cargo bench -p harness-core --bench engine` prints CPU per step and memory per agent; `-- --json` as one object;
//! `-- --quick` a fifth of the runs.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and stops at the first error")]

mod measure;
mod pack;
mod pipe8;

use std::{path::Path, process::Command, sync::Arc};

use harness_core::{Agent, EpisodeSpec, Start, assemble};
use harness_host::Host;
use harness_spec::Harness;
use harness_trace::{EpisodeStart, Recorder, Store};
use serde_json::{Value, json};

const LENGTHS: [u64; 3] = [50, 200, 800];
const AGENTS: [u64; 3] = [1, 100, 1000];
const CONFIGURATIONS: [&str; 3] = ["bare", "pipe8", "pipe8+journal"];
/// Turns of an episode where memory is measured.
const TURNS: u64 = 20;

fn host() -> Host {
    Host::builder().linked(pack::pack()).linked(pipe8::pack()).build().unwrap()
}

fn agent(host: &Host, configuration: &str, turns: u64, wait_ms: u64) -> Agent {
    let processors = if configuration == "bare" { String::new() } else { pipe8::toml() };
    let toml = format!(
        "action = \"tool\"\n{processors}\n[[tool]]\nuse = \"mock/noop\"\n[budget]\nsteps = {}\n\
         [model.main]\nuse = \"mock/model\"\nconfig = {{ turns = {turns}, wait_ms = {wait_ms} }}\n",
        turns + 5
    );
    assemble(&Harness::parse(&toml).unwrap(), host).unwrap()
}

fn spec(recorder: Arc<dyn Recorder>, index: u64) -> EpisodeSpec {
    let meta =
        EpisodeStart { episode: format!("bench-{index}"), run: "bench".into(), seed: index, ..Default::default() };
    let mut spec = EpisodeSpec::new(meta, Start::Prompt("bench task".into()), recorder);
    spec.replay = false;
    spec
}

/// CPU microseconds per step, all threads; the median of `runs` runs, each into a record of its own.
fn per_step(configuration: &str, turns: u64, runs: u64, folder: &Path) -> f64 {
    let host = host();
    let agent = agent(&host, configuration, turns, 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut all = Vec::new();
    for run in 0..runs {
        let path = folder.join(format!("{configuration}-{turns}-{run}.db"));
        let store = (configuration == "pipe8+journal").then(|| Store::open(&path).unwrap());
        // Short episodes are repeated, so that one measurement is long beside the clock's grain.
        let repeats = (2000 / turns).max(1);
        let recorder: Arc<dyn Recorder> = match &store {
            Some(store) => store.clone(),
            None => Arc::new(measure::Nothing),
        };
        let before = measure::cpu_nanos();
        for repeat in 0..repeats {
            let episode = runtime.block_on(agent.run(spec(recorder.clone(), repeat))).unwrap();
            assert_eq!(episode.end.steps, turns + 1, "{}", episode.end.reason);
        }
        if let Some(store) = &store {
            store.flush().unwrap();
        }
        let spent = measure::cpu_nanos() - before;
        all.push(spent as f64 / 1000.0 / (repeats * (turns + 1)) as f64);
    }
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Peak resident bytes with so many agents at work at the same time, in this process.
fn peak(agents: u64, folder: &Path) -> u64 {
    let host = host();
    let store = Store::open(folder.join(format!("agents-{agents}.db"))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut running = Vec::new();
        for index in 0..agents {
            let (agent, store) = (agent(&host, "pipe8+journal", TURNS, 50), store.clone());
            running.push(tokio::spawn(async move { agent.run(spec(store, index)).await.unwrap() }));
        }
        for episode in running {
            assert_eq!(episode.await.unwrap().end.steps, TURNS + 1);
        }
    });
    store.flush().unwrap();
    measure::peak_resident()
}

/// Peak resident bytes of a process that holds so many histories of such an episode and nothing else.
fn histories(count: u64) -> u64 {
    let host = host();
    let agent = agent(&host, "bare", TURNS, 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let recorder: Arc<dyn Recorder> = Arc::new(measure::Nothing);
    let run = |index| runtime.block_on(agent.run(spec(recorder.clone(), index))).unwrap().history;
    let kept: Vec<_> = (0..count).map(run).collect();
    assert_eq!(kept.len() as u64, count);
    measure::peak_resident()
}

/// What a fresh process of this program prints.
fn fresh(flag: &str, count: u64) -> u64 {
    let own = std::env::current_exe().unwrap();
    let output = Command::new(own).args([flag, &count.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = tempfile::tempdir().unwrap();
    if let Some(at) = arguments.iter().position(|argument| argument == "--peak") {
        println!("{}", peak(arguments[at + 1].parse().unwrap(), folder.path()));
        return;
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--histories") {
        println!("{}", histories(arguments[at + 1].parse().unwrap()));
        return;
    }
    let as_json = arguments.iter().any(|argument| argument == "--json");
    let runs = if arguments.iter().any(|argument| argument == "--quick") { 3 } else { 15 };
    let mut table = Vec::new();
    for configuration in CONFIGURATIONS {
        let row: Vec<f64> = LENGTHS.iter().map(|turns| per_step(configuration, *turns, runs, folder.path())).collect();
        if !as_json {
            let cells: Vec<String> =
                LENGTHS.iter().zip(&row).map(|(turns, micros)| format!("{micros:6.2} µs at {turns}")).collect();
            println!("{configuration:14} CPU per step, simulated model: {}", cells.join(", "));
        }
        table.push(json!({"configuration": configuration, "turns": LENGTHS, "cpu_micros_per_step": row}));
    }
    let peaks = AGENTS.map(|agents| fresh("--peak", agents));
    let [one, _, thousand] = peaks;
    let history = (fresh("--histories", 1000) - fresh("--histories", 1)) as f64 / 999.0;
    let each = (thousand - one) as f64 / 999.0;
    if as_json {
        let memory: Vec<Value> =
            AGENTS.iter().zip(&peaks).map(|(agents, peak)| json!({"agents": agents, "peak_bytes": peak})).collect();
        println!(
            "{}",
            json!({"simulated": true, "steps": table, "memory": memory, "bytes_per_agent": each,
            "of_these_history": history})
        );
    } else {
        for (agents, peak) in AGENTS.iter().zip(&peaks) {
            println!("{agents:5} agents at once, {TURNS} turns, 50 ms a call: peak {:6.1} MB", *peak as f64 / 1e6);
        }
        let rest = (each - history) / 1e3;
        println!("{:.1} kB per agent, of these {:.1} kB history; {rest:.1} kB without", each / 1e3, history / 1e3);
    }
}
