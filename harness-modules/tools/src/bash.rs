//! `bash`: a command in the workspace, in a box. Refuses to run where nothing confines it, unless it was told to.

use std::{collections::BTreeMap, path::PathBuf};

use harness_abi::{ErrorClass, ModuleError, Tool, ToolOutput, ToolRequest, ToolSink, ToolSpec};
use harness_sandbox::{Choice, End, Job, JobLimits, Mechanism, Mount, Ran, SandboxError, choose, run};
use serde::Deserialize;
use serde_json::json;

use crate::{
    answer::{self, Refusal},
    folder::Folder,
};

/// Configuration; see `pack.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BashConfig {
    sandbox: Choice,
    network: bool,
    seconds: u64,
    output_bytes: usize,
    memory_mb: u64,
    processes: usize,
    file_mb: u64,
    written_mb: u64,
    env: Vec<String>,
    readable: Vec<PathBuf>,
}

/// The tool.
#[derive(Debug)]
pub(crate) struct Bash {
    config: BashConfig,
    mechanism: Mechanism,
    /// The variables that `env` names and this machine has.
    env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    command: String,
    #[serde(default)]
    timeout: Option<u64>,
}

impl Bash {
    pub fn new(config: BashConfig) -> Result<Self, ModuleError> {
        if let Some(path) = config.readable.iter().find(|path| !path.is_absolute()) {
            return Err(ModuleError::config(format_args!("`readable`: {} is no absolute path", path.display())));
        }
        let mechanism = choose(config.sandbox).map_err(ModuleError::config)?;
        let mut env = BTreeMap::new();
        for name in &config.env {
            let Some(value) = std::env::var_os(name) else { continue };
            let value = value.into_string().map_err(|_| {
                ModuleError::config(format_args!("`env`: the environment variable {name} is not UTF-8; set it anew"))
            })?;
            env.insert(name.clone(), value);
        }
        Ok(Self { config, mechanism, env })
    }

    fn job(&self, folder: &Folder, arguments: &Arguments) -> Job {
        let config = &self.config;
        let mut job = Job::new(["/bin/bash", "-c", &arguments.command], folder.path());
        job.at = (folder.at() != folder.path()).then(|| folder.at().to_owned());
        job.network = config.network;
        let seconds = arguments.timeout.map_or(config.seconds, |asked| asked.clamp(1, config.seconds));
        job.limits = JobLimits {
            millis: seconds * 1000,
            memory: config.memory_mb << 20,
            processes: config.processes,
            file: config.file_mb << 20,
            written: config.written_mb << 20,
            output: config.output_bytes,
        };
        let shown = config.readable.iter().filter(|path| path.exists());
        job.mounts = shown.map(|path| Mount { from: path.clone(), to: path.clone(), write: false }).collect();
        job.env.clone_from(&self.env);
        job
    }
}

/// What the model reads of a command that ended.
fn report(ran: &Ran, seconds: u64) -> Result<String, Refusal> {
    let mut text = ran.output.text(|missing| {
        format!(
            "[… {missing} of {} bytes cut; to see them, send the output to a file (> out.txt) and read parts of it …]",
            ran.output.total()
        )
    });
    let end = match &ran.end {
        End::Exit(0) if text.is_empty() => return Ok("(no output)".to_owned()),
        End::Exit(0) => return Ok(text),
        End::TimedOut => format!("ended after {seconds} s with everything it started; let long work run in parts"),
        end => end.to_string(),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    Err(Refusal(format!("{text}[{end}]")))
}

impl Tool for Bash {
    fn specs(&self) -> Vec<ToolSpec> {
        let network = if self.config.network { "" } else { " There is no network." };
        vec![ToolSpec {
            name: "bash".to_owned(),
            description: format!(
                "Runs a command with bash in the workspace and shows what it writes. Files outside the workspace cannot be written, /tmp is empty at each call, and nothing keeps running afterwards.{network}"
            ),
            input_schema: json!({
                "type": "object",
                "properties": {
                    "command": {"type": "string", "description": "The command, or a script of several lines"},
                    "timeout": {
                        "type": "integer", "minimum": 1, "maximum": self.config.seconds,
                        "description": format!("Seconds until it is ended; {} without it", self.config.seconds)
                    }
                },
                "required": ["command"],
                "additionalProperties": false
            }),
            read_only: false,
            idempotent: false,
        }]
    }

    fn call(&self, request: &ToolRequest<'_>, sink: &ToolSink) -> Result<ToolOutput, ModuleError> {
        let prepared = || -> Result<_, Refusal> {
            let folder = Folder::needed(request)?;
            let arguments: Arguments = answer::arguments(request)?;
            if arguments.command.contains('\0') {
                return Err(Refusal("a command cannot hold a zero byte".to_owned()));
            }
            Ok(self.job(&folder, &arguments))
        };
        let job = match prepared() {
            Ok(job) => job,
            Err(refusal) => return answer::output(Err(refusal)),
        };
        match run(&job, self.mechanism, &|| sink.cancelled()) {
            Ok(Ran { end: End::Cancelled, .. }) => {
                Err(ModuleError::new(ErrorClass::CANCELLED, "the command was cancelled"))
            }
            Ok(ran) => answer::output(report(&ran, job.limits.millis / 1000)),
            // Where it works is not the model's to choose.
            Err(error @ (SandboxError::Home { .. } | SandboxError::Names { .. } | SandboxError::Workspace { .. })) => {
                Err(ModuleError::config(error))
            }
            Err(error) => Err(ModuleError::fault(error)),
        }
    }
}
