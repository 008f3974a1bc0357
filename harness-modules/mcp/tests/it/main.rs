//! The tool module against servers that behave and servers that do not, each a process of its own.

mod http;
mod real;

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use harness_abi::{
    ErrorClass, ModuleError, RawToolSink, ToolBox, ToolOutput, ToolRequest, ToolSpec,
    stable::{RResult, RStr, RString},
    tool_sink,
};
use harness_mcp::{MANIFEST, pack};
use harness_spec::PackManifest;
use serde_json::{Map, Value, json};

/// A server that behaves so, under a name of the test's own: what was listed of it before is remembered by configuration.
fn build(name: &str, mode: &str, more: Value) -> Result<ToolBox, ModuleError> {
    let manifest = PackManifest::parse(MANIFEST).expect("manifest");
    let mut config: Map<String, Value> = manifest.module("server").expect("module").defaults().into_iter().collect();
    let test = json!({"name": name, "command": [env!("CARGO_BIN_EXE_mcp-fake"), mode], "revision": "2025-11-25"});
    config.extend(test.as_object().cloned().unwrap_or_default());
    config.extend(more.as_object().cloned().unwrap_or_default());
    pack().tool()("server".into(), Value::Object(config).to_string().as_str().into()).into_result()
}

fn server(name: &str, mode: &str, more: Value) -> ToolBox {
    build(name, mode, more).expect("a server")
}

fn specs(tool: &ToolBox) -> Vec<ToolSpec> {
    serde_json::from_str(&tool.specs().into_result().expect("specs")).expect("specs")
}

struct Sink {
    send: mpsc::Sender<Result<ToolOutput, ModuleError>>,
    cancel_after: Option<Instant>,
}

impl RawToolSink for Sink {
    fn cancelled(&self) -> bool {
        self.cancel_after.is_some_and(|at| Instant::now() >= at)
    }

    fn finish(self, output: RResult<RString, ModuleError>) {
        let output = output.into_result().map(|text| serde_json::from_str(&text).expect("an output"));
        // The test may be over.
        let _ = self.send.send(output);
    }

    fn finish_text(self, text: RString, is_error: bool) {
        let _ = self.send.send(Ok(ToolOutput { text: text.into(), is_error, cost_micros: 0 }));
    }
}

fn call_until(
    tool: &ToolBox,
    name: &str,
    arguments: &str,
    cancel_after: Option<Instant>,
) -> Result<ToolOutput, ModuleError> {
    let (send, receive) = mpsc::channel();
    let request =
        ToolRequest { id: "1".into(), name: name.into(), arguments: arguments.into(), seed: 0, extra: RStr::default() };
    tool.call(&request, tool_sink(Sink { send, cancel_after }));
    receive.recv().expect("an answer")
}

fn call(tool: &ToolBox, name: &str, arguments: &str) -> Result<ToolOutput, ModuleError> {
    call_until(tool, name, arguments, None)
}

fn said(text: &str) -> ToolOutput {
    ToolOutput { text: text.to_owned(), is_error: false, cost_micros: 0 }
}

const HI: &str = r#"{"text": "hi"}"#;

#[test]
fn tools_are_named_after_their_server_and_called() {
    let tool = server("weather", "good", json!({}));
    let offered = specs(&tool);
    let names: Vec<&str> = offered.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["weather__echo", "weather__env"]);
    assert_eq!(offered[0].description, "Says it.");
    assert_eq!(offered[0].input_schema["required"], json!(["text"]));
    assert!(!offered[0].read_only, "a hint is not believed");
    assert_eq!(call(&tool, "weather__echo", HI).expect("an answer"), said("hi"));
    let bad = call(&tool, "weather__echo", r#"{"text": "bad"}"#).expect("an answer");
    assert_eq!((bad.text.as_str(), bad.is_error), ("It cannot be said.", true));
    let refused = call(&tool, "weather__echo", "{}").expect("an answer");
    assert_eq!((refused.text.as_str(), refused.is_error), ("text is missing", true), "the model may mend that");
    for (name, arguments) in
        [("echo", HI), ("weather__other", HI), ("weather__echo", "[1]"), ("weather__echo", "{oops")]
    {
        assert_eq!(call(&tool, name, arguments).expect_err("a refusal").class, ErrorClass::INPUT);
    }
    let one = server("weather", "good", json!({"tools": ["env"], "believe_hints": true}));
    assert_eq!(
        specs(&one).iter().map(|spec| (spec.name.as_str(), spec.read_only)).collect::<Vec<_>>(),
        [("weather__env", true)]
    );
    assert!(!call(&one, "weather__env", "{}").expect("an answer").is_error);
}

#[test]
fn a_server_gets_the_variables_that_are_named_and_no_others() {
    // Cargo sets these for every test.
    let tool = server("env", "good", json!({"env": ["CARGO_PKG_NAME", "NO_SUCH_VARIABLE"]}));
    assert_eq!(call(&tool, "env__env", "{}").expect("an answer").text, "CARGO_PKG_NAME");
}

#[test]
fn both_revisions_are_used_and_found_out() {
    for (mode, revision, words) in [
        ("good", "2025-11-25", "hi"),
        ("good", "auto", "hi"),
        ("strict", "auto", "hi"),
        ("modern", "2026-07-28", "hi 2026-07-28"),
        ("modern", "auto", "hi 2026-07-28"),
    ] {
        let tool = server("both", mode, json!({"revision": revision}));
        assert_eq!(call(&tool, "both__echo", HI).expect("an answer"), said(words), "{mode} {revision}");
    }
    let error = build("both", "modern", json!({})).err().expect("a refusal");
    assert!(error.message.contains("too old"), "{error}");
}

#[test]
fn servers_that_lie_about_their_tools_are_refused() {
    for (mode, words) in [
        ("no-list", "answered with no list of tools"),
        ("nothing", "offers no tools"),
        ("no-schema", "lies about its tool `echo`: its inputSchema is null"),
        ("text-schema", "its inputSchema is \"object\", not a JSON schema"),
        ("array-schema", "has the type \"array\"; arguments are an object"),
        ("bad-properties", "no schemas by name"),
        ("bad-required", "no list of names"),
        ("long-description", "a description of 20000 bytes"),
        ("number-description", "its description is 7"),
        ("bad-name", "offers a tool by the name \"echo; rm -rf\""),
        ("twice", "offers two tools `echo`"),
        ("endless", "more than 512 tools"),
    ] {
        let error = build("liar", mode, json!({})).err().expect("a refusal");
        assert!(error.class == ErrorClass::CONFIG && error.message.contains(words), "{mode}: {error}");
        assert!(error.message.contains("`liar`"), "{error}");
    }
    let error = build("liar", "good", json!({"tools": ["sing"]})).err().expect("a refusal");
    assert!(error.message.contains("no tool `sing`; it has echo, env"), "{error}");
}

#[test]
fn lists_without_an_end_and_tools_among_many_are_found() {
    // The same page and the same cursor for ever.
    let tool = server("repeats", "repeats", json!({}));
    let names: Vec<String> = specs(&tool).into_iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["repeats__echo", "repeats__env"]);
    let many = server("many", "many", json!({"tools": ["t599", "t0"]}));
    assert_eq!(specs(&many).len(), 2);
    assert_eq!(call(&many, "many__t599", HI).expect("an answer"), said("t599"));
    let error = build("many", "many", json!({})).err().expect("a refusal");
    assert!(error.message.contains("more than 512 tools; name those you want in `tools`"), "{error}");
    let error = build("many", "many", json!({"tools": ["none"]})).err().expect("a refusal");
    assert!(error.message.contains("t38, t39 and 560 more"), "{error}");
}

#[test]
fn names_and_schemas_are_such_as_models_take() {
    let tool = server("dotted", "dotted", json!({}));
    let names: Vec<String> = specs(&tool).into_iter().map(|spec| spec.name).collect();
    let plain = |name: &String| name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    assert!(names.len() == 3 && names.iter().all(plain), "{names:?}");
    assert_eq!(call(&tool, &names[0], HI).expect("an answer"), said("notes.read"));
    assert_eq!(call(&tool, &names[1], HI).expect("an answer"), said("notes/read"));
    for spec in specs(&server("bare", "bare", json!({}))) {
        assert_eq!(spec.input_schema, json!({"type": "object", "properties": {}}), "{}", spec.name);
    }
}

#[test]
fn nothing_of_a_result_is_lost_in_silence() {
    for (mode, text, expected, is_error) in [
        ("structured", "hi", "2 issues listed\n{\"issues\":[\"A-1\",\"A-2\"]}", false),
        ("speechless", "hi", "[the tool failed and did not say why]", true),
        ("refuses", "hi", "[the server refused the call with code -32603 and did not say why]\n{\"why\":7}", true),
        ("futuristic", "hi", "[content `hologram` left out]\nhi", false),
        ("busy", "hi", "hi", false),
    ] {
        let tool = server("odd", mode, json!({}));
        let output = call(&tool, "odd__echo", &json!({"text": text}).to_string()).expect("an answer");
        assert_eq!((output.text.as_str(), output.is_error), (expected, is_error), "{mode}");
    }
    let modern = server("modern", "modern", json!({"revision": "2026-07-28"}));
    let output = call(&modern, "modern__echo", r#"{"text": "hologram"}"#).expect("an answer");
    assert_eq!(output, said("[content `hologram` left out]\nhologram"));
}

#[test]
fn servers_that_do_not_begin_are_named_with_their_last_words() {
    for (mode, class, words) in [
        ("silent", ErrorClass::TIMEOUT, "not ready within 300 ms"),
        ("babbling", ErrorClass::TIMEOUT, "for messages alone, had `Welcome to the weather server!`"),
        ("dying", ErrorClass::UNAVAILABLE, "ended (exit status: 3); its standard error ends with `no licence found`"),
    ] {
        let error = build("late", mode, json!({"start_ms": 300})).err().expect("a refusal");
        assert!(error.class == class && error.message.contains(words), "{mode}: {error}");
    }
    let error = build("gone", "good", json!({"command": ["/no/such/program"]})).err().expect("a refusal");
    assert!(
        error.class == ErrorClass::CONFIG && error.message.contains("cannot be started: `/no/such/program`"),
        "{error}"
    );
    let error = build("far", "good", json!({"command": [], "url": "http://127.0.0.1:1/mcp"})).err().expect("a refusal");
    assert!(error.class == ErrorClass::UNAVAILABLE && error.message.contains("at http://127.0.0.1:1/mcp"), "{error}");
    // One that writes to people between its messages is understood all the same.
    assert_eq!(call(&server("chatty", "chatty", json!({})), "chatty__echo", HI).expect("an answer"), said("hi"));
}

#[test]
fn a_server_that_dies_hangs_or_answers_nonsense_ends_the_call() {
    let tool = server("dies", "dies-in-call", json!({}));
    let error = call(&tool, "dies__echo", HI).expect_err("a fault");
    assert!(error.class == ErrorClass::UNAVAILABLE && error.message.contains("exit status: 9"), "{error}");
    assert!(error.message.contains("out of memory"), "{error}");
    let tool = server("hangs", "hangs-in-call", json!({"call_ms": 100}));
    let error = call(&tool, "hangs__echo", HI).expect_err("a fault");
    assert!(error.class == ErrorClass::TIMEOUT && error.message.contains("`echo` within 100 ms"), "{error}");
    // A line without an end takes time, and no memory.
    let tool = server("floods", "floods-in-call", json!({"call_ms": 300}));
    let error = call(&tool, "floods__echo", HI).expect_err("a fault");
    assert!(error.class == ErrorClass::TIMEOUT && error.message.contains("within 300 ms"), "{error}");
    let soon = Some(Instant::now() + Duration::from_millis(30));
    let patient = server("hangs", "hangs-in-call", json!({}));
    assert_eq!(call_until(&patient, "hangs__echo", HI, soon).expect_err("a fault").class, ErrorClass::CANCELLED);
    let tool = server("odd", "no-result", json!({}));
    let error = call(&tool, "odd__echo", HI).expect_err("a fault");
    assert!(error.class == ErrorClass::FAULT && error.message.contains("no result of a tool"), "{error}");
    let tool = server("huge", "huge", json!({"most_bytes": 1000}));
    let text = call(&tool, "huge__echo", HI).expect("an answer").text;
    assert!(text.contains("of 1048576 bytes left out here") && text.len() < 1100, "{} bytes", text.len());
}

#[test]
fn tools_that_change_while_they_are_in_use_are_a_fault() {
    let tool = server("changing", "changes", json!({}));
    assert_eq!(call(&tool, "changing__echo", HI).expect("an answer"), said("hi"));
    for _ in 0..2 {
        let error = call(&tool, "changing__echo", HI).expect_err("a fault");
        let words =
            "changed its tools while they were in use: changing__echo says something else, changing__env is gone";
        assert!(error.class == ErrorClass::FAULT && error.message.contains(words), "{error}");
    }
    // To say so and offer the same is nothing.
    let tool = server("nervous", "says-changed", json!({}));
    for _ in 0..3 {
        assert_eq!(call(&tool, "nervous__echo", HI).expect("an answer"), said("hi"));
    }
    // The next episode's process must offer what the first did.
    let first = server("another", "another", json!({}));
    let second = server("another", "another", json!({}));
    assert_eq!(specs(&first), specs(&second), "what was listed first holds");
    assert_eq!(call(&first, "another__echo", HI).expect("an answer"), said("hi"));
    let error = call(&second, "another__echo", HI).expect_err("a fault");
    assert!(error.class == ErrorClass::FAULT && error.message.contains("another__echo says something else"), "{error}");
}

#[test]
fn wrong_configurations_are_named() {
    for (more, words) in [
        (json!({"name": "a__b"}), "name `a__b`"),
        (json!({"name": ""}), "name ``"),
        (json!({"url": "http://127.0.0.1:1"}), "both a command and a url"),
        (json!({"command": []}), "has neither"),
        (
            json!({"command": [], "url": "http://127.0.0.1:1", "token_env": "NO_SUCH_VARIABLE"}),
            "NO_SUCH_VARIABLE holds none",
        ),
        (json!({"comand": []}), "comand"),
    ] {
        let error = build("wrong", "good", more).err().expect("a refusal");
        assert!(error.class == ErrorClass::CONFIG && error.message.contains(words), "{error}");
    }
}
