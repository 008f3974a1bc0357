//! Reading data folders: layouts, groups, and what a broken file says.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use bench_functions::schema::tools;
use bench_functions::{Category, DataError, Dataset, Naming, Origin, check_ast, check_choice, oracle_calls};
use serde_json::json;

use crate::support::real_data;

const QUESTION: &str = r#"{"id": "multiple_0", "question": [[{"role": "user", "content": "hi"}]], "function": [{"name": "f", "description": "", "parameters": {"type": "dict", "properties": {"x": {"type": "integer"}}, "required": ["x"]}}]}"#;
const GOLD: &str = r#"{"id": "multiple_0", "ground_truth": [{"f": {"x": [1]}}]}"#;

fn folder(root: &Path, questions: &str, gold: &str) {
    fs::create_dir_all(root.join("possible_answer")).unwrap();
    fs::write(root.join("BFCL_v4_multiple.json"), questions).unwrap();
    fs::write(root.join("possible_answer/BFCL_v4_multiple.json"), gold).unwrap();
}

#[test]
fn the_self_written_set_is_whole_and_its_gold_answers_pass() {
    let data = Dataset::self_written().unwrap();
    assert_eq!(data.origin(), &Origin::SelfWritten);
    assert_eq!(data.categories().count(), Category::ALL.len());
    let mut ids = HashSet::new();
    for category in data.categories() {
        for task in data.tasks(category).unwrap() {
            assert!(ids.insert(&task.id), "{} twice", task.id);
            for naming in [Naming::Verbatim, Naming::Underscored] {
                let answer = oracle_calls(task, naming);
                assert_eq!(check_ast(task, &answer, naming), Ok(()), "{}", task.id);
                assert_eq!(check_choice(task, &answer, naming), Ok(()), "{}", task.id);
            }
        }
    }
    assert!((25..=40).contains(&ids.len()), "{} tasks", ids.len());
}

#[test]
fn live_tasks_are_grouped_by_their_second_number() {
    let data = Dataset::self_written().unwrap();
    let groups: Vec<&str> =
        data.tasks(Category::LiveMultiple).unwrap().iter().map(|task| task.group.as_str()).collect();
    assert_eq!(groups[..3], ["own_live_multiple/0"; 3]);
    assert_eq!(groups[3..], ["own_live_multiple/1"; 2]);
    let alone = &data.tasks(Category::Multiple).unwrap()[2];
    assert_eq!(alone.group, "own_multiple/2");
}

#[test]
fn the_real_data_has_the_published_counts() {
    let Some(data) = real_data() else { return };
    let expected = [
        (Category::SimplePython, 400, 400),
        (Category::Multiple, 200, 200),
        (Category::Parallel, 200, 200),
        (Category::ParallelMultiple, 200, 200),
        (Category::LiveSimple, 258, 138),
        (Category::LiveMultiple, 1_053, 280),
        (Category::LiveParallel, 16, 12),
        (Category::LiveParallelMultiple, 24, 21),
        (Category::Irrelevance, 240, 240),
        (Category::LiveIrrelevance, 884, 369),
        (Category::LiveRelevance, 16, 16),
    ];
    for (category, count, groups) in expected {
        let tasks = data.tasks(category).unwrap();
        let distinct: HashSet<&str> = tasks.iter().map(|task| task.group.as_str()).collect();
        assert_eq!((tasks.len(), distinct.len()), (count, groups), "{category}");
    }
}

#[test]
fn each_known_layout_opens() {
    for below in ["", "data", "bfcl_eval/data", "bfcl/2026.3.23", "2026.3.23"] {
        let root = tempfile::tempdir().unwrap();
        folder(&root.path().join(below), QUESTION, GOLD);
        let data = Dataset::open(root.path()).unwrap();
        assert_eq!(data.tasks(Category::Multiple).unwrap().len(), 1, "{below}");
        let absent = data.tasks(Category::Parallel).unwrap_err().to_string();
        assert!(absent.contains("no parallel tasks"), "{absent}");
        assert!(absent.contains("present: multiple"), "{absent}");
    }
    let empty = tempfile::tempdir().unwrap();
    let error = Dataset::open(empty.path()).unwrap_err();
    assert!(matches!(error, DataError::NotFound { .. }));
    assert!(error.to_string().contains("harness data pull bfcl"));
}

#[test]
fn a_broken_line_is_named_with_file_and_line() {
    let second = |line: &str| format!("{QUESTION}\n\n{line}\n");
    let cases = [
        (second("{\"id\": "), GOLD.to_owned(), "/BFCL_v4_multiple.json:3: EOF"),
        (second(QUESTION), GOLD.to_owned(), ":3: id \"multiple_0\" appears twice"),
        (
            second(&QUESTION.replace("multiple_0", "multiple_1")),
            GOLD.to_owned(),
            ":3: task \"multiple_1\" has no gold answer",
        ),
        (
            second(&QUESTION.replace("multiple_0", "parallel_1")),
            GOLD.to_owned(),
            ":3: id \"parallel_1\" in a file of multiple",
        ),
        (
            second(&QUESTION.replace("multiple_0", "multiple_1-2")),
            GOLD.to_owned(),
            ":3: id \"multiple_1-2\" is neither",
        ),
        (second(&QUESTION.replace("multiple_0", "multiple_x")), GOLD.to_owned(), ":3: id \"multiple_x\" is neither"),
        (QUESTION.replace("[[", "[[], ["), GOLD.to_owned(), ":1: task multiple_0: the question has 2 turns"),
        (QUESTION.replace("\"name\"", "\"title\""), GOLD.to_owned(), ":1: task multiple_0: function 0 has no name"),
        (QUESTION.replace("properties", "props"), GOLD.to_owned(), "function 0 has no parameters.properties"),
        (QUESTION.replace("\"user\"", "\"robot\""), GOLD.to_owned(), ":1: unknown variant `robot`"),
        (
            QUESTION.to_owned(),
            GOLD.replace("multiple_0", "multiple_9"),
            "/possible_answer/BFCL_v4_multiple.json:1: gold answer for \"multiple_9\"",
        ),
        (QUESTION.to_owned(), GOLD.replace("\"f\"", "\"g\""), ":1: gold answer of multiple_0 calls \"g\""),
        (QUESTION.to_owned(), GOLD.replace("[1]", "1"), ":1: gold answer of multiple_0: call 0 is not"),
        (QUESTION.to_owned(), String::new(), ":1: task \"multiple_0\" has no gold answer"),
    ];
    for (questions, gold, expected) in cases {
        let root = tempfile::tempdir().unwrap();
        folder(root.path(), &questions, &gold);
        let error = Dataset::open(root.path()).unwrap_err();
        assert!(matches!(error, DataError::Line { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error} lacks {expected}");
    }
    let root = tempfile::tempdir().unwrap();
    folder(root.path(), QUESTION, GOLD);
    fs::remove_file(root.path().join("possible_answer/BFCL_v4_multiple.json")).unwrap();
    assert!(matches!(Dataset::open(root.path()), Err(DataError::Io { .. })));
}

#[test]
fn a_model_is_offered_json_schema() {
    let data = Dataset::self_written().unwrap();
    let task = &data.tasks(Category::LiveSimple).unwrap()[0];
    let specs = tools(task, Naming::Underscored);
    assert_eq!(specs[0].name, "paint_coverage");
    let walls = &specs[0].parameters["properties"]["walls"];
    assert_eq!(specs[0].parameters["type"], "object");
    assert_eq!(walls["items"]["type"], "object");
    assert_eq!(walls["items"]["properties"]["width"]["type"], "number");
    assert_eq!(specs[0].parameters["required"], json!(["walls", "coats"]));
}
