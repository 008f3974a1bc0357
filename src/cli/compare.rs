//! `harness compare`: two harnesses, models or runs on the same tasks.

use std::path::PathBuf;

use clap::Args;
use harness::{
    App, Failure,
    app::{
        BenchmarkRequest,
        bounds::AtOnce,
        compare::{CompareRequest, Comparison, Side, SideResult, compare},
    },
};

use super::{Global, output, progress::watched, settings};

/// Compare two harnesses, models or runs on the same tasks
///
/// Both sides play the same tasks with the same seeds, in an order that is drawn beforehand. The interval of the difference holds
/// whenever one looks at it: stop with Ctrl-C when it says enough, and the same command goes on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  harness compare initial my.toml --suite functions --model smollm2
  harness compare my.toml my.toml --suite ./my-suite --model-a openai:gpt-4o-mini --model-b openai:gpt-4o
  harness compare initial runs/harness-bundle --suite functions
  harness compare bench-1f2e3d4c5b-1 bench-6a7b8c9d0e-1       two runs on record: nothing is played")]
pub struct CompareArgs {
    /// One side: a harness file, a bundle's folder, one of the suite's own (initial, naive, rules); without --suite, a run's id
    a: String,
    /// The other side
    b: String,
    /// The suite both play: everyday, functions, household, menus, mixed, or a folder with a suite.toml
    #[arg(long)]
    suite: Option<String>,
    /// The model of both sides, as in `harness bench`
    #[arg(long, short, requires = "suite", conflicts_with_all = ["model_a", "model_b"])]
    model: Option<String>,
    /// The model of the first side
    #[arg(long, requires = "suite", value_name = "MODEL")]
    model_a: Option<String>,
    /// The model of the second side
    #[arg(long, requires = "suite", value_name = "MODEL")]
    model_b: Option<String>,
    /// The benchmark's own data: a folder, or `bfcl` after `harness data pull bfcl`
    #[arg(long, requires = "suite", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Which tasks: explore, gate, sealed, all, or a split the data names
    #[arg(long, requires = "suite", default_value = "explore")]
    split: String,
    /// At most so many tasks, in drawn order
    #[arg(long, requires = "suite", value_name = "N")]
    limit: Option<usize>,
    /// At most so many tasks of a group; 0: all
    #[arg(long, requires = "suite", value_name = "N")]
    per_group: Option<usize>,
    /// Seed of splits, order and episodes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Episodes at a time
    #[arg(long, value_name = "N", default_value_t = AtOnce::nearest(4))]
    concurrency: AtOnce,
    /// Configure the suite's environment, e.g. category=live_simple
    #[arg(long = "set", requires = "suite", value_name = "KEY=VALUE", allow_hyphen_values = true)]
    set: Vec<String>,
    /// Wait for a process that works on the same question to end
    #[arg(long)]
    wait: bool,
    /// Show at most so many tasks on which the sides part
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: usize,
}

/// Compares.
pub fn run(app: &App, global: &Global, args: CompareArgs) -> Result<(), Failure> {
    let shown = args.show;
    let settings = settings("--set", &args.set)?;
    let benchmark = args.suite.map(|suite| BenchmarkRequest {
        suite,
        data: args.data,
        settings,
        per_group: args.per_group,
        seed: args.seed,
    });
    let request = CompareRequest {
        a: Side { name: args.a, model: args.model_a.or_else(|| args.model.clone()) },
        b: Side { name: args.b, model: args.model_b.or(args.model) },
        benchmark,
        split: args.split,
        limit: args.limit,
        concurrency: args.concurrency,
        wait: args.wait,
    };
    let compared = watched(global, |control| compare(app, &request, control))?;
    if global.json {
        output::json(&compared)?;
    } else {
        print(&compared, shown)?;
    }
    let Some(reason) = &compared.unmeasured else { return Ok(()) };
    let lost = |side: &SideResult| side.summary.episodes - side.summary.measured;
    let count = lost(&compared.a) + lost(&compared.b);
    Err(Failure::new(format!("{count} episodes could not be measured, and their pairs are left out: {reason}"))
        .hint("nothing of them is kept as a result; the same command plays them again"))
}

fn print(compared: &Comparison, shown: usize) -> Result<(), Failure> {
    output::line(format_args!("{} · {}", compared.label, compared.split))?;
    let sides = [("a", &compared.a), ("b", &compared.b)];
    for (letter, side) in sides {
        let with = if side.model.is_empty() { String::new() } else { format!(" with {}", side.model) };
        output::line(format_args!("{letter}  {}{with}  (run {})", side.name, side.run))?;
    }
    output::line(format_args!("{:16}{:>12}{:>12}", "", "a", "b"))?;
    let each = |value: &dyn Fn(&SideResult) -> String| [value(&compared.a), value(&compared.b)];
    let tasks = |side: &SideResult| side.summary.measured.max(1) as f64;
    for (name, [a, b]) in [
        ("success", each(&|side| format!("{:.1} %", 100.0 * side.summary.success))),
        ("tokens a task", each(&|side| format!("{:.0}", side.summary.tokens as f64 / tasks(side)))),
        ("money a task", each(&|side| format!("${:.4}", side.summary.usage.cost_micros as f64 / 1e6 / tasks(side)))),
        ("seconds a task", each(&|side| format!("{:.2}", side.median_seconds))),
        ("steps a task", each(&|side| format!("{:.1}", side.summary.steps as f64 / tasks(side)))),
        ("faults", each(&|side| side.summary.faults.to_string())),
    ] {
        output::line(format_args!("{name:16}{a:>12}{b:>12}"))?;
    }
    match &compared.gap {
        None => output::line(format_args!("b − a unknown: no task was measured on both sides"))?,
        Some(gap) => {
            let (low, high) = (gap.bounds.low, gap.bounds.high);
            output::line(format_args!(
                "b − a  {:+.1} points [{:+.1}, {:+.1}] (95 %, {} groups, {} pairs; holds whenever one looks)",
                100.0 * gap.mean,
                100.0 * low,
                100.0 * high,
                gap.groups,
                gap.pairs
            ))?;
            let verdict = match (low > 0.0, high < 0.0) {
                (true, _) => "b is better",
                (_, true) => "a is better",
                _ => "not decided: 0 is within the interval",
            };
            output::line(format_args!("{verdict}"))?;
        }
    }
    for (split, groups) in &compared.looked {
        if split.name() != "explore" {
            output::line(format_args!("looked at {groups} {split} groups"))?;
        }
    }
    if !compared.apart.is_empty() {
        output::line(format_args!("they part on {} tasks:", compared.apart.len()))?;
        for apart in compared.apart.iter().take(shown) {
            let [a, b] = apart.rewards;
            output::line(format_args!("  {}  a {a:.2}  b {b:.2}", apart.task))?;
            output::line(format_args!("    harness trace diff {} {}", apart.episodes[0], apart.episodes[1]))?;
        }
        if compared.apart.len() > shown {
            output::line(format_args!("  {} more: --show N", compared.apart.len() - shown))?;
        }
    }
    Ok(())
}
