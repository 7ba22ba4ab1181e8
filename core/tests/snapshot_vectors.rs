//! The snapshot's forms against the vectors that every language's encoder runs: `conformance/snapshots`.
//!
//! `BLESS=1` writes them anew from `support/cases.rs`.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::sync::Once;

use serde_json::Value as Json;
use stillframe_core::reason::Reason;
use stillframe_core::snapshot::Snapshot;
use stillframe_core::tape::Tape;
use support::build::{ExceptionItem, FrameItem, Item, Section, Spec, Value};
use support::vector::{self, Vector};
use support::{cases, oracle};

/// Writes the vectors anew, once, if that is asked for.
fn bless() {
    static BLESSED: Once = Once::new();
    BLESSED.call_once(|| {
        if std::env::var_os("BLESS").is_none() {
            return;
        }
        let _ = std::fs::remove_dir_all(vector::folder());
        std::fs::create_dir_all(vector::folder()).expect("a folder");
        for case in cases::all() {
            let text = serde_json::to_string_pretty(&Vector::of(&case)).expect("writes");
            let path = vector::folder().join(case.name).with_extension("json");
            std::fs::write(path, text + "\n").expect("writes");
        }
    });
}

fn stored() -> Vec<(String, Vector)> {
    bless();
    let mut paths: Vec<_> = std::fs::read_dir(vector::folder())
        .expect("the vectors are checked in")
        .map(|entry| entry.expect("readable").path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("readable");
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let vector = serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"));
            (name, vector.expect("a vector"))
        })
        .collect()
}

#[test]
fn the_vectors_are_those_of_the_cases() {
    let cases = cases::all();
    let stored = stored();
    let names: BTreeSet<_> = stored.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        cases.iter().map(|case| case.name).collect(),
        "run with BLESS=1"
    );
    for case in &cases {
        let (_, stored) = stored
            .iter()
            .find(|(name, _)| name == case.name)
            .expect("there");
        assert_eq!(
            *stored,
            Vector::of(case),
            "{}: BLESS=1 if the change is meant",
            case.name
        );
    }
}

/// What another language's runner does: only the files are used.
#[test]
fn every_vector_holds() {
    for (name, vector) in stored() {
        let bytes = vector::unhex(&vector.tape);
        let tape = Tape::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (meta, extras) = (vector.meta(), vector.extras());
        let written = vector::write(&tape, &meta, &extras);
        assert_eq!(written.json, vector.json.to_string(), "{name}");
        assert_eq!(vector::hex(&written.msgpack), vector.msgpack, "{name}");
        let datadog = [
            &vector.datadog.python,
            &vector.datadog.java,
            &vector.datadog.dotnet,
            &vector.datadog.native,
        ];
        for (written, expected) in written.datadog.iter().zip(datadog) {
            assert_eq!(*written, expected.to_string(), "{name}");
        }
        assert_eq!(written.variables, vector.variables.to_string(), "{name}");

        let mut model = oracle::snapshot(&tape, &meta, &extras);
        let read = Snapshot::from_json(written.json.as_bytes()).expect("reads");
        for (model, read) in model.exceptions.iter_mut().zip(&read.exceptions) {
            model.module.clone_from(&read.module);
        }
        assert_eq!(read, model, "{name}");
        assert_eq!(
            Snapshot::from_msgpack(&written.msgpack).as_ref(),
            Ok(&model),
            "{name}"
        );
    }
}

#[test]
fn the_vectors_have_every_opcode_and_every_reason() {
    let mut opcodes = BTreeSet::new();
    let mut reasons = BTreeSet::new();
    for case in cases::all() {
        opcodes_of(&case.spec, &mut opcodes);
        collect_reasons(&Vector::of(&case).json, &mut reasons);
    }
    let all: BTreeSet<u8> = [
        0x01..=0x06,
        0x10..=0x19,
        0x20..=0x26,
        0x30..=0x35,
        0x40..=0x46,
    ]
    .into_iter()
    .flatten()
    .collect();
    assert_eq!(opcodes, all);
    let words: BTreeSet<String> = Reason::ALL
        .iter()
        .map(|reason| reason.as_str().into())
        .collect();
    assert_eq!(reasons, words);
}

fn collect_reasons(json: &Json, reasons: &mut BTreeSet<String>) {
    match json {
        Json::Object(members) => {
            if let Some(Json::String(reason)) = members.get("notCapturedReason") {
                reasons.insert(reason.clone());
            }
            members
                .values()
                .for_each(|value| collect_reasons(value, reasons));
        }
        Json::Array(items) => items.iter().for_each(|item| collect_reasons(item, reasons)),
        _ => {}
    }
}

fn opcodes_of(spec: &Spec, seen: &mut BTreeSet<u8>) {
    seen.extend([0x01, 0x34]);
    for item in &spec.chain {
        let ExceptionItem::Exception(exception) = item else {
            seen.insert(0x02);
            continue;
        };
        sections(&exception.sections, seen);
        for item in &exception.frames {
            match item {
                FrameItem::Gap { .. } => drop(seen.insert(0x02)),
                FrameItem::Frame(frame) => {
                    seen.insert(0x35);
                    sections(&frame.sections, seen);
                }
            }
        }
    }
}

fn sections(sections: &[Section], seen: &mut BTreeSet<u8>) {
    for (_, items) in sections {
        seen.insert(0x03);
        items.iter().for_each(|(_, item)| item_of(item, seen));
    }
}

fn item_of(item: &Item, seen: &mut BTreeSet<u8>) {
    match item {
        Item::Gap { .. } => drop(seen.insert(0x02)),
        Item::Value(value) => value_of(value, seen),
    }
}

fn value_of(value: &Value, seen: &mut BTreeSet<u8>) {
    let mut typed = |type_name: &Option<String>| {
        if type_name.is_some() {
            seen.insert(0x04);
        }
    };
    let opcode = match value {
        Value::Null => 0x10,
        Value::Bool(truth) => 0x11 + u8::from(*truth),
        Value::Int(number) if i8::try_from(*number).is_ok() => 0x13,
        Value::Int(number) if i32::try_from(*number).is_ok() => 0x14,
        Value::Int(_) => 0x15,
        Value::Uint(_) => 0x16,
        Value::Float(_) => 0x17,
        Value::Big { .. } => 0x18,
        Value::Time { .. } => 0x19,
        Value::Str8(_) => 0x20,
        Value::Text { code, .. } => *code,
        Value::Bytes { .. } => 0x25,
        Value::Cleaned { .. } => 0x26,
        Value::As(_, value) => {
            value_of(value, seen);
            0x06
        }
        Value::List {
            type_name, items, ..
        } => {
            typed(type_name);
            items.iter().for_each(|item| item_of(item, seen));
            0x30
        }
        Value::Map {
            type_name, items, ..
        } => {
            typed(type_name);
            items.iter().for_each(|item| item_of(item, seen));
            0x31
        }
        Value::Object { type_name, items } => {
            typed(type_name);
            items.iter().for_each(|(_, item)| item_of(item, seen));
            0x32
        }
        Value::Shaped { items, .. } => {
            seen.insert(0x05);
            for (_, item) in items {
                match item {
                    Some(item) => item_of(item, seen),
                    None => drop(seen.insert(0x46)),
                }
            }
            0x33
        }
        Value::Ref(_) => 0x40,
        Value::Opaque { .. } => 0x41,
        Value::Redacted { alias: None, .. } => 0x42,
        Value::Redacted { .. } => 0x43,
        Value::Skipped { .. } => 0x44,
        Value::Failed { .. } => 0x45,
    };
    seen.insert(opcode);
}
