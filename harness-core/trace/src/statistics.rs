//! Counts over many episodes: model calls by role and purpose, faults by module. Reads each step once, keeps only sums.

use std::collections::BTreeMap;

use harness_abi::Usage;
use rusqlite::params_from_iter;
use serde::Serialize;

use crate::{Entry, Filter, Purpose, Store, TraceError};

/// What model calls of one kind add up to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CallStatistics {
    /// Calls, replayed ones included.
    pub calls: u64,
    /// Of these, replayed from the record.
    pub replayed_calls: u64,
    /// Their usage, as if nothing had been replayed.
    pub usage: Usage,
    /// Of that, what replayed calls account for.
    pub replayed: Usage,
    /// Time of calls that were really made, in microseconds.
    pub micros: u64,
}

/// Which model calls are counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CallKind {
    /// The model role.
    pub role: String,
    /// The processor that asked; `None` for the step's own request.
    pub asked_by: Option<String>,
    /// Whether scores were asked for instead of a reply.
    pub score: bool,
}

/// Faults of one class of one module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultCount {
    /// The module.
    pub module: String,
    /// The hook's name, if it was at one.
    pub hook: Option<String>,
    /// The error's class.
    pub class: String,
    /// How often.
    pub faults: u64,
    /// In how many episodes.
    pub episodes: u64,
    /// The first one's message.
    pub example: String,
}

impl Store {
    /// Model calls of the episodes of a filter.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn call_statistics(&self, filter: &Filter) -> Result<BTreeMap<CallKind, CallStatistics>, TraceError> {
        let mut all = BTreeMap::<CallKind, CallStatistics>::new();
        for row in self.episodes(filter)? {
            for entry in self.entries(&row)? {
                let (role, purpose, usage, micros, replayed, score) = match entry?.1 {
                    Entry::Chat { role, purpose, usage, micros, replayed, .. } => {
                        (role, purpose, usage, micros, replayed, false)
                    }
                    Entry::Score { role, purpose, usage, micros, replayed, .. } => {
                        (role, purpose, usage, micros, replayed, true)
                    }
                    _ => continue,
                };
                let asked_by = match purpose {
                    Purpose::Step => None,
                    Purpose::Ask(module) => Some(module),
                    Purpose::Grade => Some("grader".to_owned()),
                };
                let sum = all.entry(CallKind { role, asked_by, score }).or_default();
                sum.calls += 1;
                sum.usage += usage;
                if replayed {
                    sum.replayed_calls += 1;
                    sum.replayed += usage;
                } else {
                    sum.micros += micros;
                }
            }
        }
        Ok(all)
    }

    /// Faults in the episodes of a filter, the most frequent first.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn faults(&self, filter: &Filter) -> Result<Vec<FaultCount>, TraceError> {
        let (condition, values) = filter.sql();
        // SQLite takes the bare column `message` from the row that has the minimum.
        let sql = format!(
            "SELECT module, hook, class, count(*), count(DISTINCT episode), message, min(num) FROM faults
             WHERE episode IN (SELECT num FROM episodes WHERE {condition})
             GROUP BY module, hook, class ORDER BY 4 DESC, module, hook, class"
        );
        self.select(&sql, params_from_iter(values), |row| {
            Ok(FaultCount {
                module: row.get(0)?,
                hook: row.get(1)?,
                class: row.get(2)?,
                faults: row.get::<_, i64>(3)?.cast_unsigned(),
                episodes: row.get::<_, i64>(4)?.cast_unsigned(),
                example: row.get(5)?,
            })
        })
    }
}
