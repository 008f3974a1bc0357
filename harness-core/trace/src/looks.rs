//! Who has seen which tasks: every play of a benchmark's tasks and every reading of their episodes, with the groups that were
//! seen. What a group was used for is asked by the run that judges on it, so that another seed or name of the split hides nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
};

use rusqlite::{params, params_from_iter};
use serde::{Deserialize, Serialize};

use crate::{EpisodeRow, Filter, Split, Store, TraceError, ledger::number, queue::LedgerRow};

/// How tasks were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookKind {
    /// A harness played them.
    #[default]
    Played,
    /// A person or a program read episodes of them.
    Read,
}

impl LookKind {
    /// The name in the record and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Played => "played",
            Self::Read => "read",
        }
    }

    fn from_name(name: &str) -> Self {
        if name == Self::Read.name() { Self::Read } else { Self::Played }
    }
}

/// A group of tasks that was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeenGroup {
    /// Its name in the benchmark of the run.
    pub name: String,
    /// A digest of its tasks: the same tasks have it under every name of suite and split.
    pub digest: u64,
}

/// A group of tasks of which a run holds episodes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordedGroup {
    /// The run.
    pub run: String,
    /// The suite.
    pub suite: String,
    /// What the run used the group for; `None` where it is not known.
    pub split: Option<Split>,
    /// The group's name.
    pub group: String,
}

impl From<&EpisodeRow> for RecordedGroup {
    fn from(row: &EpisodeRow) -> Self {
        let start = &row.start;
        let (run, suite, group) = (start.run.clone(), start.suite.clone(), start.group.clone());
        Self { run, suite, split: start.split.known(), group }
    }
}

/// Tasks of one split that were seen at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Look {
    /// The run that played them, or whose episodes were read.
    pub run: String,
    /// The suite.
    pub suite: String,
    /// A digest of all tasks of the suite; empty where it is not known.
    pub data: String,
    /// What the run used them for; `None` where it is not known.
    pub split: Option<Split>,
    /// How they were seen.
    pub kind: LookKind,
    /// The command line, for a person.
    pub command: String,
    /// Milliseconds since 1970, as the driver's clock says.
    pub at_ms: u64,
    /// The groups. Empty in looks that earlier versions wrote: then nobody knows which.
    pub groups: Vec<SeenGroup>,
}

/// One look at some groups of a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenBy {
    /// The run that played them, or whose episodes were read.
    pub run: String,
    /// How they were seen.
    pub kind: LookKind,
    /// The command line, for a person.
    pub command: String,
    /// How many of the groups it saw; 0 where an earlier version did not write down which.
    pub groups: usize,
}

/// What was seen of a split.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Seen {
    /// Each look, oldest first.
    pub looks: Vec<SeenBy>,
    /// Different groups of the split that somebody saw.
    pub groups: usize,
    /// Groups of the split in all.
    pub of: usize,
}

/// Looks that are named one by one; of more it is said how many they are.
const NAMED: usize = 4;

impl fmt::Display for Seen {
    /// "2 (bench-1f2e-1 played 12 of 45 groups; run-19a8 was read, 1 of 45 groups)".
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.looks.len())?;
        for (place, look) in self.looks.iter().take(NAMED).enumerate() {
            out.write_str(if place == 0 { " (" } else { "; " })?;
            let how = match look.kind {
                LookKind::Played => " played",
                LookKind::Read => " was read,",
            };
            match look.groups {
                0 => write!(out, "{}{how} an unknown part", look.run)?,
                groups => write!(out, "{}{how} {groups} of {} groups", look.run, self.of)?,
            }
        }
        match self.looks.len() {
            0 => Ok(()),
            few if few <= NAMED => out.write_str(")"),
            many => write!(out, "; and {} more)", many - NAMED),
        }
    }
}

/// What was seen of the splits that are to be seen rarely.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Looks {
    /// Of the groups that the judge decides on.
    pub gate: Seen,
    /// Of the groups that the report ends with.
    pub sealed: Seen,
}

impl Store {
    /// Counts a look; call it before the evaluation, or a crash hides it.
    ///
    /// # Errors
    ///
    /// The record cannot be written.
    pub fn log_look(&self, look: Look) -> Result<(), TraceError> {
        self.durable(LedgerRow::Look(look))
    }

    /// Looks at groups with these digests, whatever their suite was called, each with those of its groups alone; and looks at
    /// `suite` whose groups nobody knows. Oldest first.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn looks(&self, suite: &str, digests: &HashSet<u64>) -> Result<Vec<Look>, TraceError> {
        let all = self.select(
            "SELECT num, run, suite, data, split, kind, command, at_ms FROM looks ORDER BY num",
            [],
            |row| {
                let (split, kind): (String, String) = (row.get(4)?, row.get(5)?);
                let look = Look {
                    run: row.get(1)?,
                    suite: row.get(2)?,
                    data: row.get(3)?,
                    split: Split::from_name(&split),
                    kind: LookKind::from_name(&kind),
                    command: row.get(6)?,
                    at_ms: number(row, 7)?,
                    groups: Vec::new(),
                };
                Ok((row.get::<_, i64>(0)?, look))
            },
        )?;
        let mut looks: BTreeMap<i64, Look> = all.into_iter().collect();
        let mut with_groups = BTreeSet::new();
        let mut seen = Vec::new();
        self.select("SELECT look, digest, name FROM look_groups", [], |row| {
            let (look, digest): (i64, i64) = (row.get(0)?, row.get(1)?);
            with_groups.insert(look);
            let digest = digest.cast_unsigned();
            if digests.contains(&digest) {
                seen.push((look, SeenGroup { name: row.get(2)?, digest }));
            }
            Ok(())
        })?;
        for (num, group) in seen {
            if let Some(look) = looks.get_mut(&num) {
                look.groups.push(group);
            }
        }
        looks.values_mut().for_each(|look| look.groups.sort());
        looks.retain(|num, look| !look.groups.is_empty() || (!with_groups.contains(num) && look.suite == suite));
        Ok(looks.into_values().collect())
    }

    /// The groups that a run's looks of this kind are about.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn groups_seen(&self, run: &str, kind: LookKind) -> Result<BTreeSet<SeenGroup>, TraceError> {
        let groups = self.select(
            "SELECT name, digest FROM look_groups JOIN looks ON looks.num = look WHERE run = ?1 AND kind = ?2",
            params![run, kind.name()],
            |row| Ok(SeenGroup { name: row.get(0)?, digest: row.get::<_, i64>(1)?.cast_unsigned() }),
        )?;
        Ok(groups.into_iter().collect())
    }

    /// The groups of which there are episodes in a filter; episodes outside benchmarks have none.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn recorded_groups(&self, filter: &Filter) -> Result<Vec<RecordedGroup>, TraceError> {
        let (condition, values) = filter.sql();
        let sql = format!("SELECT DISTINCT run, suite, split, grp FROM episodes WHERE {condition} AND suite <> ''");
        self.select(&sql, params_from_iter(values), |row| {
            let split: String = row.get(2)?;
            let (run, suite, group) = (row.get(0)?, row.get(1)?, row.get(3)?);
            Ok(RecordedGroup { run, suite, split: Split::from_name(&split), group })
        })
    }

    /// The tasks of episodes outside benchmarks that no call began, each with its run: prompts of persons and clients.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn prompts(&self) -> Result<Vec<(String, String)>, TraceError> {
        self.select("SELECT run, task FROM episodes WHERE suite = '' AND parent = '' ORDER BY num", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }
}
