//! The command lines of `harness` that a bench is made of: the one place that knows them.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    failure::{Failure, Outcome},
    place, process,
};

/// The model of a bench of record.
pub const MODEL: &str = "smollm2";
/// The stand-in of a smoke bench: any tool and any action with equal probability.
pub const STAND_IN: &str = "random";
/// The file of the weights below the user's cache.
const WEIGHTS: &str = "harness/models/smollm2-135m-instruct-q4_1.gguf";
/// What an evolution leaves in its folder for a machine.
pub const JSON: &str = "report.json";
/// What an evolution leaves in its folder for a person.
pub const HTML: &str = "report.html";

/// a benchmark a bench evolves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Its name on the command line.
    pub name: &'static str,
    /// The data a bench of record takes; none: what the suite generates.
    pub data: Option<&'static str>,
    /// What an evolution of record does more than a default one: as wide as the cost of an episode allows.
    record: &'static [&'static str],
}

/// What a newcomer sees first: needs no data, and the model earns the gain.
pub const FIRST: Suite = Suite { name: "everyday", data: None, record: &["--sealed=0", "--with=explore_groups=0"] };
/// The packs that it needs; fewer are built sooner.
pub const FIRST_PACKS: [&str; 3] = ["choice", "generic", "gguf"];

/// The other benchmarks of a record, in the order they are taken.
pub const SUITES: [Suite; 2] = [
    Suite {
        name: "functions",
        data: Some("bfcl"),
        record: &["--sealed=0", "--with=explore_groups=0", "--with=screen_tasks=32", "--with=rounds=5"],
    },
    Suite {
        name: "household",
        data: None,
        record: &["--sealed=60", "--with=explore_groups=16", "--with=screen_tasks=6", "--with=rounds=3"],
    },
];

/// Benchmarks that are taken when somebody asks for them.
const OTHERS: [Suite; 2] = [
    Suite { name: "mixed", data: Some("bfcl"), record: &["--sealed=0", "--with=explore_groups=16"] },
    Suite { name: "menus", data: None, record: &["--sealed=0", "--with=explore_groups=0"] },
];

/// The suites a person asked for: one by name, or all of a record.
pub fn suites(name: Option<&str>) -> Outcome<Vec<Suite>> {
    let Some(name) = name else { return Ok([FIRST].into_iter().chain(SUITES).collect()) };
    let named = [FIRST].into_iter().chain(SUITES).chain(OTHERS).find(|suite| suite.name == name);
    let hint = "--suite everyday, functions, household, mixed or menus";
    named.map(|suite| vec![suite]).ok_or_else(|| Failure::new(format!("no suite `{name}`")).hint(hint))
}

/// Fetches the model and the data these suites need; what is there already is checked, not fetched again.
pub fn pull(suites: &[Suite]) -> Outcome {
    let offline = "without a network: `cargo xtask bench --smoke`; with a model of your own: `harness evolve --help`";
    let hinted = |failure: Failure| failure.hint(offline);
    process::run(process::harness().args(["model", "pull", MODEL])).map_err(hinted)?;
    for data in suites.iter().filter_map(|suite| suite.data) {
        process::run(process::harness().args(["data", "pull", data])).map_err(hinted)?;
    }
    Ok(())
}

/// One evolution.
pub struct Evolution<'a> {
    /// The benchmark.
    pub suite: Suite,
    /// Whether a stand-in plays on tasks that need no download.
    pub smoke: bool,
    /// Whether it is a run of record: every task of a group, more sealed groups, wider screens.
    pub full: bool,
    /// Its budget of wall clock.
    pub budget: Duration,
    /// Where it leaves its reports and the final harness.
    pub out: &'a Path,
    /// The folder whose record it uses.
    pub workspace: &'a Path,
}

impl Evolution<'_> {
    /// The command line.
    pub fn command(&self) -> Command {
        let mut command = process::harness();
        command.current_dir(self.workspace).arg("--plugins").arg(place::plugins());
        command.args(["evolve", self.suite.name, "--model", if self.smoke { STAND_IN } else { MODEL }]);
        if let Some(data) = self.suite.data.filter(|_| !self.smoke) {
            command.args(["--data", data]);
        }
        if self.full {
            command.args(["--per-group", "0"]).args(self.suite.record);
        }
        command.args(["--minutes", &format!("{:.1}", self.budget.as_secs_f64() / 60.0)]);
        command.arg("--out").arg(self.out);
        command
    }
}

/// The weights in the user's cache, if `harness model pull` put them there.
pub fn weights() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    let path = cache.join(WEIGHTS);
    path.is_file().then_some(path)
}
