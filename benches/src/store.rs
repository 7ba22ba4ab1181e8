//! What the `stillframe` command does before it prints: bringing the index up to date, and asking it.

use std::fs;
use std::hint::black_box;

use stillframe_core::sink::spool::{Spool, SpoolConfig};
use stillframe_core::sink::{RecordKind, Sink, SinkRecord};
use stillframe_core::snapshot::SnapshotId;
use stillframe_explorer::store::{Filter, INDEX_FILE, Progress, Store};
use tempfile::TempDir;

use crate::path::Path;
use crate::paths::stored;

/// Snapshots of which an index is made.
const INDEXED: u64 = 2000;
/// Issues that are listed.
const ISSUES: u64 = 10_000;

struct Silent;

impl Progress for Silent {
    fn read(&mut self, _: u64, _: u64) {}
}

/// A store of `count` snapshots of `issues` issues.
fn written(count: u64, issues: u64) -> TempDir {
    let payloads: Vec<Vec<u8>> = (0..64).map(stored).collect();
    let directory = tempfile::tempdir().expect("a directory");
    let config = SpoolConfig {
        max_bytes: 1 << 30,
        ..SpoolConfig::default()
    };
    let mut spool = Spool::new(directory.path(), config, Box::new(|_| {}));
    for number in 1..=count {
        let record = SinkRecord {
            kind: RecordKind::Snapshot,
            payload: &payloads[number as usize % payloads.len()],
            id: SnapshotId::from_parts(number * 1_000_000, number).0,
            fingerprint: u128::from(number % issues + 1).to_be_bytes(),
            timestamp_ns: number * 1_000_000,
        };
        spool.write(&record).expect("written");
    }
    drop(spool);
    directory
}

fn open(directory: &TempDir) -> Store {
    let store = Store::open(directory.path(), &mut Silent).expect("opens");
    store.expect("there is a store")
}

pub(crate) fn store() -> [Path; 2] {
    let mut directory = None;
    let index = move |n| {
        let directory = directory.get_or_insert_with(|| written(INDEXED, INDEXED / 10));
        for _ in 0..n {
            // Not there the first time.
            let _ = fs::remove_file(directory.path().join(INDEX_FILE));
            black_box(open(directory));
        }
    };
    let mut directory = None;
    let list = move |n| {
        let directory = directory.get_or_insert_with(|| written(ISSUES, ISSUES));
        for _ in 0..n {
            let issues = open(directory).issues(&Filter::default()).expect("listed");
            assert_eq!(issues.total, ISSUES, "all are there");
            black_box(issues);
        }
    };
    [
        Path::new("index", "store", "index made anew from the spool", index)
            .per("per second", INDEXED as f64)
            .at_least(20_000.0)
            .timed_only(),
        Path::new("list", "store", "list of 10,000 issues", list)
            .per("ms", 1.0)
            .at_most(50.0)
            .timed_only(),
    ]
}
