//! Several writers at once, processes that are killed, processes that fork.
//!
//! A test that needs another process starts itself: this program, with the test's own name and a role in the environment.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use stillframe_core::sink::Sink;
use stillframe_core::sink::spool::SpoolConfig;

use crate::*;

const ROLE: &str = "STILLFRAME_TEST_ROLE";

/// The directory that this process, as a child, shall write to; and its number.
fn role() -> Option<(std::path::PathBuf, u64)> {
    let role = std::env::var(ROLE).ok()?;
    let (number, dir) = role.split_once(' ').expect("a role");
    Some((dir.into(), number.parse().expect("a number")))
}

/// Starts `test` of this program as child number `number`.
fn start(test: &str, number: u64, dir: &Path) -> Child {
    let mut role = OsStr::new(&format!("{number} ")).to_owned();
    role.push(dir);
    Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "--nocapture", "--test-threads=1", test])
        .env(ROLE, role)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started")
}

/// What a writer that shares a store writes: `each` snapshots numbered from `from`, of issues 0 to 9.
fn write_many(dir: &Path, config: &SpoolConfig, from: u64, each: u64) {
    let mut spool = spool_with(dir, config.clone());
    for n in from..from + each {
        spool
            .write(&snapshot(n, n % 10, &noise(n, 500)))
            .expect("written");
        if n % 37 == 0 {
            spool.flush(far()).expect("flushed");
        }
    }
    spool.close(far()).expect("closed");
}

/// Two processes with four threads each, all with their own spool.
fn eight_writers(test: &str, config: &SpoolConfig, each: u64) -> Option<tempfile::TempDir> {
    if let Some((dir, number)) = role() {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let dir = &dir;
                scope.spawn(move || write_many(dir, config, (number * 4 + thread) * each, each));
            }
        });
        return None;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let children: Vec<Child> = (0..2)
        .map(|number| start(test, number, dir.path()))
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("ended");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    Some(dir)
}

#[test]
fn processes_and_threads_share_a_store_and_lose_nothing() {
    let config = SpoolConfig {
        segment_bytes: 64 << 10,
        ..SpoolConfig::default()
    };
    let test = "processes::processes_and_threads_share_a_store_and_lose_nothing";
    if let Some(dir) = eight_writers(test, &config, 1_000) {
        let found = records(dir.path());
        assert_eq!(found.stats.damaged + found.stats.tail_bytes, 0);
        assert_eq!(numbers(dir.path()), (0..8_000).collect::<Vec<_>>());
    }
}

#[test]
fn processes_and_threads_share_the_bound_too() {
    let config = SpoolConfig {
        max_bytes: 1 << 20,
        ..SpoolConfig::default()
    };
    let test = "processes::processes_and_threads_share_the_bound_too";
    if let Some(dir) = eight_writers(test, &config, 2_000) {
        // The last to write brings the store below the bound.
        write_many(dir.path(), &config, 16_000, 100);
        assert!(
            total_bytes(dir.path()) <= (1 << 20) + (1 << 15),
            "{}",
            total_bytes(dir.path())
        );
        let found = records(dir.path());
        assert_eq!(found.stats.damaged + found.stats.tail_bytes, 0);
        let kept: BTreeSet<u64> = found.records.iter().map(number).collect();
        for issue in 0..10 {
            assert!(kept.contains(&issue), "the first of issue {issue}");
            assert!(
                kept.contains(&(16_090 + issue)),
                "the last of issue {issue}"
            );
        }
    }
}

#[test]
fn a_writer_that_is_killed_loses_nothing_that_it_flushed() {
    let test = "processes::a_writer_that_is_killed_loses_nothing_that_it_flushed";
    if let Some((dir, number)) = role() {
        let mut spool = spool(&dir);
        for n in 0.. {
            // Large enough that the kill often hits a write.
            let payload = noise(n, 200 + (n as usize * 7919) % 60_000);
            spool
                .write(&snapshot(number << 32 | n, number, &payload))
                .expect("written");
            if n % 3 == 0 {
                spool.flush(far()).expect("flushed");
                println!("flushed {n}");
                std::io::stdout().flush().expect("told");
            }
        }
    }
    let dir = tempfile::tempdir().expect("a directory");
    for round in 0..25 {
        let mut child = start(test, round, dir.path());
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let told = |line: &str| {
            line.rsplit_once("flushed ")
                .and_then(|(_, n)| n.parse::<u64>().ok())
        };
        let first = lines.by_ref().find_map(|line| told(&line.expect("a line")));
        assert!(first.is_some(), "the child wrote");
        std::thread::sleep(Duration::from_micros(round * 733));
        child.kill().expect("killed");
        child.wait().expect("ended");
        let flushed = lines
            .map_while(Result::ok)
            .filter_map(|line| told(&line))
            .last()
            .or(first);
        let flushed = flushed.expect("at least the first");

        let found = records(dir.path());
        assert_eq!(found.stats.damaged, 0, "only tails are torn");
        let read: Vec<u64> = found
            .records
            .iter()
            .filter(|record| record.fingerprint == id(round))
            .map(|record| number(record) & 0xFFFF_FFFF)
            .collect();
        assert_eq!(
            read,
            (0..read.len() as u64).collect::<Vec<_>>(),
            "round {round}"
        );
        assert!(
            read.len() as u64 > flushed,
            "round {round}: {} of {flushed}",
            read.len()
        );
    }
    let reader = SpoolReader::open(dir.path()).expect("a store");
    assert!(
        reader
            .segments()
            .expect("a list")
            .iter()
            .all(|segment| !segment.live)
    );
}

/// Forks; the child runs `work` and ends at once.
fn fork(work: impl FnOnce()) {
    // SAFETY: the child runs `work` on its only thread, allocates through an allocator that survives a fork (glibc's), and
    // leaves by `_exit`, so that nothing of the test harness runs twice.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "forked");
    if pid == 0 {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_ok();
        // SAFETY: ends the child, always allowed.
        unsafe { libc::_exit(i32::from(!done)) };
    }
    let mut status = 0;
    // SAFETY: `pid` is our child, `status` is valid for a write.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert_eq!(status, 0, "the child succeeded");
}

#[test]
fn a_forked_child_has_its_own_segment_and_writes_nothing_of_its_parent() {
    for told in [true, false] {
        let dir = tempfile::tempdir().expect("a directory");
        let mut spool = spool(dir.path());
        spool
            .write(&snapshot(1, 1, b"in the file"))
            .expect("written");
        spool.flush(far()).expect("flushed");
        spool
            .write(&snapshot(2, 1, b"in the buffer"))
            .expect("written");
        let path = dir.path().to_owned();
        fork(|| {
            if told {
                spool.after_fork();
            }
            spool
                .write(&snapshot(3, 1, b"of the child"))
                .expect("written");
            spool.flush(far()).expect("flushed");
            assert_eq!(spool.counters().stats().written, 1);
            let segments = SpoolReader::open(&path)
                .expect("a store")
                .segments()
                .expect("a list");
            assert_eq!(segments.iter().filter(|segment| segment.live).count(), 2);
            spool.close(far()).expect("closed");
        });
        let segments = SpoolReader::open(dir.path())
            .expect("a store")
            .segments()
            .expect("a list");
        let live: Vec<bool> = segments.iter().map(|segment| segment.live).collect();
        assert_eq!(
            live.iter().filter(|live| **live).count(),
            1,
            "the parent's is still locked"
        );
        spool.close(far()).expect("closed");
        assert_eq!(numbers(dir.path()), [1, 2, 3]);
        assert_eq!(records(dir.path()).stats.records, 3, "each once");
    }
}

#[test]
fn a_child_that_never_writes_does_not_keep_its_parents_segment_alive() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut spool = spool(dir.path());
    spool.write(&snapshot(1, 1, b"payload")).expect("written");
    spool.flush(far()).expect("flushed");
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: the child only reads from a pipe and leaves by `_exit`.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let mut byte = 0_u8;
        // SAFETY: waits for the parent to close its end, then ends the child; `byte` is valid for one byte.
        unsafe {
            libc::close(ends[1]);
            libc::read(ends[0], (&raw mut byte).cast(), 1);
            libc::_exit(0);
        }
    }
    spool.close(far()).expect("closed");
    let segments = SpoolReader::open(dir.path())
        .expect("a store")
        .segments()
        .expect("a list");
    assert!(
        !segments[0].live,
        "sealed, although a child shares the descriptor"
    );
    let mut status = 0;
    // SAFETY: the descriptors are ours, `pid` is our child, `status` is valid for a write.
    unsafe {
        libc::close(ends[1]);
        libc::close(ends[0]);
        libc::waitpid(pid, &raw mut status, 0);
    }
}
