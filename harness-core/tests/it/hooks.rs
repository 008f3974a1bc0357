//! What each hook may do, and how the effects of several processors merge.

use harness_trace::Entry;
use serde_json::json;

use crate::support::{probe, run, run_in_environment, scripted};

#[test]
fn processors_see_the_effects_of_those_before_them() {
    let first = json!({
        "task_start": ["see", {"set_system": "be good"}, {"put": "v"}],
        "step_start": [{"edit_history": [[0, 1, "start"], [1, 1, "here"]]}],
        "before_model": [{"append_user": "more"}, {"set_last_user": "most"}, {"show_tools": ["fail", "echo"]},
            {"constrain": {"type": "choice", "choices": ["a", "b"]}}, {"sample": {"temperature": 0.5}}],
        "after_model": [{"set_response": {"text": "changed"}}],
    });
    let second = json!({
        "task_start": ["see", "get"], "step_start": ["see"], "before_model": ["see"], "after_model": ["see"],
        "step_end": ["see", "log", "blob"], "task_end": ["see"],
    });
    let parts = [probe("first", first), probe("second", second), "[[tool]]\nuse = \"t/tools\"\n".into()].concat();
    let ran = run(&scripted(json!([{"text": "request"}]), &parts));
    assert_eq!(ran.ended(), "done: the model answered without calling a tool");
    assert_eq!(ran.history(), ["user: start", "user: here", "user: most", "assistant: changed"]);
    let seen = ran.notes("seen");
    let seen: Vec<_> = seen.iter().map(|s| (&s["system"], &s["last"], &s["visible"], &s["about"])).collect();
    let (all, shown) = (json!(["echo", "meet", "fail"]), json!(["fail", "echo"]));
    let (good, end) = (json!("be good"), json!("done: the model answered without calling a tool"));
    let (null, text) = (json!(null), |text: &str| json!(text));
    let expected = [
        (&text(""), &text("go"), &all, &null),
        (&good, &text("go"), &all, &null),
        (&good, &text("here"), &all, &null),
        (&good, &text("most"), &shown, &null),
        (&good, &text("most"), &shown, &text("changed")),
        (&good, &text("changed"), &shown, &null),
        (&good, &text("changed"), &shown, &end),
    ];
    assert_eq!(seen.len(), expected.len());
    for (seen, expected) in seen.iter().zip(&expected) {
        assert_eq!(seen, expected);
    }
    assert_eq!(ran.notes("got"), [json!("v")]);
    assert_eq!(ran.notes("blob"), [json!(5)]);
    let log = json!([{"log": {"level": 6, "line": "a line"}}]);
    assert_eq!(ran.count(|entry| matches!(entry, Entry::Decided { decisions, .. } if *decisions == log)), 1);
}

#[test]
fn the_request_is_what_before_model_left_and_is_restored_after_the_step() {
    let change = json!({"before_model": [{"show_tools": []}, {"sample": {"temperature": 0.5}}, {"use_model": "other"},
        {"constrain": {"type": "choice", "choices": ["a"]}}]});
    let other = "[model.other]\nuse = \"t/scripted\"\nconfig = { name = \"other\", replies = [{ text = \"request\", \
        calls = [{ tool = \"echo\" }] }] }\n";
    let once = probe("once", change).replace("config = {", "config = { from = 1, ");
    let replies = json!([{"text": "request", "calls": [{"tool": "echo"}]}, {"text": "unused"}, {"text": "request"}]);
    let parts = [once.as_str(), "[[tool]]\nuse = \"t/tools\"\n", other].concat();
    let ran = run(&scripted(replies, &parts));
    let replies: Vec<_> = ran.history().into_iter().filter(|line| line.starts_with("assistant")).collect();
    let line = |messages: u32, tools: &str, constraint: &str, temperature: &str, model: &str, call: &str| {
        format!(
            "assistant: {{\"messages\":{messages},\"tools\":[{tools}],\"constraint\":{{{constraint}}},\
             \"temperature\":{temperature},\"model\":\"{model}\"}}{call}"
        )
    };
    let all = "\"echo\",\"meet\",\"fail\"";
    assert_eq!(replies[0], line(1, all, "\"type\":\"free\"", "0.0", "main", "echo({})"));
    let choice = "\"type\":\"choice\",\"choices\":[\"a\"]";
    assert_eq!(replies[1], line(3, "", choice, "0.5", "other", "echo({})"));
    let refused = "tool: There is no tool `echo`; there are no tools.";
    assert_eq!(ran.history()[4], refused, "a tool that is not shown cannot be called");
}

#[test]
fn answers_stand_in_for_model_and_tool() {
    let answer =
        json!({"before_model": [{"answer": {"text": "", "calls": [{"id": "x", "tool": "fail", "with": {}}]}}]});
    let result = json!({"before_tool": [{"answer": {"result": "as if"}}]});
    let late = json!({"before_model": ["see"], "before_tool": ["see"], "after_model": ["see"], "after_tool": ["see"]});
    let parts = [probe("a", answer), probe("b", result), probe("late", late), "[budget]\nsteps = 1\n".into()].concat();
    let ran = run(&scripted(json!([{"text": "never"}]), &[&parts, "[[tool]]\nuse = \"t/tools\"\n"].concat()));
    assert_eq!(ran.history(), ["user: go", "assistant: fail({})", "tool: as if"]);
    assert_eq!(ran.count(|entry| matches!(entry, Entry::Chat { .. })), 0);
    let about: Vec<_> = ran.notes("seen").into_iter().map(|seen| seen["about"].clone()).collect();
    assert_eq!(
        about,
        [json!(""), json!(["fail", "as if", false])],
        "the rest of the hook is skipped, the next hook is not"
    );
}

#[test]
fn a_split_goes_on_with_the_processors_that_come_after() {
    let call = |id: &str, tool: &str| json!({"calls": [{"id": id, "tool": tool, "with": {"by": id}}]});
    let split_response = json!({"after_model": [{"split": [call("x", "echo"), call("y", "echo")]}]});
    let split_call = json!({"before_tool": [{"split": [call("p", "echo"), call("q", "echo")]}]});
    let change = json!({"after_model": ["see"], "before_tool": ["see", {"set_arguments": {"to": 1}}],
        "after_tool": ["see", {"set_result": "seen"}]});
    let parts = [probe("r", split_response), probe("c", split_call), probe("last", change)].concat();
    let parts = [&parts, "[budget]\nsteps = 1\n[[tool]]\nuse = \"t/tools\"\n"].concat();
    let ran = run(&scripted(json!([{"text": "one"}]), &parts));
    let history = [
        "user: go",
        "assistant: echo({\"by\":\"x\"})",
        "tool: seen",
        "tool: seen",
        "assistant: echo({\"by\":\"y\"})",
        "tool: seen",
        "tool: seen",
    ];
    assert_eq!(ran.history(), history);
    let about: Vec<_> = ran.notes("seen").into_iter().map(|seen| seen["about"].clone()).collect();
    let (p, q) = (json!(["echo", "{\"by\":\"p\"}"]), json!(["echo", "{\"by\":\"q\"}"]));
    let done = json!(["echo", "{\"to\":1}", false]);
    let turn = [p, q, done.clone(), done];
    assert_eq!(about, [&[json!(""), json!("")], &turn[..], &turn[..]].concat());
}

#[test]
fn an_action_given_as_reply_passes_the_tool_hooks() {
    let change = json!({
        "before_tool": ["see", {"set_arguments": {"action": "up"}}], "after_tool": ["see", {"set_result": "well done"}],
    });
    let ran = run_in_environment(&scripted(json!([{"text": "hop"}]), &probe("coach", change)), &[]);
    assert_eq!(ran.ended(), "done: the environment said it is over");
    assert_eq!(ran.history()[1..3], ["assistant: hop", "user: well done"]);
    let seen = ran.notes("seen");
    assert_eq!(seen[0]["about"], json!(["act", "{\"action\":\"hop\"}"]));
    assert_eq!(seen[1]["about"], json!(["act", "1", false]));
}

#[test]
fn an_interrupt_ends_the_episode_from_every_hook_that_may() {
    for hook in ["task_start", "step_start", "before_model", "after_model", "before_tool", "after_tool"] {
        let on = json!({hook: [{"interrupt": "enough"}, {"annotate": 1}], "task_end": ["see"]});
        let calls = json!([{"calls": [{"tool": "echo"}]}]);
        let ran = run(&scripted(calls, &[&probe("stop", on), "[[tool]]\nuse = \"t/tools\"\n"].concat()));
        assert_eq!(ran.ended(), "interrupted: stop: enough", "{hook}");
        assert_eq!(ran.notes("seen")[0]["about"], "interrupted: stop: enough");
        assert_eq!(ran.notes("note"), [json!(1)]);
    }
}

#[test]
fn a_pass_leaves_nothing() {
    let loud = run(&scripted(json!([{"text": "hi"}]), &probe("quiet", json!({}))));
    let silent = run(&scripted(json!([{"text": "hi"}]), ""));
    let kinds = |entries: &[(u64, Entry)]| entries.len();
    assert_eq!(kinds(&loud.entries), kinds(&silent.entries));
}
