//! `plugin new`: packs of every kind build outside the workspace, against `harness-abi` alone, and are found where they are
//! dropped. For that no checkout is needed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use landlock::{AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr};

use crate::support::{Workspace, ran};

const KINDS: [(&str, &str); 5] = [
    ("processor", "reminder"),
    ("tool", "count_words"),
    ("model", "echo"),
    ("environment", "guess"),
    ("grader", "field"),
];

/// Makes the pack `new-KIND` with the binary, builds it with cargo, and gives its shared library.
///
/// It lies in a folder of its own, outside of every workspace; only what cargo compiled is kept from run to run.
pub fn build(workspace: &Workspace, kind: &str) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("packs");
    let name = format!("new-{kind}");
    workspace.run(&["plugin", "new", &name, "--kind", kind, "--dir", "packs"]).success();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--offline", "--quiet"]).current_dir(workspace.path(&format!("packs/{name}")));
    ran(cargo.env("CARGO_TARGET_DIR", &target)).success();
    target.join(format!("debug/libnew_{kind}.so"))
}

#[test]
fn a_new_pack_of_every_kind_builds_drops_in_and_runs() {
    let workspace = Workspace::new();
    for (kind, _) in KINDS {
        let library = build(&workspace, kind);
        let name = library.file_name().unwrap().to_str().unwrap().to_owned();
        workspace.put(&format!(".harness/plugins/{name}"), fs::read(&library).unwrap());
    }
    let list = workspace.json(&["plugin", "list"]);
    assert_eq!(list["refused"], serde_json::json!([]));
    for (kind, module) in KINDS {
        let pack = list["packs"].as_array().unwrap().iter().find(|pack| pack["name"] == format!("new-{kind}")).unwrap();
        assert_eq!((&pack["modules"][0]["name"], &pack["modules"][0]["kind"]), (&module.into(), &kind.into()));
    }
    workspace.put(
        "my.toml",
        "[model.main]\nuse = \"new-model/echo\"\nconfig.prefix = \"You said: \"\n\
         [[processor]]\nuse = \"new-processor/reminder\"\n[[tool]]\nuse = \"new-tool/count_words\"\n",
    );
    let object = workspace.json(&["run", "my.toml", "--prompt", "hello"]);
    assert_eq!((&object["answer"], &object["simulated"]), (&"You said: hello".into(), &true.into()));
    let shown = workspace.run(&["trace", "show", object["episode"].as_str().unwrap()]).success().out;
    assert!(shown.contains("Read the question once more"), "{shown}");
    loaded(&workspace);
}

/// Environment and grader are loaded too, and the one's known solutions satisfy the other.
fn loaded(workspace: &Workspace) {
    let host = harness_host::Host::builder()
        .search([workspace.path(".harness/plugins")])
        .store(workspace.path("store"))
        .build()
        .unwrap();
    let resolve = |name: &str| host.resolve(&name.parse().unwrap(), &Default::default()).unwrap();
    let mut environment = resolve("new-environment/guess").environment().unwrap();
    let grader = resolve("new-grader/field").grader().unwrap();
    let tasks = environment.tasks("{\"limit\": 3, \"seed\": 5}".into()).into_result().unwrap();
    let tasks: Vec<harness_abi::Task> = serde_json::from_str(&tasks).unwrap();
    assert_eq!(tasks.len(), 3);
    for task in tasks {
        let text = serde_json::to_string(&task).unwrap();
        environment.reset(text.as_str().into(), 0).into_result().unwrap();
        let actions = environment.oracle(text.as_str().into()).into_result().unwrap();
        for action in serde_json::from_str::<Vec<serde_json::Value>>(&actions).unwrap() {
            environment.step(action.to_string().as_str().into()).into_result().unwrap();
        }
        let state = environment.state().into_result().unwrap();
        let judged = grader.grade(text.as_str().into(), state.as_str().into(), [].as_slice().into()).into_result();
        let judged: harness_abi::Grade = serde_json::from_str(&judged.unwrap()).unwrap();
        assert_eq!(judged.reward, 1.0, "{task:?}");
    }
}

#[test]
fn each_slot_has_an_example_whose_own_tests_pass_and_that_conforms() {
    let workspace = Workspace::new();
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("packs");
    for (slot, module) in
        [("planner", "goal"), ("tool_router", "by_words"), ("memory", "mishaps"), ("critic", "reminder")]
    {
        let name = format!("my_{slot}");
        let made = workspace.json(&["plugin", "new", &name, "--kind", "processor", "--slot", slot]);
        assert!(made["next"][0].as_str().unwrap().starts_with("cargo build --release"));
        for order in ["test", "build"] {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args([order, "--offline", "--quiet"]).current_dir(workspace.path(&name));
            ran(cargo.env("CARGO_TARGET_DIR", &target)).success();
        }
        let library =
            workspace.put(&format!("{name}.so"), fs::read(target.join(format!("debug/lib{name}.so"))).unwrap());
        let verdict = workspace.json(&["plugin", "check", library.to_str().unwrap(), "--episodes", "200"]);
        assert_eq!(verdict["modules"][0]["module"], format!("{name}/{module}"));
        assert_eq!(verdict["passed"], true, "{verdict}");
        assert_eq!(workspace.json(&["plugin", "inspect", library.to_str().unwrap()])["module"][0]["slot"], slot);
    }
}

/// Does `work` where nothing of the checkout this test was built from can be read: all but the folders on the way to it may be, and
/// `kept`.
fn with_the_checkout_away(kept: &Path, work: impl FnOnce() + Send) {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap();
    let confined = || {
        // The last is renaming from folder to folder, which else nobody here could do.
        let open = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Refer;
        let beside = checkout.ancestors().skip(1).flat_map(|folder| fs::read_dir(folder).unwrap());
        let beside = beside.map(|entry| entry.unwrap().path()).filter(|path| !checkout.starts_with(path));
        let mut rules = Ruleset::default().handle_access(open).unwrap().create().unwrap();
        for path in beside.chain([kept.to_owned()]) {
            // What is gone by now, or a link to nowhere, nobody reads either.
            let Ok(opened) = PathFd::new(&path) else { continue };
            let access = if path.is_dir() { open } else { AccessFs::ReadFile.into() };
            rules = rules.add_rule(PathBeneath::new(opened, access)).unwrap();
        }
        rules.restrict_self().unwrap();
        assert!(fs::read(checkout.join("Cargo.toml")).is_err(), "the checkout is still there");
        work();
    };
    std::thread::scope(|scope| scope.spawn(confined).join().unwrap());
}

#[test]
fn a_new_pack_needs_no_checkout() {
    let workspace = Workspace::new();
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("packs");
    fs::create_dir_all(&target).unwrap();
    let program = workspace.path("harness");
    fs::copy(env!("CARGO_BIN_EXE_harness"), &program).unwrap();
    workspace.put("scratch/empty", "");
    let run = |command: &mut Command| ran(command.env("TMPDIR", workspace.path("scratch"))).success();
    with_the_checkout_away(&target, || {
        for (kind, _) in KINDS {
            let name = format!("far-{kind}");
            run(&mut workspace.command_of(&program, &["plugin", "new", &name, "--kind", kind]));
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--offline", "--quiet"]).current_dir(workspace.path(&name));
            run(cargo.env("CARGO_TARGET_DIR", &target));
            let library = target.join(format!("debug/libfar_{kind}.so"));
            let library = workspace.put(&format!("{name}.so"), fs::read(library).unwrap());
            let check = ["plugin", "check", library.to_str().unwrap(), "--episodes", "50"];
            run(&mut workspace.command_of(&program, &check));
        }
    });
}

#[test]
fn nothing_is_written_over() {
    let workspace = Workspace::new();
    let new = |name: &str, more: &[&str]| workspace.run(&[&["plugin", "new", name, "--kind", "tool"], more].concat());
    new("one", &[]).success();
    new("one", &[]).failure(2, &["one is there already"]);
    new("two", &[]).success();
    workspace.put("harness-abi/src/tool.rs", "// mine");
    new("three", &[]).failure(2, &["another version of the interface", "src/tool.rs"]);
    assert!(!workspace.path("three").exists());
    new("9lives", &[]).failure(2, &["`9lives` cannot be a pack's name"]);
    new("four", &["--slot", "planner"]).failure(2, &["only a processor takes a slot"]);
}
