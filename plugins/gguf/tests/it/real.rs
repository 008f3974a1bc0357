//! The real SmolLM2-135M-Instruct, skipped with a reason where the weights are absent.

use crate::common;
use plugin_gguf::engine::evaluate::{Query, Want};
use plugin_gguf::engine::generate::{Request, generate};
use plugin_gguf::engine::sample::Sampling;
use plugin_gguf::engine::template::Message;
use plugin_gguf::engine::{Model, Options};
use serde_json::Value;

fn load() -> Option<Model> {
    let path = common::real_weights()?;
    Some(Model::load(&path, &Options { cache_mb: 256, ..Options::default() }).unwrap())
}

fn ask(model: &Model, question: &str) -> Vec<u32> {
    let message = Message { role: "user".into(), content: question.into(), ..Message::default() };
    model.template.encode(&model.tokenizer, &[message], &Value::Null).unwrap()
}

/// `tokens.json`: texts and the ids that Hugging Face `tokenizers` 0.22 gives for this vocabulary.
#[test]
fn token_ids_are_those_of_the_reference() {
    let Some(model) = load() else { return };
    let cases: Vec<(String, Vec<u32>)> = serde_json::from_str(include_str!("tokens.json")).unwrap();
    for (text, ids) in cases {
        assert_eq!(model.tokenizer.encode_with_specials(&text, '\u{F8FF}'), ids, "{text:?}");
        if !text.contains("<|") {
            assert_eq!(model.tokenizer.decode(&ids), text);
        }
    }
}

/// The numbers come from an f32 forward pass in numpy over the dequantised file.
#[test]
fn answers_and_probabilities_are_those_of_an_f32_reference() {
    let Some(model) = load() else { return };
    let prompt = ask(&model, "What is the capital of France?");
    assert_eq!(prompt.len(), 37);
    // The model is undecided about its first word (`The` or `L`, 0.08 nats apart) and about nothing after it.
    let begun = [prompt.as_slice(), &[504]].concat();
    let request = Request { prompt: &begun, sampling: Sampling::GREEDY, max_tokens: 16, stop: &[], automaton: None };
    let reply = generate(&model, &request, &mut |_| true, &|| false).unwrap();
    assert_eq!(reply.text, " capital of France is Paris.");
    assert_eq!(reply.tokens, [3575, 282, 4649, 314, 7042, 30]);
    let wants = (0..36).map(|i| (i, Want::LogProbs(vec![prompt[i + 1]]))).collect();
    let query = Query { tokens: prompt.clone(), wants, keep: 37 };
    let answers = model.evaluate(&[query], &|| false).unwrap().0;
    let got: f64 = answers[0].iter().map(|a| f64::from(a[0])).sum();
    // 8-bit activations move single tokens by up to 0.3 nat; the reference sum is -155.607.
    assert!((got + 155.607).abs() < 3.0, "{got}");
}
