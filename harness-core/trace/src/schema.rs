//! The tables of the record and how older files become newer ones; refuses what a newer program or another one wrote.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::TraceError;

/// "hrns": marks the file as a record.
const APPLICATION: u32 = 0x6872_6e73;

/// From one version to the next. Released steps never change.
struct Step {
    /// Turns a file of the version before into one of this version.
    write: &'static str,
    /// Makes a file of the version before look so to a connection that may not write: temporary views and empty tables by the names
    /// of what is new, which are found before the file's own.
    read: &'static str,
}

/// Step `n` is from version `n` to `n + 1`.
const STEPS: &[Step] = &[
    Step {
        write: "
    CREATE TABLE runs(
        num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, command TEXT NOT NULL, started_ms INTEGER NOT NULL,
        suite TEXT NOT NULL, seed INTEGER NOT NULL, config TEXT NOT NULL, lock TEXT NOT NULL);
    CREATE TABLE facts(
        num INTEGER PRIMARY KEY, run TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, json TEXT NOT NULL);
    CREATE INDEX facts_by_kind ON facts(run, kind);
    CREATE TABLE looks(
        num INTEGER PRIMARY KEY, run TEXT NOT NULL, suite TEXT NOT NULL, split TEXT NOT NULL,
        command TEXT NOT NULL, at_ms INTEGER NOT NULL);
    CREATE TABLE episodes(
        num INTEGER PRIMARY KEY, id TEXT NOT NULL, run TEXT NOT NULL, harness TEXT NOT NULL,
        suite TEXT NOT NULL, split TEXT NOT NULL, task TEXT NOT NULL, grp TEXT NOT NULL, seed INTEGER NOT NULL,
        simulated INTEGER NOT NULL, started_ms INTEGER NOT NULL,
        outcome TEXT, reason TEXT, steps INTEGER, micros INTEGER,
        input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER, cost_micros INTEGER,
        replayed_input_tokens INTEGER, replayed_cached_tokens INTEGER, replayed_output_tokens INTEGER,
        replayed_cost_micros INTEGER,
        reward REAL, judgement BLOB, state TEXT);
    CREATE INDEX episodes_by_id ON episodes(id);
    CREATE INDEX episodes_by_run ON episodes(run);
    CREATE INDEX episodes_by_rollout ON episodes(suite, harness, task, seed) WHERE suite <> '';
    CREATE TABLE steps(at INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE faults(
        num INTEGER PRIMARY KEY, episode INTEGER NOT NULL, step INTEGER NOT NULL, hook TEXT, module TEXT NOT NULL,
        class TEXT NOT NULL, message TEXT NOT NULL);
    CREATE INDEX faults_by_episode ON faults(episode);
    CREATE TABLE calls(num INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE call_keys(first INTEGER PRIMARY KEY, keys BLOB NOT NULL);
    CREATE TABLE blobs(hash BLOB PRIMARY KEY, media_type TEXT NOT NULL, bytes BLOB NOT NULL);
    CREATE TABLE syncs(n INTEGER NOT NULL);
    INSERT INTO syncs VALUES(0);
",
        // No file has version 0: an empty one is no record yet.
        read: "",
    },
    Step {
        write: "
    ALTER TABLE episodes ADD COLUMN parent TEXT NOT NULL DEFAULT '';
    CREATE INDEX episodes_by_parent ON episodes(parent) WHERE parent <> '';
",
        read: "CREATE TEMP VIEW episodes AS SELECT *, '' AS parent FROM main.episodes;",
    },
    Step {
        write: "
    -- Entries may say when a call began, which older programs cannot read.
",
        read: "",
    },
    Step {
        write: "
    CREATE TABLE voids(
        num INTEGER PRIMARY KEY, call INTEGER, episode INTEGER, at_ms INTEGER NOT NULL, why TEXT NOT NULL);
    CREATE INDEX voids_by_episode ON voids(episode) WHERE episode IS NOT NULL;
",
        read: "CREATE TEMP TABLE voids(num INTEGER PRIMARY KEY, call INTEGER, episode INTEGER, at_ms INTEGER, why TEXT);",
    },
    // Until now a run's kind was the beginning of its id; from here on it is written down.
    Step {
        write: "
    ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'unknown';
    ALTER TABLE runs ADD COLUMN control_of TEXT NOT NULL DEFAULT '';
    UPDATE runs SET kind = CASE
        WHEN id GLOB 'run-*' THEN 'run' WHEN id GLOB 'bench-*' THEN 'bench'
        WHEN id GLOB 'evolve-*' THEN 'evolve' WHEN id GLOB 'serve-*' THEN 'serve' ELSE 'unknown' END;
    ALTER TABLE looks ADD COLUMN data TEXT NOT NULL DEFAULT '';
    ALTER TABLE looks ADD COLUMN kind TEXT NOT NULL DEFAULT 'played';
    CREATE TABLE look_groups(
        look INTEGER NOT NULL, digest INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY(look, digest, name))
        WITHOUT ROWID;
",
        read: "
    CREATE TEMP VIEW runs AS SELECT *, CASE
        WHEN id GLOB 'run-*' THEN 'run' WHEN id GLOB 'bench-*' THEN 'bench'
        WHEN id GLOB 'evolve-*' THEN 'evolve' WHEN id GLOB 'serve-*' THEN 'serve' ELSE 'unknown' END AS kind,
        '' AS control_of FROM main.runs;
    CREATE TEMP VIEW looks AS SELECT *, '' AS data, 'played' AS kind FROM main.looks;
    CREATE TEMP VIEW look_groups AS SELECT 0 AS look, 0 AS digest, '' AS name WHERE FALSE;
",
    },
    // The chain begins here: `unlinked` says up to where rows are older than it.
    Step {
        write: "
    CREATE TABLE links(num INTEGER PRIMARY KEY, rows BLOB NOT NULL, hash BLOB NOT NULL);
    CREATE TABLE unlinked(kind INTEGER PRIMARY KEY, last INTEGER NOT NULL);
    INSERT INTO unlinked VALUES
        (1, (SELECT ifnull(max(num), 0) FROM episodes)), (2, (SELECT ifnull(max(at), 0) FROM steps)),
        (3, (SELECT ifnull(max(num), 0) FROM episodes)), (4, (SELECT ifnull(max(num), 0) FROM calls)),
        (5, (SELECT ifnull(max(first), 0) FROM call_keys)), (6, (SELECT ifnull(max(num), 0) FROM runs)),
        (7, (SELECT ifnull(max(num), 0) FROM facts)), (8, (SELECT ifnull(max(num), 0) FROM looks)),
        (9, (SELECT ifnull(max(num), 0) FROM voids)), (10, (SELECT ifnull(max(num), 0) FROM faults));
",
        read: "
    CREATE TEMP VIEW links AS SELECT 0 AS num, x'' AS rows, x'' AS hash WHERE FALSE;
    CREATE TEMP VIEW unlinked AS SELECT value AS kind, 9223372036854775807 AS last FROM json_each('[1,2,3,4,5,6,7,8,9,10]');
",
    },
];

/// The schema version this program writes; it reads every older one.
pub const SCHEMA: u32 = STEPS.len() as u32;

/// Bits of `steps.at` that number the chunks of an episode; the bits above are the episode's number.
pub(crate) const CHUNK_BITS: u32 = 24;

/// Waiting for another process's transaction, in milliseconds.
const BUSY_MS: u64 = 60_000;

/// Settings every connection wants.
pub(crate) fn tune(db: &Connection) -> Result<(), rusqlite::Error> {
    db.busy_timeout(std::time::Duration::from_millis(BUSY_MS))?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// The version of the file, if it is a record; `None` for a database without anything in it.
fn version(db: &Connection, path: &Path) -> Result<Option<u32>, TraceError> {
    let open = |source| TraceError::Open { path: path.to_owned(), source };
    let number = |name| db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, u32>(0)).map_err(open);
    let (found, application) = (number("user_version")?, number("application_id")?);
    if application == APPLICATION {
        return if found > SCHEMA {
            Err(TraceError::Newer { path: path.to_owned(), found, known: SCHEMA })
        } else {
            Ok(Some(found))
        };
    }
    let tables = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, u32>(0)).map_err(open)?;
    if application != 0 || found != 0 || tables != 0 {
        return Err(TraceError::Foreign { path: path.to_owned() });
    }
    Ok(None)
}

/// Makes `db`, which may not write, read like a record of the newest version.
pub(crate) fn read_as_newest(db: &Connection, path: &Path) -> Result<(), TraceError> {
    let open = |source| TraceError::Open { path: path.to_owned(), source };
    let Some(found) = version(db, path)? else { return Err(TraceError::Foreign { path: path.to_owned() }) };
    db.pragma_update(None, "temp_store", "MEMORY").map_err(open)?;
    for step in STEPS.iter().skip(found as usize) {
        db.execute_batch(step.read).map_err(open)?;
    }
    db.pragma_update(None, "query_only", true).map_err(open)
}

/// Makes `db` a record of the newest version.
pub(crate) fn migrate(db: &mut Connection, path: &Path) -> Result<(), TraceError> {
    tune(db)?;
    let open = |source| TraceError::Open { path: path.to_owned(), source };
    let mut found = version(db, path)?.unwrap_or_default();
    // The answer names the mode in force: in memory it stays `memory`.
    db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)).map_err(open)?;
    db.pragma_update(None, "synchronous", "NORMAL").map_err(open)?;
    if found < SCHEMA {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(open)?;
        // Another process may have been faster.
        found = tx.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(open)?;
        for step in STEPS.iter().skip(found as usize) {
            tx.execute_batch(step.write).map_err(open)?;
        }
        found = found.max(SCHEMA);
        tx.pragma_update(None, "user_version", found).map_err(open)?;
        tx.pragma_update(None, "application_id", APPLICATION).map_err(open)?;
        tx.commit().map_err(open)?;
    }
    if found > SCHEMA {
        return Err(TraceError::Newer { path: path.to_owned(), found, known: SCHEMA });
    }
    Ok(())
}

/// A record as the first version wrote it, with one episode, `old`.
#[cfg(test)]
pub(crate) fn first_version(path: &Path) {
    let db = Connection::open(path).unwrap();
    db.execute_batch(STEPS[0].write).unwrap();
    db.execute_batch(
        "INSERT INTO episodes(id, run, harness, suite, split, task, grp, seed, simulated, started_ms)
         VALUES('old', '', '', '', '', '', '', 0, 0, 0)",
    )
    .unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    db.pragma_update(None, "application_id", APPLICATION).unwrap();
}
