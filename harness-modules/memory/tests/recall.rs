//! What is recalled, what is not, and which files are refused, through the pack itself.

use harness_abi::{Answer, Decision, Hook, Message, ModuleError, ProcessorBox};
use harness_host::testing::FakeContext;
use harness_memory::{MANIFEST, MemoryError, Note, Past, pack, write};
use harness_spec::PackManifest;
use serde_json::{Map, Value, json};

fn past() -> Vec<Past> {
    let one = |task: &str, worked: &str, episode: &str| Past {
        task: task.to_owned(),
        worked: worked.to_owned(),
        episode: episode.to_owned(),
    };
    vec![
        one("Heat the egg and put it on the table.", "You did: open fridge", "e1"),
        one("Clean the mug in the sink.", "You did: go to sink", "e2"),
        one("What is the capital of Peru?", "You said: Lima", "e3"),
    ]
}

fn config(module: &str, given: Value) -> String {
    let manifest = PackManifest::parse(MANIFEST).expect("manifest");
    let mut config: Map<String, Value> = manifest.module(module).expect("known").defaults().into_iter().collect();
    config.extend(given.as_object().cloned().unwrap_or_default());
    Value::Object(config).to_string()
}

fn processor(module: &str, given: Value) -> Result<ProcessorBox, ModuleError> {
    pack().processor()(module.into(), config(module, given).as_str().into()).into_result()
}

fn recall(given: Value) -> Result<ProcessorBox, ModuleError> {
    processor("recall", given)
}

fn told(module: &mut ProcessorBox, task: &str) -> (String, String) {
    let mut cx = FakeContext::default().history([Message::user(task)]);
    cx.system = "Be good.".into();
    let nobody = |_: &_| Answer::Failed { error: ModuleError::fault("nobody is asked") };
    let decisions = cx.call_hook(module, Hook::TaskStart, nobody).expect("decisions");
    let (mut system, mut note) = (String::new(), String::new());
    for decision in decisions {
        match decision {
            Decision::SetSystem { text } => system = text.into(),
            Decision::Annotate { value_json, .. } => note = value_json.into(),
            other => unreachable!("{other:?}"),
        }
    }
    (system, note)
}

#[test]
fn like_tasks_are_recalled_and_a_task_never_recalls_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("memory.sqlite");
    let written = write(&file, &past(), &[]).expect("written");
    assert_eq!(write(&file, &past(), &[]).expect("again").sha256, written.sha256, "the same past, the same bytes");
    let mut module =
        recall(json!({"file": file, "sha256": written.sha256, "count": 1, "header": "Before:"})).expect("it starts");
    let (system, note) = told(&mut module, "Heating an EGG: put it in the bin \" OR NEAR( *");
    assert_eq!(system, "Be good.\n\nBefore:\n\nTask: Heat the egg and put it on the table.\nYou did: open fridge");
    assert!(note.contains("e1") && note.contains(&written.sha256), "{note}");
    let (system, note) = told(&mut module, "what is the capital  of Peru?");
    assert!(!system.contains("Lima"), "{system}");
    assert!(!note.contains("\"e3\""), "{note}");
    assert_eq!(told(&mut module, "?!").0, "", "nothing alike, nothing said");
    let mut narrow = recall(json!({"file": file, "width": 40})).expect("it starts");
    assert!(told(&mut narrow, "clean the cup").0.contains("Task: Clean the mug in the sink.\nYou did…"), "cut");
}

#[test]
fn a_file_that_is_not_the_one_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("memory.sqlite");
    assert!(matches!(write(&file, &[], &[]), Err(MemoryError::Nothing)));
    let refused = |given: Value| match recall(given) {
        Err(error) => error.message.to_string(),
        Ok(_) => "nothing was refused".to_owned(),
    };
    assert!(refused(json!({"file": file})).contains("memory.sqlite"));
    write(&file, &past(), &[]).expect("written");
    assert!(refused(json!({"file": file, "sha256": "00"})).contains("was made for 00"));
    std::fs::write(&file, "SQLite format 3\0 and then nothing of the kind").expect("file");
    assert!(refused(json!({"file": file})).contains("harness memory build"));
}

#[test]
fn notes_like_the_task_come_first_then_the_newest_and_never_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("memory.sqlite");
    let note = |note: &str, task: &str| Note { note: note.into(), task: task.into(), episode: format!("of {task}") };
    let notes = [
        note("Eggs are kept in the fridge.", "Heat the egg."),
        note("A drawer opens once it is unlocked.", "Find the key."),
        note("Answers are numbers.", "How many cups?"),
    ];
    let written = write(&file, &[], &notes).expect("notes alone are a memory");
    assert_eq!((written.tasks, written.notes), (0, 3));
    let mut module = processor("notebook", json!({"file": file, "count": 2, "header": "Noted:"})).expect("it starts");
    let mut shown = |task: &str| told(&mut module, task).0;
    assert_eq!(shown("Egg, fridge?"), "Be good.\n\nNoted:\n- Eggs are kept in the fridge.\n- Answers are numbers.");
    assert_eq!(
        shown("heat  the EGG."),
        "Be good.\n\nNoted:\n- Answers are numbers.\n- A drawer opens once it is unlocked."
    );
    assert_eq!(shown("?"), "Be good.\n\nNoted:\n- Answers are numbers.\n- A drawer opens once it is unlocked.");
}

#[test]
fn what_tasks_share_is_found_in_every_script() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("memory.sqlite");
    let one = |task: &str| Past { task: task.into(), worked: "so".into(), episode: task.into() };
    let past = [
        one("東京タワーの高さを調べてください。"),
        one("ช่วยหาร้านอาหารในกรุงเทพ"),
        one("서울의 날씨를 알려 주세요."),
        one("Réserve un café à Orléans."),
        one("हिन्दी में उत्तर दो"),
    ];
    write(&file, &past, &[]).expect("written");
    let mut module = recall(json!({"file": file, "count": 1})).expect("it starts");
    for (task, found) in [
        ("東京タワーはどこ？", "東京タワーの高さ"),
        ("โรงแรมในกรุงเทพ", "ร้านอาหาร"),
        ("서울 지도", "서울의 날씨"),
        ("un cafe a Lyon", "Orléans"),
        ("le cafe\u{301}", "Orléans"),
        ("हिन्दी क्या है", "उत्तर दो"),
    ] {
        let (system, _) = told(&mut module, task);
        assert!(system.contains(found), "{task}: {system}");
    }
    // Another spelling of a task is the same task.
    let (_, note) = told(&mut module, "Re\u{301}serve un cafe\u{301} a\u{300} Orle\u{301}ans.");
    assert!(!note.contains("Orl"), "{note}");
}

#[test]
fn a_memory_of_an_older_layout_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("memory.sqlite");
    let db = rusqlite::Connection::open(&file).expect("a file");
    db.execute_batch(
        "CREATE VIRTUAL TABLE past USING fts5(task, worked UNINDEXED, episode UNINDEXED, tokenize = 'porter unicode61');
         CREATE VIRTUAL TABLE notes USING fts5(note, task UNINDEXED, episode UNINDEXED, tokenize = 'porter unicode61');
         INSERT INTO past VALUES ('Heat the egg.', 'open fridge', 'e1');
         PRAGMA user_version = 2",
    )
    .expect("layout 2");
    drop(db);
    let mut module = recall(json!({"file": file})).expect("it starts");
    assert!(told(&mut module, "heating eggs").0.contains("open fridge"));
}
