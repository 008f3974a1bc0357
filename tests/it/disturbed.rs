//! Processes that others end or stop: children of a benchmark, and two commands that work on one evolution. No number may be false: a
//! benchmark gives the undisturbed one or says that it cannot, and an evolution decides what it decides undisturbed.
//!
//! The seed is fixed. `HARNESS_DISTURBANCES` says how many there are, for longer runs than those of every day.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use harness_trace::{Filter, Store};
use serde_json::Value;

use crate::{
    evolve::{HOUSEHOLD, decided, played},
    support::{Ran, Workspace, ran},
};

fn disturbances(usual: u32) -> u32 {
    std::env::var("HARNESS_DISTURBANCES").map_or(usual, |number| number.parse().unwrap())
}

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        // Knuth's constants; the low bits repeat soonest.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

fn signal(name: &str, process: u32) {
    // It may be gone already.
    let _ = Command::new("kill").args([name, &process.to_string()]).stderr(Stdio::null()).status().unwrap();
}

/// The processes that a process has started.
fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>()).collect()
}

/// Waits for a process, and reads what it left.
fn left(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Looks at a process until this is so, or it has ended.
fn until(child: &mut Child, mut so: impl FnMut(u32) -> bool) -> bool {
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if so(child.id()) {
            return true;
        }
        std::thread::yield_now();
    }
}

fn ended(workspace: &Workspace) -> usize {
    let record = workspace.path(".harness/record.sqlite");
    let count = |store: std::sync::Arc<Store>| store.episodes(&Filter { ended: true, ..Filter::default() }).ok();
    Store::read(record).ok().and_then(count).map_or(0, |rows| rows.len())
}

const BENCH: &[&str] = &[
    "bench",
    "household",
    "--model",
    "random",
    "--harness",
    "rules",
    "--set",
    "train=60",
    "--set",
    "unseen=10",
    "--split",
    "all",
    "--json",
    "--quiet",
];
const PACKS: [&str; 2] = ["household", "generic"];
/// Longer than a hook of a pack may take.
const LONG: Duration = Duration::from_millis(10_500);

/// What of a benchmark must not depend on what happened to its processes.
fn number(out: &str) -> [Value; 4] {
    let value: Value = serde_json::from_str(out).unwrap();
    ["success", "measured", "faults", "steps"].map(|field| value[field].clone())
}

#[test]
fn a_bench_whose_children_are_killed_and_stopped_gives_no_false_number() {
    let twin = Workspace::with(&PACKS);
    let whole = twin.run(BENCH).success();
    let (whole, all) = (number(&whole.out), ended(&twin) as u64);
    assert!(whole[0].as_f64().unwrap() > 0.5 && all > 50, "{whole:?}");

    let mut dice = Dice(4);
    let (mut left_over, mut given, mut refused) = (disturbances(8), 0, 0);
    while left_over > 0 {
        let workspace = Workspace::with(&PACKS);
        let mut bench = workspace.command(BENCH).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stopped = Vec::new();
        for _ in 0..=dice.below(3).min(u64::from(left_over) - 1) {
            let due = dice.below(all) as usize;
            let (kind, pause) = (dice.below(10), Duration::from_millis(dice.below(300)));
            if !until(&mut bench, |id| ended(&workspace) >= due && !children(id).is_empty()) {
                break;
            }
            left_over -= 1;
            let of = children(bench.id());
            let Some(victim) = of.get(dice.below(of.len().max(1) as u64) as usize).copied() else { continue };
            if kind < 5 {
                signal("-KILL", victim);
                continue;
            }
            signal("-STOP", victim);
            stopped.push(victim);
            let pause = if kind == 9 { LONG } else { pause };
            let began = Instant::now();
            until(&mut bench, |_| began.elapsed() > pause);
            signal("-CONT", victim);
        }
        let ran = left(bench);
        match ran.code {
            Some(0) => {
                assert_eq!(number(&ran.out), whole, "{}", ran.err);
                given += 1;
            }
            Some(1) => {
                assert!(ran.err.contains("could not be measured") || ran.err.contains("from outside"), "{ran:?}");
                refused += 1;
            }
            code => panic!("{code:?}: {ran:?}"),
        }
        // Nobody ends in quarantine for what others did.
        assert!(workspace.run(&["plugin", "list"]).success().out.contains("household"), "{}", ran.err);
        // Undisturbed, the same command measures the rest.
        if ran.code == Some(1) {
            assert_eq!(number(&workspace.run(BENCH).success().out), whole);
        }
    }
    println!("{given} runs gave the number, {refused} said that they could not");
    assert!(given > 0, "no run gave its number in spite of disturbances");
}

#[test]
fn a_host_that_was_stopped_does_not_blame_its_children() {
    let workspace = Workspace::with(&PACKS);
    let whole = number(&Workspace::with(&PACKS).run(BENCH).success().out);
    let mut bench = workspace.command(BENCH).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(until(&mut bench, |_| ended(&workspace) >= 5));
    signal("-STOP", bench.id());
    let began = Instant::now();
    until(&mut bench, |_| began.elapsed() > LONG);
    signal("-CONT", bench.id());
    let ran = left(bench);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(number(&ran.out), whole);
}

/// Two of the same command at once: one works, the other waits or is told who does; either may be killed.
#[test]
fn two_evolutions_of_one_workspace_killed_at_random_decide_what_one_decides() {
    let twin = Workspace::with(&PACKS);
    twin.run(HOUSEHOLD).success();
    let (its, whole) = (decided(&twin), played(&twin).0);

    let workspace = Workspace::with(&PACKS);
    let mut dice = Dice(11);
    let waiting = [HOUSEHOLD, &["--wait"]].concat();
    let begin = |waits: bool| {
        let mut command = workspace.command(if waits { &waiting } else { HOUSEHOLD });
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let kills = disturbances(12);
    let (mut killed, mut held, mut done) = (0, 0, 0);
    let mut two = [begin(false), begin(true)];
    for kill in 0..kills {
        let due = (whole as u64 * u64::from(kill) / u64::from(kills) + dice.below(3)) as usize;
        let which = dice.below(2) as usize;
        let came = until(&mut two[which], |_| ended(&workspace) >= due);
        if came {
            signal("-KILL", two[which].id());
        }
        let waits = dice.below(2) == 1;
        let ended = left(std::mem::replace(&mut two[which], begin(waits)));
        match ended.code {
            None => killed += 1,
            Some(0) => done += 1,
            Some(code) => {
                assert!(ended.err.contains("is being worked on by"), "{code}: {}", ended.err);
                held += 1;
            }
        }
    }
    for last in two {
        let ended = left(last);
        assert!(ended.code == Some(0) || ended.err.contains("--wait"), "{ended:?}");
    }
    println!("{killed} were killed, {held} were told that another one works, {done} had nothing left to do");
    assert!(killed * 3 >= kills, "only {killed} of {kills} kills came in time");
    ran(&mut workspace.command(HOUSEHOLD)).success();
    let mine = decided(&workspace);
    for (one, other) in mine.0.iter().zip(&its.0) {
        assert_eq!(one, other);
    }
    assert_eq!((mine.0.len(), mine.1), (its.0.len(), its.1));
    assert_eq!(played(&workspace).1, 0, "nothing is played twice");
    assert!(workspace.run(&["evolve", "verify", "latest"]).success().out.contains("confirmed  round 1"));
}
