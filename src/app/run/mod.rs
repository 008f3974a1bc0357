//! Running tasks given in words: one task with a harness file or a bundle, or many with a harness that is opened once.

pub(super) mod resume;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use harness_abi::Workspace as ToolFolder;
use harness_core::{Agent, assemble};
use harness_host::Host;
use harness_spec::{Features, Pool};
use serde::{Deserialize, Serialize};

pub use super::play::Played;
use super::{
    App, bundle, confinement, looks,
    play::{Task, Variant},
};
use crate::{Control, Event, Failure, lock::Patience};

/// One task, and who does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// The harness file, or a bundle's folder.
    pub file: PathBuf,
    /// The task. Not read where `resume` is given.
    #[serde(default)]
    pub prompt: String,
    /// Goes on with this episode, which was interrupted: its id, or how it alone begins.
    #[serde(default)]
    pub resume: Option<String>,
    /// Whether, where another process plays the episode of `resume`, this one waits for it to end.
    #[serde(default)]
    pub wait: bool,
    /// The model that plays in place of the file's, by a name of [`model_named`](super::model_named).
    #[serde(default)]
    pub model: Option<String>,
    /// The suite the task is like, where the file routes by it.
    #[serde(default)]
    pub suite: String,
    /// The kind the task is of, where the file routes by it.
    #[serde(default)]
    pub kind: String,
    /// Seed of everything random.
    #[serde(default = "one")]
    pub seed: u64,
    /// The folder tools work in; without one they have none.
    #[serde(default)]
    pub workspace: Option<PathBuf>,
    /// Whether a person sits at this process's terminal, who may answer what the harness's approvals ask.
    #[serde(default)]
    pub person: bool,
    /// Whether the reply is told as it is written, as [`Event::Reply`].
    #[serde(default)]
    pub stream: bool,
}

fn one() -> u64 {
    1
}

impl RunRequest {
    /// A task still to be given for this harness, with seed 1 and nothing else.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            prompt: String::new(),
            resume: None,
            wait: false,
            model: None,
            suite: String::new(),
            kind: String::new(),
            seed: 1,
            workspace: None,
            person: false,
            stream: false,
        }
    }
}

/// Runs one task. What happens is recorded; an episode that was cancelled or failed is a result, too: see [`Played::outcome`].
///
/// # Errors
///
/// The harness cannot be opened or assembled, there is no task, or the record fails.
pub fn run(app: &App, request: &RunRequest, control: &Control) -> Result<Played, Failure> {
    let opened = bundle::open(app, &request.file)?;
    let (pool, host) = (opened.played_by(app, request.model.as_deref(), &request.file)?, &opened.host);
    let earlier =
        request.resume.as_deref().map(|id| resume::read(app, id, Patience::of(request.wait), control)).transpose()?;
    let prompt = match &earlier {
        Some(earlier) => earlier.prompt.clone(),
        None => prompt(&request.prompt)?,
    };
    looks::of_prompt(app, host, &request.suite, &prompt, control);
    let known = Features { suite: request.suite.clone(), kind: request.kind.clone(), text: prompt.clone() };
    let name = pool.route(&known).to_owned();
    let mut harness = pool.variants.get(&name).cloned().unwrap_or_default();
    if request.person && !opened.is_bundle() {
        confinement::let_person_approve(&mut harness, host.catalogue())?;
    }
    let agent = assemble(&harness, host)?;
    opened.check(&name, &agent)?;
    let seed = earlier.as_ref().map_or(Ok(request.seed), |earlier| earlier.check(agent.variant()))?;

    let workspace = request.workspace.as_deref().map(confinement::workspace).transpose()?;
    let sandbox = confinement::of(&harness, host.catalogue())?;
    for (tool, mechanism) in &sandbox {
        control.tell(&Event::Confined {
            tool: tool.clone(),
            mechanism: mechanism.as_str().unwrap_or_default().to_owned(),
            workspace: workspace.as_ref().map(|folder| folder.path.clone()).unwrap_or_default(),
        });
    }
    let variant = Variant { host, name: &name, harness: &harness, agent: &agent, sandbox };
    app.play(variant, Task { prompt, seed, workspace, earlier, stream: request.stream }, control)
}

fn prompt(given: &str) -> Result<String, Failure> {
    match given.trim() {
        "" => Err(Failure::input("there is no task").hint("--prompt TEXT, or write it to standard input")),
        text => Ok(text.to_owned()),
    }
}

/// A harness that is opened once for many tasks: every variant of it is assembled.
pub struct OpenHarness {
    opened: bundle::Opened,
    pool: Pool,
    agents: BTreeMap<String, Agent>,
    workspace: Option<ToolFolder>,
}

/// A task for an open harness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRequest {
    /// The task.
    pub prompt: String,
    /// Seed of everything random.
    #[serde(default = "one")]
    pub seed: u64,
}

/// What an open harness is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HarnessAbout {
    /// Whether it is a bundle.
    pub bundled: bool,
    /// Its variants by name.
    pub variants: BTreeMap<String, VariantAbout>,
    /// It as a harness file.
    pub toml: String,
}

/// What a variant is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VariantAbout {
    /// The variant's id.
    pub id: String,
    /// By role, what each model says it is.
    pub models: BTreeMap<String, Vec<String>>,
    /// Tools by the names its model sees.
    pub tools: Vec<String>,
}

impl OpenHarness {
    /// Opens a harness file or a bundle, played by `model` if one is given, with `workspace` as the folder of its tools.
    ///
    /// # Errors
    ///
    /// It cannot be opened or assembled, or nothing would confine its commands.
    pub fn open(app: &App, file: &Path, model: Option<&str>, workspace: Option<&Path>) -> Result<Self, Failure> {
        let opened = bundle::open(app, file)?;
        let pool = opened.played_by(app, model, file)?;
        let mut agents = BTreeMap::new();
        for (name, harness) in &pool.variants {
            let agent = assemble(harness, &opened.host)?;
            opened.check(name, &agent)?;
            agents.insert(name.clone(), agent);
        }
        let workspace = workspace.map(confinement::workspace).transpose()?;
        for harness in pool.variants.values() {
            // Nothing is offered whose commands nothing would confine.
            confinement::of(harness, opened.host.catalogue())?;
        }
        Ok(Self { opened, pool, agents, workspace })
    }

    /// Does a task with the variant that the routes send it to.
    ///
    /// # Errors
    ///
    /// The prompt is empty, or the record fails.
    pub fn run(&self, app: &App, request: &TaskRequest, control: &Control) -> Result<Played, Failure> {
        let prompt = request.prompt.trim();
        if prompt.is_empty() {
            return Err(Failure::input("the prompt is empty; say what is to be done"));
        }
        let known = Features { text: prompt.to_owned(), ..Features::default() };
        let name = self.pool.route(&known);
        let (Some(agent), Some(harness)) = (self.agents.get(name), self.pool.variants.get(name)) else {
            return Err(Failure::new(format!("no variant `{name}` plays this")));
        };
        let sandbox = confinement::of(harness, self.host().catalogue())?;
        let variant = Variant { host: self.host(), name, harness, agent, sandbox };
        let task = Task {
            prompt: prompt.to_owned(),
            seed: request.seed,
            workspace: self.workspace.clone(),
            earlier: None,
            stream: false,
        };
        app.play(variant, task, control)
    }

    /// What it is.
    ///
    /// # Errors
    ///
    /// It cannot be written as a file.
    pub fn about(&self) -> Result<HarnessAbout, Failure> {
        let about = |agent: &Agent| VariantAbout {
            id: agent.variant().to_owned(),
            models: agent.model_digests(),
            tools: agent.tool_names().map(|tool| tool.to_string()).collect(),
        };
        Ok(HarnessAbout {
            bundled: self.opened.is_bundle(),
            variants: self.agents.iter().map(|(name, agent)| (name.clone(), about(agent))).collect(),
            toml: self.pool.to_toml().map_err(Failure::new)?,
        })
    }

    pub(super) fn host(&self) -> &Host {
        &self.opened.host
    }

    /// Its variants, their agents, and the folder of its tools, for whoever plays them.
    pub(super) fn into_parts(self) -> (Host, Pool, BTreeMap<String, Agent>, Option<ToolFolder>) {
        (self.opened.host, self.pool, self.agents, self.workspace)
    }
}
