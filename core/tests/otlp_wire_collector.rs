//! The OpenTelemetry Collector as the receiver: what it understood is what it hands on, and what it answers is what we expect.
//!
//! `.ci/wires` builds the collector, and runs this.
#![cfg(feature = "otlp")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use stillframe_core::config::{Address, Compression, Config, Secret, UploadConfig};
use stillframe_core::sink::http::{Client, Http};
use stillframe_core::sink::otlp::{self, LogsService};
use stillframe_core::sink::wire::{Batch, Protocol, Verdict};
use stillframe_core::snapshot::Snapshot;
use stillframe_core::tape::Tape;
use support::{build, cases, oracle};

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A collector that hands on what it gets as OTLP in JSON.
struct Collector {
    process: Child,
    port: u16,
    received: Receiver<Json>,
}

impl Collector {
    /// Starts one that takes bodies of so many bytes.
    fn start(folder: &Path, most: usize) -> Self {
        let program = std::env::var("STILLFRAME_OTEL_COLLECTOR").expect("set by .ci/wires");
        let behind = TcpListener::bind("127.0.0.1:0").expect("a port");
        let behind_port = behind.local_addr().unwrap().port();
        let port = free_port();
        let config = folder.join(format!("collector-{most}.yaml"));
        let text = format!(
            "receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:{port}
        max_request_body_size: {most}
exporters:
  debug: {{verbosity: detailed}}
  otlphttp:
    endpoint: http://127.0.0.1:{behind_port}
    encoding: json
    compression: none
    sending_queue: {{enabled: false}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    logs: {{receivers: [otlp], exporters: [debug, otlphttp]}}
"
        );
        std::fs::write(&config, text).expect("a folder");
        let log = std::fs::File::create(folder.join("collector.log")).expect("a folder");
        let mut process = Command::new(program)
            .arg(format!("--config=file:{}", config.display()))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("a collector");
        let (send, received) = channel();
        std::thread::spawn(move || {
            for stream in behind.incoming().flatten() {
                let send = send.clone();
                std::thread::spawn(move || {
                    while let Some(body) = take_request(&stream) {
                        if send.send(body).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = process.try_wait().expect("a process");
            let log = std::fs::read_to_string(folder.join("collector.log")).unwrap_or_default();
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "no collector: {log}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Self {
            process,
            port,
            received,
        }
    }

    fn config(&self) -> Config {
        let mut config = Config::default();
        config.otlp.enabled = true;
        config.otlp.endpoint = Address::new(format!("http://127.0.0.1:{}/v1/logs", self.port));
        config
    }

    /// Log records with the attributes of their resource, until there are so many.
    fn records(&self, count: usize) -> Vec<(Json, Json)> {
        let mut records = Vec::new();
        while records.len() < count {
            let request = self
                .received
                .recv_timeout(PATIENCE)
                .expect("it hands on what it got");
            for resource in request["resourceLogs"].as_array().expect("resources") {
                for scope in resource["scopeLogs"].as_array().expect("scopes") {
                    assert_eq!(scope["scope"]["name"], "stillframe");
                    for record in scope["logRecords"].as_array().expect("records") {
                        records.push((pairs(&resource["resource"]["attributes"]), record.clone()));
                    }
                }
            }
        }
        records
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().unwrap().port()
}

/// The body of the next request on a connection, answered with success.
fn take_request(stream: &TcpStream) -> Option<Json> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    (&*stream).write_all(answer).ok()?;
    Some(serde_json::from_slice(&body).expect("JSON"))
}

/// A value of OTLP's JSON as plain JSON. The collector leaves out members that are empty.
fn plain(value: &Json) -> Json {
    let Some((kind, value)) = value.as_object().and_then(|members| members.iter().next()) else {
        return Json::Null;
    };
    match kind.as_str() {
        "intValue" => serde_json::from_str(value.as_str().expect("text")).expect("a number"),
        "arrayValue" => value["values"]
            .as_array()
            .into_iter()
            .flatten()
            .map(plain)
            .collect(),
        "kvlistValue" => pairs(&value["values"]),
        _ => value.clone(),
    }
}

fn pairs(list: &Json) -> Json {
    let list = list.as_array().into_iter().flatten();
    let pair = |pair: &Json| {
        (
            pair["key"].as_str().expect("a key").to_owned(),
            plain(&pair["value"]),
        )
    };
    Json::Object(list.map(pair).collect())
}

fn snapshots() -> Vec<Snapshot> {
    let snapshot = |case: &cases::Case| {
        let tape = build::build(&case.spec);
        oracle::snapshot(
            &Tape::parse(&tape).expect("valid"),
            &case.meta,
            &case.extras,
        )
    };
    cases::all().iter().map(snapshot).collect()
}

/// Numbers by their value, members by their names: a float without a fraction is an integer to the collector's writer.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one.as_f64() == other.as_f64(),
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

fn deliver(config: &Config, items: &[Vec<u8>]) -> Verdict {
    let client = Client::new(&UploadConfig::default());
    let mut service = LogsService::new(config).expect("an address");
    let items: Vec<&[u8]> = items.iter().map(Vec::as_slice).collect();
    let batch = Batch {
        route: "",
        items: &items,
    };
    let request = service.request(&batch, &client).expect("a request");
    let answer = client.send(&request).expect("an answer");
    service.judge(&answer)
}

fn encoded(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = Vec::new();
    otlp::request_into(snapshot.clone(), &BTreeMap::new(), &mut out);
    out
}

#[test]
#[ignore = "needs the OpenTelemetry Collector: .ci/wires"]
fn the_collector_hands_on_what_was_captured() {
    let folder = tempfile::tempdir().expect("a folder");
    let collector = Collector::start(folder.path(), 20 << 20);
    let snapshots = snapshots();
    let items: Vec<_> = snapshots.iter().map(encoded).collect();
    for compression in [Compression::Gzip, Compression::None] {
        let mut config = collector.config();
        config.otlp.compression = compression;
        config
            .otlp
            .headers
            .insert("api-key".into(), Secret::new("x"));
        assert_eq!(deliver(&config, &items), Verdict::Delivered);
        let records = collector.records(items.len());
        assert_eq!(records.len(), items.len());
        for ((resource, record), snapshot) in records.iter().zip(&snapshots) {
            let attributes = pairs(&record["attributes"]);
            let id = snapshot.id.to_string();
            assert_eq!(record["eventName"], "exception");
            assert_eq!(record["severityNumber"], 17);
            let time = record["timeUnixNano"].as_str().unwrap_or("0");
            assert_eq!(time, snapshot.timestamp.to_string());
            let service = match snapshot.service.as_str() {
                "" => "unknown_service",
                service => service,
            };
            assert_eq!(resource["service.name"], json!(service));
            assert_eq!(attributes["stillframe.snapshot.id"], json!(id));
            let context = snapshot.context.as_ref();
            let trace_id = context.and_then(|context| context.trace_id.clone());
            let shown = record["traceId"].as_str().unwrap_or_default();
            assert_eq!(shown, trace_id.unwrap_or_default());
            let body = plain(&record["body"]);
            let mut expected = serde_json::to_value(snapshot).expect("JSON");
            if expected.to_string().contains("18446744073709551615") {
                // OTLP has no such number: a text stands for it, which the other tests look at.
                expected = body.clone();
            }
            assert!(same(&body, &expected), "{body}\n{expected}");
        }
    }
    drop(collector);
    let log = std::fs::read_to_string(folder.path().join("collector.log")).expect("a log");
    for shown in [
        "EventName: exception",
        "-> exception.message: Str('EUR')",
        "-> service.name: Str(shop)",
        "-> code.function.name: Str(shop.cart.total)",
        "-> code.line.number: Int(7)",
        "SeverityText: ERROR",
        "Trace ID: 6b00f71300000000e343cf3ae0f7cc0f",
        "InstrumentationScope stillframe",
    ] {
        assert!(log.contains(shown), "the collector does not show {shown}");
    }
}

#[test]
#[ignore = "needs the OpenTelemetry Collector: .ci/wires"]
fn its_refusals_are_understood() {
    let folder = tempfile::tempdir().expect("a folder");
    let collector = Collector::start(folder.path(), 4096);
    let config = collector.config();
    let large = vec![encoded(&snapshots()[0]); 64];
    assert_eq!(deliver(&config, &large), Verdict::Split);
    let Verdict::Refused { why } = deliver(&config, &[b"\x0a\xffgarbage".to_vec()]) else {
        unreachable!("it is no protobuf");
    };
    assert!(
        why.starts_with("400 (bad request): ") && why.len() > 22,
        "{why}"
    );
    let mut elsewhere = config.clone();
    let base = config.otlp.endpoint.reveal().replace("/v1/logs", "");
    elsewhere.otlp.endpoint = Address::new(base);
    let Verdict::Wrong { why } = deliver(&elsewhere, &large[..1]) else {
        unreachable!("nothing is there");
    };
    assert!(
        why.starts_with("it answers 404 (not found)") && why.ends_with("see otlp.endpoint"),
        "{why}"
    );
}
