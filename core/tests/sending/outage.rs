//! Destinations that are down, and come back.

use std::net::TcpListener;
use std::time::Duration;

use crate::server::{OK, Reply, Server};
use crate::wire::*;

/// An address where nothing listens, yet.
fn nobody() -> (String, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (format!("http://127.0.0.1:{port}"), port)
}

#[test]
fn what_waits_arrives_when_it_works_again_and_both_are_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let (url, port) = nobody();
    let engine = engine(dir.path(), &url);
    let mut ids = submit_many(&engine, 200);
    assert!(engine.flush(SOON), "all is in files");
    assert!(until(SOON, || stats_of(&engine).retries >= 2));
    ids.extend(submit_many(&engine, 100));
    assert!(until(SOON, || stats_of(&engine).waiting == 300));
    let line = format!(
        "test, {url}: the connection is refused: nothing listens there; what is to be sent waits"
    );
    assert_eq!(engine.notices(), [line]);

    let server = Server::on(
        TcpListener::bind(("127.0.0.1", port)).unwrap(),
        None,
        |_, _| OK,
    );
    assert!(until(Duration::from_secs(60), || stats_of(&engine).sent == 300));
    assert_once(&server.received(), &ids);
    let stats = stats_of(&engine);
    assert_eq!((stats.waiting, stats.dropped, stats.rejected), (0, 0, 0));
    assert!(stats.last_error.unwrap().contains("refused"));
    let notices = engine.notices();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(
        notices[1].starts_with(&format!("test, {url}: works again after ")),
        "{notices:?}"
    );
    assert!(engine.shutdown(SOON));
    assert_eq!(files(dir.path()), Vec::<String>::new());
}

#[test]
fn answers_that_ask_for_patience_get_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, n| match n {
        0 => Reply::Status(503, &[], ""),
        1 => Reply::Status(429, &[("retry-after", "2")], ""),
        2 => Reply::Raw(b"garbage\r\n\r\n".to_vec()),
        _ => OK,
    });
    let engine = engine(dir.path(), &server.url);
    let ids = submit_many(&engine, 5);
    assert!(until(Duration::from_secs(60), || stats_of(&engine).sent == 5));
    assert_once(&server.received()[3..], &ids);
    assert_eq!(stats_of(&engine).retries, 3);
    let notices = engine.notices();
    for cause in ["it answers 503", "it answers 429", "the answer is not HTTP"] {
        assert!(
            notices.iter().any(|line| line.contains(cause)),
            "{notices:?}"
        );
    }
    assert!(engine.shutdown(SOON));
}

#[test]
fn a_bound_on_disk_drops_the_oldest_and_counts_them() {
    let dir = tempfile::tempdir().unwrap();
    let (url, port) = nobody();
    let mut config = config(dir.path());
    config.upload.max_bytes = 1 << 20;
    let encoder = TestEncoder {
        filler: 4000,
        items: 1,
    };
    let engine = start(config, vec![destination(TestProtocol::new(&url), encoder)]);
    let ids = submit_many(&engine, 1500);
    assert!(engine.flush(SOON));
    let stored: u64 = files(dir.path())
        .iter()
        .filter_map(|name| std::fs::metadata(dir.path().join("outbox/test").join(name)).ok())
        .map(|metadata| metadata.len())
        .sum();
    assert!(stored <= (1 << 20) + (64 << 10), "{stored}");
    let dropped = stats_of(&engine).dropped;
    assert!(dropped > 100, "{dropped}");
    assert!(
        engine
            .notices()
            .iter()
            .any(|line| line.contains("upload.max_bytes"))
    );

    let server = Server::on(
        TcpListener::bind(("127.0.0.1", port)).unwrap(),
        None,
        |_, _| OK,
    );
    let all = || stats_of(&engine).sent + stats_of(&engine).dropped == 1500;
    assert!(
        until(Duration::from_secs(60), all),
        "{:?}",
        stats_of(&engine)
    );
    let dropped = stats_of(&engine).dropped as usize;
    assert_oldest_dropped(&server.received(), &ids, dropped);
    assert_eq!(stats_of(&engine).waiting, 0);
    assert!(engine.shutdown(SOON));
}

#[test]
fn a_bound_in_memory_drops_the_oldest_and_counts_them() {
    let dir = tempfile::tempdir().unwrap();
    let (url, port) = nobody();
    let mut config = config(dir.path());
    config.spool.enabled = false;
    config.upload.memory_bytes = 1 << 20;
    let encoder = TestEncoder {
        filler: 4000,
        items: 1,
    };
    let engine = start(config, vec![destination(TestProtocol::new(&url), encoder)]);
    let ids = submit_many(&engine, 1500);
    assert!(!engine.flush(SOON), "what waits in memory is not safe");
    let stats = stats_of(&engine);
    assert!(
        stats.dropped > 100 && stats.waiting + stats.dropped == 1500,
        "{stats:?}"
    );
    let server = Server::on(
        TcpListener::bind(("127.0.0.1", port)).unwrap(),
        None,
        |_, _| OK,
    );
    let all = || stats_of(&engine).sent + stats_of(&engine).dropped == 1500;
    assert!(
        until(Duration::from_secs(60), all),
        "{:?}",
        stats_of(&engine)
    );
    let dropped = stats_of(&engine).dropped as usize;
    assert_oldest_dropped(&server.received(), &ids, dropped);
    assert!(engine.shutdown(SOON));
}

#[test]
fn what_only_memory_holds_at_the_end_gets_one_more_chance_and_is_then_counted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, n| match n {
        0 => Reply::Status(503, &[("retry-after", "60")], ""),
        _ => OK,
    });
    let in_memory = |url: &str| {
        let mut config = config(dir.path());
        config.spool.enabled = false;
        let encoder = TestEncoder {
            filler: 10,
            items: 1,
        };
        start(config, vec![destination(TestProtocol::new(url), encoder)])
    };
    let engine = in_memory(&server.url);
    let id = submit(&engine);
    assert!(until(SOON, || stats_of(&engine).retries == 1));
    assert!(engine.shutdown(SOON));
    assert_once(&server.received()[1..], &[id]);

    let engine = in_memory(&nobody().0);
    submit(&engine);
    assert!(until(SOON, || stats_of(&engine).retries >= 1));
    assert!(!engine.shutdown(SOON), "one is lost");
    assert_eq!(
        (stats_of(&engine).dropped, stats_of(&engine).waiting),
        (1, 0)
    );
}

#[test]
fn a_store_that_cannot_be_written_to_is_told_once_and_memory_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    // A file where the folder should be.
    std::fs::write(dir.path().join("outbox"), "").unwrap();
    let server = Server::new(|_, _| OK);
    let engine = engine(dir.path(), &server.url);
    let mut ids = submit_many(&engine, 30);
    assert!(engine.flush(SOON), "all was sent");
    assert_once(&server.received(), &ids);
    let notices = engine.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("waits in memory"), "{notices:?}");

    std::fs::remove_file(dir.path().join("outbox")).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    ids.extend(submit_many(&engine, 5));
    assert!(engine.flush(SOON));
    assert_once(&server.received(), &ids);
    assert!(dir.path().join("outbox/test").is_dir());
    assert!(engine.shutdown(SOON));
}

#[test]
fn a_store_that_is_removed_while_it_is_used_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::new(|_, _| OK);
    let engine = engine(dir.path(), &server.url);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.extend(submit_many(&engine, 5));
        assert!(engine.flush(SOON));
        std::fs::remove_dir_all(dir.path().join("outbox")).unwrap();
    }
    ids.extend(submit_many(&engine, 5));
    assert!(
        until(SOON, || stats_of(&engine).sent == 20),
        "{:?}",
        stats_of(&engine)
    );
    assert_once(&server.received(), &ids);
    assert!(engine.shutdown(SOON));
}
