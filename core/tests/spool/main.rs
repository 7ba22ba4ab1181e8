//! The spool as its users meet it: real files, real processes, real damage.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail as tests do"
)]

mod damage;
mod disk;
mod format;
mod processes;
mod retention;
mod store;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use stillframe_core::sink::spool::{RecordRef, Records, Spool, SpoolConfig, SpoolReader};
use stillframe_core::sink::{RecordKind, Sink, SinkRecord};

/// A deadline that no test reaches.
fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

fn id(n: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    id
}

/// Snapshot number `n` of issue `issue`; the number is also its time.
fn snapshot(n: u64, issue: u64, payload: &[u8]) -> SinkRecord<'_> {
    let (id, fingerprint) = (id(n), id(issue));
    SinkRecord {
        kind: RecordKind::Snapshot,
        payload,
        id,
        fingerprint,
        timestamp_ns: n,
    }
}

/// `len` bytes that do not compress, different for each seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn spool(dir: &Path) -> Spool {
    spool_with(dir, SpoolConfig::default())
}

fn spool_with(dir: &Path, config: SpoolConfig) -> Spool {
    Spool::new(dir, config, Box::new(|_| {}))
}

/// A spool, and what it says.
fn spool_that_talks(dir: &Path, config: SpoolConfig) -> (Spool, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&said);
    let notify =
        Box::new(move |line: &str| log.lock().expect("not poisoned").push(line.to_owned()));
    (Spool::new(dir, config, notify), said)
}

fn records(dir: &Path) -> Records {
    SpoolReader::open(dir)
        .expect("a store")
        .records()
        .expect("a list")
}

/// The numbers of the snapshots in a store, by time.
fn numbers(dir: &Path) -> Vec<u64> {
    records(dir)
        .records
        .iter()
        .map(|record| record.timestamp_ns)
        .collect()
}

fn number(record: &RecordRef) -> u64 {
    record.timestamp_ns
}

fn total_bytes(dir: &Path) -> u64 {
    let reader = SpoolReader::open(dir).expect("a store");
    reader
        .segments()
        .expect("a list")
        .iter()
        .map(|segment| segment.bytes)
        .sum()
}

/// Writes `n` snapshots of one issue to a new store and ends it; gives the path of its only segment.
fn one_segment(dir: &Path, payloads: &[Vec<u8>]) -> std::path::PathBuf {
    let mut spool = spool(dir);
    for (n, payload) in payloads.iter().enumerate() {
        spool
            .write(&snapshot(n as u64, 1, payload))
            .expect("written");
    }
    spool.close(far()).expect("closed");
    let segments = SpoolReader::open(dir)
        .expect("a store")
        .segments()
        .expect("a list");
    assert_eq!(segments.len(), 1);
    dir.join(segments[0].name.as_str())
}

fn conformance_dir() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/spool")
}
