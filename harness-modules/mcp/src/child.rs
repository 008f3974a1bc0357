//! The process of a server: started with the variables its configuration names and no others, in a group of its own, ended with all it
//! started. What it says on standard error is kept for the error.

use std::{process::Stdio, time::Duration};

use harness_abi::{ErrorClass, ModuleError};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::AsyncReadExt,
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
};

use crate::{
    config::Config,
    strange::{Tail, Watched},
};

/// How long a server may take to end by itself once nobody speaks to it.
const FAREWELL: Duration = Duration::from_secs(2);

/// A running server.
pub struct Process {
    child: Option<Child>,
    group: Option<Pid>,
    /// Reads its standard error to the end.
    errors: Option<JoinHandle<()>>,
}

/// What a server's process said where no message belongs.
#[derive(Debug, Clone, Default)]
pub struct Words {
    strange: Tail,
    complaint: Tail,
}

impl Words {
    /// What was said, for an error; empty when nothing was.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (what, tail) in [
            ("its standard output, which is for messages alone, had", &self.strange),
            ("its standard error ends with", &self.complaint),
        ] {
            let said = tail.text();
            if !said.is_empty() {
                text.push_str(&format!("; {what} `{said}`"));
            }
        }
        text
    }
}

/// Starts the server's program; gives its process and what to read and write.
pub fn start(config: &Config, words: &Words) -> Result<(Process, Watched<ChildStdout>, ChildStdin), ModuleError> {
    let fail = |error: &dyn std::fmt::Display| {
        let program = config.command.first().map_or("", String::as_str);
        config.wrong(format_args!("cannot be started: `{program}`: {error}; is it installed, and on the PATH it gets?"))
    };
    let (program, arguments) = config.command.split_first().ok_or_else(|| fail(&"no program"))?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().kill_on_drop(true).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in &config.env {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    if !config.folder.is_empty() {
        command.current_dir(&config.folder);
    }
    let mut child = command.spawn().map_err(|error| fail(&error))?;
    let (Some(input), Some(output), Some(mut errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(fail(&"its pipes are missing"));
    };
    let complaint = words.complaint.clone();
    let errors = tokio::spawn(async move {
        let mut piece = [0; 1024];
        while let Ok(read @ 1..) = errors.read(&mut piece).await {
            complaint.push(piece.get(..read).unwrap_or_default());
        }
    });
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let process = Process { child: Some(child), group, errors: Some(errors) };
    Ok((process, Watched::new(output, words.strange.clone()), input))
}

impl Process {
    /// How it ended, once all it said is read; `None` if it goes on though its pipes are closed.
    pub async fn ended(&mut self) -> Option<String> {
        let child = self.child.as_mut()?;
        let status = tokio::time::timeout(FAREWELL, child.wait()).await.ok()?.ok()?;
        if let Some(errors) = self.errors.take() {
            // What it started may hold the pipe open.
            let _ = tokio::time::timeout(FAREWELL, errors).await;
        }
        Some(status.to_string())
    }
}

impl Drop for Process {
    /// Nobody speaks to it any more: it may end by itself, as the protocol wants, and then everything it started is ended.
    fn drop(&mut self) {
        let (Some(mut child), group) = (self.child.take(), self.group) else { return };
        let end = move |group: Option<Pid>| {
            // Nothing may be left of the group, which is no error.
            group.map(|group| kill_process_group(group, Signal::KILL))
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                let _ = tokio::time::timeout(FAREWELL, child.wait()).await;
                end(group);
                let _ = child.wait().await;
            })),
            Err(_) => drop(end(group)),
        }
    }
}

/// The error for a server that is gone.
pub fn gone(config: &Config, how: Option<String>, words: &Words) -> ModuleError {
    let how = how.map_or_else(|| "closed the connection".to_owned(), |how| format!("ended ({how})"));
    let message = format!("the MCP server `{}` {how}{}", config.name, words.text());
    ModuleError::new(ErrorClass::UNAVAILABLE, message)
}
