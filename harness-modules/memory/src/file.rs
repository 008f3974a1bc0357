//! The file: a table of past tasks, indexed by the words of their tasks, and one of notes, indexed by their own. Written whole
//! under another name and then put in its place; opened read-only. Refuses files that are not what their digest says.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use harness_files::Draft;
use rusqlite::{Connection, OpenFlags, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::segment::words;

/// The layout; raised when what is written changes its meaning. Before 3 the index held texts as they are, and found no words of
/// scripts without spaces.
const LAYOUT: i64 = 3;
/// The oldest layout that is read.
const OLDEST: i64 = 2;
/// Most bytes of a memory.
const MOST_BYTES: u64 = 4 << 30;
/// Words of a task that are looked up.
const MOST_WORDS: usize = 48;

/// A past task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// What was asked.
    pub task: String,
    /// What was done that worked.
    pub worked: String,
    /// The episode it is known from.
    pub episode: String,
}

/// What an agent wrote down for later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its words.
    pub note: String,
    /// The task during which it was written.
    pub task: String,
    /// The episode it is known from.
    pub episode: String,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Where.
    pub file: PathBuf,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Past tasks in it.
    pub tasks: usize,
    /// Notes in it.
    pub notes: usize,
}

/// Why a memory cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// There is nothing to remember.
    #[error("there is nothing to remember: no task was solved, no note was written")]
    Nothing,
    /// The file system refuses.
    #[error("{}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no memory, or a newer one.
    #[error("{}: {why}; make it with `harness memory build`", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It is another file.
    #[error("{}: its digest is {found}, the harness was made for {wanted}; put that file back", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
        /// Its digest.
        found: String,
        /// What it should be.
        wanted: String,
    },
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> MemoryError + '_ {
    |error| MemoryError::File { path: path.to_owned(), error }
}

fn foreign(path: &Path) -> impl Fn(rusqlite::Error) -> MemoryError + '_ {
    |error| MemoryError::Foreign { path: path.to_owned(), why: error.to_string() }
}

/// What a memory is called while it is being written, in a folder of its own.
const WHOLE: &str = "memory";

/// Writes a memory; the same past and notes, the latter oldest first, give the same bytes.
///
/// # Errors
///
/// If there is neither, or the file cannot be written.
pub fn write(path: &Path, past: &[Past], notes: &[Note]) -> Result<Written, MemoryError> {
    if past.is_empty() && notes.is_empty() {
        return Err(MemoryError::Nothing);
    }
    let draft = Draft::beside(path).map_err(at(path))?;
    fill(&draft.path().join(WHOLE), past, notes).map_err(foreign(path))?;
    draft.finish_file(WHOLE).map_err(at(path))?;
    Ok(Written { file: path.to_owned(), sha256: digest(path)?, tasks: past.len(), notes: notes.len() })
}

fn fill(path: &Path, past: &[Past], notes: &[Note]) -> rusqlite::Result<()> {
    let mut db = Connection::open(path)?;
    db.pragma_update(None, "journal_mode", "off")?;
    db.pragma_update(None, "user_version", LAYOUT)?;
    let all = db.transaction()?;
    all.execute_batch(
        r#"CREATE VIRTUAL TABLE past USING fts5(words, task UNINDEXED, worked UNINDEXED, episode UNINDEXED,
             tokenize = "porter unicode61 remove_diacritics 2 categories 'L* M* N* Co'");
           CREATE VIRTUAL TABLE notes USING fts5(words, note UNINDEXED, task UNINDEXED, episode UNINDEXED,
             tokenize = "porter unicode61 remove_diacritics 2 categories 'L* M* N* Co'")"#,
    )?;
    {
        let mut insert = all.prepare("INSERT INTO past (words, task, worked, episode) VALUES (?1, ?2, ?3, ?4)")?;
        for one in past {
            insert.execute(params![words(&one.task).join(" "), one.task, one.worked, one.episode])?;
        }
        let mut insert = all.prepare("INSERT INTO notes (words, note, task, episode) VALUES (?1, ?2, ?3, ?4)")?;
        for one in notes {
            insert.execute(params![words(&one.note).join(" "), one.note, one.task, one.episode])?;
        }
    }
    all.execute_batch("INSERT INTO past (past) VALUES ('optimize'); INSERT INTO notes (notes) VALUES ('optimize')")?;
    all.commit()?;
    db.close().map_err(|(_, error)| error)
}

fn digest(path: &Path) -> Result<String, MemoryError> {
    let bytes = harness_files::read(path, MOST_BYTES).map_err(at(path))?;
    Ok(Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// A memory that is read.
#[derive(Debug)]
pub struct Memory {
    db: Connection,
    path: PathBuf,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

impl Memory {
    /// Opens a memory, which must have this digest if one is given.
    pub fn open(path: &Path, sha256: &str) -> Result<Self, MemoryError> {
        let found = digest(path)?;
        if !sha256.is_empty() && sha256 != found {
            return Err(MemoryError::Changed { path: path.to_owned(), found, wanted: sha256.to_owned() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).map_err(foreign(path))?;
        let layout: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(foreign(path))?;
        if !(OLDEST..=LAYOUT).contains(&layout) {
            let why = format!("its layout is {layout}, this program reads {OLDEST} to {LAYOUT}");
            return Err(MemoryError::Foreign { path: path.to_owned(), why });
        }
        Ok(Self { db, path: path.to_owned(), sha256: found })
    }

    /// The past tasks that share most and rarest words with `task` (BM25), itself left out.
    pub fn like(&self, task: &str, count: usize) -> Result<Vec<Past>, MemoryError> {
        let words = query(task);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let find = || -> rusqlite::Result<Vec<Past>> {
            let sql = "SELECT task, worked, episode FROM past WHERE past MATCH ?1 ORDER BY rank, rowid";
            let mut statement = self.db.prepare(sql)?;
            let rows = statement
                .query_map([&words], |row| Ok(Past { task: row.get(0)?, worked: row.get(1)?, episode: row.get(2)? }))?;
            let others = rows.filter(|past| past.as_ref().map_or(true, |past| same(&past.task) != same(task)));
            others.take(count).collect()
        };
        find().map_err(foreign(&self.path))
    }

    /// The notes that share most and rarest words with `task` (BM25), then the newest; those of the task itself left out.
    pub fn notes(&self, task: &str, count: usize) -> Result<Vec<Note>, MemoryError> {
        let find = || -> rusqlite::Result<Vec<Note>> {
            let like = "SELECT rowid, note, task, episode FROM notes WHERE notes MATCH ?1 ORDER BY rank, rowid";
            // It is given the words like the other, and looks at none.
            let newest = "SELECT rowid, note, task, episode FROM notes WHERE ?1 = ?1 ORDER BY rowid DESC";
            let words = query(task);
            let ways: &[&str] = if words.is_empty() { &[newest] } else { &[like, newest] };
            let mut found: Vec<(i64, Note)> = Vec::new();
            for sql in ways {
                let mut statement = self.db.prepare(sql)?;
                let mut rows = statement.query([&words])?;
                while let Some(row) = rows.next()? {
                    let note = Note { note: row.get(1)?, task: row.get(2)?, episode: row.get(3)? };
                    let id = row.get(0)?;
                    if found.len() == count {
                        break;
                    }
                    if same(&note.task) != same(task) && !found.iter().any(|(known, _)| *known == id) {
                        found.push((id, note));
                    }
                }
            }
            Ok(found.into_iter().map(|(_, note)| note).collect())
        };
        find().map_err(foreign(&self.path))
    }
}

/// What makes two tasks one.
fn same(task: &str) -> String {
    let task: String = task.nfkc().collect();
    task.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Any of the words, each quoted, so that nothing in a task is syntax.
fn query(task: &str) -> String {
    let mut wanted: Vec<String> = Vec::new();
    for word in words(task) {
        let word = format!("\"{word}\"");
        if wanted.len() < MOST_WORDS && !wanted.contains(&word) {
            wanted.push(word);
        }
    }
    wanted.join(" OR ")
}
