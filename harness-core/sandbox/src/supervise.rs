//! The supervisor: starts the command, adopts what it leaves, watches what it takes, and ends all of it. Refuses to end before
//! everything below it has.

use std::{
    io::{self, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitOptions, getpgid, getpgrp, kill_process, kill_process_group, wait};

use crate::{
    End, Job, Mechanism, confine, files,
    frame::{self, Order, Report},
    in_memory::InMemory,
    program::SUBCOMMAND,
    tree::{self, Process},
};

/// How often what the command takes is looked at.
const WATCH: Duration = Duration::from_millis(50);
/// How long the processes below are given to vanish once they were all told to.
const PATIENCE: Duration = Duration::from_secs(10);

enum Event {
    /// A process this one is the parent of ended.
    Ended(Pid, End),
    /// There is none any more.
    Alone,
    /// The host lost interest, or is no more.
    Gone,
}

/// The part of a sandbox that the message at standard input says: a supervisor, or a command. For the hidden subcommand
/// `sandbox-exec` of the command line.
///
/// # Errors
///
/// If this was not started by a sandbox.
pub fn serve() -> Result<(), String> {
    let fail = |error: io::Error| format!("this is started by a sandbox, not by a person: {error}");
    let line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned().map_err(fail)?);
    match frame::read(&line).map_err(fail)? {
        Order::Supervise(job, mechanism) => {
            let report = supervise(&job, mechanism, &line).unwrap_or_else(Report::Refused);
            // A host that is gone reads nothing.
            let _ = frame::write(&line, &report);
            Ok(())
        }
        Order::Become(job, mechanism) => {
            let why = confine::become_command(&job, mechanism);
            let _ = frame::write(&line, &why);
            Err(why)
        }
    }
}

fn supervise(job: &Job, mechanism: Mechanism, line: &UnixStream) -> Result<Report, String> {
    // What the command leaves behind becomes this process's own child, wherever it hides.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(|error| error.to_string())?;
    files::keep_signals()?;
    let began = Instant::now();
    let scratch = tempfile::Builder::new().prefix("harness-sandbox-").tempdir().map_err(|error| error.to_string())?;
    let in_memory = InMemory::before(job, scratch.path());
    let main = start(job, mechanism, scratch.path())?;
    let (tell, events) = channel();
    watch_host(line, tell.clone()).map_err(|error| error.to_string())?;
    std::thread::spawn(move || reap(&tell));
    let deadline = began + Duration::from_millis(job.limits.millis);
    let end = until(job, &in_memory, main, deadline, &events);
    finish(&events)?;
    Ok(Report::Ran { end })
}

/// Starts the command and waits until it is confined.
fn start(job: &Job, mechanism: Mechanism, scratch: &std::path::Path) -> Result<Pid, String> {
    let begin = || -> io::Result<(Pid, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(SUBCOMMAND).env_clear().env("TMPDIR", scratch).stdin(Stdio::from(OwnedFd::from(theirs)));
        let child = command.spawn()?;
        frame::write(&ours, &Order::Become(job.clone(), mechanism))?;
        let id =
            Pid::from_raw(child.id().cast_signed()).ok_or_else(|| io::Error::other("a process without a number"))?;
        Ok((id, ours))
    };
    let (id, line) = begin().map_err(|error| error.to_string())?;
    // The other end closes when the command takes over; before that, it says why it does not.
    match frame::read::<String>(&line) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(id),
        Err(error) => Err(error.to_string()),
        Ok(why) => Err(why),
    }
}

/// Notices when the host closes its end.
fn watch_host(line: &UnixStream, tell: Sender<Event>) -> io::Result<()> {
    let mut line = line.try_clone()?;
    std::thread::spawn(move || {
        let mut byte = [0];
        while let Err(error) = line.read(&mut byte) {
            if error.kind() != io::ErrorKind::Interrupted {
                break;
            }
        }
        let _ = tell.send(Event::Gone);
    });
    Ok(())
}

/// Takes leave of every process that ends, until there is none.
fn reap(tell: &Sender<Event>) {
    loop {
        let event = match wait(WaitOptions::empty()) {
            Ok(Some((id, status))) => {
                let end = match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => End::Exit(code),
                    (None, Some(signal)) => End::Signal(signal),
                    (None, None) => continue,
                };
                Event::Ended(id, end)
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => continue,
            Err(_) => Event::Alone,
        };
        let last = matches!(event, Event::Alone);
        if tell.send(event).is_err() || last {
            return;
        }
    }
}

/// Waits until the command ends, or must.
fn until(job: &Job, in_memory: &InMemory, main: Pid, deadline: Instant, events: &Receiver<Event>) -> End {
    let mut next = Instant::now() + WATCH;
    loop {
        let now = Instant::now();
        if now >= deadline {
            return End::TimedOut;
        }
        match events.recv_timeout(next.min(deadline).saturating_duration_since(now)) {
            Ok(Event::Ended(id, end)) if id == main => return end,
            Ok(Event::Ended(..)) => {}
            Ok(Event::Gone | Event::Alone) | Err(RecvTimeoutError::Disconnected) => return End::Cancelled,
            Err(RecvTimeoutError::Timeout) if Instant::now() >= next => {
                let looked = Instant::now();
                if let Some(which) = beyond(job, in_memory, &tree::below()) {
                    return End::Limit(which);
                }
                // Looking takes no more than a twentieth of the time.
                next = Instant::now() + WATCH.max(looked.elapsed() * 20);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// The bound that was crossed.
fn beyond(job: &Job, in_memory: &InMemory, processes: &[Process]) -> Option<String> {
    let limits = &job.limits;
    if processes.len() > limits.processes {
        return Some(format!("more than {} processes at a time", limits.processes));
    }
    // A file in memory that a process has mapped is counted twice: once too often rather than not at all.
    let memory = processes.iter().map(|process| process.memory).sum::<u64>();
    if memory > limits.memory || memory + in_memory.bytes(processes) > limits.memory {
        return Some(format!("more than {} MiB of memory in all", limits.memory >> 20));
    }
    // What ended processes wrote is counted with whoever took leave of them, in the end with this one.
    let written = processes.iter().map(|process| process.written).sum::<u64>() + tree::own().written;
    (written > limits.written).then(|| format!("more than {} MiB written", limits.written >> 20))
}

/// Ends everything below.
fn finish(events: &Receiver<Event>) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        tree::walk(end);
        loop {
            match events.recv_timeout(Duration::from_millis(1)) {
                Ok(Event::Alone) => return Ok(()),
                Ok(Event::Ended(..) | Event::Gone) => {}
                Err(_) => break,
            }
        }
        if Instant::now() > deadline {
            return Err(format!("{} processes of the command do not end", tree::below().len()));
        }
    }
}

/// Ends a process and its group: what forks faster than it is met is ended at once. The group is the command's own, because
/// the command began in a session of its own.
fn end(process: i32) {
    let Some(id) = Pid::from_raw(process) else { return };
    // Ended already, or about to: both are well.
    if let Ok(group) = getpgid(Some(id))
        && group != getpgrp()
    {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = kill_process(id, Signal::KILL);
}
