//! Messages: what goes there, what comes back, and back again.

use harness_abi::{Constraint, DeltaKind, Draft, ErrorClass, Finish, Message, ModelBox, Part, Role, Usage};
use serde_json::{Value, json};

use crate::fake::{Act, Given, answer, build, chat, hello, model as model_of, server, start, stream, tool};

fn model(address: &str, given: Value) -> ModelBox {
    model_of("anthropic", address, given)
}

fn begin(index: u64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn add(index: u64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn end(reason: &str) -> [Value; 2] {
    let delta = json!({"stop_reason": reason});
    [json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}}), json!({"type": "message_stop"})]
}

fn reply_of_everything() -> Vec<Value> {
    let usage = json!({"input_tokens": 5, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 10, "output_tokens": 1});
    let mut events = vec![
        json!({"type": "message_start", "message": {"usage": usage}}),
        json!({"type": "ping"}),
        begin(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        add(0, json!({"type": "thinking_delta", "thinking": "Hm."})),
        add(0, json!({"type": "signature_delta", "signature": "SIG"})),
        json!({"type": "content_block_stop", "index": 0}),
        begin(1, json!({"type": "redacted_thinking", "data": "XYZ"})),
        begin(2, json!({"type": "text", "text": ""})),
        add(2, json!({"type": "text_delta", "text": "Grüße"})),
    ];
    for index in [3, 4] {
        events.push(begin(
            index,
            json!({"type": "tool_use", "id": format!("toolu_{index}"), "name": "weather_now", "input": {}}),
        ));
        events.push(add(index, json!({"type": "input_json_delta", "partial_json": "{\"city\":"})));
        events.push(add(index, json!({"type": "input_json_delta", "partial_json": " \"Oslo\"}"})));
    }
    events.extend(end("tool_use"));
    events
}

#[test]
fn thoughts_calls_and_figures_make_the_round_trip() {
    let (address, seen) = server(vec![stream(&reply_of_everything(), ""); 2]);
    let config = json!({"input_price": 1.0, "cached_price": 0.1, "output_price": 2.0, "thinking_tokens": 1024});
    let model = model(&address, config);
    let (receive, deltas) = start(&model, &Given { tools: vec![tool("weather.now")], ..hello() });
    let reply = receive.recv().expect("an answer").expect("a reply");
    let parts: Vec<Part> = reply.message.known_parts().cloned().collect();
    let expected = [
        Part::Reasoning { text: "Hm.".into() },
        Part::Reasoning { text: "".into() },
        Part::text("Grüße"),
        Part::tool_call("toolu_3", "weather.now", "{\"city\": \"Oslo\"}"),
        Part::tool_call("toolu_4", "weather.now", "{\"city\": \"Oslo\"}"),
    ];
    assert_eq!((parts.as_slice(), reply.finish), (expected.as_slice(), Finish::TOOL_CALLS));
    // 5 fresh and 10 written at 1, 20 cached at 0.1, 7 replied at 2.
    assert_eq!(reply.usage, Usage { input_tokens: 35, cached_tokens: 20, output_tokens: 7, cost_micros: 31 });
    let kinds: Vec<DeltaKind> = deltas.lock().expect("deltas").iter().map(|(kind, _)| *kind).collect();
    let arguments = [DeltaKind::ARGUMENTS; 4];
    assert_eq!(kinds, [&[DeltaKind::REASONING, DeltaKind::TEXT][..], &arguments].concat());

    let without_thoughts = Draft::from(&reply.message).without_parts().part(Part::text("So.")).build();
    let messages = vec![
        Message::system("Be kind."),
        Message::user("q"),
        reply.message,
        Message::tool_result("toolu_3", "sunny", false),
        Message::tool_result("toolu_4", "no such city", true),
        Message::user("go on"),
        without_thoughts,
    ];
    chat(&model, &Given { messages, tools: vec![tool("weather.now")], ..Given::default() }).expect("a reply");
    let seen = seen.lock().expect("the log");
    assert!(seen[0].head.starts_with("post /v1/messages ") && seen[0].head.contains("anthropic-version: 2023-06-01"));
    let mark = json!({"type": "ephemeral"});
    assert_eq!(seen[1]["system"], json!([{"type": "text", "text": "Be kind.", "cache_control": mark}]));
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "weather_now", "input": {"city": "Oslo"}});
    let turns = json!([
        {"role": "user", "content": [{"type": "text", "text": "q"}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "SIG"},
            {"type": "redacted_thinking", "data": "XYZ"},
            {"type": "text", "text": "Grüße"},
            call("toolu_3"),
            call("toolu_4"),
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_3", "content": "sunny"},
            {"type": "tool_result", "tool_use_id": "toolu_4", "content": "no such city", "is_error": true},
            {"type": "text", "text": "go on"},
        ]},
        {"role": "assistant", "content": [{"type": "text", "text": "So.", "cache_control": mark}]},
    ]);
    assert_eq!(seen[1]["messages"], turns);
    assert_eq!(seen[1]["thinking"], json!({"type": "enabled", "budget_tokens": 1024}));
    assert_eq!((&seen[1]["max_tokens"], &seen[1]["temperature"]), (&json!(1280), &Value::Null));
    assert_eq!(seen[1]["tools"][0]["input_schema"], tool("x").input_schema);
}

#[test]
fn a_reply_that_comes_whole() {
    let content = json!([{"type": "text", "text": "hi"}]);
    let body = json!({"type": "message", "content": content, "stop_reason": "max_tokens", "usage": {"input_tokens": 1, "output_tokens": 2}});
    let (address, seen) = server(vec![answer("200 OK", "content-type: application/json\r\n", &body.to_string())]);
    // People copy the address with the version and without.
    let reply =
        chat(&model(&format!("{address}/"), json!({"stream": false, "cache": false})), &hello()).expect("a reply");
    assert_eq!((reply.message.text().as_ref(), reply.finish), ("hi", Finish::LENGTH));
    let seen = seen.lock().expect("the log");
    assert!(seen[0].head.starts_with("post /v1/messages "), "{}", seen[0].head);
    assert_eq!(seen[0]["messages"], json!([{"role": "user", "content": [{"type": "text", "text": "hello"}]}]));
    assert_eq!((&seen[0]["stream"], &seen[0]["temperature"]), (&Value::Null, &json!(0.0)));
}

#[test]
fn json_is_the_arguments_of_a_tool_or_asked_for_as_such() {
    let tool_says = |name: &str, input: &str| {
        let mut events = vec![
            begin(0, json!({"type": "text", "text": "I shall answer."})),
            begin(1, json!({"type": "tool_use", "id": "t", "name": name, "input": {}})),
            add(1, json!({"type": "input_json_delta", "partial_json": input})),
        ];
        events.extend(end("tool_use"));
        stream(&events, "")
    };
    let says = |text: &str| {
        let mut events = vec![begin(0, json!({"type": "text", "text": text}))];
        events.extend(end("end_turn"));
        stream(&events, "")
    };
    let scripts = vec![
        tool_says("answer", "{\"choice\": \"b\"}"),
        tool_says("answer_2", "{\"a\": 1}"),
        says("none of it"),
        says("{\"choice\": \"b\"}"),
        tool_says("weather_now", "{\"city\": \"Oslo\"}"),
    ];
    let (address, seen) = server(scripts);
    let two = Constraint::Choice { choices: vec!["a".into(), "b".into()] };
    let ask = |config: Value, constraint: &Constraint, tools: &[&str]| {
        let tools = tools.iter().map(|name| tool(name)).collect();
        chat(&model(&address, config), &Given { constraint: constraint.clone(), tools, ..hello() })
    };
    let reply = ask(json!({}), &two, &[]).expect("a reply");
    assert_eq!((reply.message, reply.finish), (Message::new(Role::Assistant, [Part::text("b")]), Finish::STOP));
    let schema = Constraint::JsonSchema { schema: json!({"type": "object"}) };
    let reply = ask(json!({}), &schema, &["answer"]).expect("a reply");
    assert_eq!(reply.message.text(), "{\"a\": 1}", "a tool of ours may be called answer");
    let error = ask(json!({}), &two, &[]).expect_err("a refusal");
    assert!(error.class == ErrorClass::UNSUPPORTED && error.message.contains("did not keep to the choice"), "{error}");
    assert_eq!(ask(json!({"structured": "output_config"}), &two, &[]).expect("a reply").message.text(), "b");
    let constraint = Constraint::ToolCall { arguments: true };
    let reply = ask(json!({}), &constraint, &["weather.now"]).expect("a reply");
    assert_eq!(reply.message.calls().next().map(|call| call.name), Some("weather.now"));
    // These never reach the server.
    let list = Constraint::JsonSchema { schema: json!({"type": "array"}) };
    let grammar = Constraint::Grammar { grammar: "root ::= \"a\"".into() };
    for (config, constraint, words) in [
        (json!({"structured": "refuse"}), &two, "set `structured`"),
        (json!({}), &list, "wrap it in an object"),
        (json!({}), &grammar, "no words for the constraint grammar"),
        (json!({"thinking_tokens": 1024}), &constraint, "forces no tool"),
        (json!({"thinking_tokens": 1024}), &two, "forces no tool"),
    ] {
        let error = ask(config, constraint, &["x"]).expect_err("a refusal");
        assert!(error.class == ErrorClass::UNSUPPORTED && error.message.contains(words), "{error}");
    }
    let seen = seen.lock().expect("the log");
    assert_eq!(seen.len(), 5);
    assert_eq!(seen[0]["tools"][0]["input_schema"]["properties"]["choice"]["enum"], json!(["a", "b"]));
    assert_eq!(seen[1]["tool_choice"]["name"], "answer_2");
    assert_eq!(seen[3]["output_config"]["format"]["schema"]["properties"]["choice"]["enum"], json!(["a", "b"]));
    assert_eq!(seen[4]["tool_choice"], json!({"type": "any", "disable_parallel_tool_use": true}));
}

#[test]
fn marks_of_the_cache_are_kept_within_what_is_allowed() {
    let done = || {
        let mut events = vec![begin(0, json!({"type": "text", "text": "ok"}))];
        events.extend(end("end_turn"));
        stream(&events, "")
    };
    let (address, seen) = server(vec![done(), done()]);
    let marked = |text: &str| Draft::new(Role::User).part(Part::text(text)).cache(true).build();
    let mut messages = vec![Message::system("s")];
    for number in 0..6 {
        messages.push(marked(&number.to_string()));
        messages.push(Message::assistant("a"));
    }
    let given = Given { messages, tools: vec![tool("x")], ..Given::default() };
    for cache in [true, false] {
        chat(&model(&address, json!({"cache": cache})), &given).expect("a reply");
    }
    let seen = seen.lock().expect("the log");
    let marks = |place: usize| seen[place].body.to_string().matches("cache_control").count();
    assert_eq!((marks(0), marks(1)), (4, 4));
    assert_eq!(seen[0]["system"][0]["cache_control"]["type"], "ephemeral", "the first mark is on what never changes");
    assert_eq!(seen[0]["messages"][11]["content"][0]["cache_control"]["type"], "ephemeral");
}

#[test]
fn refusals_of_the_server_are_read() {
    let error = |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}});
    let text = begin(0, json!({"type": "text", "text": "On"}));
    let cases: Vec<(Vec<Act>, ErrorClass, &str)> = vec![
        (
            answer("529 Overloaded", "", &error("overloaded_error", "Overloaded").to_string()),
            ErrorClass::UNAVAILABLE,
            "Overloaded",
        ),
        (
            answer("429 Too Many Requests", "retry-after: 3600\r\n", &error("rate_limit_error", "slow").to_string()),
            ErrorClass::RATE_LIMITED,
            "slow",
        ),
        (
            answer("400 Bad Request", "", &error("invalid_request_error", "too long").to_string()),
            ErrorClass::INPUT,
            "too long",
        ),
        (stream(&[text.clone(), error("overloaded_error", "busy now")], ""), ErrorClass::UNAVAILABLE, "busy now"),
        (stream(&[error("rate_limit_error", "slow down")], ""), ErrorClass::RATE_LIMITED, "slow down"),
        (stream(&[text], ""), ErrorClass::UNAVAILABLE, "in the middle of a reply"),
        (stream(&[add(3, json!({"type": "text_delta", "text": "x"}))], ""), ErrorClass::UNAVAILABLE, "never began"),
        (stream(&[begin(1_000_000, json!({}))], ""), ErrorClass::UNAVAILABLE, "a block number 1000000"),
        (answer("200 OK", "", "{\"choices\": []}"), ErrorClass::UNAVAILABLE, "without content"),
    ];
    for (script, class, words) in cases {
        let (address, _) = server(vec![script]);
        let error = chat(&model(&address, json!({"retries": 0})), &hello()).expect_err("a refusal");
        assert!(error.class == class && error.message.contains(words), "{words}: {error}");
    }
}

#[test]
fn what_the_protocol_lacks_is_refused_before_it_is_sent() {
    let model = model("http://127.0.0.1:1", json!({}));
    let late = vec![Message::user("q"), Message::system("now this")];
    let blob = Message::new(Role::User, [Part::Blob { hash: "00".into(), media_type: "image/png".into() }]);
    for (messages, words) in [(late, "at the beginning alone"), (vec![blob], "a part other than")] {
        let error = chat(&model, &Given { messages, ..Given::default() }).expect_err("a refusal");
        assert!(error.class == ErrorClass::UNSUPPORTED && error.message.contains(words), "{error}");
    }
    for (given, words) in [(json!({"thinking": 1}), "thinking"), (json!({"input_price": 1.0}), "give both")] {
        let error = build("anthropic", "http://127.0.0.1:1", given).err().expect("a refusal");
        assert!(error.class == ErrorClass::CONFIG && error.message.contains(words), "{error}");
    }
}
