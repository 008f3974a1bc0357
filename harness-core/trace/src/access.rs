//! How a record is opened for reading: beside its writer where the folder allows it, and where it does not (another user's, a mount
//! without writing) without a lock, which needs no file of its own.

use std::{
    ffi::OsString,
    fmt::Write as _,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::{TraceError, schema};

/// How readers open the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// With locks, beside a writer: what it writes is seen.
    Shared,
    /// Without locks and without a shared index: a journal that a writer left is read with the file. Nobody writes.
    Journal,
    /// The file alone, which does not change.
    Still,
}

impl Access {
    /// A connection that may not write.
    pub(crate) fn connect(self, path: &Path) -> Result<Connection, TraceError> {
        let open = |source| TraceError::Open { path: path.to_owned(), source };
        let name = match self {
            Self::Shared => path.to_owned(),
            Self::Journal => address(path, "mode=ro&vfs=unix-none"),
            Self::Still => address(path, "mode=ro&immutable=1"),
        };
        // A file that may not be written is opened for reading by these as well.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let flags = if self == Self::Shared { flags } else { flags | OpenFlags::SQLITE_OPEN_URI };
        let db = Connection::open_with_flags(name, flags).map_err(open)?;
        schema::tune(&db).map_err(open)?;
        if self == Self::Journal {
            // Its index is kept in memory then.
            db.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(open)?;
        }
        schema::read_as_newest(&db, path)?;
        Ok(db)
    }

    /// A connection and how it was got: the first of the three ways that works.
    pub(crate) fn find(path: &Path) -> Result<(Self, Connection), TraceError> {
        let first = match Self::Shared.connect(path) {
            Ok(db) => return Ok((Self::Shared, db)),
            Err(error) => error,
        };
        let no_place = matches!(&first, TraceError::Open { source, .. }
            if matches!(source.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied)));
        // What cannot be read at all keeps its first error, which says so.
        if !no_place || std::fs::File::open(path).is_err() {
            return Err(first);
        }
        let mut journal = OsString::from(path);
        journal.push("-wal");
        let way = match std::fs::metadata(PathBuf::from(journal)) {
            Ok(journal) if journal.len() > 0 => Self::Journal,
            _ => Self::Still,
        };
        Ok((way, way.connect(path)?))
    }
}

/// The file as an address with settings.
fn address(path: &Path, settings: &str) -> PathBuf {
    let mut address = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => address.push(char::from(*byte)),
            // Writing to a string cannot fail.
            byte => drop(write!(address, "%{byte:02x}")),
        }
    }
    PathBuf::from(format!("{address}?{settings}"))
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;
    use crate::{EpisodeStart, Filter, Recorder, Store};

    /// The name has what an address must spell.
    const NAME: &str = "a record?of=50%#1.sqlite";

    fn begun(id: &str) -> EpisodeStart {
        EpisodeStart { episode: id.to_owned(), ..EpisodeStart::default() }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn episodes(db: &Connection) -> u32 {
        db.query_row("SELECT count(*) FROM episodes WHERE parent = ''", params![], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_file_at_rest_and_one_with_a_journal_are_read_without_writing() {
        let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = folder.path().join(NAME);
        let store = Store::open(&path).unwrap();
        store.begin(begun("one")).unwrap();
        drop(store);
        assert_eq!(names(folder.path()), [NAME]);
        assert_eq!(episodes(&Access::Still.connect(&path).unwrap()), 1);
        assert_eq!(names(folder.path()), [NAME], "nothing was made");

        // As a writer that was killed leaves it.
        let store = Store::open(&path).unwrap();
        store.begin(begun("two")).unwrap();
        store.flush().unwrap();
        let left = copy.path().join(NAME);
        std::fs::copy(&path, &left).unwrap();
        let journal = format!("{NAME}-wal");
        std::fs::copy(folder.path().join(&journal), copy.path().join(&journal)).unwrap();
        let before = std::fs::read(copy.path().join(&journal)).unwrap();
        assert_eq!(episodes(&Access::Journal.connect(&left).unwrap()), 2);
        assert_eq!(names(copy.path()), [NAME.to_owned(), journal.clone()]);
        assert_eq!(std::fs::read(copy.path().join(&journal)).unwrap(), before);
    }

    #[test]
    fn a_reader_sees_what_a_writer_writes_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        assert!(Store::read(&path).is_err() && names(folder.path()).is_empty(), "reading makes no file");
        let store = Store::open(&path).unwrap();
        let reader = Store::read(&path).unwrap();
        store.begin(begun("one")).unwrap();
        store.flush().unwrap();
        assert_eq!(reader.episodes(&Filter::default()).unwrap().len(), 1);
        assert!(matches!(reader.begin(begun("two")), Err(TraceError::ReadOnly)));
        reader.flush().unwrap();
    }

    #[test]
    fn an_older_record_is_read_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        schema::first_version(&path);
        let before = std::fs::read(&path).unwrap();
        let reader = Store::read(&path).unwrap();
        let rows = reader.episodes(&Filter { parent: Some(String::new()), ..Filter::default() }).unwrap();
        assert_eq!(rows.iter().map(|row| row.start.episode.as_str()).collect::<Vec<_>>(), ["old"]);
        assert_eq!(reader.episode("ol").unwrap().start.parent, "");
        drop(reader);
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert_eq!(
            Store::open(&path).unwrap().episode("old").unwrap().start.episode,
            "old",
            "and made new by a writer"
        );
    }

    #[test]
    fn a_record_is_its_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join(NAME)).unwrap();
        store.begin(begun("one")).unwrap();
        store.flush().unwrap();
        for name in names(folder.path()) {
            let mode = std::fs::metadata(folder.path().join(&name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
