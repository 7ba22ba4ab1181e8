//! The tape: the documented example, every refusal, the budget, and hostile bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use proptest::prelude::*;
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::reason::Reason;
use stillframe_core::tape::{
    ContainerId, FrameFlags, HEADER_BYTES, Item, Link, Location, Section, ShapeNames, Tape,
    TapeWriter, TextFlags, TimeKind, TimeValue, TypeId, Value,
};

/// The worked example of the format's page.
fn example(writer: &mut TapeWriter) -> Vec<u8> {
    writer.begin(Language::Python, &Limits::default());
    let key_error = writer.define_type(b"KeyError");
    writer.exception(key_error, Link::Root, 0, false).unwrap();
    writer.end_group();
    writer.section(Section::Message);
    writer.ascii(b"'EUR'");
    writer.section(Section::Frames);
    let location = Location {
        line: 42,
        ..Location::default()
    };
    writer
        .frame(FrameFlags::IN_APP, location, b"f", b"m", b"mp")
        .unwrap();
    writer.end_group();
    writer.section(Section::Arguments);
    assert!(writer.name(b"currency"));
    writer.ascii(b"EUR");
    writer.section(Section::Locals);
    assert!(writer.name(b"rates"));
    writer.map(TypeId::default(), 1).unwrap();
    writer.end_group();
    writer.ascii(b"USD");
    writer.int(1);
    writer.end_group();
    writer
        .finish(None, Duration::from_nanos(1000))
        .unwrap()
        .to_vec()
}

/// The hex column of the example in the source of the module's page.
fn documented() -> Vec<u8> {
    let page = include_str!("../src/tape/mod.rs");
    let block = page
        .split("//! ```text")
        .nth(2)
        .unwrap()
        .split("//! ```")
        .next()
        .unwrap();
    let mut bytes = Vec::new();
    for line in block.lines() {
        let line = line.trim_start_matches("//!").trim();
        for word in line.split(' ') {
            match (word.len(), u8::from_str_radix(word, 16)) {
                (2, Ok(byte)) => bytes.push(byte),
                _ => break,
            }
        }
    }
    bytes
}

fn walk(tape: &Tape<'_>) -> usize {
    let mut count = tape.root().count();
    let opened = |item: &Item<'_>| match item {
        Item::Value { value, .. } => value.container().map(|id| (id, format!("{value:?}"))),
        _ => None,
    };
    for (id, value) in tape.root().filter_map(|item| opened(&item)) {
        assert_eq!(format!("{:?}", tape.container(id).unwrap()), value);
    }
    assert_eq!(tape.container(ContainerId(0)), None);
    assert_eq!(tape.container(ContainerId(tape.containers() + 1)), None);
    for id in 1..=tape.containers() {
        for item in tape.group(ContainerId(id)) {
            count += 1;
            if let Some((id, value)) = opened(&item) {
                assert_eq!(format!("{:?}", tape.container(id).unwrap()), value);
            }
            if let Item::Value {
                value: Value::Text(text),
                ..
            } = item
            {
                count += text.with_lookahead().len() + text.shown().len();
            }
        }
    }
    count
}

#[test]
fn the_documented_example_is_true() {
    let bytes = example(&mut TapeWriter::new());
    let shown = bytes
        .chunks(16)
        .map(|row| format!("{row:02x?}"))
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(bytes, documented(), "the example is\n{shown}");
    let tape = Tape::parse(&bytes).unwrap();
    assert_eq!(tape.header().values, 7);
    assert_eq!(tape.header().duration, Duration::from_nanos(1000));
    assert_eq!(tape.header().limits, Limits::default());
    let exception = tape.exceptions().next().unwrap();
    assert_eq!(exception.type_name.unwrap().text, "KeyError");
    let frame = tape.frames(exception.id).next().unwrap();
    assert_eq!(
        (frame.line, frame.function.text, frame.file.text),
        (42, "f", "mp")
    );
    let items: Vec<_> = tape.group(frame.id).collect();
    assert_eq!(items.len(), 4);
    assert!(
        matches!(items[1], Item::Value { name: Some(name), value: Value::Text(text), .. }
        if name.text == "currency" && text.shown() == "EUR")
    );
    let Item::Value {
        value: Value::Map {
            id, size: Some(1), ..
        },
        ..
    } = items[3]
    else {
        panic!("{:?}", items[3])
    };
    let entries: Vec<_> = tape.group(id).collect();
    assert!(matches!(
        entries[1],
        Item::Value {
            value: Value::Int(1),
            ..
        }
    ));
}

#[test]
fn every_scalar_comes_back() {
    let mut writer = TapeWriter::new();
    writer.begin(
        Language::Python,
        &Limits {
            string: 4,
            ..Limits::default()
        },
    );
    writer
        .exception(TypeId::default(), Link::Root, 0, true)
        .unwrap();
    writer.end_group();
    writer.section(Section::Args);
    let time = TimeValue {
        kind: TimeKind::DateTime,
        seconds: -1,
        nanos: 999_999_999,
        offset: Some(3600),
    };
    writer.null();
    writer.bool(true);
    for value in [
        0,
        -1,
        127,
        128,
        -129,
        i64::from(i32::MIN),
        i64::MIN,
        i64::MAX,
    ] {
        writer.int(value);
    }
    writer.uint(u64::MAX);
    writer.float(f64::NAN);
    writer.big_int(true, 65, 1 << 64);
    writer.big_int(false, 4000, u128::MAX);
    writer.time(time);
    writer.ascii(b"cut here");
    writer.latin1(b"\xe9t\xe9");
    writer.utf16(&[0x3d, 0xd8, 0x00, 0xde, 0x00, 0xd8], 3);
    writer.utf32(&0x11_0000_u32.to_le_bytes(), 1);
    writer.utf8("h\u{e9}llo", TextFlags::RENDERED);
    writer.binary(&[0, 1, 2, 3, 4, 5]);
    let name = writer.define_type(b"money.Amount");
    writer.as_type(name);
    writer.int(7);
    writer.end_group();
    let bytes = writer.finish(None, Duration::ZERO).unwrap();
    let tape = Tape::parse(bytes).unwrap();
    let values: Vec<_> = tape
        .group(ContainerId(1))
        .filter_map(|item| match item {
            Item::Value { value, as_type, .. } => Some((value, as_type.map(|name| name.text))),
            _ => None,
        })
        .collect();
    let ints: Vec<_> = values[2..10].iter().map(|(value, _)| *value).collect();
    let expected = [
        0,
        -1,
        127,
        128,
        -129,
        i64::from(i32::MIN),
        i64::MIN,
        i64::MAX,
    ];
    assert_eq!(ints, expected.map(Value::Int));
    assert_eq!(values[10].0, Value::Uint(u64::MAX));
    assert!(matches!(values[11].0, Value::Float(value) if value.is_nan()));
    assert!(
        matches!(values[12].0, Value::Big(big) if big.negative && big.exact() == Some(1 << 64))
    );
    assert!(matches!(values[13].0, Value::Big(big) if big.bits == 4000 && big.exact().is_none()));
    assert_eq!(values[14].0, Value::Time(time));
    let texts: Vec<_> = values[15..20]
        .iter()
        .map(|(value, _)| match value {
            Value::Text(text) => (text.shown().into_owned(), text.total(), text.rendered()),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        ("cut ", 8, false),
        ("\u{e9}t\u{e9}", 3, false),
        ("\u{1f600}\u{fffd}", 3, false),
        ("\u{fffd}", 1, false),
        ("h\u{e9}ll", 5, true),
    ];
    assert_eq!(
        texts,
        expected.map(|(text, total, rendered)| (text.to_owned(), total, rendered))
    );
    assert!(matches!(values[15].0, Value::Text(text) if text.with_lookahead() == "cut here"));
    assert_eq!(
        values[20].0,
        Value::Bytes {
            kept: &[0, 1, 2, 3],
            total: 6
        }
    );
    assert_eq!(values[21], (Value::Int(7), Some("money.Amount")));
}

#[test]
fn shaped_objects_read_like_objects() {
    let mut writer = TapeWriter::new();
    writer.begin(Language::Python, &Limits::default());
    writer
        .exception(TypeId::default(), Link::Root, 0, false)
        .unwrap();
    writer.end_group();
    writer.section(Section::Args);
    let item = writer.define_type(b"shop.Item");
    let shape = {
        let names: [&[u8]; 2] = [b"sku", b"price"];
        let names = ShapeNames::new(names.into_iter()).unwrap();
        writer.define_shape(item, &names).unwrap()
    };
    writer.shaped(shape).unwrap();
    writer.shaped(shape).unwrap();
    writer.end_group();
    writer.ascii(b"A1");
    writer.absent();
    writer.end_group();
    writer.redacted(
        Reason::RedactedIdent,
        TypeId::default(),
        "name:sku",
        Some((8, 42)),
    );
    writer.gap(Reason::Timeout, Some(1));
    writer.end_group();
    let bytes = writer.finish(None, Duration::ZERO).unwrap();
    let tape = Tape::parse(bytes).unwrap();
    let first: Vec<_> = tape.group(ContainerId(2)).collect();
    assert!(matches!(first[0], Item::Value { name: Some(name), .. } if name.text == "sku"));
    assert!(
        matches!(first[1], Item::Value { name: Some(name), value: Value::Absent, .. } if name.text == "price")
    );
    let second: Vec<_> = tape.group(ContainerId(3)).collect();
    assert!(matches!(
        second[0],
        Item::Value {
            value: Value::Redacted {
                alias: Some((8, 42)),
                ..
            },
            ..
        }
    ));
    assert_eq!(
        second[1],
        Item::Gap {
            reason: Reason::Timeout,
            count: Some(1)
        }
    );
}

#[test]
fn a_spent_budget_leaves_a_whole_tape() {
    for tape_bytes in 128..2048 {
        let mut writer = TapeWriter::new();
        writer.begin(
            Language::Python,
            &Limits {
                tape_bytes,
                ..Limits::default()
            },
        );
        let name = writer.define_type(b"a.type.with.a.name");
        let mut open = 0;
        let mut closed = 0;
        open += u32::from(writer.exception(name, Link::Root, 0, false).is_some());
        writer.end_group();
        while closed < open && !writer.is_full() {
            closed += 1;
            writer.section(Section::Args);
            for round in 0..40_u8 {
                if writer.is_full() {
                    writer.gap(Reason::Budget, None);
                    break;
                }
                writer.as_type(name);
                writer.ascii(&vec![b'x'; usize::from(round) * 3]);
                writer.binary(&[round; 20]);
            }
            writer.end_group();
        }
        let stop = (closed < open).then_some(Reason::Budget);
        let bytes = writer.finish(stop, Duration::ZERO).unwrap();
        assert!(
            bytes.len() <= tape_bytes as usize + 64,
            "{} of {tape_bytes}",
            bytes.len()
        );
        if open == 0 {
            continue;
        }
        walk(&Tape::parse(bytes).unwrap());
    }
}

#[test]
fn an_exception_or_a_frame_without_room_leaves_a_whole_tape() {
    for (tape_bytes, values) in (160..4000)
        .map(|bytes| (bytes, u32::MAX))
        .chain((2..80).map(|values| (1 << 16, values)))
    {
        let mut writer = TapeWriter::new();
        writer.begin(
            Language::Python,
            &Limits {
                tape_bytes,
                values,
                ..Limits::default()
            },
        );
        let name = writer.define_type(b"a.type");
        writer.exception(name, Link::Root, 0, false).unwrap();
        while !writer.is_full() && writer.values() < 40 {
            writer.exception(name, Link::Cause, 0, false);
        }
        writer.end_group();
        if !writer.is_full() {
            writer.section(Section::Frames);
            let file = b"a/file/with/a/long/path.py";
            while !writer.is_full() && writer.values() < 80 {
                writer.frame(FrameFlags::IN_APP, Location::default(), b"f", b"m", file);
            }
            writer.end_group();
        }
        let bytes = writer
            .finish(Some(Reason::Budget), Duration::ZERO)
            .unwrap()
            .to_vec();
        walk(&Tape::parse(&bytes).unwrap());
    }
}

#[test]
fn a_walker_that_ignores_the_budget_gets_no_tape_and_no_crash() {
    let mut writer = TapeWriter::new();
    writer.begin(
        Language::Python,
        &Limits {
            tape_bytes: 256,
            ..Limits::default()
        },
    );
    for _ in 0..10_000 {
        writer.ascii(b"on and on and on and on");
    }
    assert!(writer.is_full());
    assert_eq!(writer.finish(None, Duration::ZERO), None);
    assert_eq!(example(&mut writer), documented(), "the writer recovers");
}

#[test]
fn every_truncation_is_refused() {
    let bytes = example(&mut TapeWriter::new());
    for length in 0..bytes.len() {
        let mut cut = bytes[..length].to_vec();
        assert!(Tape::parse(&cut).is_err());
        if length >= HEADER_BYTES {
            cut[8..12].copy_from_slice(&(length as u32).to_le_bytes());
            assert!(Tape::parse(&cut).is_err(), "cut at {length}");
        }
    }
}

#[test]
fn errors_name_the_byte() {
    let mut bytes = example(&mut TapeWriter::new());
    bytes[HEADER_BYTES] = 0x7f;
    let error = Tape::parse(&bytes).unwrap_err();
    assert_eq!(error.offset(), HEADER_BYTES);
    assert_eq!(error.to_string(), "invalid tape: unknown opcode at byte 64");
}

#[test]
fn nesting_is_bounded() {
    let mut writer = TapeWriter::new();
    writer.begin(Language::Python, &Limits::default());
    writer
        .exception(TypeId::default(), Link::Root, 0, false)
        .unwrap();
    writer.end_group();
    writer.section(Section::Args);
    for _ in 0..100 {
        writer.list(TypeId::default(), 1).unwrap();
        writer.end_group();
    }
    writer.end_group();
    let bytes = writer.finish(None, Duration::ZERO).unwrap();
    assert!(
        Tape::parse(bytes)
            .unwrap_err()
            .to_string()
            .contains("nested too deep")
    );
}

proptest! {
    #[test]
    fn damaged_tapes_never_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = example(&mut TapeWriter::new());
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(tape) = Tape::parse(&bytes) {
            walk(&tape);
        }
    }

    #[test]
    fn noise_behind_a_header_never_panics(body in prop::collection::vec(any::<u8>(), 0..300), values in 0..40_u32, containers in 0..10_u32) {
        let mut bytes = example(&mut TapeWriter::new())[..HEADER_BYTES].to_vec();
        bytes[7] = Reason::Budget as u8;
        bytes.extend(body);
        let length = bytes.len() as u32;
        for (at, value) in [(8, length), (12, values), (16, containers)] {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        if let Ok(tape) = Tape::parse(&bytes) {
            walk(&tape);
        }
    }
}
