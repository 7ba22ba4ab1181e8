//! The index: what `list` and `show` look things up in.
//!
//! An SQLite database beside the segments, made from them and thrown away without loss: it holds no values, only where each
//! snapshot lies, and per issue what a list shows. Every command brings it up to date first, reading only what was
//! appended since; several commands at once take turns (WAL, one writer).
//!
//! What is wrong with an index is never the user's problem: a damaged or older one is rebuilt, one of a newer version is left
//! alone, and where none can be kept (a read-only store, a file system without locks) it is built in memory. A [`Notice`] tells.
//!
//! # Schema, version 2 (`PRAGMA user_version`)
//!
//! | table | a row is |
//! |---|---|
//! | `segment` | a segment of the spool, how far it was read and what was wrong in it |
//! | `issue` | all snapshots of one fingerprint; `kept` of them are in the spool, `forgotten` were, `counted` were never captured |
//! | `snapshot` | where a snapshot lies; `short` are the last four bytes of its id |
//! | `uncaught` | a snapshot whose exception nobody handled after all, and how it was met then |
//! | `counted` | a record of counts that was added already |
//! | `process` | the last record of a process, as it was written |

mod update;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use stillframe_core::sink::spool::SpoolReader;

pub use update::{Health, Progress};

use super::{Notice, StoreError};

/// The file in the store's directory.
pub const FILE: &str = "index.sqlite";
/// Version of the schema.
const SCHEMA: i32 = 2;
/// Marks the file as ours: "SFix".
const APPLICATION: i32 = 0x5346_6978;
/// How long to wait for another command that updates the index.
const BUSY: Duration = Duration::from_secs(10);

const CREATE: &str = "
    CREATE TABLE segment (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        position INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0,
        live INTEGER NOT NULL DEFAULT 0,
        unknown INTEGER NOT NULL DEFAULT 0,
        damaged INTEGER NOT NULL DEFAULT 0,
        damaged_bytes INTEGER NOT NULL DEFAULT 0,
        tail_bytes INTEGER NOT NULL DEFAULT 0,
        undecodable INTEGER NOT NULL DEFAULT 0,
        error TEXT
    );
    CREATE TABLE issue (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        service TEXT NOT NULL DEFAULT '',
        type TEXT NOT NULL DEFAULT '',
        message TEXT NOT NULL DEFAULT '',
        function TEXT NOT NULL DEFAULT '',
        module TEXT NOT NULL DEFAULT '',
        file TEXT NOT NULL DEFAULT '',
        line INTEGER NOT NULL DEFAULT 0,
        first_ns INTEGER NOT NULL,
        last_ns INTEGER NOT NULL,
        kept INTEGER NOT NULL DEFAULT 0,
        forgotten INTEGER NOT NULL DEFAULT 0,
        counted INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX issue_last ON issue (last_ns);
    CREATE TABLE snapshot (
        id BLOB PRIMARY KEY,
        short INTEGER NOT NULL,
        issue INTEGER NOT NULL,
        time_ns INTEGER NOT NULL,
        segment INTEGER NOT NULL,
        offset INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX snapshot_short ON snapshot (short);
    CREATE INDEX snapshot_issue ON snapshot (issue, time_ns);
    CREATE INDEX snapshot_time ON snapshot (time_ns);
    CREATE INDEX snapshot_segment ON snapshot (segment, issue);
    CREATE TABLE uncaught (id BLOB PRIMARY KEY, mechanism TEXT NOT NULL, segment INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE counted (record BLOB PRIMARY KEY, segment INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE process (
        pid INTEGER NOT NULL,
        started_ns INTEGER NOT NULL,
        time_ns INTEGER NOT NULL,
        payload BLOB NOT NULL,
        PRIMARY KEY (pid, started_ns)
    ) WITHOUT ROWID;
    CREATE INDEX process_time ON process (time_ns);
";

/// An open index, up to date with its spool.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) db: Connection,
}

/// What an index file turned out to be.
enum Opened {
    Ready(Connection),
    Newer(i32),
    Damaged,
    /// It cannot be kept there.
    Unusable(rusqlite::Error),
}

impl Index {
    /// Opens the index of the store and reads what is new in the spool.
    pub(super) fn open(
        spool: &SpoolReader,
        progress: &mut dyn Progress,
        notices: &mut Vec<Notice>,
    ) -> Result<Self, StoreError> {
        let path = spool.path().join(FILE);
        for attempt in 0..2 {
            let db = match open_file(&path) {
                Opened::Ready(db) => db,
                Opened::Damaged if attempt == 0 => {
                    notices.push(Notice::IndexRebuilt);
                    remove(&path);
                    continue;
                }
                Opened::Newer(version) => {
                    notices.push(Notice::IndexNewer { version });
                    break;
                }
                Opened::Unusable(error) => {
                    notices.push(Notice::IndexInMemory {
                        why: error.to_string(),
                    });
                    break;
                }
                Opened::Damaged => break,
            };
            let mut index = Self { db };
            match update::run(&mut index.db, spool, progress) {
                Ok(()) => return Ok(index),
                Err(update::Failure::Spool(error)) => return Err(error.into()),
                Err(update::Failure::Index(error)) if is_damage(&error) && attempt == 0 => {
                    notices.push(Notice::IndexRebuilt);
                    drop(index);
                    remove(&path);
                }
                Err(update::Failure::Index(error)) => {
                    notices.push(Notice::IndexInMemory {
                        why: error.to_string(),
                    });
                    break;
                }
            }
        }
        let broken = |error: rusqlite::Error| {
            StoreError::new(format!("cannot build the index in memory: {error}"))
        };
        let mut db = Connection::open_in_memory().map_err(broken)?;
        db.execute_batch(CREATE).map_err(broken)?;
        match update::run(&mut db, spool, progress) {
            Ok(()) => Ok(Self { db }),
            Err(update::Failure::Spool(error)) => Err(error.into()),
            Err(update::Failure::Index(error)) => Err(broken(error)),
        }
    }
}

impl Index {
    /// Reads what is new in the spool.
    pub(super) fn update(&mut self, spool: &SpoolReader) -> Result<(), StoreError> {
        struct Silent;
        impl Progress for Silent {
            fn read(&mut self, _done: u64, _total: u64) {}
        }
        match update::run(&mut self.db, spool, &mut Silent) {
            Ok(()) => Ok(()),
            Err(update::Failure::Spool(error)) => Err(error.into()),
            Err(update::Failure::Index(error)) => Err(StoreError::new(format!(
                "the index cannot be updated: {error}"
            ))),
        }
    }
}

fn open_file(path: &Path) -> Opened {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    match prepare(path, flags) {
        Ok(opened) => opened,
        Err(error) if is_damage(&error) => Opened::Damaged,
        Err(error) => Opened::Unusable(error),
    }
}

fn prepare(path: &Path, flags: OpenFlags) -> rusqlite::Result<Opened> {
    owner_only(path);
    let mut db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // A crash of the machine may cost the index its last update, which the next command repeats.
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.set_prepared_statement_cache_capacity(32);
    let version = |db: &Connection| db.pragma_query_value(None, "user_version", |row| row.get(0));
    let mut found: i32 = version(&db)?;
    if found != SCHEMA {
        let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another command may have made it meanwhile.
        found = version(&change)?;
        if found > SCHEMA {
            return Ok(Opened::Newer(found));
        }
        if found < SCHEMA {
            let empty: bool =
                change.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| {
                    row.get(0)
                })?;
            if !empty {
                return Ok(Opened::Damaged);
            }
            change.execute_batch(CREATE)?;
            change.pragma_update(None, "application_id", APPLICATION)?;
            change.pragma_update(None, "user_version", SCHEMA)?;
        }
        change.commit()?;
    }
    Ok(Opened::Ready(db))
}

/// Makes the file before SQLite does, readable by nobody else; SQLite gives its side files the same mode.
fn owner_only(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    // If this fails, so will SQLite, and it says why.
    let _ = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
}

fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        // What cannot be removed cannot be opened either, and then the index is built in memory.
        let _ = std::fs::remove_file(name);
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, message) => {
            matches!(
                failure.code,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
            ) || (failure.code == ErrorCode::Unknown
                && message
                    .as_deref()
                    .is_some_and(|text| text.starts_with("no such ")))
        }
        rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::IntegralValueOutOfRange(..) => {
            true
        }
        _ => false,
    }
}
