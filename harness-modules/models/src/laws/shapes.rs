//! Replies in the shapes that servers were seen to send, protocol by protocol.

use serde_json::{Value, json};

use super::{
    Protocol::{Chat, Messages, Responses},
    UNAVAILABLE, UNSUPPORTED, check, delta, lines, stop,
};
use crate::fuzzing::entire;

#[test]
fn chat_completions_in_everybody_s_shapes() {
    let text = |part: Value| delta(json!({"content": part}));
    let end = stop(json!({"delta": {}}));
    let call = json!({"name": "x", "arguments": {"p": 1}});
    let x = "[call-0 x {\"p\":1}] tool_calls";
    for (what, events, expected) in [
        (
            "a list of parts",
            vec![text(json!([{"type": "text", "text": "4"}, "5", {"text": "6"}])), end.clone()],
            Ok("456 stop"),
        ),
        ("a part", vec![text(json!({"type": "output_text", "text": "4"})), end.clone()], Ok("4 stop")),
        (
            "thoughts as parts",
            vec![
                text(json!([
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "4"},
                ])),
                end.clone(),
            ],
            Ok("(Hm.)4 stop"),
        ),
        (
            "an image",
            vec![text(json!([{"type": "image_url", "image_url": {"url": "x"}}])), end.clone()],
            Err((UNSUPPORTED, "`image_url`")),
        ),
        ("audio", vec![delta(json!({"audio": {"data": "x"}})), end.clone()], Err((UNSUPPORTED, "`audio`"))),
        ("a number", vec![text(json!(4)), end.clone()], Err((UNAVAILABLE, "in the place of a text"))),
        ("a refusal", vec![delta(json!({"content": null, "refusal": "No."})), end.clone()], Ok("No. stop")),
        (
            "thoughts by a name",
            vec![delta(json!({"reasoning": "Hm.", "content": "4"})), end.clone()],
            Ok("(Hm.)4 stop"),
        ),
        (
            "thoughts by two names",
            vec![
                delta(json!({"reasoning": "Hm.", "reasoning_content": "Hm.", "reasoning_details": [
                    {"type": "reasoning.text", "text": "Hm."}, {"type": "reasoning.encrypted", "data": "x"},
                ]})),
                end.clone(),
            ],
            Ok("(Hm.) stop"),
        ),
        ("fields nobody knows", vec![delta(json!({"speech": "4"})), end.clone()], Err((UNSUPPORTED, "`speech`"))),
        (
            "fields nobody knows beside text",
            vec![delta(json!({"content": "4", "weather": "fine"})), end.clone()],
            Ok("4 stop"),
        ),
        ("a plain completion", vec![json!({"choices": [{"text": "4", "index": 0}]}), end.clone()], Ok("4 stop")),
        ("all again at the end", vec![text(json!("4")), stop(json!({"message": {"content": "4"}}))], Ok("4 stop")),
        (
            "another at the end",
            vec![text(json!("4")), stop(json!({"message": {"content": "5"}}))],
            Err((UNAVAILABLE, "not what its pieces were")),
        ),
        ("a whole reply as an event", vec![stop(json!({"message": {"content": "4"}}))], Ok("4 stop")),
        (
            "a message beside an empty piece",
            vec![stop(json!({"delta": {}, "message": {"content": "4"}}))],
            Ok("4 stop"),
        ),
        (
            "an id that is a number",
            vec![delta(json!({"tool_calls": [{"id": 7, "function": call}]})), end.clone()],
            Ok("[7 x {\"p\":1}] tool_calls"),
        ),
        (
            "nulls",
            vec![
                json!({"choices": [null], "usage": null, "error": null}),
                json!({"choices": [{"delta": null}]}),
                delta(json!({
                    "role": null, "content": "4", "tool_calls": null, "function_call": null, "refusal": null, "audio": null,
                })),
                end.clone(),
            ],
            Ok("4 stop"),
        ),
        (
            "two choices",
            vec![
                json!({"choices": [{"index": 0, "delta": {"content": "4"}}, {"index": 1, "delta": {"content": "5"}}]}),
            ],
            Err((UNSUPPORTED, "a second choice")),
        ),
        (
            "another choice",
            vec![text(json!("4")), json!({"choices": [{"index": 1, "delta": {"content": "5"}}]})],
            Err((UNSUPPORTED, "a second choice")),
        ),
        (
            "a call of the first version",
            vec![
                delta(json!({"function_call": {"name": "x", "arguments": "{\"p\":"}})),
                delta(json!({"function_call": {"arguments": "1}"}})),
                json!({"choices": [{"delta": {}, "finish_reason": "function_call"}]}),
            ],
            Ok(x),
        ),
        (
            "a call in both versions",
            vec![delta(json!({"function_call": call, "tool_calls": [{"function": call}]})), end.clone()],
            Ok(x),
        ),
        ("arguments as an object", vec![delta(json!({"tool_calls": [{"function": call}]})), end.clone()], Ok(x)),
        ("one call, not a list", vec![delta(json!({"tool_calls": {"function": call}})), end.clone()], Ok(x)),
        (
            "a call without a name",
            vec![delta(json!({"tool_calls": [{"id": "a", "function": {"arguments": "{}"}}]})), end.clone()],
            Err((UNAVAILABLE, "without a name")),
        ),
        (
            "a reason in other words",
            vec![text(json!("4")), json!({"choices": [{"delta": {}, "finish_reason": "MAX_TOKENS"}]})],
            Ok("4 length"),
        ),
        (
            "a reason nobody knows",
            vec![text(json!("4")), json!({"choices": [{"delta": {}, "finish_reason": "moonrise"}]})],
            Ok("4 other"),
        ),
        (
            "a reason that is none",
            vec![text(json!("4")), json!({"choices": [{"delta": {}, "finish_reason": 4}]})],
            Err((UNAVAILABLE, "reason why it ended")),
        ),
    ] {
        let stream = format!("{}data: [DONE]\n\n", lines(&events));
        check(Chat, what, &Chat.read(stream.as_bytes()), expected);
        if let [event] = events.as_slice() {
            check(Chat, what, &entire(Chat.reader(), event.to_string().as_bytes()), expected);
        }
    }
    let body =
        stop(json!({"message": {"role": "assistant", "content": [{"type": "text", "text": "4"}], "tool_calls": []}}));
    check(Chat, "a list in a body", &entire(Chat.reader(), body.to_string().as_bytes()), Ok("4 stop"));
}

#[test]
fn responses_and_messages_in_everybody_s_shapes() {
    let done = |output: Value| {
        vec![json!({"type": "response.completed", "response": {"status": "completed", "output": output}})]
    };
    let item = |event: &str, place: u64, item: Value| json!({"type": event, "output_index": place, "item": item});
    let call = |id: &str, p: u64| json!({"type": "function_call", "id": id, "call_id": id, "name": "x", "arguments": {"p": p}});
    let ended = |mut events: Vec<Value>| {
        events.extend(done(json!([])));
        events
    };
    let two = "[a x {\"p\":1}][b x {\"p\":2}] tool_calls";
    for (what, events, expected) in [
        ("text as a string", done(json!([{"type": "message", "content": "4"}])), Ok("4 stop")),
        (
            "a refusal",
            done(json!([{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}])),
            Ok("No. stop"),
        ),
        (
            "an image",
            done(json!([{"type": "image_generation_call", "result": "x"}])),
            Err((UNSUPPORTED, "`image_generation_call`")),
        ),
        ("pieces alone", ended(vec![json!({"type": "response.output_text.delta", "delta": "4"})]), Ok("4 stop")),
        (
            "pieces of two items",
            ended(vec![
                json!({"type": "response.reasoning_text.delta", "item_id": "r", "output_index": 0, "delta": "Hm."}),
                json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 1, "delta": "4"}),
                json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 1, "delta": "5"}),
            ]),
            Ok("(Hm.)45 stop"),
        ),
        (
            "pieces of a call",
            ended(vec![
                item(
                    "response.output_item.added",
                    0,
                    json!({"type": "function_call", "id": "a", "call_id": "a", "name": "x", "arguments": ""}),
                ),
                json!({"type": "response.function_call_arguments.delta", "item_id": "a", "output_index": 0, "delta": "{\"p\":1}"}),
            ]),
            Ok("[a x {\"p\":1}] tool_calls"),
        ),
        (
            "pieces of a call nobody named",
            ended(vec![json!({"type": "response.function_call_arguments.delta", "delta": "{}"})]),
            Err((UNAVAILABLE, "without a name")),
        ),
        (
            "items of one place",
            ended(vec![
                item("response.output_item.done", 0, call("a", 1)),
                item("response.output_item.done", 0, call("b", 2)),
            ]),
            Ok(two),
        ),
        (
            "items without a place",
            ended(vec![
                json!({"type": "response.output_item.done", "item": call("a", 1)}),
                json!({"type": "response.output_item.done", "item": call("b", 2)}),
            ]),
            Ok(two),
        ),
        (
            "ids that change",
            ended(vec![
                item("response.output_item.added", 0, json!({"type": "message", "id": "m1", "content": []})),
                json!({"type": "response.output_text.delta", "item_id": "m2", "output_index": 0, "delta": "4"}),
                item("response.output_item.done", 0, json!({"type": "message", "id": "m3", "content": "4"})),
            ]),
            Ok("4 stop"),
        ),
        (
            "events nobody knows, summed up",
            [
                vec![json!({"type": "response.song.delta", "delta": "la"})],
                done(json!([{"type": "message", "content": "4"}])),
            ]
            .concat(),
            Ok("4 stop"),
        ),
        (
            "events nobody knows, alone",
            ended(vec![json!({"type": "response.song.delta", "delta": "la"})]),
            Err((UNSUPPORTED, "response.song.delta")),
        ),
    ] {
        check(Responses, what, &Responses.read(lines(&events).as_bytes()), expected);
    }
    let begin = |block: Value| json!({"type": "content_block_start", "index": 0, "content_block": block});
    let add = |delta: Value| json!({"type": "content_block_delta", "index": 0, "delta": delta});
    let end = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}});
    let tool = |id: &str, input: Value| begin(json!({"type": "tool_use", "id": id, "name": "x", "input": input}));
    for (what, events, expected) in [
        ("calls of one place", vec![tool("a", json!({"p": 1})), tool("b", json!({"p": 2})), end.clone()], Ok(two)),
        (
            "arguments at the beginning and again",
            vec![
                tool("a", json!({"p": 1})),
                add(json!({"type": "input_json_delta", "partial_json": "{\"p\":1}"})),
                end.clone(),
            ],
            Ok("[a x {\"p\":1}] tool_calls"),
        ),
        (
            "arguments as an object",
            vec![tool("a", json!({})), add(json!({"type": "input_json_delta", "partial_json": {"p": 1}})), end.clone()],
            Ok("[a x {\"p\":1}] tool_calls"),
        ),
        (
            "a block nobody knows",
            vec![begin(json!({"type": "server_tool_use", "name": "web_search"})), end.clone()],
            Err((UNSUPPORTED, "`server_tool_use`")),
        ),
        (
            "a piece nobody knows",
            vec![begin(json!({"type": "text", "text": ""})), add(json!({"type": "citations_delta"})), end.clone()],
            Err((UNSUPPORTED, "`citations_delta`")),
        ),
        (
            "an event nobody knows",
            vec![begin(json!({"type": "text", "text": "4"})), json!({"type": "song"}), end.clone()],
            Err((UNAVAILABLE, "song")),
        ),
        (
            "a turn that goes on",
            vec![
                begin(json!({"type": "text", "text": "4"})),
                json!({"type": "message_delta", "delta": {"stop_reason": "pause_turn"}}),
            ],
            Err((UNSUPPORTED, "pause_turn")),
        ),
        (
            "the whole as an event",
            vec![json!({"type": "message", "content": "4", "stop_reason": "end_turn"})],
            Ok("4 stop"),
        ),
        (
            "half, with the last word of another protocol",
            vec![begin(json!({"type": "text", "text": "4"})), json!("[DONE]")],
            Err((UNAVAILABLE, "in the middle of a reply")),
        ),
    ] {
        check(Messages, what, &Messages.read(lines(&events).as_bytes()), expected);
    }
    let named = "event: content_block_start\ndata: {\"content_block\": {\"type\": \"text\", \"text\": \"4\"}}\n\nevent: message_stop\ndata: {}\n\n";
    check(Messages, "types in the stream alone", &Messages.read(named.as_bytes()), Ok("4 stop"));
}

#[test]
fn figures_are_read_wherever_they_stand_and_whatever_their_form() {
    let used = |events: &[Value]| Chat.read(lines(events).as_bytes()).0.expect("a reply").usage;
    let end = |usage: Value| stop(json!({"delta": {"content": "4"}, "usage": usage}));
    for events in [
        vec![end(json!({"prompt_tokens": 7, "completion_tokens": 2}))],
        vec![json!({"choices": [], "usage": {"prompt_tokens": 7.0}}), end(json!({"completion_tokens": "2"}))],
        vec![end(json!(null)), json!({"usage": {"input_tokens": 7, "output_tokens": 2}})],
        vec![end(json!({"prompt_tokens": 7, "completion_tokens": 2})), json!({"choices": [], "usage": {}})],
        vec![
            json!({"choices": [{"delta": {"content": "4"}, "finish_reason": "stop"}], "x_groq": {"usage": {"prompt_tokens": 7, "completion_tokens": 2}}}),
        ],
    ] {
        let usage = used(&events);
        assert_eq!((usage.input_tokens, usage.output_tokens), (7, 2), "{events:?}");
    }
    let usage = used(&[end(json!({"prompt_tokens": 1e300, "completion_tokens": -1}))]);
    assert_eq!((usage.input_tokens, usage.output_tokens), (u64::MAX, 0));
}
