//! The examples, run: what a Rust program can do with this one as a library.

#[path = "../../examples/evolve_suite.rs"]
#[expect(dead_code, reason = "an example's `main` is for those who run it by hand")]
mod evolve_suite;
#[path = "../../examples/run_harness.rs"]
#[expect(dead_code, reason = "an example's `main` is for those who run it by hand")]
mod run_harness;

use harness::trace::Outcome;

#[test]
fn a_harness_is_run_by_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let (played, shown) = run_harness::example(folder.path()).unwrap();
    assert_eq!((played.outcome, &*played.answer, played.steps), (Outcome::Done, "The apple.", 1));
    assert_eq!(shown.episode.start.episode, played.episode);
    assert!(!shown.entries.is_empty());
}

#[test]
fn a_processor_of_ones_own_is_linked_in() {
    let folder = tempfile::tempdir().unwrap();
    let [sum, words] = evolve_suite::own_processor::example(folder.path()).unwrap();
    assert_eq!((&*sum.answer, &*words.answer), ("5", "I cannot add."));
}

#[test]
fn an_evolution_finds_the_processor_that_is_linked_in() {
    let folder = tempfile::tempdir().unwrap();
    let (checked, evolved) = evolve_suite::example(folder.path()).unwrap();
    assert!(!checked.broken && checked.audit.solved == checked.audit.tasks, "{checked:?}");
    assert!(evolved.paused.is_none());
    assert!(
        evolved.report.final_toml.contains("sums/adder"),
        "{}",
        harness::report::render_terminal(&evolved.report, false)
    );
    assert!(evolved.out.join("report.html").is_file());
}
