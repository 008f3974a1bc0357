//! The first page of docs/packs.md, executed: every command of its console blocks, in order, in an empty folder, and what each says is
//! what the page says it says. `UPDATE_DOCS=1` writes the page anew.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::Workspace;

const PAGE: &str = "docs/packs.md";

/// A part of the page.
enum Part {
    /// A line that is no console.
    Text(String),
    /// A command, and what it says.
    Run(String, Vec<String>),
}

fn parts(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut console = false;
    for line in page.lines() {
        match (console, line.strip_prefix("$ ")) {
            (true, Some(command)) => parts.push(Part::Run(command.to_owned(), Vec::new())),
            (true, None) if line != "```" => match parts.last_mut() {
                Some(Part::Run(_, output)) => output.push(line.to_owned()),
                _ => panic!("output before the first command: {line}"),
            },
            _ => {
                console = line == "```console";
                parts.push(Part::Text(line.to_owned()));
            }
        }
    }
    parts
}

/// Runs a command as a person would type it: `harness` and `cargo` on the path, cargo's downloads where they are.
fn type_in(workspace: &Workspace, command: &str) -> Vec<String> {
    let home = PathBuf::from(env::var_os("HOME").unwrap_or_default());
    let kept = |name: &str, below: &str| env::var_os(name).map_or_else(|| home.join(below), PathBuf::from);
    let (cargo, rustup) = (kept("CARGO_HOME", ".cargo"), kept("RUSTUP_HOME", ".rustup"));
    let folders =
        [env!("CARGO_BIN_EXE_harness"), env!("CARGO")].map(|program| Path::new(program).parent().unwrap().to_owned());
    let outer = env::var_os("PATH").unwrap_or_default();
    let path = folders.into_iter().chain(env::split_paths(&outer));
    // The environment of the workspace's own commands: nothing of the real home but what cargo keeps there.
    let template = workspace.command(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{{ {command}\n}} 2>&1")]).current_dir(workspace.path("."));
    for (name, value) in template.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env("PATH", env::join_paths(path).unwrap()).env("CARGO_HOME", cargo).env("RUSTUP_HOME", rustup);
    // Nothing of it asks anybody anything.
    shell.env_remove("HARNESS_TRUST_FOLDER");
    shell.env("CARGO_NET_OFFLINE", "true").env("LC_ALL", "C").env_remove("CARGO_TARGET_DIR");
    let output = shell.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "$ {command}\n{text}");
    let home = workspace.path("home").display().to_string();
    text.lines().map(|line| line.trim_end().replace(&home, "~")).collect()
}

/// A line without what differs from run to run: keys, digests, ids, and numbers where time or memory is measured.
fn lasting(line: &str) -> String {
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let unit = |word: &str| matches!(&*bare(word), "s" | "ms" | "µs" | "MiB");
    let measured = line.contains("finished in") || line.split(' ').any(unit);
    let mut words = Vec::new();
    for word in line.split(' ') {
        let digits = word.chars().filter(char::is_ascii_hexdigit).count();
        let changing = word.starts_with("RW") && word.len() >= 56 || word.contains("run-") || digits >= 12;
        words.push(match word {
            _ if changing => "…",
            _ if measured && word.contains(|c: char| c.is_ascii_digit()) => "#",
            _ if measured && unit(word) => "t",
            word => word,
        });
    }
    words.join(" ")
}

#[test]
fn the_first_page_of_the_manual_is_true() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&file).unwrap();
    let workspace = Workspace::new();
    let (mut now, mut differ) = (Vec::new(), Vec::new());
    for part in parts(&page) {
        let (command, said) = match part {
            Part::Text(line) => {
                now.push(line);
                continue;
            }
            Part::Run(command, said) => (command, said),
        };
        let says = type_in(&workspace, &command);
        // What cargo compiled for packs is kept from run to run.
        let (built, kept) = (workspace.path("careful/target"), Path::new(env!("CARGO_TARGET_TMPDIR")).join("packs"));
        if workspace.path("careful").exists() && !built.exists() {
            std::fs::create_dir_all(&kept).unwrap();
            std::os::unix::fs::symlink(&kept, &built).unwrap();
        }
        let same = said.iter().map(|line| lasting(line)).eq(says.iter().map(|line| lasting(line)));
        if !same {
            differ.push(format!("$ {command}\n{}\n  but the page has\n{}", says.join("\n"), said.join("\n")));
        }
        now.push(format!("$ {command}"));
        // Where nothing lasting changed the page stays as it is.
        now.extend(if same { said } else { says });
    }
    if env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, now.join("\n") + "\n").unwrap();
        return;
    }
    assert!(differ.is_empty(), "UPDATE_DOCS=1 writes {PAGE} anew\n\n{}", differ.join("\n\n"));
}
