//! How fast a record is digested: logical bytes (what `harness trace export` would write) per second of wall clock and of CPU,
//! and the memory it takes.
//!
//! Run it with `cargo bench -p harness-evolve --bench digest -- GIGABYTES READERS`; another process writes the record first, so the
//! file is in the page cache and the memory is the reader's alone. Every episode fails, so every entry is read.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, and stops at the first surprise")]

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness_abi::{Finish, Grade, Hook, Message, Observation, Usage};
use harness_evolve::{Categories, RecordDigest};
use harness_trace::{
    CallKey, Entry, EpisodeEnd, EpisodeStart, Filter, Outcome as Ending, Purpose, Recorder, Split, Store,
};

const STEPS: u64 = 30;
const TASKS: u64 = 500;
/// Names the record to the process that writes it.
const WRITE: &str = "DIGEST_BENCH_RECORD";

struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One failed game in a text world: a choice among twenty-five admissible actions each step.
fn episode(store: &Store, number: u64) {
    let name = format!("episode-{number:09}");
    let start = EpisodeStart {
        episode: name.clone(),
        run: "bench".to_owned(),
        harness: "0123456789abcdef".to_owned(),
        suite: "bench".to_owned(),
        split: Split::Explore.into(),
        task: format!("task-{:04}", number % TASKS),
        group: format!("group-{:04}", number % TASKS / 2),
        seed: number,
        ..EpisodeStart::default()
    };
    store.begin(start).unwrap();
    let task = Entry::Message { message: Message::user("Put a clean mug on the client in the second room.") };
    store.step(&name, 0, vec![task]).unwrap();
    for step in 1..=STEPS {
        let action = format!("go to shelf {}", (step * 7 + number) % 23);
        let place = (step * 13 + number) % 97;
        let admissible = (0..25).map(|k| format!("take item {k} from shelf {place}")).collect();
        let text = format!("You arrive at shelf {place}. On it you see a book {place}, a candle {step}, and a vase 1.");
        let entries = vec![
            Entry::Chat {
                role: "main".to_owned(),
                key: CallKey([step as u8; 32]),
                purpose: Purpose::Step,
                finish: Finish::STOP,
                usage: Usage { input_tokens: 900, cached_tokens: 800, output_tokens: 6, cost_micros: 0 },
                began: None,
                micros: 1200,
                replayed: false,
            },
            Entry::Decided {
                hook: Hook::AfterModel,
                module: "action_router".to_owned(),
                decisions: serde_json::json!([{"annotate": {"key": "subgoal", "value": "find the mug"}}]),
            },
            Entry::Message { message: Message::assistant(action) },
            Entry::Observed { observation: Observation { text: text.clone(), admissible, ..Observation::default() } },
            Entry::Message { message: Message::user(text) },
        ];
        store.step(&name, step, entries).unwrap();
    }
    let end = EpisodeEnd {
        outcome: Ending::Budget,
        reason: "steps".to_owned(),
        steps: STEPS,
        usage: Usage::default(),
        replayed: Usage::default(),
        micros: 1,
        state: serde_json::Value::Null,
        grade: Some(Grade::default()),
    };
    store.end(&name, end).unwrap();
}

/// CPU time of this process, ended threads included.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_ascii_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// Most memory since the last call, in megabytes.
fn peak() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    let kilobytes: f64 = line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    kilobytes / 1024.0
}

/// Writes episodes until they come to so many bytes as JSONL; gives how many bytes they are.
fn write(record: &Path, bytes: f64) -> f64 {
    let store = Store::open(record).unwrap();
    let mut counter = Counter(0);
    (0..100).for_each(|number| episode(&store, number));
    store.export_jsonl(&Filter::default(), &mut counter).unwrap();
    let each = counter.0 as f64 / 100.0;
    let episodes = (bytes / each).ceil() as u64;
    (100..episodes).for_each(|number| episode(&store, number));
    store.flush().unwrap();
    each * episodes.max(100) as f64
}

fn main() {
    if let Some(record) = std::env::var_os(WRITE) {
        let bytes = std::env::args().nth(1).unwrap().parse().unwrap();
        println!("{}", write(Path::new(&record), bytes));
        return;
    }
    let given: Vec<f64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let gigabytes = given.first().copied().unwrap_or(1.0);
    let readers = given.get(1).map_or(2, |readers| *readers as usize);
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record.sqlite");
    let bytes = (gigabytes * 1e9).to_string();
    let writer = Command::new(std::env::current_exe().unwrap()).arg(bytes).env(WRITE, &record).output().unwrap();
    let logical: f64 = String::from_utf8(writer.stdout).unwrap().trim().parse().unwrap();
    let store = Store::open(&record).unwrap();
    let file = std::fs::metadata(&record).unwrap().len() as f64;
    println!("{:.2} GB as JSONL, {:.2} GB on the disk", logical / 1e9, file / 1e9);
    for round in ["first", "again"] {
        peak();
        let (wall, busy) = (Instant::now(), cpu());
        let mut record_digest = RecordDigest::default();
        record_digest.extend(&store, &Filter::default(), &Categories::default(), readers).unwrap();
        let (wall, busy) = (wall.elapsed().as_secs_f64(), (cpu() - busy).as_secs_f64());
        println!(
            "{round}: {} episodes of {} tasks, {:.0} MB/s with {readers} readers ({wall:.1} s), {:.0} MB per CPU second, peak {:.0} MB",
            record_digest.episodes,
            record_digest.tasks.len(),
            logical / 1e6 / wall,
            logical / 1e6 / busy,
            peak(),
        );
    }
}
