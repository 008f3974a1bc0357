//! The ways to put options, driven as a host drives them and held to a plain reference.

use std::collections::BTreeMap;

use harness_abi::{
    Answer, Ask, Constraint, Decision, Hook, Message, ModelInfo, ModuleError, Observation, ProcessorBox, ReplyExtra,
    Score, ScoreItem, ScoreReply, Usage,
};
use harness_host::testing::FakeContext;
use harness_spec::PackManifest;
use plugin_choice::pack;
use serde_json::{Map, Value, json};

fn module(name: &str, given: &Value) -> ProcessorBox {
    let manifest = PackManifest::parse(pack().manifest()().as_str()).expect("manifest");
    let mut config: Map<String, Value> = manifest.module(name).expect("module").defaults().into_iter().collect();
    config.extend(given.as_object().cloned().unwrap_or_default());
    let config = Value::Object(config).to_string();
    pack().processor()(name.into(), config.as_str().into()).into_result().expect("module")
}

/// A question as an environment puts it.
fn asked(question: &str, options: &[&str]) -> FakeContext {
    let seen = Observation {
        text: question.to_owned(),
        admissible: options.iter().map(|option| (*option).to_owned()).collect(),
        ..Observation::default()
    };
    let info = ModelInfo { capabilities: vec!["score".into(), "completion".into()], ..ModelInfo::default() };
    FakeContext::default().history([Message::user(question)]).observation(&seen).model(&info)
}

/// A made-up model: the log-probability of a completion is minus the sum of what each of its words costs after the prompt.
fn logprob(prompt: &str, completion: &str) -> (f64, u32) {
    let words: Vec<&str> = completion.split_whitespace().collect();
    let cost = |word: &str| {
        let seen = prompt
            .bytes()
            .chain(word.bytes())
            .fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        0.5 + f64::from(seen % 97) / 20.0
    };
    (-words.iter().map(|word| cost(word)).sum::<f64>(), words.len() as u32)
}

/// A prompt as text: what is raw word for word, else role and text of each message.
fn text(prompt: &[Message], raw: bool) -> String {
    let one = |message: &Message| match raw {
        true => message.text().into_owned(),
        false => format!("<{:?}>{}", message.role(), message.text()),
    };
    prompt.iter().map(one).collect()
}

/// What a module answers, and every (prompt, completion) it had scored.
fn answered(name: &str, given: &Value, cx: &mut FakeContext) -> (Vec<Decision>, Vec<(String, String)>) {
    let mut items = Vec::new();
    let decisions = cx.call_hook(&mut module(name, given), Hook::BeforeModel, |ask| match ask {
        Ask::Score { score } => {
            let raw = score.request.extra().expect("extra").raw;
            let of = |item: &ScoreItem| (text(&item.prompt, raw), item.completion.to_string());
            items.extend(score.request.items.iter().map(of));
            let scores = score.request.items.iter().map(of).map(|(prompt, completion)| {
                let (logprob, tokens) = logprob(&prompt, &completion);
                Score { logprob, tokens }
            });
            let reply = ScoreReply { scores: scores.collect(), usage: Usage::default(), extra: "".into() };
            Answer::Score { reply }
        }
        _ => Answer::Failed { error: ModuleError::fault("only scores are asked for") },
    });
    (decisions.expect("decisions"), items)
}

fn said(decisions: &[Decision]) -> String {
    match decisions {
        [Decision::Answer { message }] => message.text().into_owned(),
        other => unreachable!("{other:?}"),
    }
}

const QUESTIONS: [(&str, &[&str]); 4] = [
    ("What do people cut bread with?", &["a knife", "a big wooden spoon", "milk"]),
    ("Which of these sentences makes sense?", &["They ate the soup.", "They ate the lamp."]),
    ("你用什么切面包？", &["刀", "勺子", "牛奶"]),
    ("ماذا؟", &["ثلج", "حليب بارد"]),
];

#[test]
fn the_manifest_and_the_code_agree() {
    let manifest = PackManifest::parse(pack().manifest()().as_str()).expect("manifest");
    for entry in &manifest.modules {
        drop(module(&entry.name, &json!({})));
        for (field, values) in &entry.config {
            for value in values.variants.iter().chain(&values.choices) {
                drop(module(&entry.name, &json!({field.as_str(): value})));
            }
        }
    }
}

#[test]
fn letters_stand_for_options_and_are_read_back() {
    let mut letters = module("letters", &json!({}));
    let mut cx = asked("Which?", &["red", "tin", "sun"]);
    let nobody = |_: &Ask| Answer::Failed { error: ModuleError::fault("nobody is asked") };
    let decisions = cx.call_hook(&mut letters, Hook::BeforeModel, nobody).expect("decisions");
    let choices = ["A", "B", "C"].map(String::from).to_vec();
    assert_eq!(
        decisions,
        [
            Decision::SetLastUser {
                text: "Which?\n\nA) red\nB) tin\nC) sun\n\nAnswer with the letter of the right option.".into()
            },
            Decision::constrain(&Constraint::Choice { choices })
        ]
    );
    // An instance made in the middle of the step reads the reply as well.
    let mut fresh = module("letters", &json!({}));
    for (reply, says) in [("B", Some("tin")), (" C\n", Some("sun")), ("D", None), ("tin", None), ("", None)] {
        cx = cx.response(Message::assistant(reply), &ReplyExtra::default());
        let decisions = cx.call_hook(&mut fresh, Hook::AfterModel, nobody).expect("decisions");
        let said = decisions.iter().map(|decision| match decision {
            Decision::SetResponse { message } => message.text().into_owned(),
            other => unreachable!("{other:?}"),
        });
        assert_eq!(said.collect::<Vec<_>>(), says.map(String::from).into_iter().collect::<Vec<_>>(), "{reply:?}");
    }
    let before = &mut asked("Which?", &["red", "tin"]);
    let decisions = before.call_hook(
        &mut module("letters", &json!({"place": "before", "instruction": ""})),
        Hook::BeforeModel,
        nobody,
    );
    let text = "A) red\nB) tin\n\nWhich?".into();
    assert_eq!(decisions.expect("decisions")[0], Decision::SetLastUser { text });
}

#[test]
fn what_is_no_choice_is_left_to_the_model() {
    let many: Vec<String> = (0..27).map(|number| format!("option {number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (name, limit) in [("letters", 26), ("texts", 80), ("statements", 80), ("rule", usize::MAX)] {
        for options in [&[][..], &["one"][..], &["one", "one"][..], &many[..]] {
            let passes = options.len() < 3 || options.len() > limit;
            let (decisions, items) = answered(name, &json!({}), &mut asked("Which?", options));
            assert_eq!(decisions.is_empty(), passes, "{name} on {} options", options.len());
            assert!(!passes || items.is_empty());
        }
    }
    // A choice that others narrowed goes before what the environment admits.
    let narrowed = Constraint::Choice { choices: vec!["tin".into(), "sun".into()] };
    let (_, items) = answered("texts", &json!({}), &mut asked("Which?", &["red", "tin", "sun"]).constraint(&narrowed));
    assert_eq!(items.iter().map(|(_, completion)| completion.as_str()).collect::<Vec<_>>(), [" tin", " sun"]);
}

/// What `texts` should answer, written out plainly.
fn reference(config: &Value, question: &str, options: &[&str], shots: &[(&str, &str)]) -> String {
    let raw = config["template"] != "chat";
    let prompt = |question: &str| {
        let turns = shots.iter().map(|(asked, answer)| match raw {
            true => format!("Question: {asked}\nAnswer: {answer}\n\n"),
            false => format!("<User>{asked}<Assistant>{answer}"),
        });
        let last = if raw { format!("Question: {question}\nAnswer:") } else { format!("<User>{question}") };
        format!("{}{last}", turns.collect::<String>())
    };
    let shown = match config["show"] == "listed" {
        true => format!("{question}\n- {}", options.join("\n- ")),
        false => question.to_owned(),
    };
    let weight = config["prior_weight"].as_f64().unwrap_or(0.0);
    let measured = |prompt: &str, option: &str| {
        let completion = if raw { format!(" {option}") } else { option.to_owned() };
        let (logprob, tokens) = logprob(prompt, &completion);
        match config["measure"].as_str() {
            Some("per_token") => logprob / f64::from(tokens),
            Some("per_byte") => logprob / option.len() as f64,
            _ => logprob,
        }
    };
    let worth = |option: &&&str| {
        let prior = if weight > 0.0 { measured(&prompt("What is it?"), option) } else { 0.0 };
        measured(&prompt(&shown), option) - weight * prior
    };
    let mut best = &options[0];
    for option in options {
        if worth(&option) > worth(&best) {
            best = option;
        }
    }
    (*best).to_owned()
}

#[test]
fn texts_answers_as_a_plain_reference_does() {
    let examples = json!([{"question": "One?", "answer": "two"}, {"question": "Red?", "answer": "no"}]);
    let shots = [("One?", "two"), ("Red?", "no")];
    let (mut told_apart, mut tried) = (BTreeMap::<String, usize>::new(), 0);
    for template in ["chat", "completion", "auto"] {
        for show in ["hidden", "listed"] {
            for measure in ["sum", "per_token", "per_byte"] {
                for (count, prior_weight) in [(0, 0.0), (2, 0.0), (1, 0.5), (2, 1.0)] {
                    let config = json!({
                        "template": template, "show": show, "measure": measure, "shots": count,
                        "prior_weight": prior_weight, "examples": examples,
                    });
                    for (question, options) in QUESTIONS {
                        let (decisions, items) = answered("texts", &config, &mut asked(question, options));
                        let expected = reference(&config, question, options, &shots[..count]);
                        assert_eq!(said(&decisions), expected, "{config} {question}");
                        assert_eq!(items.len(), options.len() * if prior_weight > 0.0 { 2 } else { 1 });
                        *told_apart.entry(expected).or_default() += 1;
                        tried += 1;
                    }
                }
            }
        }
    }
    assert!(told_apart.len() > 4 && told_apart.values().all(|times| *times < tried / 3), "{told_apart:?}");
}

#[test]
fn examples_of_the_conversation_go_before_those_of_the_module_and_the_prior_has_the_same() {
    let mut cx = asked("Which?", &["tin", "sun"]).history([
        Message::user("First?"),
        Message::assistant("one"),
        Message::user("Which?\n\nPossible actions: …"),
    ]);
    let (_, items) = answered("texts", &json!({"shots": 3, "prior_weight": 0.5}), &mut cx);
    let prompts: Vec<&str> = items.iter().map(|(prompt, _)| prompt.as_str()).collect();
    let (given, prior) = (
        "Question: First?\nAnswer: one\n\nQuestion: Which?\nAnswer:",
        "Question: First?\nAnswer: one\n\nQuestion: What is it?\nAnswer:",
    );
    assert_eq!(prompts, [given, given, prior, prior]);
}

#[test]
fn plain_text_is_refused_where_the_model_cannot_read_it() {
    let chat_only = ModelInfo { capabilities: vec!["score".into()], ..ModelInfo::default() };
    let ask = |template: &str| {
        let mut cx = asked("Which?", &["tin", "sun"]).model(&chat_only);
        let mut raw = None;
        let decisions =
            cx.call_hook(&mut module("texts", &json!({"template": template})), Hook::BeforeModel, |ask| match ask {
                Ask::Score { score } => {
                    raw = Some(score.request.extra().expect("extra").raw);
                    let score = Score { logprob: -1.0, tokens: 1 };
                    let reply =
                        ScoreReply { scores: vec![score, score].into(), usage: Usage::default(), extra: "".into() };
                    Answer::Score { reply }
                }
                _ => unreachable!("not a score"),
            });
        decisions.map(|decisions| (said(&decisions), raw)).map_err(|error| error.message.to_string())
    };
    // Of equals, the first.
    assert_eq!(ask("auto"), Ok(("tin".to_owned(), Some(false))));
    assert!(ask("completion").unwrap_err().contains("does not score plain text"));
}

#[test]
fn statements_answers_as_a_plain_reference_does() {
    let examples = json!(["Snow is cold.", "Birds sing."]);
    for form in ["auto", "option", "question_option"] {
        for measure in ["sum", "per_token", "per_byte"] {
            for shots in 0..3 {
                let config = json!({"form": form, "measure": measure, "shots": shots, "examples": examples});
                for (question, options) in QUESTIONS {
                    let (decisions, items) = answered("statements", &config, &mut asked(question, options));
                    let prompt = format!("{}\n", ["Snow is cold.", "Birds sing."][..shots].join("\n"));
                    let statement = |option: &str| match form {
                        "option" => option.to_owned(),
                        "auto" if option.ends_with('.') => option.to_owned(),
                        _ => format!("{question} {option}"),
                    };
                    let worth = |option: &str| {
                        let statement = statement(option);
                        let (logprob, tokens) = logprob(&prompt, &statement);
                        match measure {
                            "per_token" => logprob / f64::from(tokens),
                            "per_byte" => logprob / statement.len() as f64,
                            _ => logprob,
                        }
                    };
                    let mut best = options[0];
                    for option in options {
                        if worth(option) > worth(best) {
                            best = option;
                        }
                    }
                    assert_eq!(said(&decisions), best, "{config} {question}");
                    let wanted: Vec<_> = options.iter().map(|option| (prompt.clone(), statement(option))).collect();
                    assert_eq!(items, wanted);
                }
            }
        }
    }
}

#[test]
fn a_rule_asks_nobody() {
    let options = ["a sun", "the red tin", "of"];
    for (pick, expected) in
        [("first", "a sun"), ("longest", "the red tin"), ("shortest", "of"), ("overlap", "the red tin")]
    {
        let (decisions, items) =
            answered("rule", &json!({"pick": pick}), &mut asked("Where does the RED tin stand?", &options));
        assert_eq!((said(&decisions).as_str(), items.len()), (expected, 0), "{pick}");
    }
}
