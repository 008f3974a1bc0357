//! A record digested as a whole: the same however many read it, and in however many goes.

use harness_abi::{Grade, Message, Observation, Usage};
use harness_evolve::{Categories, RecordDigest};
use harness_trace::{Entry, EpisodeEnd, EpisodeStart, Filter, Outcome as Ending, Recorder, Store};

fn record(store: &Store, number: u64) {
    let name = format!("episode-{number:04}");
    let start = EpisodeStart {
        episode: name.clone(),
        run: "run".to_owned(),
        task: format!("task-{}", number % 7),
        group: format!("group-{}", number % 7),
        ..EpisodeStart::default()
    };
    store.begin(start).unwrap();
    let observation =
        Observation { text: "a room".to_owned(), invalid: number.is_multiple_of(3), ..Observation::default() };
    let entries = vec![Entry::Message { message: Message::user("go") }, Entry::Observed { observation }];
    store.step(&name, 1, entries).unwrap();
    let reward = if number.is_multiple_of(5) { 1.0 } else { 0.0 };
    let end = EpisodeEnd {
        outcome: Ending::Done,
        reason: String::new(),
        steps: 1,
        usage: Usage::default(),
        replayed: Usage::default(),
        micros: 1,
        state: serde_json::Value::Null,
        grade: Some(Grade { reward, ..Grade::default() }),
    };
    store.end(&name, end).unwrap();
}

#[test]
fn any_number_of_readers_and_goes_finds_the_same() {
    let store = Store::in_memory().unwrap();
    let (filter, categories) = (Filter::default(), Categories::default());
    let mut in_two = RecordDigest::default();
    (0..700).for_each(|number| record(&store, number));
    assert_eq!(in_two.extend(&store, &filter, &categories, 2).unwrap(), 700);
    (700..1300).for_each(|number| record(&store, number));
    assert_eq!(in_two.extend(&store, &filter, &categories, 2).unwrap(), 600);
    assert_eq!(in_two.extend(&store, &filter, &categories, 2).unwrap(), 0);
    for readers in [1, 3] {
        let mut record_digest = RecordDigest::default();
        record_digest.extend(&store, &filter, &categories, readers).unwrap();
        assert_eq!((record_digest.episodes, &record_digest.tasks), (1300, &in_two.tasks));
    }
    let passes: u32 = in_two.tasks.values().map(|digest| digest.passes).sum();
    assert_eq!(passes, 260);
    let landscape = in_two.landscape();
    assert_eq!((landscape.tasks, landscape.passed), (7, 0));
    // What is kept of a task does not grow with the record.
    assert!(in_two.tasks.values().all(|digest| digest.anchors.len() <= 32));
    assert!(landscape.clusters.iter().all(|cluster| !cluster.anchors.is_empty()));
    // Nothing of another run.
    let mut other = RecordDigest::default();
    let filter = Filter { run: "other".to_owned(), ..Filter::default() };
    assert_eq!(other.extend(&store, &filter, &categories, 2).unwrap(), 0);
}
