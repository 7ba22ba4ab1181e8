//! What becomes of snapshots by what the destination answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::server::{OK, Reply, Server};
use crate::wire::*;

#[test]
fn what_is_captured_arrives_once_and_leaves_no_files() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| OK);
    let engine = engine(dir.path(), &server.url);
    let ids = submit_many(&engine, 250);
    assert!(engine.flush(SOON));
    assert_once(&server.received(), &ids);
    assert_eq!(server.connections(), 1);
    assert!(
        server.received().len() < 60,
        "few requests, not one for each"
    );
    assert_eq!(server.received()[0].line, "POST /in?route=shop");
    let stats = stats_of(&engine);
    assert_eq!((stats.sent, stats.waiting, stats.rejected), (250, 0, 0));
    assert_eq!(
        (stats.dropped, stats.retries, stats.last_error),
        (0, 0, None)
    );
    assert!(stats.last_sent_ns > 0 && stats.address == server.url);
    assert!(engine.shutdown(SOON));
    assert_eq!(files(dir.path()), Vec::<String>::new());
    assert!(engine.notices().is_empty(), "{:?}", engine.notices());
}

#[test]
fn nobody_has_to_ask_and_nobody_waits_long() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| OK);
    let engine = engine(dir.path(), &server.url);
    let id = submit(&engine);
    assert!(until(SOON, || !server.received().is_empty()));
    assert_once(&server.received(), &[id]);
    assert!(engine.shutdown(SOON));
}

#[test]
fn without_a_store_memory_holds_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| OK);
    let mut config = config(dir.path());
    config.spool.enabled = false;
    let encoder = TestEncoder {
        filler: 10,
        items: 3,
    };
    let engine = start(
        config,
        vec![destination(TestProtocol::new(&server.url), encoder)],
    );
    let ids = submit_many(&engine, 50);
    assert!(engine.flush(SOON));
    let counts = delivered(&server.received());
    assert_eq!(counts.len(), 50);
    assert!(ids.iter().all(|id| counts[id] == 3), "three items of each");
    assert_eq!(stats_of(&engine).sent, 150);
    assert!(engine.shutdown(SOON));
    assert!(!dir.path().join("outbox").exists());
}

#[test]
fn what_is_refused_is_counted_told_once_and_does_not_stop_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let refuses = Arc::new(AtomicBool::new(true));
    let theirs = Arc::clone(&refuses);
    let server = Server::new(move |_, _| match theirs.load(Ordering::SeqCst) {
        true => Reply::Status(403, &[], "the key\nis wrong\u{1b}[31m"),
        false => OK,
    });
    let engine = engine(dir.path(), &server.url);
    for _ in 0..2 {
        submit_many(&engine, 10);
        assert!(engine.flush(SOON));
    }
    // Two requests, or more on a busy machine.
    assert!(until(SOON, || stats_of(&engine).rejected == 20));
    let refused = server.received().len();
    refuses.store(false, Ordering::SeqCst);
    let ids = submit_many(&engine, 10);
    assert!(engine.flush(SOON));
    assert_once(&server.received()[refused..], &ids);
    let stats = stats_of(&engine);
    assert_eq!((stats.sent, stats.rejected, stats.waiting), (10, 20, 0));
    let notices = engine.notices();
    let line = format!(
        "test, {}: it refuses snapshots: 403 the key is wrong[31m",
        server.url
    );
    assert_eq!(notices, [line]);
    assert!(stats.last_error.unwrap().contains("403"));
    assert!(engine.shutdown(SOON));
}

#[test]
fn a_batch_that_is_too_large_is_halved_down_to_the_one_that_is() {
    let dir = tempfile::tempdir().unwrap();
    let poison = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let theirs = std::sync::Arc::clone(&poison);
    let server = Server::new(move |request, _| {
        let body = String::from_utf8_lossy(&request.body);
        let bad = body.contains(theirs.lock().unwrap().as_str());
        match bad || body.len() > 4000 {
            true => Reply::Status(413, &[], ""),
            false => OK,
        }
    });
    let engine = engine(dir.path(), &server.url);
    poison.lock().unwrap().push_str("nothing yet");
    let mut ids = submit_many(&engine, 90);
    *poison.lock().unwrap() = ids[37].clone();
    ids.extend(submit_many(&engine, 10));
    assert!(engine.flush(SOON));
    let stats = stats_of(&engine);
    let lost = stats.rejected;
    assert_eq!((stats.sent, stats.waiting), (100 - lost, 0));
    // It may have been taken before it was found out.
    assert!(lost <= 1 && stats.retries > 0, "{stats:?}");
    assert!(engine.shutdown(SOON));
}

#[test]
fn what_is_partly_taken_is_counted_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| Reply::Status(206, &[], "one has no time"));
    let engine = engine(dir.path(), &server.url);
    for _ in 0..5 {
        submit(&engine);
    }
    assert!(engine.flush(SOON));
    let stats = stats_of(&engine);
    assert_eq!(stats.sent + stats.rejected, 5, "{stats:?}");
    assert!(stats.rejected >= 1 && stats.waiting == 0);
    assert!(engine.notices()[0].contains("does not take all: 206 one has no time"));
    assert!(engine.shutdown(SOON));
}

#[test]
fn a_destination_that_moves_is_followed_at_once_but_not_in_circles() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, n| match n {
        1.. => OK,
        _ => Reply::Status(300, &[], ""),
    });
    let engine = engine(dir.path(), &server.url);
    let id = submit(&engine);
    assert!(engine.flush(SOON));
    assert_once(&server.received()[1..], &[id]);
    assert_eq!(stats_of(&engine).retries, 0);
    assert!(engine.shutdown(SOON));

    let server = Server::new(|_, _| Reply::Status(300, &[], ""));
    let engine = self::engine(dir.path(), &server.url);
    submit(&engine);
    assert!(engine.flush(SOON));
    // Three requests, then a pause; a short one may be over by now.
    let before = stats_of(&engine).retries;
    let requests = server.received().len() as u64;
    let after = stats_of(&engine).retries;
    assert!(
        before >= 1 && (3 * before..=3 * (after + 1)).contains(&requests),
        "{before}, {requests}, {after}"
    );
    assert_eq!(stats_of(&engine).waiting, 1);
    assert!(engine.shutdown(SOON), "what waits is in a file");
}

#[test]
fn routes_do_not_share_a_request() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| OK);
    let (mut first, mut second) = (config(dir.path()), config(dir.path()));
    first.service = Some("one".to_owned());
    second.service = Some("two".to_owned());
    let made = |config| {
        let encoder = TestEncoder {
            filler: 0,
            items: 1,
        };
        start(
            config,
            vec![destination(TestProtocol::new(&server.url), encoder)],
        )
    };
    let (first, second) = (made(first), made(second));
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(submit(&first));
        ids.push(submit(&second));
    }
    assert!(first.flush(SOON) && second.flush(SOON));
    assert!(until(SOON, || delivered(&server.received()).len() == 40));
    assert_once(&server.received(), &ids);
    for request in server.received() {
        let items = request.body.split(|&byte| byte == b',').count();
        assert!(
            request.line.ends_with("one") || request.line.ends_with("two"),
            "{items}"
        );
    }
    assert!(first.shutdown(SOON) && second.shutdown(SOON));
}

#[test]
fn one_destination_that_hangs_delays_neither_another_nor_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let slow = Server::new(|_, _| Reply::Stall(Duration::from_secs(60)));
    let quick = Server::new(|_, _| OK);
    let named = |name, url: &str| {
        let protocol = TestProtocol {
            name,
            timeout: Duration::from_secs(60),
            ..TestProtocol::new(url)
        };
        let encoder = TestEncoder {
            filler: 10,
            items: 1,
        };
        destination(protocol, encoder)
    };
    let destinations = vec![named("slow", &slow.url), named("test", &quick.url)];
    let engine = start(config(dir.path()), destinations);
    let ids = submit_many(&engine, 20);
    assert!(until(SOON, || delivered(&quick.received()).len() == 20));
    assert_once(&quick.received(), &ids);
    let begun = std::time::Instant::now();
    assert!(engine.shutdown(Duration::from_secs(5)), "all is in files");
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    let left = std::fs::read_dir(dir.path().join("outbox/slow")).unwrap();
    let segments = left
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "sfs"));
    assert!(segments.count() >= 1);
}
