//! Mid-task adaptation.

use harness_trace::Entry;
use serde_json::json;

use crate::support::{probe, run, run_in_environment, scripted, toml, try_agent};

fn rule(when: &str, apply: serde_json::Value, rest: &str) -> String {
    format!("[[adapt]]\nwhen = {{ {when} }}\napply = {}\n{rest}", toml(&apply))
}

fn insert(id: &str, on: serde_json::Value) -> serde_json::Value {
    json!([{"op": "insert", "use": "t/probe", "id": id, "config": {"on": on}}])
}

#[test]
fn a_rule_switches_the_live_harness_at_a_step_boundary() {
    let supervisor = probe("supervisor", json!({"step_end": ["see"]}));
    let helper =
        json!({"task_start": [{"set_system": "try harder"}], "before_tool": [{"set_arguments": {"action": "up"}}]});
    let rules = rule("loop_detected = 2", insert("helper", helper), "");
    let ran = run_in_environment(&scripted(json!([{"text": "stay"}]), &[supervisor, rules].concat()), &[]);
    assert_eq!(ran.ended(), "done: the environment said it is over");
    let adapted: Vec<_> = ran
        .entries
        .iter()
        .filter_map(|(step, entry)| match entry {
            Entry::Adapted { rule, from, to } => Some((*step, *rule, from != to)),
            _ => None,
        })
        .collect();
    assert_eq!(adapted, [(1, 0, true)], "after the second equal step, once");
    assert_eq!(ran.episode.end.steps, 5);
    let seen: Vec<_> = ran.notes("seen").iter().map(|seen| (seen["called"].clone(), seen["system"].clone())).collect();
    let system: Vec<_> = seen.iter().map(|(_, system)| system.as_str().unwrap()).collect();
    assert_eq!(system, ["", "", "try harder", "try harder", "try harder"], "a new processor is called at task_start");
    let called: Vec<_> = seen.iter().map(|(called, _)| called.as_u64().unwrap()).collect();
    assert!(called.windows(2).all(|pair| pair[0] < pair[1]), "an unchanged one keeps its instance: {called:?}");
}

#[test]
fn conditions_are_told_by_the_trace_or_asked_for() {
    let tools = "[[tool]]\nuse = \"t/tools\"\n[budget]\nsteps = 4\n";
    let replies = json!([{"calls": [{"tool": "fail", "with": {"how": "error"}}]}, {"calls": [{"tool": "nope"}]}]);
    for (when, at) in [
        ("tool_errors = 1", Some(0)),
        ("tool_errors = 3", Some(2)),
        ("parse_failures = 1", Some(1)),
        ("parse_failures = 4", None),
        ("no_progress = 1", Some(2)),
        ("loop_detected = 3", Some(3)),
        ("budget_share = 0.5", Some(1)),
    ] {
        let rules = rule(when, insert("new", json!({})), "");
        let ran = run(&scripted(replies.clone(), &[tools, &rules].concat()));
        let fired = ran.entries.iter().find(|(_, entry)| matches!(entry, Entry::Adapted { .. })).map(|(step, _)| *step);
        assert_eq!(fired, at, "{when}: {}", ran.ended());
    }
    let signal = probe("watch", json!({"step_end": [{"adapt": "no_progress"}]}));
    let rules = rule("no_progress = 99", insert("new", json!({})), "");
    let ran = run(&scripted(replies, &[tools, &signal, &rules].concat()));
    assert_eq!(ran.count(|entry| matches!(entry, Entry::Adapted { .. })), 1, "once, though asked for at every step");
}

#[test]
fn rules_follow_one_another_and_a_changed_processor_is_new() {
    let first = probe("p", json!({"step_end": ["see"]}));
    let change = json!([{"op": "configure", "id": "p", "key": "from", "value": 1}]);
    let back = json!([{"op": "remove", "id": "p"}]);
    let rules =
        [rule("budget_share = 0.25", change, "id = \"one\"\n"), rule("budget_share = 0.5", back, "id = \"two\"\n")];
    let rules = rules.concat();
    let parts = [&first, rules.as_str(), "[[tool]]\nuse = \"t/tools\"\n[budget]\nsteps = 4\n"];
    let ran = run(&scripted(json!([{"calls": [{"tool": "echo"}]}]), &parts.concat()));
    assert_eq!(ran.count(|entry| matches!(entry, Entry::Adapted { .. })), 2);
    let seen: Vec<_> = ran.notes("seen").iter().map(|seen| (seen["step"].clone(), seen["called"].clone())).collect();
    assert_eq!(seen[0].0, json!(0));
    assert_eq!(seen[1].0, json!(1));
    assert_eq!(seen.len(), 2, "removed after the second step");
    assert!(seen[1].1.as_u64() < seen[0].1.as_u64(), "a new instance counts anew: {seen:?}");
}

#[test]
fn a_rule_that_cannot_apply_fails_assembly_or_the_episode() {
    let wrong = rule("tool_errors = 1", json!([{"op": "remove", "id": "ghost"}]), "");
    let error = try_agent(&scripted(json!([{"text": "x"}]), &wrong)).unwrap_err();
    assert!(error.to_string().contains("ghost"), "{error}");
    // Each applies alone; after the first, the second does not.
    let p = probe("p", json!({}));
    let rules = [
        rule("budget_share = 0.2", json!([{"op": "remove", "id": "p"}]), "id = \"one\"\n"),
        rule(
            "budget_share = 0.4",
            json!([{"op": "configure", "id": "p", "key": "from", "value": 1}]),
            "id = \"two\"\n",
        ),
    ];
    let parts = [p, rules.concat(), "[[tool]]\nuse = \"t/tools\"\n[budget]\nsteps = 5\n".into()].concat();
    let ran = run(&scripted(json!([{"calls": [{"tool": "echo"}]}]), &parts));
    assert!(ran.ended().starts_with("fault: adapt:two: the rule does not apply"), "{}", ran.ended());
}
