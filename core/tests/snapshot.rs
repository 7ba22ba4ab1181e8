//! Reading snapshots: both forms give the same, unknown members are ignored, what is no snapshot is refused.

use stillframe_core::snapshot::{Scalar, Snapshot};

const DOCUMENT: &str = r#"{
  "format": 1, "id": "01a1fb79-3f62-77ff-bfff-ffffffffffff", "timestamp": 1795225363042000000,
  "service": "shop", "pid": 4711, "runtime": {"language": "python", "version": "3.11.7"}, "tomorrow": {"a": [1, {"b": null}]},
  "exceptions": [{"type": "shop.errors.LookupFailed", "module": "shop.errors", "message": {"type": "str", "value": "no rates"},
    "handled": false, "mechanism": "excepthook", "frames": [0], "weight": 7.5}],
  "frames": [{"function": "load", "line": 19, "inApp": true, "locals": {
    "z": {"type": "int", "value": 18446744073709551615}, "a": {"type": "float", "value": 1.0}, "m": {"type": "int", "value": -3},
    "nothing": {"type": "NoneType", "isNull": true}, "yes": {"type": "bool", "value": true, "flavour": "sweet"},
    "rows": {"type": "dict", "size": 9, "entries": [[{"value": "k"}, {"ref": 4}]], "notCapturedReason": "collectionSize",
      "limit": {"name": "limits.items", "value": 1}}}}],
  "receipt": {"values": 8, "redacted": {"redactedIdent": 2}, "limits": {"limits.items": 1}}
}"#;

#[test]
fn numbers_keep_their_kind_and_names_their_order() {
    let snapshot = Snapshot::from_json(DOCUMENT.as_bytes()).expect("valid");
    let locals = &snapshot.frames[0].locals;
    let names: Vec<_> = locals.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["z", "a", "m", "nothing", "yes", "rows"]);
    let value = |name| locals.get(name).and_then(|node| node.value.clone());
    assert_eq!(value("z"), Some(Scalar::Uint(u64::MAX)));
    assert_eq!(value("a"), Some(Scalar::Float(1.0)));
    assert_eq!(value("m"), Some(Scalar::Int(-3)));
    assert_eq!(value("yes"), Some(Scalar::Bool(true)));
    assert!(locals.get("nothing").expect("there").is_null);
    let rows = locals.get("rows").expect("there");
    assert_eq!(
        rows.entries.as_ref().expect("a map")[0].1.reference,
        Some(4)
    );
    assert_eq!(snapshot.exceptions[0].short_type(), "LookupFailed");
}

#[test]
fn writing_and_reading_again_changes_nothing_in_both_forms() {
    let snapshot = Snapshot::from_json(DOCUMENT.as_bytes()).expect("valid");
    let json = serde_json::to_vec(&snapshot).expect("writes");
    assert_eq!(Snapshot::from_json(&json).as_ref(), Ok(&snapshot));
    let msgpack = rmp_serde::to_vec_named(&snapshot).expect("writes");
    assert_eq!(Snapshot::from_msgpack(&msgpack), Ok(snapshot));
}

#[test]
fn what_is_no_snapshot_is_refused_in_words() {
    let newer = DOCUMENT.replacen("\"format\": 1", "\"format\": 2", 1);
    let error = Snapshot::from_json(newer.as_bytes()).expect_err("newer");
    assert_eq!(
        error.to_string(),
        "not a snapshot: format 2 is not known here (newest known: 1)"
    );
    for text in [
        "",
        "[]",
        "{}",
        "{\"format\": 1, \"id\": \"x\"}",
        "{\"format\": 1, \"frames\": 3}",
    ] {
        assert!(Snapshot::from_json(text.as_bytes()).is_err(), "{text}");
    }
    for bytes in [&b""[..], b"\x80", b"\xc1", b"\xdf\xff\xff\xff\xff"] {
        assert!(Snapshot::from_msgpack(bytes).is_err(), "{bytes:?}");
    }
    let mut longer = rmp_serde::to_vec_named(&Snapshot {
        format: 1,
        ..Snapshot::default()
    })
    .expect("writes");
    assert!(Snapshot::from_msgpack(&longer).is_ok());
    longer.push(0xc0);
    assert!(Snapshot::from_msgpack(&longer).is_err());
    let mut deep = b"\x81\xa6frames".to_vec();
    deep.resize(100_000, 0x91);
    assert!(Snapshot::from_msgpack(&deep).is_err());
    let deep = format!("{{\"format\": 1, \"x\": {}", "[".repeat(1_000_000));
    let error = Snapshot::from_json(deep.as_bytes()).expect_err("too deep");
    assert!(error.to_string().contains("deeper"), "{error}");
}
