//! What does not count any more: calls whose replies were wrong, and the episodes that were played with them. The record only grows, so
//! nothing is taken out: a mark is put in, and who looks for a recorded reply or a result passes over what is marked.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CallKey, Entry, EpisodeRow, Filter, Store, TraceError, ledger::number, pool::lock, queue::LedgerRow};

/// Characters of a call's key, in hex, that name it.
const SHORTEST_KEY: usize = 8;

/// A mark that something does not count any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Void {
    /// When it was put, in milliseconds since 1970.
    pub at_ms: u64,
    /// Why, for a person.
    pub why: String,
}

/// What is doubted.
#[derive(Debug, Clone, Default)]
pub struct Doubted {
    /// Episodes by their ids or the beginnings of them, calls by the beginning of their keys in hex.
    pub names: Vec<String>,
    /// Episodes of this filter.
    pub filter: Option<Filter>,
    /// Only calls that a model of this name answered, or stood in for; empty: all calls.
    pub model: String,
}

/// What was marked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Voided {
    /// Ids of episodes, those of other runs that used the same calls among them.
    pub episodes: Vec<String>,
    /// Recorded calls.
    pub calls: u64,
}

impl Store {
    /// Marks the doubted calls, and every episode that was played with one of them, as void; what was void before stays as it is. It is on
    /// the disk when this returns.
    ///
    /// # Errors
    ///
    /// A name is none of an episode and of no call; the record cannot be read or written.
    pub fn void(&self, doubted: &Doubted, why: &str, at_ms: u64) -> Result<Voided, TraceError> {
        let mut keys: HashSet<CallKey> = HashSet::new();
        let mut rows: BTreeMap<i64, EpisodeRow> = BTreeMap::new();
        let mut take = |row: EpisodeRow| -> Result<(), TraceError> {
            let roles = if doubted.model.is_empty() { None } else { Some(self.roles_of(&row, &doubted.model)?) };
            let found = self.calls_of(&row, roles.as_ref())?;
            if roles.is_none() || !found.is_empty() {
                keys.extend(found);
                rows.insert(row.num, row);
            }
            Ok(())
        };
        let mut calls = Vec::new();
        for name in &doubted.names {
            match self.episode(name) {
                Ok(row) => take(row)?,
                Err(TraceError::NoEpisode { .. }) if name.len() >= SHORTEST_KEY => calls.push(name.to_lowercase()),
                Err(error) => return Err(error),
            }
        }
        if let Some(filter) = &doubted.filter {
            for row in self.episodes(&Filter { void: true, ..filter.clone() })? {
                take(row)?;
            }
        }
        let recorded = self.pool.read(all_calls)?;
        for name in &calls {
            let named = recorded.iter().filter(|(_, key)| key.to_hex().starts_with(name)).map(|(_, key)| *key);
            let before = keys.len();
            keys.extend(named);
            if keys.len() == before {
                return Err(TraceError::NoEpisode { id: name.clone() });
            }
        }
        let void = self.pool.read(void_calls)?;
        let nums: Vec<i64> = recorded
            .iter()
            .filter(|(num, key)| keys.contains(key) && !void.contains(num))
            .map(|(num, _)| *num)
            .collect();
        let episodes = self.played_with(&keys, rows)?;
        self.durable(LedgerRow::Void {
            calls: nums.clone(),
            episodes: episodes.keys().copied().collect(),
            at_ms,
            why: why.to_owned(),
        })?;
        lock(&self.shared.state).known.retain(|key, _| !keys.contains(key));
        Ok(Voided { episodes: episodes.into_values().collect(), calls: nums.len() as u64 })
    }

    /// The marks of episodes, by the episodes' numbers.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn voids(&self) -> Result<BTreeMap<i64, Void>, TraceError> {
        let sql = "SELECT episode, at_ms, why FROM voids WHERE episode IS NOT NULL ORDER BY num DESC";
        let marks =
            self.select(sql, [], |row| Ok((row.get::<_, i64>(0)?, Void { at_ms: number(row, 1)?, why: row.get(2)? })))?;
        Ok(marks.into_iter().collect())
    }

    /// Keys of the calls of an episode: of these roles, or all.
    fn calls_of(&self, row: &EpisodeRow, roles: Option<&BTreeSet<String>>) -> Result<HashSet<CallKey>, TraceError> {
        let mut keys = HashSet::new();
        for entry in self.entries(row)? {
            if let (_, Entry::Chat { role, key, .. } | Entry::Score { role, key, .. }) = entry?
                && roles.is_none_or(|roles| roles.contains(&role))
            {
                keys.insert(key);
            }
        }
        Ok(keys)
    }

    /// The roles of an episode that a model of this name serves, as its run's configuration says.
    fn roles_of(&self, row: &EpisodeRow, model: &str) -> Result<BTreeSet<String>, TraceError> {
        let harness = self.harness_of(row)?;
        let serves = |given: &Value| {
            let named = given["config"]["model"].as_str();
            named.or(given["use"].as_str()).is_some_and(|name| name == model)
        };
        let roles = harness["model"].as_object().into_iter().flatten();
        let roles =
            roles.filter(|(_, given)| serves(given) || given["fallback"].as_array().into_iter().flatten().any(serves));
        Ok(roles.map(|(role, _)| role.clone()).collect())
    }

    /// The harness of an episode as JSON, where its run's configuration holds it; else null.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn harness_of(&self, row: &EpisodeRow) -> Result<Value, TraceError> {
        let Some(run) = self.run(&row.start.run)? else { return Ok(Value::Null) };
        let config = &run.config;
        let served = config["variants"].as_object().and_then(|variants| {
            let (name, _) = variants.iter().find(|(_, id)| **id == row.start.harness)?;
            config["harness"][name].as_str()
        });
        Ok(served.or(config["harness"].as_str()).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
    }

    /// These episodes, those that used one of the calls, and those whose calls were answered by such; not those that are void.
    fn played_with(
        &self,
        keys: &HashSet<CallKey>,
        mut rows: BTreeMap<i64, EpisodeRow>,
    ) -> Result<BTreeMap<i64, String>, TraceError> {
        let all = self.episodes(&Filter { void: true, ..Filter::default() })?;
        for row in &all {
            if !rows.contains_key(&row.num) && !keys.is_empty() && !self.calls_of(row, None)?.is_disjoint(keys) {
                rows.insert(row.num, row.clone());
            }
        }
        let mut parents: Vec<String> = rows.values().map(|row| row.start.parent.clone()).collect();
        while let Some(parent) = parents.pop().filter(|parent| !parent.is_empty()) {
            for row in all.iter().filter(|row| row.start.episode == parent) {
                if rows.insert(row.num, row.clone()).is_none() {
                    parents.push(row.start.parent.clone());
                }
            }
        }
        let void = self.voids()?;
        rows.retain(|num, _| !void.contains_key(num));
        Ok(rows.into_iter().map(|(num, row)| (num, row.start.episode)).collect())
    }
}

/// Every recorded call: its number and its key.
pub(crate) fn all_calls(db: &Connection) -> Result<Vec<(i64, CallKey)>, TraceError> {
    let mut all = Vec::new();
    let mut statement = db.prepare("SELECT first, keys FROM call_keys ORDER BY first")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let first: i64 = row.get(0)?;
        let (keys, rest) = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?.as_chunks::<32>();
        if !rest.is_empty() {
            let why = format!("row {first} breaks off within a key");
            return Err(TraceError::Damaged { what: "the list of recorded calls".to_owned(), why });
        }
        all.extend((first..).zip(keys.iter().map(|key| CallKey(*key))));
    }
    Ok(all)
}

/// Numbers of the calls that are void.
pub(crate) fn void_calls(db: &Connection) -> Result<HashSet<i64>, TraceError> {
    let mut statement = db.prepare("SELECT call FROM voids WHERE call IS NOT NULL")?;
    let nums = statement.query_map([], |row| row.get(0))?;
    Ok(nums.collect::<Result<_, _>>()?)
}
