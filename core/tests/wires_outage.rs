//! The same snapshots to a receiver of OTLP and to Sentry, through the whole engine: both are down, slow down, refuse a part, and get the rest.
#![cfg(all(feature = "otlp", feature = "sentry"))]
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, and uses a part of what it shares with others"
)]

#[path = "sending/server.rs"]
mod server;
#[path = "sending/wire.rs"]
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use prost::Message;
use serde_json::Value as Json;
use stillframe_core::config::{Address, Config, Secret};
use stillframe_core::engine::{Engine, Host};
use stillframe_core::language::Language;
use stillframe_core::sink::outbox::waiting;
use stillframe_core::sink::sender::send_waiting;
use stillframe_core::stats::DestinationStats;

use server::{OK, Received, Reply, Server};
use wire::{SOON, submit_many, until};

/// Long enough for pauses that double.
const PATIENCE: Duration = Duration::from_secs(90);

fn sending_to(dir: &Path, port: u16) -> Config {
    let mut config: Config = wire::config(dir);
    config.otlp.enabled = true;
    config.otlp.endpoint = Address::new(format!("http://127.0.0.1:{port}/v1/logs"));
    config.sentry.enabled = true;
    config.sentry.dsn = Some(Secret::new(format!("http://0123abcd@127.0.0.1:{port}/42")));
    config
}

fn engine(dir: &Path, port: u16) -> Engine {
    let config = sending_to(dir, port);
    let host = Host {
        language: Language::Python,
        ..Host::default()
    };
    Engine::new(Arc::new(config), host)
}

fn stats(engine: &Engine, name: &str) -> DestinationStats {
    engine.stats().destinations[name].clone()
}

fn is_otlp(request: &Received) -> bool {
    request.line == "POST /v1/logs"
}

fn unpacked(request: &Received) -> Vec<u8> {
    let mut body = Vec::new();
    let mut unpacked = flate2::read::GzDecoder::new(request.body.as_slice());
    unpacked.read_to_end(&mut body).expect("gzip");
    body
}

/// The ids of the snapshots in a request.
fn ids(request: &Received) -> Vec<String> {
    let body = unpacked(request);
    if !is_otlp(request) {
        assert_eq!(request.line, "POST /api/42/envelope/");
        let auth = request.header("x-sentry-auth").expect("a key");
        assert!(auth.ends_with("sentry_key=0123abcd"), "{auth}");
        let event = body.split(|byte| *byte == b'\n').nth(2).expect("an event");
        let event: Json = serde_json::from_slice(event).expect("JSON");
        let id = event["contexts"]["stillframe"]["snapshot"].as_str();
        return vec![id.expect("an id").to_owned()];
    }
    let request = ExportLogsServiceRequest::decode(body.as_slice()).expect("protobuf");
    let scopes = request
        .resource_logs
        .iter()
        .flat_map(|logs| &logs.scope_logs);
    let records = scopes.flat_map(|scope| &scope.log_records);
    let id = |record: &opentelemetry_proto::tonic::logs::v1::LogRecord| {
        let mut attributes = record.attributes.iter();
        let id = attributes.find(|known| known.key == "stillframe.snapshot.id")?;
        match id.value.as_ref()?.value.as_ref()? {
            Any::StringValue(id) => Some(id.clone()),
            _ => None,
        }
    };
    records.map(|record| id(record).expect("an id")).collect()
}

/// How often each snapshot was in a request that was accepted, by destination.
fn accepted(server: &Server, first: &dyn Fn(bool) -> usize) -> [BTreeMap<String, usize>; 2] {
    let mut counts = [BTreeMap::new(), BTreeMap::new()];
    let mut seen = [0, 0];
    for request in server.received() {
        let which = usize::from(is_otlp(&request));
        seen[which] += 1;
        if seen[which] > first(which == 1) {
            for id in ids(&request) {
                *counts[which].entry(id).or_insert(0) += 1;
            }
        }
    }
    counts
}

fn assert_once(counts: &BTreeMap<String, usize>, ids: &[String]) {
    assert_eq!(counts.len(), ids.len());
    for id in ids {
        assert_eq!(counts.get(id), Some(&1), "{id}");
    }
}

#[test]
fn what_waits_while_nobody_is_there_arrives_once() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let engine = engine(dir.path(), port);
    let submitted = submit_many(&engine, 150);
    assert!(engine.flush(SOON));
    for name in ["otlp", "sentry"] {
        assert!(until(SOON, || stats(&engine, name).retries >= 1), "{name}");
    }
    let server = Server::on(
        TcpListener::bind(("127.0.0.1", port)).unwrap(),
        None,
        |_, _| OK,
    );
    for name in ["otlp", "sentry"] {
        let all = until(PATIENCE, || stats(&engine, name).sent == 150);
        assert!(all, "{name}: {:?}", stats(&engine, name));
    }
    let [sentry, otlp] = accepted(&server, &|_| 0);
    assert_once(&otlp, &submitted);
    assert_once(&sentry, &submitted);
    // Many records in a request of one, an envelope for each event of the other.
    let requests = server.received();
    let logs = requests.iter().filter(|request| is_otlp(request)).count();
    assert!(logs <= 10, "{logs}");
    assert_eq!(requests.len() - logs, 150);
    assert!(server.connections() <= 4, "{}", server.connections());
    let notices = engine.notices().join("\n");
    assert!(!notices.contains("0123abcd"), "{notices}");
    assert!(engine.shutdown(SOON));
}

#[test]
fn answers_of_each_protocol_are_heeded() {
    let dir = tempfile::tempdir().unwrap();
    let counts = std::sync::Mutex::new([0, 0]);
    let server = Server::new(move |request, _| {
        let is_otlp = is_otlp(request);
        let mut counts = counts.lock().unwrap();
        let number = &mut counts[usize::from(is_otlp)];
        *number += 1;
        match (is_otlp, *number) {
            (true, 1) => Reply::Status(503, &[("retry-after", "1")], ""),
            (true, 2) => Reply::Status(429, &[], ""),
            (true, 3) => Reply::Raw(Vec::new()),
            // Two records of the first batch that arrives are too old for it.
            (true, 4) => {
                let response = ExportLogsServiceResponse {
                    partial_success: Some(ExportLogsPartialSuccess {
                        rejected_log_records: 2,
                        error_message: "too old".into(),
                    }),
                };
                let body = response.encode_to_vec();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                Reply::Raw([head.as_bytes(), &body].concat())
            }
            (false, 1) => {
                Reply::Status(429, &[("x-sentry-rate-limits", "1:error:organization")], "")
            }
            (false, 2) => Reply::Status(502, &[], "<html>"),
            (false, 3) => Reply::Status(
                400,
                &[("content-type", "application/json")],
                r#"{"detail":"invalid event"}"#,
            ),
            _ => OK,
        }
    });
    let engine = engine(dir.path(), server.port);
    let submitted = submit_many(&engine, 10);
    for (name, rejected) in [("otlp", 2), ("sentry", 1)] {
        let done = || {
            let stats = stats(&engine, name);
            (stats.sent, stats.rejected) == (10 - rejected, rejected)
        };
        assert!(until(PATIENCE, done), "{name}: {:?}", stats(&engine, name));
        assert_eq!(stats(&engine, name).dropped, 0);
    }
    assert_eq!(stats(&engine, "otlp").retries, 3);
    assert_eq!(stats(&engine, "sentry").retries, 2);
    let [sentry, otlp] = accepted(&server, &|is_otlp| if is_otlp { 3 } else { 2 });
    assert_once(&otlp, &submitted);
    assert_once(&sentry, &submitted);
    let notices = engine.notices().join("\n");
    for said in ["too old", "400 (bad request): invalid event"] {
        assert!(notices.contains(said), "{said} is not in {notices}");
    }
    assert!(!notices.contains("0123abcd"), "{notices}");
    assert!(engine.shutdown(SOON));
}

#[test]
fn a_wrong_address_or_key_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let replies = [
        Reply::Status(404, &[], "404 page not found"),
        Reply::Status(401, &[], "no such key"),
        Reply::Status(403, &[("content-type", "text/html")], "<html>"),
        Reply::Status(307, &[("location", "https://elsewhere.example/")], ""),
        Reply::Status(200, &[("content-type", "text/html")], "<html>It works!"),
    ];
    let now = Arc::new(std::sync::Mutex::new(replies[0].clone()));
    let reply = Arc::clone(&now);
    let server = Server::on(listener, None, move |_, _| reply.lock().unwrap().clone());
    let mut submitted = Vec::new();
    // Each program tries once; what it has waits for the next one.
    for (round, reply) in replies.into_iter().enumerate() {
        *now.lock().unwrap() = reply;
        let engine = engine(dir.path(), port);
        submitted.extend(submit_many(&engine, 20));
        assert!(engine.flush(SOON));
        for name in ["otlp", "sentry"] {
            assert!(until(SOON, || stats(&engine, name).retries >= 1), "{name}");
            let stats = stats(&engine, name);
            assert_eq!((stats.sent, stats.rejected, stats.dropped), (0, 0, 0));
            let why = stats.last_error.unwrap_or_default();
            assert!(why.starts_with("it answers "), "{name}: {why}");
        }
        assert_eq!(server.received().len(), 2 * (round + 1), "tried once each");
        assert!(engine.shutdown(SOON));
    }
    // The last one is told in the meantime that all is well.
    let engine = engine(dir.path(), port);
    submitted.extend(submit_many(&engine, 5));
    for name in ["otlp", "sentry"] {
        assert!(until(SOON, || stats(&engine, name).retries >= 1), "{name}");
    }
    let before = server.received().len();
    *now.lock().unwrap() = OK;
    for name in ["otlp", "sentry"] {
        let all = || stats(&engine, name).sent == submitted.len() as u64;
        assert!(until(PATIENCE, all), "{name}: {:?}", stats(&engine, name));
        assert_eq!(stats(&engine, name).rejected, 0);
    }
    let after = &server.received()[before..];
    let probe = after.iter().find(|request| is_otlp(request));
    assert_eq!(ids(probe.expect("tried again")).len(), 1, "one is enough");
    let mut counts = [BTreeMap::new(), BTreeMap::new()];
    for request in after {
        for id in ids(request) {
            *counts[usize::from(is_otlp(request))].entry(id).or_insert(0) += 1;
        }
    }
    for counts in &counts {
        assert_once(counts, &submitted);
    }
    assert!(engine.shutdown(SOON));
}

/// The ids of the snapshots that a server got, by `is_otlp`.
fn received(server: &Server) -> [BTreeSet<String>; 2] {
    let mut all: [BTreeSet<String>; 2] = Default::default();
    for request in server.received() {
        all[usize::from(is_otlp(&request))].extend(ids(&request));
    }
    all
}

#[test]
fn services_that_share_a_store_get_their_own_each() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let here = Server::new(|_, _| OK);
    // The other's receiver is down, so what is for it waits, also when its program is gone.
    let other = engine(dir.path(), port);
    let mut for_other = submit_many(&other, 20);
    assert!(other.flush(SOON));
    for name in ["otlp", "sentry"] {
        assert!(until(SOON, || stats(&other, name).retries >= 1), "{name}");
    }
    assert!(other.shutdown(SOON));
    drop(other);
    let one = engine(dir.path(), here.port);
    let mut for_one = submit_many(&one, 20);
    for name in ["otlp", "sentry"] {
        let done = until(PATIENCE, || stats(&one, name).sent == 20);
        assert!(done, "{name}: {:?}", stats(&one, name));
    }
    // Both run.
    let there = Server::on(
        TcpListener::bind(("127.0.0.1", port)).unwrap(),
        None,
        |_, _| OK,
    );
    let other = engine(dir.path(), port);
    for_other.extend(submit_many(&other, 5));
    for_one.extend(submit_many(&one, 5));
    for name in ["otlp", "sentry"] {
        assert!(until(PATIENCE, || stats(&other, name).sent == 25), "{name}");
        assert!(until(PATIENCE, || stats(&one, name).sent == 25), "{name}");
    }
    for (server, submitted) in [(&here, for_one), (&there, for_other)] {
        let submitted: BTreeSet<String> = submitted.into_iter().collect();
        assert_eq!(received(server), [submitted.clone(), submitted]);
    }
    assert!(one.shutdown(SOON) && other.shutdown(SOON));
}

#[test]
fn what_waits_for_another_address_is_shown_and_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let gone = engine(dir.path(), port);
    submit_many(&gone, 3);
    assert!(gone.flush(SOON));
    gone.shutdown(SOON);
    drop(gone);
    let server = Server::new(|_, _| OK);
    let deliver = |port: u16, moved: bool| {
        let config = sending_to(dir.path(), port);
        let (done, problems) = send_waiting(&config, dir.path(), SOON, moved);
        assert!(problems.is_empty(), "{problems:?}");
        done
    };
    for delivery in deliver(server.port, false) {
        let stats = &delivery.stats;
        assert_eq!((stats.sent, stats.waiting), (0, 0), "{delivery:?}");
        assert!(!delivery.by_another, "{delivery:?}");
        let left = waiting(dir.path());
        let left = left.iter().find(|left| left.name == delivery.name);
        let left = left.expect("it is shown");
        assert_eq!(left.items, 3);
        assert_ne!(left.identity, delivery.identity);
        assert!(dir.path().join("outbox").join(left.folder()).is_dir());
    }
    assert!(server.received().is_empty());
    // With the former address, or because the receiver has moved.
    let former = Server::on(
        TcpListener::bind(("127.0.0.1", port)).unwrap(),
        None,
        |_, _| OK,
    );
    for delivery in deliver(port, false) {
        let stats = &delivery.stats;
        assert_eq!((stats.sent, stats.waiting), (3, 0), "{delivery:?}");
    }
    assert!(!former.received().is_empty());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap().port();
    drop(listener);
    let gone = engine(dir.path(), nobody);
    submit_many(&gone, 3);
    assert!(gone.flush(SOON));
    gone.shutdown(SOON);
    drop(gone);
    let done = deliver(server.port, true);
    let sent: Vec<_> = done.iter().map(|one| (one.name, one.stats.sent)).collect();
    assert_eq!(
        sent,
        [("otlp", 0), ("sentry", 0), ("otlp", 3), ("sentry", 3)]
    );
    assert!(waiting(dir.path()).iter().all(|left| left.items == 0));
    assert!(!server.received().is_empty());
}
