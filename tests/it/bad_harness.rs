//! Harness files that are wrong: the error says what, where and what to do, and nothing is recorded or changed.

use crate::support::Workspace;

const MODEL: &str = "[model.main]\nuse = \"std/noop\"\n";

#[test]
fn every_mistake_is_named_with_its_place_and_a_way_out() {
    let workspace = Workspace::with(&["hello"]);
    let cases: [(&str, &[&str]); 13] = [
        ("[model.main]\nuse = ", &["my.toml: line 2"]),
        ("[[procesor]]\nuse = \"hello/greeter\"\n", &["my.toml", "procesor", "`processor`"]),
        ("[[processor]]\nuze = \"hello/greeter\"\n", &["uze", "`use`"]),
        ("[budget]\nsteps = \"many\"\n", &["steps", "an integer"]),
        ("[budget]\nsteps = 0\n", &["steps", "from 1"]),
        ("[[processor]]\nuse = \"greeter\"\n", &["`greeter` is not a module reference", "pack/module"]),
        ("[[processor]]\nuse = \"hello/greter\"\n", &["processor `greter`", "did you mean `hello/greeter`?"]),
        ("[[processor]]\nuse = \"helo/greeter\"\n", &["no pack `helo`", "did you mean `hello/greeter`?"]),
        (
            "[[processor]]\nuse = \"hello/greeter\"\nconfig.greting = \"x\"\n",
            &["no config field `greting`", "did you mean `greeting`?"],
        ),
        ("[[processor]]\nuse = \"hello/greeter\"\nconfig.greeting = 3\n", &["`greeting` must be a string, not `3`"]),
        ("[[processor]]\nuse = \"hello/dice\"\n", &["is a tool, but a processor belongs here"]),
        (
            "[[processor]]\nuse = \"std/notes\"\n[[processor]]\nid = \"other\"\nuse = \"std/notes\"\n",
            &["processor `other`", "the slot `memory` is taken by `notes` already"],
        ),
        (
            "[[processor]]\nuse = \"hello/greeter\"\n[[processor]]\nuse = \"hello/greeter\"\n",
            &["used 2 times", "own `id`"],
        ),
    ];
    for (text, says) in cases {
        let text = if text.starts_with("[model") { text.to_owned() } else { format!("{MODEL}{text}") };
        workspace.put("my.toml", text);
        workspace.run(&["run", "my.toml", "--prompt", "x"]).failure(2, says);
        assert!(!workspace.path(".harness/record.sqlite").exists(), "{says:?}");
    }
}

#[test]
fn processors_that_wait_for_one_another_are_refused() {
    // Two packs made of `hello`: each one's processor wants to come after the other's.
    let workspace = Workspace::new();
    let good = std::fs::read(crate::support::library("hello")).unwrap();
    let text = String::from_utf8_lossy(&good);
    let from = "summary = \"Ends the system prompt with a greeting\"";
    assert!(text.contains(from));
    for (pack, name, after) in [("left_", "alpha__", "other"), ("right", "other__", "alpha")] {
        let to = format!("after = [\"{after}__\"] #");
        let bytes = [
            (from, format!("{to:<width$}", width = from.len())),
            ("name = \"hello\"", format!("name = \"{pack}\"")),
            ("name = \"greeter\"", format!("name = \"{name}\"")),
        ]
        .into_iter()
        .fold(good.clone(), |bytes, (from, to)| replaced(bytes, from, &to));
        workspace.put(&format!(".harness/plugins/{pack}.so"), bytes);
    }
    workspace.put(
        "my.toml",
        format!("{MODEL}[[processor]]\nuse = \"left_/alpha__\"\n[[processor]]\nuse = \"right/other__\"\n"),
    );
    workspace.run(&["run", "my.toml", "--prompt", "x"]).failure(2, &["wait for one another"]);
}

fn replaced(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}

#[test]
fn a_file_that_is_not_there_and_a_model_that_is_not_known() {
    let workspace = Workspace::new();
    workspace.run(&["run", "no.toml", "--prompt", "x"]).failure(2, &["cannot read harness no.toml"]);
    workspace.put("my.toml", "");
    workspace.run(&["run", "my.toml", "--prompt", "x"]).failure(2, &["names no model", "hint: ", "--model"]);
    let ran = workspace.run(&["run", "my.toml", "--prompt", "x", "--model", "gtp"]);
    ran.failure(2, &["no model `gtp`", "openai:NAME"]);
    workspace.run(&["run", "my.toml", "--model", "noop"]).failure(2, &["there is no task", "--prompt"]);
}

#[test]
fn errors_are_objects_for_machines() {
    let workspace = Workspace::new();
    let ran = workspace.run(&["run", "no.toml", "--prompt", "x", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error["exit_code"], 2);
    assert!(error["error"].as_str().unwrap().contains("no.toml"));
}
