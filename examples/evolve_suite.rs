//! A suite of one's own, a harness that fails on it, and an evolution that finds what helps: `cargo run --example evolve_suite`.
//!
//! The model is a stand-in that cannot add; the pack linked in from `own_processor.rs` can. The optimizer reads what is installed, tries
//! it on explore tasks, and ships it once the judge has proof on tasks that nothing was tuned on.
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::path::Path;

use harness::{
    App, Cancel, Control, Event, Failure, Workspace,
    app::{
        evolve::{EvolveRequest, Evolved, evolve},
        suite::{Checked, check},
    },
    report,
};
use serde_json::json;

// The same pack, without a copy of it.
#[expect(dead_code, reason = "only the pack is used here")]
#[path = "own_processor.rs"]
pub mod own_processor;

const SUITE: &str = r#"
name = "sums"
about = "Sums of two numbers"
tasks = "tasks.jsonl"

[grader]
use = "tasks/numeric"

[splits]
explore = 30
gate = 45
sealed = 25

[evolve]
sealed = 20
settings.explore_groups = 12
settings.screen_tasks = 8
settings.first_candidates = 12
settings.rounds = 1
settings.concurrency = 4

[harness]
initial = "harness.toml"
"#;

const HARNESS: &str = r#"
[model.main]
use = "std/scripted"
config = { replies = ["I cannot add."], after = "last" }

[budget]
steps = 2
"#;

/// Tasks of the suite.
const TASKS: u32 = 160;

fn main() -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("harness-evolve-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = example(&folder);
    std::fs::remove_dir_all(&folder)?;
    let (checked, evolved) = done?;
    println!("{} tasks, {} of them with a known answer that passes", checked.audit.tasks, checked.audit.solved);
    println!("{}", report::render_terminal(&evolved.report, false));
    Ok(())
}

/// Makes the suite in this folder, checks it, and evolves its harness.
///
/// # Errors
///
/// The folder cannot be written to.
pub fn example(folder: &Path) -> Result<(Checked, Evolved), Failure> {
    let suite = folder.join("sums");
    std::fs::create_dir_all(&suite)?;
    let task = |number: u32| {
        let (a, b) = (number * 37 % 101, number * 53 % 89);
        let answer = (a + b).to_string();
        json!({"id": number.to_string(), "prompt": format!("How much is {a} + {b}?"), "answer": answer}).to_string()
    };
    let tasks: Vec<String> = (0..TASKS).map(task).collect();
    std::fs::write(suite.join("suite.toml"), SUITE)?;
    std::fs::write(suite.join("harness.toml"), HARNESS)?;
    std::fs::write(suite.join("tasks.jsonl"), tasks.join("\n"))?;

    let app = App::builder()
        .workspace(Workspace::of(folder))
        .linked(own_processor::pack())
        .command("examples/evolve_suite")
        .build()?;
    let control = Control::new(Cancel::new(), |event: &Event| {
        if let Event::Decided { text } = event {
            println!("{text}");
        }
    });
    let request = EvolveRequest::new(suite.to_string_lossy());
    let checked = check(&app, &request.benchmark, &control)?;
    let evolved = evolve(&app, &request, &control)?;
    Ok((checked, evolved))
}
