//! Chat templates as Jinja in Python renders them; the expected texts are written by `tests/reference/templates.py`.

use crate::common;
use plugin_gguf::engine::gguf::Gguf;
use plugin_gguf::engine::kernels::Isa;
use plugin_gguf::engine::template::{Message, Template};
use plugin_gguf::engine::{EngineError, Model, Options};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

#[derive(Deserialize)]
struct Case {
    name: String,
    template: String,
    conversations: Vec<Conversation>,
}

#[derive(Deserialize)]
struct Conversation {
    messages: Vec<Written>,
    tools: Value,
    text: String,
}

#[derive(Deserialize)]
struct Written {
    role: String,
    content: String,
    #[serde(default)]
    tool_calls: Vec<Value>,
}

/// The simulated model with another template.
fn model(template: &str) -> Model {
    let mut w = common::writer();
    w.text("tokenizer.chat_template", template);
    let file = Gguf::parse(Path::new("template.gguf"), w.bytes()).unwrap();
    Model::from_gguf(&file, &Options { threads: 1, cache_mb: 1, ..Options::default() }, Isa::detect()).unwrap()
}

#[test]
fn templates_of_models_render_as_in_python() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("templates.json")).unwrap();
    for case in cases {
        let model = model(&case.template);
        assert_eq!(model.template.tools, case.template.contains("tools"));
        for (i, conversation) in case.conversations.into_iter().enumerate() {
            let message = |m: Written| Message { role: m.role, content: m.content, tool_calls: m.tool_calls };
            let messages: Vec<Message> = conversation.messages.into_iter().map(message).collect();
            let text = model.template.render(&model.tokenizer, &messages, &conversation.tools).unwrap();
            assert_eq!(text, conversation.text, "{}, conversation {i}", case.name);
        }
    }
}

#[test]
fn a_template_that_fails_says_so() {
    let error = Template::read(&{
        let mut w = common::writer();
        w.text("tokenizer.chat_template", "{% for m in messages %}");
        Gguf::parse(Path::new("template.gguf"), w.bytes()).unwrap()
    });
    assert!(matches!(error, Err(EngineError::Template(_))));
    for (template, says) in [
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("{{ messages[0].content.no_such_method() }}", "no_such_method"),
    ] {
        let model = model(template);
        let message = Message { role: "user".into(), content: "x".into(), ..Message::default() };
        let error = model.template.encode(&model.tokenizer, &[message], &Value::Null).unwrap_err().to_string();
        assert!(error.contains("chat template") && error.contains(says), "{error}");
    }
}
