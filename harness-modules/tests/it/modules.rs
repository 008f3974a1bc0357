//! What each module does, one by one.

use harness_abi::{
    Answer, ChatReply, ChatRequest, Constraint, Decision, DeltaKind, Draft, Hook, Message, ModelBox, ModuleError,
    Observation, Part, RawChatSink, ReplyExtra, Role, Sampling, ToolSpec, chat_sink,
    stable::{RResult, RStr},
};
use harness_host::testing::FakeContext;
use harness_modules::pack;
use serde_json::{Value, json};

use crate::support::{call, config, model, processor};

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
    // What Qwen writes where its template asks for `<tool_call>`: often a fenced block. Both are calls, without another question.
    for said in [
        "<tool_call>\n{\"name\": \"get_air\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>",
        "```json\n{\n  \"name\": \"get_air\",\n  \"arguments\": {\n    \"city\": \"Oslo\"\n  }\n}\n```",
    ] {
        let (decisions, asked) = after_model(json!({}), says(said), &[]);
        let calls: Vec<_> =
            response(&decisions).expect("a response").calls().map(|call| call.arguments.to_owned()).collect();
        assert_eq!((calls, asked), (vec![r#"{"city":"Oslo"}"#.to_owned()], 0), "{said}");
    }
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
