//! Episodes as rows: what a report, a digest and a resumed run ask for without reading a step.

use harness_abi::{Grade, Usage};
use rusqlite::{Row, params_from_iter, types::Value as Sql};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    EpisodeSplit, EpisodeStart, Outcome, Store, TraceError, decode,
    ledger::{json, number},
};

/// An episode without its steps and its final state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpisodeRow {
    /// Its number in the store: rises in the order episodes began.
    pub num: i64,
    /// What was known before it ran.
    pub start: EpisodeStart,
    /// How it ended; `None` while it runs, and for ever if it was killed. What follows is zero until then.
    pub outcome: Option<Outcome>,
    /// Why, for a person.
    pub reason: String,
    /// Steps taken.
    pub steps: u64,
    /// Sum over its model calls, as if nothing had been replayed.
    pub usage: Usage,
    /// Of that, what replayed calls account for.
    pub replayed: Usage,
    /// Wall clock in microseconds.
    pub micros: u64,
    /// The grader's grade, if it was graded.
    pub grade: Option<Grade>,
}

impl EpisodeRow {
    /// The reward; `None` if it was not judged.
    pub fn reward(&self) -> Option<f64> {
        self.grade.as_ref().map(|grade| grade.reward)
    }
}

/// Which episodes; what is empty does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this run.
    pub run: String,
    /// Those that answered calls of this episode; of `""` those that no call began.
    pub parent: Option<String>,
    /// Of this suite.
    pub suite: String,
    /// Of the split with this name.
    pub split: String,
    /// Of this harness.
    pub harness: String,
    /// Of this task.
    pub task: String,
    /// Of this group: in benchmarks the task's, in served sessions the session.
    pub group: String,
    /// Whose task holds these words, in whatever case (of ASCII).
    pub about: String,
    /// Only those that ended, however.
    pub ended: bool,
    /// Only those that ended so.
    pub outcome: Option<Outcome>,
    /// Those as well that do not count any more ([`Store::void`]).
    pub void: bool,
}

impl Filter {
    /// A condition over `episodes` and its parameters.
    pub(crate) fn sql(&self) -> (String, Vec<Sql>) {
        let fields = [
            ("run", &self.run),
            ("suite", &self.suite),
            ("split", &self.split),
            ("harness", &self.harness),
            ("task", &self.task),
            ("grp", &self.group),
        ];
        let mut sql = String::from(if self.ended { "outcome IS NOT NULL" } else { "TRUE" });
        let mut values = Vec::new();
        for (column, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            sql += &format!(" AND {column} = ?");
            values.push(Sql::Text(value.clone()));
        }
        if !self.about.is_empty() {
            sql += " AND task LIKE ? ESCAPE '\\'";
            let plain = self.about.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            values.push(Sql::Text(format!("%{plain}%")));
        }
        if let Some(parent) = &self.parent {
            sql += " AND parent = ?";
            values.push(Sql::Text(parent.clone()));
            if !parent.is_empty() {
                // As below, of the index over parents.
                sql += " AND parent <> ''";
            }
        }
        if let Some(outcome) = self.outcome {
            sql += " AND outcome = ?";
            values.push(Sql::Text(outcome.name().to_owned()));
        }
        if !self.void {
            sql += " AND ";
            sql += STANDS;
        }
        if !self.suite.is_empty() {
            // The index over rollouts leaves out episodes without suite; said so, it can be used.
            sql += " AND suite <> ''";
        }
        (sql, values)
    }
}

/// Holds for episodes that are not void.
const STANDS: &str = "num NOT IN (SELECT episode FROM voids WHERE episode IS NOT NULL)";

const COLUMNS: &str = "num, id, run, harness, suite, split, task, grp, seed, simulated, started_ms, outcome, reason,
    steps, micros, input_tokens, cached_tokens, output_tokens, cost_micros, replayed_input_tokens,
    replayed_cached_tokens, replayed_output_tokens, replayed_cost_micros, judgement, parent";

fn episode(row: &Row<'_>) -> Result<EpisodeRow, TraceError> {
    let start = EpisodeStart {
        episode: row.get(1)?,
        run: row.get(2)?,
        parent: row.get(24)?,
        harness: row.get(3)?,
        suite: row.get(4)?,
        split: EpisodeSplit::from_name(row.get(5)?),
        task: row.get(6)?,
        group: row.get(7)?,
        seed: number(row, 8)?,
        simulated: row.get(9)?,
        started_ms: number(row, 10)?,
    };
    let outcome: Option<String> = row.get(11)?;
    let mut episode = EpisodeRow {
        num: row.get(0)?,
        start,
        outcome: None,
        reason: String::new(),
        steps: 0,
        usage: Usage::default(),
        replayed: Usage::default(),
        micros: 0,
        grade: None,
    };
    let Some(name) = outcome else { return Ok(episode) };
    episode.outcome = Some(Outcome::from_name(&name).ok_or_else(|| TraceError::Damaged {
        what: format!("episode {}", episode.start.episode),
        why: format!("its outcome is {name:?}"),
    })?);
    let usage = |first: usize| -> Result<Usage, TraceError> {
        Ok(Usage {
            input_tokens: number(row, first)?,
            cached_tokens: number(row, first + 1)?,
            output_tokens: number(row, first + 2)?,
            cost_micros: number(row, first + 3)?,
        })
    };
    episode.reason = row.get(12)?;
    episode.steps = number(row, 13)?;
    episode.micros = number(row, 14)?;
    episode.usage = usage(15)?;
    episode.replayed = usage(19)?;
    let grade: Option<Vec<u8>> = row.get(23)?;
    episode.grade = grade.as_deref().map(decode::grade).transpose()?;
    Ok(episode)
}

impl Store {
    fn rows(&self, condition: &str, values: Vec<Sql>) -> Result<Vec<EpisodeRow>, TraceError> {
        let sql = format!("SELECT {COLUMNS} FROM episodes WHERE {condition}");
        self.select(&sql, params_from_iter(values), episode)
    }

    /// Episodes in the order they began.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn episodes(&self, filter: &Filter) -> Result<Vec<EpisodeRow>, TraceError> {
        let (condition, values) = filter.sql();
        self.rows(&format!("{condition} ORDER BY num"), values)
    }

    /// At most `most` episodes of a filter that began after the one of number `after`, in the order they began.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn episodes_after(&self, filter: &Filter, after: i64, most: usize) -> Result<Vec<EpisodeRow>, TraceError> {
        let (condition, mut values) = filter.sql();
        values.extend([after, i64::try_from(most).unwrap_or(i64::MAX)].map(Sql::Integer));
        self.rows(&format!("{condition} AND num > ? ORDER BY num LIMIT ?"), values)
    }

    /// The episodes of a run whose outcome counts ([`Outcome::counts`]), that are not void and that no call began, in the order they began.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn finished(&self, run: &str) -> Result<Vec<EpisodeRow>, TraceError> {
        let mut rows = self.episodes(&Filter {
            run: run.to_owned(),
            parent: Some(String::new()),
            ended: true,
            ..Filter::default()
        })?;
        rows.retain(|row| row.outcome.is_some_and(Outcome::counts));
        Ok(rows)
    }

    /// The result of a rollout that was paid already: the first episode of these coordinates whose outcome counts.
    ///
    /// An episode that was begun and killed, was cancelled, failed for reasons outside the harness or is void is none. The
    /// model's identity is part of the harness id.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn episode_result(
        &self,
        suite: &str,
        harness: &str,
        task: &str,
        seed: u64,
    ) -> Result<Option<EpisodeRow>, TraceError> {
        let values = vec![
            Sql::Text(suite.to_owned()),
            Sql::Text(harness.to_owned()),
            Sql::Text(task.to_owned()),
            Sql::Integer(seed.cast_signed()),
        ];
        let condition = format!(
            "suite = ? AND suite <> '' AND harness = ? AND task = ? AND seed = ? AND outcome IS NOT NULL AND {STANDS} ORDER BY num"
        );
        let rows = self.rows(&condition, values)?;
        Ok(rows.into_iter().find(|row| row.outcome.is_some_and(Outcome::counts)))
    }

    /// The episode whose id is, or alone begins with, `prefix`; one that answered a call by its whole id only. Of several attempts
    /// under one id, the last.
    ///
    /// # Errors
    ///
    /// No episode or several begin so, or the record cannot be read.
    pub fn episode(&self, prefix: &str) -> Result<EpisodeRow, TraceError> {
        const SHOWN: usize = 4;
        // The largest character there is comes after whatever may follow the prefix.
        let ids = self.select(
            "SELECT DISTINCT id FROM episodes WHERE id >= ?1 AND id <= ?1 || char(1114111) AND (parent = '' OR id = ?1)
             ORDER BY id LIMIT ?2",
            (prefix, SHOWN as i64),
            |row| Ok(row.get::<_, String>(0)?),
        )?;
        let id = match ids.as_slice() {
            [] => return Err(TraceError::NoEpisode { id: prefix.to_owned() }),
            [only] => only,
            [first, ..] if first == prefix => first,
            _ => return Err(TraceError::Ambiguous { prefix: prefix.to_owned(), candidates: ids }),
        };
        let rows = self.rows("id = ? ORDER BY num DESC LIMIT 1", vec![Sql::Text(id.clone())])?;
        rows.into_iter().next().ok_or_else(|| TraceError::NoEpisode { id: prefix.to_owned() })
    }

    /// The environment's final state of an episode; null when there is none.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn final_state(&self, episode: &EpisodeRow) -> Result<Value, TraceError> {
        let states = self.select("SELECT state FROM episodes WHERE num = ?1", [episode.num], |row| {
            Ok(row.get::<_, Option<String>>(0)?)
        })?;
        match states.into_iter().next().flatten() {
            Some(text) => json(&text, "an episode's final state"),
            None => Ok(Value::Null),
        }
    }
}
