//! A processor of one's own, linked into the program and named by a harness like any other: `cargo run --example own_processor`.
//!
//! The same source, with `export_pack!` in place of `linked_pack!` and in a crate of its own, is a pack that every `harness` loads.
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::path::Path;

use harness::{
    App, Control, Failure, Workspace,
    abi::{Cx, Decision, Event, Message, NoConfig, Outcome, Processor, Role, pass},
    app::run::{Played, RunRequest, run},
};

/// Answers sums such as `2 + 3` itself; the model is asked about everything else.
pub struct Adder;

impl Processor for Adder {
    fn on(&mut self, cx: &Cx<'_>, event: Event<'_>) -> Outcome {
        let Event::BeforeModel = event else { return pass() };
        let question = cx.history().iter().rfind(|message| message.role() == Role::User).map(Message::text);
        match question.and_then(|question| sum(&question)) {
            Some(sum) => Ok(vec![Decision::Answer { message: Message::assistant(sum.to_string()) }]),
            None => pass(),
        }
    }
}

/// The sum that a question asks for: the numbers on both sides of its first plus sign.
fn sum(question: &str) -> Option<i64> {
    let (before, after) = question.split_once('+')?;
    let digits = |text: &str| text.trim().trim_end_matches(|end: char| !end.is_ascii_digit()).to_owned();
    let left = digits(before).rsplit(' ').next()?.parse::<i64>().ok()?;
    let right = digits(after).split(' ').next()?.parse::<i64>().ok()?;
    left.checked_add(right)
}

/// What the pack says of itself: an optimizer reads it, and proposes the module where tasks fail as it addresses.
const MANIFEST: &str = r#"
[pack]
name = "sums"
version = "0.1.0"
abi = "1.0.0"
description = "Sums, added up without a model"

[[module]]
name = "adder"
kind = "processor"
dimension = "D7"
hooks = ["before_model"]
summary = "Answers a sum itself"
addresses = ["wrong_answer"]
deterministic = true
"#;

harness::abi::linked_pack! {
    manifest: MANIFEST,
    processors: { "adder" => |_: NoConfig| Ok(Adder) },
}

const HARNESS: &str = r#"
[model.main]
use = "std/scripted"
config = { replies = ["I cannot add."], after = "last" }

[[processor]]
use = "sums/adder"
"#;

fn main() -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("harness-own-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = example(&folder);
    std::fs::remove_dir_all(&folder)?;
    for played in done? {
        println!("{}", played.answer);
    }
    Ok(())
}

/// Asks two questions in this folder: one that the processor answers, and one that it leaves to the model.
///
/// # Errors
///
/// The folder cannot be written to.
pub fn example(folder: &Path) -> Result<[Played; 2], Failure> {
    let file = folder.join("harness.toml");
    std::fs::write(&file, HARNESS)?;
    let app =
        App::builder().workspace(Workspace::of(folder)).linked(pack()).command("examples/own_processor").build()?;
    let ask = |prompt: &str| {
        let request = RunRequest { prompt: prompt.to_owned(), ..RunRequest::new(&file) };
        run(&app, &request, &Control::default())
    };
    Ok([ask("How much is 2 + 3?")?, ask("How much is two and three?")?])
}
