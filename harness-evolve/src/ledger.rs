//! Where decisions are kept, and the rule of resuming: a run is played again from its start, and every decision must be
//! the one that is recorded. Refuses to restore a state by hand, and to go on from a decision it would not make again.

use std::sync::{Mutex, PoisonError};

use harness_trace::{Store, TraceError};
use serde::Serialize;
use serde_json::Value;

use crate::error::EvolveError;

/// Durable facts of runs, in order. A fact is on the disk before `put` returns.
pub trait Ledger: Send + Sync {
    /// Appends a fact.
    ///
    /// # Errors
    /// It could not be written.
    fn put(&self, run: &str, kind: &str, key: &str, value: &Value) -> Result<(), TraceError>;

    /// All facts of a kind of a run, in the order they were put.
    ///
    /// # Errors
    /// They could not be read.
    fn all(&self, run: &str, kind: &str) -> Result<Vec<(String, Value)>, TraceError>;

    /// All facts of a kind of all runs, each with its run, in the order they were put.
    ///
    /// # Errors
    /// They could not be read.
    fn everywhere(&self, kind: &str) -> Result<Vec<(String, Value)>, TraceError>;
}

impl Ledger for Store {
    fn put(&self, run: &str, kind: &str, key: &str, value: &Value) -> Result<(), TraceError> {
        self.put_fact(run, kind, key, value)
    }

    fn all(&self, run: &str, kind: &str) -> Result<Vec<(String, Value)>, TraceError> {
        Ok(self.facts(run, kind)?.into_iter().map(|fact| (fact.key, fact.value)).collect())
    }

    fn everywhere(&self, kind: &str) -> Result<Vec<(String, Value)>, TraceError> {
        Ok(self.facts_of_all_runs(kind)?.into_iter().map(|(run, fact)| (run, fact.value)).collect())
    }
}

/// A ledger that lives and dies with the process: for trying things out.
#[derive(Debug, Default)]
pub struct Memory {
    facts: Mutex<Vec<[String; 4]>>,
}

impl Memory {
    /// Every fact as (run, kind, key, JSON), in order.
    pub fn facts(&self) -> Vec<[String; 4]> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Ledger for Memory {
    fn put(&self, run: &str, kind: &str, key: &str, value: &Value) -> Result<(), TraceError> {
        let fact = [run.to_owned(), kind.to_owned(), key.to_owned(), value.to_string()];
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).push(fact);
        Ok(())
    }

    fn all(&self, run: &str, kind: &str) -> Result<Vec<(String, Value)>, TraceError> {
        let of_run = self.facts().into_iter().filter(|fact| fact[0] == run && fact[1] == kind);
        of_run.map(|[_, _, key, json]| Ok((key.clone(), read(&key, &json)?))).collect()
    }

    fn everywhere(&self, kind: &str) -> Result<Vec<(String, Value)>, TraceError> {
        let of_kind = self.facts().into_iter().filter(|fact| fact[1] == kind);
        of_kind.map(|[run, _, key, json]| Ok((run, read(&key, &json)?))).collect()
    }
}

fn read(key: &str, json: &str) -> Result<Value, TraceError> {
    serde_json::from_str(json).map_err(|source| TraceError::Corrupt { what: format!("fact {key}"), source })
}

/// The decisions of one run: those recorded are compared, those beyond are written.
pub(crate) struct Journal<'a, L> {
    ledger: &'a L,
    run: String,
    kind: &'static str,
    recorded: Vec<Value>,
    at: usize,
}

impl<'a, L: Ledger> Journal<'a, L> {
    pub fn open(ledger: &'a L, run: &str, kind: &'static str) -> Result<Self, EvolveError> {
        let recorded = ledger.all(run, kind)?.into_iter().map(|(_, value)| value).collect();
        Ok(Self { ledger, run: run.to_owned(), kind, recorded, at: 0 })
    }

    /// The decision that was taken here before, if this is a repetition.
    pub fn next_recorded(&self) -> Option<&Value> {
        self.recorded.get(self.at)
    }

    /// Puts a decision before it takes effect.
    pub fn decide(&mut self, name: &str, decision: &impl Serialize) -> Result<(), EvolveError> {
        // Through text, so that a float is compared as it will be read back.
        let value: Value = serde_json::from_str(&serde_json::to_string(decision)?)?;
        match self.recorded.get(self.at) {
            Some(recorded) if *recorded == value => {}
            Some(recorded) => {
                let (recorded, now) = apart(&recorded.to_string(), &value.to_string());
                return Err(EvolveError::Diverged { run: self.run.clone(), fact: self.at, recorded, now });
            }
            None => self.ledger.put(&self.run, self.kind, &format!("{:05} {name}", self.at), &value)?,
        }
        self.at += 1;
        Ok(())
    }
}

/// Both texts around the place where they part.
fn apart(a: &str, b: &str) -> (String, String) {
    let common = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let cut = |text: &str| -> String { text.chars().skip(common.saturating_sub(60)).take(160).collect() };
    (format!("…{}…", cut(a)), format!("…{}…", cut(b)))
}
