//! The record in one SQLite file: opening it, writing to it, finding recorded calls. Readers stand beside it.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use rusqlite::{Connection, OptionalExtension, Params, Row};

use crate::{
    CallKey, Entry, EpisodeEnd, EpisodeStart, Recorder, StoredChat, StoredScores, TraceError,
    access::Access,
    decode, encode,
    pool::{Pool, lock},
    queue::{Blob, KeyMap},
    schema, transaction, voids,
    writer::{self, Shared, State, Target},
};

/// The record.
///
/// One thread writes, in transactions of some milliseconds; every reader sees all that was sent before it asked. While a
/// write fails, every call is its error; where the cause may pass, as a full disk does, the writer tries again until it
/// succeeds or the store is dropped. Dropping the store writes what is left: call [`Store::flush`] first to
/// learn whether that went well.
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pool: Arc<Pool>,
    writer: Option<JoinHandle<()>>,
    /// Whether the keys of all recorded calls have been read; who reads them holds `reading`.
    keys: AtomicBool,
    reading: Mutex<()>,
}

impl Store {
    /// Opens the record at `path` and brings it to the newest version; makes it if there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or written, is no record, or is of a newer version.
    pub fn open(path: impl AsRef<Path>) -> Result<Arc<Self>, TraceError> {
        let path = path.as_ref();
        // What models and tools said is the owner's alone. Where the file is, its rights stay; what fails here, fails below.
        let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut db = Connection::open(path).map_err(|source| TraceError::Open { path: path.to_owned(), source })?;
        schema::migrate(&mut db, path)?;
        transaction::prepare(&db)?;
        let pool = Arc::new(Pool::File { path: path.to_owned(), access: Access::Shared, idle: Mutex::default() });
        Ok(Arc::new(Self::start(pool, Target::Own(db))?))
    }

    /// Opens the record at `path` for reading: nothing is written, no version changed, no file made. It may be one that cannot be
    /// written, such as another user's or one on a mount without writing; an older version is read as it is.
    ///
    /// # Errors
    ///
    /// If there is no record or it may not be read. Everything that would write gives [`TraceError::ReadOnly`].
    pub fn read(path: impl AsRef<Path>) -> Result<Arc<Self>, TraceError> {
        let path = path.as_ref();
        let (access, db) = Access::find(path)?;
        let pool = Arc::new(Pool::File { path: path.to_owned(), access, idle: Mutex::new(vec![db]) });
        let shared = Arc::new(Shared::default());
        lock(&shared.state).read_only = true;
        Ok(Arc::new(Self { shared, pool, writer: None, keys: AtomicBool::new(false), reading: Mutex::default() }))
    }

    /// A record that lives and dies with this value.
    ///
    /// # Errors
    ///
    /// SQLite does not start.
    pub fn in_memory() -> Result<Arc<Self>, TraceError> {
        let mut db = Connection::open_in_memory()?;
        schema::migrate(&mut db, Path::new(":memory:"))?;
        let pool = Arc::new(Pool::Memory(Mutex::new(db)));
        Ok(Arc::new(Self::start(pool.clone(), Target::Pool(pool))?))
    }

    fn start(pool: Arc<Pool>, target: Target) -> Result<Self, TraceError> {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let writer = std::thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || writer::run(&theirs, target))
            .map_err(|error| TraceError::Writer(format!("its thread did not start: {error}")))?;
        Ok(Self { shared, pool, writer: Some(writer), keys: AtomicBool::new(false), reading: Mutex::default() })
    }

    /// Why nothing can be written at present; none while all is well.
    pub fn failing(&self) -> Option<String> {
        lock(&self.shared.state).failed.clone()
    }

    /// Waits until everything sent so far is on the disk.
    ///
    /// # Errors
    ///
    /// Something that was sent could not be written.
    pub fn flush(&self) -> Result<(), TraceError> {
        self.shared.flush(true)
    }

    /// Rows of a query that sees everything sent so far.
    pub(crate) fn select<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut each: impl FnMut(&Row<'_>) -> Result<T, TraceError>,
    ) -> Result<Vec<T>, TraceError> {
        self.shared.flush(false)?;
        self.pool.read(|db| {
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            let mut all = Vec::new();
            while let Some(row) = rows.next()? {
                all.push(each(row)?);
            }
            Ok(all)
        })
    }

    /// Reads the keys of all recorded calls, once, when the first call is looked for: a call that is not recorded is then known without
    /// asking the file.
    ///
    /// Calls another process records from then on are not seen: they are paid again, and the first reply stands.
    fn load_keys(&self) -> Result<(), TraceError> {
        if self.keys.load(Ordering::Acquire) {
            return Ok(());
        }
        let _reading = lock(&self.reading);
        if !self.keys.load(Ordering::Acquire) {
            let recorded = self.pool.read(recorded_keys)?;
            let mut state = lock(&self.shared.state);
            let ours = std::mem::replace(&mut state.known, recorded);
            for (key, num) in ours {
                // What was written since the record was opened may have been read as well.
                state.known.entry(key).and_modify(|first| *first = num.min(*first)).or_insert(num);
            }
            self.keys.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn call<T>(&self, key: &CallKey, decode: impl Fn(&[u8]) -> Result<T, TraceError>) -> Result<Option<T>, TraceError> {
        self.load_keys()?;
        let num = {
            let state = lock(&self.shared.state);
            if let Some(bytes) = waiting(&state, |batch| batch.find_call(key)) {
                return decode(bytes).map(Some);
            }
            match state.known.get(key) {
                Some(num) => *num,
                None => return Ok(None),
            }
        };
        self.pool.read(|db| {
            let mut statement = db.prepare_cached("SELECT data FROM calls WHERE num = ?1")?;
            let mut rows = statement.query([num])?;
            match rows.next()? {
                Some(row) => decode(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?).map(Some),
                None => Ok(None),
            }
        })
    }

    fn put_call(
        &self,
        key: CallKey,
        put: impl FnOnce(&mut Vec<u8>) -> Result<(), TraceError>,
    ) -> Result<(), TraceError> {
        self.load_keys()?;
        self.shared.send(|state| {
            let known = state.known.contains_key(&key) || waiting(state, |batch| batch.find_call(&key)).is_some();
            if known { Ok(()) } else { state.batch.call(key, put) }
        })
    }
}

/// Looks at what waits, then at what is being written.
fn waiting<'a, T: ?Sized>(state: &'a State, find: impl Fn(&'a crate::queue::Batch) -> Option<&'a T>) -> Option<&'a T> {
    find(&state.batch).or_else(|| state.writing.as_deref().and_then(find))
}

fn recorded_keys(db: &Connection) -> Result<KeyMap<i64>, TraceError> {
    let (void, mut known) = (voids::void_calls(db)?, KeyMap::default());
    for (num, key) in voids::all_calls(db)? {
        if !void.contains(&num) {
            // Two processes may have paid for the same call: the first reply stands.
            known.entry(key).or_insert(num);
        }
    }
    Ok(known)
}

fn hash_of(hex: &str) -> Option<[u8; 32]> {
    blake3::Hash::from_hex(hex).ok().map(|hash| *hash.as_bytes())
}

impl Recorder for Store {
    fn begin(&self, start: EpisodeStart) -> Result<(), TraceError> {
        self.shared.send(|state| {
            state.running.insert(start.episode.clone());
            state.batch.begin(start);
            Ok(())
        })
    }

    fn step(&self, episode: &str, step: u64, entries: Vec<Entry>) -> Result<(), TraceError> {
        self.shared.send(|state| {
            known_episode(state, episode)?;
            state.batch.step(episode, step, &entries)
        })
    }

    fn end(&self, episode: &str, end: EpisodeEnd) -> Result<(), TraceError> {
        self.shared.send(|state| {
            known_episode(state, episode)?;
            state.running.remove(episode);
            state.batch.end(episode, end);
            Ok(())
        })
    }

    fn chat(&self, key: &CallKey) -> Result<Option<StoredChat>, TraceError> {
        self.call(key, decode::chat)
    }

    fn put_chat(&self, key: CallKey, reply: StoredChat) -> Result<(), TraceError> {
        self.put_call(key, |out| encode::chat(out, &reply))
    }

    fn scores(&self, key: &CallKey) -> Result<Option<StoredScores>, TraceError> {
        self.call(key, decode::scores)
    }

    fn put_scores(&self, key: CallKey, scores: StoredScores) -> Result<(), TraceError> {
        self.put_call(key, |out| {
            encode::scores(out, &scores);
            Ok(())
        })
    }

    fn blob(&self, hash: &str) -> Result<Option<Vec<u8>>, TraceError> {
        let Some(hash) = hash_of(hash) else { return Ok(None) };
        if let Some(bytes) = waiting(&lock(&self.shared.state), |batch| batch.find_blob(&hash)) {
            return Ok(Some(bytes.to_vec()));
        }
        self.pool.read(|db| {
            let mut statement = db.prepare_cached("SELECT bytes FROM blobs WHERE hash = ?1")?;
            Ok(statement.query_row([hash], |row| row.get(0)).optional()?)
        })
    }

    fn put_blob(&self, media_type: &str, bytes: &[u8]) -> Result<String, TraceError> {
        let hash = blake3::hash(bytes);
        let blob = Blob { hash: *hash.as_bytes(), media_type: media_type.to_owned(), bytes: bytes.to_vec() };
        self.shared.send(|state| {
            state.batch.blob(blob);
            Ok(())
        })?;
        Ok(hash.to_hex().to_string())
    }
}

/// Steps of an episode that has not begun here are a mistake of the caller.
fn known_episode(state: &State, id: &str) -> Result<(), TraceError> {
    if state.batch.holds(id) || state.running.contains(id) {
        return Ok(());
    }
    Err(TraceError::NoEpisode { id: id.to_owned() })
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(writer) = self.writer.take() {
            // Its error, if any, was every later call's error; a panic of it has nowhere to go from here.
            let _ = writer.join();
        }
    }
}
