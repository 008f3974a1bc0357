//! Faults at every write of the record, of its ledger, of the lock and of the policy: the n-th call that changes a file fails, is cut
//! short, or is the last one the process makes; n walks over all calls of a small run of the real binary. Afterwards everything opens,
//! nothing promised is lost, nothing is half there, and the same command comes to what it comes to without faults.
//!
//! `strace` makes the faults. In every test run n takes steps where a run writes a thousand times; `HARNESS_EVERY_WRITE` walks over all.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use harness_trace::{Filter, Outcome, Store};

use crate::{
    evolve::decided,
    support::{Ran, Workspace, library},
};

/// Calls that change a file or a folder.
const CHANGES: &str = "write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,fallocate,rename,renameat,renameat2,unlink,\
                       unlinkat,mkdir,mkdirat,link,linkat,flock";

/// What becomes of the n-th of them.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// This one alone finds no room.
    Full,
    /// From this one on the disk is broken.
    Broken,
    /// It is the last one: the process is killed before it.
    Killed,
    /// Files end after so many bytes, in the middle of a write.
    Short,
}

const FAULTS: [Fault; 4] = [Fault::Full, Fault::Broken, Fault::Killed, Fault::Short];

fn strace_is_missing() -> bool {
    let there = Command::new("strace").args(["-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success());
    if !there {
        let required = std::env::var_os("HARNESS_REQUIRE_SANDBOXES").is_some();
        assert!(!required, "HARNESS_REQUIRE_SANDBOXES is set, and strace does not work here");
        eprintln!("skipped: strace does not work here");
    }
    !there
}

/// A copy of a workspace.
fn copy(from: &Workspace) -> Workspace {
    let to = Workspace::new();
    let status = Command::new("cp").arg("-a").arg(from.path(".")).arg(to.path(".")).status().unwrap();
    assert!(status.success());
    to
}

/// A program with arguments of its own, which runs `command`.
fn under(program: &str, arguments: &[String], command: &Command, workspace: &Workspace) -> Command {
    let mut outer = Command::new(program);
    outer.args(arguments).arg(command.get_program()).args(command.get_args());
    outer.current_dir(workspace.path(".")).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}

/// `command` under `strace`, which follows the calls that change files.
fn traced(command: &Command, workspace: &Workspace, more: &[String]) -> Command {
    let log = workspace.path("strace").to_str().unwrap().to_owned();
    let trace = format!("trace={CHANGES}");
    let own = ["-f", "-qq", "--seccomp-bpf", "-e", "signal=none", "-o", &log, "-e", &trace].map(str::to_owned);
    under("strace", &[&own, more].concat(), command, workspace)
}

/// How many of the calls the busiest thread of `command` makes: faults are counted by thread.
fn count(command: &Command, workspace: &Workspace) -> usize {
    let status = traced(command, workspace, &[]).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success());
    let log = workspace.read("strace");
    let threads = log.lines().filter_map(|line| line.split_once(' ')).map(|(thread, _)| thread);
    let mut counts = std::collections::BTreeMap::new();
    threads.for_each(|thread| *counts.entry(thread.to_owned()).or_insert(0) += 1);
    counts.into_values().max().unwrap()
}

/// Runs `command` with a fault at its n-th change; `None`: it was killed.
fn faulted(command: &Command, workspace: &Workspace, fault: Fault, n: usize) -> Option<Ran> {
    let inject = |what: &str| vec!["-e".to_owned(), format!("inject={CHANGES}:{what}")];
    let mut command = match fault {
        Fault::Full => traced(command, workspace, &inject(&format!("error=ENOSPC:when={n}"))),
        Fault::Broken => traced(command, workspace, &inject(&format!("error=EIO:when={n}+"))),
        Fault::Killed => traced(command, workspace, &inject(&format!("signal=KILL:when={n}"))),
        Fault::Short => {
            // So that it ends somewhere else in a page each time; a write beyond it is an error instead of a signal.
            let line = format!("trap '' XFSZ; exec prlimit --fsize={} \"$@\"", n * 1531);
            under("bash", &["-c".to_owned(), line, "bash".to_owned()], command, workspace)
        }
    };
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let ran = Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    let place = format!("{fault:?} {n}");
    assert!(!ran.err.contains("panicked") && ran.code != Some(101), "{place}: {ran:?}");
    match (fault, ran.code) {
        (Fault::Killed, None) => None,
        (_, Some(0)) => Some(ran),
        (_, Some(1..=2)) => {
            // Where the fault meets the message itself, that is lost; nothing else writes under a limit of size.
            let said = ran.err.lines().any(|line| line.starts_with("error: ") && line.len() > 20);
            assert!(said || !matches!(fault, Fault::Short), "{place}: {ran:?}");
            Some(ran)
        }
        (_, code) => panic!("{place}: {code:?}: {ran:?}"),
    }
}

/// The moments to try: all of few, and some of many.
fn moments(all: usize, most: usize) -> impl Iterator<Item = usize> {
    let step = if std::env::var_os("HARNESS_EVERY_WRITE").is_some() { 1 } else { all.div_ceil(most) };
    (1..=all).step_by(step)
}

/// Plays every fault at every moment with a fresh copy of `before`, and lets `check` look.
fn walk(before: &Workspace, arguments: &[&str], most: usize, check: impl Fn(&Workspace, Option<&Ran>, &str)) {
    let counted = copy(before);
    let all = count(&counted.command(arguments), &counted);
    assert!(all > 5, "{all} changes are too few to be the whole of it");
    for fault in FAULTS {
        for n in moments(all, most) {
            let workspace = copy(before);
            let ran = faulted(&workspace.command(arguments), &workspace, fault, n);
            check(&workspace, ran.as_ref(), &format!("{fault:?} at {n} of {all}"));
        }
    }
}

const HARNESS: &str = "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"The end.\"]\n";
const RUN: &[&str] = &["run", "my.toml", "--prompt", "Say something."];

/// Episodes that ended, each read whole.
fn ended(workspace: &Workspace, place: &str) -> Vec<String> {
    let store =
        Store::open(workspace.path(".harness/record.sqlite")).unwrap_or_else(|error| panic!("{place}: {error}"));
    let rows = store.episodes(&Filter { ended: true, ..Filter::default() }).unwrap();
    for row in &rows {
        assert!(store.entries(row).unwrap().all(|entry| entry.is_ok()), "{place}");
        assert_eq!(row.outcome, Some(Outcome::Done), "{place}: {}", row.start.episode);
    }
    rows.into_iter().map(|row| row.start.episode).collect()
}

#[test]
fn at_every_write_of_the_record_nothing_promised_is_lost() {
    if strace_is_missing() {
        return;
    }
    let fresh = Workspace::new();
    fresh.put("my.toml", HARNESS);
    let before = copy(&fresh);
    before.run(RUN).success();
    let first = ended(&before, "before");
    assert_eq!(first.len(), 1);
    for (workspace, earlier) in [(&fresh, &[][..]), (&before, &first[..])] {
        walk(workspace, RUN, 40, |workspace, ran, place| {
            if !workspace.path(".harness/record.sqlite").exists() {
                assert!(earlier.is_empty() && ran.is_none_or(|ran| ran.code != Some(0)), "{place}");
            } else {
                let all = ended(workspace, place);
                assert!(all.starts_with(earlier), "{place}: {all:?}");
                // Done is what was said only when it is on record.
                let promised = ran.is_some_and(|ran| ran.code == Some(0));
                assert!(all.len() > earlier.len() || !promised, "{place}: {ran:?}");
            }
            let whole = ended_before(workspace, place);
            workspace.run(RUN).success();
            assert_eq!(ended(workspace, place).len(), whole + 1, "{place}");
        });
    }
}

fn ended_before(workspace: &Workspace, place: &str) -> usize {
    if workspace.path(".harness/record.sqlite").exists() { ended(workspace, place).len() } else { 0 }
}

/// A file, or that there is none.
fn bytes(path: &Path) -> Option<Vec<u8>> {
    fs::read(path).ok()
}

#[test]
fn at_every_write_of_lock_and_policy_they_are_the_old_or_the_new() {
    if strace_is_missing() {
        return;
    }
    let before = Workspace::with(&["hello"]);
    before.run(&["plugin", "keygen", "vendor"]).success();
    before.run(&["plugin", "lock"]).success();
    before.put("home/.config/harness/policy.toml", "# Mine.\nisolation = \"process\"\n");
    let pack = library("routers");
    let add = ["plugin", "add", pack.to_str().unwrap(), "--yes"];
    let trust = ["plugin", "trust", "vendor.pub", "--name", "Vendor"];
    for (arguments, file) in [(&add[..], "harness.lock"), (&trust[..], "home/.config/harness/policy.toml")] {
        let after = copy(&before);
        after.run(arguments).success();
        let (old, new) = (bytes(&before.path(file)), bytes(&after.path(file)));
        assert_ne!(old, new);
        walk(&before, arguments, 40, |workspace, ran, place| {
            let found = bytes(&workspace.path(file));
            assert!(found == old || found == new, "{place}: {file} is neither the old nor the new one");
            if ran.is_some_and(|ran| ran.code == Some(0)) {
                assert_eq!(found, new, "{place}: it said that it was done");
            }
            workspace.run(&["plugin", "list"]).success();
            // Once more without faults: it is done, or it was.
            let again = workspace.run(arguments);
            assert!(again.code == Some(0) || found == new, "{place}: {again:?}");
            assert_eq!(bytes(&workspace.path(file)), new, "{place}");
        });
    }
}

const EVOLVE: &[&str] = &[
    "evolve",
    "functions",
    "--model",
    "random",
    "--quiet",
    "--sealed",
    "5",
    "--out",
    "out",
    "--rollouts",
    "6",
    "--with",
    "rounds=1",
    "--with",
    "first_candidates=2",
    "--with",
    "explore_groups=3",
    "--with",
    "screen_tasks=2",
];

#[test]
fn at_every_write_of_the_ledger_the_decisions_are_the_same() {
    if strace_is_missing() {
        return;
    }
    let (fresh, twin) = (Workspace::new(), Workspace::new());
    twin.run(EVOLVE).success();
    let its = decided(&twin);
    walk(&fresh, EVOLVE, 25, |workspace, ran, place| {
        if ran.is_none_or(|ran| ran.code != Some(0)) {
            workspace.run(EVOLVE).success();
        }
        assert_eq!(decided(workspace), its, "{place}");
        workspace.run(&["evolve", "verify", "latest"]).success();
    });
}
