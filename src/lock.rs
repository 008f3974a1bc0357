//! One process at a time: an episode that is played, a run of `bench` or `evolve`. A lock is a file that the kernel guards for its
//! holder and lets go when the holder ends, however that happens. It says who holds it. What only reads takes none.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::{App, Control, Event, Failure};

/// How often a waiting process looks.
const LOOK: Duration = Duration::from_millis(100);
/// Bytes that are read of what a holder says of itself.
const SAID: u64 = 64 << 10;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    command: String,
    /// Milliseconds since 1970.
    since_ms: u64,
}

/// A lock that this process holds until it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    path: PathBuf,
    /// Closing it lets the lock go.
    _file: File,
}

impl Drop for Held {
    fn drop(&mut self) {
        // Whoever opened it meanwhile finds that it is gone and makes another. What stays of a killed process is taken over.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What to do while another process holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Refuse.
    Refuse,
    /// Wait, and say so.
    Wait,
}

impl Patience {
    /// As `--wait` says.
    pub(crate) fn of(wait: bool) -> Self {
        if wait { Self::Wait } else { Self::Refuse }
    }
}

/// Takes the lock of `name`; `what` names the thing for a person ("the run …").
///
/// # Errors
///
/// If another process holds it and nobody waits, waiting was cancelled, or no lock can be made.
pub(crate) fn hold(app: &App, name: &str, what: &str, patience: Patience, control: &Control) -> Result<Held, Failure> {
    hold_in(&app.workspace().locks(), app.command(), name, what, patience, control)
}

fn hold_in(
    folder: &Path,
    command: &str,
    name: &str,
    what: &str,
    patience: Patience,
    control: &Control,
) -> Result<Held, Failure> {
    let path = folder.join(file_name(name));
    let fail = |error: io::Error| Failure::new(format!("cannot lock {what} with {}: {error}", path.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fail)?;
    let mut told = false;
    loop {
        let mut options = OpenOptions::new();
        // A link that somebody put there is not followed.
        options.read(true).write(true).create(true).mode(0o600).custom_flags(NO_FOLLOW);
        let mut file = options.open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, &path) => {
                say(&mut file, command).map_err(fail)?;
                return Ok(Held { path, _file: file });
            }
            // Its former holder took the file away.
            Ok(()) => continue,
            Err(TryLockError::Error(error)) => return Err(fail(error)),
            Err(TryLockError::WouldBlock) => {}
        }
        let who = who(&mut file);
        match patience {
            Patience::Refuse => {
                return Err(Failure::new(format!("{what} is being worked on by {who}"))
                    .hint("nothing was done; let it end, or give --wait"));
            }
            Patience::Wait => {
                if !std::mem::replace(&mut told, true) {
                    let text = format!("{what} is being worked on by {who}: waiting for it to end");
                    control.tell(&Event::Waiting { text });
                }
                control.check()?;
                std::thread::sleep(LOOK);
            }
        }
    }
}

/// `O_NOFOLLOW`.
const NO_FOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

/// A file's name for any name of a thing.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    // Names are of any length, those of files are not: what is cut off would make two things one.
    let short: String = name.chars().map(plain).take(100).collect();
    if short == name { format!("{short}.lock") } else { format!("{short}-{}.lock", harness_bench::digest(name, 16)) }
}

fn is_at(file: &File, path: &Path) -> bool {
    let id = |of: &std::fs::Metadata| (of.dev(), of.ino());
    matches!((file.metadata(), std::fs::symlink_metadata(path)), (Ok(ref ours), Ok(ref there)) if id(ours) == id(there))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn say(file: &mut File, command: &str) -> io::Result<()> {
    let holder = Holder { pid: std::process::id(), command: command.to_owned(), since_ms: now_ms() };
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(serde_json::to_string(&holder)?.as_bytes())
}

/// What the holder said of itself.
fn who(file: &mut File) -> String {
    let mut text = String::new();
    // It may be writing just now.
    let read = file.rewind().and_then(|()| file.take(SAID).read_to_string(&mut text));
    match read.ok().and_then(|_| serde_json::from_str::<Holder>(&text).ok()) {
        Some(Holder { pid, command, since_ms }) => {
            let seconds = now_ms().saturating_sub(since_ms) / 1000;
            format!("process {pid} (`{command}`), for {seconds} s")
        }
        None => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("locks");
        let hold = |name: &str| hold_in(&place, "test", name, "the run", Patience::Refuse, &Control::default());
        let held = hold("run-1").unwrap();
        let refused = hold("run-1").unwrap_err();
        assert!(
            refused.message().contains(&format!("the run is being worked on by process {}", std::process::id())),
            "{refused}"
        );
        assert!(refused.advice().is_some_and(|advice| advice.contains("--wait")), "{refused}");
        drop(hold("run-2").unwrap());
        drop(held);
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0, "nothing is left");
        // What a killed process leaves holds nobody up.
        std::fs::write(place.join("run-1.lock"), "{\"pid\": 1, \"comm").unwrap();
        drop(hold("run-1").unwrap());
    }

    #[test]
    fn of_many_at_once_one_is_in_at_a_time() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let (inside, passed) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        let held =
                            hold_in(folder.path(), "test", "x", "it", Patience::Wait, &Control::default()).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        passed.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(held);
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 40);
    }

    #[test]
    fn names_of_any_kind_are_files_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let (long, longer) = ("a".repeat(300), "a".repeat(301));
        let names = ["a/b", "a_b", "../a", "ä", &long, &longer];
        let held: Vec<_> = names
            .map(|name| hold_in(folder.path(), "test", name, "it", Patience::Refuse, &Control::default()).unwrap())
            .into();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), held.len());
        std::os::unix::fs::symlink("elsewhere", folder.path().join("link.lock")).unwrap();
        assert!(hold_in(folder.path(), "test", "link", "it", Patience::Refuse, &Control::default()).is_err());
        assert!(!folder.path().join("elsewhere").exists());
    }
}
