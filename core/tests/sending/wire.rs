//! A small wire for tests: an item is the snapshot's id and a filler, a request an array of items.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stillframe_core::config::Config;
use stillframe_core::engine::{Engine, Finished, Host, PipelineError, Submission, now_ns};
use stillframe_core::gate::SiteHash;
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::sink::Destination;
use stillframe_core::sink::http::{Answer, Http, Method, Request, show_url};
use stillframe_core::sink::wire::{Batch, Bounds, Items, Protocol, Trouble, Verdict, WireEncoder};
use stillframe_core::snapshot::{Meta, SnapshotId};
use stillframe_core::stats::DestinationStats;
use stillframe_core::tape::{FrameFlags, Link, Location, Section, TapeWriter};

use crate::server::Received;

pub struct TestEncoder {
    /// Bytes of each item besides the id.
    pub filler: usize,
    /// Items of each snapshot.
    pub items: usize,
}

impl WireEncoder for TestEncoder {
    fn encode(&mut self, snapshot: &Finished, items: &mut Items) -> Result<(), PipelineError> {
        let meta = snapshot.meta();
        let service = &meta.process.service;
        for item in 0..self.items {
            let id = meta.id.to_string();
            let filler: String = (0..self.filler)
                .map(|at| {
                    char::from(b'a' + (id.as_bytes()[at % id.len()].wrapping_mul(at as u8) % 26))
                })
                .collect();
            items.push(service, |out| {
                out.extend_from_slice(format!("\"{id}/{item}{filler}\"").as_bytes());
            });
        }
        Ok(())
    }
}

pub struct TestProtocol {
    pub url: String,
    pub bounds: Bounds,
    pub timeout: Duration,
    pub name: &'static str,
}

impl TestProtocol {
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            bounds: Bounds {
                items: 100,
                bytes: 1 << 20,
            },
            timeout: Duration::from_secs(5),
            name: "test",
        }
    }
}

impl Protocol for TestProtocol {
    fn name(&self) -> &'static str {
        self.name
    }

    fn bounds(&self) -> Bounds {
        self.bounds
    }

    fn request(&mut self, batch: &Batch<'_>, _http: &dyn Http) -> Result<Request, Trouble> {
        Ok(Request {
            method: Method::Post,
            url: self.url.clone(),
            path: format!("/in?route={}", batch.route),
            headers: vec![("content-type".into(), "application/json".to_owned())],
            body: [&b"["[..], &batch.items.join(&b','), b"]"].concat(),
            timeout: self.timeout,
        })
    }

    fn judge(&mut self, answer: &Answer) -> Verdict {
        let why = || {
            format!(
                "{} {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            )
        };
        match answer.status {
            200 => Verdict::Delivered,
            206 => Verdict::Partly {
                rejected: 1,
                why: why(),
            },
            300 => Verdict::Elsewhere,
            413 => Verdict::Split,
            408 | 429 | 500..=599 => Verdict::Retry {
                after: answer.retry_after,
            },
            _ => Verdict::Refused { why: why() },
        }
    }
}

pub fn destination(protocol: TestProtocol, encoder: TestEncoder) -> Destination {
    Destination {
        address: show_url(&protocol.url),
        identity: None,
        encoder: Box::new(encoder),
        protocol: Box::new(protocol),
    }
}

/// A configuration with its store in `dir`.
pub fn config(dir: &Path) -> Config {
    let mut config = Config {
        dir: Some(dir.to_owned()),
        ..Config::default()
    };
    config.set_default_service("shop");
    config
}

pub fn start(config: Config, destinations: Vec<Destination>) -> Engine {
    let host = Host {
        language: Language::Python,
        runtime: "CPython 3.11.7".into(),
        ..Host::default()
    };
    Engine::with_destinations(Arc::new(config), host, destinations)
}

/// An engine that sends to `url`, one item for each snapshot.
pub fn engine(dir: &Path, url: &str) -> Engine {
    let encoder = TestEncoder {
        filler: 200,
        items: 1,
    };
    start(
        config(dir),
        vec![destination(TestProtocol::new(url), encoder)],
    )
}

pub fn tape() -> Arc<[u8]> {
    let mut writer = TapeWriter::new();
    writer.begin(Language::Python, &Limits::default());
    let name = writer.define_type(b"KeyError");
    writer.exception(name, Link::Root, 0, false).unwrap();
    writer.end_group();
    writer.section(Section::Message);
    writer.ascii(b"'EUR'");
    writer.section(Section::Frames);
    let location = Location {
        line: 3,
        ..Location::default()
    };
    writer
        .frame(
            FrameFlags::IN_APP,
            location,
            b"total",
            b"shop.pricing",
            b"shop/pricing.py",
        )
        .unwrap();
    writer.end_group();
    writer.section(Section::Locals);
    assert!(writer.name(b"currency"));
    writer.ascii(b"EUR");
    writer.end_group();
    let took = Duration::from_micros(80);
    writer.finish(None, took).unwrap().into()
}

/// A snapshot, and its id.
pub fn submission(engine: &Engine) -> (String, Submission) {
    let timestamp_ns = now_ns();
    let meta = Meta {
        id: SnapshotId::generate(timestamp_ns),
        timestamp_ns,
        process: Arc::clone(engine.process()),
        ..Meta::default()
    };
    let id = meta.id.to_string();
    let submission = Submission {
        tape: tape(),
        meta,
        site: Some(SiteHash::from_parts(1, 1)),
        deeper: false,
    };
    (id, submission)
}

/// Submits a snapshot and returns its id.
pub fn submit(engine: &Engine) -> String {
    let (id, submission) = submission(engine);
    engine.submit(submission).expect("room in the queue");
    id
}

/// Submits many, not faster than the queue allows, and returns their ids.
pub fn submit_many(engine: &Engine, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(submit(engine));
        if number % 100 == 99 {
            let done = until(Duration::from_secs(20), || {
                engine.stats().outcomes.captured as usize >= ids.len()
            });
            assert!(done, "{:?}", engine.stats().outcomes);
        }
    }
    ids
}

/// How often each id was delivered.
pub fn delivered(received: &[Received]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in received {
        let items: Vec<String> = serde_json::from_slice(&request.body).expect("an array");
        for item in items {
            *counts.entry(item[..36].to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Asserts that each of `ids` was delivered once, and nothing else.
pub fn assert_once(received: &[Received], ids: &[String]) {
    let counts = delivered(received);
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "more than once: {twice:?}");
    let missing: Vec<_> = ids.iter().filter(|id| !counts.contains_key(*id)).collect();
    assert!(
        missing.is_empty(),
        "{} missing of {}",
        missing.len(),
        ids.len()
    );
    assert_eq!(counts.len(), ids.len());
}

/// Waits until `done`, within `limit`. Whether it is.
pub fn until(limit: Duration, done: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !done() {
        if begun.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

pub fn stats_of(engine: &Engine) -> DestinationStats {
    engine.stats().destinations["test"].clone()
}

/// Files of the outbox.
pub fn files(dir: &Path) -> Vec<String> {
    let folder = dir.join("outbox/test");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| name != "delivery.lock")
        .collect();
    names.sort();
    names
}

pub const SOON: Duration = Duration::from_secs(20);

/// Asserts that `dropped` of `ids` were dropped, the newest ones not among them, and each of the others was delivered once. What is being
/// sent while room is made is kept, so it need not be the oldest that go.
pub fn assert_oldest_dropped(received: &[Received], ids: &[String], dropped: usize) {
    let counts = delivered(received);
    let is_there = |id: &&String| counts.contains_key(*id);
    let kept: Vec<String> = ids.iter().filter(is_there).cloned().collect();
    assert_eq!(kept.len(), ids.len() - dropped);
    assert_once(received, &kept);
    let newest = &ids[ids.len() - kept.len() / 2..];
    assert!(newest.iter().all(|id| is_there(&id)), "newer ones dropped");
}
