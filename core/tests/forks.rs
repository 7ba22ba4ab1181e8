//! Children that are forked while the engine's thread makes, for the first time, what the process then keeps. A file of its own: what is tested
//! happens once in a process.
#![cfg(not(loom))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::Duration;

use stillframe_core::config::Config;
use stillframe_core::engine::{Engine, Host, Submission, now_ns};
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::snapshot::{Meta, SnapshotId};
use stillframe_core::tape::{Link, Section, TapeWriter};

const SOON: Duration = Duration::from_secs(60);
/// Children that are forked.
const MOST: usize = 100;

/// An error without frames: what makes its issue is its message.
fn submission(engine: &Engine) -> Submission {
    let mut writer = TapeWriter::new();
    writer.begin(Language::Python, &Limits::default());
    let name = writer.define_type(b"ValueError");
    writer.exception(name, Link::Root, 0, false).unwrap();
    writer.end_group();
    writer.section(Section::Message);
    writer.ascii(b"order 17 is not known");
    writer.section(Section::Frames);
    writer.end_group();
    let tape = writer.finish(None, Duration::from_micros(80)).unwrap();
    let timestamp_ns = now_ns();
    Submission {
        tape: tape.into(),
        meta: Meta {
            id: SnapshotId::generate(timestamp_ns),
            timestamp_ns,
            process: Arc::clone(engine.process()),
            ..Meta::default()
        },
        site: None,
        deeper: false,
    }
}

#[test]
fn children_forked_while_the_first_message_is_looked_at_store_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config {
        dir: Some(directory.path().to_owned()),
        ..Config::default()
    };
    config.fingerprint.by_message = true;
    let engine = Engine::new(Arc::new(config), Host::default());
    engine.submit(submission(&engine)).unwrap();
    let engine = Arc::new(engine);
    let waits = Arc::clone(&engine);
    // Who waits has the work done at once.
    let flush = std::thread::spawn(move || waits.flush(SOON));
    let mut children = Vec::new();
    while children.len() < MOST && engine.stats().outcomes.captured == 0 {
        // SAFETY: the child only runs the code below, which allocates; glibc's allocator is made usable in forked children.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let own = ManuallyDrop::new(engine.after_fork());
            let stored = own.submit(submission(&own)).is_ok()
                && own.flush(SOON)
                && own.stats().outcomes.captured == 1;
            // SAFETY: ends the child without running anything of the test harness.
            unsafe { libc::_exit(i32::from(!stored)) };
        }
        children.push(child);
        std::thread::sleep(Duration::from_micros(100));
    }
    let stuck = children.into_iter().filter(|child| {
        let mut status = 0;
        // SAFETY: `status` is writable; `child` is a child of this process.
        let ended = unsafe { libc::waitpid(*child, &raw mut status, 0) };
        (ended, status) != (*child, 0)
    });
    assert_eq!(stuck.count(), 0);
    assert!(flush.join().unwrap() && engine.shutdown(SOON));
}
