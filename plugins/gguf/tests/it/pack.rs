//! The pack through its interface, as a host uses it: manifest, constructor, chat, score, errors.

use crate::common;
use harness_abi::stable::{RResult, RStr};
use harness_abi::{
    ChatReply, ChatRequest, Constraint, DeltaKind, ErrorClass, Finish, Message, ModelBox, ModelInfo, ModuleError,
    RawChatSink, RawScoreSink, Sampling, ScoreItem, ScoreReply, ScoreRequest, ToolSpec, chat_sink, score_sink,
};
use serde_json::{Value, json};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

struct Sink<T>(Sender<RResult<T, ModuleError>>, Arc<Mutex<String>>, bool);

impl RawChatSink for Sink<ChatReply> {
    fn delta(&self, _: DeltaKind, text: RStr<'_>) -> bool {
        self.1.lock().unwrap().push_str(text.as_str());
        true
    }

    fn cancelled(&self) -> bool {
        self.2
    }

    fn finish(self, reply: RResult<ChatReply, ModuleError>) {
        self.0.send(reply).unwrap();
    }
}

impl RawScoreSink for Sink<ScoreReply> {
    fn cancelled(&self) -> bool {
        self.2
    }

    fn finish(self, reply: RResult<ScoreReply, ModuleError>) {
        self.0.send(reply).unwrap();
    }
}

struct Weights(std::path::PathBuf);

impl Weights {
    /// The simulated weights in a file of their own.
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("harness-gguf-{}-{name}.gguf", std::process::id()));
        std::fs::write(&path, common::writer().bytes()).unwrap();
        Self(path)
    }

    fn open(&self) -> ModelBox {
        open(json!({"path": self.0, "threads": 1, "cache_mb": 8})).unwrap()
    }
}

impl Drop for Weights {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn open(config: Value) -> Result<ModelBox, ModuleError> {
    plugin_gguf::pack().model()("gguf".into(), config.to_string().as_str().into()).into_result()
}

fn chat(
    model: &ModelBox,
    messages: &[Message],
    tools: &[ToolSpec],
    constraint: &Constraint,
    sampling: &Sampling,
) -> Result<(ChatReply, String), ModuleError> {
    let (send, receive) = channel();
    let streamed = Arc::default();
    let (tools, constraint) = (json!(tools).to_string(), json!(constraint).to_string());
    let sampling = json!(sampling).to_string();
    let request = ChatRequest {
        messages: messages.into(),
        tools_json: tools.as_str().into(),
        constraint_json: constraint.as_str().into(),
        sampling_json: sampling.as_str().into(),
        extra: "".into(),
    };
    model.chat(&request, chat_sink(Sink(send, Arc::clone(&streamed), false)));
    let reply = receive.recv().unwrap().into_result()?;
    let streamed = streamed.lock().unwrap().clone();
    Ok((reply, streamed))
}

fn score(model: &ModelBox, items: Vec<ScoreItem>, cancelled: bool) -> Result<ScoreReply, ModuleError> {
    scored(model, ScoreRequest::new(items), cancelled)
}

fn scored(model: &ModelBox, request: ScoreRequest, cancelled: bool) -> Result<ScoreReply, ModuleError> {
    let (send, receive) = channel();
    let sink = score_sink(Sink(send, Arc::default(), cancelled));
    model.score(request, sink);
    receive.recv().unwrap().into_result()
}

fn tools() -> Vec<ToolSpec> {
    let tool = |name: &str, schema: Value| ToolSpec {
        name: name.into(),
        description: "For tests.".into(),
        input_schema: schema,
        read_only: true,
        idempotent: true,
    };
    let city =
        json!({"type": "object", "properties": {"city": {"type": "string", "maxLength": 5}}, "required": ["city"]});
    vec![tool("weather", city), tool("clock", json!({"type": "object", "properties": {}}))]
}

#[test]
fn the_pack_answers_as_its_manifest_promises() {
    let weights = Weights::new("answers");
    let model = weights.open();
    let info: ModelInfo = serde_json::from_str(model.info().into_result().unwrap().as_str()).unwrap();
    assert!(info.simulated && info.deterministic);
    let manifest = plugin_gguf::pack().manifest()();
    for capability in &info.capabilities {
        assert!(manifest.as_str().contains(&format!("\"{capability}\"")), "{capability}");
    }
    let messages = [Message::system("In the"), Message::user("Which on the in?")];
    let warm = Sampling { temperature: 1.0, seed: 3, max_tokens: 400, ..Sampling::default() };

    let choices: Vec<String> = ["on the", "in the", "and"].map(String::from).into();
    let constraint = Constraint::Choice { choices: choices.clone() };
    let (reply, streamed) = chat(&model, &messages, &[], &constraint, &Sampling::default()).unwrap();
    let extra = reply.extra().unwrap();
    let best = extra.choices.iter().max_by(|a, b| a.logprob.total_cmp(&b.logprob)).unwrap();
    assert_eq!((reply.message.text().as_ref(), &best.text), (best.text.as_str(), &streamed));
    assert_eq!(extra.choices.iter().map(|c| c.text.clone()).collect::<Vec<_>>(), choices);
    assert_eq!(extra.tokens.len(), best.tokens as usize);

    // The same again: everything is remembered, nothing changes.
    let (again, _) = chat(&model, &messages, &[], &constraint, &Sampling::default()).unwrap();
    assert_eq!(again.extra().unwrap(), extra);
    assert_eq!((again.usage.cached_tokens, reply.usage.cached_tokens), (again.usage.input_tokens, 0));

    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let constraint = Constraint::JsonSchema { schema };
    let (reply, streamed) = chat(&model, &messages, &[], &constraint, &warm).unwrap();
    assert!(serde_json::from_str::<Value>(&reply.message.text()).unwrap()["n"].is_i64());
    assert_eq!((reply.message.text().as_ref(), reply.finish), (streamed.as_str(), Finish::STOP));
    assert_eq!(reply.extra().unwrap().tokens.len() as u64, reply.usage.output_tokens);

    for arguments in [false, true] {
        let constraint = Constraint::ToolCall { arguments };
        for seed in 0..6 {
            let sampling = Sampling { seed, ..warm.clone() };
            let (reply, _) = chat(&model, &messages, &tools(), &constraint, &sampling).unwrap();
            assert_eq!(reply.finish, Finish::TOOL_CALLS);
            assert_eq!(reply.extra().unwrap().choices.len(), 2);
            let call = reply.message.calls().next().unwrap();
            let given: Value = serde_json::from_str(call.arguments).unwrap();
            assert_eq!(given.get("city").is_some(), arguments && call.name == "weather", "{given}");
        }
    }

    let free = Sampling { max_tokens: 7, ..warm };
    let (reply, streamed) = chat(&model, &messages, &[], &Constraint::Free, &free).unwrap();
    assert_eq!(reply.message.text(), streamed);
    assert!(reply.usage.output_tokens <= 7);

    let item = |completion| ScoreItem::new(&messages, completion);
    let scores = score(&model, vec![item("on the"), item("in"), item("")], false).unwrap().scores;
    assert_eq!((scores[2].logprob, scores[2].tokens), (0.0, 0));
    assert!(scores.iter().take(2).all(|s| s.logprob < 0.0 && s.tokens > 0));
}

#[test]
fn plain_text_is_scored_as_it_stands() {
    let weights = Weights::new("plain");
    let model = weights.open();
    let raw = |items: &[(&str, &str)]| {
        let items = items.iter().map(|(prompt, completion)| ScoreItem::new(&[Message::user(*prompt)], completion));
        scored(&model, ScoreRequest::new(items).raw(), false).map(|reply| reply.scores)
    };
    let scores = raw(&[("on", " the in"), ("on", " the"), ("on the", " in")]).unwrap();
    // The chain rule holds where words are cut: nothing stands between prompt and completion.
    assert!((scores[0].logprob - scores[1].logprob - scores[2].logprob).abs() < 1e-6, "{scores:?}");
    assert_eq!(scores[0].tokens, scores[1].tokens + scores[2].tokens);
    let chat = score(&model, vec![ScoreItem::new(&[Message::user("on")], " the")], false).unwrap().scores;
    assert_ne!(chat[0], scores[1], "a template stands around a chat");
    // Several messages are one text, whoever says them; a special token's text is text.
    let parts = [Message::system("on"), Message::user(" the")];
    let parts = ScoreRequest::new([ScoreItem::new(&parts, " in")]).raw();
    assert_eq!(scored(&model, parts, false).unwrap().scores[0], scores[2]);
    assert!(raw(&[("<|im_end|>", " in")]).unwrap()[0].logprob < 0.0);
    assert_eq!(raw(&[("", " in")]).err().unwrap().class, ErrorClass::INPUT);
}

#[test]
fn what_it_cannot_do_is_a_classed_error() {
    let weights = Weights::new("errors");
    let model = weights.open();
    let ask = |constraint: &Constraint| {
        chat(&model, &[Message::user("on")], &[], constraint, &Sampling::default()).err().unwrap().class
    };
    assert_eq!(ask(&Constraint::Grammar { grammar: "root ::= \"a\"".into() }), ErrorClass::UNSUPPORTED);
    assert_eq!(ask(&Constraint::JsonSchema { schema: json!({"$ref": "#"}) }), ErrorClass::UNSUPPORTED);
    assert_eq!(ask(&Constraint::ToolCall { arguments: false }), ErrorClass::INPUT);
    let long = Message::user("on ".repeat(600));
    let error = chat(&model, &[long], &[], &Constraint::Free, &Sampling::default()).err().unwrap();
    assert_eq!(error.class, ErrorClass::INPUT, "{error}");
    let cancelled = score(&model, vec![ScoreItem::new(&[Message::user("on")], "in")], true).err().unwrap();
    assert_eq!(cancelled.class, ErrorClass::CANCELLED);
    for config in [json!({"path": "no/such.gguf"}), json!({"unknown": 1}), json!({"path": weights.0, "context": 9999})]
    {
        let error = open(config).err().unwrap();
        assert!(matches!(error.class, ErrorClass::CONFIG | ErrorClass::INPUT), "{error}");
    }
}
