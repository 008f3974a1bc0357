//! Edits from the command line.

use crate::support::Workspace;

const HARNESS: &str = r#"# Mine.
[model.main]
use = "std/noop"   # does nothing

[[processor]]
use = "hello/greeter"
config.greeting = "Be kind."  # keep this

[[tool]]
use = "hello/dice"
"#;

fn workspace() -> Workspace {
    let workspace = Workspace::with(&["hello"]);
    workspace.put("my.toml", HARNESS);
    workspace
}

#[test]
fn an_edit_keeps_comments_and_layout_and_can_be_taken_back() {
    let workspace = workspace();
    let forth = workspace.json(&[
        "edit",
        "my.toml",
        "--set",
        "greeter.greeting=Be brief.",
        "--insert",
        "std/loop_guard",
        "--after",
        "greeter",
        "--set",
        "budget.steps=7",
        "--remove",
        "dice",
    ]);
    let text = workspace.read("my.toml");
    for part in ["# Mine.", "# does nothing", "\"Be brief.\"  # keep this", "use = \"std/loop_guard\"", "steps = 7"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("dice"));
    assert!(forth["words"].as_str().unwrap().contains("insert std/loop_guard after greeter"), "{forth}");
    let back = workspace.json(&[
        "edit",
        "my.toml",
        "--set",
        "greeter.greeting=Be kind.",
        "--remove",
        "loop_guard",
        "--set",
        "budget.steps=",
        "--insert",
        "hello/dice",
    ]);
    assert_eq!(back["after"], forth["before"]);
    assert_eq!(back["before"], forth["after"]);
}

#[test]
fn a_dry_run_and_a_refused_edit_write_nothing() {
    let workspace = workspace();
    let ran = workspace.run(&["edit", "my.toml", "--set", "model.main=random", "--dry-run"]).success();
    assert!(ran.out.contains("model main: std/noop → std/random") && ran.out.contains("# keep this"), "{}", ran.out);
    let cases: [(&[&str], &[&str]); 8] = [
        (&["--set", "greter.greeting=x"], &["no processor `greter`", "did you mean `greeter`?"]),
        (&["--set", "greeter.greting=x"], &["no config field `greting`"]),
        (&["--set", "budget.steps=0"], &["`budget.steps` must be"]),
        (&["--set", "nonsense"], &["ID.KEY=VALUE"]),
        (&["--insert", "std/lop_guard"], &["did you mean `std/loop_guard`?"]),
        (&["--insert", "std/noop"], &["is a model", "--set model.main"]),
        (&["--insert", "hello/greeter"], &["a processor `greeter` already"]),
        (&[], &["no change was given"]),
    ];
    for (arguments, says) in cases {
        workspace.run(&[&["edit", "my.toml"], arguments].concat()).failure(2, says);
        assert_eq!(workspace.read("my.toml"), HARNESS);
    }
}

#[test]
fn diff_says_what_leads_from_one_to_the_other() {
    let workspace = workspace();
    workspace.put("other.toml", HARNESS.replace("Be kind.", "Be brief."));
    let diff = workspace.json(&["edit", "my.toml", "--diff", "other.toml"]);
    assert_eq!(diff["words"], "set greeter.greeting \"Be kind.\" → \"Be brief.\"");
    assert_ne!(diff["before"], diff["after"]);
    let none = workspace.run(&["edit", "my.toml", "--diff", "my.toml"]).success();
    assert_eq!(none.last_line(), "no change");
}

#[test]
fn text_fields_take_what_looks_like_something_else() {
    let workspace = workspace();
    workspace.run(&["edit", "my.toml", "--set", "greeter.greeting=42"]).success();
    assert!(workspace.read("my.toml").contains("config.greeting = \"42\""));
}

#[test]
fn a_model_is_named_and_configured() {
    let workspace = workspace();
    let sets = ["--set", "model.main=openai:small", "--set", "model.main.base_url=http://localhost:1/v1"];
    workspace.run(&[&["edit", "my.toml"], &sets[..]].concat()).success();
    let text = workspace.read("my.toml");
    assert!(text.contains("models/openai") && text.contains("http://localhost:1/v1"), "{text}");
    workspace
        .run(&["edit", "my.toml", "--set", "model.judge.path=x"])
        .failure(2, &["no model serves the role `judge`"]);
    workspace.run(&["edit", "my.toml", "--set", "model.main.base_ulr=x"]).failure(2, &["did you mean `base_url`?"]);
}

#[test]
fn a_harness_without_model_may_be_edited() {
    let workspace = workspace();
    workspace.put("bare.toml", "[[processor]]\nuse = \"hello/greeter\"\n");
    workspace.run(&["edit", "bare.toml", "--set", "sampling.temperature=0.5"]).success();
    assert!(workspace.read("bare.toml").contains("temperature = 0.5"));
}
