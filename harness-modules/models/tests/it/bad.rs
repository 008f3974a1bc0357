//! What every protocol must bear: keys that are used up, silence, calls that make no sense, events without an end, content types that lie.

use harness_abi::{ErrorClass, Message, ModelInfo, Part, Role};
use serde_json::{Value, json};

use crate::fake::{Act, Given, STREAM, answer, chat, hello, model, send, server, stream, tool};

/// Each protocol's module and configuration, with a stream of one word.
pub fn protocols() -> Vec<(&'static str, Value, Vec<Act>)> {
    let chat = [json!({"choices": [{"delta": {"content": "ok"}, "finish_reason": "stop"}]})];
    let item = json!({"type": "message", "content": [{"type": "output_text", "text": "ok"}]});
    let responses = [json!({"type": "response.completed", "response": {"output": [item]}})];
    let messages = [
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "ok"}}),
        json!({"type": "message_stop"}),
    ];
    vec![
        ("openai", json!({"api": "chat"}), stream(&chat, "data: [DONE]\n\n")),
        ("openai", json!({"api": "responses"}), stream(&responses, "")),
        ("anthropic", json!({}), stream(&messages, "")),
    ]
}

pub fn with(config: &Value, more: Value) -> Value {
    let mut config = config.clone();
    config.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    config
}

#[test]
fn the_next_key_serves_when_one_is_refused_or_used_up() {
    for (module, config, ok) in protocols() {
        let refused = |status: &str| answer(status, "retry-after: 3600\r\n", "{}");
        let scripts = vec![
            refused("429 Too Many Requests"),
            ok.clone(),
            ok,
            refused("401 Unauthorized"),
            refused("429 Too Many Requests"),
        ];
        let (address, seen) = server(scripts);
        // Two variables that cargo sets for every test.
        let keys = json!({"api_key_env": "CARGO_PKG_NAME, CARGO_PKG_VERSION", "retries": 0});
        let model = model(module, &address, with(&config, keys));
        assert_eq!(chat(&model, &hello()).expect("a reply").message.text(), "ok");
        assert_eq!(chat(&model, &hello()).expect("a reply").message.text(), "ok");
        let error = chat(&model, &hello()).expect_err("a refusal");
        assert_eq!(error.class, ErrorClass::RATE_LIMITED, "each key is asked once: {error}");
        let seen = seen.lock().expect("the log");
        let used: Vec<bool> = seen.iter().map(|seen| seen.head.contains(env!("CARGO_PKG_NAME"))).collect();
        assert_eq!(used, [true, false, false, false, true], "the first, then the second for as long as it serves");
        let header =
            if module == "anthropic" { "x-api-key: harness-models" } else { "authorization: bearer harness-models" };
        assert!(seen[0].head.contains(header), "{}", seen[0].head);
    }
}

#[test]
fn a_server_that_misbehaves_is_named() {
    let endless = || vec![send(STREAM), send("data: "), send(vec![b'x'; 9 << 20])];
    let typed = |kind: &str| answer("200 OK", &format!("content-type: {kind}\r\n"), "hello");
    for (module, config, ok) in protocols() {
        let half: Vec<Act> = ok.iter().take(1).cloned().chain([send("data: {\"ty")]).collect();
        let cases = [
            (endless(), ErrorClass::UNAVAILABLE, "an event without an end"),
            (typed("text/plain"), ErrorClass::UNAVAILABLE, "(text/plain)"),
            (typed("application/octet-stream"), ErrorClass::UNAVAILABLE, "(application/octet-stream)"),
            (vec![send(STREAM), send(b"data: \xff\n\n")], ErrorClass::UNAVAILABLE, "not UTF-8"),
            (stream(&[], ""), ErrorClass::UNAVAILABLE, "in the middle of a reply"),
            (half, ErrorClass::UNAVAILABLE, "the event `{\"ty`"),
            (vec![send(STREAM), Act::Wait(200)], ErrorClass::TIMEOUT, "silent for 60 ms"),
            (
                vec![send(STREAM), send("data: {\"type\": \"ping\"}\n\nda"), Act::Wait(200)],
                ErrorClass::TIMEOUT,
                "silent for 60 ms",
            ),
            (answer("200 OK", "", r#"{"error": {"message": "CUDA gone"}}"#), ErrorClass::UNAVAILABLE, "CUDA gone"),
            (stream(&[json!({"error": {"message": "CUDA gone"}})], ""), ErrorClass::UNAVAILABLE, "CUDA gone"),
            (answer("429 Too Many Requests", "", "{}"), ErrorClass::RATE_LIMITED, "try again later"),
        ];
        for (script, class, words) in cases {
            let (address, _) = server(vec![script]);
            let model = model(module, &address, with(&config, json!({"retries": 0, "idle_timeout_ms": 60})));
            let error = chat(&model, &hello()).expect_err("a refusal");
            assert!(error.class == class && error.message.contains(words), "{module} {config}, {words}: {error}");
        }
    }
}

#[test]
fn calls_that_make_no_sense_reach_the_harness_as_they_are() {
    let call = |id: &str, arguments: &str| json!({"id": id, "function": {"name": "x", "arguments": arguments}});
    let calls = [call("", "{oops"), call("call-1", "{}"), call("call-1", "[1]"), call("", "")];
    let calls = json!({"choices": [{"delta": {"tool_calls": calls}, "finish_reason": "tool_calls"}]});
    let (address, seen) = server(vec![stream(&[calls], ""); 2]);
    let model = model("openai", &address, json!({}));
    let mut given = Given { tools: vec![tool("x")], ..hello() };
    let reply = chat(&model, &given).expect("a reply").message;
    let found: Vec<_> = reply.calls().map(|call| (call.id, call.arguments)).collect();
    assert_eq!(found, [("call-0", "{oops"), ("call-1", "{}"), ("call-1-2", "[1]"), ("call-3", "{}")]);
    // In the next step the same ids come again, and the history must still be one that a server reads.
    given.messages.push(reply.clone());
    given.messages.extend(reply.calls().map(|call| Message::tool_result(call.id, "done", false)));
    let next = chat(&model, &given).expect("a reply").message;
    assert!(next.calls().all(|call| reply.calls().all(|known| known.id != call.id)), "{next:?}");
    let seen = seen.lock().expect("the log");
    let sent: Vec<&str> = (0..3)
        .map(|place| seen[1]["messages"][1]["tool_calls"][place]["function"]["arguments"].as_str().expect("a text"))
        .collect();
    assert_eq!(sent, ["{\"arguments\":\"{oops\"}", "{}", "{\"arguments\":\"[1]\"}"]);
}

#[test]
fn thoughts_tokens_and_cache_figures_in_everybody_s_words() {
    let choice = json!({
        "delta": {"reasoning": "Hm.", "content": "hi"},
        "logprobs": {"content": [{"id": 7, "token": "h", "logprob": -0.5}, {"token": "token_id:9", "logprob": null}]},
        "finish_reason": "stop",
    });
    let mut with_ids = choice.clone();
    with_ids["token_ids"] = json!([3, 4]);
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 6});
    let say = |choice: Value| stream(&[json!({"choices": [choice], "usage": usage})], "");
    let (address, _) = server(vec![say(choice), say(with_ids)]);
    let model = model("openai", &address, json!({"logprobs": true}));
    for ids in [[7, 9], [3, 4]] {
        let reply = chat(&model, &hello()).expect("a reply");
        let parts = [Part::Reasoning { text: "Hm.".into() }, Part::text("hi")];
        assert_eq!(reply.message, Message::new(Role::Assistant, parts));
        assert_eq!(reply.usage.cached_tokens, 6);
        let found: Vec<u32> = reply.extra().expect("extra").tokens.iter().map(|token| token.id).collect();
        assert_eq!(found, ids);
    }
}

#[test]
fn a_model_says_whether_its_price_is_known() {
    let unpriced = |module: &str, config: Value| {
        let info = model(module, "http://127.0.0.1:1/v1", config).info().into_result().expect("info");
        serde_json::from_str::<ModelInfo>(&info).expect("info").unpriced
    };
    assert!(unpriced("openai", json!({})));
    assert!(!unpriced("openai", json!({"input_price": 0, "output_price": 0})));
    assert!(!unpriced("openai", json!({"model": "gpt-4o-mini-2024-07-18"})));
    assert!(!unpriced("anthropic", json!({"model": "claude-haiku-4-5", "input_price": 2})));
}
