//! The first minutes: where am I, what is missing, something of my own to begin with, a program that was installed with its packs.

use std::net::TcpListener;

use serde_json::Value;

use crate::{
    support::{Workspace, library, names, ran},
    terminal::Terminal,
};

#[test]
fn harness_alone_says_where_you_are_and_makes_nothing() {
    let workspace = Workspace::new();
    let text = workspace.run(&[]).success().out;
    for part in ["packs    none", "models   none on this machine", "suites   none", "harness doctor", "harness init"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(names(&workspace.path(".")).is_empty(), "looking makes nothing");
    workspace.run(&["init", "capitals", "--model", "first"]).success();
    workspace.run(&["run", "capitals/harness.toml", "--prompt", "Hello"]).success();
    let here = workspace.json(&[]);
    assert_eq!((&here["suites"], &here["runs"]), (&serde_json::json!(["capitals"]), &serde_json::json!(1)));
    let next: Vec<&str> =
        here["next"].as_array().unwrap().iter().map(|next| next["command"].as_str().unwrap()).collect();
    assert_eq!(&next[next.len() - 2..], ["harness suite check capitals", "harness evolve capitals"]);
}

fn finding<'a>(found: &'a Value, about: &str) -> &'a Value {
    let all = found["findings"].as_array().unwrap();
    all.iter().find(|finding| finding["about"] == about).unwrap_or_else(|| panic!("{about}: {found}"))
}

#[test]
fn doctor_names_what_is_missing_and_what_mends_it_and_shows_no_key() {
    let workspace = Workspace::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = workspace.command(&["doctor", "--json"]);
    command.env("OPENAI_API_KEY", "sk-very-secret").env("ANTHROPIC_API_KEY", "sk-very-secret");
    command.env("OPENAI_BASE_URL", format!("http://{}/v1", listener.local_addr().unwrap()));
    command.env("ANTHROPIC_BASE_URL", format!("http://{closed}"));
    let doctor = ran(&mut command).failure(1, &["things are missing"]);
    assert!(!doctor.out.contains("secret") && !doctor.err.contains("secret"), "{}", doctor.out);
    let found: Value = serde_json::from_str(&doctor.out).unwrap();
    assert_eq!(finding(&found, "model")["mend"], "harness model pull smollm2");
    assert_eq!(finding(&found, "packs")["health"], "missing");
    assert_eq!(finding(&found, "openai")["health"], "good");
    assert!(finding(&found, "anthropic")["says"].as_str().unwrap().contains("cannot be reached"));
    assert!(names(&workspace.path(".")).is_empty(), "looking makes nothing");

    // Something that is not text is named, not passed over.
    let mut command = workspace.command(&["doctor"]);
    let bytes = std::os::unix::ffi::OsStringExt::from_vec(vec![b'h', 0xFF]);
    let bytes: std::ffi::OsString = bytes;
    let text = ran(command.env("OPENAI_BASE_URL", bytes)).failure(1, &[]).out;
    assert!(text.contains("MISSING  openai: the environment variable OPENAI_BASE_URL is not UTF-8"), "{text}");
    workspace.put(".harness/record.sqlite", "no database");
    let text = workspace.run(&["doctor"]).failure(1, &[]).out;
    assert!(text.contains("MISSING  record: "), "{text}");
}

#[test]
fn init_makes_a_suite_that_plays_with_its_model() {
    let workspace = Workspace::new();
    workspace.put("t.csv", "question,label,note\nWhat is 1 + 1?,2,\nWhat is 2 + 2?,4,\n");
    let begun = workspace.json(&[
        "init",
        "sums",
        "--from",
        "t.csv",
        "--prompt",
        "question",
        "--answer",
        "label",
        "--grader",
        "numeric",
        "--model",
        "openai:gpt-4o",
    ]);
    assert_eq!((&begun["tasks"], &begun["harness"]), (&2.into(), &"sums/harness.toml".into()));
    let harness = workspace.read("sums/harness.toml");
    assert!(harness.contains("[model.main]\nuse = \"models/openai\"\nconfig.model = \"gpt-4o\""), "{harness}");
    assert!(harness.contains("# What evolution begins with"), "comments stay: {harness}");
    workspace.run(&["suite", "check", "sums"]).success();
    workspace.run(&["init", "sums"]).failure(2, &["sums is there already"]);
    workspace.run(&["init"]).failure(2, &["which name?"]);
    workspace.run(&["init", "other", "--model", "nonsense"]).failure(2, &["nonsense"]);
    assert!(!workspace.path("other").exists(), "nothing is made for a model that nobody knows");
}

#[test]
fn init_asks_a_person() {
    let workspace = Workspace::new();
    workspace.put("t.csv", "q,a\nWhat is 1 + 1?,2\nWhat is 2 + 2?,4\n");
    let mut terminal = Terminal::start(&workspace, &["init"], "");
    for (question, answer) in [
        ("name of the suite [my-tasks]", "sums\n"),
        ("table of tasks", "t.csv\n"),
        ("column with the question [q]", "\n"),
        ("column with the right answer [a]", "b\n"),
        ("`b` is none of q, a", "a\n"),
        ("how a reply is marked", "numeric\n"),
        ("model", "first\n"),
    ] {
        terminal.until(question);
        terminal.types(answer);
    }
    let seen = terminal.end();
    assert!(seen.contains("sums: 2 tasks in 2 groups"), "{seen}");
    assert!(workspace.read("sums/suite.toml").contains("tasks/numeric"));
}

#[test]
fn shells_and_man_know_every_command() {
    let workspace = Workspace::new();
    for shell in ["bash", "zsh", "fish"] {
        let text = workspace.run(&["completions", shell]).success().out;
        assert!(text.contains("from-traces") && text.contains("trust-folder"), "{shell}: {text}");
    }
    workspace.run(&["man", "pages"]).success();
    let pages = names(&workspace.path("pages"));
    for page in ["harness.1", "harness-evolve.1", "harness-suite-from-traces.1", "harness-doctor.1"] {
        assert!(pages.iter().any(|name| name == page), "{page}: {pages:?}");
    }
    assert!(!pages.iter().any(|name| name.contains("sandbox")), "what nobody calls has no page");
}

/// As an archive or a wheel lays it out: the program in `bin`, its packs below `share`.
#[test]
fn packs_that_were_installed_with_the_program_are_found_and_nobody_is_asked() {
    let workspace = Workspace::new();
    let program = workspace.put("prefix/bin/harness", std::fs::read(env!("CARGO_BIN_EXE_harness")).unwrap());
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, executable).unwrap();
    let pack = std::fs::read(library("hello")).unwrap();
    workspace.put("prefix/share/harness/plugins/hello.so", &pack);
    workspace.put("my.toml", "[model.main]\nuse = \"std/first\"\n[[processor]]\nuse = \"hello/greeter\"\n");
    let installed = |workspace: &Workspace| {
        let mut command = workspace.command_of(&program, &["run", "my.toml", "--prompt", "x"]);
        command.env_remove("HARNESS_TRUST_FOLDER");
        ran(&mut command)
    };
    installed(&workspace).success();
    // The same bytes in the workspace are somebody's: the program asks, as before.
    let stranger = Workspace::new();
    stranger.put(".harness/plugins/hello.so", &pack);
    stranger.put("my.toml", workspace.read("my.toml"));
    std::fs::remove_dir_all(workspace.path("prefix/share")).unwrap();
    installed(&stranger).failure(3, &["hello"]);
}
