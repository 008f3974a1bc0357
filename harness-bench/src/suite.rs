//! A suite: dataset, harnesses, grader, in a file short enough to read on one screen. A mixed suite names others as its
//! parts and has no environment of its own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use evolve_gate::Shares;
use harness_spec::{Cell, Config, Harness, ModuleRef, Pool, Route};
use serde::{Deserialize, Serialize};

use crate::{ModelGrader, module_use::Use, source};

/// Where tasks of each use come from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Splits {
    /// Relative weights of explore, gate and sealed among the groups of the pool.
    pub explore: u32,
    /// See `explore`.
    pub gate: u32,
    /// See `explore`; 0 where the data itself names its sealed splits.
    pub sealed: u32,
    /// Most tasks taken of a group, drawn by hash; 0 takes all.
    #[serde(default)]
    pub per_group: usize,
    /// The environment's split that is the pool; all tasks when empty.
    #[serde(default)]
    pub pool: String,
    /// The environment's splits that may be sealed; the first that has tasks is.
    #[serde(default)]
    pub sealed_from: Vec<String>,
    /// Suites of earlier versions say into how many folds gate groups are dealt. The judge reads one stream of them now: the key is
    /// read and changes nothing, which `harness suite check` says.
    #[serde(default, skip_serializing)]
    pub folds: Option<u32>,
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

/// Most groups that a mixed suite takes of each of its parts, so that none outweighs the others; 0: all.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Most {
    /// Of explore.
    pub explore: usize,
    /// Of gate.
    pub gate: usize,
    /// Of sealed.
    pub sealed: usize,
}

/// What grades the tasks of a suite.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GraderSpec {
    /// A module.
    Module(Use),
    /// A model with a rubric.
    Model(ModelGrader),
}

impl GraderSpec {
    /// The module that is brought up for it: the grader itself, or the model that grades.
    pub fn module(&self) -> &ModuleRef {
        match self {
            Self::Module(module) => &module.module,
            Self::Model(grader) => &grader.model.module,
        }
    }
}

/// The table `[grader]`: a module (`use`, `config`), or a model that grades by a rubric (`rubric`, `model`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GraderTable {
    #[serde(rename = "use")]
    module: Option<ModuleRef>,
    config: Option<Config>,
    rubric: Option<String>,
    model: Option<Use>,
}

impl GraderTable {
    fn spec(self) -> Result<GraderSpec, String> {
        match self {
            Self { module: Some(module), config, rubric: None, model: None } => {
                Ok(GraderSpec::Module(Use { module, config: config.unwrap_or_default() }))
            }
            Self { module: None, config: None, rubric: Some(rubric), model: Some(model) } => {
                if rubric.trim().is_empty() {
                    return Err("the grader's `rubric` is empty; say what a reply must be to pass".to_owned());
                }
                Ok(GraderSpec::Model(ModelGrader { model, rubric }))
            }
            _ => Err("`[grader]` takes either `use` with its `config` (a module), or `rubric` and `model` (a model that grades)"
                .to_owned()),
        }
    }
}

/// An environment with its tasks: all of a plain suite, one of several in a mixed one.
#[derive(Debug, Clone)]
pub struct Part {
    /// The name of the suite it is.
    pub name: String,
    /// The suite's file; `None`: it comes with the program.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Use,
    /// What its configuration is besides, on data the user gave.
    pub data_config: Config,
    /// Turns final states into rewards.
    pub grader: GraderSpec,
    /// Further graders shown beside it.
    pub also: Vec<Use>,
    /// Its splits.
    pub splits: Splits,
    /// The harnesses written for it alone, by name: `initial`, `naive`, `rules`.
    pub harnesses: BTreeMap<String, Harness>,
}

/// What is evolved and what it is compared with.
#[derive(Debug, Clone)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Its file; `None`: it comes with the program.
    pub file: Option<PathBuf>,
    /// What its numbers are called when the environment makes its own tasks: never by a benchmark's name.
    pub label: String,
    /// What they are called on data the user gave.
    pub data_label: String,
    /// One line for a person.
    pub about: String,
    /// Its environments: one, or those of a mixed suite.
    pub parts: Vec<Part>,
    /// Most groups of each part.
    pub most: Most,
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
    label: Option<String>,
    data_label: Option<String>,
    #[serde(default)]
    about: String,
    /// A file of rows or a folder of task folders beside this one, in place of `environment`.
    tasks: Option<String>,
    /// That the rows are tasks done in a folder, as those of a folder always are, and how: configuration of `tasks/workspace`.
    workspace: Option<Config>,
    environment: Option<Use>,
    #[serde(default)]
    data_config: Config,
    /// `[verifier]` and `[judge]` are what files of earlier versions call it.
    #[serde(alias = "verifier", alias = "judge")]
    grader: Option<GraderTable>,
    #[serde(default)]
    also: Vec<Use>,
    splits: Option<Splits>,
    #[serde(default)]
    parts: Vec<String>,
    #[serde(default)]
    most: Most,
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
    #[error(
        "no suite `{name}`; there are {known}, and any folder that holds a suite.toml (`harness suite new` makes one)"
    )]
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

/// The file that makes a folder a suite.
const FILE: &str = "suite.toml";

/// Makes an environment of the path of tasks and, where they are done in a folder, how.
type EnvironmentOf<'a> = &'a dyn Fn(&str, Option<Config>) -> Result<Use, String>;

/// What a suite's file speaks of and does not hold.
struct Beside<'a> {
    /// The text of a harness file.
    harness: &'a dyn Fn(&str) -> Option<String>,
    /// The environment of its tasks.
    environment: EnvironmentOf<'a>,
    /// Another suite.
    part: &'a dyn Fn(&str) -> Result<Suite, SuiteError>,
}

/// Reads `bytes` as a suite's file, what it speaks of being there; gives whether they are one. For a fuzzer.
pub fn fuzz(bytes: &[u8]) -> bool {
    let module = || "tasks/questions".parse().map_err(|error| format!("{error}"));
    let beside = Beside {
        harness: &|_| Some("action = \"reply\"".to_owned()),
        environment: &|_, workspace| Ok(Use { module: module()?, config: workspace.unwrap_or_default() }),
        part: &|_| Suite::named("menus"),
    };
    std::str::from_utf8(bytes).is_ok_and(|text| {
        let suite = Suite::parse(text, Some(Path::new(FILE)), &beside);
        suite.is_ok_and(|suite| suite.pool("initial").is_some())
    })
}

type Bundle = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The suites that come with the program: name, `suite.toml`, harness files.
const BUILT_IN: &[Bundle] = &[
    (
        "everyday",
        include_str!("../suites/everyday/suite.toml"),
        &[
            ("initial.toml", include_str!("../suites/everyday/initial.toml")),
            ("naive.toml", include_str!("../suites/everyday/naive.toml")),
            ("rules.toml", include_str!("../suites/everyday/rules.toml")),
        ],
    ),
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
        "menus",
        include_str!("../suites/menus/suite.toml"),
        &[
            ("initial.toml", include_str!("../suites/menus/initial.toml")),
            ("naive.toml", include_str!("../suites/menus/naive.toml")),
            ("rules.toml", include_str!("../suites/menus/rules.toml")),
        ],
    ),
    (
        "mixed",
        include_str!("../suites/mixed/suite.toml"),
        &[("initial.toml", include_str!("../suites/mixed/initial.toml"))],
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

    /// The suite of that name, or in the folder of that path.
    ///
    /// # Errors
    ///
    /// There is none of that name, or its file cannot be read: what is wrong with it.
    pub fn named(name: &str) -> Result<Self, SuiteError> {
        Self::open(name, &[])
    }

    /// As [`Suite::named`], a part of these.
    fn open(name: &str, within: &[&str]) -> Result<Self, SuiteError> {
        // However its path is written.
        let real = Path::new(name).canonicalize().map_or_else(|_| name.to_owned(), |path| path.display().to_string());
        if within.contains(&&*real) {
            let message = "it is a part of itself; name other suites in `parts`".to_owned();
            return Err(SuiteError::File { suite: name.to_owned(), message });
        }
        let within = [within, &[&*real]].concat();
        if let Some((_, text, files)) = BUILT_IN.iter().find(|(known, ..)| *known == name) {
            let read = |file: &str| files.iter().find(|(known, _)| *known == file).map(|(_, text)| (*text).to_owned());
            let environment = |path: &str, _| Err(format!("tasks {path}: a suite that is built in has no files"));
            let part = |part: &str| Self::open(part, &within);
            return Self::parse(text, None, &Beside { harness: &read, environment: &environment, part: &part });
        }
        let path = Path::new(name);
        let folder = if path.ends_with(FILE) { path.parent().unwrap_or(path) } else { path };
        let file = folder.join(FILE);
        let text = source::text(&file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                SuiteError::Unknown { name: name.to_owned(), known: Self::names().collect::<Vec<_>>().join(", ") }
            }
            _ => SuiteError::File { suite: file.display().to_string(), message: error.to_string() },
        })?;
        let read = |harness: &str| source::beneath(folder, harness).and_then(|path| source::text(&path)).ok();
        let environment = |tasks: &str, workspace| {
            let path = source::beneath(folder, tasks).map_err(|error| format!("tasks {tasks}: {error}"))?;
            source::environment(&path, workspace)
        };
        let part = |part: &str| {
            if BUILT_IN.iter().any(|(known, ..)| *known == part) {
                return Self::open(part, &within);
            }
            let fail = |error: std::io::Error| SuiteError::File {
                suite: file.display().to_string(),
                message: format!("its part {part}: {error}; a part is a built-in suite or a folder beneath this one"),
            };
            Self::open(&source::beneath(folder, part).map_err(fail)?.to_string_lossy(), &within)
        };
        Self::parse(&text, Some(&file), &Beside { harness: &read, environment: &environment, part: &part })
    }

    /// Reads a suite's file, which lies at `path`; `None`: it comes with the program.
    fn parse(text: &str, path: Option<&Path>, beside: &Beside<'_>) -> Result<Self, SuiteError> {
        let place = path.map_or_else(|| "(built in)".to_owned(), |path| path.display().to_string());
        let mut file: File = toml::from_str(text)
            .map_err(|error| SuiteError::File { suite: place.clone(), message: error.to_string() })?;
        let name = file.name.clone();
        let fail = |message| SuiteError::File { suite: name.clone(), message };
        // Runs and their folders are called after it.
        if name.is_empty() || name.len() > 100 || name.contains(|c: char| c == '/' || c.is_control()) {
            let message =
                format!("its name {name:?} cannot be a part of a file's name; use letters, digits, `_` and `-`");
            return Err(SuiteError::File { suite: place.clone(), message });
        }
        let mut harnesses = BTreeMap::new();
        for (arm, path) in &file.harness {
            let text = (beside.harness)(path).ok_or_else(|| fail(format!("harness file {path} is not there")))?;
            let harness = Harness::parse(&text).map_err(|error| fail(format!("{path}: {error}")))?;
            harnesses.insert(arm.clone(), harness);
        }
        if !harnesses.contains_key("initial") {
            return Err(fail("it names no harness `initial`, which is what evolution starts from".to_owned()));
        }
        if let Some(tasks) = file.tasks.take() {
            if file.environment.is_some() {
                return Err(fail("it names both `tasks` and `environment`; a suite has one of them".to_owned()));
            }
            file.environment = Some((beside.environment)(&tasks, file.workspace.take()).map_err(fail)?);
            // A file named on the command line is another one.
            file.data_config.insert("sha256".to_owned(), String::new().into());
        }
        if file.workspace.is_some() {
            return Err(fail("`[workspace]` is about `tasks`, which it does not name".to_owned()));
        }
        let grader = file.grader.map(GraderTable::spec).transpose().map_err(fail)?;
        let parts = match (file.parts.is_empty(), file.environment, grader, file.splits) {
            (true, Some(environment), Some(grader), Some(splits)) => vec![Part {
                name: file.name.clone(),
                file: path.map(Path::to_owned),
                environment,
                data_config: file.data_config,
                grader,
                also: file.also,
                splits,
                harnesses: harnesses.clone(),
            }],
            (false, None, None, None) => {
                let named = |name: &String| (beside.part)(name).map(|suite| suite.parts);
                file.parts.iter().map(named).collect::<Result<Vec<_>, _>>()?.concat()
            }
            _ => {
                let needed =
                    "it needs either `parts`, or `tasks` (or an `environment`), `grader` and `splits` of its own";
                return Err(fail(needed.to_owned()));
            }
        };
        let label = file.label.unwrap_or_else(|| file.name.clone());
        Ok(Self {
            data_label: file.data_label.unwrap_or_else(|| label.clone()),
            label,
            name: file.name,
            file: path.map(Path::to_owned),
            about: file.about,
            parts,
            most: file.most,
            own_packs: file.own_packs,
            evolve: file.evolve,
            harnesses,
        })
    }

    /// A harness of its own by name; in a mixed suite that has none of that name, those of its parts, each for its part.
    pub fn pool(&self, name: &str) -> Option<Pool> {
        if let Some(harness) = self.harnesses.get(name) {
            return Some(harness.clone().into());
        }
        let mut pool = Pool::default();
        for part in self.parts.iter().filter(|_| self.is_mixed()) {
            let when = Cell { suite: Some(part.name.clone()), ..Cell::default() };
            pool.routes.push(Route { when, to: part.name.clone() });
            pool.variants.insert(part.name.clone(), part.harnesses.get(name)?.clone());
            pool.fallback.clone_from(&part.name);
        }
        (!pool.variants.is_empty()).then_some(pool)
    }

    /// Whether it has several environments.
    pub fn is_mixed(&self) -> bool {
        self.parts.len() > 1
    }
}
