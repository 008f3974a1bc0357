//! A harness in a folder that runs elsewhere as it ran here, or not at all.

use crate::support::Workspace;

const HARNESS: &str = r#"# A comment that stays.
[model.main]
use = "std/scripted"
config.replies = [ { text = "I throw.", calls = [ { name = "dice", arguments = { sides = 6 } } ] }, "It fell." ]

[[processor]]
use = "hello/greeter"

[[tool]]
use = "hello/dice"
"#;

/// A workspace with a bundle in `deploy`, moved out of the one it was made in.
fn deployed() -> Workspace {
    let made = Workspace::with(&["hello", "routers"]);
    made.put("my.toml", HARNESS);
    made.put("report.html", "<p>proven</p>");
    let bundled = made.json(&["bundle", "my.toml", "--out", "deploy", "--report", "report.html"]);
    let files: Vec<&String> = bundled["seal"]["files"].as_object().unwrap().keys().collect();
    assert_eq!(files.len(), 4, "one pack of the two that are installed: {files:?}");
    let elsewhere = Workspace::new();
    for file in files {
        elsewhere.put(&format!("deploy/{file}"), std::fs::read(made.path(&format!("deploy/{file}"))).unwrap());
    }
    elsewhere.put("deploy/bundle.json", made.read("deploy/bundle.json"));
    elsewhere
}

#[test]
fn it_runs_elsewhere_as_the_same_variant() {
    let elsewhere = deployed();
    assert_eq!(elsewhere.read("deploy/harness.toml"), HARNESS);
    assert_eq!(elsewhere.read("deploy/report/report.html"), "<p>proven</p>");
    let seal: serde_json::Value = serde_json::from_str(&elsewhere.read("deploy/bundle.json")).unwrap();
    for path in ["deploy", "deploy/harness.toml"] {
        let ran = elsewhere.json(&["run", path, "--prompt", "Throw a die."]);
        assert_eq!(ran["answer"], "It fell.");
        assert_eq!(ran["variant"], seal["variants"]["main"]);
    }
    // Other packs of that place have no say.
    let library = std::fs::read(crate::support::library("routers")).unwrap();
    elsewhere.put(".harness/plugins/librouters.so", library);
    elsewhere.run(&["run", "deploy", "--prompt", "Throw a die."]).success();
    // And bundled again it is the same.
    let again = elsewhere.json(&["bundle", "deploy", "--out", "again"]);
    assert_eq!(again["seal"]["variants"], seal["variants"]);
    assert_eq!(again["seal"]["files"]["harness.toml"], seal["files"]["harness.toml"]);
}

#[test]
fn what_differs_is_refused() {
    type Spoil = fn(&Workspace);
    let change = |workspace: &Workspace, old: &str, new: &str| {
        let text = workspace.read("deploy/bundle.json");
        assert!(text.contains(old), "{old}: {text}");
        workspace.put("deploy/bundle.json", text.replace(old, new));
    };
    // The pack's file is named after its version.
    fn pack(workspace: &Workspace) -> std::path::PathBuf {
        let name = crate::support::names(&workspace.path("deploy/packs")).remove(0);
        workspace.path(&format!("deploy/packs/{name}"))
    }
    let cases: [(Spoil, &[&str]); 6] = [
        (
            |workspace| drop(workspace.put("deploy/harness.toml", HARNESS.replace("fell", "rolled"))),
            &["deploy/harness.toml is not the file that was bundled: sha256", "harness bundle FILE.toml"],
        ),
        (|workspace| std::fs::remove_file(pack(workspace)).unwrap(), &["which belongs to the bundle: No such file"]),
        (
            |workspace| {
                let path = pack(workspace);
                let mut bytes = std::fs::read(&path).unwrap();
                bytes.push(0);
                std::fs::write(path, bytes).unwrap();
            },
            &["is not the file that was bundled"],
        ),
        (
            |workspace| {
                let library = std::fs::read(crate::support::library("routers")).unwrap();
                workspace.put("deploy/packs/librouters.so", library);
            },
            &["librouters.so", "harness.lock"],
        ),
        (|workspace| drop(workspace.put("deploy/bundle.json", "{}")), &["bundle.json: missing field"]),
        (|workspace| std::fs::remove_file(workspace.path("deploy/bundle.json")).unwrap(), &["it has no bundle.json"]),
    ];
    for (spoil, says) in cases {
        let elsewhere = deployed();
        spoil(&elsewhere);
        elsewhere.run(&["run", "deploy", "--prompt", "x"]).failure(2, says);
    }
    let elsewhere = deployed();
    let seal: serde_json::Value = serde_json::from_str(&elsewhere.read("deploy/bundle.json")).unwrap();
    let version = seal["built_in"]["std"].as_str().unwrap();
    change(&elsewhere, &format!("\"std\": \"{version}\""), "\"std\": \"99.0.0\"");
    let says = format!("the built-in pack `std` is {version} here, bundled was 99.0.0");
    elsewhere
        .run(&["run", "deploy", "--prompt", "x"])
        .failure(2, &[&says, "run it with the program that made the bundle"]);
    change(&elsewhere, "\"std\": \"99.0.0\"", &format!("\"std\": \"{version}\""));
    let digest = seal["models"]["main"]["main"][0].as_str().unwrap();
    let text = elsewhere.read("deploy/bundle.json");
    let mut other: serde_json::Value = serde_json::from_str(&text).unwrap();
    other["models"]["main"]["main"][0] = "other weights".into();
    elsewhere.put("deploy/bundle.json", other.to_string());
    let says = ["the model of role `main` is", digest, "was bundled with other weights"];
    elsewhere.run(&["run", "deploy", "--prompt", "x"]).failure(2, &says);
}

#[test]
fn what_cannot_be_packed_is_said_and_leaves_nothing() {
    let workspace = Workspace::with(&["hello"]);
    workspace.put("my.toml", HARNESS);
    workspace.put("bare.toml", "[budget]\nsteps = 3\n");
    workspace.put("odd.toml", "[model.main]\nuse = \"std/noop\"\n[[tool]]\nuse = \"nowhere/tool\"\n");
    let cases: [(&[&str], &[&str]); 4] = [
        (&["bare.toml", "--out", "x"], &["variant `main` of bare.toml names no model", "--model"]),
        (&["odd.toml", "--out", "x"], &["nowhere"]),
        (&["my.toml", "--out", ".harness"], &[".harness is there already"]),
        (&["my.toml", "--out", "x", "--report", "none.html"], &["cannot copy none.html"]),
    ];
    for (arguments, says) in cases {
        workspace.run(&[&["bundle"], arguments].concat()).failure(2, says);
        let names = crate::support::names(&workspace.path("."));
        assert!(!names.iter().any(|name| name == "x" || name.starts_with(".x")), "nothing is left over: {names:?}");
    }
    workspace.run(&["bundle", "bare.toml", "--out", "x", "--model", "first"]).success();
    let refused = workspace.run(&["run", "x", "--prompt", "x", "--model", "noop"]);
    refused.failure(2, &["a bundle keeps its model"]);
    workspace.run(&["run", "x", "--prompt", "x", "--plugins", "."]).failure(2, &["brings its own packs"]);
    workspace.run(&["run", ".harness", "--prompt", "x"]).failure(2, &["is no bundle", "harness bundle"]);
}
