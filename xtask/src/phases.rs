//! How long each part of a command took.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use crate::failure::Outcome;

/// A clock over named parts.
pub struct Phases {
    began: Instant,
    parts: Vec<(String, Duration)>,
}

impl Phases {
    /// The clock starts.
    pub fn begin() -> Self {
        Self { began: Instant::now(), parts: Vec::new() }
    }

    /// Does one part. A part that fails is timed as well.
    pub fn part<T>(&mut self, name: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let start = Instant::now();
        let outcome = work();
        self.parts.push((name.to_owned(), start.elapsed()));
        outcome
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The parts and their sum, one a line, in seconds.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (name, took) in &self.parts {
            let _ = writeln!(text, "{name:<24} {:>7.1} s", took.as_secs_f64());
        }
        let _ = writeln!(text, "{:<24} {:>7.1} s", "all", self.elapsed().as_secs_f64());
        text
    }

    /// The parts as members of a JSON object, in seconds. Names are this program's own and need no escapes.
    pub fn json(&self) -> String {
        let parts = self.parts.iter().map(|(name, took)| format!("\"{name}\": {:.1}", took.as_secs_f64()));
        format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
    }
}
