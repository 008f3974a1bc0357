//! What a user decided stays what the user decided: policy, lock, quarantine and record, against packs with `fs`, commands of a model,
//! links that somebody left, damage, and several processes at once.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::{
    faults::permitted,
    support::{Workspace, library, ran, sandboxes},
    tools::harness,
};

/// The one quarantine below a state folder.
fn quarantine(state: &Path) -> PathBuf {
    let folders = std::fs::read_dir(state.join("harness/workspaces")).unwrap();
    let files: Vec<_> = folders.map(|folder| folder.unwrap().path().join("quarantine.json")).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn a_command_of_a_model_writes_nothing_that_decides_its_rights() {
    for sandbox in sandboxes() {
        let (workspace, home) = (Workspace::new(), Workspace::new());
        let orders = [
            "echo evil >> rights.toml; rm -f rights.toml; mv rights.toml old; echo evil > new; mv new rights.toml",
            "echo evil > harness.lock; rm -f harness.lock; ln -sf /etc/passwd harness.lock; chmod 777 harness.lock",
            "echo evil > .harness/record.sqlite; rm -rf .harness; mv .harness old; ls -A .harness",
            "mkdir -p .harness/plugins; echo evil > .harness/plugins/evil.so; echo evil > .harness/quarantine.json",
            "echo fine > made.txt",
        ];
        let mut calls: Vec<_> = orders.map(|order| ("bash", json!({"command": order}))).into();
        for file in ["rights.toml", "harness.lock", ".harness/plugins/evil.so", ".harness/record.sqlite"] {
            calls.push(("write", json!({"path": file, "content": "evil"})));
            calls.push(("edit", json!({"path": file, "old_string": "version", "new_string": "evil"})));
        }
        let tools = format!(
            "[budget]\nsteps = 50\n[[tool]]\nuse = \"tools/bash\"\nconfig.sandbox = \"{sandbox}\"\n[[tool]]\nuse = \"tools/write\"\n[[tool]]\nuse = \"tools/edit\"\n"
        );
        let text = harness(&tools, &calls);
        workspace.put("rights.toml", &text);
        let command = |arguments: &[&str]| {
            let mut command = workspace.command(arguments);
            command.env("HOME", home.path("")).env("XDG_CONFIG_HOME", home.path("config"));
            command
        };
        ran(&mut command(&["plugin", "lock"])).success();
        let lock = workspace.read("harness.lock");
        ran(&mut command(&["run", "rights.toml", "--prompt", "Go.", "--workspace", "."])).success();
        assert_eq!(workspace.read("rights.toml"), text, "{sandbox}");
        assert_eq!(workspace.read("harness.lock"), lock, "{sandbox}");
        assert!(!workspace.path("harness.lock").is_symlink(), "{sandbox}");
        assert!(!workspace.path(".harness/plugins/evil.so").exists(), "{sandbox}");
        assert!(!workspace.path(".harness/quarantine.json").exists(), "{sandbox}");
        assert_eq!(workspace.read("made.txt"), "fine\n", "{sandbox}: it works in its workspace all the same");
        let traces = ran(&mut command(&["trace", "list", "--json"])).success().out;
        assert!(traces.contains("\"done\""), "{sandbox}: {traces}");
    }
}

#[test]
fn a_pack_with_fs_writes_nothing_that_decides_its_rights() {
    let workspace = Workspace::new();
    let put = |path: &str| workspace.put(&format!("inside/{path}"), "as it was");
    let (mine, lock) = (put("task/file"), workspace.put("inside/harness.lock", ""));
    let state = workspace.path("inside/own-state");
    let policy = workspace.put("inside/own/policy.toml", "isolation = \"process\"\n");
    let run = |file: &Path| {
        let mut command = permitted(&workspace, "fs", "write", file);
        command.env("XDG_STATE_HOME", &state).env("HARNESS_POLICY", &policy);
        ran(&mut command)
    };
    // It is installed, locked as it is, and may write in its workspace.
    let locked = {
        permitted(&workspace, "fs", "none", &mine);
        let mut command = workspace.command(&["plugin", "lock"]);
        command.current_dir(workspace.path("inside")).env("HARNESS_PLUGINS", workspace.path("packs"));
        std::fs::remove_file(&lock).unwrap();
        ran(&mut command).success();
        std::fs::read_to_string(&lock).unwrap()
    };
    run(&mine).success();
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "it was here");
    for file in [
        "harness.lock",
        ".harness/record.sqlite",
        ".harness/plugins/evil.so",
        ".harness/quarantine.json",
        "own/policy.toml",
        "own-state/harness/new",
    ] {
        let file = workspace.path("inside").join(file);
        let before = std::fs::read(&file).ok();
        let said = run(&file);
        assert!(said.code == Some(1) && said.err.contains("the system said no"), "{}: {}", file.display(), said.err);
        assert!(file.ends_with("record.sqlite") || std::fs::read(&file).ok() == before, "{}", file.display());
    }
    assert_eq!(std::fs::read_to_string(&lock).unwrap(), locked);
    let mut list = workspace.command(&["trace", "list"]);
    ran(list.current_dir(workspace.path("inside"))).success();
}

#[test]
fn a_quarantine_that_cannot_be_read_lets_no_pack_run_in_a_child() {
    let workspace = Workspace::with(&["hello"]);
    workspace.put("home/.config/harness/policy.toml", "isolation = \"process\"\n");
    let greeter =
        "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"Hi.\"]\n[[processor]]\nuse = \"hello/greeter\"\n";
    workspace.put("my.toml", greeter);
    let run = || workspace.run(&["run", "my.toml", "--prompt", "Go."]);
    run().success();
    // Two packs that end three times are written down at the same time as others read it: see harness-host. Here it is damaged.
    let entry = json!([{"name": "other", "version": "1.0.0", "sha256": "00", "reason": "it crashed"}]);
    let key = {
        // The folder is made when something is written there.
        let out = workspace.run(&["plugin", "release", "other"]);
        out.failure(2, &["no pack `other` is in quarantine"]);
        harness_host::decisions(&workspace.path("state/harness"), &workspace.path(""))
    };
    let file = key.join("quarantine.json");
    std::fs::create_dir_all(&key).unwrap();
    assert_eq!(quarantine(&workspace.path("state")), file);
    std::fs::write(&file, entry.to_string()).unwrap();
    run().success();
    for damage in ["[{\"name\": \"other", "", "null"] {
        std::fs::write(&file, damage).unwrap();
        run().failure(2, &["quarantine.json", "no pack runs in a child process", "mend the file"]);
        assert!(workspace.run(&["plugin", "list"]).success().out.contains("perhaps in quarantine"));
        workspace.run(&["plugin", "release", "other"]).failure(2, &["quarantine.json"]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), damage, "it stays for whoever mends it");
    }
    // Packs of this process, and those that are built in, are not concerned.
    workspace.put("home/.config/harness/policy.toml", "isolation = \"in-process\"\n");
    run().success();
    std::fs::write(&file, entry.to_string()).unwrap();
    workspace.run(&["plugin", "release", "other"]).success();
}

#[test]
fn nothing_is_written_through_a_link_that_somebody_left() {
    let workspace = Workspace::with(&["hello"]);
    let elsewhere = Workspace::new();
    let victim = elsewhere.put("start-up", "[model.main]\nuse = \"std/noop\"\n");
    let text = std::fs::read_to_string(&victim).unwrap();
    for (name, arguments) in [
        ("my.toml", &["edit", "my.toml", "--set", "sampling.temperature=0.5"][..]),
        ("harness.lock", &["plugin", "lock"]),
        ("publisher.pub", &["plugin", "keygen"]),
        ("chores/suite.toml", &["suite", "new", "chores"]),
        ("mine/src/lib.rs", &["plugin", "new", "mine", "--kind", "tool"]),
    ] {
        let link = workspace.path(name);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(&victim, &link).unwrap();
        let said = workspace.run(arguments);
        assert_ne!(said.code, Some(0), "{name}: {}", said.out);
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), text, "{name}");
        assert!(link.is_symlink(), "{name}");
        std::fs::remove_file(link).unwrap();
    }
    // By way of a folder.
    symlink(elsewhere.path(""), workspace.path("folder")).unwrap();
    let said = workspace.run(&["edit", "folder/start-up", "--set", "sampling.temperature=0.5"]);
    said.failure(1, &["is a link to", "nothing is written through links"]);
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), text);
    assert_eq!(std::fs::read_dir(elsewhere.path("")).unwrap().count(), 1);
}

/// Starts all of these, then waits for all of them; they must succeed.
fn at_once(commands: Vec<Command>) {
    let started: Vec<_> = commands.into_iter().map(|mut command| command.spawn().unwrap()).collect();
    for mut child in started {
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn of_what_eight_processes_change_at_once_everything_is_kept() {
    let workspace = Workspace::new();
    let mut trusts = Vec::new();
    for number in 0..8 {
        let name = format!("vendor-{number}");
        workspace.run(&["plugin", "keygen", &name]).success();
        trusts.push(workspace.command(&["plugin", "trust", &format!("{name}.pub"), "--name", &name, "--json"]));
    }
    let policy = workspace.put("home/.config/harness/policy.toml", "# Mine.\nisolation = \"process\"\n");
    for command in &mut trusts {
        command.stdout(std::process::Stdio::null());
    }
    at_once(trusts);
    let policy = std::fs::read_to_string(policy).unwrap();
    assert!(policy.starts_with("# Mine.\n"), "{policy}");
    for number in 0..8 {
        assert_eq!(policy.matches(&format!("\"vendor-{number}\"")).count(), 1, "{policy}");
    }

    workspace.run(&["plugin", "lock"]).success();
    let packs = ["hello", "routers", "generic", "household"];
    let add = |pack: &&str| {
        let mut command = workspace.command(&["plugin", "add", library(pack).to_str().unwrap(), "--yes", "--json"]);
        command.stdout(std::process::Stdio::null());
        command
    };
    at_once(packs.iter().map(add).collect());
    let lock = workspace.read("harness.lock");
    for pack in packs {
        assert_eq!(lock.matches(&format!("name = \"{pack}\"")).count(), 1, "{lock}");
    }
    assert_eq!(workspace.json(&["plugin", "list"])["refused"], json!([]));
}

#[test]
fn a_policy_that_cannot_be_read_is_not_written_over_and_lets_nobody_in() {
    let workspace = Workspace::with(&["hello"]);
    workspace.run(&["plugin", "keygen", "vendor"]).success();
    let policy = workspace.path("home/.config/harness/policy.toml");
    std::fs::create_dir_all(policy.parent().unwrap()).unwrap();
    let trust = || workspace.run(&["plugin", "trust", "vendor.pub", "--name", "Vendor"]);
    for damage in [&b"isolation = "[..], b"\xff"] {
        std::fs::write(&policy, damage).unwrap();
        assert_ne!(trust().code, Some(0));
        assert_eq!(std::fs::read(&policy).unwrap(), damage);
        workspace.run(&["plugin", "list"]).failure(2, &["policy.toml"]);
    }
    std::fs::remove_file(&policy).unwrap();
    assert!(Command::new("mkfifo").arg(&policy).status().unwrap().success());
    assert_ne!(trust().code, Some(0));
    workspace.run(&["plugin", "list"]).failure(2, &["policy.toml", "a named pipe"]);
}

#[test]
fn what_is_no_regular_file_among_packs_is_refused_and_not_waited_for() {
    let workspace = Workspace::with(&["hello"]);
    let pipe = workspace.path(".harness/plugins/pipe.so");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(workspace.path(".harness/plugins/socket.so")).unwrap();
    symlink("/dev/zero", workspace.path(".harness/plugins/zero.so")).unwrap();
    let signature = workspace.path(".harness/plugins/libplugin_hello.so.minisig");
    assert!(Command::new("mkfifo").arg(&signature).status().unwrap().success());
    let refused = workspace.json(&["plugin", "list"])["refused"].to_string();
    for word in ["a named pipe", "a socket", "a device", "has a bad signature"] {
        assert!(refused.contains(word), "{word}: {refused}");
    }
    std::fs::remove_file(signature).unwrap();
    workspace.run(&["plugin", "inspect", pipe.to_str().unwrap()]).failure(2, &["a named pipe"]);
    let names = workspace.json(&["plugin", "list"])["packs"].to_string();
    assert!(names.contains("\"hello\""), "{names}");
}
