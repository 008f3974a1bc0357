//! Listing, inspecting and locking what is installed, without loading any of it.

use serde_json::json;

use crate::support::{Workspace, library, names};

#[test]
fn a_pack_dropped_in_is_listed_and_never_loaded() {
    let workspace = Workspace::with(&["hello"]);
    let text = workspace.run(&["plugin", "list"]).success().out;
    for part in ["hello 0.1.0", ".harness/plugins/libplugin_hello.so", "greeter", "dice", "Throws a die", "std 0.1.0"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let list = workspace.json(&["plugin", "list"]);
    let hello = list["packs"].as_array().unwrap().iter().find(|pack| pack["name"] == "hello").unwrap();
    assert_eq!(hello["modules"][1]["kind"], "tool");
    assert_eq!(list["refused"], json!([]));
    assert!(!workspace.path("cache").exists(), "a private copy is made only to load it");
}

#[test]
fn packs_are_found_along_the_search_path() {
    let workspace = Workspace::new();
    let bytes = std::fs::read(library("hello")).unwrap();
    let installed = |workspace: &Workspace, arguments: &[&str], variable: &str| {
        let mut command = workspace.command(&[&["plugin", "inspect", "hello", "--json"], arguments].concat());
        crate::support::ran(command.env("HARNESS_PLUGINS", variable)).code == Some(0)
    };
    assert!(!installed(&workspace, &[], ""));
    workspace.put("elsewhere/libplugin_hello.so", &bytes);
    assert!(installed(&workspace, &["--plugins", "elsewhere"], ""));
    assert!(installed(&workspace, &[], "nowhere:elsewhere"));
    assert!(!installed(&workspace, &[], ""));
    workspace.put("data/harness/plugins/libplugin_hello.so", &bytes);
    assert!(installed(&workspace, &[], ""));
}

#[test]
fn inspect_shows_all_a_pack_says() {
    let workspace = Workspace::with(&["hello"]);
    let by_name = workspace.json(&["plugin", "inspect", "hello"]);
    let by_file = workspace.json(&["plugin", "inspect", ".harness/plugins/libplugin_hello.so"]);
    assert_eq!(by_name["module"], by_file["module"]);
    assert_eq!(by_name["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(by_name["module"][0]["config"]["greeting"]["tunable"], true);
    assert_eq!(by_name["module"][0]["config_schema"]["additionalProperties"], false);
    let text = workspace.run(&["plugin", "inspect", "hello"]).success().out;
    for part in
        ["sha256", "interface    1.0.0", "permissions  none", "tunable, 3 ready values", "hooks        task_start"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    workspace.run(&["plugin", "inspect", "helo"]).failure(2, &["no pack `helo`", "did you mean `hello`?"]);
    workspace.run(&["plugin", "inspect", "hello@9.0.0"]).failure(2, &["no pack `hello@9.0.0`"]);
    workspace.run(&["plugin", "inspect", "./no.so"]).failure(2, &["./no.so cannot be read"]);
    assert!(!workspace.path("cache").exists());
}

#[test]
fn what_changes_after_locking_is_refused_until_locked_anew() {
    let workspace = Workspace::with(&["hello"]);
    let locked = workspace.json(&["plugin", "lock"]);
    assert_eq!(locked["packs"][0]["change"], "added");
    assert!(workspace.read("harness.lock").contains("name = \"hello\""));
    assert_eq!(workspace.json(&["plugin", "lock"])["packs"][0]["change"], "unchanged");

    let file = workspace.path(".harness/plugins/libplugin_hello.so");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.push(0);
    std::fs::write(&file, bytes).unwrap();
    let refused = workspace.json(&["plugin", "list"])["refused"].clone();
    assert!(refused[0]["reason"].as_str().unwrap().contains("changed after it was locked"), "{refused}");
    workspace.put("my.toml", "[model.main]\nuse = \"std/noop\"\n[[tool]]\nuse = \"hello/dice\"\n");
    workspace.run(&["run", "my.toml", "--prompt", "x"]).failure(2, &["no pack `hello` is installed"]);

    assert_eq!(workspace.json(&["plugin", "lock"])["packs"][0]["change"], "changed");
    workspace.run(&["run", "my.toml", "--prompt", "x"]).success();

    std::fs::remove_file(&file).unwrap();
    assert_eq!(workspace.json(&["plugin", "lock"])["packs"][0]["change"], "removed");
    workspace.put("harness.lock", "pack = 3\n");
    workspace.run(&["plugin", "list"]).failure(2, &["harness.lock"]);
    assert_eq!(names(&workspace.path(".")).iter().filter(|name| name.starts_with(".harness.lock")).count(), 0);
}
