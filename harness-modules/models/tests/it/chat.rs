//! Chat completions, good and bad.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use harness_abi::{Constraint, ErrorClass, Finish, Message, ModelBox, ModuleError, Part, Role, Usage};
use serde_json::{Value, json};

use crate::fake::{Act, Given, STREAM, answer, build as build_of, chat, hello, send, server, start, stream, tool};

fn delta(delta: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta}]})
}

fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn model(address: &str, given: Value) -> ModelBox {
    crate::fake::model("openai", address, given)
}

fn build(address: &str, given: Value) -> Result<ModelBox, ModuleError> {
    build_of("openai", address, given)
}

fn refusal(scripts: Vec<Vec<Act>>, config: Value) -> ModuleError {
    let (address, _) = server(scripts);
    chat(&model(&address, config), &hello()).expect_err("a refusal")
}

#[test]
fn a_streamed_reply_comes_in_pieces() {
    let events = [
        delta(json!({"role": "assistant", "reasoning_content": "Hm. "})),
        delta(json!({"content": "Gr"})),
        delta(json!({"content": "üße"})),
        finish("length"),
        json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}}),
    ];
    // The bytes come one by one, so characters and lines are cut everywhere.
    let acts = stream(&events, "data: [DONE]\n\n");
    let bytes: Vec<Act> = acts
        .iter()
        .flat_map(|act| match act {
            Act::Send(bytes) => bytes.iter().map(|byte| send([*byte])).collect::<Vec<_>>(),
            Act::Wait(_) => vec![],
        })
        .collect();
    for script in [acts, bytes] {
        let (address, seen) = server(vec![script]);
        let model = model(&address, json!({"input_price": 1.0, "cached_price": 0.25, "output_price": 2.0}));
        let (receive, deltas) = start(&model, &hello());
        let reply = receive.recv().expect("an answer").expect("a reply");
        assert_eq!(
            reply.message,
            Message::new(Role::Assistant, [Part::Reasoning { text: "Hm. ".into() }, Part::text("Grüße")])
        );
        assert_eq!(reply.finish, Finish::LENGTH);
        assert_eq!(reply.usage, Usage { input_tokens: 10, cached_tokens: 4, output_tokens: 3, cost_micros: 13 });
        let pieces: Vec<String> =
            deltas.lock().expect("deltas").iter().map(|(kind, text)| format!("{}{text}", kind.0)).collect();
        assert_eq!(pieces, ["1Hm. ", "0Gr", "0üße"]);
        let seen = seen.lock().expect("the log");
        assert_eq!(seen[0]["messages"], json!([{"role": "user", "content": "hello"}]));
        assert_eq!(
            (&seen[0]["seed"], &seen[0]["stream"], &seen[0]["max_tokens"]),
            (&json!(4), &json!(true), &json!(256))
        );
    }
}

#[test]
fn tools_go_there_and_calls_come_back() {
    let call = |index: u64, part: Value| {
        delta(json!({"tool_calls": [{"index": index, "id": format!("id{index}"), "function": part}]}))
    };
    let events = [
        call(0, json!({"name": "weather_now", "arguments": ""})),
        call(0, json!({"arguments": "{\"city\":"})),
        call(1, json!({"name": "other", "arguments": "{}"})),
        call(0, json!({"arguments": " \"Oslo\"}"})),
        finish("tool_calls"),
    ];
    let (address, seen) = server(vec![stream(&events, "data: [DONE]\n\n"), stream(&events, "data: [DONE]\n\n")]);
    let model = model(&address, json!({}));
    let history = vec![
        Message::system("Be kind."),
        Message::user("q"),
        Message::new(Role::Assistant, [Part::tool_call("a", "weather.now", "{}")]),
        Message::tool_result("a", "sunny", false),
    ];
    let mut given = Given { messages: history, tools: vec![tool("weather.now"), tool("other")], ..Given::default() };
    let reply = chat(&model, &given).expect("a reply");
    let expected =
        [Part::tool_call("id0", "weather.now", "{\"city\": \"Oslo\"}"), Part::tool_call("id1", "other", "{}")];
    assert_eq!((reply.message, reply.finish), (Message::new(Role::Assistant, expected), Finish::TOOL_CALLS));
    given.constraint = Constraint::ToolCall { arguments: false };
    let reply = chat(&model, &given).expect("a reply");
    assert_eq!(
        reply.message,
        Message::new(Role::Assistant, [Part::tool_call("id0", "weather.now", "{}")]),
        "one call, arguments left to others"
    );

    let seen = seen.lock().expect("the log");
    let call = json!({"id": "a", "type": "function", "function": {"name": "weather_now", "arguments": "{}"}});
    let messages = json!([
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "sunny"},
    ]);
    assert_eq!(seen[0]["messages"], messages);
    assert_eq!(seen[0]["tools"][0]["function"]["parameters"], tool("x").input_schema);
    assert_eq!(
        (&seen[1]["tool_choice"], &seen[1]["tools"][0]["function"]["parameters"]["properties"]),
        (&json!("required"), &json!({}))
    );
}

#[test]
fn constraints_are_translated_or_refused() {
    let says = |text: &str| stream(&[delta(json!({"content": text})), finish("stop")], "data: [DONE]\n\n");
    let scripts = ["{\"choice\": \"b\"}", "{\"choice\": \"z\"}", "b ", "{\"a\": 1}", "no"].map(says);
    let (address, seen) = server(scripts.to_vec());
    let two = Constraint::Choice { choices: vec!["a".into(), "b".into()] };
    let ask = |config: Value, constraint: &Constraint| {
        chat(&model(&address, config), &Given { constraint: constraint.clone(), ..hello() })
    };
    assert_eq!(ask(json!({}), &two).expect("a reply").message.text(), "b");
    let error = ask(json!({}), &two).expect_err("a refusal");
    assert!(error.class == ErrorClass::UNSUPPORTED && error.message.contains("did not keep to the choice"), "{error}");
    assert_eq!(ask(json!({"choice": "guided_choice"}), &two).expect("a reply").message.text(), "b");
    let schema = Constraint::JsonSchema { schema: json!({"type": "object"}) };
    assert_eq!(ask(json!({}), &schema).expect("a reply").message.text(), "{\"a\": 1}");
    assert_eq!(ask(json!({}), &schema).expect_err("a refusal").class, ErrorClass::UNSUPPORTED);
    // These never reach the server.
    for (config, constraint) in
        [(json!({"choice": "refuse"}), two), (json!({}), Constraint::Grammar { grammar: "root ::= \"a\"".into() })]
    {
        assert_eq!(ask(config, &constraint).expect_err("a refusal").class, ErrorClass::UNSUPPORTED);
    }
    let seen = seen.lock().expect("the log");
    assert_eq!(seen.len(), 5);
    assert_eq!(seen[0]["response_format"]["json_schema"]["schema"]["properties"]["choice"]["enum"], json!(["a", "b"]));
    assert_eq!(seen[2]["guided_choice"], json!(["a", "b"]));
    assert_eq!(seen[3]["response_format"]["json_schema"]["schema"], json!({"type": "object"}));
}

#[test]
fn a_whole_reply_with_logprobs() {
    let tokens = json!([{"token": "token_id:7", "logprob": -0.5}, {"token": "x", "logprob": -1.5}]);
    let body = json!({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop", "logprobs": {"content": tokens}}], "usage": {"prompt_tokens": 1, "completion_tokens": 2}});
    let (address, seen) = server(vec![answer("200 OK", "content-type: application/json\r\n", &body.to_string())]);
    let reply =
        chat(&model(&address, json!({"stream": false, "logprobs": true, "extra_body": {"top_k": 5}})), &hello())
            .expect("a reply");
    let tokens: Vec<(u32, f64)> =
        reply.extra().expect("extra").tokens.iter().map(|token| (token.id, token.logprob)).collect();
    assert_eq!((reply.message.text().as_ref(), tokens), ("hi", vec![(7, -0.5), (u32::MAX, -1.5)]));
    let seen = seen.lock().expect("the log");
    assert_eq!((&seen[0]["stream"], &seen[0]["logprobs"], &seen[0]["top_k"]), (&Value::Null, &json!(true), &json!(5)));
}

#[test]
fn it_waits_and_tries_again() {
    let good = || stream(&[delta(json!({"content": "ok"})), finish("stop")], "");
    let busy = answer("429 Too Many Requests", "retry-after: 0.05\r\n", r#"{"error": {"message": "slow down"}}"#);
    let (address, seen) = server(vec![busy, answer("503 Service Unavailable", "", "down"), stream(&[], ""), good()]);
    let began = Instant::now();
    assert_eq!(chat(&model(&address, json!({})), &hello()).expect("a reply").message.text(), "ok");
    assert!(began.elapsed() >= Duration::from_millis(50), "it waited for as long as it was told to");
    assert_eq!(seen.lock().expect("the log").len(), 4);

    let error = refusal(vec![answer("429 Too Many Requests", "retry-after: 3600\r\n", "")], json!({}));
    assert_eq!(
        (error.class, error.retry_after_ms),
        (ErrorClass::RATE_LIMITED, 3_600_000),
        "a long wait is the host's to decide on"
    );
    let error = refusal(vec![answer("500 Oops", "", "boom"); 3], json!({"retries": 2}));
    assert!(
        error.class == ErrorClass::UNAVAILABLE
            && error.message.contains("boom")
            && error.message.contains("tried 3 times"),
        "{error}"
    );
}

#[test]
fn bad_servers_get_clear_errors() {
    let once = || json!({"retries": 0, "idle_timeout_ms": 60});
    let half = || stream(&[delta(json!({"content": "On"}))], "");
    let cut =
        vec![send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 500\r\n\r\ndata: {\"cho")];
    let error_event = stream(&[json!({"error": {"message": "out of memory", "type": "server_error"}})], "");
    let cases = [
        (
            answer("200 OK", "content-type: application/json\r\n", "<html>hi</html>"),
            ErrorClass::UNAVAILABLE,
            "no reply of this protocol",
        ),
        (
            answer("200 OK", "content-type: application/json\r\n", "{\"ok\": true}"),
            ErrorClass::UNAVAILABLE,
            "without choices",
        ),
        (
            answer("200 OK", "", r#"{"error": {"message": "bad", "type": "invalid_request_error"}}"#),
            ErrorClass::INPUT,
            "reported an error in place of a reply: bad",
        ),
        (
            answer("401 Unauthorized", "", r#"{"error": {"message": "no key"}}"#),
            ErrorClass::CONFIG,
            "no key; check a key",
        ),
        (answer("404 Not Found", "", ""), ErrorClass::CONFIG, "model name `m`"),
        (answer("400 Bad Request", "", r#"{"error": "too long"}"#), ErrorClass::INPUT, "too long"),
        (half(), ErrorClass::UNAVAILABLE, "in the middle of a reply"),
        (cut, ErrorClass::UNAVAILABLE, "broke off"),
        (error_event, ErrorClass::UNAVAILABLE, "out of memory"),
        (vec![send(STREAM), send("data: {oops\n\n")], ErrorClass::UNAVAILABLE, "the event `{oops`"),
        (vec![send(STREAM), send(b"data: \xff\xfe\n\n")], ErrorClass::UNAVAILABLE, "not UTF-8"),
        (vec![send("garbage\r\n\r\n")], ErrorClass::UNAVAILABLE, "broke off"),
        (vec![], ErrorClass::UNAVAILABLE, "broke off"),
        (vec![Act::Wait(100)], ErrorClass::TIMEOUT, "silent for 60 ms"),
        (vec![send(STREAM), Act::Wait(100)], ErrorClass::TIMEOUT, "silent for 60 ms"),
    ];
    for (script, class, words) in cases {
        let error = refusal(vec![script], once());
        assert!(error.class == class && error.message.contains(words), "{words}: {error}");
    }
    // A reply that trickles is not silent, but ends all the same.
    let trickle: Vec<Act> =
        [send(STREAM)].into_iter().chain((0..20).flat_map(|_| [send(": still here\n"), Act::Wait(10)])).collect();
    let error = refusal(vec![trickle], json!({"total_timeout_ms": 80, "retries": 0}));
    assert!(error.class == ErrorClass::TIMEOUT && error.message.contains("within 80 ms"), "{error}");
    // What the host has received is not sent twice.
    let (address, seen) = server(vec![half(), half()]);
    assert!(chat(&model(&address, json!({})), &hello()).is_err());
    assert_eq!(seen.lock().expect("the log").len(), 1);
    // Nobody listens on a port that was just given back.
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let error = chat(&model(&format!("http://{gone}/v1"), json!({"retries": 1})), &hello()).expect_err("a refusal");
    assert!(
        error.class == ErrorClass::UNAVAILABLE
            && error.message.contains("cannot be reached")
            && error.message.contains("refused"),
        "{error}"
    );
}

#[test]
fn a_lost_interest_ends_the_call() {
    let (address, _) = server(vec![vec![send(STREAM), Act::Wait(5000)]]);
    let soon = Some(Instant::now() + Duration::from_millis(20));
    let error = chat(&model(&address, json!({})), &Given { cancel_after: soon, ..hello() }).expect_err("a refusal");
    assert_eq!(error.class, ErrorClass::CANCELLED);
}

#[test]
fn wrong_configurations_are_named() {
    let refused = |given: Value| {
        build("http://127.0.0.1:1/v1", given).err().map(|error| (error.class, error.message.to_string()))
    };
    for (given, words) in [
        (json!({"base_url": "localhost:80"}), "no http or https address"),
        (json!({"api_key_env": "HARNESS_TEST_NO_SUCH_KEY"}), "HARNESS_TEST_NO_SUCH_KEY holds no key"),
        (json!({"chioce": "refuse"}), "chioce"),
    ] {
        let (class, message) = refused(given).expect("a refusal");
        assert!(class == ErrorClass::CONFIG && message.contains(words), "{message}");
    }
}
