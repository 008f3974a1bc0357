//! Runs one task with a harness, and reads what happened from the record: `cargo run --example run_harness`.
//!
//! The model is a stand-in that says what it is told to, so that nothing is downloaded and the answer is always the same.
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::path::Path;

use harness::{
    App, Cancel, Control, Event, Failure, Workspace,
    app::{
        record::{ShowRequest, Shown, show},
        run::{Played, RunRequest, run},
    },
};

const HARNESS: &str = r#"
[model.main]
use = "std/scripted"
config.replies = ["The apple."]

[[processor]]
use = "std/system_prompt"
config.text = "Answer the question. Reply with the answer alone."
"#;

fn main() -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("harness-run-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = example(&folder);
    std::fs::remove_dir_all(&folder)?;
    let (played, shown) = done?;
    println!("\n{} after {} step, {} entries on record", played.outcome.name(), played.steps, shown.entries.len());
    Ok(())
}

/// Runs the task in this folder.
///
/// # Errors
///
/// The folder cannot be written to.
pub fn example(folder: &Path) -> Result<(Played, Shown), Failure> {
    let file = folder.join("harness.toml");
    std::fs::write(&file, HARNESS)?;
    // Without the variables of this process, so that no folder of the user's is searched for packs.
    let app = App::builder().workspace(Workspace::of(folder)).command("examples/run_harness").build()?;
    // Whoever holds the token may stop it; the closure is called with what happens.
    let control = Control::new(Cancel::new(), |event: &Event| {
        if let Event::Reply { text } = event {
            print!("{text}");
        }
    });
    let request = RunRequest {
        prompt: "Which of these is a fruit: oak, apple, slate?".to_owned(),
        stream: true,
        ..RunRequest::new(&file)
    };
    let played = run(&app, &request, &control)?;
    let shown = show(&app, &ShowRequest { episode: played.episode.clone() }, &control)?;
    Ok((played, shown))
}
