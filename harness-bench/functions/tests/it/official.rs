//! Agreement with the leaderboard's own checker, on verdicts recorded from it by
//! `tests/official/record.py`.

use std::collections::BTreeMap;

use bench_functions::{Category, FunctionTask, Mismatch, Naming, check_ast, check_choice, oracle_calls};
use serde_json::{Value, json};

use crate::support::{calls, function, real_data, task};

const TASKS: &str = include_str!("../official/tasks.jsonl");
const ANSWERS: &str = include_str!("../official/answers.jsonl");
const ODD: &str = include_str!("../official/odd.jsonl");
const GROUND_TRUTHS: &str = include_str!("../official/ground_truths.jsonl");

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The official error types our reasons correspond to.
fn corresponds(ours: &Mismatch, official: &str) -> bool {
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| official.ends_with(suffix));
    match ours {
        Mismatch::WrongCount { .. } => ends(&[":wrong_count"]),
        Mismatch::WrongFunction { .. } => ends(&[":wrong_func_name"]),
        Mismatch::NotAnObject { .. } => ends(&[":decoder_wrong_output_format"]),
        Mismatch::MissingRequired(_) => ends(&[":missing_required"]),
        Mismatch::MissingOptional(_) => ends(&[":missing_optional"]),
        Mismatch::UnexpectedParameter(_) => ends(&[":unexpected_param"]),
        Mismatch::WrongType { .. } => ends(&["type_error:simple"]),
        Mismatch::WrongElementType(_) => official.starts_with("type_error:"),
        Mismatch::WrongValue(_) => official.starts_with("value_error:") || ends(&["unclear"]),
        Mismatch::WrongKey { .. } => ends(&["value_error:dict_key"]),
        Mismatch::WrongLength(_) => ends(&["value_error:list_dict_count"]),
        Mismatch::NoMatch(_) => ends(&[":cannot_find_match"]),
        Mismatch::Undefined(_) => official == "raise",
        Mismatch::WrongFunctions { .. } | Mismatch::CalledAnyway(_) | Mismatch::NoCall => false,
    }
}

fn agrees(ours: &Result<(), Mismatch>, official: &str) -> bool {
    match ours {
        Ok(()) => official.is_empty(),
        Err(reason) => corresponds(reason, official),
    }
}

#[test]
fn every_recorded_verdict_on_mutated_answers_is_ours_too() {
    let tasks: Vec<FunctionTask> = rows(TASKS)
        .into_iter()
        .map(|row| {
            let category = row[1].as_str().unwrap().parse().unwrap();
            task(category, row[2].clone(), row[3].clone())
        })
        .collect();
    let answers = rows(ANSWERS);
    let mut disagreements = Vec::new();
    for row in &answers {
        let task = &tasks[row[0].as_u64().unwrap() as usize];
        let naming = match row[1].as_str() {
            Some("u") => Naming::Underscored,
            _ => Naming::Verbatim,
        };
        let answer = calls(&row[3]);
        let ours = check_ast(task, &answer, naming);
        if !agrees(&ours, row[4].as_str().unwrap()) {
            disagreements.push(format!("{row}: {ours:?}"));
        }
        if ours.is_ok() {
            assert_eq!(check_choice(task, &answer, naming), Ok(()), "{row}");
        }
    }
    assert!(answers.len() >= 2_000, "{} answers", answers.len());
    assert!(
        disagreements.is_empty(),
        "{} of {} differ, such as {}",
        disagreements.len(),
        answers.len(),
        disagreements.join("\n")
    );
}

#[test]
fn every_recorded_verdict_on_odd_types_and_values_is_ours_too() {
    for row in rows(ODD) {
        let mut document = json!({"type": row[0]});
        if row[1].is_string() {
            document["items"] = json!({"type": row[1]});
        }
        let task = task(
            Category::SimplePython,
            json!([function("f", json!({"x": document}), &["x"])]),
            json!([{"f": {"x": row[2]}}]),
        );
        let answer = calls(&json!([["f", {"x": row[3]}]]));
        let ours = check_ast(&task, &answer, Naming::Verbatim);
        assert!(agrees(&ours, row[4].as_str().unwrap()), "{row}: {ours:?}");
    }
}

#[test]
fn every_recorded_verdict_on_ground_truths_is_ours_too() {
    let Some(data) = real_data() else { return };
    let tasks: BTreeMap<&str, &FunctionTask> = Category::ALL
        .into_iter()
        .flat_map(|category| data.tasks(category).unwrap())
        .map(|task| (task.id.as_str(), task))
        .collect();
    let truths = rows(GROUND_TRUTHS);
    let mut graded = BTreeMap::new();
    for row in &truths {
        let id = row[0].as_str().unwrap();
        let official = row[2].as_str().unwrap();
        let ours = check_ast(tasks[id], &calls(&row[1]), Naming::Verbatim);
        assert!(agrees(&ours, official), "{row}: {ours:?}");
        *graded.entry(id).or_insert(false) |= official.is_empty();
    }
    assert_eq!(graded.len(), 2_351);
    // The oracle is right wherever a right answer exists at all.
    for (id, task) in &tasks {
        for naming in [Naming::Verbatim, Naming::Underscored] {
            let verdict = check_ast(task, &oracle_calls(task, naming), naming);
            let possible = graded
                .get(id)
                .copied()
                .unwrap_or(!task.functions.is_empty() || !matches!(task.category, Category::LiveRelevance));
            assert_eq!(verdict.is_ok(), possible, "{id}: {verdict:?}");
        }
    }
}
