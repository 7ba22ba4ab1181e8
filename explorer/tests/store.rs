//! The index over a spool: what it finds, keeps up with, survives.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test says what it expects"
)]

mod common;

use std::path::Path;

use common::{SECOND, Writer, pricing};
use stillframe_core::sink::spool::{EventCount, EventCounts};
use stillframe_explorer::store::{Filter, INDEX_FILE, Notice, Progress, Resolved, Store};

struct Silent;

impl Progress for Silent {
    fn read(&mut self, _done: u64, _total: u64) {}
}

fn open(dir: &Path) -> Store {
    Store::open(dir, &mut Silent)
        .expect("opens")
        .expect("is there")
}

fn counts(store: &Store) -> Vec<(u64, u64)> {
    let issues = store.issues(&Filter::default()).expect("a list").issues;
    issues
        .iter()
        .map(|issue| (issue.times, issue.kept))
        .collect()
}

const AT: u64 = 1_795_262_531 * SECOND;

#[test]
fn issues_are_listed_newest_first_with_their_counts() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    for n in 0..3 {
        writer.snapshot(&pricing(), 0xaa << 120, AT + n * SECOND, n);
    }
    writer.snapshot(&pricing(), 0xbb << 120, AT + 9 * SECOND, 9);
    let known = EventCount {
        fingerprint: (0xaa_u128 << 120).to_be_bytes(),
        count: 7,
        last_ns: AT + 5 * SECOND,
        ..EventCount::default()
    };
    let unknown = EventCount {
        count: 4,
        last_ns: AT,
        ..EventCount::default()
    };
    writer.counts(
        &EventCounts {
            counts: vec![known, unknown],
            ..EventCounts::default()
        },
        AT + 6 * SECOND,
    );
    writer.close();

    let store = open(dir.path());
    assert!(store.notices().is_empty());
    let issues = store.issues(&Filter::default()).expect("a list");
    assert_eq!((issues.total, issues.times, issues.unknown), (2, 11, 4));
    assert_eq!(counts(&store), [(1, 1), (10, 3)]);
    let issue = &issues.issues[1];
    assert_eq!((issue.first_ns, issue.last_ns), (AT, AT + 5 * SECOND));
    assert_eq!(
        (issue.error_type.as_str(), issue.message.as_str()),
        ("KeyError", "'EUR'")
    );
    assert_eq!(
        (issue.function.as_str(), issue.file.as_str(), issue.line),
        ("Pricing.convert", "/srv/app/shop/pricing.py", 42)
    );
    assert_eq!(issue.service, "shop");
}

#[test]
fn counts_that_cannot_be_break_no_list() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    let keys = [0xaa_u128 << 120, 0xbb << 120];
    for (at, key) in (0..).zip(keys) {
        writer.snapshot(&pricing(), key, AT, at);
    }
    // Twice for one issue, for another, and for issues that nobody knows.
    for count in [i64::MAX.cast_unsigned(), u64::MAX] {
        let of = |key: u128| EventCount {
            fingerprint: key.to_be_bytes(),
            count,
            last_ns: AT,
            ..EventCount::default()
        };
        let counts = [keys[0], keys[0], keys[1], 3, 4].map(of).to_vec();
        writer.counts(
            &EventCounts {
                counts,
                ..EventCounts::default()
            },
            AT,
        );
    }
    writer.close();
    let store = open(dir.path());
    assert!(store.notices().is_empty());
    let issues = store.issues(&Filter::default()).expect("a list");
    let most = 1 << 40;
    assert_eq!((issues.times, issues.unknown), (6 * most + 2, 4 * most));
    assert_eq!(counts(&store), [(2 * most + 1, 1), (4 * most + 1, 1)]);
    let issue = store.issue(&keys[0].to_be_bytes()).expect("is read");
    assert_eq!(issue.map(|issue| issue.times), Some(4 * most + 1));
}

#[test]
fn an_index_keeps_up_with_its_spool_and_counts_nothing_twice() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    writer.snapshot(&pricing(), 1 << 96, AT, 1);
    writer.close();
    assert_eq!(counts(&open(dir.path())), [(1, 1)]);
    assert_eq!(counts(&open(dir.path())), [(1, 1)]);
    let mut writer = Writer::new(dir.path());
    writer.snapshot(&pricing(), 1 << 96, AT + SECOND, 2);
    writer.close();
    assert_eq!(counts(&open(dir.path())), [(2, 2)]);
    let rebuilt = {
        std::fs::remove_file(dir.path().join(INDEX_FILE)).expect("is removed");
        open(dir.path())
    };
    assert_eq!(counts(&rebuilt), [(2, 2)]);
}

#[test]
fn a_snapshot_that_moved_to_another_segment_is_the_same_snapshot() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    let id = writer.snapshot(&pricing(), 1 << 96, AT, 1);
    writer.snapshot(&pricing(), 1 << 96, AT + SECOND, 2);
    writer.close();
    let mut store = open(dir.path());
    let Resolved::Snapshot(before) = store.resolve(&id.to_string(), None).expect("answers") else {
        panic!("not found");
    };
    // As retention does: the survivors are written anew, then the old segment goes.
    let old = segments(dir.path());
    let mut writer = Writer::new(dir.path());
    writer.snapshot(&pricing(), 1 << 96, AT, 1);
    writer.close();
    old.iter()
        .for_each(|path| std::fs::remove_file(path).expect("is removed"));
    assert!(!store.payload(&before).expect("is found again").is_empty());
    assert_eq!(counts(&store), [(2, 1)], "two happened, one is kept");
    assert_eq!(counts(&open(dir.path())), [(2, 1)]);
}

fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(dir)
        .expect("is read")
        .map(|file| file.expect("is read").path());
    files
        .filter(|path| path.extension().is_some_and(|ending| ending == "sfs"))
        .collect()
}

#[test]
fn an_emptied_store_remembers_how_much_there_was() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    writer.snapshot(&pricing(), 1 << 96, AT, 1);
    writer.close();
    open(dir.path());
    segments(dir.path())
        .iter()
        .for_each(|path| std::fs::remove_file(path).expect("is removed"));
    assert!(
        Store::open(dir.path(), &mut Silent)
            .expect("opens")
            .is_none()
    );
    let mut writer = Writer::new(dir.path());
    writer.snapshot(&pricing(), 2 << 96, AT, 2);
    writer.close();
    assert_eq!(
        counts(&open(dir.path())),
        [(1, 1), (1, 0)],
        "the index remembers what was there"
    );
}

#[test]
fn a_damaged_index_is_made_anew() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    for n in 0..200 {
        writer.snapshot(&pricing(), u128::from(n) << 96, AT + n, n);
    }
    writer.close();
    open(dir.path());
    let index = dir.path().join(INDEX_FILE);
    let whole = std::fs::read(&index).expect("is read");
    let mut shifted = whole.clone();
    shifted[4096..].rotate_left(77);
    for (what, bytes) in [
        ("no database", b"nonsense".repeat(1000)),
        ("shifted pages", shifted),
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("empty", Vec::new()),
    ] {
        for ending in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(dir.path().join(format!("{INDEX_FILE}{ending}")));
        }
        std::fs::write(&index, bytes).expect("is written");
        let store = open(dir.path());
        assert_eq!(counts(&store).len(), 200, "{what}");
        let expected: &[Notice] = if what == "empty" {
            &[]
        } else {
            &[Notice::IndexRebuilt]
        };
        assert_eq!(store.notices(), expected, "{what}");
        drop(store);
        assert!(
            open(dir.path()).notices().is_empty(),
            "{what}: and then it is whole"
        );
    }
}

#[test]
fn an_index_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    writer.snapshot(&pricing(), 1 << 96, AT, 1);
    writer.close();
    let index = dir.path().join(INDEX_FILE);
    let db = rusqlite::Connection::open(&index).expect("opens");
    db.execute_batch("PRAGMA user_version = 99; CREATE TABLE later (x);")
        .expect("is made");
    drop(db);
    let store = open(dir.path());
    assert_eq!(store.notices(), [Notice::IndexNewer { version: 99 }]);
    assert_eq!(counts(&store), [(1, 1)]);
    let db = rusqlite::Connection::open(&index).expect("opens");
    let later: i64 = db
        .query_row("SELECT count(*) FROM later", [], |row| row.get(0))
        .expect("is there");
    assert_eq!(later, 0);
}

#[test]
fn where_no_index_can_be_kept_it_is_in_memory() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    writer.snapshot(&pricing(), 1 << 96, AT, 1);
    writer.close();
    // A folder in its place: even root cannot write there.
    std::fs::create_dir(dir.path().join(INDEX_FILE)).expect("is made");
    let store = open(dir.path());
    assert!(
        matches!(store.notices(), [Notice::IndexInMemory { .. }]),
        "{:?}",
        store.notices()
    );
    assert_eq!(counts(&store), [(1, 1)]);
}

#[test]
fn ids_are_found_by_what_is_shown_of_them() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    let one = writer.snapshot(&pricing(), 0x9be1_c2d3 << 96, AT, 0x3f2a_91c0);
    let two = writer.snapshot(&pricing(), 0x9be1_c2d3 << 96, AT + SECOND, 0x3f2a_0000);
    let three = writer.snapshot(&pricing(), 0x3f00_0000 << 96, AT + 2 * SECOND, 0xcccc_cccc);
    writer.close();
    let store = open(dir.path());
    let snapshot = |reference: &str| match store.resolve(reference, None).expect("answers") {
        Resolved::Snapshot(found) | Resolved::Issue(_, found) => Some(found.id),
        _ => None,
    };
    assert_eq!(snapshot("latest"), Some(three.0));
    assert_eq!(snapshot("3f2a91c0"), Some(one.0));
    assert_eq!(snapshot("3F2A9"), Some(one.0));
    assert_eq!(snapshot("3f2a0"), Some(two.0));
    assert_eq!(snapshot(&one.to_string()), Some(one.0));
    assert_eq!(
        snapshot("9be1"),
        Some(two.0),
        "an issue means its newest snapshot"
    );
    assert_eq!(
        snapshot(&format!("{:032x}", 0x9be1_c2d3_u128 << 96)),
        Some(two.0)
    );
    let ambiguous = |reference: &str| match store.resolve(reference, None).expect("answers") {
        Resolved::Ambiguous(candidates) => candidates.into_iter().map(|one| one.id).collect(),
        other => panic!("{other:?}"),
    };
    let ids: Vec<String> = ambiguous("3f2a");
    assert_eq!(ids, ["3f2a0000", "3f2a91c0"]);
    let ids: Vec<String> = ambiguous("3f");
    assert_eq!(ids, ["3f000000", "3f2a0000", "3f2a91c0"]);
    for nothing in ["dead", "", "-", "xyz", "latest2", &"a".repeat(33)] {
        assert_eq!(
            store.resolve(nothing, None).expect("answers"),
            Resolved::Unknown,
            "{nothing}"
        );
    }
}

#[test]
fn issues_are_filtered() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    let mut other = pricing();
    other.service = "billing".into();
    other.exceptions[0].type_name = "shop.rates.LookupFailed".into();
    writer.snapshot(&pricing(), 1 << 96, AT, 1);
    writer.snapshot(&other, 2 << 96, AT + SECOND, 2);
    writer.close();
    let store = open(dir.path());
    let types = |filter: Filter| -> Vec<String> {
        store
            .issues(&filter)
            .expect("a list")
            .issues
            .into_iter()
            .map(|issue| issue.error_type)
            .collect()
    };
    let of_type = |error_type: &str| Filter {
        error_type: Some(error_type.into()),
        ..Filter::default()
    };
    assert_eq!(types(of_type("KeyError")), ["KeyError"]);
    assert_eq!(types(of_type("LookupFailed")), ["shop.rates.LookupFailed"]);
    assert_eq!(types(of_type("shop.*")), ["shop.rates.LookupFailed"]);
    assert_eq!(types(of_type("*Err*")), ["KeyError"]);
    assert!(
        types(of_type("Key[E]rror")).is_empty(),
        "only * is a wildcard"
    );
    assert!(types(of_type("Error")).is_empty());
    assert_eq!(
        types(Filter {
            service: Some("billing".into()),
            ..Filter::default()
        })
        .len(),
        1
    );
    assert_eq!(
        types(Filter {
            since_ns: Some(AT + 1),
            ..Filter::default()
        })
        .len(),
        1
    );
    let limited = store
        .issues(&Filter {
            limit: Some(1),
            ..Filter::default()
        })
        .expect("a list");
    assert_eq!(
        (limited.issues.len(), limited.total, limited.times),
        (1, 2, 2)
    );
}

#[test]
fn torn_and_foreign_records_are_counted_and_the_rest_is_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    writer.snapshot(&pricing(), 1 << 96, AT, 1);
    writer.write(
        stillframe_core::sink::RecordKind::Snapshot,
        b"\xc1 no snapshot",
        [7; 16],
        [9; 16],
        AT,
    );
    writer.close();
    let segment = segments(dir.path()).remove(0);
    let mut bytes = std::fs::read(&segment).expect("is read");
    let torn = bytes[..bytes.len() / 2].to_vec();
    bytes.extend(torn);
    std::fs::write(&segment, bytes).expect("is written");
    let store = open(dir.path());
    let health = store.health().expect("answers");
    assert_eq!(
        (health.segments, health.torn, health.undecodable),
        (1, 1, 1)
    );
    assert_eq!(counts(&store).len(), 1);
}

#[test]
fn many_commands_at_once_agree() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path());
    for n in 0..300 {
        writer.snapshot(&pricing(), u128::from(n % 7) << 96, AT + n, n);
    }
    writer.close();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    counts(&open(dir.path()))
                        .iter()
                        .map(|(times, _)| times)
                        .sum::<u64>()
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().expect("ends"), 300);
        }
    });
}
