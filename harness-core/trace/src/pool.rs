//! Connections for reading: one per reader at a time, so that readers wait neither for each other nor for the writer.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, OpenFlags};

use crate::{TraceError, schema};

/// Where readers get their connection.
pub(crate) enum Pool {
    /// A file: connections are opened as needed and kept.
    File { path: PathBuf, idle: Mutex<Vec<Connection>> },
    /// A store without file has one connection, which the writer shares.
    Memory(Mutex<Connection>),
}

/// A lock whatever happened to its last holder: what it guards is consistent between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, TraceError>) -> Result<T, TraceError> {
        let (path, idle) = match self {
            Self::Memory(db) => return read(&lock(db)),
            Self::File { path, idle } => (path, idle),
        };
        let kept = lock(idle).pop();
        let db = match kept {
            Some(db) => db,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let open = |source| TraceError::Open { path: path.clone(), source };
                let db = Connection::open_with_flags(path, flags).map_err(open)?;
                schema::tune(&db).map_err(open)?;
                db.pragma_update(None, "query_only", true).map_err(open)?;
                db
            }
        };
        let result = read(&db);
        lock(idle).push(db);
        result
    }
}
