//! A folder of a stranger: for each way in, the question and what it lists, that without an answer nothing ran, was sent or was read, that
//! it works once it is trusted, that nobody is asked twice about the same bytes, and that other bytes ask again.

use std::{
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::symlink,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::json;

use crate::support::{Ran, Workspace, library, ran, sandbox_is_missing};

/// Runs the binary as a person who trusted nothing by a flag.
fn ask(workspace: &Workspace, arguments: &[&str]) -> Ran {
    ran(workspace.command(arguments).env_remove("HARNESS_TRUST_FOLDER").env("AWS_SECRET_ACCESS_KEY", "do-not-send"))
}

/// It must have stopped before it did anything, listing all of this.
fn refused(workspace: &Workspace, arguments: &[&str], says: &[&str]) {
    let all = [&["nobody has allowed", "harness trust"], says].concat();
    ask(workspace, arguments).failure(3, &all);
}

/// A command that leaves a mark when it is started.
const MARK: &str = "touch started; exit 1";

fn started(workspace: &Workspace) -> bool {
    let there = workspace.path("started").exists();
    let _ = std::fs::remove_file(workspace.path("started"));
    there
}

fn with_server(command: &[&str]) -> String {
    format!(
        "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"done\"]\n[[tool]]\nuse = \"mcp/server\"\nid = \"hello\"\n\
         config = {{ name = \"hello\", command = {} }}\n",
        json!(command)
    )
}

/// A suite of questions; `more` goes before its tables.
fn suite(workspace: &Workspace, more: &str, grader: &str) {
    let text = format!(
        "name = \"theirs\"\ntasks = \"tasks.jsonl\"\n{more}[grader]\n{grader}\n[harness]\ninitial = \"harness.toml\"\n\
         [splits]\nexplore = 1\ngate = 1\nsealed = 1\n"
    );
    workspace.put("theirs/suite.toml", text);
    let rows: String = (0..6)
        .map(|n| json!({"id": n.to_string(), "prompt": "1 + 1?", "answer": "2", "check": "true"}).to_string() + "\n")
        .collect();
    workspace.put("theirs/tasks.jsonl", rows.replace(",\"check\":\"true\"", ""));
}

/// A server that counts who comes.
fn listening() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let came = Arc::new(AtomicUsize::new(0));
    let counts = came.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or_default();
            let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            if String::from_utf8_lossy(&head[..read]).contains("do-not-send") {
                counts.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    (address, came)
}

#[test]
fn a_command_of_a_folder_is_not_started_by_whatever_reads_it() {
    let workspace = Workspace::new();
    workspace.put("my.toml", with_server(&["sh", "-c", MARK]));
    suite(&workspace, "", "use = \"tasks/exact\"");
    workspace.put("theirs/harness.toml", with_server(&["sh", "-c", MARK]));
    let says = ["starts, with all your rights: sh -c", "touch started"];
    for arguments in [
        &["run", "my.toml", "--prompt", "x"][..],
        &["bench", "theirs", "--model", "first"],
        &["bench", "functions", "--harness", "my.toml", "--model", "first"],
        &["evolve", "theirs", "--model", "first", "--rollouts", "1"],
        &["bundle", "my.toml", "--out", "bundled"],
        &["plugin", "lock", "my.toml"],
        &["mcp", "serve", "my.toml"],
        &["serve", "my.toml", "--listen", "127.0.0.1:0", "--no-token"],
    ] {
        refused(&workspace, arguments, &says);
        assert!(!started(&workspace), "{arguments:?}");
    }
    assert!(!workspace.path("bundled").exists() && !workspace.path("harness.lock").exists());

    // Looking at it starts nothing either; without an answer it stays as it was.
    ask(&workspace, &["trust", "."]).failure(3, &["nobody has allowed it", "--yes"]);
    refused(&workspace, &["run", "my.toml", "--prompt", "x"], &says);
    assert!(!started(&workspace));

    let shown = ask(&workspace, &["trust", "my.toml", "--yes"]).success().out;
    assert!(shown.contains("starts, with all your rights") && shown.contains("my.toml"), "{shown}");
    for _ in 0..2 {
        let ran = ask(&workspace, &["run", "my.toml", "--prompt", "x"]);
        assert!(!ran.err.contains("nobody has allowed"), "{}", ran.err);
        assert!(started(&workspace));
    }
    // The same in another folder is another question, and so is another command in the same.
    refused(&workspace, &["bench", "theirs", "--model", "first"], &says);
    workspace.put("my.toml", with_server(&["sh", "-c", &format!("{MARK} ")]));
    refused(&workspace, &["run", "my.toml", "--prompt", "x"], &says);
    // Words for the model are none.
    let words = "[[processor]]\nuse = \"std/system_prompt\"\nconfig.text = \"Be kind.\"\n";
    workspace.put("my.toml", with_server(&["sh", "-c", MARK]) + words);
    ask(&workspace, &["run", "my.toml", "--prompt", "x"]);
    assert!(started(&workspace));

    ask(&workspace, &["trust", "--forget", "."]).success();
    refused(&workspace, &["run", "my.toml", "--prompt", "x"], &says);
    assert!(!started(&workspace));
    // For one command, by a flag; and no longer.
    ask(&workspace, &["run", "my.toml", "--prompt", "x", "--trust-folder"]);
    assert!(started(&workspace));
    refused(&workspace, &["run", "my.toml", "--prompt", "x"], &says);
}

#[test]
fn a_script_that_changed_under_a_command_that_did_not_asks_again() {
    let workspace = Workspace::new();
    workspace.put("my.toml", with_server(&["sh", "server.sh"]));
    workspace.put("server.sh", MARK);
    ask(&workspace, &["trust", ".", "--yes"]).success();
    ask(&workspace, &["run", "my.toml", "--prompt", "x"]);
    assert!(started(&workspace));
    workspace.put("server.sh", format!("touch other; {MARK}"));
    refused(&workspace, &["run", "my.toml", "--prompt", "x"], &["sh server.sh, server.sh being sha256"]);
    assert!(!workspace.path("other").exists());
}

#[test]
fn what_a_model_writes_into_its_harness_is_not_run_by_the_next_run() {
    // It cannot write there by the tools; whoever could by other means gains nothing by it.
    let workspace = Workspace::new();
    let harness = "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"done\"]\n";
    workspace.put("my.toml", harness);
    ask(&workspace, &["run", "my.toml", "--prompt", "x"]).success();
    let server = with_server(&["sh", "-c", MARK]);
    let tool = server.split("[[tool]]").nth(1).unwrap();
    workspace.put("my.toml", format!("{harness}[[tool]]{tool}"));
    refused(&workspace, &["run", "my.toml", "--prompt", "x"], &["touch started"]);
    assert!(!started(&workspace));
    // Nor by a rule in the midst of a task.
    let rule = format!(
        "{harness}[[adapt]]\nwhen = {{ on = \"steps\", count = 1 }}\n[[adapt.apply]]\ndo = \"insert\"\nplace = \"tool\"\nuse = \"mcp/server\"\n\
         config = {{ name = \"hello\", command = [\"sh\", \"-c\", \"{MARK}\"] }}\n"
    );
    workspace.put("my.toml", rule);
    let ran = ask(&workspace, &["run", "my.toml", "--prompt", "x"]);
    assert!(ran.code != Some(0), "{}{}", ran.out, ran.err);
    assert!(!started(&workspace));
}

#[test]
fn a_pack_of_a_folder_does_not_run_with_or_without_the_folder_s_own_lock() {
    let workspace = Workspace::with(&["hello"]);
    workspace.put(
        "my.toml",
        "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"done\"]\n[[processor]]\nuse = \"hello/greeter\"\n",
    );
    let says = ["runs the pack hello 0.1.0", ".harness/plugins/libplugin_hello.so"];
    let run = ["run", "my.toml", "--prompt", "x"];
    // Looking at what is there asks nothing.
    ask(&workspace, &["plugin", "list"]).success();
    for arguments in [&run[..], &["bundle", "my.toml", "--out", "b"], &["plugin", "lock"]] {
        refused(&workspace, arguments, &says);
    }
    // No private copy was made: its code was not even staged.
    assert_eq!(crate::support::names(&workspace.path("cache/harness/packs")), [""; 0]);
    // A lock that comes with the folder says which bytes, and trusts nobody.
    workspace.run(&["plugin", "lock"]).success();
    refused(&workspace, &run, &says);
    ask(&workspace, &["plugin", "verify"]).failure(3, &says);

    ask(&workspace, &["trust", ".", "--yes"]).success();
    ask(&workspace, &run).success();
    ask(&workspace, &["plugin", "verify"]).success();
    // What was made of it here is trusted from the start; at another place it is a stranger's.
    ask(&workspace, &["bundle", "my.toml", "--out", "b"]).success();
    ask(&workspace, &["run", "b", "--prompt", "x"]).success();
    std::fs::rename(workspace.path("b"), workspace.path("c")).unwrap();
    refused(&workspace, &["run", "c", "--prompt", "x"], &["runs the pack hello 0.1.0", "c/packs/"]);
    ask(&workspace, &["trust", "c", "--yes"]).success();
    ask(&workspace, &["run", "c", "--prompt", "x"]).success();
    // Other bytes are another pack.
    std::fs::remove_file(workspace.path("harness.lock")).unwrap();
    let mut bytes = std::fs::read(library("hello")).unwrap();
    bytes.extend([0; 16]);
    workspace.put(".harness/plugins/libplugin_hello.so", bytes);
    refused(&workspace, &run, &says);
}

#[test]
fn what_the_user_installs_edits_and_names_is_not_asked_about() {
    let workspace = Workspace::new();
    let file = library("hello");
    ask(&workspace, &["plugin", "add", file.to_str().unwrap(), "--yes"]).success();
    workspace.put("my.toml", "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"done\"]\n");
    ask(&workspace, &["edit", "my.toml", "--insert", "hello/greeter"]).success();
    ask(&workspace, &["run", "my.toml", "--prompt", "x"]).success();
    // A server that the user sets is the user's; a key is bound to it.
    let (address, came) = listening();
    let base = format!("model.main.base_url=http://{address}/v1");
    let key = "model.main.api_key_env=AWS_SECRET_ACCESS_KEY";
    let set = ["edit", "my.toml", "--set", "model.main=openai:m", "--set", &base, "--set", key];
    ask(&workspace, &set).success();
    ask(&workspace, &["run", "my.toml", "--prompt", "x"]).failure(1, &["401"]);
    assert!(came.load(Ordering::SeqCst) > 0);
    assert!(workspace.read("home/.config/harness/policy.toml").contains("AWS_SECRET_ACCESS_KEY"));
    // A model that the user names goes before the file's, with the user's own variables.
    let elsewhere = Workspace::new();
    elsewhere.put("my.toml", "");
    let mut command = elsewhere.command(&["run", "my.toml", "--prompt", "x", "--model", "openai:m"]);
    command.env_remove("HARNESS_TRUST_FOLDER").env("OPENAI_BASE_URL", format!("http://{address}/v1"));
    ran(command.env("OPENAI_API_KEY", "do-not-send")).failure(1, &["401"]);
}

#[test]
fn a_key_goes_to_no_host_that_it_is_not_bound_to() {
    let workspace = Workspace::new();
    let (address, came) = listening();
    let model = format!(
        "{{ use = \"models/openai\", config = {{ model = \"m\", base_url = \"http://{address}/v1\", \
         api_key_env = \"AWS_SECRET_ACCESS_KEY\", retries = 0 }} }}"
    );
    suite(&workspace, "", &format!("rubric = \"right\"\nmodel = {model}"));
    workspace.put("theirs/harness.toml", "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"2\"]\n");
    workspace.put("my.toml", format!("[model]\nmain = {model}\n"));
    let says = ["sends the key in $AWS_SECRET_ACCESS_KEY to 127.0.0.1", "no policy of yours binds this key"];
    let commands = [
        &["suite", "check", "theirs"][..],
        &["bench", "theirs", "--model", "first"],
        &["run", "my.toml", "--prompt", "x"],
    ];
    for arguments in commands {
        refused(&workspace, arguments, &says);
        // A flag for CI trusts folders, and binds no key.
        let flagged = [arguments, &["--trust-folder"]].concat();
        ask(&workspace, &flagged).failure(3, &says);
    }
    assert_eq!(came.load(Ordering::SeqCst), 0);
    let shown = ask(&workspace, &["trust", ".", "--yes"]).success().out;
    assert!(shown.contains("to which the policy will bind this key"), "{shown}");
    let policy = workspace.read("home/.config/harness/policy.toml");
    assert!(policy.contains("[keys]") && policy.contains("127.0.0.1"), "{policy}");
    for arguments in commands {
        let ran = ask(&workspace, arguments);
        assert!(!ran.err.contains("nobody has allowed"), "{}", ran.err);
    }
    assert!(came.load(Ordering::SeqCst) > 0);
    // Another host is another question, though the policy knows the variable.
    let other = workspace.read("my.toml").replace("127.0.0.1", "localhost");
    workspace.put("my.toml", other);
    refused(&workspace, &["run", "my.toml", "--prompt", "x"], &["to localhost", "no policy of yours"]);
}

#[test]
fn what_a_model_reads_is_sent_to_nobody_unasked() {
    let workspace = Workspace::new();
    let server = "use = \"models/openai\"\nconfig = { model = \"m\", base_url = \"https://evil.example/v1\", api_key_env = \"\" }\n";
    workspace.put("my.toml", format!("[model.main]\n{server}"));
    let run = ["run", "my.toml", "--prompt", "x"];
    refused(&workspace, &run, &["sends tasks and conversations to evil.example"]);
    // Nor to what serves this machine, which may do something for whoever comes.
    let local = TcpListener::bind("127.0.0.1:0").unwrap();
    local.set_nonblocking(true).unwrap();
    let address = format!("http://{}/stop?", local.local_addr().unwrap());
    for harness in [
        format!("[model.main]\n{}", server.replace("https://evil.example/v1", &address)),
        format!(
            "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"d\"]\n[[tool]]\nuse = \"mcp/server\"\n\
             config = {{ name = \"s\", url = \"{address}\" }}\n"
        ),
    ] {
        workspace.put("my.toml", harness);
        refused(&workspace, &run, &["sends tasks and conversations to", &address]);
    }
    assert!(local.accept().is_err(), "somebody came");
    workspace.put("my.toml", "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"d\"]\n[[tool]]\nuse = \"tools/fetch\"\nconfig.hosts = [\"evil.example\"]\n");
    refused(&workspace, &run, &["evil.example"]);
    let bash = "[[tool]]\nuse = \"tools/bash\"\nconfig = { sandbox = \"none\", network = true, env = [\"TOKEN\"], readable = [\"/etc\"] }\n";
    workspace.put("my.toml", format!("[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"d\"]\n{bash}"));
    let says = ["that nothing confines", "use the network", "shows $TOKEN", "reads /etc"];
    refused(&workspace, &run, &says);
    ask(&workspace, &["trust", ".", "--yes"]).success();
    ask(&workspace, &run).success();
}

#[test]
fn paths_lead_out_of_no_suite_skill_bundle_or_instruction() {
    let workspace = Workspace::new();
    workspace.put("secret/id_rsa", "KEY MATERIAL");
    workspace.put("secret/SKILL.md", "---\nname: s\ndescription: KEY MATERIAL\n---\nKEY");
    workspace.put("clone/theirs/x", "");
    let scripted = "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"d\"]\n";
    let inside = |harness: &str| {
        workspace.put("clone/my.toml", format!("{scripted}{harness}"));
        let mut command = workspace.command(&["run", "my.toml", "--prompt", "x"]);
        ran(command.env_remove("HARNESS_TRUST_FOLDER").current_dir(workspace.path("clone")))
    };
    let quiet = |ran: &Ran| assert!(!ran.err.contains("KEY MATERIAL") && !ran.out.contains("KEY MATERIAL"), "{ran:?}");
    // AGENTS.md as a link.
    symlink(workspace.path("secret/id_rsa"), workspace.path("clone/AGENTS.md")).unwrap();
    let instructions = "[[processor]]\nuse = \"std/instructions\"\n";
    let named = |name: &str| format!("{instructions}config.file = \"{name}\"\n");
    let out = inside(&named("AGENTS.md")).failure(1, &["AGENTS.md is a link out of"]);
    quiet(&out);
    // By name.
    let out = inside(&named("../secret/id_rsa")).failure(3, &["reads ", "id_rsa"]);
    quiet(&out);
    // Skills: the folder, a skill, and a file of one.
    let skills = "[[processor]]\nuse = \"std/skills\"\n";
    inside(&format!("{skills}config.folder = \"../secret\"\n")).failure(3, &["reads ", "secret"]);
    std::fs::create_dir_all(workspace.path("clone/skills/s")).unwrap();
    symlink(workspace.path("secret/SKILL.md"), workspace.path("clone/skills/s/SKILL.md")).unwrap();
    let out = inside(&format!("{skills}config.folder = \"skills\"\n")).failure(1, &["is a link out of"]);
    quiet(&out);
    std::fs::remove_dir_all(workspace.path("clone/skills")).unwrap();
    std::fs::create_dir(workspace.path("clone/skills")).unwrap();
    symlink(workspace.path("secret"), workspace.path("clone/skills/s")).unwrap();
    let out = inside(&format!("{skills}config.folder = \"skills\"\n")).failure(1, &["is a link out of"]);
    quiet(&out);
    // Tasks, parts and rows of a suite.
    let rows = |row: serde_json::Value| {
        suite(&workspace, "workspace = {}\n", "use = \"tasks/command\"");
        workspace.put("theirs/harness.toml", scripted);
        workspace.put("theirs/tasks.jsonl", row.to_string());
    };
    rows(json!({"id": "1", "prompt": "p", "check": "true", "folder": "../secret"}));
    let out = workspace.run(&["suite", "check", "theirs"]).failure(2, &["not beneath the file of tasks"]);
    quiet(&out);
    suite(&workspace, "", "use = \"tasks/exact\"");
    let text = workspace.read("theirs/suite.toml");
    for tasks in ["../secret/id_rsa", "link"] {
        let _ = symlink(workspace.path("secret/id_rsa"), workspace.path("theirs/link"));
        workspace.put("theirs/suite.toml", text.replace("tasks.jsonl", tasks));
        let out = ask(&workspace, &["suite", "check", "theirs"]).failure(2, &["not beneath"]);
        quiet(&out);
    }
    let environment = "[environment]\nuse = \"tasks/questions\"\nconfig.data = \"secret/id_rsa\"\n";
    let other = text.replace("tasks = \"tasks.jsonl\"\n", "") + environment;
    workspace.put("theirs/suite.toml", other);
    refused(&workspace, &["suite", "check", "theirs"], &["reads ", "secret/id_rsa"]);
    workspace.put(
        "theirs/suite.toml",
        "name = \"theirs\"\nparts = [\"functions\", \"../clone\"]\n[harness]\ninitial = \"harness.toml\"\n",
    );
    ask(&workspace, &["suite", "check", "theirs"]).failure(2, &["its part ../clone", "not beneath"]);
    // A bundle that names a file elsewhere.
    workspace.put("my.toml", scripted);
    ask(&workspace, &["bundle", "my.toml", "--out", "b"]).success();
    let seal =
        workspace.read("b/bundle.json").replace("\"harness.lock\"", "\"../secret/id_rsa\": \"00\",\n\"harness.lock\"");
    workspace.put("b/bundle.json", seal);
    let out = ask(&workspace, &["run", "b", "--prompt", "x"]).failure(2, &["leads out of its folder"]);
    quiet(&out);
}

#[test]
fn scripts_of_tasks_run_when_they_are_trusted_and_not_before() {
    let there = ["bubblewrap", "landlock"].into_iter().any(|name| crate::support::sandboxes().contains(&name));
    if !there {
        return sandbox_is_missing("nothing confines commands here");
    }
    let workspace = Workspace::new();
    suite(&workspace, "workspace = {}\n", "use = \"tasks/command\"");
    workspace.put("theirs/harness.toml", "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"2\"]\n");
    let rows = |check: &str| {
        let row =
            |n: i32| json!({"id": n.to_string(), "prompt": "p", "check": check, "solution": "true"}).to_string() + "\n";
        workspace.put("theirs/tasks.jsonl", (0..6).map(row).collect::<String>());
    };
    rows("true");
    let says = ["runs the scripts of theirs/tasks.jsonl in a box (sha256"];
    for arguments in [&["suite", "check", "theirs"][..], &["bench", "theirs"], &["evolve", "theirs", "--rollouts", "1"]]
    {
        refused(&workspace, arguments, &says);
    }
    assert!(!workspace.path(".harness/record.sqlite").exists(), "nothing was played");
    ask(&workspace, &["trust", "theirs", "--yes"]).success();
    ask(&workspace, &["bench", "theirs", "--quiet"]).success();
    rows("true; true");
    refused(&workspace, &["bench", "theirs"], &says);
    // Harbor's folders, which may want a variable of the user's.
    workspace.put("harbor/t/task.toml", "[solution.env]\nKEY = \"${AWS_SECRET_ACCESS_KEY}\"\n");
    workspace.put("harbor/t/instruction.md", "Do it.");
    workspace.put("harbor/t/tests/test.sh", "true");
    let text = workspace.read("theirs/suite.toml").replace("tasks.jsonl", "harbor");
    std::fs::rename(workspace.path("harbor"), workspace.path("theirs/harbor")).unwrap();
    workspace.put("theirs/suite.toml", text);
    refused(&workspace, &["suite", "check", "theirs"], &["theirs/harbor in a box", "with $AWS_SECRET_ACCESS_KEY"]);
    // Data that a person names for a suite of theirs is a stranger's all the same.
    let data = ["bench", "mine", "--data", "theirs/harbor"];
    let mine = workspace.read("theirs/suite.toml").replace("harbor", "tasks.jsonl");
    workspace.put("mine/suite.toml", mine);
    workspace.put("mine/tasks.jsonl", workspace.read("theirs/tasks.jsonl"));
    workspace.put("mine/harness.toml", workspace.read("theirs/harness.toml"));
    refused(&workspace, &data, &["theirs/harbor", "`harness trust theirs/harbor`"]);
    ask(&workspace, &["trust", "theirs/harbor", "--yes"]).success();
    let ran = ask(&workspace, &data);
    assert!(!ran.err.contains("nobody has allowed"), "{}", ran.err);
    // So is a file of tasks.
    let data = ["bench", "mine", "--data", "theirs/tasks.jsonl", "--quiet"];
    refused(&workspace, &data, &["`harness trust theirs/tasks.jsonl`"]);
    ask(&workspace, &["trust", "theirs/tasks.jsonl", "--yes"]).success();
    let ran = ask(&workspace, &data);
    assert!(!ran.err.contains("nobody has allowed"), "{}", ran.err);
}

#[test]
fn what_merely_reads_asks_nothing_and_what_is_trusted_is_kept_outside() {
    let workspace = Workspace::new();
    suite(&workspace, "", "use = \"tasks/exact\"");
    workspace.put("theirs/harness.toml", "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [\"2\"]\n");
    ask(&workspace, &["suite", "check", "theirs", "--quiet"]).success();
    ask(&workspace, &["bench", "theirs", "--quiet"]).success();
    let shown = ask(&workspace, &["trust", "."]).success().out;
    assert!(shown.contains("runs nothing, sends nothing and reads nothing outside"), "{shown}");
    assert!(ask(&workspace, &["trust", "--list"]).success().out.contains("no folder is allowed anything"));

    workspace.put("my.toml", with_server(&["sh", "-c", MARK]));
    ask(&workspace, &["trust", ".", "--yes"]).success();
    let listed = ask(&workspace, &["trust", "--list"]).success().out;
    assert!(listed.contains("touch started"), "{listed}");
    let folders = workspace.path("state/harness/workspaces");
    let file = crate::support::names(&folders)
        .iter()
        .map(|name| folders.join(name).join("trust.json"))
        .find(|file| file.exists());
    let file = file.unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // One that is damaged allows nothing, and is not written over.
    std::fs::write(&file, "{").unwrap();
    let says = ["trust.json", "mend it"];
    ask(&workspace, &["run", "my.toml", "--prompt", "x"]).failure(2, &says);
    ask(&workspace, &["trust", ".", "--yes"]).failure(2, &says);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{");
    assert!(!started(&workspace));
    let odd =
        workspace.command(&["run", "my.toml", "--prompt", "x"]).env("HARNESS_TRUST_FOLDER", "yes").output().unwrap();
    assert_eq!(odd.status.code(), Some(2));
}
