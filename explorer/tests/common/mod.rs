//! Stores to test the command with, written by the spool's own writer.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod nodes;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use stillframe_core::sink::spool::{
    EventCounts, ProcessRecord, Spool, SpoolConfig, encode_payload,
};
use stillframe_core::sink::{RecordKind, Sink, SinkRecord};
use stillframe_core::snapshot::{Fingerprint, Node, Scalar, Snapshot, SnapshotId};
use stillframe_core::stats::StatsSnapshot;
use tempfile::TempDir;

pub(crate) const SECOND: u64 = 1_000_000_000;

/// The sample snapshot of the golden tests.
pub(crate) fn pricing() -> Snapshot {
    golden("pricing")
}

pub(crate) fn golden(name: &str) -> Snapshot {
    let path = golden_dir().join(format!("{name}.json"));
    Snapshot::from_json(&std::fs::read(path).expect("a sample")).expect("a snapshot")
}

pub(crate) fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

pub(crate) fn now_ns() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.expect("after 1970").as_nanos()).expect("before 2554")
}

/// Writes a store, one segment per writer.
pub(crate) struct Writer {
    spool: Spool,
}

impl Writer {
    pub(crate) fn new(dir: &Path) -> Self {
        Self::with(dir, SpoolConfig::default())
    }

    pub(crate) fn with(dir: &Path, config: SpoolConfig) -> Self {
        Self {
            spool: Spool::new(dir.to_owned(), config, Box::new(|line| panic!("{line}"))),
        }
    }

    pub(crate) fn write(
        &mut self,
        kind: RecordKind,
        payload: &[u8],
        id: [u8; 16],
        key: [u8; 16],
        at: u64,
    ) {
        let record = SinkRecord {
            kind,
            payload,
            id,
            fingerprint: key,
            timestamp_ns: at,
        };
        self.spool.write(&record).expect("is written");
    }

    /// Stores a snapshot, `key` its issue, and gives its id.
    pub(crate) fn snapshot(
        &mut self,
        snapshot: &Snapshot,
        key: u128,
        at: u64,
        random: u64,
    ) -> SnapshotId {
        let id = SnapshotId::from_parts(at, random);
        let key = key.to_be_bytes();
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let snapshot = Snapshot {
            id,
            timestamp: at,
            fingerprint: Some(Fingerprint {
                key: digits,
                version: 1,
                ..Fingerprint::default()
            }),
            ..snapshot.clone()
        };
        let payload = encode_payload(&snapshot).expect("encodes");
        self.write(RecordKind::Snapshot, &payload, id.0, key, at);
        id
    }

    pub(crate) fn counts(&mut self, counts: &EventCounts, at: u64) {
        let payload = encode_payload(counts).expect("encodes");
        self.write(
            RecordKind::EventCounts,
            &payload,
            SnapshotId::generate(at).0,
            [0; 16],
            at,
        );
    }

    pub(crate) fn process(&mut self, process: &ProcessRecord<StatsSnapshot>, at: u64) {
        let payload = encode_payload(process).expect("encodes");
        self.write(
            RecordKind::Process,
            &payload,
            SnapshotId::generate(at).0,
            [0; 16],
            at,
        );
    }

    pub(crate) fn close(mut self) {
        self.spool
            .close(Instant::now() + Duration::from_secs(5))
            .expect("is stored");
    }
}

/// The command, in an environment of its own, over the store in `dir`.
pub(crate) fn stillframe(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stillframe"));
    command
        .env_clear()
        .env("HOME", dir)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("STILLFRAME_DIR", dir)
        .current_dir(dir);
    command
}

pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Output {
    stillframe(dir).args(arguments).output().expect("runs")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// Standard output of a command that must succeed and say nothing else.
pub(crate) fn output_of(dir: &Path, arguments: &[&str]) -> String {
    let output = run(dir, arguments);
    assert_eq!(stderr(&output), "", "{arguments:?}");
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    stdout(&output)
}

/// The sample's issue.
pub(crate) const ISSUE: u128 = 0x9be1_c2d3 << 96;

/// The sample, with another currency and version.
pub(crate) fn changed(currency: &str, version: &str) -> Snapshot {
    let mut snapshot = pricing();
    snapshot.version = Some(version.to_owned());
    let frame = &mut snapshot.frames[0];
    for group in [&mut frame.arguments, &mut frame.locals] {
        for (name, node) in &mut group.0 {
            if name == "currency" {
                *node = Node {
                    type_name: Some("str".into()),
                    value: Some(Scalar::Text(currency.to_owned())),
                    ..Node::default()
                };
            }
        }
    }
    snapshot
}

/// Four errors of the sample's issue, the newest last, and one of a Java program.
pub(crate) fn store() -> TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let now = now_ns();
    let mut writer = Writer::new(dir.path());
    writer.snapshot(
        &golden("java"),
        0x04aa_71fe << 96,
        now - 3600 * SECOND,
        0x77,
    );
    for (at, (currency, version, random)) in [
        ("EUR", "1.4.1", 0x1111_1111),
        ("EUR", "1.4.2", 0x2222_2222),
        ("CHF", "1.4.2", 0x3333_3333),
        ("EUR", "1.4.2", 0x4444_4444),
    ]
    .into_iter()
    .enumerate()
    {
        let at = now - (400 - at as u64 * 100) * SECOND;
        writer.snapshot(&changed(currency, version), ISSUE, at, random);
    }
    writer.close();
    dir
}

/// What a command says with `--json`.
pub(crate) fn json(dir: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&output_of(dir, arguments)).expect("JSON")
}
