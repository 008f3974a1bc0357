//! What holds of every reader of replies, over kinds of replies that servers were seen to send: nothing is dropped and the rest called
//! whole, wherever pieces part, streamed and whole alike.

mod shapes;

use harness_abi::{ErrorClass, Part};
use serde_json::{Value, json};

use crate::{
    anthropic,
    fuzzing::{ReadReply, entire, fuzz, streamed},
    http::Read,
    openai,
};

const UNAVAILABLE: ErrorClass = ErrorClass::UNAVAILABLE;
const UNSUPPORTED: ErrorClass = ErrorClass::UNSUPPORTED;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Protocol {
    Chat,
    Responses,
    Messages,
}
use Protocol::{Chat, Messages, Responses};

const ALL: [Protocol; 3] = [Chat, Responses, Messages];

impl Protocol {
    fn reader(self) -> Box<dyn Read> {
        match self {
            Chat => openai::chat_reader(),
            Responses => openai::responses_reader(),
            Messages => anthropic::reader(),
        }
    }

    /// A stream of a thought, text in pieces, a call and figures, without `[DONE]`.
    fn good(self) -> Vec<Value> {
        match self {
            Chat => vec![
                delta(json!({"role": "assistant", "reasoning_content": "Hm."})),
                delta(json!({"content": "On"})),
                delta(json!({"content": "e é"})),
                delta(
                    json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "x", "arguments": "{\"p\":"}}]}),
                ),
                delta(json!({"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]})),
                json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
                json!({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}),
            ],
            Responses => {
                let items = [
                    json!({"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "Hm."}]}),
                    json!({"type": "message", "id": "m", "content": [{"type": "output_text", "text": "One é"}]}),
                    json!({"type": "function_call", "id": "f", "call_id": "a", "name": "x", "arguments": "{\"p\": 1}"}),
                ];
                let usage = json!({"input_tokens": 5, "output_tokens": 2});
                vec![
                    json!({"type": "response.created", "response": {"status": "in_progress"}}),
                    json!({"type": "response.reasoning_summary_text.delta", "item_id": "r", "delta": "Hm."}),
                    json!({"type": "response.output_text.delta", "item_id": "m", "delta": "One é"}),
                    json!({"type": "response.output_item.done", "output_index": 2, "item": items[2]}),
                    json!({"type": "response.completed", "response": {"status": "completed", "output": items, "usage": usage}}),
                ]
            }
            Messages => vec![
                json!({"type": "message_start", "message": {"usage": {"input_tokens": 5}}}),
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}),
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}}),
                json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "On"}}),
                json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "e é"}}),
                json!({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "a", "name": "x", "input": {}}}),
                json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{\"p\": 1}"}}),
                json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 2}}),
                json!({"type": "message_stop"}),
            ],
        }
    }

    /// A stream whose text comes in these pieces.
    fn says(self, pieces: &[&str]) -> Vec<Value> {
        let text = pieces.concat();
        match self {
            Chat => {
                let mut events: Vec<Value> = pieces.iter().map(|piece| delta(json!({"content": piece}))).collect();
                events.push(json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}));
                events
            }
            Responses => {
                let item = json!({"type": "message", "content": [{"type": "output_text", "text": text}]});
                let mut events: Vec<Value> =
                    pieces.iter().map(|piece| json!({"type": "response.output_text.delta", "delta": piece})).collect();
                events
                    .push(json!({"type": "response.completed", "response": {"status": "completed", "output": [item]}}));
                events
            }
            Messages => {
                let mut events =
                    vec![json!({"type": "content_block_start", "content_block": {"type": "text", "text": ""}})];
                events.extend(pieces.iter().map(
                    |piece| json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": piece}}),
                ));
                events.push(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}));
                events.push(json!({"type": "message_stop"}));
                events
            }
        }
    }

    fn read(self, bytes: &[u8]) -> ReadReply {
        streamed(self.reader(), bytes, bytes.len())
    }
}

fn delta(delta: Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta}]})
}

fn stop(choice: Value) -> Value {
    let mut choice = choice;
    choice["finish_reason"] = "stop".into();
    json!({"choices": [choice]})
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

/// A reply in one line: thoughts in parentheses, text, calls.
fn shown(read: &ReadReply) -> Result<String, (ErrorClass, String)> {
    let reply = read.0.as_ref().map_err(|error| (error.class, error.message.to_string()))?;
    let parts = reply.message.known_parts().map(|part| match part {
        Part::Text { text } => text.to_string(),
        Part::Reasoning { text } => format!("({text})"),
        Part::ToolCall { id, name, arguments } => format!("[{id} {name} {arguments}]"),
        other => format!("{other:?}"),
    });
    Ok(format!("{} {}", parts.collect::<Vec<_>>().join(""), reply.finish.name()))
}

#[track_caller]
fn check(protocol: Protocol, what: &str, read: &ReadReply, expected: Result<&str, (ErrorClass, &str)>) {
    match (shown(read), expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{protocol:?} {what}"),
        (Err((class, message)), Err((expected, words))) => {
            assert!(class == expected && message.contains(words), "{protocol:?} {what}: {message} ({})", class.name());
        }
        (found, expected) => panic!("{protocol:?} {what}: {found:?}, not {expected:?}"),
    }
}

#[test]
fn a_stream_says_the_same_wherever_it_parts_and_however_lines_end() {
    for protocol in ALL {
        let plain = lines(&protocol.good());
        let whole = protocol.read(plain.as_bytes());
        check(protocol, "whole", &whole, Ok("(Hm.)One é[a x {\"p\": 1}] tool_calls"));
        let spellings = [
            plain.clone(),
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\r"),
            format!("\u{feff}{plain}"),
            format!(": hello\n\n\n{}", plain.replace("\n\n", "\nid: 7\nretry: 1\n\n: still here\n\n")),
            plain.replace("data: ", "data:"),
            plain.replace(", ", ",\ndata: ").replace(",\"", ",\ndata: \""),
            format!("{plain}data: [DONE]\n\n"),
            format!("{}\ndata: [DONE]\n\n", plain.replace("\n\n", "\n")),
            format!("data: {{\"type\": \"ping\"}}\n\nevent: ping\ndata: x\n\n{plain}"),
            plain.trim_end().to_owned(),
        ];
        for text in &spellings {
            for size in (1..40).chain([text.len()]) {
                let found = streamed(protocol.reader(), text.as_bytes(), size);
                assert_eq!(format!("{found:?}"), format!("{whole:?}"), "{protocol:?} in pieces of {size}: {text}");
            }
        }
    }
}

#[test]
fn a_stream_that_is_cut_anywhere_is_no_reply_or_the_whole_of_it() {
    for protocol in ALL {
        let good = lines(&protocol.good());
        let (whole, _) = protocol.read(good.as_bytes());
        let whole = whole.expect("a reply");
        let mut finished = 0;
        for end in 0..good.len() {
            match protocol.read(&good.as_bytes()[..end]).0 {
                Ok(reply) => {
                    assert_eq!((&reply.message, reply.finish), (&whole.message, whole.finish), "{protocol:?} to {end}");
                    finished += 1;
                }
                Err(error) => assert!(error.class.is_transient(), "{protocol:?} to {end}: {error}"),
            }
        }
        // What is cut is what follows the reason why it ended.
        assert!(finished < good.len() / 4, "{protocol:?}: {finished} of {}", good.len());
        // The same without a reason, or with an empty one; a last word does not make a reply of half a call.
        for reason in [json!(null), json!(""), json!("null")] {
            let mut events = protocol.good();
            for event in &mut events {
                if protocol == Chat && event["choices"][0].is_object() {
                    event["choices"][0]["finish_reason"] = reason.clone();
                }
                if protocol == Messages && event["type"] == "message_delta" {
                    event["delta"]["stop_reason"] = reason.clone();
                }
            }
            events.truncate(events.len() - if protocol == Chat { 3 } else { 1 });
            let text = lines(&events);
            check(
                protocol,
                "no reason",
                &protocol.read(text.as_bytes()),
                Err((UNAVAILABLE, "in the middle of a reply")),
            );
            let done = format!("{text}data: [DONE]\n\n");
            check(
                protocol,
                "half a call",
                &protocol.read(done.as_bytes()),
                Err((UNAVAILABLE, "in the middle of a reply")),
            );
        }
    }
}

#[test]
fn a_reply_of_nothing_is_none() {
    for protocol in ALL {
        for text in [
            "",
            "\n\n",
            ": hello\n\n",
            "data: [DONE]\n\n",
            ": x\n\ndata:[DONE]\n\n",
            "event: ping\ndata: {}\n\ndata: [DONE]\n\n",
        ] {
            let read = protocol.read(text.as_bytes());
            let (class, message) = shown(&read).expect_err(text);
            assert!(class == UNAVAILABLE, "{protocol:?} {text}: {message}");
            assert!(shown(&entire(protocol.reader(), text.as_bytes())).is_err(), "{protocol:?} {text}");
        }
    }
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 1}});
    for events in [vec![usage.clone()], vec![delta(json!({"role": "assistant", "content": ""})), usage]] {
        let text = format!("{}data: [DONE]\n\n", lines(&events));
        check(Chat, "nothing", &Chat.read(text.as_bytes()), Err((UNAVAILABLE, "an empty reply")));
    }
    let text = lines(&[json!({"type": "message_start", "message": {}}), json!({"type": "message_stop"})]);
    check(Messages, "nothing", &Messages.read(text.as_bytes()), Err((UNAVAILABLE, "an empty reply")));
    let text = lines(&[json!({"type": "response.completed", "response": {"output": []}})]);
    check(Responses, "nothing", &Responses.read(text.as_bytes()), Err((UNAVAILABLE, "an empty reply")));
    // Who says why it ended may have nothing to say.
    check(Chat, "empty", &Chat.read(lines(&Chat.says(&[])).as_bytes()), Ok(" stop"));
}

#[test]
fn an_error_inside_a_success_is_an_error_in_every_protocol() {
    for protocol in ALL {
        for (value, class, words) in [
            (json!({"error": {"message": "CUDA gone", "code": 500}}), UNAVAILABLE, "CUDA gone"),
            (json!({"error": "CUDA gone"}), UNAVAILABLE, "CUDA gone"),
            (json!({"object": "error", "message": "too long", "code": 400}), ErrorClass::INPUT, "too long"),
            (
                json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}),
                ErrorClass::RATE_LIMITED,
                "slow",
            ),
            (json!({"detail": "overloaded"}), UNAVAILABLE, "overloaded"),
            (json!({"detail": [{"msg": "field required"}]}), UNAVAILABLE, "field required"),
            (json!({"message": "no", "code": "401"}), ErrorClass::CONFIG, "no"),
            (json!({"unheard": "of"}), UNAVAILABLE, "unheard"),
            (json!([1]), UNAVAILABLE, "[1]"),
            (json!("boom"), UNAVAILABLE, "boom"),
            (json!(null), UNAVAILABLE, "null"),
        ] {
            let event = format!("data: {value}\n\n");
            for text in [
                event.clone(),
                format!("{event}data: [DONE]\n\n"),
                format!("{}{event}", lines(&protocol.says(&["a"])[..1])),
            ] {
                check(protocol, &text, &protocol.read(text.as_bytes()), Err((class, words)));
            }
            check(protocol, "whole", &entire(protocol.reader(), value.to_string().as_bytes()), Err((class, words)));
        }
        for text in [
            "event: error\ndata: {\"message\": \"upstream died\"}\n\n",
            "event: error\ndata: upstream died\n\n",
            "error: {\"message\": \"upstream died\"}\n\n",
            "data: upstream died\n\n",
        ] {
            check(protocol, text, &protocol.read(text.as_bytes()), Err((UNAVAILABLE, "upstream died")));
        }
    }
    for reason in ["error", "abort", "insufficient_system_resource"] {
        let text = lines(&[json!({"choices": [{"delta": {"content": "half"}, "finish_reason": reason}]})]);
        check(Chat, reason, &Chat.read(text.as_bytes()), Err((UNAVAILABLE, reason)));
    }
    let text =
        lines(&[json!({"choices": [{"error": {"code": 502, "message": "provider gone"}, "delta": {"content": ""}}]})]);
    check(Chat, "in a choice", &Chat.read(text.as_bytes()), Err((UNAVAILABLE, "provider gone")));
    for status in ["failed", "cancelled", "in_progress", "queued", "incomplete"] {
        let body = json!({"status": status, "output": [{"type": "message", "content": "half"}]});
        let read = entire(Responses.reader(), body.to_string().as_bytes());
        check(
            Responses,
            status,
            &read,
            Err((UNAVAILABLE, if status == "incomplete" { "ended the reply early" } else { status })),
        );
    }
}

#[test]
fn thoughts_in_the_text_are_thoughts() {
    for protocol in ALL {
        for (pieces, expected) in [
            (&["<think>\nhmm\n</think>\n\n4"][..], "(hmm)4 stop"),
            (&["<th", "ink>h", "mm</thi", "nk>", "\n", "4"], "(hmm)4 stop"),
            (&["<think>never closed"], "(never closed) stop"),
            (&["<think>\n\n</think>\n\n4"], "4 stop"),
            (&["hmm\n</think>\n\n4"], "(hmm)4 stop"),
            (&["Say <think>", " and </think>"], "Say <think> and </think> stop"),
        ] {
            let text = lines(&protocol.says(pieces));
            let read = protocol.read(text.as_bytes());
            check(protocol, &text, &read, Ok(expected));
            if !pieces[0].starts_with("hmm") && !expected.starts_with("(never") {
                assert_eq!(read.0.expect("a reply").message.text(), read.1, "what is streamed is what is returned");
            }
        }
    }
}

#[test]
fn characters_that_were_cut_in_two_are_put_together() {
    for protocol in ALL {
        for (pieces, expected) in [
            (["4FIRST", "SECOND"], "4😀 stop"),
            (["4FIRST", "x"], "4\u{fffd}x stop"),
            (["4", "SECONDx"], "4\u{fffd}x stop"),
            (["4FIRSTx", "5"], "4\u{fffd}x5 stop"),
            (["4", "5FIRST"], "45\u{fffd} stop"),
        ] {
            let text = lines(&protocol.says(&pieces)).replace("FIRST", "\\ud83d").replace("SECOND", "\\ude00");
            for text in [text.clone(), format!("{text}data: [DONE]\n\n")] {
                for size in [1, 5, text.len()] {
                    check(protocol, &text, &streamed(protocol.reader(), text.as_bytes(), size), Ok(expected));
                }
            }
        }
    }
}

#[test]
fn what_was_asked_for_is_not_what_decides_how_a_reply_is_read() {
    for protocol in ALL {
        let stream = lines(&protocol.says(&["4"]));
        for text in [stream.clone(), format!("\n\n{stream}"), format!("\u{feff}: x\n{stream}")] {
            check(protocol, "a stream for a body", &entire(protocol.reader(), text.as_bytes()), Ok("4 stop"));
        }
        let body = match protocol {
            Chat => json!({"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}),
            Responses => json!({"status": "completed", "output": [{"type": "message", "content": "4"}]}),
            Messages => json!({"content": [{"type": "text", "text": "4"}], "stop_reason": "end_turn"}),
        };
        for text in [body.to_string(), format!("\n \n{body}"), format!("\u{feff}{body}\n")] {
            for size in [1, 3, text.len()] {
                check(
                    protocol,
                    "a body for a stream",
                    &streamed(protocol.reader(), text.as_bytes(), size),
                    Ok("4 stop"),
                );
            }
            let half = &text.as_bytes()[..text.trim_end().len() - 1];
            assert!(shown(&entire(protocol.reader(), half)).is_err(), "{protocol:?}: half a body");
        }
        for text in ["<html>busy</html>", "busy", "\u{feff}", "[]", "{}"] {
            for read in [protocol.read(text.as_bytes()), entire(protocol.reader(), text.as_bytes())] {
                let (class, message) = shown(&read).expect_err(text);
                assert_eq!(class, UNAVAILABLE, "{protocol:?} {text}: {message}");
            }
        }
    }
}

/// A small search where the fuzzer does not run: good streams with bytes taken out, put in, changed and repeated.
#[test]
fn what_came_of_good_streams_keeps_the_laws() {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |most: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % most.max(1) as u64).unwrap_or(0)
    };
    let thinks = ["<think>a</think>b", "x\n</think>\ny", "<thi", "\\ud83d", "\\ude00"];
    let mut good: Vec<Vec<u8>> = ALL.iter().map(|protocol| lines(&protocol.good()).into_bytes()).collect();
    good.extend(ALL.iter().map(|protocol| lines(&protocol.says(&["<think>h", "m</think>", "4"])).into_bytes()));
    let pieces: Vec<Vec<u8>> = good.iter().flat_map(|text| text.chunks(23)).map(<[u8]>::to_vec).collect();
    for _ in 0..3000 {
        let mut bytes = good[below(good.len())].clone();
        for _ in 0..=below(4) {
            let at = below(bytes.len());
            match below(6) {
                0 => bytes.truncate(at),
                1 => drop(bytes.splice(at..at, pieces[below(pieces.len())].iter().copied())),
                2 => drop(bytes.splice(at..at, thinks[below(thinks.len())].bytes())),
                3 => drop(bytes.drain(at..(at + below(40)).min(bytes.len()))),
                4 if at < bytes.len() => bytes[at] = b"\"{}[],:\n\r\\ 0d\xff"[below(14)],
                _ => drop(bytes.splice(at..at, *b"data: [DONE]\n\n")),
            }
        }
        fuzz(&bytes).unwrap_or_else(|broken| panic!("{broken}\n{}", String::from_utf8_lossy(&bytes)));
    }
}
