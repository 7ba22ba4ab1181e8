//! Files of an outbox that are damaged, foreign, or of another time.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::server::{OK, Server};
use crate::wire::*;

/// A store in which `count` snapshots wait, in one segment, and their ids.
fn waiting(count: usize) -> (tempfile::TempDir, PathBuf, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path(), "http://127.0.0.1:9");
    let ids = submit_many(&engine, count);
    assert!(engine.shutdown(SOON));
    let names = files(dir.path());
    let segments: Vec<&String> = names.iter().filter(|name| name.ends_with(".sfs")).collect();
    assert_eq!(segments.len(), 1, "{names:?}");
    let path = dir.path().join("outbox/test").join(segments[0]);
    (dir, path, ids)
}

/// Delivers what waits in `dir`. Returns what arrived, and how much was dropped.
fn deliver(dir: &Path) -> (Vec<crate::server::Received>, u64) {
    let server = Server::new(|_, _| OK);
    let engine = engine(dir, &server.url);
    // Nobody waits for what is done for others, the file beside a segment included.
    assert!(until(SOON, || files(dir).is_empty()), "{:?}", files(dir));
    assert!(engine.shutdown(SOON));
    (server.received(), stats_of(&engine).dropped)
}

#[test]
fn what_a_process_left_is_delivered_by_the_next_which_captures_nothing() {
    let (dir, _, ids) = waiting(120);
    let (received, dropped) = deliver(dir.path());
    assert_once(&received, &ids);
    assert_eq!(dropped, 0);
    assert_eq!(files(dir.path()), Vec::<String>::new());
}

#[test]
fn what_a_process_delivered_leaves_the_disk_though_it_does_nothing_more() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| OK);
    let engine = engine(dir.path(), &server.url);
    submit(&engine);
    assert!(until(SOON, || stats_of(&engine).sent == 1));
    assert!(
        until(SOON, || files(dir.path()).is_empty()),
        "{:?}",
        files(dir.path())
    );
    // Then it begins anew.
    submit(&engine);
    assert!(until(SOON, || stats_of(&engine).sent == 2));
    assert!(engine.shutdown(SOON));
}

#[test]
fn a_torn_tail_costs_one_item() {
    let (dir, path, ids) = waiting(20);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 10]).unwrap();
    let (received, dropped) = deliver(dir.path());
    assert_once(&received, &ids[..19]);
    assert_eq!(dropped, 1);
}

#[test]
fn damage_in_the_middle_does_not_stop_what_is_behind_it() {
    let (dir, path, ids) = waiting(20);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8].fill(0);
    fs::write(&path, &bytes).unwrap();
    let (received, dropped) = deliver(dir.path());
    assert_eq!(dropped, 1);
    let counts = delivered(&received);
    assert!(
        counts.len() >= 18 && counts.values().all(|&count| count == 1),
        "{counts:?}"
    );
    assert!(counts.contains_key(&ids[0]) && counts.contains_key(&ids[19]));
}

#[test]
fn a_place_that_is_damaged_counts_for_nothing() {
    for content in [&b""[..], b"short", b"12345678abcd", &[0xff; 4096]] {
        let (dir, path, ids) = waiting(10);
        fs::write(format!("{}.at", path.display()), content).unwrap();
        let (received, dropped) = deliver(dir.path());
        assert_once(&received, &ids);
        assert_eq!(dropped, 0);
        assert_eq!(
            files(dir.path()),
            Vec::<String>::new(),
            "the place goes too"
        );
    }
}

#[test]
fn files_of_others_are_left_alone() {
    let (dir, path, ids) = waiting(5);
    let folder = path.parent().unwrap();
    fs::write(folder.join("README"), "mine").unwrap();
    fs::write(folder.join("1763812345678-1-0123456789abcdef.sfs.tmp"), "?").unwrap();
    std::os::unix::fs::symlink(
        "/etc/passwd",
        folder.join("1763812345678-1-0123456789abcdef.sfs"),
    )
    .unwrap();
    let server = Server::new(|_, _| OK);
    let engine = engine(dir.path(), &server.url);
    assert!(until(SOON, || stats_of(&engine).sent == 5));
    assert!(engine.shutdown(SOON));
    assert_once(&server.received(), &ids);
    assert_eq!(files(dir.path()).len(), 3);
}

#[test]
fn a_segment_of_a_later_version_is_told_and_left() {
    let (dir, path, ids) = waiting(5);
    let mut header = vec![0xF5, b'S', b'F', b'R', 2, 0, 32, 0];
    header.extend([0; 24]);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..12]);
    hasher.update(&header[16..]);
    header[12..16].copy_from_slice(&hasher.finalize().to_le_bytes());
    let later = path.with_file_name("1763812345678-1-0123456789abcdef.sfs");
    fs::write(&later, header).unwrap();
    let server = Server::new(|_, _| OK);
    let engine = engine(dir.path(), &server.url);
    assert!(until(SOON, || stats_of(&engine).sent == 5));
    assert!(until(SOON, || engine.notices().len() == 1));
    assert!(
        engine.notices()[0].contains("cannot be read by this version"),
        "{:?}",
        engine.notices()
    );
    assert!(engine.shutdown(SOON));
    assert_once(&server.received(), &ids);
    assert!(later.exists());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is in the files: nothing panics, nothing is sent twice, the folder is empty in the end.
    #[test]
    fn hostile_files_are_skipped(
        junk in proptest::collection::vec(any::<u8>(), 0..3000),
        at in 0.0..1.0_f64,
        flips in proptest::collection::vec((0.0..1.0_f64, any::<u8>()), 0..6),
        place in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let (dir, path, _) = waiting(10);
        let mut bytes = fs::read(&path).unwrap();
        for (at, value) in flips {
            let at = (bytes.len() as f64 * at) as usize;
            bytes[at] = value;
        }
        let at = (bytes.len() as f64 * at) as usize;
        bytes.splice(at..at, junk);
        fs::write(&path, &bytes).unwrap();
        fs::File::create(format!("{}.at", path.display())).unwrap().write_all(&place).unwrap();
        let (received, _) = deliver(dir.path());
        let counts = delivered(&received);
        prop_assert!(counts.len() <= 10 && counts.values().all(|&count| count == 1), "{counts:?}");
        prop_assert_eq!(files(dir.path()), Vec::<String>::new());
    }
}
