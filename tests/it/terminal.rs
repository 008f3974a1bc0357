//! What a person sees: words of models, tools and servers act on no terminal, an approval is asked where it can be seen, streams may be
//! closed or full, arguments are bytes.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{Read, Write},
    os::unix::ffi::{OsStrExt, OsStringExt},
    process::{Child, Command, Stdio},
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;

use crate::{
    support::{Ran, Workspace, ran},
    tools::harness,
};

/// The binary with a terminal of its own.
pub struct Terminal {
    /// What a person holds of it.
    person: File,
    child: Child,
    seen: Vec<u8>,
}

impl Terminal {
    pub fn start(workspace: &Workspace, arguments: &[&str], typed_before: &str) -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&person).unwrap();
        unlockpt(&person).unwrap();
        let name = ptsname(&person, Vec::new()).unwrap();
        let terminal = || File::options().read(true).write(true).open(OsStr::from_bytes(name.to_bytes())).unwrap();
        let program = workspace.command(arguments);
        // A session of its own, whose terminal this is.
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(program.get_program()).args(program.get_args());
        command.current_dir(program.get_current_dir().unwrap());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut person = File::from(person);
        person.write_all(typed_before.as_bytes()).unwrap();
        let child = command.stdin(terminal()).stdout(terminal()).stderr(terminal()).spawn().unwrap();
        Self { person, child, seen: Vec::new() }
    }

    /// Reads until this is seen, or to the end.
    pub fn until(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        while !String::from_utf8_lossy(&self.seen).contains(text) {
            // A terminal that nobody has open any more is an error.
            match self.person.read(&mut bytes) {
                Ok(read) if read > 0 => self.seen.extend_from_slice(&bytes[..read]),
                _ => return,
            }
        }
    }

    pub fn types(&mut self, text: &str) {
        self.person.write_all(text.as_bytes()).unwrap();
    }

    /// All that was seen.
    pub fn end(mut self) -> String {
        self.until("\0never\0");
        self.child.wait().unwrap();
        String::from_utf8(self.seen).unwrap()
    }
}

/// Sets a terminal back to plain text; the only thing that acts on one.
const PLAIN: &str = "\u{1b}\\\u{1b}[!p\u{1b}[0m\u{1b}[r\u{1b}[?25h\u{1b}[?7h\u{1b}(B\u{f}";

/// Hides what follows, scrolls within a region, writes over a line, turns the direction.
const TRICKS: &str = "\u{1b}[8m\u{9b}2;3r\rover\u{202e}\u{1b}]0;title\u{7}";

fn acts(text: &str) -> bool {
    text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t') || c == '\u{202e}')
}

#[test]
fn an_approval_is_asked_on_a_plain_terminal() {
    let command = format!("touch made; echo '{TRICKS}'");
    let approval =
        "[[processor]]\nuse = \"tools/approval\"\nconfig.policy = \"on-write\"\n[[tool]]\nuse = \"tools/write\"\n";
    for (answer, made) in [("n", false), ("y", true), ("yes, but", false), ("", false)] {
        let workspace = Workspace::new();
        workspace.put("box/.keep", "");
        let calls = [("write", json!({"path": "made", "content": command}))];
        workspace.put("h.toml", harness(approval, &calls).replace("text = \"\"", "text = \"I only look.\\u001b[8m\""));
        let arguments = ["run", "h.toml", "--prompt", "Do it.", "--workspace", "box"];
        // Whoever types before the question has not read it.
        let mut terminal = Terminal::start(&workspace, &arguments, "yes\n");
        terminal.until("yes or no");
        terminal.types(&format!("{answer}\n"));
        let seen = terminal.end();
        assert_eq!(workspace.path("box/made").exists(), made, "{answer}: {seen:?}");
        let (before, after) = seen.split_once(PLAIN).unwrap_or_else(|| panic!("{seen:?}"));
        assert!(!acts(&before.replace("\r\n", "\n")) && !acts(&after.replace("\r\n", "\n")), "{seen:?}");
        assert!(after.contains("`write` with ") && after.contains("\\u{202e}"), "{seen:?}");
    }
}

#[test]
fn words_of_a_model_reach_no_terminal() {
    let workspace = Workspace::with(&["hello"]);
    let calls = [("dice", json!({"sides": TRICKS})), (TRICKS, json!({}))];
    let text = harness("[[tool]]\nuse = \"hello/dice\"\n", &calls);
    workspace.put("h.toml", text.replace("text = \"done\"", &format!("text = {}", json!(format!("done{TRICKS}")))));
    let prompt = format!("Do it.{TRICKS}");
    let seen = Terminal::start(&workspace, &["run", "h.toml", "--prompt", &prompt], "").end();
    assert!(seen.contains("done\\u{1b}[8m\\u{9b}2;3r\\rover\\u{202e}"), "{seen:?}");
    assert!(!acts(&seen.replace("\r\n", "\n")), "{seen:?}");

    let row = workspace.json(&["trace", "list"])["episodes"][0]["start"]["episode"].as_str().unwrap().to_owned();
    for arguments in [
        &["trace", "list"][..],
        &["trace", "show", &row],
        &["trace", "show", &row, "--json"],
        &["trace", "search", "over"],
        &["trace", "diff", &row, &row],
        &["trace", "digest"],
        &["trace", "export"],
        &["trace", "export", "atif"],
        &["trace", "list", "--run", TRICKS],
        &["trace", "show", TRICKS],
        &["run", TRICKS],
    ] {
        let Ran { out, err, .. } = workspace.run(arguments);
        assert!(!acts(&out) && !acts(&err), "{arguments:?}: {out:?}{err:?}");
    }
}

/// What a shell makes of it, with `$HARNESS` for the binary.
fn shell(workspace: &Workspace, script: &str) -> Ran {
    let program = workspace.command(&[]);
    let mut command = workspace.command_of("bash".as_ref(), &["-c", script]);
    ran(command.env("HARNESS", program.get_program()))
}

const SCRIPTED: &str = "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"hello\"]\n";

#[test]
fn streams_that_cannot_be_written() {
    let workspace = Workspace::new();
    workspace.put("h.toml", SCRIPTED);
    for (script, code) in [
        ("$HARNESS run h.toml --prompt x > /dev/full", 1),
        ("$HARNESS run h.toml --prompt x --json > /dev/full", 1),
        ("$HARNESS run h.toml --prompt x 2> /dev/full", 0),
        ("$HARNESS run h.toml --prompt x >&-", 0),
        ("$HARNESS run h.toml --prompt x 2>&-", 0),
        ("$HARNESS run h.toml --prompt x >&- 2>&- <&-", 0),
        ("$HARNESS run h.toml <&-", 2),
        ("$HARNESS run h.toml < /", 2),
        ("$HARNESS trace list > /dev/full", 1),
        ("$HARNESS trace export > /dev/full", 1),
        ("$HARNESS plugin list > /dev/full", 1),
        ("$HARNESS plugin list 2> /dev/full", 0),
        ("$HARNESS --help > /dev/full", 1),
        ("$HARNESS run none.toml 2> /dev/full", 2),
        ("$HARNESS run none.toml --json 2>&-", 2),
        ("$HARNESS bench functions --model random --limit 2 2> /dev/full", 0),
        ("$HARNESS bench functions --model random --limit 2 > /dev/full", 1),
        // Whoever reads has left, as `head` does.
        ("set -o pipefail; $HARNESS trace export | true", 0),
        ("{ $HARNESS run none.toml 2>&1 >&3 | true; exit ${PIPESTATUS[0]}; } 3>&1", 2),
        ("{ $HARNESS bench functions --model random --limit 2 2>&1 >&3 | true; exit ${PIPESTATUS[0]}; } 3>&1", 0),
    ] {
        let ran = shell(&workspace, script);
        assert_eq!(ran.code, Some(code), "{script}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn arguments_of_any_bytes() {
    let workspace = Workspace::new();
    let odd = || OsString::from_vec(b"caf\xe9".to_vec());
    std::fs::write(workspace.path(".").join(odd()), SCRIPTED).unwrap();
    std::fs::create_dir(workspace.path(".").join("d").with_file_name(OsStr::from_bytes(b"dir\xe9"))).unwrap();
    workspace.put("h.toml", SCRIPTED);
    let words = |words: &[&[u8]]| {
        let words = words.iter().map(|word| OsStr::from_bytes(word));
        ran(workspace.command(&[]).args(words))
    };
    // A path is a path.
    words(&[b"run", b"caf\xe9", b"--prompt", b"x"]).success();
    let recorded = workspace.json(&["trace", "list"]);
    assert_eq!(recorded["total"], 1);
    // What must be text is not cut to what is.
    for arguments in [
        &[&b"run"[..], b"h.toml", b"--prompt", b"caf\xe9"][..],
        &[b"run", b"h.toml", b"--prompt", b"x", b"--workspace", b"dir\xe9"],
        &[b"run", b"h.toml", b"--prompt", b"x", b"--model", b"\xe9"],
        &[b"trace", b"show", b"\xe9"],
        &[b"bench", b"\xe9"],
        &[b"\xe9"],
    ] {
        assert_eq!(words(arguments).code, Some(2), "{arguments:?}");
    }
    // A list of points is a prompt, and so is what looks like an option.
    for prompt in ["- item one", "--- a/file", "-x", "--json"] {
        for arguments in [["run", "h.toml", "--prompt", prompt], ["run", "h.toml", "-p", prompt]] {
            assert_eq!(workspace.run(&arguments).success().out, "hello\n", "{arguments:?}");
        }
    }
    assert!(workspace.run(&["trace", "list", "--about", "- item"]).success().out.contains("2 of 2"));
    assert!(workspace.run(&["trace", "search", "- item", "--limit", "5"]).success().out.contains("- item one"));
    for arguments in [
        &["bench", "functions", "--concurrency", "0"][..],
        &["bench", "functions", "--concurrency", "18446744073709551615"],
        &["serve", "h.toml", "--connections", "0"],
        &["serve", "h.toml", "--connections", "18446744073709551615"],
        &["serve", "h.toml", "--drain", "18446744073709551615"],
        &["serve", "h.toml", "--max-body", "0"],
        &["evolve", "functions", "--minutes", "inf"],
        &["evolve", "functions", "--minutes=-1"],
    ] {
        let ran = workspace.run(arguments);
        assert!(ran.code == Some(2) && ran.err.contains("invalid value"), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let workspace = Workspace::new();
    let approval =
        "[[processor]]\nuse = \"tools/approval\"\nconfig.policy = \"on-write\"\n[[tool]]\nuse = \"tools/write\"\n";
    workspace.put("h.toml", harness(approval, &[("write", json!({"path": "made", "content": ""}))]));
    // Words on standard input are no answer of a person.
    let mut command = workspace.command(&["run", "h.toml", "--prompt", "x"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"yes\nyes\n").unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!workspace.path("made").exists());
}
