//! What a batch is in SQL: written in one transaction, whole or not at all.

use rusqlite::{Connection, TransactionBehavior, params};

use crate::{
    EpisodeEnd, EpisodeStart, Split, TraceError,
    chain::{self, Covered, Table},
    encode,
    ledger::RunRecord,
    looks::Look,
    open::OpenEpisodes,
    queue::{Batch, LedgerRow},
};

const CALL: &str = "INSERT INTO calls(data) VALUES(?1)";
const CALL_KEYS: &str = "INSERT INTO call_keys(first, keys) VALUES(?1, ?2)";
const STEPS: &str = "INSERT INTO steps(at, data) VALUES(?1, ?2)";
const BEGIN: &str =
    "INSERT INTO episodes(id, run, harness, suite, split, task, grp, seed, simulated, started_ms, parent)
    VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const END: &str = "UPDATE episodes SET outcome = ?2, reason = ?3, steps = ?4, micros = ?5, input_tokens = ?6,
    cached_tokens = ?7, output_tokens = ?8, cost_micros = ?9, replayed_input_tokens = ?10,
    replayed_cached_tokens = ?11, replayed_output_tokens = ?12, replayed_cost_micros = ?13, reward = ?14,
    judgement = ?15, state = ?16 WHERE num = ?1";
// A transaction that changes nothing syncs nothing, not even what earlier ones left with the system.
const SYNC: &str = "UPDATE syncs SET n = n + 1";

/// Compiles the statements every batch needs, so that the first one costs no more than the others.
pub(crate) fn prepare(db: &Connection) -> Result<(), TraceError> {
    for sql in [CALL, CALL_KEYS, STEPS, BEGIN, END, SYNC] {
        db.prepare_cached(sql)?;
    }
    chain::prepare(db)
}

/// Writes a batch whole or not at all; gives the number of its first call. After an error the same batch can be written again.
pub(crate) fn write(db: &mut Connection, open: &mut OpenEpisodes, batch: &Batch) -> Result<i64, TraceError> {
    if batch.sync {
        db.pragma_update(None, "synchronous", "FULL")?;
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (mut first_call, mut ended) = (0, Vec::new());
    let mut covered = Covered::default();
    if !batch.calls.is_empty() {
        let mut insert = tx.prepare_cached(CALL)?;
        let mut keys = Vec::with_capacity(32 * batch.calls.len());
        for (at, (key, _)) in batch.calls.iter().enumerate() {
            let num = insert.insert([batch.call_at(at)])?;
            covered.bytes(Table::Calls, num, batch.call_at(at));
            if at == 0 {
                first_call = num;
            }
            keys.extend_from_slice(&key.0);
        }
        tx.prepare_cached(CALL_KEYS)?.execute(params![first_call, keys])?;
        covered.bytes(Table::CallKeys, first_call, &keys);
    }
    for part in &batch.parts {
        if let Some(start) = &part.start {
            let num = begin(&tx, start)?;
            open.begin(&part.id, num);
            covered.row(&tx, Table::Begun, num)?;
        }
        let num = open.number(&part.id)?;
        if !part.steps.is_empty() {
            let chunk = open.next_chunk(&part.id)?;
            tx.prepare_cached(STEPS)?.execute(params![chunk, part.steps])?;
            covered.bytes(Table::Steps, chunk, &part.steps);
        }
        for fault in &part.faults {
            let fault = tx
                .prepare_cached(
                    "INSERT INTO faults(episode, step, hook, module, class, message) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .insert(params![num, fault.step as i64, fault.hook, fault.module, fault.class, fault.message])?;
            covered.row(&tx, Table::Faults, fault)?;
        }
        if let Some(end) = &part.end {
            finish(&tx, num, end)?;
            covered.row(&tx, Table::Ended, num)?;
            ended.push((&part.id, num));
        }
    }
    for blob in &batch.blobs {
        tx.prepare_cached("INSERT OR IGNORE INTO blobs(hash, media_type, bytes) VALUES(?1, ?2, ?3)")?
            .execute(params![blob.hash, blob.media_type, blob.bytes])?;
    }
    for row in &batch.ledger {
        ledger(&tx, row, &mut covered)?;
    }
    covered.link(&tx)?;
    if batch.sync {
        tx.prepare_cached(SYNC)?.execute([])?;
    }
    tx.commit()?;
    ended.into_iter().for_each(|(id, num)| open.end(id, num));
    if batch.sync {
        db.pragma_update(None, "synchronous", "NORMAL")?;
    }
    Ok(first_call)
}

/// Numbers without sign keep their bits.
fn bits(number: u64) -> i64 {
    number.cast_signed()
}

fn begin(db: &Connection, start: &EpisodeStart) -> Result<i64, TraceError> {
    let mut insert = db.prepare_cached(BEGIN)?;
    Ok(insert.insert(params![
        start.episode,
        start.run,
        start.harness,
        start.suite,
        start.split.name(),
        start.task,
        start.group,
        bits(start.seed),
        start.simulated,
        bits(start.started_ms),
        start.parent,
    ])?)
}

fn finish(db: &Connection, num: i64, end: &EpisodeEnd) -> Result<(), TraceError> {
    let state = if end.state.is_null() { None } else { Some(end.state.to_string()) };
    let (used, replayed) = (end.usage, end.replayed);
    db.prepare_cached(END)?.execute(params![
        num,
        end.outcome.name(),
        end.reason,
        bits(end.steps),
        bits(end.micros),
        bits(used.input_tokens),
        bits(used.cached_tokens),
        bits(used.output_tokens),
        bits(used.cost_micros),
        bits(replayed.input_tokens),
        bits(replayed.cached_tokens),
        bits(replayed.output_tokens),
        bits(replayed.cost_micros),
        end.grade.as_ref().map(|grade| grade.reward),
        end.grade.as_ref().map(encode::grade),
        state,
    ])?;
    Ok(())
}

fn ledger(db: &Connection, row: &LedgerRow, covered: &mut Covered) -> Result<(), TraceError> {
    match row {
        LedgerRow::Run(RunRecord { id, kind, of, command, started_ms, suite, seed, config, lock }) => {
            // The same command again continues its run: the first record stands.
            let sql = "INSERT OR IGNORE INTO runs(id, command, started_ms, suite, seed, config, lock, kind, control_of)
                 VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            let new = db.prepare_cached(sql)?.execute(params![
                id,
                command,
                bits(*started_ms),
                suite,
                bits(*seed),
                config.to_string(),
                lock.to_string(),
                kind.name(),
                of,
            ])?;
            if new > 0 {
                covered.row(db, Table::Runs, db.last_insert_rowid())?;
            }
        }
        LedgerRow::Fact { run, kind, key, json } => {
            let fact = db
                .prepare_cached("INSERT INTO facts(run, kind, key, json) VALUES(?1, ?2, ?3, ?4)")?
                .insert(params![run, kind, key, json])?;
            covered.row(db, Table::Facts, fact)?;
        }
        LedgerRow::Void { calls, episodes, at_ms, why } => {
            let mut insert =
                db.prepare_cached("INSERT INTO voids(call, episode, at_ms, why) VALUES(?1, ?2, ?3, ?4)")?;
            let calls = calls.iter().map(|call| (Some(*call), None));
            for (call, episode) in calls.chain(episodes.iter().map(|episode| (None, Some(*episode)))) {
                let mark = insert.insert(params![call, episode, bits(*at_ms), why])?;
                covered.row(db, Table::Voids, mark)?;
            }
        }
        LedgerRow::Look(Look { run, suite, data, split, kind, command, at_ms, groups }) => {
            let split = split.map_or("", Split::name);
            let look = db
                .prepare_cached(
                    "INSERT INTO looks(run, suite, data, split, kind, command, at_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .insert(params![run, suite, data, split, kind.name(), command, bits(*at_ms)])?;
            let mut insert =
                db.prepare_cached("INSERT OR IGNORE INTO look_groups(look, digest, name) VALUES(?1, ?2, ?3)")?;
            for group in groups {
                insert.execute(params![look, bits(group.digest), group.name])?;
            }
            covered.row(db, Table::Looks, look)?;
        }
    }
    Ok(())
}
