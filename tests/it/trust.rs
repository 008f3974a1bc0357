//! A pack's way in: keys, signatures, approval, the lock, and everything that may be wrong on it.

use serde_json::{Value, json};

use crate::support::{Workspace, library, names};

/// The pack `hello` as a vendor has built it, in `dist/`, signed if there are keys.
fn ship(workspace: &Workspace, file: &str, changes: &[(&str, &str)], key: Option<&str>) {
    let mut bytes = std::fs::read(library("hello")).unwrap();
    for (from, to) in changes {
        assert_eq!(from.len(), to.len());
        let at: Vec<usize> =
            (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from.as_bytes())).collect();
        assert!(!at.is_empty(), "{from}");
        at.into_iter().for_each(|at| bytes[at..at + to.len()].copy_from_slice(to.as_bytes()));
    }
    workspace.put(&format!("dist/{file}"), bytes);
    if let Some(key) = key {
        workspace.run(&["plugin", "sign", &format!("dist/{file}"), "--key", key]).success();
    }
}

const NEWER: (&str, &str) = ("version = \"0.1.0\"", "version = \"0.2.0\"");

fn hello(list: &Value) -> &Value {
    list["packs"].as_array().unwrap().iter().rfind(|pack| pack["name"] == "hello").unwrap()
}

/// A workspace with the keys of a vendor, whom this machine trusts.
fn trusting() -> Workspace {
    let workspace = Workspace::new();
    workspace.run(&["plugin", "keygen", "acme"]).success();
    workspace.run(&["plugin", "trust", "acme.pub", "--name", "Acme"]).success();
    workspace
}

#[test]
fn a_signed_pack_comes_in_and_is_pinned() {
    let workspace = trusting();
    ship(&workspace, "hello.so", &[], Some("acme.key"));
    let shown = workspace.run(&["plugin", "add", "dist/hello.so"]).failure(2, &["nobody approved it", "--yes"]).out;
    for part in [
        "publisher    Acme, signed with RW",
        "inside this process",
        "permissions  none",
        "dice tool dice: “Throw a die.”",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!workspace.path("harness.lock").exists() && names(&workspace.path(".harness/plugins")).is_empty());

    workspace.run(&["plugin", "add", "dist/hello.so", "--yes"]).success();
    let mut files = names(&workspace.path(".harness/plugins"));
    files.sort();
    assert_eq!(files, ["hello-0.1.0.so", "hello-0.1.0.so.minisig"]);
    let list = workspace.json(&["plugin", "list"]);
    let hello = hello(&list);
    assert_eq!((&hello["trusted_as"], &hello["isolation"]), (&json!("Acme"), &json!("in-process")));
    assert!(workspace.run(&["plugin", "list"]).success().out.contains("signed by Acme, in-process"));
    let lock = workspace.read("harness.lock");
    for part in ["name = \"hello\"", "publisher = \"RW", "[pack.shown]", "dice = \""] {
        assert!(lock.contains(part), "{part}: {lock}");
    }
    let verified = workspace.run(&["plugin", "verify"]).success().out;
    assert_eq!(verified.trim(), "ok    hello 0.1.0, signed");
    workspace.run(&["plugin", "add", "dist/hello.so", "--yes"]).failure(2, &["hello 0.1.0 is installed"]);

    workspace.run(&["plugin", "remove", "hello"]).success();
    assert!(names(&workspace.path(".harness/plugins")).is_empty());
    assert!(!workspace.read("harness.lock").contains("hello"));
    workspace.run(&["plugin", "remove", "hello"]).failure(2, &["no pack `hello` is there"]);
}

#[test]
fn an_update_asks_for_what_is_new_and_for_nothing_else() {
    let workspace = trusting();
    let dice = "blocking = false\ndeterministic = true";
    ship(&workspace, "1.so", &[], Some("acme.key"));
    ship(&workspace, "2.so", &[NEWER], Some("acme.key"));
    let bold = [
        ("version = \"0.1.0\"", "version = \"0.3.0\""),
        ("Be kind.", "Be bold."),
        (dice, "permissions = [\"net\"]                "),
    ];
    ship(&workspace, "3.so", &bold, Some("acme.key"));
    workspace.run(&["plugin", "update", "dist/1.so"]).failure(2, &["hello is not installed"]);
    workspace.run(&["plugin", "add", "dist/1.so", "--yes"]).success();

    let same = workspace.run(&["plugin", "update", "dist/2.so"]).success().out;
    assert!(same.contains("0.1.0 → 0.2.0") && same.contains("nothing new to approve"), "{same}");
    let asked = workspace.run(&["plugin", "update", "dist/3.so"]).failure(2, &["nobody approved it"]).out;
    for part in ["net (NEW)", "- greeter config.greeting: “Be kind.”", "+ greeter config.greeting: “Be bold.”"]
    {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    let done = workspace.json(&["plugin", "update", "dist/3.so", "--yes"]);
    assert_eq!((&done["former"], &done["new_permissions"]), (&json!("0.2.0"), &json!(["net"])));
    workspace.run(&["plugin", "update", "dist/2.so"]).failure(2, &["hello 0.2.0 is not newer than 0.3.0"]);
    // The former ones stay until they are taken away.
    workspace.run(&["plugin", "remove", "hello"]).failure(2, &["several versions", "hello@0.1.0"]);
    workspace.run(&["plugin", "remove", "hello@0.1.0"]).success();
    assert_eq!(workspace.json(&["plugin", "verify"])["packs"].as_array().unwrap().len(), 2);
}

#[test]
fn another_publisher_is_another_pack() {
    let workspace = trusting();
    workspace.run(&["plugin", "keygen", "other"]).success();
    ship(&workspace, "1.so", &[], Some("acme.key"));
    ship(&workspace, "2.so", &[NEWER], Some("other.key"));
    ship(&workspace, "3.so", &[("version = \"0.1.0\"", "version = \"0.3.0\"")], None);
    workspace
        .run(&["plugin", "add", "dist/1.so", "--key", "other.pub", "--yes"])
        .failure(2, &["is not signed with RW"]);
    workspace.run(&["plugin", "add", "dist/1.so", "--key", "acme.pub", "--yes"]).success();
    for file in ["dist/2.so", "dist/3.so"] {
        workspace.run(&["plugin", "update", file, "--yes"]).failure(2, &["is not signed with RW", "as 0.1.0 was"]);
    }
    let moved =
        workspace.run(&["plugin", "update", "dist/2.so", "--key", "other.pub"]).failure(2, &["nobody approved it"]);
    assert!(moved.out.contains("(CHANGED, it was RW"), "{}", moved.out);
    workspace.run(&["plugin", "update", "dist/2.so", "--key", "other.pub", "--yes"]).success();
    workspace.run(&["plugin", "verify"]).success();
}

#[test]
fn what_was_approved_is_what_is_verified() {
    let workspace = trusting();
    ship(&workspace, "hello.so", &[], Some("acme.key"));
    workspace.run(&["plugin", "add", "dist/hello.so", "--yes"]).success();
    let (lock, file) = (workspace.read("harness.lock"), ".harness/plugins/hello-0.1.0.so");
    workspace.put("my.toml", "[model.main]\nuse = \"std/noop\"\n[[tool]]\nuse = \"hello/dice\"\n");
    let bad = |says: &str| {
        let out = workspace.run(&["plugin", "verify"]).failure(1, &["1 of 1 packs"]).out;
        assert!(out.contains("BAD   hello 0.1.0") && out.contains(says), "{says}: {out}");
        workspace.run(&["run", "my.toml", "--prompt", "x"])
    };

    // A tool that says something else than when it was approved, though its file is the same.
    let hash = lock.lines().find_map(|line| line.strip_prefix("dice = \"")).unwrap().trim_end_matches('"');
    workspace.put("harness.lock", lock.replace(hash, &"0".repeat(64)));
    bad("it shows models something else than when it was locked: dice").failure(2, &["is not what harness.lock has"]);

    workspace.put("harness.lock", &lock);
    let signature = format!("{file}.minisig");
    let text = workspace.read(&signature);
    std::fs::remove_file(workspace.path(&signature)).unwrap();
    bad("is locked as signed with the key RW").failure(2, &["no pack `hello` is installed"]);
    workspace.put(&signature, text.replace("hello 0.1.0", "hello 9.9.9"));
    bad("has a bad signature").failure(2, &["no pack `hello` is installed"]);
    workspace.put(&signature, &text);
    workspace.run(&["plugin", "verify"]).success();
    workspace.run(&["run", "my.toml", "--prompt", "x"]).success();

    std::fs::remove_file(workspace.path(file)).unwrap();
    bad("no such file on the search path").failure(2, &["no pack `hello` is installed"]);
}

#[test]
fn a_first_lock_shuts_nobody_out_unseen() {
    let workspace = Workspace::with(&["hello"]);
    ship(&workspace, "2.so", &[NEWER], None);
    workspace.run(&["plugin", "verify"]).failure(2, &["there is no harness.lock"]);
    workspace
        .run(&["plugin", "update", "dist/2.so", "--yes"])
        .failure(2, &["would shut out hello 0.1.0", "plugin lock"]);
    workspace.run(&["plugin", "lock"]).success();
    workspace.run(&["plugin", "update", "dist/2.so", "--yes"]).success();
    assert_eq!(hello(&workspace.json(&["plugin", "list"]))["version"], "0.2.0");
    ship(&workspace, "std.so", &[("name = \"hello\"\n", "name = \"std\"  \n")], None);
    workspace.run(&["plugin", "add", "dist/std.so", "--yes"]).failure(2, &["`std` is built in"]);
}

#[test]
fn keys_are_never_written_over_and_never_confused() {
    let workspace = Workspace::new();
    workspace.run(&["plugin", "keygen"]).success();
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(workspace.path("publisher.key")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    workspace.run(&["plugin", "keygen"]).failure(2, &["publisher.key is there already"]);
    ship(&workspace, "hello.so", &[], None);
    let sign = |key: &str| workspace.run(&["plugin", "sign", "dist/hello.so", "--key", key]);
    sign("nobody.key").failure(2, &["secret key nobody.key", "keygen"]);
    sign("publisher.pub").failure(2, &["secret key publisher.pub"]);
    workspace.put("text.so", "no pack");
    workspace.run(&["plugin", "sign", "text.so", "--key", "publisher.key"]).failure(2, &["is not a shared library"]);
    let trust = |key: &str| workspace.run(&["plugin", "trust", key, "--name", "Me"]);
    trust("RWnonsense").failure(2, &["neither a publisher's key nor a file"]);
    trust("publisher.pub").success();
    trust("publisher.pub").failure(2, &["trusted already, as `Me`"]);
    // A policy that a person broke stops everything: nothing is let in by mistake.
    workspace.put("home/.config/harness/policy.toml", "isolation = \"sandbox\"\n");
    workspace.run(&["plugin", "list"]).failure(2, &["policy.toml", "`sandbox` is not a valid isolation"]);
}
