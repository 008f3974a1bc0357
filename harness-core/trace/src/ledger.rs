//! Runs and facts: what drivers must remember across a crash. Each is on the disk before the call returns.
//!
//! What a fact means is its writer's business; the record keeps order and bytes.

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{RunKind, Store, TraceError, queue::LedgerRow};

/// A run: one `harness bench`, one `harness evolve`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RunRecord {
    /// Unique in the store.
    pub id: String,
    /// What began it.
    #[serde(default)]
    pub kind: RunKind,
    /// The run it is a control of; empty for every other.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
    /// The command line, for a person.
    pub command: String,
    /// Milliseconds since 1970, as the driver's clock says.
    pub started_ms: u64,
    /// The suite; empty outside benchmarks.
    pub suite: String,
    /// Seed of the run.
    pub seed: u64,
    /// Its configuration.
    pub config: Value,
    /// The `harness.lock` it ran with; null without.
    pub lock: Value,
}

/// A fact of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Rises with every fact in the store.
    pub num: i64,
    /// What it is about, within its kind.
    pub key: String,
    /// What is so.
    pub value: Value,
}

impl Fact {
    /// The value as the type it was written from.
    ///
    /// # Errors
    ///
    /// What is recorded is not of this type.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, TraceError> {
        T::deserialize(&self.value)
            .map_err(|source| TraceError::Corrupt { what: format!("fact {} ({})", self.num, self.key), source })
    }
}

impl Store {
    pub(crate) fn durable(&self, row: LedgerRow) -> Result<(), TraceError> {
        self.shared.send(|state| {
            state.batch.ledger.push(row);
            Ok(())
        })?;
        self.shared.flush(true)
    }

    /// Registers a run. A run of this id that is there already stays as it is: the same command continues it.
    ///
    /// # Errors
    ///
    /// The record cannot be written, or the value has no JSON.
    pub fn begin_run(&self, run: RunRecord) -> Result<(), TraceError> {
        self.durable(LedgerRow::Run(run))
    }

    /// The controls of a run, oldest first.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn controls(&self, run: &str) -> Result<Vec<RunRecord>, TraceError> {
        Ok(self.runs()?.into_iter().filter(|other| other.kind == RunKind::Control && other.of == run).collect())
    }

    /// All runs, oldest first.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn runs(&self) -> Result<Vec<RunRecord>, TraceError> {
        self.select(
            "SELECT id, command, started_ms, suite, seed, config, lock, kind, control_of FROM runs ORDER BY num",
            [],
            |row| {
                let (config, lock, kind): (String, String, String) = (row.get(5)?, row.get(6)?, row.get(7)?);
                Ok(RunRecord {
                    id: row.get(0)?,
                    kind: RunKind::from_name(&kind),
                    of: row.get(8)?,
                    command: row.get(1)?,
                    started_ms: number(row, 2)?,
                    suite: row.get(3)?,
                    seed: number(row, 4)?,
                    config: json(&config, "a run's configuration")?,
                    lock: json(&lock, "a run's lock")?,
                })
            },
        )
    }

    /// The run of this id.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn run(&self, id: &str) -> Result<Option<RunRecord>, TraceError> {
        Ok(self.runs()?.into_iter().find(|run| run.id == id))
    }

    /// Appends a fact to a run. With it, everything sent before it is on the disk.
    ///
    /// # Errors
    ///
    /// The record cannot be written, or the value has no JSON.
    pub fn put_fact(&self, run: &str, kind: &str, key: &str, value: &impl Serialize) -> Result<(), TraceError> {
        let json = serde_json::to_string(value)
            .map_err(|source| TraceError::Corrupt { what: format!("the fact {kind} {key} to be recorded"), source })?;
        let (run, kind, key) = (run.to_owned(), kind.to_owned(), key.to_owned());
        self.durable(LedgerRow::Fact { run, kind, key, json })
    }

    /// The facts of a kind of a run, in the order they were put.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn facts(&self, run: &str, kind: &str) -> Result<Vec<Fact>, TraceError> {
        self.select(
            "SELECT num, key, json FROM facts WHERE run = ?1 AND kind = ?2 ORDER BY num",
            params![run, kind],
            fact,
        )
    }

    /// The facts of a kind of all runs, in the order they were put, each with its run.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn facts_of_all_runs(&self, kind: &str) -> Result<Vec<(String, Fact)>, TraceError> {
        self.select("SELECT num, key, json, run FROM facts WHERE kind = ?1 ORDER BY num", params![kind], |row| {
            Ok((row.get(3)?, fact(row)?))
        })
    }

    /// The last fact of a kind of a run under a key.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn fact(&self, run: &str, kind: &str, key: &str) -> Result<Option<Fact>, TraceError> {
        let found = self.select(
            "SELECT num, key, json FROM facts WHERE run = ?1 AND kind = ?2 AND key = ?3 ORDER BY num DESC LIMIT 1",
            params![run, kind, key],
            fact,
        )?;
        Ok(found.into_iter().next())
    }
}

fn fact(row: &Row<'_>) -> Result<Fact, TraceError> {
    let text: String = row.get(2)?;
    Ok(Fact { num: row.get(0)?, key: row.get(1)?, value: json(&text, "a fact")? })
}

/// A number without sign, kept by its bits.
pub(crate) fn number(row: &Row<'_>, column: usize) -> Result<u64, TraceError> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

pub(crate) fn json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, TraceError> {
    serde_json::from_str(text).map_err(|source| TraceError::Corrupt { what: what.to_owned(), source })
}
