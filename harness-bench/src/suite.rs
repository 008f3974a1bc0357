//! A suite: dataset, harnesses, verifier, in a file short enough to read on one screen.

use std::collections::BTreeMap;

use evolve_gate::Shares;
use harness_spec::{Config, Harness, ModuleRef};
use serde::Deserialize;

/// Where tasks of each use come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Splits {
    /// Relative weights of explore, gate and sealed among the groups of the pool.
    pub explore: u32,
    /// See `explore`.
    pub gate: u32,
    /// See `explore`; 0 where the data itself names its sealed splits.
    pub sealed: u32,
    /// Folds the gate groups are dealt into: one more than the ships a run can prove.
    pub folds: usize,
    /// Most tasks taken of a group, drawn by hash; 0 takes all.
    #[serde(default)]
    pub per_group: usize,
    /// The environment's split that is the pool; all tasks when empty.
    #[serde(default)]
    pub pool: String,
    /// The environment's splits that may be sealed; the first that has tasks is.
    #[serde(default)]
    pub sealed_from: Vec<String>,
}

impl Splits {
    /// The weights.
    pub fn shares(&self) -> Shares {
        Shares { explore: self.explore, gate: self.gate, sealed: self.sealed }
    }
}

/// How a suite is evolved when nothing else is said.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evolve {
    /// Groups of each arm measured on sealed tasks; 0: all.
    #[serde(default)]
    pub sealed: usize,
    /// Settings of the evolution by name.
    #[serde(default)]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// A module of a suite with its configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// Which module.
    #[serde(rename = "use")]
    pub module: ModuleRef,
    /// Its configuration.
    #[serde(default)]
    pub config: Config,
}

/// What is evolved and what it is compared with.
#[derive(Debug, Clone)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// What its numbers are called when the environment makes its own tasks: never by a benchmark's name.
    pub label: String,
    /// What they are called on data the user gave.
    pub data_label: String,
    /// One line for a person.
    pub about: String,
    /// Its world.
    pub environment: Use,
    /// What its configuration is besides, on data the user gave.
    pub data_config: Config,
    /// Turns final states into rewards.
    pub verifier: Use,
    /// Further verifiers shown beside it.
    pub also: Vec<Use>,
    /// Its splits.
    pub splits: Splits,
    /// Packs written for it: the *generic* arm does without them.
    pub own_packs: Vec<String>,
    /// How it is evolved.
    pub evolve: Evolve,
    /// Its harnesses by name: `initial`, `naive`, `rules`.
    pub harnesses: BTreeMap<String, Harness>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    label: String,
    data_label: String,
    about: String,
    environment: Use,
    #[serde(default)]
    data_config: Config,
    verifier: Use,
    #[serde(default)]
    also: Vec<Use>,
    splits: Splits,
    #[serde(default)]
    own_packs: Vec<String>,
    #[serde(default)]
    evolve: Evolve,
    harness: BTreeMap<String, String>,
}

/// Why a suite cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// There is none of that name.
    #[error("no suite `{name}`; there are: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// Its file does not parse.
    #[error("suite {suite}: {message}")]
    File {
        /// Which suite.
        suite: String,
        /// What is wrong.
        message: String,
    },
}

type Bundle = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The suites that come with the program: name, `suite.toml`, harness files.
const BUILT_IN: &[Bundle] = &[
    (
        "functions",
        include_str!("../suites/functions/suite.toml"),
        &[
            ("initial.toml", include_str!("../suites/functions/initial.toml")),
            ("naive.toml", include_str!("../suites/functions/naive.toml")),
            ("rules.toml", include_str!("../suites/functions/rules.toml")),
        ],
    ),
    (
        "household",
        include_str!("../suites/household/suite.toml"),
        &[
            ("initial.toml", include_str!("../suites/household/initial.toml")),
            ("naive.toml", include_str!("../suites/household/naive.toml")),
            ("rules.toml", include_str!("../suites/household/rules.toml")),
        ],
    ),
];

impl Suite {
    /// Names of the suites that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, ..)| *name)
    }

    /// The suite of that name.
    pub fn named(name: &str) -> Result<Self, SuiteError> {
        let bundle = BUILT_IN.iter().find(|(known, ..)| *known == name);
        let (_, text, files) = bundle.ok_or_else(|| SuiteError::Unknown {
            name: name.to_owned(),
            known: Self::names().collect::<Vec<_>>().join(", "),
        })?;
        Self::parse(text, |file| files.iter().find(|(known, _)| *known == file).map(|(_, text)| (*text).to_owned()))
    }

    /// Reads a suite's file; `read` gives the text of the harness files it names.
    pub fn parse(text: &str, read: impl Fn(&str) -> Option<String>) -> Result<Self, SuiteError> {
        let file: File = toml::from_str(text)
            .map_err(|error| SuiteError::File { suite: "(file)".to_owned(), message: error.to_string() })?;
        let fail = |message| SuiteError::File { suite: file.name.clone(), message };
        let mut harnesses = BTreeMap::new();
        for (arm, path) in &file.harness {
            let text = read(path).ok_or_else(|| fail(format!("harness file {path} is not there")))?;
            let harness = Harness::parse(&text).map_err(|error| fail(format!("{path}: {error}")))?;
            harnesses.insert(arm.clone(), harness);
        }
        if !harnesses.contains_key("initial") {
            return Err(fail("it names no harness `initial`, which is what evolution starts from".to_owned()));
        }
        Ok(Self {
            name: file.name,
            label: file.label,
            data_label: file.data_label,
            about: file.about,
            environment: file.environment,
            data_config: file.data_config,
            verifier: file.verifier,
            also: file.also,
            splits: file.splits,
            own_packs: file.own_packs,
            evolve: file.evolve,
            harnesses,
        })
    }
}
