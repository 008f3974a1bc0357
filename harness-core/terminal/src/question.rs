//! A question to the person at the terminal: shown on a terminal that is set back to plain text, answered by what is typed after it was
//! asked. Refuses to ask where there is no terminal, and where it is another program's turn to read it.

use std::{
    fmt::Display,
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    sync::{Mutex, TryLockError},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::getpgrp,
    termios::{QueueSelector, tcflush, tcgetpgrp},
};

use crate::escape::text;

/// How often it is looked whether the answer is still wanted.
const LOOK: Duration = Duration::from_millis(200);
/// Bytes of an answer.
const ANSWER: usize = 256;
/// Ends what a terminal may be in the middle of (ST), then: soft reset (DECSTR), plain characters (SGR 0), no scrolling region, a cursor
/// that shows, lines that wrap, the usual character set.
const PLAIN: &str = "\u{1b}\\\u{1b}[!p\u{1b}[0m\u{1b}[r\u{1b}[?25h\u{1b}[?7h\u{1b}(B\u{f}";

/// One question at a time: an answer is to the question above it.
static ASKING: Mutex<()> = Mutex::new(());

/// Whether there is somebody to ask.
pub fn somebody_is_there() -> bool {
    terminal().is_ok()
}

fn terminal() -> io::Result<File> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    // A program in the background would be stopped by reading, and what is typed is meant for another.
    if tcgetpgrp(&terminal)? == getpgrp() {
        return Ok(terminal);
    }
    Err(io::Error::other("this program is in the background of its terminal"))
}

/// Asks, and gives the line that is typed then, without blanks around it. What was typed before is thrown away. The question's hidden
/// characters are spelt out.
///
/// # Errors
///
/// If there is no terminal to ask at, if it goes away, or if `unwanted` says that nobody waits for the answer any more
/// ([`io::ErrorKind::Interrupted`]).
pub fn ask(question: impl Display, unwanted: impl Fn() -> bool) -> io::Result<String> {
    let gone = || io::Error::new(io::ErrorKind::Interrupted, "nobody waits for the answer any more");
    let _alone = loop {
        match ASKING.try_lock() {
            Ok(alone) => break alone,
            Err(TryLockError::Poisoned(alone)) => break alone.into_inner(),
            Err(TryLockError::WouldBlock) if unwanted() => return Err(gone()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
        }
    };
    let mut terminal = terminal()?;
    tcflush(&terminal, QueueSelector::IFlush)?;
    terminal.write_all(format!("{PLAIN}\n{} ", text(question)).as_bytes())?;
    let mut answer = Vec::new();
    let look = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK.subsec_nanos()) };
    loop {
        if unwanted() {
            return Err(gone());
        }
        let mut wait = [PollFd::new(&terminal, PollFlags::IN)];
        match poll(&mut wait, Some(&look)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut bytes = [0; ANSWER];
        let read = match terminal.read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        answer.extend_from_slice(bytes.get(..read).unwrap_or_default());
        // The end of what is typed (Ctrl-D) answers nothing.
        if read == 0 || answer.ends_with(b"\n") || answer.len() > ANSWER {
            break;
        }
    }
    let whole = answer.len() <= ANSWER;
    Ok(if whole { String::from_utf8_lossy(&answer).trim().to_owned() } else { String::new() })
}
