//! Processor time and memory as the kernel counts them (Linux), and a record that keeps nothing.

use std::{fs, thread, time::Duration};

use harness_trace::{CallKey, Entry, EpisodeEnd, EpisodeStart, Recorder, StoredChat, StoredScores, TraceError};

/// Nanoseconds of processor time of all living threads of this process.
pub fn cpu_nanos() -> u64 {
    // The kernel brings a thread's count up to date when it is scheduled away.
    thread::sleep(Duration::from_micros(200));
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let count = |path: std::path::PathBuf| {
        let text = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or(0)
    };
    tasks.map(|task| count(task.unwrap().path())).sum()
}

/// Most bytes this process ever had resident.
pub fn peak_resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

/// Keeps nothing: what an episode costs without a record.
pub struct Nothing;

impl Recorder for Nothing {
    fn begin(&self, _: EpisodeStart) -> Result<(), TraceError> {
        Ok(())
    }
    fn step(&self, _: &str, _: u64, _: Vec<Entry>) -> Result<(), TraceError> {
        Ok(())
    }
    fn end(&self, _: &str, _: EpisodeEnd) -> Result<(), TraceError> {
        Ok(())
    }
    fn chat(&self, _: &CallKey) -> Result<Option<StoredChat>, TraceError> {
        Ok(None)
    }
    fn put_chat(&self, _: CallKey, _: StoredChat) -> Result<(), TraceError> {
        Ok(())
    }
    fn scores(&self, _: &CallKey) -> Result<Option<StoredScores>, TraceError> {
        Ok(None)
    }
    fn put_scores(&self, _: CallKey, _: StoredScores) -> Result<(), TraceError> {
        Ok(())
    }
    fn blob(&self, _: &str) -> Result<Option<Vec<u8>>, TraceError> {
        Ok(None)
    }
    fn put_blob(&self, _: &str, _: &[u8]) -> Result<String, TraceError> {
        Ok(String::new())
    }
}
