//! The rules of marking that the recorded verdicts do not show by name.

use bench_functions::{Category, Mismatch, Naming, check_ast, check_choice};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{calls, function, task};

fn verdict(kind: &str, accepted: Value, given: Value) -> Result<(), Mismatch> {
    let document = match kind.strip_prefix("array of ") {
        Some(inner) => json!({"type": "array", "items": {"type": inner}}),
        None => json!({"type": kind}),
    };
    let task = task(
        Category::SimplePython,
        json!([function("f", json!({"x": document}), &["x"])]),
        json!([{"f": {"x": accepted}}]),
    );
    check_ast(&task, &calls(&json!([["f", {"x": given}]])), Naming::Verbatim)
}

#[test]
fn values_follow_the_official_rules() {
    let right = [
        ("float", json!([2.0]), json!(2)),
        ("integer", json!([1]), json!(1)),
        ("string", json!(["April 1, 2024"]), json!("april 1 2024")),
        ("string", json!(["it's"]), json!("IT\"S")),
        ("any", json!(["a-b"]), json!("ab")),
        ("array of integer", json!([[1, 2]]), json!([1, 2])),
        ("array of string", json!([["New York"]]), json!(["new york"])),
        ("array of string", json!([["a"], ""]), json!([])),
        ("array of dict", json!([[{"k": ["v", "w"]}]]), json!([{"k": "W"}])),
        ("dict", json!([{"a": [1], "b": ["", 2]}]), json!({"a": 1.0})),
        // A gold answer of another type than documented: compared as it stands.
        ("string", json!([5]), json!(5)),
        ("integer", json!(["n"]), json!("n")),
        ("boolean", json!([true]), json!(true)),
        ("integer", json!([null, ""]), json!(null)),
    ];
    for (kind, accepted, given) in right {
        assert_eq!(verdict(kind, accepted.clone(), given.clone()), Ok(()), "{kind} {accepted} {given}");
    }
    let wrong = [
        ("integer", json!([2]), json!(2.0)),
        ("integer", json!([1]), json!(true)),
        ("float", json!([1.0]), json!(true)),
        ("boolean", json!([true]), json!("true")),
        ("string", json!(["5"]), json!(5)),
        ("string", json!(["ab"]), json!("a b!")),
        ("integer", json!(["n"]), json!("N")),
        ("array of float", json!([[1.0]]), json!([1])),
        ("array of string", json!([["a", "b"]]), json!(["b", "a"])),
        ("array of dict", json!([[{"k": ["v"]}]]), json!([{"k": "v"}, {"k": "v"}])),
        ("dict", json!([{"a": [1]}]), json!({"a": 1, "b": 2})),
        ("dict", json!([{"a": [{"deep": "X"}]}]), json!({"a": {"deep": "x"}})),
    ];
    for (kind, accepted, given) in wrong {
        assert!(verdict(kind, accepted.clone(), given.clone()).is_err(), "{kind} {accepted} {given}");
    }
}

#[test]
fn tasks_without_a_defined_verdict_are_wrong_and_say_so() {
    for kind in ["number", "array of nothing"] {
        let verdict = verdict(kind, json!([[1], 1]), json!([1]));
        assert!(matches!(verdict, Err(Mismatch::Undefined(_))), "{verdict:?}");
    }
}

#[test]
fn choice_marks_names_alone() {
    let functions = json!([function("a.b", json!({"x": {"type": "integer"}}), &["x"]), function("c", json!({}), &[]),]);
    let gold = json!([{"a.b": {"x": [1]}}, {"c": {}}]);
    let task = task(Category::ParallelMultiple, functions, gold);
    let check = |list: Value, naming| check_choice(&task, &calls(&list), naming).is_ok();
    assert!(check(json!([["c", {}], ["a.b", "nonsense"]]), Naming::Verbatim));
    assert!(check(json!([["c", {}], ["a_b", {}]]), Naming::Underscored));
    assert!(!check(json!([["c", {}], ["a_b", {}]]), Naming::Verbatim));
    assert!(!check(json!([["c", {}]]), Naming::Verbatim));
    assert!(!check(json!([["c", {}], ["c", {}], ["a.b", {}]]), Naming::Verbatim));
}

#[test]
fn relevance_is_about_calling_at_all() {
    let functions = json!([function("f", json!({}), &[])]);
    let none = task(Category::Irrelevance, functions.clone(), json!([]));
    let any = task(Category::LiveRelevance, functions, json!([]));
    let (silent, called, stray) = (json!([]), json!([["f", {}]]), json!([["g", {}]]));
    let ast = |task, list| check_ast(task, &calls(list), Naming::Verbatim).is_ok();
    let choice = |task, list| check_choice(task, &calls(list), Naming::Verbatim).is_ok();
    assert!(ast(&none, &silent) && choice(&none, &silent));
    assert!(!ast(&none, &called) && !choice(&none, &called));
    assert!(!ast(&any, &silent) && !choice(&any, &silent));
    assert!(ast(&any, &called) && choice(&any, &called));
    assert!(ast(&any, &stray) && !choice(&any, &stray));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..3).prop_map(Value::from),
        prop_oneof![Just(1.0), Just(-0.5)].prop_map(Value::from),
        "[a'. ]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec(("[ab]", inner), 0..3).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever a task file accepts and a model sends, marking ends with a verdict, the same one
    /// each time; and whole calls that are right name the right functions.
    #[test]
    fn marking_is_total_and_deterministic(
        kind in prop::sample::select(vec!["string", "integer", "float", "boolean", "dict", "array of string", "array of dict", "array of array", "odd"]),
        accepted in prop::collection::vec(any_value(), 0..3),
        given in any_value(),
    ) {
        let first = verdict(kind, Value::from(accepted.clone()), given.clone());
        prop_assert_eq!(&first, &verdict(kind, Value::from(accepted), given));
    }
}
