//! Several processes of one service: one delivers, those that are killed lose nothing, those that fork do not disturb each other.
//!
//! A test that needs another process starts itself: this program, with the test's own name and a role in the environment.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::server::{OK, Reply, Server};
use crate::wire::*;

const ROLE: &str = "STILLFRAME_TEST_ROLE";

/// Directory and address for this process, as a child.
fn role() -> Option<(PathBuf, String)> {
    let role = std::env::var(ROLE).ok()?;
    let (url, dir) = role.split_once(' ').expect("a role");
    Some((dir.into(), url.to_owned()))
}

fn start_child(test: &str, dir: &Path, url: &str) -> Child {
    Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "--nocapture", "--test-threads=1", test])
        .env(ROLE, format!("{url} {}", dir.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started")
}

/// Lines that a child wrote with [`say`].
fn heard(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    lines.map_while(Result::ok).filter_map(|line| {
        let (_, said) = line.split_once("said: ")?;
        Some(said.to_owned())
    })
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "said: {what}")
        .and_then(|()| out.flush())
        .expect("a pipe");
}

/// Captures for ever, and says each id when it is in a file or sent.
fn capture_until_killed(dir: &Path, url: &str) -> ! {
    let engine = engine(dir, url);
    loop {
        let ids: Vec<String> = (0..10).map(|_| submit(&engine)).collect();
        assert!(engine.flush(SOON));
        ids.iter().for_each(|id| say(id));
    }
}

#[test]
fn a_process_that_is_killed_loses_nothing_and_sends_at_most_one_batch_again() {
    let test =
        "processes::a_process_that_is_killed_loses_nothing_and_sends_at_most_one_batch_again";
    if let Some((dir, url)) = role() {
        capture_until_killed(&dir, &url);
    }
    let dir = tempfile::tempdir().unwrap();
    // Slow, so that the kill hits a request under way.
    let server = Server::new(|_, _| {
        std::thread::sleep(Duration::from_millis(30));
        OK
    });
    let mut safe = BTreeSet::new();
    for _ in 0..3 {
        let mut child = start_child(test, dir.path(), &server.url);
        safe.extend(heard(&mut child).take(150));
        child.kill().expect("killed");
        child.wait().expect("gone");
    }
    let engine = engine(dir.path(), &server.url);
    assert!(until(SOON, || files(dir.path())
        .iter()
        .all(|name| !name.ends_with(".sfs"))));
    assert!(engine.shutdown(SOON));
    let counts = delivered(&server.received());
    let missing = safe.iter().filter(|id| !counts.contains_key(*id)).count();
    assert_eq!(missing, 0, "of {}", safe.len());
    let again: usize = counts.values().map(|count| count - 1).sum();
    assert!(again <= 3 * 100, "at most a batch for each kill: {again}");
    assert_eq!(stats_of(&engine).dropped, 0);
}

#[test]
fn all_processes_write_and_one_delivers() {
    let test = "processes::all_processes_write_and_one_delivers";
    if let Some((dir, url)) = role() {
        let engine = engine(&dir, &url);
        for id in submit_many(&engine, 100) {
            say(&id);
        }
        assert!(engine.flush(SOON));
        say("done");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).expect("a word");
        assert!(engine.shutdown(SOON));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| OK);
    let mut children: Vec<Child> = (0..4)
        .map(|_| start_child(test, dir.path(), &server.url))
        .collect();
    let mut ids = Vec::new();
    let mut pipes = Vec::new();
    for child in &mut children {
        let mut said = heard(child);
        ids.extend(said.by_ref().take_while(|said| said != "done"));
        pipes.push(said);
    }
    assert_eq!(ids.len(), 400);
    assert!(until(SOON, || delivered(&server.received()).len() == 400));
    assert_eq!(server.connections(), 1, "one process delivers for all");
    for child in &mut children {
        child
            .stdin
            .take()
            .expect("piped")
            .write_all(b"end\n")
            .expect("heard");
    }
    for mut child in children {
        assert!(child.wait().expect("ended").success());
    }
    assert_once(&server.received(), &ids);
    assert_eq!(files(dir.path()), Vec::<String>::new());
}

#[test]
fn the_next_process_takes_over_where_the_one_that_delivered_dies() {
    let test = "processes::the_next_process_takes_over_where_the_one_that_delivered_dies";
    if let Some((dir, url)) = role() {
        let engine = engine(&dir, &url);
        submit(&engine);
        assert!(engine.flush(SOON));
        say("delivers");
        std::thread::sleep(Duration::from_secs(600));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| OK);
    let mut child = start_child(test, dir.path(), &server.url);
    assert_eq!(heard(&mut child).next().as_deref(), Some("delivers"));
    let engine = engine(dir.path(), &server.url);
    child.kill().expect("killed");
    child.wait().expect("gone");
    let id = submit(&engine);
    assert!(until(SOON, || delivered(&server.received()).contains_key(&id)));
    assert!(engine.shutdown(SOON));
}

/// A fork with what a host does in the child; the child exits with `work`'s answer.
fn in_a_fork(work: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs what a forked host would run, with locks that no other thread of the parent holds here, and ends by _exit.
    match unsafe { libc::fork() } {
        0 => {
            let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(i32::from(!good.unwrap_or(false))) }
        }
        child => {
            let mut status = 0;
            // SAFETY: a child of this process, and a place for its status.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            status == 0
        }
    }
}

#[test]
fn parent_and_forked_child_both_arrive_and_the_child_does_not_keep_the_lock() {
    let test =
        "processes::parent_and_forked_child_both_arrive_and_the_child_does_not_keep_the_lock";
    if let Some((dir, url)) = role() {
        let engine = Box::leak(Box::new(engine(&dir, &url)));
        say(&submit(engine));
        assert!(engine.flush(SOON));
        let good = in_a_fork(|| {
            let child = Box::leak(Box::new(engine.after_fork()));
            // The configuration names no destination, so this engine only lets go of the parent's.
            assert!(child.flush(SOON));
            child.shutdown(SOON)
        });
        assert!(good);
        say(&submit(engine));
        assert!(engine.flush(SOON));
        // A grandchild that lives on must not hold the lock.
        // SAFETY: the child only lets go of what is the parent's, and sleeps.
        if unsafe { libc::fork() } == 0 {
            let child = Box::leak(Box::new(engine.after_fork()));
            std::thread::sleep(Duration::from_secs(30));
            drop(child.stats());
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(0) }
        }
        std::thread::sleep(Duration::from_millis(200));
        say("end");
        // SAFETY: ends the process at once, as a kill would: nothing is unlocked.
        unsafe { libc::_exit(0) }
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| OK);
    let mut child = start_child(test, dir.path(), &server.url);
    let mut ids: Vec<String> = heard(&mut child).take_while(|said| said != "end").collect();
    child.wait().expect("ended");
    assert_eq!(ids.len(), 2);
    let engine = engine(dir.path(), &server.url);
    ids.push(submit(&engine));
    assert!(
        until(Duration::from_secs(15), || delivered(&server.received())
            .len()
            == 3),
        "the lock is still held"
    );
    assert_once(&server.received(), &ids);
    assert!(engine.shutdown(SOON));
}

#[test]
fn a_destination_that_is_slow_does_not_slow_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let never = Duration::from_secs(600);
    let server = Server::new(move |_, _| Reply::Stall(never));
    let protocol = TestProtocol {
        timeout: never,
        ..TestProtocol::new(&server.url)
    };
    let encoder = TestEncoder {
        filler: 200,
        items: 1,
    };
    let engine = start(config(dir.path()), vec![destination(protocol, encoder)]);
    submit(&engine);
    assert!(until(SOON, || server.open() == 1));
    let ids = submit_many(&engine, 1000);
    let all = || engine.stats().outcomes.captured as usize == ids.len() + 1;
    assert!(until(SOON, all), "{:?}", engine.stats().outcomes);
    assert_eq!(server.open(), 1, "one connection, whatever waits");
    assert!(engine.shutdown(Duration::from_secs(5)), "all is in files");
}
