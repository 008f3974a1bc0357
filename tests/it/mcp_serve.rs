//! This program as an MCP server: asked line by line, by this program's own client, and by the protocol's official Python package.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    serve::Upstream,
    support::{Workspace, ran},
};

const HARNESS: &str = r#"
[model.main]
use = "std/scripted"
config.replies = [ { text = "I throw.", calls = [ { name = "dice", arguments = { sides = 6 } } ] }, "It fell." ]

[[tool]]
use = "hello/dice"
"#;

/// A server and the pipes to it.
pub struct Served {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Served {
    /// Starts one and begins as the handshake wants it.
    pub fn new(workspace: &Workspace, arguments: &[&str]) -> Self {
        let mut command = workspace.command(&[&["mcp", "serve"], arguments].concat());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut served = Self { child, input, output, next: 1 };
        let client = json!({"name": "test", "version": "1"});
        let begun = served
            .ask("initialize", json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}));
        assert_eq!(begun["result"]["serverInfo"]["name"], "harness", "{begun}");
        served.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        served
    }

    fn say(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }

    /// Whatever comes next: a message, for nothing else may stand there.
    fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn begin(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.say(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        loop {
            let message = self.receive();
            if message["id"] == id {
                return message;
            }
        }
    }

    /// Calls a tool; gives its text and whether that is an error.
    pub fn call(&mut self, tool: &str, arguments: Value) -> (String, bool) {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        let result = &answer["result"];
        let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
        (text.to_owned(), result["isError"] == true)
    }

    pub fn json(&mut self, tool: &str, arguments: Value) -> Value {
        let (text, failed) = self.call(tool, arguments);
        assert!(!failed, "{text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Leaves as clients do; the server must end by itself, and well.
    pub fn leave(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
        let mut rest = String::new();
        assert_eq!(self.output.read_line(&mut rest).unwrap(), 0, "{rest}");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn workspace() -> Workspace {
    let workspace = Workspace::with(&["hello"]);
    workspace.put("my.toml", HARNESS);
    workspace
}

#[test]
fn a_client_runs_a_task_and_reads_what_happened() {
    let workspace = workspace();
    let mut served = Served::new(&workspace, &["my.toml"]);
    let listed = served.ask("tools/list", json!({}));
    let tools = listed["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["run_task", "show_harness", "list_episodes", "show_episode", "search_episodes"]);
    assert_eq!(tools[0]["inputSchema"]["properties"]["harness"]["enum"], json!(["my"]));
    assert_eq!(
        (&tools[0]["annotations"]["readOnlyHint"], &tools[3]["annotations"]["readOnlyHint"]),
        (&json!(false), &json!(true))
    );

    let ran = served.json("run_task", json!({"prompt": "Throw a die."}));
    assert_eq!((&ran["outcome"], &ran["answer"], &ran["steps"]), (&json!("done"), &json!("It fell."), &json!(2)));
    let again = served.json("run_task", json!({"prompt": "Throw a die.", "harness": "my", "seed": 2}));
    assert_ne!(ran["episode"], again["episode"]);
    let (told, failed) = served.call("show_episode", json!({"episode": ran["episode"]}));
    assert!(!failed && told.contains("Throw a die.") && told.contains("tool     dice"), "{told}");
    assert_eq!(served.json("list_episodes", json!({"outcome": "done", "limit": 1}))["total"], 2);
    assert_eq!(served.json("search_episodes", json!({"words": "it fell"}))["hits"][0]["episode"], again["episode"]);
    let harness = served.json("show_harness", json!({}));
    assert_eq!(harness["variants"]["main"]["id"], ran["variant"]);
    assert!(
        harness["toml"].as_str().unwrap().contains("hello/dice")
            && harness["variants"]["main"]["tools"] == json!(["dice"])
    );

    // What is wrong is told to the model that asked, and the next call is answered.
    for (tool, arguments, says) in [
        ("run_task", json!({"prompt": " "}), "the prompt is empty"),
        ("run_task", json!({"prompt": "x", "harness": "../other"}), "no harness `../other` is offered; there are my"),
        ("run_task", json!({"prompt": "x", "model": "random"}), "unknown field `model`"),
        ("run_task", json!({}), "missing field `prompt`"),
        ("show_episode", json!({"episode": "none"}), "`harness trace list` shows the ids"),
        ("search_episodes", json!({"words": ""}), "no words"),
        ("list_episodes", json!({"outcome": "well"}), "unknown variant `well`"),
    ] {
        let (text, failed) = served.call(tool, arguments);
        assert!(failed && text.contains(says), "{tool} should say {says}: {text}");
    }
    let unknown = served.ask("tools/call", json!({"name": "evolve", "arguments": {}}));
    assert!(
        unknown["error"]["message"].as_str().unwrap().contains("no tool `evolve`; there are run_task"),
        "{unknown}"
    );
    // Garbage on the way is passed over.
    writeln!(served.input.as_mut().unwrap(), "\u{1}garbage\n{{\"jsonrpc\": \"2.0\"}}\n[1]").unwrap();
    assert_eq!(served.json("list_episodes", json!({}))["shown"], 2);
    served.leave();
    // The record is the workspace's own.
    assert_eq!(workspace.json(&["trace", "list"])["total"], 2);
}

#[test]
fn a_task_that_fails_says_how_and_one_that_is_cancelled_stops() {
    let workspace = Workspace::new();
    let upstream = Upstream::new();
    workspace.put("slow.toml", upstream.harness());
    workspace.put("short.toml", "[budget]\nsteps = 1\n[model.main]\nuse = \"std/scripted\"\nconfig.replies = [ { calls = [ { name = \"none\", arguments = {} } ] } ]\n");
    let mut served = Served::new(&workspace, &["slow.toml", "short.toml"]);
    let (text, failed) = served.call("run_task", json!({"prompt": "x"}));
    assert!(failed && text.contains("which harness? there are short, slow"), "{text}");
    let (text, failed) = served.call("run_task", json!({"prompt": "x", "harness": "short"}));
    assert!(failed && text.contains("ended early (budget)") && text.contains("show_episode run-"), "{text}");

    let slow = json!({"name": "run_task", "arguments": {"prompt": "wait", "harness": "slow"}});
    let id = served.begin("tools/call", slow.clone());
    let mut model = upstream.next();
    model.say("One");
    served.say(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}));
    model.closed();
    let outcomes = |workspace: &Workspace| -> Vec<Value> {
        let list = workspace.json(&["trace", "list"]);
        list["episodes"].as_array().unwrap().iter().map(|row| row["outcome"].clone()).collect()
    };
    // The server goes on, and the end is on record before long.
    while outcomes(&workspace).last() != Some(&json!("cancelled")) {
        assert_eq!(served.json("list_episodes", json!({}))["total"], 2);
    }

    // A client that leaves in the middle: what is under way is stopped and recorded before the program ends.
    served.begin("tools/call", slow.clone());
    let mut model = upstream.next();
    model.say("One");
    served.leave();
    model.closed();
    assert_eq!(outcomes(&workspace), [json!("budget"), json!("cancelled"), json!("cancelled")]);

    // Ctrl-C ends it as well.
    let mut served = Served::new(&workspace, &["slow.toml"]);
    served.begin("tools/call", slow);
    let _model = upstream.next();
    let killed = Command::new("kill").args(["-INT", &served.child.id().to_string()]).status().unwrap();
    assert!(killed.success() && served.child.wait().unwrap().success());
    assert_eq!(outcomes(&workspace).len(), 4);
    assert_eq!(outcomes(&workspace)[3], json!("cancelled"));
}

#[test]
fn suites_that_are_named_are_checked_and_evolved_on() {
    let workspace = Workspace::new();
    workspace.run(&["suite", "new", "capitals"]).success();
    let mut served = Served::new(&workspace, &["--suite", "capitals", "--model", "random"]);
    let checked = served.json("check_suite", json!({}));
    assert_eq!((&checked["suite"], &checked["audit"]["solved"]), (&json!("capitals"), &json!(8)));
    let (text, failed) = served.call("check_suite", json!({"suite": "menus"}));
    assert!(failed && text.contains("no suite `menus` is offered"), "{text}");
    let (text, failed) = served.call("evolve", json!({"minutes": "long"}));
    assert!(failed && text.contains("invalid type"), "{text}");

    let meta = json!({"progressToken": "p"});
    let arguments = json!({"minutes": 1, "rollouts": 40});
    let id = served.begin("tools/call", json!({"name": "evolve", "arguments": arguments, "_meta": meta}));
    let (mut news, mut last) = (Vec::new(), 0.0);
    let result = loop {
        let message = served.receive();
        if message["id"] == id {
            break message["result"].clone();
        }
        assert_eq!(
            (&message["method"], &message["params"]["progressToken"]),
            (&json!("notifications/progress"), &json!("p"))
        );
        let progress = message["params"]["progress"].as_f64().unwrap();
        assert!(progress > last, "progress grows");
        last = progress;
        news.push(message["params"]["message"].as_str().unwrap().to_owned());
    };
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(result["isError"] != true && text.contains("written to ./.harness/evolve/evolve-capitals-"), "{text}");
    assert!(
        news.iter().any(|line| line.contains("evolving")) && news.iter().any(|line| line.contains("measuring")),
        "{news:?}"
    );
    served.leave();
    let runs = crate::support::names(&workspace.path(".harness/evolve"));
    assert!(workspace.read(&format!(".harness/evolve/{}/report.json", runs[0])).contains("\"label\""));
}

#[test]
fn a_harness_is_a_tool_of_another() {
    let workspace = workspace();
    let outer = format!(
        "[model.main]\nuse = \"std/scripted\"\nconfig.replies = [{{ calls = [{{ name = \"inner__run_task\", arguments = {{ prompt = \"Throw it.\" }} }}] }}, \"done\"]\n\
         [[tool]]\nuse = \"mcp/server\"\nid = \"inner\"\nconfig = {{ name = \"inner\", command = [{:?}, \"mcp\", \"serve\", \"my.toml\"], env = [\"HOME\", \"HARNESS_TRUST_FOLDER\"] }}\n",
        env!("CARGO_BIN_EXE_harness")
    );
    workspace.put("outer.toml", outer);
    let run = workspace.json(&["run", "outer.toml", "--prompt", "Have a die thrown."]);
    assert_eq!(run["outcome"], "done", "{run}");
    let shown = workspace.run(&["trace", "show", run["episode"].as_str().unwrap()]).success().out;
    assert!(shown.contains("It fell."), "{shown}");
    let inner = workspace.json(&["trace", "list", "--about", "Throw it."]);
    assert_eq!((&inner["total"], &inner["episodes"][0]["outcome"]), (&json!(1), &json!("done")));
}

#[test]
fn what_cannot_be_served_is_said_before_a_client_is_there() {
    let workspace = workspace();
    workspace.put("other/my.toml", HARNESS);
    for (arguments, says) in [
        (&["nowhere.toml"][..], "nowhere.toml"),
        (&["my.toml", "other/my.toml"], "two harnesses are called `my`"),
        (&["--suite", "nowhere"], "no suite `nowhere`"),
        (&["--suite", "menus", "--suite", "menus"], "two suites are called `menus`"),
        (&["-C", "nowhere", "my.toml"], "cannot work in nowhere"),
    ] {
        let ran = workspace.run(&[&["mcp", "serve"], arguments].concat()).failure(2, &[says]);
        assert_eq!(ran.out, "", "nothing but messages");
    }
    // A client that leaves before it began, and one that speaks something else.
    let served = ran(&mut workspace.command(&["mcp", "serve", "-C", "other"])).success();
    assert_eq!(served.out, "");
    assert!(workspace.path("other/.harness/record.sqlite").is_file());
}

/// As its documentation has it.
const CLIENT: &str = r#"
import asyncio, sys
try:
    from mcp import ClientSession, StdioServerParameters, stdio_client
except ImportError as error:
    print("absent", error); sys.exit(0)

async def main():
    server = StdioServerParameters(command=sys.argv[1], args=["mcp", "serve", "my.toml"], cwd=sys.argv[2])
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        names = [tool.name for tool in (await session.list_tools()).tools]
        result = await session.call_tool("run_task", {"prompt": "Throw a die."})
        print(names[0], result.content[0].text)

asyncio.run(main())
"#;

#[test]
fn the_official_client_in_python_understands_it() {
    let python = std::env::var("HARNESS_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let workspace = workspace();
    let client = workspace.put("client.py", CLIENT);
    let mut command = workspace.command(&[]);
    let folder = workspace.path(".");
    let variables: Vec<_> =
        command.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    command = Command::new(&python);
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.arg(client).arg(env!("CARGO_BIN_EXE_harness")).arg(&folder).current_dir(&folder).output();
    let Ok(output) = output else { return eprintln!("skipped: no {python} to ask with") };
    let out = String::from_utf8_lossy(&output.stdout);
    if out.starts_with("absent") {
        return eprintln!("skipped: the Python package `mcp` is {out}");
    }
    assert!(
        out.starts_with("run_task") && out.contains("It fell."),
        "{out}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
