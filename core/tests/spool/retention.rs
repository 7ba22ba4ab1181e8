//! Bounds: what goes first, what stays, and who may remove what.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use stillframe_core::sink::spool::SpoolConfig;
use stillframe_core::sink::{RecordKind, Sink, SinkRecord};

use crate::*;

const BOUND: u64 = 1 << 20;

/// A small store.
fn config() -> SpoolConfig {
    SpoolConfig {
        max_bytes: BOUND,
        ..SpoolConfig::default()
    }
}

/// First and last number of each issue in `written` (number, issue).
fn firsts_and_lasts(written: &[(u64, u64)]) -> BTreeSet<u64> {
    let mut spans: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for (n, issue) in written {
        let span = spans.entry(*issue).or_insert((*n, *n));
        *span = (span.0.min(*n), span.1.max(*n));
    }
    spans.values().flat_map(|span| [span.0, span.1]).collect()
}

/// Writes `count` snapshots; each is of one hot issue, but every 50th of one of 40 others.
fn flood(dir: &Path, count: u64) -> Vec<(u64, u64)> {
    let mut spool = spool_with(dir, config());
    let mut written = Vec::new();
    for n in 0..count {
        let issue = if n % 50 == 0 { 1 + n / 50 % 40 } else { 0 };
        spool
            .write(&snapshot(n, issue, &noise(n, 1000)))
            .expect("written");
        written.push((n, issue));
    }
    spool.close(far()).expect("closed");
    let stats = spool.counters().stats();
    assert!(
        stats.removed > 0 && stats.compactions > 0 && stats.removed_bytes > 0,
        "{stats:?}"
    );
    assert_eq!((stats.written, stats.errors), (count, 0));
    written
}

#[test]
fn the_oldest_go_but_the_first_and_last_of_each_issue_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let written = flood(dir.path(), 8_000);
    assert!(
        total_bytes(dir.path()) <= BOUND + BOUND / 32,
        "{}",
        total_bytes(dir.path())
    );
    let kept: BTreeSet<u64> = numbers(dir.path()).into_iter().collect();
    let wanted = firsts_and_lasts(&written);
    assert!(
        wanted.is_subset(&kept),
        "missing: {:?}",
        wanted.difference(&kept)
    );
    // The rest is the newest: half of the bound at least is an unbroken run up to the end.
    let run = (0..8_000).rev().take_while(|n| kept.contains(n)).count();
    assert!(run > 400, "{run}");
    assert_eq!(records(dir.path()).stats.damaged, 0);
}

#[test]
fn when_even_firsts_and_lasts_are_too_many_the_quietest_issues_go() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut spool = spool_with(dir.path(), config());
    for n in 0..10_000 {
        // Each its own issue, but for one that goes on all the time.
        let issue = if n % 10 == 0 { u64::MAX } else { n };
        spool
            .write(&snapshot(n, issue, &noise(n, 1000)))
            .expect("written");
    }
    spool.close(far()).expect("closed");
    assert!(
        total_bytes(dir.path()) <= BOUND + BOUND / 32,
        "{}",
        total_bytes(dir.path())
    );
    let kept: BTreeSet<u64> = numbers(dir.path()).into_iter().collect();
    assert!(kept.contains(&0), "the first of the issue that goes on");
    let missing: Vec<u64> = (9_500..10_000)
        .filter(|n| n % 10 > 0 && !kept.contains(n))
        .collect();
    assert_eq!(missing, [0; 0], "the newest");
    assert!(
        !kept.contains(&1) && !kept.contains(&5_001),
        "the quiet ones"
    );
}

#[test]
fn a_segment_that_somebody_appends_to_is_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut live = spool(dir.path());
    for n in 0..20 {
        live.write(&snapshot(n, 1, &noise(n, 1000)))
            .expect("written");
    }
    live.flush(far()).expect("flushed");
    let mut other = spool_with(dir.path(), config());
    for n in 100..5_000 {
        other
            .write(&snapshot(n, 1, &noise(n, 1000)))
            .expect("written");
    }
    other.close(far()).expect("closed");
    assert!(other.counters().stats().removed > 0);
    live.write(&snapshot(20, 1, b"still here"))
        .expect("written");
    live.close(far()).expect("closed");
    let kept: BTreeSet<u64> = numbers(dir.path()).into_iter().collect();
    assert!((0..=20).all(|n| kept.contains(&n)), "{kept:?}");
}

#[test]
fn many_small_segments_are_merged_and_nothing_is_lost() {
    let dir = tempfile::tempdir().expect("a directory");
    for n in 0..300 {
        let mut spool = spool(dir.path());
        spool
            .write(&snapshot(n, n, b"a program that fails at once"))
            .expect("written");
        spool.close(far()).expect("closed");
    }
    assert_eq!(numbers(dir.path()), (0..300).collect::<Vec<_>>());
    let reader = SpoolReader::open(dir.path()).expect("a store");
    let segments = reader.segments().expect("a list");
    assert!(segments.len() <= 66, "{}", segments.len());
}

#[test]
fn while_another_process_removes_nobody_else_does() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir_all(dir.path()).expect("made");
    let lock = File::create(dir.path().join("retention.lock")).expect("made");
    lock.lock().expect("locked");
    let mut spool = spool_with(dir.path(), config());
    for n in 0..3_000 {
        spool
            .write(&snapshot(n, 1, &noise(n, 1000)))
            .expect("written");
    }
    spool.close(far()).expect("closed");
    assert_eq!(numbers(dir.path()).len(), 3_000);
    assert_eq!(spool.counters().stats().compactions, 0);
    drop(lock);
    flood(dir.path(), 2_000);
    assert!(total_bytes(dir.path()) <= BOUND + BOUND / 32);
}

#[test]
fn what_a_killed_run_left_is_cleaned_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let left = dir.path().join("1763812345678-1-0123456789abcdef.sfs.tmp");
    fs::write(&left, b"half a segment").expect("written");
    let foreign = dir.path().join("notes.tmp");
    fs::write(&foreign, b"of somebody else").expect("written");
    flood(dir.path(), 2_000);
    assert!(!left.exists());
    assert!(foreign.exists());
}

#[test]
fn a_run_that_was_killed_after_it_published_leaves_each_record_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let segment = one_segment(dir.path(), &[noise(1, 100), noise(2, 100)]);
    let copy = dir.path().join("1000000000000-1-0123456789abcdef.sfs");
    fs::copy(&segment, &copy).expect("copied");
    assert_eq!(numbers(dir.path()), [0, 1], "a reader sees each id once");
    let mut spool = spool_with(dir.path(), config());
    for n in 2..3_000 {
        spool
            .write(&snapshot(n, 1, &noise(n, 1000)))
            .expect("written");
    }
    spool.close(far()).expect("closed");
    let found = records(dir.path());
    assert_eq!(
        found.records.len() as u64,
        found.stats.records,
        "the copies are gone from the files"
    );
    assert_eq!(number(&found.records[0]), 0);
}

#[test]
fn a_segment_of_another_major_version_is_not_judged() {
    let dir = tempfile::tempdir().expect("a directory");
    let newer = conformance_dir().join("major-2.sfs");
    let name = "1000000000000-1-0123456789abcdef.sfs";
    fs::copy(&newer, dir.path().join(name)).expect("copied");
    flood(dir.path(), 3_000);
    assert_eq!(
        fs::read(dir.path().join(name)).expect("read"),
        fs::read(newer).expect("read")
    );
}

#[test]
fn what_is_said_of_a_snapshot_later_goes_and_stays_with_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut spool = spool_with(dir.path(), config());
    for n in 0..4_000 {
        let payload = noise(n, 1000);
        let written = snapshot(n, n % 50, &payload);
        spool.write(&written).expect("written");
        if n % 5 == 0 {
            let mark = SinkRecord {
                kind: RecordKind::Uncaught,
                payload: b"\x80",
                fingerprint: [0; 16],
                ..written
            };
            spool.write(&mark).expect("written");
        }
    }
    spool.close(far()).expect("closed");
    assert!(spool.counters().stats().removed > 0);
    let found = records(dir.path()).records;
    let of_kind = |wanted| {
        let records = found.iter().filter(move |record| record.kind == wanted);
        records
            .map(|record| record.timestamp_ns)
            .collect::<BTreeSet<_>>()
    };
    let mut marked = of_kind(RecordKind::Snapshot);
    marked.retain(|n| n % 5 == 0);
    assert!(marked.len() > 50);
    assert_eq!(of_kind(RecordKind::Uncaught), marked);
}
