//! Writing and reading when nothing goes wrong, and whose files they are.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use stillframe_core::sink::spool::{MAX_PAYLOAD, ScanStats, SpoolConfig, SpoolReader};
use stillframe_core::sink::{RecordKind, Sink, SinkRecord};

use crate::*;

#[test]
fn what_is_written_is_read_in_order_with_its_payload() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = b"the same words again and again, ".repeat(100);
    let payloads: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0],
        text,
        noise(1, 3000),
        noise(2, 600_000),
        vec![7; MAX_PAYLOAD],
        noise(3, MAX_PAYLOAD),
    ];
    let mut spool = spool(dir.path());
    for (n, payload) in payloads.iter().enumerate() {
        spool
            .write(&snapshot(n as u64, 1 + n as u64 % 2, payload))
            .expect("written");
    }
    let process = SinkRecord {
        kind: RecordKind::Process,
        ..snapshot(7, 0, b"process")
    };
    spool.write(&process).expect("written");
    let counts = SinkRecord {
        kind: RecordKind::EventCounts,
        ..snapshot(8, 0, b"counts")
    };
    spool.write(&counts).expect("written");
    spool.close(far()).expect("closed");

    let found = records(dir.path());
    assert_eq!(
        found.stats,
        ScanStats {
            records: 9,
            ..ScanStats::default()
        }
    );
    assert!(found.errors.is_empty());
    let mut reader = SpoolReader::open(dir.path()).expect("a store");
    for (n, record) in found.records.iter().enumerate() {
        assert_eq!((number(record), record.id), (n as u64, id(n as u64)));
        let payload = reader
            .read(&record.segment, record.offset)
            .expect("a payload");
        match record.kind {
            RecordKind::Snapshot => {
                assert_eq!(record.fingerprint, id(1 + n as u64 % 2));
                assert!(payload == payloads[n], "payload {n}");
            }
            RecordKind::Process => assert_eq!((n, &payload[..]), (7, &b"process"[..])),
            RecordKind::EventCounts => assert_eq!((n, &payload[..]), (8, &b"counts"[..])),
            other => panic!("{other:?}"),
        }
    }
    let stats = spool.counters().stats();
    assert_eq!((stats.written, stats.dropped, stats.errors), (9, 0, 0));
    assert_eq!(stats.written_bytes, total_bytes(dir.path()));
}

#[test]
fn a_payload_above_the_limit_is_refused_and_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut spool = spool(dir.path());
    let error = spool
        .write(&snapshot(1, 1, &vec![0; MAX_PAYLOAD + 1]))
        .expect_err("too large");
    assert!(error.is_too_large() && !error.is_unavailable(), "{error}");
    assert_eq!(spool.counters().stats().dropped, 1);
}

#[test]
fn nothing_is_made_before_something_is_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("store");
    let mut spool = spool(&path);
    spool.flush(far()).expect("nothing to do");
    spool.close(far()).expect("nothing to do");
    drop(spool);
    assert!(!path.exists());
    assert!(
        SpoolReader::open(&path)
            .expect_err("no store")
            .is_not_found()
    );
}

#[test]
fn a_reader_goes_on_where_it_stopped_while_the_writer_writes() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut spool = spool(dir.path());
    let mut at = 0;
    for round in 0..20_u64 {
        for n in 0..5 {
            spool
                .write(&snapshot(round * 5 + n, 1, &noise(n, 700)))
                .expect("written");
        }
        spool.flush(far()).expect("flushed");
        let reader = SpoolReader::open(dir.path()).expect("a store");
        let segments = reader.segments().expect("a list");
        assert_eq!(segments.len(), 1);
        assert!(segments[0].live);
        let mut scan = reader.scan(&segments[0].name, at).expect("a scan");
        let found: Vec<u64> = scan
            .by_ref()
            .map(|record| number(&record.expect("intact")))
            .collect();
        assert_eq!(found, (round * 5..round * 5 + 5).collect::<Vec<_>>());
        assert_eq!(scan.stats().tail_bytes, 0);
        at = scan.position();
    }
    spool.close(far()).expect("closed");
    let reader = SpoolReader::open(dir.path()).expect("a store");
    assert!(!reader.segments().expect("a list")[0].live);
}

#[test]
fn a_full_segment_is_followed_by_another() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = SpoolConfig {
        segment_bytes: 100_000,
        ..SpoolConfig::default()
    };
    let mut spool = spool_with(dir.path(), config);
    for n in 0..300 {
        spool
            .write(&snapshot(n, 1, &noise(n, 3000)))
            .expect("written");
    }
    spool.close(far()).expect("closed");
    assert_eq!(numbers(dir.path()), (0..300).collect::<Vec<_>>());
    let segments = SpoolReader::open(dir.path())
        .expect("a store")
        .segments()
        .expect("a list");
    assert!(segments.len() >= 9, "{}", segments.len());
    assert!(
        segments
            .iter()
            .all(|segment| segment.bytes <= 100_000 && !segment.live)
    );
}

#[test]
fn a_store_that_is_removed_is_made_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("store");
    let mut spool = spool(&path);
    for n in 0..3 {
        spool.write(&snapshot(n, 1, b"payload")).expect("written");
        spool.flush(far()).expect("flushed");
        assert_eq!(numbers(&path), [n]);
        fs::remove_dir_all(&path).expect("removed");
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("metadata").permissions().mode() & 0o7777
}

#[test]
fn what_is_made_is_for_the_owner_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("state/stillframe/shop");
    let mut spool = spool(&path);
    spool.write(&snapshot(1, 1, b"payload")).expect("written");
    spool.close(far()).expect("closed");
    for made in [
        &path,
        path.parent().expect("parent"),
        &dir.path().join("state"),
    ] {
        assert_eq!(mode(made), 0o700, "{}", made.display());
    }
    for entry in fs::read_dir(&path).expect("a list") {
        let file = entry.expect("an entry").path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_directory_of_another_user_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = rustix::process::geteuid().is_root();
    // Whoever runs this, one of the two belongs to somebody else.
    let others = if root { dir.path() } else { Path::new("/") };
    if root {
        chown(others, Some(65_534), None).expect("chown");
    }
    let (mut spool, said) = spool_that_talks(others, SpoolConfig::default());
    spool.write(&snapshot(1, 1, b"payload")).expect("buffered");
    let error = spool.flush(far()).expect_err("refused");
    assert!(error.is_unavailable(), "{error}");
    let said = said.lock().expect("not poisoned").clone();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("belongs to user") && said[0].contains("STILLFRAME_DIR"),
        "{said:?}"
    );
    if root {
        assert_eq!(fs::read_dir(others).expect("a list").count(), 0);
    }
}

#[test]
fn a_directory_that_everybody_may_write_to_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("chmod");
    let mut spool = spool(dir.path());
    spool.write(&snapshot(1, 1, b"payload")).expect("buffered");
    let error = spool.flush(far()).expect_err("refused").to_string();
    assert!(error.contains("writable by every user"), "{error}");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o770)).expect("chmod");
    spool.close(far()).expect("accepted now");
    assert_eq!(
        mode(dir.path()),
        0o770,
        "an existing directory is used as it is"
    );
}

#[test]
fn links_and_other_files_are_no_segments() {
    let dir = tempfile::tempdir().expect("a directory");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let segment = one_segment(elsewhere.path(), &[b"payload".to_vec()]);
    symlink(
        &segment,
        dir.path().join(segment.file_name().expect("a name")),
    )
    .expect("a link");
    fs::write(dir.path().join("index.db"), b"other").expect("written");
    fs::create_dir(dir.path().join("1763812345678-1-0123456789abcdef.sfs")).expect("made");
    let reader = SpoolReader::open(dir.path()).expect("a store");
    assert_eq!(reader.segments().expect("a list"), []);
    // Asked for by name, a link is not followed either.
    let name = stillframe_core::sink::spool::SegmentName::parse(
        segment
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name"),
    );
    assert!(reader.scan(&name.expect("a segment's name"), 0).is_err());
}
