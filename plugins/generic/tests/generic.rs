//! The generic modules, driven as a host drives them.

use harness_abi::{
    Answer, Ask, ChatReply, Constraint, Decision, Hook, Message, ModuleError, Observation, Part, ProcessorBox,
    ReplyExtra, Role, Score, ScoreItem, ScoreReply, ToolSpec, Usage,
};
use harness_host::testing::FakeContext;
use harness_spec::PackManifest;
use plugin_generic::pack;
use serde_json::{Map, Value, json};

fn module(name: &str, given: Value) -> ProcessorBox {
    let manifest = PackManifest::parse(pack().manifest()().as_str()).expect("manifest");
    let mut config: Map<String, Value> = manifest.module(name).expect("module").defaults().into_iter().collect();
    config.extend(given.as_object().cloned().unwrap_or_default());
    let config = Value::Object(config).to_string();
    pack().processor()(name.into(), config.as_str().into()).into_result().expect("module")
}

fn call(module: &mut ProcessorBox, cx: &mut FakeContext) -> Vec<Decision> {
    let nobody = |_: &Ask| Answer::Failed { error: ModuleError::fault("nobody was to be asked") };
    cx.call_hook(module, Hook::BeforeModel, nobody).expect("decisions")
}

fn choice(decisions: &[Decision]) -> Option<Vec<String>> {
    decisions.iter().find_map(|decision| match decision {
        Decision::Constrain { constraint_json } => match serde_json::from_str(constraint_json) {
            Ok(Constraint::Choice { choices }) => Some(choices),
            _ => None,
        },
        _ => None,
    })
}

fn list(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

/// A world of a few rooms: what one step of an episode looks like to a processor. Earlier messages carry what others added.
fn step(number: u64, last: Option<&str>, text: &str, admissible: &[&str]) -> FakeContext {
    let seen = Observation { text: text.into(), admissible: list(admissible), ..Observation::default() };
    let action = last.map(Message::assistant);
    let decorated = Message::user(format!("{text}\n\nPossible actions: … {number}"));
    let mut cx = FakeContext::default()
        .history([Message::user("task")].into_iter().chain(action).chain([decorated]))
        .observation(&seen)
        .constraint(&Constraint::Choice { choices: list(admissible) });
    cx.step = number;
    cx
}

fn scores(items: &[ScoreItem], model: impl Fn(&ScoreItem) -> f64) -> Answer {
    let scores = items.iter().map(|item| Score { logprob: model(item), tokens: 1 }).collect();
    Answer::Score { reply: ScoreReply { scores, usage: Usage::default(), extra: "".into() } }
}

#[test]
fn the_manifest_and_the_code_agree() {
    let manifest = PackManifest::parse(pack().manifest()().as_str()).expect("manifest");
    for entry in &manifest.modules {
        drop(module(&entry.name, json!({})));
        for (field, values) in &entry.config {
            for value in values.variants.iter().chain(&values.choices) {
                drop(module(&entry.name, json!({field.as_str(): value})));
            }
        }
        let asks = entry.permissions.iter().any(|permission| permission.to_string() == "model");
        assert!(asks || entry.needs.is_empty(), "{}", entry.name);
    }
}

#[test]
fn action_memory_forgets_what_came_to_nothing() {
    let actions = ["open box", "push wall", "look"];
    let mut memory = module("action_memory", json!({}));
    assert_eq!(choice(&call(&mut memory, &mut step(0, None, "A room.", &actions))), None);
    let masked = call(&mut memory, &mut step(1, Some("push wall"), "Nothing happens.", &actions));
    assert_eq!(choice(&masked), Some(list(&["open box", "look"])));
    // Elsewhere the wall may give.
    assert_eq!(choice(&call(&mut memory, &mut step(2, Some("open box"), "A key!", &["push wall", "take key"]))), None);
    assert_eq!(
        choice(&call(&mut memory, &mut step(3, Some("take key"), "Taken.", &actions))),
        Some(list(&["open box", "look"]))
    );
    // Neither asking twice in a step nor a lone choice breaks it.
    assert_eq!(choice(&call(&mut memory, &mut step(3, Some("take key"), "Taken.", &["push wall"]))), None);

    let mut tried = module("action_memory", json!({"forget": "tried", "scope": "episode", "mode": "both"}));
    call(&mut tried, &mut step(0, None, "A room.", &actions));
    let decisions = call(&mut tried, &mut step(1, Some("open box"), "A key!", &actions));
    assert_eq!(choice(&decisions), Some(list(&["push wall", "look"])));
    assert!(decisions.iter().any(
        |decision| matches!(decision, Decision::SetLastUser { text } if text.ends_with("nothing here: open box"))
    ));
}

#[test]
fn novelty_goes_where_nobody_was() {
    let actions = ["go to desk 1", "go to desk 2", "open drawer 1"];
    let mut novelty = module("novelty", json!({}));
    call(&mut novelty, &mut step(0, None, "Start.", &actions));
    let decisions = call(&mut novelty, &mut step(1, Some("go to desk 1"), "A desk.", &actions));
    assert_eq!(choice(&decisions), Some(list(&["go to desk 2", "open drawer 1"])));
    let mut patient = module("novelty", json!({"patience": 2, "unit": "action"}));
    let mut shown = Vec::new();
    for (number, (last, text)) in
        [(None, "A"), (Some("go to desk 1"), "B"), (Some("go to desk 1"), "B"), (Some("go to desk 1"), "A")]
            .iter()
            .enumerate()
    {
        shown.push(choice(&call(&mut patient, &mut step(number as u64, *last, text, &actions))));
    }
    assert_eq!(shown, [None, None, None, Some(list(&["go to desk 2", "open drawer 1"]))]);
}

#[test]
fn pmi_choice_takes_off_what_is_likely_anyway() {
    // `look` is likely whatever was said; `open box` only after the conversation.
    let model = |item: &ScoreItem| match (
        item.prompt.last().map(|last| last.text().contains("task")),
        item.completion.as_str(),
    ) {
        (_, "look") => -1.0,
        (Some(true), "open box") => -2.0,
        _ => -9.0,
    };
    let mut cx = FakeContext::default()
        .history([Message::user("task")])
        .constraint(&Constraint::Choice { choices: list(&["look", "open box", "dance"]) });
    cx.system = "Be kind.".into();
    let mut items = Vec::new();
    let mut ask = |module: &mut ProcessorBox, cx: &mut FakeContext| {
        cx.call_hook(module, Hook::BeforeModel, |ask| match ask {
            Ask::Score { score } => {
                items.push(score.request.items.len());
                assert_eq!(score.request.items[0].prompt.len(), 2);
                scores(&score.request.items, model)
            }
            _ => unreachable!("not a score"),
        })
        .expect("decisions")
    };
    let mut chooser = module("pmi_choice", json!({}));
    let expected = [Decision::Answer { message: Message::assistant("open box") }];
    assert_eq!(ask(&mut chooser, &mut cx), expected);
    assert_eq!(ask(&mut chooser, &mut cx), expected);
    assert_eq!(
        choice(&ask(&mut module("pmi_choice", json!({"top": 2, "prior_weight": 0.0})), &mut cx)),
        Some(list(&["look", "open box"]))
    );
    assert_eq!(items, [6, 3, 6], "priors are paid once");
}

#[test]
fn self_consistency_takes_the_majority() {
    let replies = ["Blue.\n7", "so it is\n8", "I think\n8 "];
    let mut cx = FakeContext::default().history([Message::user("task")]);
    let mut seeds = Vec::new();
    let mut vote = |given: Value| {
        let mut left = replies.iter();
        let decisions = cx
            .call_hook(&mut module("self_consistency", given), Hook::BeforeModel, |ask| match ask {
                Ask::Chat { chat } => {
                    seeds.push(
                        serde_json::from_str::<harness_abi::Sampling>(&chat.sampling_json).expect("sampling").seed,
                    );
                    Answer::Chat { reply: ChatReply::text(*left.next().expect("a reply")) }
                }
                _ => unreachable!("not a chat"),
            })
            .expect("decisions");
        match &decisions[..] {
            [Decision::Annotate { .. }, Decision::Answer { message }] => message.text().into_owned(),
            other => unreachable!("{other:?}"),
        }
    };
    assert_eq!(vote(json!({"vote": "last_line"})), "so it is\n8");
    assert_eq!(vote(json!({})), "Blue.\n7", "of equals, the earliest");
    assert_eq!(seeds, [0, 1, 2, 0, 1, 2]);
}

fn tools() -> Vec<ToolSpec> {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string", "description": "The city"}, "days": {"type": "integer", "description": "Days of forecast"}}, "required": ["city", "days"]});
    vec![ToolSpec {
        name: "forecast".into(),
        description: "The weather to come.".into(),
        input_schema: schema,
        read_only: true,
        idempotent: true,
    }]
}

#[test]
fn arguments_come_out_of_the_request() {
    let fill = |given: Value, arguments: &str| {
        let mut module = module("argument_fill", given);
        let response = Message::new(Role::Assistant, [Part::text("ok"), Part::tool_call("1", "forecast", arguments)]);
        let mut cx = FakeContext::default()
            .history([Message::user("What will the weather be in Oslo for the next 3 days?")])
            .tools(&tools())
            .response(response, &ReplyExtra::default());
        assert_eq!(call(&mut module, &mut cx), []);
        let nobody = |_: &Ask| Answer::Failed { error: ModuleError::fault("nobody was to be asked") };
        let decisions = cx.call_hook(&mut module, Hook::AfterModel, nobody).expect("decisions");
        match &decisions[..] {
            [Decision::SetResponse { message }] => {
                message.calls().next().map(|call| serde_json::from_str::<Value>(call.arguments).expect("JSON"))
            }
            _ => None,
        }
    };
    assert_eq!(fill(json!({}), "{}"), Some(json!({"city": "Oslo", "days": 3})));
    assert_eq!(fill(json!({}), r#"{"city": "Rome", "days": "three"}"#), Some(json!({"city": "Rome", "days": 3})));
    assert_eq!(fill(json!({"when": "empty"}), r#"{"city": "Rome"}"#), None);
    assert_eq!(
        fill(json!({"when": "always"}), r#"{"city": "Rome", "days": 9}"#),
        Some(json!({"city": "Oslo", "days": 3}))
    );
    assert_eq!(fill(json!({}), r#"{"city":"Rome","days":9}"#), None);
}

#[test]
fn irrelevance_is_calibrated() {
    // A model that leans to yes by two nats whatever is asked, and less so for cooking.
    let model = |item: &ScoreItem| {
        let cooking = item.prompt[0].text().contains("soup");
        match (item.completion.as_str(), cooking) {
            ("Yes", false) => -0.1,
            ("Yes", true) => -0.5,
            _ => -2.1,
        }
    };
    let guard = |request: &str| {
        let mut cx = FakeContext::default().history([Message::user(request)]).tools(&tools());
        cx.call_hook(&mut module("irrelevance_guard", json!({})), Hook::BeforeModel, |ask| match ask {
            Ask::Score { score } => scores(&score.request.items, model),
            _ => unreachable!("not a score"),
        })
        .expect("decisions")
    };
    assert_eq!(guard("Rain tomorrow?"), []);
    assert_eq!(
        guard("How do I cook soup?"),
        [Decision::Answer { message: Message::assistant("None of the tools can do this.") }]
    );
}
