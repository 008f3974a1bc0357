//! The routers, driven as a host drives them, with a model whose scores the test makes.

use harness_abi::{
    Answer, Ask, Constraint, Decision, Hook, Message, ProcessorBox, Score, ScoreItem, ScoreReply, ToolSpec, Usage,
};
use harness_host::testing::FakeContext;
use harness_spec::PackManifest;
use plugin_routers::pack;
use serde_json::{Map, Value, json};

fn router(name: &str, given: Value) -> ProcessorBox {
    let manifest = PackManifest::parse(pack().manifest()().as_str()).expect("manifest");
    let mut config: Map<String, Value> = manifest.module(name).expect("module").defaults().into_iter().collect();
    config.extend(given.as_object().cloned().unwrap_or_default());
    let config = Value::Object(config).to_string();
    pack().processor()(name.into(), config.as_str().into()).into_result().expect("router")
}

fn tools() -> Vec<ToolSpec> {
    let tool = |name: &str, description: &str, parameter: &str| ToolSpec {
        name: name.into(),
        description: description.into(),
        input_schema: json!({"type": "object", "properties": {parameter: {"type": "string"}}}),
        read_only: true,
        idempotent: true,
    };
    vec![
        tool("book_flight", "Books a seat on a plane.", "destination"),
        tool("get_weather", "Tells the weather forecast of a city.", "city"),
        tool("convert_money", "Converts an amount between currencies.", "amount"),
    ]
}

fn asks(question: &str) -> FakeContext {
    FakeContext::default().history([Message::user(question)]).tools(&tools())
}

/// Calls the router with a model that scores by `model`; gives what is shown, whether the reply was set free, and items asked.
fn route(
    module: &mut ProcessorBox,
    cx: &mut FakeContext,
    model: impl Fn(&ScoreItem) -> f64,
) -> (Option<Vec<String>>, bool, Vec<ScoreItem>) {
    let mut asked = Vec::new();
    let decisions = cx
        .call_hook(module, Hook::BeforeModel, |ask| {
            let Ask::Score { score } = ask else { unreachable!("not a score") };
            asked.extend(score.request.items.iter().cloned());
            let scores = score.request.items.iter().map(|item| Score { logprob: model(item), tokens: 2 }).collect();
            Answer::Score { reply: ScoreReply { scores, usage: Usage::default(), extra: "".into() } }
        })
        .expect("decisions");
    let shown = decisions.iter().find_map(|decision| match decision {
        Decision::ShowTools { names } => Some(names.iter().map(ToString::to_string).collect()),
        _ => None,
    });
    (shown, decisions.contains(&Decision::constrain(&Constraint::Free)), asked)
}

fn no_model(_: &ScoreItem) -> f64 {
    unreachable!("no model was to be asked")
}

fn names(all: &[&str]) -> Option<Vec<String>> {
    Some(all.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn the_manifest_and_the_code_agree() {
    let manifest = PackManifest::parse(pack().manifest()().as_str()).expect("manifest");
    assert_eq!(manifest.modules.len(), 4);
    for module in &manifest.modules {
        assert_eq!(module.slot.as_deref(), Some("tool_router"));
        for (field, values) in &module.config {
            for value in values.variants.iter().chain(&values.choices) {
                drop(router(&module.name, json!({field.as_str(): value})));
            }
        }
    }
}

#[test]
fn lexical_counts_words() {
    let mut cx = asks("What's the forecast for the cities of Norway?");
    assert_eq!(route(&mut router("lexical", json!({})), &mut cx, no_model).0, names(&["get_weather"]));
    let (shown, ..) =
        route(&mut router("lexical", json!({"k": 2})), &mut asks("Which currency is my flight in?"), no_model);
    assert_eq!(shown.map(|shown| shown.len()), Some(2));
    let reject = json!({"reject": true, "threshold": 0.5});
    let (shown, freed, _) = route(&mut router("lexical", reject.clone()), &mut asks("Sing me a song"), no_model);
    assert_eq!((shown, freed), (names(&[]), true));
    assert_eq!(route(&mut router("lexical", reject), &mut asks("weather?"), no_model).0, names(&["get_weather"]));
    // Nothing to choose, nothing done.
    assert_eq!(route(&mut router("lexical", json!({})), &mut asks("x").visible(&["get_weather"]), no_model).0, None);
}

#[test]
fn direct_believes_the_model_and_pmi_does_not() {
    // A model that likes `book_flight` whatever is asked, and moves a little towards money when money is asked for.
    let model = |item: &ScoreItem| {
        let money = item.prompt[0].text().contains("Request: money");
        match item.completion.as_str() {
            "book_flight" => -1.0,
            "convert_money" if money => -3.0,
            _ => -6.0,
        }
    };
    let (shown, _, asked) = route(&mut router("direct", json!({})), &mut asks("money"), model);
    assert_eq!((shown, asked.len()), (names(&["book_flight"]), 3));
    assert!(asked[0].prompt[0].text().contains("- get_weather: Tells the weather"));
    let (shown, _, asked) = route(&mut router("pmi", json!({"k": 1})), &mut asks("money"), model);
    assert_eq!((shown, asked.len()), (names(&["convert_money"]), 6));
}

#[test]
fn noisy_channel_asks_which_tool_expects_the_request() {
    let model = |item: &ScoreItem| {
        assert_eq!(item.completion.as_str(), "rain tomorrow?");
        match item.prompt[0].text() {
            prompt if prompt.contains("get_weather") => -8.0,
            prompt if prompt.contains("book_flight") => -12.0,
            prompt if prompt.contains("convert_money") => -12.5,
            _ => -10.0,
        }
    };
    let mut module = router("noisy_channel", json!({}));
    let mut cx = asks("rain tomorrow?");
    let (shown, _, asked) = route(&mut module, &mut cx, model);
    assert_eq!((shown, asked.len()), (names(&["get_weather"]), 4));
    let expected =
        "Function: get_weather\nTells the weather forecast of a city.\nParameters: city\nA user request that needs it:";
    assert_eq!(asked[1].prompt[0].text(), expected);
    // The same request in a later step costs nothing; what others added to it does not count.
    let mut later = FakeContext::default()
        .history([
            Message::user("Tools: …\n\nrain tomorrow?"),
            Message::assistant("hm"),
            Message::tool_result("1", "ok", false),
        ])
        .tools(&tools());
    assert_eq!(route(&mut module, &mut later, no_model).0, names(&["get_weather"]));
    // (−8 + 10) / 2 tokens is a gain of one nat a token.
    for (threshold, shows) in [(0.9, true), (1.1, false)] {
        let mut module = router("noisy_channel", json!({"reject": true, "threshold": threshold}));
        let (shown, freed, _) = route(&mut module, &mut asks("rain tomorrow?"), model);
        assert_eq!((shown.map(|shown| shown.is_empty()), freed), (Some(!shows), !shows));
    }
}

#[test]
fn lexical_evidence_is_mixed_in() {
    let model = |item: &ScoreItem| if item.prompt[0].text().contains("book_flight") { -9.0 } else { -9.1 };
    let (alone, ..) = route(&mut router("noisy_channel", json!({})), &mut asks("weather of a city"), model);
    let (mixed, ..) =
        route(&mut router("noisy_channel", json!({"lexical_weight": 2.0})), &mut asks("weather of a city"), model);
    assert_eq!((alone, mixed), (names(&["book_flight"]), names(&["get_weather"])));
}
