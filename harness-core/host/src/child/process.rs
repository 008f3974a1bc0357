//! A child process: started with its setup, ended with a reason. Refuses to outlive its host: its control socket closes.

use std::{
    io::{Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream, unix::process::CommandExt, unix::process::ExitStatusExt},
    process::{ChildStderr, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use harness_spec::Permission;
use serde::{Deserialize, Serialize};

use super::{
    channel::Channel,
    passing,
    protocol::{Setup, Welcome},
    settings::ChildSettings,
    threads::{Core, Threads},
};

/// The exit code of a child that says why it gave up.
pub const GAVE_UP: i32 = 70;
/// The exit code of a child that did, and says, what it may not.
pub const NOT_ALLOWED: i32 = 77;
/// Variables that name places: who may read files may know where they are.
const PLACES: &[&str] = &["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"];
/// Bytes of standard error that are kept.
const TAIL: usize = 2 << 10;
/// Bytes of standard error that are read at all.
const MOST_SAID: usize = 1 << 20;
/// How long the last words of an ended process are waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How long a process whose pipes are closed is given to be gone.
const GOING: Duration = Duration::from_millis(200);
/// Most channels to one child: so many calls at once.
const MOST_CHANNELS: usize = 1024;

/// Why a child does not run.
#[derive(Debug)]
pub enum StartError {
    /// It could not be started, or will not run the pack: trying again is of no use.
    Refused(String),
    /// The pack ended it, or kept it from starting in time.
    Ended(String),
    /// Somebody outside ended or stopped it.
    Outside(String),
}

/// Why a process is no more.
#[derive(Debug)]
struct End {
    why: String,
    /// Somebody outside ended it: the pack cannot have.
    outside: bool,
}

/// A running child.
#[derive(Debug)]
pub struct Child {
    process: Mutex<std::process::Child>,
    control: Mutex<UnixStream>,
    /// Channels nobody calls on, and how many there are in all.
    channels: Mutex<(Vec<Channel>, usize)>,
    tail: Mutex<Vec<u8>>,
    said: Mutex<Option<Receiver<()>>>,
    pub(super) threads: Threads,
    ended: OnceLock<End>,
    /// Instances nobody needs any more; the next call says so.
    pub(super) dropped: Mutex<Vec<u64>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Child {
    /// Starts a child and waits until it has loaded its pack. The error says why it did not.
    pub fn start(settings: &ChildSettings, setup: &Setup) -> Result<Arc<Self>, StartError> {
        let fail = |what: &str, error| StartError::Refused(format!("{what}: {error}"));
        let program = match &settings.program {
            Some(program) => program.clone(),
            None => std::env::current_exe().map_err(|error| fail("this program cannot be found", error))?,
        };
        let (ours, theirs) = UnixStream::pair().map_err(|error| fail("no socket", error))?;
        let mut command = Command::new(&program);
        command.arg("plugin-host").stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-C is for the host, which ends its children when it is done with them.
        command.process_group(0);
        if !setup.permissions.contains(&Permission::Env) {
            command.env_clear();
            if setup.permissions.contains(&Permission::Fs) {
                command.envs(PLACES.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
            }
        }
        let mut process =
            command.spawn().map_err(|error| fail(&format!("{} cannot be started", program.display()), error))?;
        // It holds the child's end of the socket: while it does, a child that dies before it has said a word seems only slow.
        drop(command);
        let stderr = process.stderr.take();
        let child = Arc::new(Self {
            threads: Threads::of(process.id()),
            process: Mutex::new(process),
            control: Mutex::new(ours),
            channels: Mutex::default(),
            tail: Mutex::default(),
            said: Mutex::default(),
            ended: OnceLock::new(),
            dropped: Mutex::default(),
        });
        if let Some(stderr) = stderr {
            *lock(&child.said) = Some(child.listen(stderr));
        }
        match child.welcome(setup, settings.start_deadline) {
            Ok(Welcome::Ready) => Ok(child),
            Ok(Welcome::Refused(reason)) => {
                child.end(Some(&reason));
                Err(StartError::Refused(reason))
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && child.is_stopped() => {
                Err(StartError::Outside(child.end(Some(STOPPED)).to_owned()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                let seconds = settings.start_deadline.as_secs();
                Err(StartError::Ended(child.end(Some(&format!("it did not start within {seconds} s"))).to_owned()))
            }
            Err(_) => {
                let why = child.end(None).to_owned();
                Err(if child.ended_outside() { StartError::Outside(why) } else { StartError::Ended(why) })
            }
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        lock(&self.process).id()
    }

    fn welcome(&self, setup: &Setup, patience: Duration) -> std::io::Result<Welcome> {
        let mut control = lock(&self.control);
        control.set_read_timeout(Some(patience))?;
        control.set_write_timeout(Some(patience))?;
        write_message(&mut *control, setup)?;
        read_message(&mut *control)
    }

    /// Keeps the last words of the process.
    fn listen(self: &Arc<Self>, mut stderr: ChildStderr) -> Receiver<()> {
        let (done, said) = channel();
        let child = Arc::downgrade(self);
        std::thread::spawn(move || {
            let (mut buffer, mut total) = ([0; 1024], 0);
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                total += read;
                let Some(child) = child.upgrade().filter(|_| total <= MOST_SAID) else { break };
                let mut tail = lock(&child.tail);
                tail.extend(buffer.iter().take(read));
                let surplus = tail.len().saturating_sub(TAIL);
                tail.drain(..surplus);
            }
            // Nobody waits for the last words of a process that is not ended yet.
            let _ = done.send(());
        });
        said
    }

    /// Whether it is known to be no more.
    pub fn has_ended(&self) -> bool {
        self.ended.get().is_some()
    }

    /// Whether somebody outside ended it: a person, the system that has no memory left. The pack has no way to send itself that signal
    /// (`sandbox/calls.rs`), but for one with the permission `exec`.
    pub fn ended_outside(&self) -> bool {
        self.ended.get().is_some_and(|end| end.outside)
    }

    /// Whether somebody stopped it and has not let it go on.
    pub fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap_or_default();
        // The name stands in brackets and may hold anything.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['T', 't']))
    }

    /// Ends it, if it has not ended already, and says why it is no more: `why`, or how it ended by itself.
    pub fn end(&self, why: Option<&str>) -> &str {
        let end = self.ended.get_or_init(|| {
            let mut process = lock(&self.process);
            // One that only closed its pipes is ended here, and not by somebody outside.
            let gone = why.is_none() && is_gone(process.id(), GOING);
            // A process that is dying of something else keeps its own cause of death. What it started goes with it.
            let group = -(process.id() as libc::pid_t);
            // SAFETY: sends a signal to the group of a child that was not waited for, so the number is still its own.
            unsafe { libc::kill(group, libc::SIGKILL) };
            let status = process.wait();
            if let Some(said) = lock(&self.said).take() {
                // Processes it started may keep the pipe open.
                let _ = said.recv_timeout(LAST_WORDS);
            }
            let words = last_line(&lock(&self.tail));
            let how = match (why, &status) {
                (Some(why), _) => return End { why: why.to_owned(), outside: false },
                (None, Ok(status)) if matches!(status.code(), Some(NOT_ALLOWED | GAVE_UP)) => {
                    return End { why: words, outside: false };
                }
                (None, Ok(status)) => describe(*status),
                (None, Err(error)) => format!("it ended and cannot be asked how: {error}"),
            };
            let outside = gone && status.is_ok_and(|status| status.signal() == Some(libc::SIGKILL));
            End { why: if words.is_empty() { how } else { format!("{how}: {words}") }, outside }
        });
        &end.why
    }

    /// A channel nobody calls on, the one last called from this core if there is such; opened if there is none.
    pub fn channel(&self, core: Option<Core>) -> Result<Channel, String> {
        {
            let mut channels = lock(&self.channels);
            let near = core.and_then(|core| channels.0.iter().rposition(|channel| channel.core == Some(core)));
            let last = channels.0.len().checked_sub(1);
            if let Some(channel) = near.or(last) {
                return Ok(channels.0.remove(channel));
            }
            if channels.1 == MOST_CHANNELS {
                return Err(format!("{MOST_CHANNELS} calls are under way already"));
            }
            channels.1 += 1;
        }
        let open = || {
            let (from, to, theirs) = passing::pipes()?;
            passing::send(&lock(&self.control), &theirs)?;
            Ok(Channel::new(from, to))
        };
        open().map_err(|error: std::io::Error| {
            lock(&self.channels).1 -= 1;
            format!("no channel to it can be opened: {error}")
        })
    }

    /// Gives a channel back after a call that was answered.
    pub fn give_back(&self, channel: Channel) {
        lock(&self.channels).0.push(channel);
    }

    /// Closes a channel on which more may come than was asked for.
    pub fn discard(&self, channel: Channel) {
        drop(channel);
        lock(&self.channels).1 -= 1;
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end(Some("the host is done with it"));
    }
}

/// What is said of a child that was stopped until its time was over.
pub const STOPPED: &str = "its process was stopped from outside until its time was over";

/// Whether a child that was not waited for has ended by itself, or does within this time; it can still be waited for.
fn is_gone(id: u32, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    loop {
        let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: writes to memory of the right size, which zeros are a value of.
        let (answer, info) = unsafe { (libc::waitid(libc::P_PID, id, info.as_mut_ptr(), flags), info.assume_init()) };
        // SAFETY: `waitid` fills in this member, or leaves it zero where nothing has ended.
        if answer == 0 && unsafe { info.si_pid() } != 0 {
            return true;
        }
        if answer != 0 || Instant::now() >= until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// How a process ended.
fn describe(status: ExitStatus) -> String {
    let name = match status.signal() {
        Some(libc::SIGSEGV) => "SIGSEGV",
        Some(libc::SIGBUS) => "SIGBUS",
        Some(libc::SIGABRT) => "SIGABRT",
        Some(libc::SIGILL) => "SIGILL",
        Some(libc::SIGFPE) => "SIGFPE",
        // The name of the call is not known: the process was not let name it, or had blocked the signal.
        Some(libc::SIGSYS) => return "it tried to do what its permissions do not allow (SIGSYS)".to_owned(),
        Some(libc::SIGKILL) => "SIGKILL",
        Some(libc::SIGXCPU) => "SIGXCPU",
        Some(_) => "a signal",
        None => "",
    };
    match (status.signal(), status.code()) {
        (Some(number), _) => format!("its process was ended by {name} ({number})"),
        (None, Some(code)) => format!("its process ended itself with code {code}"),
        (None, None) => "its process ended".to_owned(),
    }
}

/// The last line that says something, made fit for one line of a record.
fn last_line(tail: &[u8]) -> String {
    let text = String::from_utf8_lossy(tail);
    let says = |line: &&str| !line.trim().is_empty() && !line.starts_with("note: ");
    let line = text.lines().rev().find(says).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Writes one message of the control socket: a length, then so many bytes.
pub fn write_message(to: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    let body = rmp_serde::to_vec_named(value).map_err(std::io::Error::other)?;
    to.write_all(&(body.len() as u32).to_le_bytes())?;
    to.write_all(&body)
}

/// Reads one message of the control socket.
pub fn read_message<T: for<'a> Deserialize<'a>>(from: &mut impl Read) -> std::io::Result<T> {
    const MOST: u32 = 16 << 20;
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > MOST {
        return Err(std::io::Error::other("a message beyond its limit"));
    }
    let mut body = Vec::new();
    from.take(length.into()).read_to_end(&mut body)?;
    rmp_serde::from_slice(&body).map_err(std::io::Error::other)
}

/// A moment from now; `None` when that is beyond what a clock can say.
pub fn from_now(patience: Duration) -> Option<Instant> {
    Instant::now().checked_add(patience)
}
