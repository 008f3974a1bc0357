//! What must stay between this program and its server: keys, and what of an address is a secret. Where requests go, and where they do not.

use harness_abi::{ErrorClass, ModuleError};
use serde_json::json;

use crate::bad::{protocols, with};
use crate::fake::{Act, STREAM, answer, build, chat, hello, model, send, server, stream};

/// A variable that cargo sets for every test, and what it holds.
const KEY: (&str, &str) = ("CARGO_PKG_DESCRIPTION", env!("CARGO_PKG_DESCRIPTION"));
const PASSWORD: &str = "open-sesame";
const TOKEN: &str = "query-token-1";

/// Every shape in which a server quotes what it was sent.
fn quoting(secret: &str) -> Vec<Vec<Act>> {
    let padded = format!("{}{secret}", " x".repeat(140));
    let error =
        |words: &str| json!({"error": {"message": format!("Incorrect API key provided: {words}."), "code": 400}});
    let escaped: String = secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    vec![
        answer("401 Unauthorized", "", &error(secret).to_string()),
        answer("401 Unauthorized", "", &format!("<html>no {secret}</html>")),
        answer("400 Bad Request", "", &json!({"detail": [{"msg": secret}]}).to_string()),
        answer("403 Forbidden", "", &error("KEY").to_string().replace("KEY", &escaped)),
        answer("500 Oops", "", &padded),
        answer("429 Too Many Requests", "", secret),
        answer("303 See Other", "", secret),
        answer(
            "307 Temporary Redirect",
            &format!("location: http://{}.example/?k={secret}\r\n", secret.replace(' ', "")),
            "",
        ),
        answer("200 OK", "content-type: application/json\r\n", &error(secret).to_string()),
        answer("200 OK", "content-type: application/json\r\n", &format!("{{\"k\": \"{secret}\"")),
        answer("200 OK", &format!("content-type: text/{secret}\r\n"), "busy"),
        stream(&[error(secret)], ""),
        stream(&[json!({"key": secret})], ""),
        stream(&[json!({"detail": padded})], ""),
        vec![send(STREAM), send(format!("data: {secret}\n\n"))],
        vec![send(STREAM), send(format!("event: error\ndata: {secret}\n\n"))],
    ]
}

/// An error that shows nothing of a secret, not even the beginning.
#[track_caller]
fn hides(error: &ModuleError, secret: &str, what: &str) {
    let shown = format!("{error} {}", error.extra);
    assert!(!shown.contains(&secret[..8]), "{what}: {shown}");
}

#[test]
fn no_error_holds_a_key_whoever_quotes_it() {
    for (module, config, _) in protocols() {
        for (number, script) in quoting(KEY.1).into_iter().enumerate() {
            let (address, seen) = server(vec![script]);
            let model = model(module, &address, with(&config, json!({"api_key_env": KEY.0, "retries": 0})));
            let error = chat(&model, &hello()).expect_err("a refusal");
            hides(&error, KEY.1, &format!("{module} {config} {number}"));
            let seen = seen.lock().expect("the log");
            assert!(seen[0].head.contains(&KEY.1.to_lowercase()), "the server gets it: {}", seen[0].head);
        }
    }
}

#[test]
fn no_error_holds_what_of_an_address_is_secret() {
    let secret_address = |address: &str| {
        address.replace("http://", &format!("http://someone-else:{PASSWORD}@")) + &format!("/?token={TOKEN}#part")
    };
    for (module, config, ok) in protocols() {
        let ask = |address: &str| {
            let more = json!({"retries": 0, "idle_timeout_ms": 500});
            chat(&model(module, &secret_address(address), with(&config, more)), &hello())
        };
        for secret in [PASSWORD, TOKEN] {
            let mut scripts = quoting(secret);
            // And what nobody quotes: a connection that breaks, silence.
            scripts.extend([vec![], vec![send("garbage\r\n\r\n")], vec![Act::Wait(700)]]);
            for (number, script) in scripts.into_iter().enumerate() {
                let (address, _) = server(vec![script]);
                let error = ask(&address).expect_err("a refusal");
                for secret in [PASSWORD, TOKEN, "someone-else"] {
                    hides(&error, secret, &format!("{module} {config} {number}"));
                }
            }
        }
        let error = ask("http://127.0.0.1:1/v1").expect_err("nobody listens");
        assert!(error.message.contains("http://127.0.0.1:1/v1/") && !error.message.contains(TOKEN), "{error}");
        // They are sent all the same.
        let (address, seen) = server(vec![ok]);
        ask(&address).expect("a reply");
        let seen = seen.lock().expect("the log");
        let line = seen[0].head.lines().next().expect("a line").to_owned();
        assert!(line.ends_with(&format!("?token={TOKEN} http/1.1")) && line.starts_with("post /v1/"), "{line}");
        // `someone-else:open-sesame` in base 64, in lower case.
        assert!(seen[0].head.contains("authorization: basic c29tzw9uzs1lbhnlom9wzw4tc2vzyw1l"), "{}", seen[0].head);
    }
    let both = json!({"api_key_env": KEY.0});
    let error = build("openai", &secret_address("http://127.0.0.1:1/v1"), both).err().expect("a refusal");
    assert!(error.class == ErrorClass::CONFIG && error.message.contains("room for one"), "{error}");
}

#[test]
fn a_query_stays_behind_the_path() {
    for (module, config, ok) in protocols() {
        let (address, seen) = server(vec![ok]);
        let model = model(module, &format!("{address}?api-version=1"), config.clone());
        assert_eq!(chat(&model, &hello()).expect("a reply").message.text(), "ok");
        let path = match (module, config["api"].as_str()) {
            ("anthropic", _) => "messages",
            (_, Some("responses")) => "responses",
            _ => "chat/completions",
        };
        let seen = seen.lock().expect("the log");
        assert!(seen[0].head.starts_with(&format!("post /v1/{path}?api-version=1 ")), "{}", seen[0].head);
    }
}

#[test]
fn a_redirect_is_followed_with_all_of_the_request_or_refused_by_name() {
    let to = |status: &str, location: &str| answer(status, &format!("location: {location}\r\n"), "");
    for (module, config, ok) in protocols() {
        let config = with(&config, json!({"api_key_env": KEY.0, "retries": 0}));
        for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
            let (address, seen) = server(vec![to(status, "/elsewhere/"), ok.clone()]);
            let reply = chat(&model(module, &address, config.clone()), &hello());
            assert_eq!(reply.expect(status).message.text(), "ok");
            let seen = seen.lock().expect("the log");
            assert!(seen[1].head.starts_with("post /elsewhere/ "), "{}", seen[1].head);
            assert!(seen[1].head.contains(&KEY.1.to_lowercase()) && seen[1].body == seen[0].body, "{status}");
            // The same address by another name is another host.
            let other = address.replace("127.0.0.1", "localhost");
            let (other, received) = (format!("{other}/x?k=secret"), seen.len());
            drop(seen);
            let (address, _) = server(vec![to(status, &other)]);
            let error = chat(&model(module, &address, config.clone()), &hello()).expect_err("a refusal");
            let expected =
                error.message.contains("redirects to http://localhost:") && !error.message.contains("secret");
            assert!(error.class == ErrorClass::CONFIG && expected, "{error}");
            assert_eq!(received, 2, "nothing went there");
        }
        let (address, _) = server(vec![to("307 Temporary Redirect", "/round"); 8]);
        let error = chat(&model(module, &address, config.clone()), &hello()).expect_err("a refusal");
        assert!(error.class == ErrorClass::CONFIG && error.message.contains("307"), "{error}");
        for (status, words) in [("307 Temporary Redirect", "without saying where"), ("303 See Other", "303")] {
            let (address, _) = server(vec![answer(status, "", "")]);
            let error = chat(&model(module, &address, config.clone()), &hello()).expect_err("a refusal");
            assert!(error.class == ErrorClass::CONFIG && error.message.contains(words), "{error}");
        }
    }
}

#[test]
fn a_content_type_is_read_as_the_specification_has_it() {
    for (module, config, ok) in protocols() {
        let body: Vec<u8> = ok
            .iter()
            .skip(1)
            .filter_map(|act| if let Act::Send(bytes) = act { Some(bytes.clone()) } else { None })
            .flatten()
            .collect();
        let body = String::from_utf8(body).expect("text");
        for kind in [
            "Text/Event-Stream",
            "text/event-stream;charset=UTF-8",
            "TEXT/EVENT-STREAM ; x=y",
            "application/json",
            "text/plain",
            "",
        ] {
            let header = if kind.is_empty() { String::new() } else { format!("content-type: {kind}\r\n") };
            let (address, _) = server(vec![answer("200 OK", &header, &body)]);
            let reply = chat(&model(module, &address, config.clone()), &hello());
            assert_eq!(reply.unwrap_or_else(|error| panic!("{kind}: {error}")).message.text(), "ok");
        }
    }
}

#[test]
fn a_reply_of_nothing_is_tried_again() {
    for (module, config, ok) in protocols() {
        let (address, seen) =
            server(vec![stream(&[], "data: [DONE]\n\n"), stream(&[json!({"detail": "overloaded"})], ""), ok]);
        let reply = chat(&model(module, &address, with(&config, json!({"retries": 2}))), &hello());
        assert_eq!(reply.expect("a reply").message.text(), "ok");
        assert_eq!(seen.lock().expect("the log").len(), 3);
    }
}
