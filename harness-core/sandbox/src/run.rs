//! Running a command: starts the supervisor, reads what comes, learns how it ended. Refuses places it cannot keep.

use std::{
    io,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    Job, Mechanism, Output, Own, Ran, SandboxError,
    frame::{self, Order, Report},
    program::{SUBCOMMAND, program},
};

/// How often the host is asked whether it is still interested.
const LOOK: Duration = Duration::from_millis(20);
/// How long a supervisor may take beyond the command's own time.
const GRACE: Duration = Duration::from_secs(20);

/// Runs `job` to its end. `cancelled` is asked now and then; once it says yes, the command is ended.
///
/// # Errors
///
/// If the command was not run, or its end is not known.
pub fn run(job: &Job, mechanism: Mechanism, cancelled: &dyn Fn() -> bool) -> Result<Ran, SandboxError> {
    let job = checked(job, mechanism)?;
    let start = |error: io::Error| SandboxError::Start(error.to_string());
    let (ours, theirs) = UnixStream::pair().map_err(start)?;
    let (output, written) = io::pipe().map_err(start)?;
    let mut command = Command::new(program()?);
    command.arg(SUBCOMMAND).env_clear().env("TMPDIR", std::env::temp_dir());
    command.stdin(Stdio::from(OwnedFd::from(theirs)));
    command.stdout(written.try_clone().map_err(start)?).stderr(written);
    // Ctrl-C is for the host, which ends its commands itself.
    command.process_group(0);
    let mut supervisor = command.spawn().map_err(start)?;
    // It holds the child's ends of socket and pipe.
    drop(command);
    let most = job.limits.output;
    let reader = std::thread::spawn(move || Output::read(output, most));
    let patience = Duration::from_millis(job.limits.millis) + GRACE;
    let answer = converse(&ours, Order::Supervise(job, mechanism), patience, cancelled);
    // With its end closed, whatever it still watches is ended.
    drop(ours);
    if answer.is_err() {
        // Ended already, or about to: both are well.
        let _ = supervisor.kill();
    }
    supervisor.wait()?;
    let output = reader.join().map_err(|_| io::Error::other("what it wrote was lost"))??;
    match answer {
        Ok(Report::Ran { end }) => Ok(Ran { end, output }),
        Ok(Report::Refused(why)) => Err(SandboxError::Refused(why)),
        Err(error) => {
            let said = output.text(|_| "…".to_owned());
            Err(SandboxError::Start(format!("{error}{}{}", if said.is_empty() { "" } else { ": " }, said.trim())))
        }
    }
}

/// Gives the order and receives the report.
fn converse(line: &UnixStream, order: Order, patience: Duration, cancelled: &dyn Fn() -> bool) -> io::Result<Report> {
    frame::write(line, &order)?;
    line.set_read_timeout(Some(LOOK))?;
    let until = Instant::now() + patience;
    let mut ended = false;
    loop {
        if !ended && cancelled() {
            line.shutdown(std::net::Shutdown::Write)?;
            ended = true;
        }
        match has_answered(line) {
            Ok(true) => {
                line.set_read_timeout(Some(GRACE))?;
                return frame::read(line);
            }
            Ok(false) if Instant::now() > until => return Err(io::Error::other("the supervisor does not answer")),
            Ok(false) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether something is there to be read.
fn has_answered(line: &UnixStream) -> io::Result<bool> {
    match rustix::net::recv(line, &mut [0; 1], rustix::net::RecvFlags::PEEK) {
        Ok((0, _)) => Err(io::Error::other("the supervisor ended without a word")),
        Ok(_) => Ok(true),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The job with its places as they really are; none of them may be what they must not.
fn checked(job: &Job, mechanism: Mechanism) -> Result<Job, SandboxError> {
    let workspace = job
        .workspace
        .canonicalize()
        .and_then(|path| if path.is_dir() { Ok(path) } else { Err(io::ErrorKind::NotADirectory.into()) })
        .map_err(|error| SandboxError::Workspace { path: job.workspace.clone(), why: error.to_string() })?;
    if mechanism != Mechanism::None && holds_home(&workspace) {
        return Err(SandboxError::Home { path: workspace });
    }
    let mut mounts = job.mounts.clone();
    for mount in &mut mounts {
        if mount.from == mount.to {
            mount.to = mount.from.canonicalize()?;
        }
        mount.from = mount.from.canonicalize()?;
    }
    if mechanism != Mechanism::Bubblewrap {
        let named = job.at.iter().map(|at| (&workspace, at)).chain(mounts.iter().map(|mount| (&mount.from, &mount.to)));
        if let Some((from, to)) = named.into_iter().find(|(from, to)| from != to) {
            return Err(SandboxError::Names { from: from.clone(), to: to.clone() });
        }
    }
    let own = match mechanism {
        Mechanism::None => Own::default(),
        _ => {
            let writable = mounts.iter().filter(|mount| mount.write).map(|mount| mount.from.clone());
            let roots: Vec<PathBuf> = std::iter::once(workspace.clone()).chain(writable).collect();
            Own::below(&roots, &crate::guarded())?
        }
    };
    Ok(Job { workspace, mounts, own, ..job.clone() })
}

/// Whether the user's own folder lies in it: what a shell reads when it starts, keys, who is trusted.
fn holds_home(folder: &Path) -> bool {
    let own = std::env::var_os("HOME").map(PathBuf::from).filter(|own| own.is_absolute());
    let own = own.map(|own| own.canonicalize().unwrap_or(own));
    folder == Path::new("/") || own.is_some_and(|own| own.starts_with(folder))
}
