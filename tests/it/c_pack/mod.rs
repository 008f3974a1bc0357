//! Packs written in C, compiled here with the system's C compiler: the small one of `plugins/`, and a probe that uses all of
//! the header.

use std::path::{Path, PathBuf};

use harness_abi::{Decision, Hook, Message, ModelInfo, Observation, Role};
use harness_host::{ChildSettings, Host, Isolation, testing::FakeContext};
use harness_spec::{Config, ModuleRef};
use serde_json::json;

use crate::support::{Workspace, ran};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compiles `source` into a pack in the workspace's plugin folder; warnings are errors.
fn compiled(workspace: &Workspace, source: &Path, name: &str, more: &[&str]) -> PathBuf {
    let library = workspace.put(&format!(".harness/plugins/{name}.so"), "");
    let mut cc = std::process::Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-shared", "-fPIC", "-O1"]).args(more);
    // The manifest lies beside the source, and the assembler looks for it where the compiler runs.
    cc.current_dir(source.parent().unwrap()).arg("-I").arg(root().join("harness-core/abi/include"));
    ran(cc.arg(source).arg("-o").arg(&library)).success();
    library
}

fn host(workspace: &Workspace) -> Host {
    let host = Host::builder().search([workspace.path(".harness/plugins")]).store(workspace.path("store"));
    host.build().unwrap()
}

fn reference(text: &str) -> ModuleRef {
    text.parse().unwrap()
}

#[test]
fn a_pack_in_c_is_listed_conforms_and_plays() {
    let workspace = Workspace::new();
    compiled(&workspace, &root().join("plugins/hello-c/hello.c"), "hello-c", &["-fvisibility=hidden"]);
    let list = workspace.json(&["plugin", "list"]);
    let pack = list["packs"].as_array().unwrap().iter().find(|pack| pack["name"] == "hello-c").unwrap();
    assert_eq!(pack["modules"][0]["name"], "last_steps");

    let module = reference("hello-c/last_steps");
    let verdict =
        harness_core::conformance(&host(&workspace), &module, &Config::new(), harness_core::Extent::default());
    assert!(verdict.passed(), "{verdict:?}");

    workspace.put(
        "my.toml",
        "[model.main]\nuse = \"std/noop\"\n[budget]\nsteps = 2\n[[processor]]\nuse = \"hello-c/last_steps\"\n\
         config.text = \"Hurry, Jürgen.\"\n",
    );
    let object = workspace.json(&["run", "my.toml", "--prompt", "hello"]);
    let shown = workspace.run(&["trace", "show", object["episode"].as_str().unwrap()]).success().out;
    assert!(shown.contains("Hurry, Jürgen."), "{shown}");
}

/// What the probe decides in a mode.
fn probe(workspace: &Workspace, mode: &str) -> Result<Vec<Decision>, String> {
    let config = Config::from([("mode".to_owned(), json!(mode))]);
    let host = host(workspace);
    let resolved = host.resolve(&reference("probe/probe"), &config).map_err(|error| error.to_string())?;
    let mut processor = resolved.processor().map_err(|error| error.to_string())?;
    let mut context = FakeContext::default()
        .history([Message::user("first"), Message::assistant("second")])
        .observation(&Observation { text: "a room".to_owned(), ..Observation::default() })
        .response(Message::assistant("a reply"), &Default::default())
        .call("c1", "dig", "{\"deep\": true}")
        .visible(&["dig"])
        .model(&ModelInfo { name: "m".to_owned(), ..ModelInfo::default() });
    (context.step, context.seed, context.system) = (4, 7, "Be kind.".to_owned());
    (context.result, context.outcome) = (Some(Message::tool_result("c1", "a hole", false)), "done".to_owned());
    let decided = context.call_hook(&mut processor, Hook::TaskStart, |_| unreachable!());
    if mode == "read" {
        assert_eq!(*context.logged.lock().unwrap(), ["a line"]);
    }
    decided.map_err(|error| error.to_string())
}

#[test]
fn c_reads_what_rust_reads() {
    let workspace = Workspace::new();
    compiled(&workspace, &root().join("tests/it/c_pack/probe.c"), "probe", &[]);
    let read: Vec<(String, String)> = probe(&workspace, "read")
        .unwrap()
        .into_iter()
        .map(|decision| match decision {
            Decision::Annotate { key, value_json } => (key.into(), value_json.into()),
            other => panic!("{other:?}"),
        })
        .collect();
    let message = |role: &str, text: &str| {
        format!("{{\"role\":\"{role}\",\"parts\":[{{\"type\":\"text\",\"text\":\"{text}\"}}]}}")
    };
    let expected = [
        ("EPISODE", "test-episode"),
        ("SYSTEM", "Be kind."),
        ("TOOLS", "[]"),
        ("VISIBLE_TOOLS", "[\"dig\"]"),
        ("OBSERVATION", "{\"text\":\"a room\",\"reward\":0.0,\"done\":false}"),
        ("CONSTRAINT", ""),
        ("SAMPLING", ""),
        ("RESPONSE", &message("assistant", "a reply")),
        ("RESPONSE_TEXT", "a reply"),
        ("CALL_ID", "c1"),
        ("CALL_NAME", "dig"),
        ("CALL_ARGUMENTS", "{\"deep\": true}"),
        (
            "RESULT",
            "{\"role\":\"tool\",\"parts\":[{\"type\":\"tool_result\",\"id\":\"c1\",\"text\":\"a hole\",\"is_error\":false}]}",
        ),
        ("RESULT_TEXT", "a hole"),
        ("OUTCOME", "done"),
        ("STATE", "value"),
        ("STEP", "4"),
        ("SEED", "7"),
        ("HISTORY_LENGTH", "2"),
        ("STEPS_LEFT", "50"),
        ("TOKENS_LEFT", "18446744073709551615"),
        ("MILLIS_LEFT", "18446744073709551615"),
        ("COST_LEFT", "18446744073709551615"),
        ("IS_CANCELLED", "0"),
        ("MESSAGE_ROLE", "user"),
        ("MESSAGE_TEXT", "first"),
        ("MESSAGE", &message("user", "first")),
        ("no message", ""),
        ("new part", ""),
        ("new read", ""),
        ("new number", "0"),
    ];
    let (model, rest): (Vec<_>, Vec<_>) = read.iter().partition(|(key, _)| key == "MODEL");
    assert!(model[0].1.contains("\"name\":\"m\""), "{model:?}");
    let rest: Vec<(&str, &str)> = rest.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(rest, expected);
}

#[test]
fn c_decides_what_rust_decides() {
    let workspace = Workspace::new();
    compiled(&workspace, &root().join("tests/it/c_pack/probe.c"), "probe", &[]);
    let decisions = probe(&workspace, "decide").unwrap();
    let names = decisions.iter().map(|decision| format!("{decision:?}").split(' ').next().unwrap().to_owned());
    assert_eq!(
        names.collect::<Vec<_>>().join(" "),
        "SetSystem EditHistory SetLastUser AppendUser ShowTools Constrain UseModel Sample SetResponse SetArguments \
         SetResult SetResult Split Answer Interrupt Adapt Annotate"
    );
    assert!(matches!(&decisions[1], Decision::EditHistory { edits } if edits[0].end == 2 && edits[0].with.len() == 1));
    assert!(matches!(&decisions[4], Decision::ShowTools { names } if names[0] == "d"));
    assert!(matches!(&decisions[8], Decision::SetResponse { message } if message.role() == Role::Assistant));
    assert!(matches!(&decisions[11], Decision::SetResult { text, is_error: true } if text == "g"));
    assert!(matches!(&decisions[16], Decision::Annotate { key, .. } if key == "j"));
}

#[test]
fn what_c_does_wrong_is_an_error_with_its_reason() {
    let workspace = Workspace::new();
    compiled(&workspace, &root().join("tests/it/c_pack/probe.c"), "probe", &[]);
    for (mode, expected) in [
        ("null", "does not start and does not say why (config)"),
        ("unknown decision", "(unsupported)"),
        ("json", "(input)"),
        ("broken text", "(input)"),
        ("long text", "(input)"),
        ("says why", "not today (unavailable)"),
        ("quiet", "does not say why (timeout)"),
    ] {
        let error = probe(&workspace, mode).unwrap_err();
        assert!(error.ends_with(expected), "{mode}: {error}");
    }
    let host = host(&workspace);
    let wrong = Config::from([("mode".to_owned(), json!("x")), ("third".to_owned(), json!("no number"))]);
    let error = host.resolve(&reference("probe/probe"), &wrong).unwrap().processor().err().unwrap().to_string();
    assert_eq!(error, "`third` is \"no number\", it must be a number (config)");
    let error = host.resolve(&reference("probe/hammer"), &Config::new()).unwrap().tool().err().unwrap().to_string();
    assert!(error.contains("a tool in a pack written in C"), "{error}");
}

#[test]
fn a_pack_is_confined_before_its_first_instruction() {
    let workspace = Workspace::new();
    compiled(&workspace, &root().join("tests/it/c_pack/probe.c"), "probe", &["-DBAD_START"]);
    let program = Some(env!("CARGO_BIN_EXE_harness").into());
    let host = Host::builder()
        .search([workspace.path(".harness/plugins")])
        .store(workspace.path("store"))
        .isolation(|_| Ok(Isolation::Process))
        .children(ChildSettings { program, ..ChildSettings::default() })
        .build()
        .unwrap();
    let error = host.resolve(&reference("probe/probe"), &Config::new()).err().unwrap().to_string();
    assert!(error.contains("tried to use the network"), "{error}");
}

#[test]
fn a_table_that_does_not_fit_is_refused() {
    for (define, expected) in [
        ("-DBAD_VERSION=2", "its table is of version 2, this host knows version 1"),
        ("-DBAD_SIZE=16", "its table has 16 bytes"),
        ("-DBAD_DESTROY=NULL", "a function of its table is null"),
        ("-Dharness_c_pack_1=another_symbol", "does not load"),
    ] {
        let workspace = Workspace::new();
        let strict = if define.contains("NULL") { "-Wno-unused-function" } else { "-Wall" };
        compiled(&workspace, &root().join("tests/it/c_pack/probe.c"), "probe", &[define, strict]);
        let error = probe(&workspace, "x").unwrap_err();
        assert!(error.contains(expected), "{define}: {error}");
    }
    // More than this host knows at the end of the table is no hindrance: that is how it grows.
    let workspace = Workspace::new();
    compiled(&workspace, &root().join("tests/it/c_pack/probe.c"), "probe", &["-DBAD_SIZE=4096"]);
    assert_eq!(probe(&workspace, "x").unwrap().len(), 0);
}
