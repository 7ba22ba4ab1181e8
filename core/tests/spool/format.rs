//! The recorded segments in `conformance/spool`, made by a program that shares no code with ours.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use stillframe_core::sink::spool::{SegmentName, SpoolReader};

use crate::*;

#[test]
fn every_recorded_segment_reads_as_recorded() {
    let text = fs::read_to_string(conformance_dir().join("segments.json")).expect("the vectors");
    let cases: Value = serde_json::from_str(&text).expect("JSON");
    let cases = cases["segments"].as_array().expect("a list");
    assert!(cases.len() >= 12, "{}", cases.len());
    for case in cases {
        let file = case["file"].as_str().expect("a name");
        let dir = tempfile::tempdir().expect("a directory");
        let name = SegmentName::parse("1763812345678-1-0123456789abcdef.sfs").expect("a name");
        fs::copy(conformance_dir().join(file), dir.path().join(name.as_str())).expect("copied");
        let mut reader = SpoolReader::open(dir.path()).expect("a store");
        let mut scan = reader.scan(&name, 0).expect("a scan");
        let mut found = Vec::new();
        let mut error = None;
        for record in scan.by_ref() {
            match record {
                Ok(record) => found.push(record),
                Err(end) => error = Some(end),
            }
        }
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let found: Vec<Value> = found
            .iter()
            .map(|record| {
                let payload = reader.read(&name, record.offset).expect("a payload");
                serde_json::json!({
                    "offset": record.offset,
                    "kind": record.kind.code(),
                    "id": hex(&record.id),
                    "fingerprint": hex(&record.fingerprint),
                    "timestamp": record.timestamp_ns.to_string(),
                    "payload": hex(&payload),
                })
            })
            .collect();
        assert_eq!(Value::from(found), case["records"], "{file}");
        let stats = scan.stats();
        for (what, value) in [
            ("unknown", stats.unknown),
            ("damaged", stats.damaged),
            ("damagedBytes", stats.damaged_bytes),
            ("tailBytes", stats.tail_bytes),
        ] {
            assert_eq!(case[what].as_u64(), Some(value), "{file}: {what}");
        }
        match case["error"].as_str() {
            None => assert!(error.is_none(), "{file}: {error:?}"),
            Some("otherMajor") => {
                let error = error.expect("an error");
                assert!(error.is_other_major(), "{file}: {error}");
                assert!(error.to_string().contains("format 2"), "{file}: {error}");
            }
            Some(other) => panic!("{file}: unknown error {other}"),
        }
    }
}

#[test]
fn what_is_written_today_is_the_recorded_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut spool = spool(dir.path());
    let id = std::array::from_fn(|n| n as u8);
    let fingerprint = std::array::from_fn(|n| 0xF0 | n as u8);
    let timestamp_ns = 1_763_812_345_678_901_234;
    let payload = b"\x81\xa6format\x01";
    let kind = RecordKind::Snapshot;
    spool
        .write(&SinkRecord {
            kind,
            payload,
            id,
            fingerprint,
            timestamp_ns,
        })
        .expect("written");
    spool.close(far()).expect("closed");
    let reader = SpoolReader::open(dir.path()).expect("a store");
    let segment = reader.segments().expect("a list")[0].name.clone();
    let written = fs::read(dir.path().join(segment.as_str())).expect("read");
    assert_eq!(
        written,
        fs::read(conformance_dir().join("one.sfs")).expect("read")
    );
}

/// `docs/spool-format.md` shows the bytes of `one.sfs`.
#[test]
fn the_documented_example_is_the_recorded_record() {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/spool-format.md");
    let docs = fs::read_to_string(docs).expect("the document");
    let example = docs
        .split("```hex\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let digits: String = example
        .expect("an example")
        .lines()
        .filter_map(|line| line.split("  ").next())
        .flat_map(|line| line.chars().filter(char::is_ascii_hexdigit))
        .collect();
    let recorded = fs::read(conformance_dir().join("one.sfs")).expect("read");
    let recorded: String = recorded.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digits, recorded);
}
