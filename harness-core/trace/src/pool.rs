//! Connections for reading: one per reader at a time, so that readers wait neither for each other nor for the writer.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::Connection;

use crate::{TraceError, access::Access};

/// Where readers get their connection.
pub(crate) enum Pool {
    /// A file: connections are opened as needed and kept.
    File { path: PathBuf, access: Access, idle: Mutex<Vec<Connection>> },
    /// A store without file has one connection, which the writer shares.
    Memory(Mutex<Connection>),
}

/// A lock whatever happened to its last holder: what it guards is consistent between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, TraceError>) -> Result<T, TraceError> {
        let (path, access, idle) = match self {
            Self::Memory(db) => return read(&lock(db)),
            Self::File { path, access, idle } => (path, access, idle),
        };
        let kept = lock(idle).pop();
        let db = match kept {
            Some(db) => db,
            None => access.connect(path)?,
        };
        let result = read(&db);
        lock(idle).push(db);
        result
    }
}
