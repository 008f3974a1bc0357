//! Responses: what goes there, what comes back, and back again.

use harness_abi::{Constraint, DeltaKind, ErrorClass, Finish, Message, ModelBox, Part, Role, Usage};
use serde_json::{Value, json};

use crate::fake::{Given, answer, chat, hello, model as model_of, server, start, stream, tool};

fn model(address: &str, given: Value) -> ModelBox {
    let mut config = json!({"api": "responses"});
    config.as_object_mut().expect("an object").extend(given.as_object().cloned().unwrap_or_default());
    model_of("openai", address, config)
}

fn message(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text, "logprobs": [{"token": "x", "logprob": -0.5}]}]})
}

fn call(id: &str) -> Value {
    json!({"type": "function_call", "id": "fc", "call_id": id, "name": "weather_now", "arguments": "{\"city\": \"Oslo\"}"})
}

fn over(output: &[Value]) -> Value {
    let usage = json!({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 3, "total_tokens": 13});
    json!({"type": "response.completed", "response": {"status": "completed", "output": output, "usage": usage}})
}

#[test]
fn a_reply_with_sealed_thoughts_and_calls_makes_the_round_trip() {
    let thought = json!({"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "SEAL"});
    let output = [thought.clone(), message("Grüße"), call("a"), call("a")];
    let mut events = vec![
        json!({"type": "response.created", "response": {}}),
        json!({"type": "response.reasoning_summary_text.delta", "delta": "Hm."}),
        json!({"type": "response.output_text.delta", "delta": "Grü"}),
        json!({"type": "response.output_text.delta", "delta": "ße"}),
        json!({"type": "response.function_call_arguments.delta", "delta": "{}"}),
    ];
    for (place, item) in output.iter().enumerate() {
        events.push(json!({"type": "response.output_item.done", "output_index": place, "item": item}));
    }
    // Some servers list the items at the end, others leave them to the events before.
    let (mut with, mut without) = (events.clone(), events);
    with.push(over(&output));
    without.push(over(&[]));
    let (address, seen) = server(vec![stream(&with, ""), stream(&without, ""), stream(&with, "")]);
    let model = model(&address, json!({"input_price": 1.0, "cached_price": 0.25, "output_price": 2.0}));
    let mut given = Given { tools: vec![tool("weather.now")], ..hello() };
    let mut first = None;
    for _ in 0..2 {
        let (receive, deltas) = start(&model, &given);
        let reply = receive.recv().expect("an answer").expect("a reply");
        assert_eq!(reply.finish, Finish::TOOL_CALLS);
        assert_eq!(reply.usage, Usage { input_tokens: 10, cached_tokens: 4, output_tokens: 3, cost_micros: 13 });
        let parts: Vec<Part> = reply.message.known_parts().cloned().collect();
        let expected = [
            Part::Reasoning { text: "Hm.".into() },
            Part::text("Grüße"),
            Part::tool_call("a", "weather.now", "{\"city\": \"Oslo\"}"),
            Part::tool_call("a-1", "weather.now", "{\"city\": \"Oslo\"}"),
        ];
        assert_eq!(parts, expected, "a repeated id is made unique");
        let deltas: Vec<_> = deltas.lock().expect("deltas").iter().map(|(kind, _)| *kind).collect();
        assert_eq!(deltas, [DeltaKind::REASONING, DeltaKind::TEXT, DeltaKind::TEXT, DeltaKind::ARGUMENTS]);
        first = Some(reply);
    }
    let reply = first.expect("a reply");
    assert_eq!(reply.extra().expect("extra").tokens.len(), 1);
    given.messages = vec![
        Message::system("Be kind."),
        Message::user("q"),
        reply.message,
        Message::tool_result("a", "sunny", false),
        Message::tool_result("a-1", "sunny", false),
    ];
    chat(&model, &given).expect("a reply");
    let seen = seen.lock().expect("the log");
    assert_eq!((&seen[2]["store"], &seen[2]["stream"]), (&json!(false), &json!(true)));
    let function = |id: &str| json!({"type": "function_call", "call_id": id, "name": "weather_now", "arguments": "{\"city\": \"Oslo\"}"});
    let result = |id: &str| json!({"type": "function_call_output", "call_id": id, "output": "sunny"});
    let input = json!([
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "q"},
        thought,
        {"role": "assistant", "content": "Grüße"},
        function("a"),
        function("a-1"),
        result("a"),
        result("a-1"),
    ]);
    assert_eq!(seen[2]["input"], input);
    assert_eq!(seen[2]["tools"][0]["name"], "weather_now");
}

#[test]
fn constraints_have_their_own_words_here() {
    let says = |text: &str| {
        let body = json!({"output": [message(text)], "usage": {}});
        answer("200 OK", "content-type: application/json\r\n", &body.to_string())
    };
    let whole = json!({"output": [call("a")], "incomplete_details": null});
    let calls = answer("200 OK", "content-type: application/json\r\n", &whole.to_string());
    let (address, seen) = server(vec![says("{\"choice\": \"b\"}"), says("{\"a\": 1}"), calls]);
    let model = model(&address, json!({"stream": false, "send_sampling": false}));
    let two = Constraint::Choice { choices: vec!["a".into(), "b".into()] };
    let reply = chat(&model, &Given { constraint: two, ..hello() }).expect("a reply");
    assert_eq!(reply.message.text(), "b");
    let schema = Constraint::JsonSchema { schema: json!({"type": "object"}) };
    assert_eq!(chat(&model, &Given { constraint: schema, ..hello() }).expect("a reply").message.text(), "{\"a\": 1}");
    let constraint = Constraint::ToolCall { arguments: false };
    let reply = chat(&model, &Given { constraint, tools: vec![tool("weather.now")], ..hello() }).expect("a reply");
    assert_eq!(reply.message, Message::new(Role::Assistant, [Part::tool_call("a", "weather.now", "{}")]));
    let seen = seen.lock().expect("the log");
    assert_eq!(seen[0]["text"]["format"]["schema"]["properties"]["choice"]["enum"], json!(["a", "b"]));
    assert_eq!(seen[1]["text"]["format"]["name"], "reply");
    assert_eq!((&seen[2]["tool_choice"], &seen[2]["temperature"]), (&json!("required"), &Value::Null));
}

#[test]
fn a_reply_that_did_not_come_to_its_end_says_why() {
    let cut = json!({"type": "response.incomplete", "response": {"output": [message("On")], "incomplete_details": {"reason": "max_output_tokens"}}});
    let failed = json!({"type": "response.failed", "response": {"error": {"code": "server_error", "message": "boom"}}});
    let error = json!({"type": "error", "code": "rate_limit_exceeded", "message": "slow down"});
    let scripts = vec![
        stream(&[cut], ""),
        stream(&[failed], ""),
        stream(&[error], ""),
        stream(&[json!({"type": "response.created"})], ""),
    ];
    let (address, _) = server(scripts);
    let model = model(&address, json!({"retries": 0}));
    assert_eq!(chat(&model, &hello()).expect("a reply").finish, Finish::LENGTH);
    for (class, words) in [
        (ErrorClass::UNAVAILABLE, "boom"),
        (ErrorClass::RATE_LIMITED, "slow down"),
        (ErrorClass::UNAVAILABLE, "in the middle of a reply"),
    ] {
        let error = chat(&model, &hello()).expect_err("a refusal");
        assert!(error.class == class && error.message.contains(words), "{error}");
    }
}
