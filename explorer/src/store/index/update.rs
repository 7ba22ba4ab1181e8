//! Bringing the index up to date with the spool.
//!
//! One transaction: list the segments, read each from where the last update stopped, then forget what is no longer there.
//! Retention may replace segments meanwhile; their records come back under the same ids elsewhere, so a pass that misses a
//! segment it had listed is repeated.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use stillframe_core::sink::RecordKind;
use stillframe_core::sink::spool::{
    Decompressor, EventCounts, ProcessRecord, RecordRef, SegmentInfo, SpoolError, SpoolReader,
    Uncaught, decode_payload,
};

use crate::store::head::Head;

/// Told how far an update has come.
pub trait Progress {
    /// Of `total` bytes of segments, `done` were read.
    fn read(&mut self, done: u64, total: u64);
}

/// What is wrong in the spool, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Segments.
    pub segments: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Records that only a newer version understands.
    pub unknown: u64,
    /// Places with damage.
    pub damaged: u64,
    /// Bytes skipped there.
    pub damaged_bytes: u64,
    /// Segments, no longer written, that end with an incomplete record.
    pub torn: u64,
    /// Intact records whose content is not what their kind says.
    pub undecodable: u64,
    /// Segments that could not be read, and why.
    pub errors: Vec<String>,
}

/// Why an update failed.
pub(super) enum Failure {
    Spool(SpoolError),
    Index(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Index(error)
    }
}

impl From<SpoolError> for Failure {
    fn from(error: SpoolError) -> Self {
        Self::Spool(error)
    }
}

/// Processes that are remembered.
const MAX_PROCESSES: u32 = 1000;
/// Occurrences that one record counts at most. More cannot be, and sums of records from outside have to stay integers.
const MOST_COUNTED: u64 = 1 << 40;
/// Occurrences of an issue that are counted at most.
const MOST_OF_ISSUE: i64 = 1 << 50;
/// Passes over the spool before what is found has to do.
const PASSES: usize = 3;

/// Reads what is new.
pub(super) fn run(
    db: &mut Connection,
    spool: &SpoolReader,
    progress: &mut dyn Progress,
) -> Result<(), Failure> {
    if is_current(db, &spool.segments()?)? {
        return Ok(());
    }
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for pass in 1..=PASSES {
        let segments = spool.segments()?;
        if segments.is_empty() {
            reset(&change)?;
            break;
        }
        let all_read = read_new(&change, spool, &segments, progress)?;
        if all_read || pass == PASSES {
            forget_missing(&change, &segments)?;
            forget_old_processes(&change)?;
            break;
        }
    }
    change.commit()?;
    Ok(())
}

/// Whether every segment is as it was when it was last read, which needs no lock to find out.
fn is_current(db: &Connection, segments: &[SegmentInfo]) -> Result<bool, Failure> {
    let known: i64 = db.query_row("SELECT count(*) FROM segment", [], |row| row.get(0))?;
    if usize::try_from(known) != Ok(segments.len()) || segments.is_empty() {
        return Ok(false);
    }
    let mut same =
        db.prepare_cached("SELECT 1 FROM segment WHERE name = ?1 AND bytes = ?2 AND live = ?3")?;
    for segment in segments {
        if !same.exists(params![
            segment.name.as_str(),
            segment.bytes.cast_signed(),
            segment.live
        ])? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Forgets everything: somebody emptied the store.
fn reset(change: &Transaction<'_>) -> rusqlite::Result<()> {
    change.execute_batch(
        "DELETE FROM segment; DELETE FROM issue; DELETE FROM snapshot; DELETE FROM uncaught; DELETE FROM counted; DELETE FROM process;",
    )
}

/// Reads every segment from where it was left. False if one of them had gone.
fn read_new(
    change: &Transaction<'_>,
    spool: &SpoolReader,
    segments: &[SegmentInfo],
    progress: &mut dyn Progress,
) -> Result<bool, Failure> {
    let total = segments.iter().map(|segment| segment.bytes).sum();
    let (mut done, mut all_read) = (0, true);
    let mut decompressor = Decompressor::default();
    let mut payload = Vec::new();
    for segment in segments {
        progress.read(done, total);
        done += segment.bytes;
        let (id, position) = position(change, segment)?;
        let mut scan = match spool.scan(&segment.name, position) {
            Ok(scan) => scan,
            Err(error) if error.is_not_found() => {
                all_read = false;
                continue;
            }
            Err(error) => {
                note(change, id, &error.to_string())?;
                continue;
            }
        };
        let (mut undecodable, mut failed) = (0_u64, None);
        while let Some(record) = scan.next() {
            match record {
                Ok(record) => {
                    let intact = scan.payload(&mut decompressor, &mut payload).is_ok()
                        && add(change, id, &record, &payload)?;
                    undecodable += u64::from(!intact);
                }
                Err(error) => failed = Some(error.to_string()),
            }
        }
        let stats = scan.stats();
        change
            .prepare_cached(
                "UPDATE segment SET position = ?2, bytes = ?3, live = ?4, unknown = unknown + ?5,
                    damaged = damaged + ?6, damaged_bytes = damaged_bytes + ?7, tail_bytes = ?8,
                    undecodable = undecodable + ?9, error = ?10 WHERE id = ?1",
            )?
            .execute(params![
                id,
                scan.position().cast_signed(),
                segment.bytes.cast_signed(),
                segment.live,
                stats.unknown.cast_signed(),
                stats.damaged.cast_signed(),
                stats.damaged_bytes.cast_signed(),
                stats.tail_bytes.cast_signed(),
                undecodable.cast_signed(),
                failed,
            ])?;
    }
    progress.read(total, total);
    Ok(all_read)
}

/// The row of a segment, and how far it was read.
fn position(change: &Transaction<'_>, segment: &SegmentInfo) -> rusqlite::Result<(i64, u64)> {
    let name = segment.name.as_str();
    let found = change
        .prepare_cached("SELECT id, position FROM segment WHERE name = ?1")?
        .query_row([name], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
        })
        .optional()?;
    if let Some(found) = found {
        return Ok(found);
    }
    change
        .prepare_cached("INSERT INTO segment (name) VALUES (?1)")?
        .execute([name])?;
    Ok((change.last_insert_rowid(), 0))
}

fn note(change: &Transaction<'_>, segment: i64, error: &str) -> rusqlite::Result<()> {
    let mut statement = change.prepare_cached("UPDATE segment SET error = ?2 WHERE id = ?1")?;
    statement.execute(params![segment, error]).map(drop)
}

/// Adds one record. False if its payload is not what its kind says.
fn add(
    change: &Transaction<'_>,
    segment: i64,
    record: &RecordRef,
    payload: &[u8],
) -> rusqlite::Result<bool> {
    match record.kind {
        RecordKind::Snapshot => add_snapshot(change, segment, record, payload),
        RecordKind::EventCounts => add_counts(change, segment, record, payload),
        RecordKind::Process => add_process(change, record, payload),
        RecordKind::Uncaught => add_uncaught(change, segment, record, payload),
        _ => Ok(true),
    }
}

fn add_snapshot(
    change: &Transaction<'_>,
    segment: i64,
    record: &RecordRef,
    payload: &[u8],
) -> rusqlite::Result<bool> {
    let moved = change
        .prepare_cached("UPDATE snapshot SET segment = ?2, offset = ?3 WHERE id = ?1")?
        .execute(params![record.id, segment, record.offset.cast_signed()])?;
    if moved > 0 {
        return Ok(true);
    }
    let head = Head::decode(payload);
    let readable = head.is_some();
    let head = head.unwrap_or_default();
    let issue: i64 = change
        .prepare_cached(
            "INSERT INTO issue (key, service, type, message, function, module, file, line, first_ns, last_ns, kept)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, 1)
             ON CONFLICT (key) DO UPDATE SET
                service = iif(?9 >= last_ns OR type = '', ?2, service),
                type = iif(?9 >= last_ns OR type = '', ?3, type),
                message = iif(?9 >= last_ns OR type = '', ?4, message),
                function = iif(?9 >= last_ns OR type = '', ?5, function),
                module = iif(?9 >= last_ns OR type = '', ?6, module),
                file = iif(?9 >= last_ns OR type = '', ?7, file),
                line = iif(?9 >= last_ns OR type = '', ?8, line),
                first_ns = min(first_ns, ?9),
                last_ns = max(last_ns, ?9),
                kept = kept + 1
             RETURNING id",
        )?
        .query_row(
            params![
                record.fingerprint,
                head.service,
                head.error_type,
                head.message,
                head.function,
                head.module,
                head.file,
                head.line,
                record.timestamp_ns.cast_signed(),
            ],
            |row| row.get(0),
        )?;
    let short = u32::from_be_bytes([record.id[12], record.id[13], record.id[14], record.id[15]]);
    change
        .prepare_cached(
            "INSERT INTO snapshot (id, short, issue, time_ns, segment, offset) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            record.id,
            short,
            issue,
            record.timestamp_ns.cast_signed(),
            segment,
            record.offset.cast_signed(),
        ])?;
    Ok(readable)
}

fn add_counts(
    change: &Transaction<'_>,
    segment: i64,
    record: &RecordRef,
    payload: &[u8],
) -> rusqlite::Result<bool> {
    let Ok(counts) = decode_payload::<EventCounts>(payload) else {
        return Ok(false);
    };
    let moved = change
        .prepare_cached("UPDATE counted SET segment = ?2 WHERE record = ?1")?
        .execute(params![record.id, segment])?;
    if moved > 0 {
        return Ok(true);
    }
    change
        .prepare_cached("INSERT INTO counted (record, segment) VALUES (?1, ?2)")?
        .execute(params![record.id, segment])?;
    let mut add = change.prepare_cached(
        "INSERT INTO issue (key, first_ns, last_ns, counted) VALUES (?1, ?2, ?2, ?3)
         ON CONFLICT (key) DO UPDATE SET
            first_ns = min(first_ns, ?2), last_ns = max(last_ns, ?2), counted = min(counted + ?3, ?4)",
    )?;
    for count in counts.counts {
        add.execute(params![
            count.fingerprint,
            count.last_ns.cast_signed(),
            count.count.min(MOST_COUNTED).cast_signed(),
            MOST_OF_ISSUE,
        ])?;
    }
    Ok(true)
}

fn add_process(
    change: &Transaction<'_>,
    record: &RecordRef,
    payload: &[u8],
) -> rusqlite::Result<bool> {
    let Ok(process) = decode_payload::<ProcessRecord<serde::de::IgnoredAny>>(payload) else {
        return Ok(false);
    };
    change
        .prepare_cached(
            "INSERT INTO process (pid, started_ns, time_ns, payload) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (pid, started_ns) DO UPDATE SET time_ns = ?3, payload = ?4 WHERE time_ns <= ?3",
        )?
        .execute(params![
            process.pid,
            process.started_ns.cast_signed(),
            record.timestamp_ns.cast_signed(),
            payload,
        ])?;
    Ok(true)
}

/// The snapshot may lie in a segment that is still to be read.
fn add_uncaught(
    change: &Transaction<'_>,
    segment: i64,
    record: &RecordRef,
    payload: &[u8],
) -> rusqlite::Result<bool> {
    let Ok(uncaught) = decode_payload::<Uncaught>(payload) else {
        return Ok(false);
    };
    change
        .prepare_cached(
            "INSERT INTO uncaught (id, mechanism, segment) VALUES (?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET segment = ?3",
        )?
        .execute(params![record.id, uncaught.mechanism, segment])?;
    Ok(true)
}

/// Forgets what lay in segments that are gone and did not come back elsewhere. The issues remember how many it was.
fn forget_missing(change: &Transaction<'_>, segments: &[SegmentInfo]) -> rusqlite::Result<()> {
    let present: HashSet<&str> = segments
        .iter()
        .map(|segment| segment.name.as_str())
        .collect();
    let known = change
        .prepare("SELECT id, name FROM segment")?
        .query_map([], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for (id, _) in known
        .iter()
        .filter(|(_, name)| !present.contains(name.as_str()))
    {
        change
            .prepare_cached(
                "UPDATE issue SET kept = kept - gone.n, forgotten = forgotten + gone.n
                 FROM (SELECT issue, count(*) AS n FROM snapshot WHERE segment = ?1 GROUP BY issue) AS gone
                 WHERE issue.id = gone.issue",
            )?
            .execute([id])?;
        for table in ["snapshot", "uncaught", "counted"] {
            change
                .prepare_cached(&format!("DELETE FROM {table} WHERE segment = ?1"))?
                .execute([id])?;
        }
        change
            .prepare_cached("DELETE FROM segment WHERE id = ?1")?
            .execute([id])?;
    }
    Ok(())
}

/// Programs that fail at once, and often, make many processes; the newest are enough.
fn forget_old_processes(change: &Transaction<'_>) -> rusqlite::Result<()> {
    change
        .execute(
            "DELETE FROM process WHERE time_ns < (SELECT time_ns FROM process ORDER BY time_ns DESC LIMIT 1 OFFSET ?1)",
            [MAX_PROCESSES],
        )
        .map(drop)
}
