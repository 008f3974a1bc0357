//! Which split an episode's task belongs to, and the traces that stages may learn from.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Entry, EpisodeRow, EpisodeStart, Store, TraceError};

/// What a benchmark uses a task for. Every task of an opened benchmark has one, whatever name its data or a person calls it by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Its traces feed the stages of an evolution.
    Explore,
    /// Only the judge sees its outcomes.
    Gate,
    /// Played after the last round, for the report. A task outside the pool that a benchmark divides is sealed, too.
    Sealed,
}

impl Split {
    /// Every split.
    pub const ALL: [Self; 3] = [Self::Explore, Self::Gate, Self::Sealed];

    /// The name in the record, in JSON and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Explore => "explore",
            Self::Gate => "gate",
            Self::Sealed => "sealed",
        }
    }

    /// The split of a name; `None` for a name of the data's own.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|split| split.name() == name)
    }
}

impl fmt::Display for Split {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The split of an episode as the record holds it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EpisodeSplit {
    /// The episode played no task of a benchmark.
    #[default]
    None,
    /// The split its task belonged to.
    Of(Split),
    /// A name that an earlier version wrote without what it stood for (`all`, `valid_seen`): closed to every stage.
    Named(String),
}

impl EpisodeSplit {
    /// As text; empty outside benchmarks.
    pub fn name(&self) -> &str {
        match self {
            Self::None => "",
            Self::Of(split) => split.name(),
            Self::Named(name) => name,
        }
    }

    /// From text, as [`EpisodeSplit::name`] gives it.
    pub fn from_name(name: String) -> Self {
        match Split::from_name(&name) {
            Some(split) => Self::Of(split),
            None if name.is_empty() => Self::None,
            None => Self::Named(name),
        }
    }

    /// The split; `None` outside benchmarks and where it is not known.
    pub fn known(&self) -> Option<Split> {
        match self {
            Self::Of(split) => Some(*split),
            Self::None | Self::Named(_) => None,
        }
    }
}

impl From<Split> for EpisodeSplit {
    fn from(split: Split) -> Self {
        Self::Of(split)
    }
}

impl Serialize for EpisodeSplit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for EpisodeSplit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from_name)
    }
}

/// An episode whose trace is closed: its task is not an explore task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("episode {episode} is not of an explore task{}: nothing is learnt from its trace", .split.said())]
pub struct ClosedTrace {
    episode: String,
    split: EpisodeSplit,
}

impl EpisodeSplit {
    fn said(&self) -> String {
        match self.name() {
            "" => String::new(),
            name => format!(" (split {name})"),
        }
    }
}

/// What happened in an episode of an *explore* task. Whatever learns (digester, planner, evolver, meta model, memory) takes this
/// and not bare entries: it cannot be made of another episode.
#[derive(Debug, Clone, PartialEq)]
pub struct ExploreTrace {
    episode: String,
    entries: Vec<(u64, Entry)>,
}

impl ExploreTrace {
    /// The trace of the episode that began with `start`.
    ///
    /// # Errors
    ///
    /// The episode's task is not an explore task.
    pub fn new(start: &EpisodeStart, entries: Vec<(u64, Entry)>) -> Result<Self, ClosedTrace> {
        match start.split.known() {
            Some(Split::Explore) => Ok(Self { episode: start.episode.clone(), entries }),
            _ => Err(ClosedTrace { episode: start.episode.clone(), split: start.split.clone() }),
        }
    }

    /// The episode's id.
    pub fn episode(&self) -> &str {
        &self.episode
    }

    /// Every entry with its step, in the order they happened.
    pub fn entries(&self) -> &[(u64, Entry)] {
        &self.entries
    }
}

impl Store {
    /// The trace of an explore episode.
    ///
    /// # Errors
    ///
    /// Another episode's trace is closed ([`TraceError::Closed`]); the record cannot be read.
    pub fn explore_trace(&self, row: &EpisodeRow) -> Result<ExploreTrace, TraceError> {
        // Asked before a byte of it is read.
        let closed = ExploreTrace::new(&row.start, Vec::new())?;
        Ok(ExploreTrace { entries: self.entries(row)?.collect::<Result<_, _>>()?, ..closed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_explore_episode_gives_an_explore_trace() {
        for (name, open) in
            [("explore", true), ("gate", false), ("sealed", false), ("valid_seen", false), ("all", false), ("", false)]
        {
            let split = EpisodeSplit::from_name(name.to_owned());
            assert_eq!(split.name(), name);
            let start = EpisodeStart { episode: "e".to_owned(), split, ..EpisodeStart::default() };
            assert_eq!(ExploreTrace::new(&start, Vec::new()).is_ok(), open, "{name}");
            let text = serde_json::to_string(&start).unwrap();
            assert_eq!(serde_json::from_str::<EpisodeStart>(&text).unwrap(), start);
        }
    }
}
