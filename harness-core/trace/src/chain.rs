//! The record as a chain: every transaction leaves digests of the rows it wrote and a hash that names the transaction before it. Who
//! changes, moves or takes out a row afterwards leaves a digest that does not fit; who makes the chain anew comes to another last hash,
//! which a team can publish. Refuses to prove who wrote a row, or that what was written was true.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension, types::ValueRef};
use serde::{Deserialize, Serialize};

use crate::{Store, TraceError};

/// What a row that a link covers is, with its number in its table. Numbers are in files: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Table {
    /// What an episode began with.
    Begun = 1,
    /// A chunk of its steps.
    Steps = 2,
    /// How it ended.
    Ended = 3,
    /// A recorded call.
    Calls = 4,
    /// The keys of recorded calls.
    CallKeys = 5,
    Runs = 6,
    Facts = 7,
    /// A look with the groups that were seen.
    Looks = 8,
    Voids = 9,
    /// A fault, in the table that is searched for faults.
    Faults = 10,
}

impl Table {
    const ALL: [Self; 10] = [
        Self::Begun,
        Self::Steps,
        Self::Ended,
        Self::Calls,
        Self::CallKeys,
        Self::Runs,
        Self::Facts,
        Self::Looks,
        Self::Voids,
        Self::Faults,
    ];

    /// For a person.
    const fn name(self) -> &'static str {
        match self {
            Self::Begun => "the beginning of episode",
            Self::Steps => "steps",
            Self::Ended => "the end of episode",
            Self::Calls => "call",
            Self::CallKeys => "call keys",
            Self::Runs => "run",
            Self::Facts => "fact",
            Self::Looks => "look",
            Self::Voids => "void mark",
            Self::Faults => "fault",
        }
    }

    /// The columns of one row, by its number.
    const fn select(self) -> &'static str {
        match self {
            Self::Begun => {
                "SELECT id, run, harness, suite, split, task, grp, seed, simulated, started_ms, parent FROM episodes WHERE num = ?1"
            }
            Self::Steps => "SELECT data FROM steps WHERE at = ?1",
            Self::Ended => {
                "SELECT outcome, reason, steps, micros, input_tokens, cached_tokens, output_tokens, cost_micros,
                 replayed_input_tokens, replayed_cached_tokens, replayed_output_tokens, replayed_cost_micros, reward, judgement,
                 state FROM episodes WHERE num = ?1"
            }
            Self::Calls => "SELECT data FROM calls WHERE num = ?1",
            Self::CallKeys => "SELECT keys FROM call_keys WHERE first = ?1",
            Self::Runs => {
                "SELECT id, command, started_ms, suite, seed, config, lock, kind, control_of FROM runs WHERE num = ?1"
            }
            Self::Facts => "SELECT run, kind, key, json FROM facts WHERE num = ?1",
            Self::Looks => "SELECT run, suite, data, split, kind, command, at_ms FROM looks WHERE num = ?1",
            Self::Voids => "SELECT call, episode, at_ms, why FROM voids WHERE num = ?1",
            Self::Faults => "SELECT episode, step, hook, module, class, message FROM faults WHERE num = ?1",
        }
    }

    /// The numbers of all rows above this one.
    const fn above(self) -> &'static str {
        match self {
            Self::Begun => "SELECT num FROM episodes WHERE num > ?1",
            Self::Steps => "SELECT at FROM steps WHERE at > ?1",
            Self::Ended => "SELECT num FROM episodes WHERE num > ?1 AND outcome IS NOT NULL",
            Self::Calls => "SELECT num FROM calls WHERE num > ?1",
            Self::CallKeys => "SELECT first FROM call_keys WHERE first > ?1",
            Self::Runs => "SELECT num FROM runs WHERE num > ?1",
            Self::Facts => "SELECT num FROM facts WHERE num > ?1",
            Self::Looks => "SELECT num FROM looks WHERE num > ?1",
            Self::Voids => "SELECT num FROM voids WHERE num > ?1",
            Self::Faults => "SELECT num FROM faults WHERE num > ?1",
        }
    }
}

/// The first bytes of a BLAKE3: enough that nobody finds another row for it.
type Digest = [u8; 16];

/// A link as it is written: what it covers, row by row.
const ENTRY: usize = 1 + 8 + 16;
const LAST: &str = "SELECT hash FROM links ORDER BY num DESC LIMIT 1";
const INSERT: &str = "INSERT INTO links(rows, hash) VALUES(?1, ?2)";

/// Compiles what every transaction needs.
pub(crate) fn prepare(db: &Connection) -> Result<(), TraceError> {
    for sql in [LAST, INSERT, Table::Begun.select(), Table::Ended.select()] {
        db.prepare_cached(sql)?;
    }
    Ok(())
}

/// Rows of a transaction, with what they are.
#[derive(Default)]
pub(crate) struct Covered(Vec<u8>);

impl Covered {
    /// A row whose only column holds these bytes.
    pub(crate) fn bytes(&mut self, table: Table, num: i64, bytes: &[u8]) {
        let mut hasher = blake3::Hasher::new();
        hash_value(&mut hasher, ValueRef::Blob(bytes));
        self.push(table, num, cut(&hasher));
    }

    /// A row that was written, as it now stands.
    pub(crate) fn row(&mut self, db: &Connection, table: Table, num: i64) -> Result<(), TraceError> {
        if let Some(digest) = digest(db, table, num)? {
            self.push(table, num, digest);
        }
        Ok(())
    }

    fn push(&mut self, table: Table, num: i64, digest: Digest) {
        self.0.push(table as u8);
        self.0.extend_from_slice(&num.to_le_bytes());
        self.0.extend_from_slice(&digest);
    }

    /// Adds the link to the chain.
    pub(crate) fn link(self, db: &Connection) -> Result<(), TraceError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let last: Option<Vec<u8>> = db.prepare_cached(LAST)?.query_row([], |row| row.get(0)).optional()?;
        let hash = chained(&last.unwrap_or_default(), &self.0);
        db.prepare_cached(INSERT)?.execute((self.0, hash.as_bytes()))?;
        Ok(())
    }
}

fn chained(last: &[u8], rows: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(last.len() as u64).to_le_bytes()).update(last).update(rows);
    hasher.finalize()
}

fn cut(hasher: &blake3::Hasher) -> Digest {
    let mut digest = [0; 16];
    hasher.finalize_xof().fill(&mut digest);
    digest
}

/// A value with its type and length, so that no two rows are written alike.
fn hash_value(hasher: &mut blake3::Hasher, value: ValueRef<'_>) {
    let mut put = |tag: u8, bytes: &[u8]| {
        hasher.update(&[tag]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    };
    match value {
        ValueRef::Null => put(0, &[]),
        ValueRef::Integer(number) => put(1, &number.to_le_bytes()),
        ValueRef::Real(number) => put(2, &number.to_bits().to_le_bytes()),
        ValueRef::Text(text) => put(3, text),
        ValueRef::Blob(bytes) => put(4, bytes),
    }
}

/// What the row of this number holds; `None`: there is none.
fn digest(db: &Connection, table: Table, num: i64) -> Result<Option<Digest>, TraceError> {
    let mut hasher = blake3::Hasher::new();
    let mut statement = db.prepare_cached(table.select())?;
    let columns = statement.column_count();
    let mut rows = statement.query([num])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    for column in 0..columns {
        hash_value(&mut hasher, row.get_ref(column)?);
    }
    if table == Table::Looks {
        let mut groups =
            db.prepare_cached("SELECT digest, name FROM look_groups WHERE look = ?1 ORDER BY digest, name")?;
        let mut rows = groups.query([num])?;
        while let Some(row) = rows.next()? {
            hash_value(&mut hasher, row.get_ref(0)?);
            hash_value(&mut hasher, row.get_ref(1)?);
        }
    }
    Ok(Some(cut(&hasher)))
}

/// What came of walking the chain of a record.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChainCheck {
    /// Links, one for each transaction.
    pub links: u64,
    /// Rows they cover.
    pub rows: u64,
    /// The last hash, in hexadecimal digits: it stands for everything before it. Empty where there is no link yet.
    pub head: String,
    /// What is not as it was written; empty: all of it is.
    pub differs: Vec<String>,
}

/// Most differences that are named: where one is found, others are of no more use.
const MOST: usize = 20;

impl ChainCheck {
    fn differs(&mut self, what: String) {
        if self.differs.len() < MOST {
            self.differs.push(what);
        }
    }
}

impl Store {
    /// Walks the chain and holds every row against what was written. Reads the whole record. Rows from before there were links, in a
    /// record that an earlier version began, are covered by none and pass.
    ///
    /// # Errors
    ///
    /// The record cannot be read.
    pub fn check_chain(&self) -> Result<ChainCheck, TraceError> {
        let mut found = ChainCheck::default();
        let (mut last, mut next) = (Vec::new(), 1_i64);
        // A row that was written twice is what it was the last time.
        let mut covered: HashMap<(Table, i64), Digest> = HashMap::new();
        let mut since: BTreeMap<Table, i64> = BTreeMap::new();
        self.select("SELECT num, rows, hash FROM links ORDER BY num", [], |row| {
            let (num, rows, hash): (i64, Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if num != next || hash != chained(&last, &rows).as_bytes() {
                found.differs(format!("link {num} does not follow from the one before it"));
            }
            (last, next) = (hash, num + 1);
            for entry in rows.chunks(ENTRY) {
                match read(entry) {
                    Some((table, row, digest)) => drop(covered.insert((table, row), digest)),
                    None => found.differs(format!("link {num} cannot be read")),
                }
            }
            Ok(())
        })?;
        (found.links, found.rows) = ((next - 1).cast_unsigned(), covered.len() as u64);
        found.head = hex(&last);
        self.select("SELECT kind, last FROM unlinked", [], |row| {
            let (kind, last): (u8, i64) = (row.get(0)?, row.get(1)?);
            since.extend(table(kind).map(|table| (table, last)));
            Ok(())
        })?;
        let mut all: Vec<_> = covered.iter().map(|(row, digest)| (*row, *digest)).collect();
        all.sort_unstable();
        let changed = self.pool.read(|db| {
            let mut changed = Vec::new();
            for ((table, num), written) in &all {
                match digest(db, *table, *num)? {
                    Some(digest) if digest == *written => {}
                    Some(_) => changed.push(format!("{} {num} is not what was written", table.name())),
                    None => changed.push(format!("{} {num} is gone", table.name())),
                }
                if changed.len() > MOST {
                    break;
                }
            }
            Ok(changed)
        })?;
        changed.into_iter().for_each(|what| found.differs(what));
        for table in Table::ALL {
            let above = since.get(&table).copied().unwrap_or(0);
            let rows = self.select(table.above(), [above], |row| Ok(row.get::<_, i64>(0)?))?;
            for num in rows.into_iter().filter(|num| !covered.contains_key(&(table, *num))) {
                found.differs(format!("{} {num} was put in beside the chain", table.name()));
            }
        }
        Ok(found)
    }
}

fn table(kind: u8) -> Option<Table> {
    Table::ALL.into_iter().find(|table| *table as u8 == kind)
}

fn read(entry: &[u8]) -> Option<(Table, i64, Digest)> {
    let (kind, rest) = entry.split_first()?;
    let (num, digest) = rest.split_first_chunk()?;
    Some((table(*kind)?, i64::from_le_bytes(*num), digest.try_into().ok()?))
}

fn hex(bytes: &[u8]) -> String {
    <[u8; 32]>::try_from(bytes)
        .map_or_else(|_| String::new(), |bytes| blake3::Hash::from_bytes(bytes).to_hex().to_string())
}
