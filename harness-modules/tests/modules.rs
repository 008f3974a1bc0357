//! The pack's modules, driven as a host drives them: through the pack's root, with the manifest's defaults.

use harness_abi::{
    Answer, Ask, ChatReply, ChatRequest, Constraint, Decision, DeltaKind, Draft, Hook, Message, ModelBox, ModelInfo,
    ModuleError, Observation, Part, ProcessorBox, RawChatSink, ReplyExtra, Role, Sampling, ToolSpec, chat_sink,
    stable::{RResult, RStr},
};
use harness_host::testing::FakeContext;
use harness_modules::{MANIFEST, pack};
use harness_spec::PackManifest;
use serde_json::{Map, Value, json};

fn config(name: &str, given: Value) -> Result<String, Box<dyn std::error::Error>> {
    let manifest = PackManifest::parse(MANIFEST)?;
    let module = manifest.module(name).ok_or("no such module")?;
    let mut config: Map<String, Value> = module.defaults().into_iter().collect();
    config.extend(given.as_object().cloned().unwrap_or_default());
    Ok(Value::Object(config).to_string())
}

fn processor(name: &str, given: Value) -> ProcessorBox {
    let config = config(name, given).expect("config");
    pack().processor()(name.into(), config.as_str().into()).into_result().expect("processor")
}

fn model(name: &str, given: Value) -> ModelBox {
    let config = config(name, given).expect("config");
    pack().model()(name.into(), config.as_str().into()).into_result().expect("model")
}

fn nobody(_: &Ask) -> Answer {
    Answer::Failed { error: ModuleError::fault("nobody was to be asked") }
}

fn call(module: &mut ProcessorBox, cx: &mut FakeContext, hook: Hook) -> Vec<Decision> {
    cx.call_hook(module, hook, nobody).expect("decisions")
}

fn turn(action: &str, observation: &str) -> [Message; 2] {
    [Message::assistant(action), Message::user(observation)]
}

fn weather() -> Vec<ToolSpec> {
    let tool = |name: &str, description: &str| ToolSpec {
        name: name.into(),
        description: description.into(),
        input_schema: json!({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}}, "required": ["city"]}),
        read_only: true,
        idempotent: true,
    };
    vec![
        tool("get_weather", "The weather of a city."),
        tool("get_air", "The air of a city."),
        tool("admin_reset", "Resets."),
    ]
}

fn last_user(decisions: &[Decision]) -> String {
    decisions
        .iter()
        .find_map(|decision| match decision {
            Decision::SetLastUser { text } | Decision::AppendUser { text } => Some(text.to_string()),
            _ => None,
        })
        .unwrap_or_default()
}

fn choice(decisions: &[Decision]) -> Option<Constraint> {
    decisions.iter().find_map(|decision| match decision {
        Decision::Constrain { constraint_json } => serde_json::from_str(constraint_json).ok(),
        _ => None,
    })
}

fn choices(of: &[&str]) -> Constraint {
    Constraint::Choice { choices: of.iter().map(|text| (*text).to_owned()).collect() }
}

#[test]
fn the_manifest_and_the_code_agree() {
    let manifest = PackManifest::parse(MANIFEST).expect("manifest");
    let shelf = shelf();
    let words = shelf.path().join("pdf/SKILL.md");
    for module in &manifest.modules {
        let given = match module.name.as_str() {
            "scripted" => json!({"replies": []}),
            "skills" | "skill" => json!({"folder": shelf.path()}),
            "instructions" => json!({"file": words}),
            _ => json!({}),
        };
        let config = config(&module.name, given.clone()).expect("config");
        match module.kind {
            harness_abi::Kind::Model => {
                let model = pack().model()(module.name.as_str().into(), config.as_str().into())
                    .into_result()
                    .expect(&module.name);
                let info: ModelInfo = serde_json::from_str(&model.info().into_result().expect("info")).expect("info");
                assert!(info.simulated && info.deterministic, "{info:?}");
                let provides: Vec<String> = module.provides.iter().map(ToString::to_string).collect();
                assert_eq!(info.capabilities, provides);
            }
            harness_abi::Kind::Tool => drop(tool(&module.name, given).expect(&module.name)),
            _ => drop(
                pack().processor()(module.name.as_str().into(), config.as_str().into())
                    .into_result()
                    .expect(&module.name),
            ),
        }
        // Every variant and every word of an enum builds.
        for (field, values) in &module.config {
            for value in values.variants.iter().chain(&values.choices) {
                let given = json!({field.as_str(): value, "schema": {}, "replies": []});
                let given: Map<String, Value> = given
                    .as_object()
                    .expect("object")
                    .iter()
                    .filter(|(name, _)| module.config.contains_key(*name))
                    .map(|(n, v)| (n.clone(), v.clone()))
                    .collect();
                let config = self::config(&module.name, given.into()).expect("config");
                if module.kind == harness_abi::Kind::Processor {
                    assert!(
                        pack().processor()(module.name.as_str().into(), config.as_str().into()).is_ok(),
                        "{} {field} {value}",
                        module.name
                    );
                }
            }
        }
    }
    let refused = pack().processor()("loop_guard".into(), r#"{"windw": 3}"#.into());
    assert!(matches!(&refused, RResult::RErr(error) if error.message.contains("windw")), "unknown keys are named");
}

#[test]
fn system_prompt_renders_and_refuses() {
    let mut module = processor(
        "system_prompt",
        json!({"text": "Tools: {% for t in tools %}{{ t.name }} {% endfor %}| {{ task }}", "mode": "append"}),
    );
    let mut cx = FakeContext::default().history([Message::user("find it")]).tools(&weather());
    cx.system = "Old.".into();
    let decisions = call(&mut module, &mut cx, Hook::TaskStart);
    assert_eq!(decisions, [Decision::system("Old.\n\nTools: get_weather get_air admin_reset | find it")]);
    let config = config("system_prompt", json!({"text": "{{ unclosed"})).expect("config");
    let refused = pack().processor()("system_prompt".into(), config.as_str().into());
    assert!(matches!(refused, RResult::RErr(error) if error.message.contains("not a template")));
}

#[test]
fn demonstrations_stand_before_the_task_once() {
    let examples = json!([{"user": "2+2", "assistant": "4"}, {"user": "3+3", "assistant": "6"}]);
    let mut module = processor("demonstrations", json!({"examples": examples, "count": 1}));
    let mut cx = FakeContext::default().history([Message::user("5+5")]);
    let decisions = call(&mut module, &mut cx, Hook::StepStart);
    let Some(Decision::EditHistory { edits }) = decisions.first() else { panic!("{decisions:?}") };
    let texts: Vec<_> = edits[0].with.iter().map(|message| message.text().into_owned()).collect();
    assert_eq!((edits[0].start, edits[0].end, texts), (0, 0, vec!["2+2".to_owned(), "4".to_owned()]));
    assert_eq!(call(&mut module, &mut cx, Hook::StepStart), []);
    let mut module = processor("demonstrations", json!({"examples": examples, "place": "system"}));
    let decisions = call(&mut module, &mut cx, Hook::TaskStart);
    assert_eq!(decisions, [Decision::system("Examples:\n\nUser: 2+2\nAssistant: 4\n\nUser: 3+3\nAssistant: 6")]);
}

#[test]
fn tool_prompt_shows_what_the_router_left() {
    let mut cx =
        FakeContext::default().history([Message::user("How is Oslo?")]).tools(&weather()).visible(&["get_air"]);
    let mut module = processor("tool_prompt", json!({"instruction": "Call one."}));
    assert_eq!(
        last_user(&call(&mut module, &mut cx, Hook::BeforeModel)),
        "You can call these functions:\n- get_air(city: string, unit?: string \"C\"|\"F\"): The air of a city.\n\nCall one.\n\nHow is Oslo?"
    );
    let mut module = processor("tool_prompt", json!({"format": "schemas", "place": "after"}));
    let text = last_user(&call(&mut module, &mut cx, Hook::BeforeModel));
    assert!(
        text.starts_with("How is Oslo?\n\nYou can") && text.contains(r#"{"name":"get_air","description""#),
        "{text}"
    );
    let mut cx = cx.visible(&[]);
    assert_eq!(call(&mut module, &mut cx, Hook::BeforeModel), []);
}

#[test]
fn action_prompt_prefers_the_narrowed_choice() {
    let admissible = Observation { admissible: vec!["look".into(), "go".into()], ..Observation::default() };
    let mut module = processor("action_prompt", json!({}));
    let mut cx = FakeContext::default().history([Message::user("You are here.")]).observation(&admissible);
    let text = last_user(&call(&mut module, &mut cx, Hook::BeforeModel));
    assert_eq!(text, "You are here.\n\nPossible actions:\n- look\n- go\n\nReply with one action and nothing else.");
    let mut cx = cx.constraint(&choices(&["go"]));
    let text = last_user(&call(&mut module, &mut cx, Hook::BeforeModel));
    assert!(!text.contains("- look") && text.contains("- go"), "{text}");
}

fn window(history: Vec<Message>, given: Value) -> Vec<String> {
    let mut module = processor("history_window", given);
    let mut cx = FakeContext::default().history(history);
    let decisions = call(&mut module, &mut cx, Hook::StepStart);
    let mut left: Vec<String> = cx.history.iter().map(|message| message.text().into_owned()).collect();
    if let Some(Decision::EditHistory { edits }) = decisions.first() {
        for edit in edits.iter().rev() {
            left.drain(edit.start as usize..edit.end as usize);
        }
    }
    left
}

#[test]
fn the_window_keeps_task_turns_and_last_observation() {
    let mut history = vec![Message::user("task")];
    for index in 0..6 {
        history.extend(turn(&format!("a{index}"), &format!("o{index}")));
    }
    assert_eq!(window(history.clone(), json!({"last": 4})), ["task", "a4", "o4", "a5", "o5"]);
    // An odd limit never cuts a turn in two.
    assert_eq!(window(history.clone(), json!({"last": 3})), ["task", "a5", "o5"]);
    assert_eq!(window(history.clone(), json!({"last": 400})).len(), 13);
    assert_eq!(window(history.clone(), json!({"max_bytes": 8, "last": 400})), ["task", "a5", "o5"]);
    assert_eq!(window(history.clone(), json!({"max_bytes": 1, "last": 2})), ["task", "a5", "o5"]);
    assert_eq!(window(history, json!({"first": 3, "last": 2})), ["task", "a0", "o0", "a5", "o5"]);
    let example = |role, text: &str| Draft::new(role).part(Part::text(text)).id("demonstration").build();
    let mut history = vec![example(Role::User, "du"), example(Role::Assistant, "da"), Message::user("task")];
    history.extend(turn("a0", "o0").into_iter().chain(turn("a1", "o1")));
    assert_eq!(window(history, json!({"last": 2})), ["du", "da", "task", "a1", "o1"]);
}

#[test]
fn loop_guard_masks_hints_and_ends() {
    let mut history = vec![Message::user("task")];
    history.extend(turn("open door", "It is stuck."));
    history.extend(turn("look", "A room."));
    history.extend(turn("open door", "It is stuck."));
    let mut cx = FakeContext::default().history(history.clone()).constraint(&choices(&["open door", "look"]));
    let decisions = call(&mut processor("loop_guard", json!({})), &mut cx, Hook::BeforeModel);
    assert_eq!(choice(&decisions), Some(choices(&["look"])));
    assert!(last_user(&decisions).contains("You did `open door` 2 times"));
    let decisions = call(&mut processor("loop_guard", json!({"interrupt_after": 2})), &mut cx, Hook::BeforeModel);
    assert!(matches!(&decisions[..], [Decision::Interrupt { reason }] if reason.contains("action_loop")));
    // A choice is never emptied, and progress is no loop.
    let mut cx = FakeContext::default().history(history).constraint(&choices(&["open door"]));
    assert_eq!(choice(&call(&mut processor("loop_guard", json!({})), &mut cx, Hook::BeforeModel)), None);
    let moving = [turn("go", "Room 1."), turn("go", "Room 2.")].concat();
    let mut cx = FakeContext::default().history(moving);
    assert_eq!(call(&mut processor("loop_guard", json!({})), &mut cx, Hook::BeforeModel), []);
}

/// Does to a context what an engine does with decisions on the conversation.
fn apply(cx: &mut FakeContext, decisions: &[Decision]) {
    for decision in decisions {
        match decision {
            Decision::SetLastUser { text } => *cx.history.last_mut().expect("a message") = Message::user(text.as_str()),
            Decision::AppendUser { text } => cx.history.push(Message::user(text.as_str())),
            Decision::EditHistory { edits } => {
                for edit in edits.iter().rev() {
                    cx.history.splice(edit.start as usize..edit.end as usize, edit.with.iter().cloned());
                }
            }
            _ => {}
        }
    }
}

#[test]
fn asides_leave_no_trace_and_hide_no_loop() {
    let actions = ["go", "look", "wait"].map(String::from).to_vec();
    let mut modules = [
        processor("loop_guard", json!({})),
        processor("notes", json!({"skip": 0})),
        processor("action_prompt", json!({})),
    ];
    let mut history = vec![Message::user("task")];
    let mut masked = Vec::new();
    for step in 0..4 {
        let seen = Observation { text: "A wall.".into(), admissible: actions.clone(), ..Observation::default() };
        let mut cx = FakeContext::default()
            .history(history)
            .observation(&seen)
            .constraint(&Constraint::Choice { choices: actions.clone() });
        cx.step = step;
        for hook in [Hook::StepStart, Hook::BeforeModel] {
            for module in &mut modules {
                let decisions = call(module, &mut cx, hook);
                apply(&mut cx, &decisions);
                masked.extend(choice(&decisions));
            }
        }
        let last = cx.history.last().expect("a message").text().into_owned();
        assert!(
            last.contains("- look")
                && (step == 0 || last.contains("- go: A wall."))
                && last.contains("2 times") == (step == 2),
            "{last}"
        );
        history = cx.history;
        history.extend([Message::assistant("go"), Message::user("A wall.")]);
    }
    // All but the last step's words are gone, and the guard saw through them.
    let kept = history.iter().filter(|message| message.text().contains("- look")).count();
    assert_eq!((kept, masked), (1, vec![choices(&["look", "wait"]); 2]));
    assert_eq!(
        history[..5].iter().map(|message| message.text().into_owned()).collect::<Vec<_>>(),
        ["task", "go", "A wall.", "go", "A wall."]
    );
}

#[test]
fn output_constraint_follows_the_world() {
    let mut cx = FakeContext::default();
    let mut module = processor("output_constraint", json!({}));
    assert_eq!(call(&mut module, &mut cx, Hook::BeforeModel), [], "nothing is admissible");
    let seen = Observation { admissible: vec!["look".into(), "go".into(), "look".into()], ..Observation::default() };
    let mut cx = FakeContext::default().observation(&seen).tools(&weather());
    assert_eq!(choice(&call(&mut module, &mut cx, Hook::BeforeModel)), Some(choices(&["look", "go"])));
    let mut module =
        processor("output_constraint", json!({"mode": "tool_call", "arguments": false, "first_step_only": true}));
    assert_eq!(choice(&call(&mut module, &mut cx, Hook::BeforeModel)), Some(Constraint::ToolCall { arguments: false }));
    cx.step = 1;
    assert_eq!(call(&mut module, &mut cx, Hook::BeforeModel), []);
    let config = config("output_constraint", json!({"mode": "json_schema"})).expect("config");
    assert!(pack().processor()("output_constraint".into(), config.as_str().into()).is_err());
}

#[test]
fn tool_filter_matches_names() {
    let mut cx = FakeContext::default().tools(&weather());
    let mut shown = |given| call(&mut processor("tool_filter", given), &mut cx, Hook::BeforeModel);
    assert_eq!(shown(json!({})), []);
    assert_eq!(shown(json!({"deny": ["admin_*"]})), [Decision::show_tools(["get_weather", "get_air"])]);
    assert_eq!(shown(json!({"allow": ["*a?r"]})), [Decision::show_tools(["get_air"])]);
}

#[test]
fn budget_guard_acts_near_the_end() {
    let mut cx = FakeContext::default().history([Message::user("q")]).tools(&weather());
    cx.budget.steps = 2;
    assert_eq!(call(&mut processor("budget_guard", json!({})), &mut cx, Hook::BeforeModel), []);
    let last = json!({"steps": 2});
    assert_eq!(
        last_user(&call(&mut processor("budget_guard", last), &mut cx, Hook::BeforeModel)),
        "q\n\nOnly 2 steps are left. Finish now."
    );
    let decisions =
        call(&mut processor("budget_guard", json!({"steps": 2, "mode": "final_answer"})), &mut cx, Hook::BeforeModel);
    assert_eq!(decisions[..2], [Decision::show_tools(Vec::<String>::new()), Decision::constrain(&Constraint::Free)]);
    let decisions =
        call(&mut processor("budget_guard", json!({"steps": 3, "mode": "stop"})), &mut cx, Hook::BeforeModel);
    assert!(matches!(&decisions[..], [Decision::Interrupt { .. }]));
}

#[test]
fn notes_survive_a_shortened_history() {
    let mut module = processor("notes", json!({"skip": 0, "width": 20}));
    let mut cx = FakeContext::default().history(
        [vec![Message::user("task")], turn("open box", "A key and a very long description.").to_vec()].concat(),
    );
    cx.step = 1;
    let text = last_user(&call(&mut module, &mut cx, Hook::BeforeModel));
    assert!(text.starts_with("What you found out so far:\n- open box: A key and a very lon…\n\nA key"), "{text}");
    let mut cx = FakeContext::default()
        .history([vec![Message::user("task")], turn("push wall", "Nothing happens.").to_vec()].concat());
    cx.step = 2;
    let text = last_user(&call(&mut module, &mut cx, Hook::BeforeModel));
    assert!(text.contains("- open box: A key") && !text.contains("push wall:"), "{text}");
}

fn after_model(given: Value, mut cx: FakeContext, answers: &[&str]) -> (Vec<Decision>, usize) {
    let mut left = answers.iter();
    let decisions = cx
        .call_hook(&mut processor("parse_repair", given), Hook::AfterModel, |_| Answer::Chat {
            reply: ChatReply::text(*left.next().expect("an answer")),
        })
        .expect("decisions");
    (decisions, answers.len() - left.len())
}

fn response(decisions: &[Decision]) -> Option<&Message> {
    match decisions {
        [Decision::SetResponse { message }] => Some(message),
        _ => None,
    }
}

#[test]
fn parse_repair_reads_then_asks() {
    let says = |text: &str| {
        FakeContext::default()
            .history([Message::user("q")])
            .tools(&weather())
            .response(Message::assistant(text), &ReplyExtra::default())
    };
    let forced = |text: &str| says(text).constraint(&Constraint::ToolCall { arguments: true });
    let (decisions, asked) = after_model(json!({}), forced("get_air(city='Oslo')"), &[]);
    let found: Vec<_> = response(&decisions)
        .expect("a response")
        .calls()
        .map(|call| (call.name.to_owned(), call.arguments.to_owned()))
        .collect();
    assert_eq!((found, asked), (vec![("get_air".to_owned(), r#"{"city":"Oslo"}"#.to_owned())], 0));
    let (decisions, asked) = after_model(json!({}), forced("Hm."), &["{\"name\": \"get_weather\", \"arguments\": {}}"]);
    assert_eq!(
        (response(&decisions).and_then(|message| message.calls().next()).map(|call| call.name), asked),
        (Some("get_weather"), 1)
    );
    let (decisions, asked) = after_model(json!({"retries": 2}), forced("Hm."), &["Hm.", "Hm!"]);
    assert_eq!((decisions, asked), (vec![], 2), "what stays unreadable is passed on");
    assert_eq!(after_model(json!({}), says("It is sunny."), &[]), (vec![], 0), "free text is an answer");

    let broken = Message::new(Role::Assistant, [Part::tool_call("1", "get-air", "{'city': 'Oslo',}")]);
    let cx = FakeContext::default().tools(&weather()).response(broken, &ReplyExtra::default());
    let (decisions, _) = after_model(json!({}), cx, &[]);
    let expected = Message::new(Role::Assistant, [Part::tool_call("1", "get_air", r#"{"city":"Oslo"}"#)]);
    assert_eq!(response(&decisions), Some(&expected));

    let seen = Observation { admissible: vec!["go to desk 1".into(), "look".into()], ..Observation::default() };
    let acts = |text: &str| {
        FakeContext::default().observation(&seen).response(Message::assistant(text), &ReplyExtra::default())
    };
    let (decisions, _) = after_model(json!({}), acts("> Go to desk 1."), &[]);
    assert_eq!(response(&decisions).map(|message| message.text().into_owned()), Some("go to desk 1".into()));
    assert_eq!(after_model(json!({}), acts("look"), &[]), (vec![], 0));

    let schema = Constraint::JsonSchema { schema: json!({"type": "object", "required": ["a"]}) };
    let cx = FakeContext::default()
        .constraint(&schema)
        .response(Message::assistant("Here: {'a': 1}"), &ReplyExtra::default());
    assert_eq!(
        response(&after_model(json!({}), cx, &[]).0).map(|message| message.text().into_owned()),
        Some(r#"{"a":1}"#.into())
    );
}

struct Sink(std::sync::mpsc::Sender<RResult<ChatReply, ModuleError>>);

impl RawChatSink for Sink {
    fn delta(&self, _: DeltaKind, _: RStr<'_>) -> bool {
        true
    }

    fn cancelled(&self) -> bool {
        false
    }

    fn finish(self, reply: RResult<ChatReply, ModuleError>) {
        let _ = self.0.send(reply);
    }
}

fn chat(model: &ModelBox, messages: &[Message], constraint: &Constraint, seed: u64) -> Result<Message, ModuleError> {
    let (send, receive) = std::sync::mpsc::channel();
    let tools = serde_json::to_string(&weather()).expect("tools");
    let constraint = serde_json::to_string(constraint).expect("constraint");
    let sampling = serde_json::to_string(&Sampling { seed, ..Sampling::default() }).expect("sampling");
    let request = ChatRequest {
        messages: messages.into(),
        tools_json: tools.as_str().into(),
        constraint_json: constraint.as_str().into(),
        sampling_json: sampling.as_str().into(),
        extra: "".into(),
    };
    model.chat(&request, chat_sink(Sink(send)));
    receive.recv().expect("an answer").into_result().map(|reply| reply.message)
}

#[test]
fn stand_ins_do_what_their_names_say() {
    let three = choices(&["a", "b", "c"]);
    let (random, first, noop) = (model("random", json!({})), model("first", json!({})), model("noop", json!({})));
    let mut counts = std::collections::BTreeMap::new();
    for seed in 0..3000 {
        let text = chat(&random, &[], &three, seed).expect("reply").text().into_owned();
        assert_eq!(text, chat(&random, &[], &three, seed).expect("reply").text());
        *counts.entry(text).or_insert(0_u32) += 1;
    }
    // Four standard deviations of a fair draw are 103.
    assert!(counts.len() == 3 && counts.values().all(|count| count.abs_diff(1000) < 103), "{counts:?}");
    let forced = Constraint::ToolCall { arguments: true };
    let tools: std::collections::BTreeSet<String> = (0..50)
        .map(|seed| {
            chat(&random, &[], &forced, seed)
                .expect("reply")
                .calls()
                .map(|call| format!("{}{}", call.name, call.arguments))
                .collect()
        })
        .collect();
    assert_eq!(tools.len(), 3, "{tools:?}");
    assert_eq!(chat(&first, &[], &three, 9).expect("reply").text(), "a");
    assert_eq!(
        chat(&first, &[], &forced, 9).expect("reply").calls().next().map(|call| call.name.to_owned()),
        Some("get_weather".into())
    );
    assert_eq!(chat(&noop, &[], &three, 9).expect("reply").text(), "");
    assert_eq!(chat(&random, &[], &Constraint::Free, 1).expect("reply").text(), "");
    assert!(chat(&random, &[], &Constraint::Grammar { grammar: "root ::= \"a\"".into() }, 1).is_err());
}

#[test]
fn a_script_is_indexed_by_the_conversation() {
    let script =
        json!({"replies": ["hi", {"calls": [{"name": "get_air", "arguments": {"city": "Oslo"}}]}], "after": "error"});
    let model = model("scripted", script);
    let turns = [Message::user("q"), Message::assistant("x"), Message::user("r"), Message::assistant("y")];
    assert_eq!(chat(&model, &turns[..1], &Constraint::Free, 0).expect("reply").text(), "hi");
    let expected = Message::new(Role::Assistant, [Part::tool_call("c1", "get_air", r#"{"city":"Oslo"}"#)]);
    assert_eq!(chat(&model, &turns[..3], &Constraint::Free, 0), Ok(expected));
    assert!(chat(&model, &turns, &Constraint::Free, 0).is_err_and(|error| error.message.contains("2 replies")));
}

/// A conversation of `turns` turns with calls of a tool, each result long.
fn long_conversation(turns: usize) -> Vec<Message> {
    let turn = |n: usize| {
        let call = Message::new(Role::Assistant, [Part::tool_call(format!("c{n}"), "look", format!("{{\"n\": {n}}}"))]);
        [call, Message::tool_result(format!("c{n}"), format!("result {n}: {}", "x".repeat(300)), false)]
    };
    std::iter::once(Message::user("find the key")).chain((0..turns).flat_map(turn)).collect()
}

/// What a history is after the edits of these decisions.
fn edited(history: &[Message], decisions: &[Decision]) -> Vec<Message> {
    let mut after = history.to_vec();
    for decision in decisions {
        if let Decision::EditHistory { edits } = decision {
            for edit in edits.iter().rev() {
                after.splice(edit.start as usize..edit.end as usize, edit.with.iter().cloned());
            }
        }
    }
    after
}

#[test]
fn compaction_keeps_the_task_the_newest_turns_and_every_call_with_its_result() {
    for (turns, keep) in [(1, 1), (2, 1), (3, 2), (8, 3), (8, 5), (20, 6), (20, 100)] {
        let mut module = processor("compaction", json!({"above": 500, "keep": keep}));
        let history = long_conversation(turns);
        let mut cx = FakeContext::default().history(history.clone());
        let mut asked = String::new();
        let decisions = cx
            .call_hook(&mut module, Hook::StepStart, |ask| {
                let Ask::Chat { chat } = ask else { panic!("a chat is asked for") };
                asked = chat.messages.iter().map(|message| message.text().into_owned()).collect();
                Answer::Chat { reply: ChatReply::text("The key is not in the first rooms.") }
            })
            .expect("decisions");
        let after = edited(&history, &decisions);
        assert_eq!(after.first(), history.first(), "the task stays");
        assert_eq!(after.last(), history.last(), "the last result stays");
        let calls: Vec<String> =
            after.iter().flat_map(|m| m.calls().map(|c| c.id.to_owned()).collect::<Vec<_>>()).collect();
        let results = after.iter().filter(|message| message.role() == Role::Tool).count();
        assert_eq!(calls.len(), results, "no result without its call, {turns} turns, {keep} kept");
        assert!(after.len() >= history.len().min(keep), "{keep} newest stay");
        if after.len() < history.len() {
            assert!(after[1].text().contains("not in the first rooms"), "the summary stands after the task");
            assert!(asked.contains("find the key") && asked.contains("agent calls look({\"n\": 0})"), "{asked}");
        }
    }
}

#[test]
fn compaction_drops_nothing_without_a_summary_and_sums_up_its_own_summary() {
    let history = long_conversation(8);
    let mut module = processor("compaction", json!({"above": 500, "keep": 3}));
    let mut cx = FakeContext::default().history(history.clone());
    let (mut questions, mut says) = (0, " ");
    let mut call = |cx: &mut FakeContext, module: &mut ProcessorBox, says: &str| {
        cx.call_hook(module, Hook::StepStart, |_| {
            questions += 1;
            Answer::Chat { reply: ChatReply::text(says) }
        })
        .expect("decisions")
    };
    let empty = call(&mut cx, &mut module, says);
    assert!(matches!(&empty[..], [Decision::Annotate { value_json, .. }] if value_json.contains("empty")), "{empty:?}");
    assert!(call(&mut cx, &mut module, says).is_empty(), "it is not asked again at once");
    says = "All rooms but one are empty.";
    cx.history.extend(long_conversation(12).into_iter().skip(1));
    let decisions = call(&mut cx, &mut module, says);
    let after = edited(&cx.history, &decisions);
    let mut later = FakeContext::default().history(after.into_iter().chain(long_conversation(8).into_iter().skip(1)));
    let before = later.history.clone();
    let after = edited(&before, &call(&mut later, &mut module, "Shorter."));
    let summaries = after.iter().filter(|message| message.text().starts_with("Summary of")).count();
    assert_eq!(summaries, 1, "the old summary is part of the new one");
    // A model that cannot is an error of the module, and nothing is dropped.
    let mut module = processor("compaction", json!({"above": 500, "keep": 3}));
    assert!(FakeContext::default().history(history).call_hook(&mut module, Hook::StepStart, nobody).is_err());
}

/// A folder with two skills.
fn shelf() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        std::fs::write(path, text).expect("file");
    };
    put(
        "pdf/SKILL.md",
        "---\nname: pdf\ndescription: >\n  Reads PDF files.\n  Use it for PDFs.\n---\n# How\nSee scripts/run.md.\n",
    );
    put("pdf/scripts/run.md", "Run it.");
    put("mail/SKILL.md", "---\nname: mail\ndescription: \"Writes mail: short.\"\n---\nBe short.");
    folder
}

fn tool(name: &str, given: Value) -> Result<harness_abi::ToolBox, ModuleError> {
    let config = config(name, given).expect("config");
    pack().tool()(name.into(), config.as_str().into()).into_result()
}

fn refused(name: &str, given: Value) -> String {
    let config = config(name, given).expect("config");
    match pack().processor()(name.into(), config.as_str().into()) {
        RResult::RErr(error) => error.message.to_string(),
        RResult::ROk(_) => "nothing was refused".to_owned(),
    }
}

#[test]
fn skills_are_listed_and_read_when_they_are_needed() {
    let folder = shelf();
    let at = folder.path().to_str().expect("a path");
    let mut module = processor("skills", json!({"folder": at, "header": "Skills:"}));
    let mut cx = FakeContext::default();
    cx.system = "Be good.".into();
    let decisions = call(&mut module, &mut cx, Hook::TaskStart);
    let text = "Be good.\n\nSkills:\n- mail: Writes mail: short.\n- pdf: Reads PDF files. Use it for PDFs.";
    assert_eq!(decisions[1], Decision::system(text));
    let mut module = processor("skills", json!({"folder": at, "header": "Skills:", "only": ["pdf"]}));
    let only = call(&mut module, &mut FakeContext::default(), Hook::TaskStart);
    assert_eq!(only[1], Decision::system("Skills:\n- pdf: Reads PDF files. Use it for PDFs."));
    assert!(refused("skills", json!({"folder": at, "only": ["xls"]})).contains("no skill `xls`; there are mail, pdf"));

    std::fs::write(folder.path().join("outside.md"), "secret").expect("file");
    std::os::unix::fs::symlink(folder.path().join("outside.md"), folder.path().join("pdf/link.md")).expect("link");
    let skill = tool("skill", json!({"folder": at, "max_bytes": 256})).expect("tool");
    let read = |arguments: Value| {
        let (to, output) = std::sync::mpsc::channel();
        let arguments = arguments.to_string();
        let request = harness_abi::ToolRequest {
            id: "1".into(),
            name: "skill".into(),
            arguments: arguments.as_str().into(),
            seed: 0,
            extra: "".into(),
        };
        skill.call(&request, harness_abi::tool_sink(Slip(to)));
        output.recv().expect("an answer")
    };
    assert_eq!(read(json!({"name": "pdf"})), ("# How\nSee scripts/run.md.".to_owned(), false));
    assert_eq!(read(json!({"name": "pdf", "file": "scripts/run.md"})), ("Run it.".to_owned(), false));
    for (file, says) in
        [("../mail/SKILL.md", "leaves"), ("/etc/passwd", "leaves"), ("link.md", "no file"), ("none", "no file")]
    {
        let (text, is_error) = read(json!({"name": "pdf", "file": file}));
        assert!(is_error && text.contains(says), "{file}: {text}");
    }
    assert!(read(json!({"name": "xls"})).0.contains("there are mail, pdf"));
}

/// Where a tool's answer goes.
struct Slip(std::sync::mpsc::Sender<(String, bool)>);

impl harness_abi::RawToolSink for Slip {
    fn cancelled(&self) -> bool {
        false
    }
    fn finish(self, output: RResult<harness_abi::stable::RString, ModuleError>) {
        let said = output.into_result().map_or_else(|error| error.message.to_string(), Into::into);
        self.0.send((said, true)).expect("somebody listens");
    }
    fn finish_text(self, text: harness_abi::stable::RString, is_error: bool) {
        self.0.send((text.into(), is_error)).expect("somebody listens");
    }
}

#[test]
fn a_skill_that_is_wrong_or_changed_is_refused() {
    let cases = [
        ("no head", "does not begin with a head"),
        ("---\nname: [\n---\n", "no YAML"),
        ("---\nname: Pdf\ndescription: d\n---\n", "lower-case letters"),
        ("---\nname: other\ndescription: d\n---\n", "its folder is not"),
        ("---\nname: pdf\n---\n", "needs a description"),
    ];
    for (text, says) in cases {
        let folder = shelf();
        std::fs::write(folder.path().join("pdf/SKILL.md"), text).expect("file");
        let error = refused("skills", json!({"folder": folder.path()}));
        assert!(error.contains(says), "{error} should say {says}");
    }
    let folder = shelf();
    let changed = refused("skills", json!({"folder": folder.path(), "sha256": "0".repeat(64)}));
    let digest =
        changed.split("digest is ").nth(1).and_then(|rest| rest.split(',').next()).expect("a digest").to_owned();
    processor("skills", json!({"folder": folder.path(), "sha256": digest}));
    std::fs::write(folder.path().join("pdf/scripts/run.md"), "Run it twice.").expect("file");
    assert!(refused("skills", json!({"folder": folder.path(), "sha256": digest})).contains("was made for"));
    assert!(refused("skills", json!({"folder": "/nowhere/at/all"})).contains("put one folder for each skill there"));
}

#[test]
fn instructions_are_what_the_file_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("AGENTS.md");
    std::fs::write(&path, "Use tabs.\n").expect("file");
    let mut module = processor("instructions", json!({"file": path}));
    let mut cx = FakeContext::default();
    cx.system = "Be good.".into();
    assert_eq!(call(&mut module, &mut cx, Hook::TaskStart)[1], Decision::system("Be good.\n\nUse tabs."));
    assert!(refused("instructions", json!({"file": path, "sha256": "0"})).contains("was made for 0"));
    std::fs::write(&path, "x".repeat(300)).expect("file");
    assert!(refused("instructions", json!({"file": path, "max_bytes": 256})).contains("more than max_bytes = 256"));
    assert!(refused("instructions", json!({"file": folder.path().join("NONE.md")})).contains("take this module out"));
}
