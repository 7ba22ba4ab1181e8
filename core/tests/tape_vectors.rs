//! `conformance/tapes`: tapes that every reader must read alike, and tapes that every reader must refuse.
//!
//! `BLESS=1` writes the files anew; read the difference before committing it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as Json, json};
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::reason::Reason;
use stillframe_core::tape::{
    ContainerId, FrameFlags, HEADER_BYTES, Item, Link, Location, Section, ShapeNames, Tape,
    TapeWriter, TextFlags, TimeKind, TimeValue, TypeId,
};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../conformance/tapes")
        .join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

/// Runs the vectors of a file, or writes them with `BLESS=1`.
fn run(name: &str, made: Vec<Json>, check: impl Fn(&Json)) {
    if std::env::var_os("BLESS").is_some() {
        let lines: Vec<_> = made.iter().map(|vector| format!("  {vector}")).collect();
        std::fs::write(file(name), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    let text = std::fs::read_to_string(file(name)).expect("the vectors are checked in");
    let stored: Vec<Json> = serde_json::from_str(&text).unwrap();
    assert_eq!(
        stored.len(),
        made.len(),
        "vectors were added or removed: run with BLESS=1"
    );
    for (stored, made) in stored.iter().zip(&made) {
        assert_eq!(stored, made, "run with BLESS=1 if the change is meant");
        check(stored);
    }
}

/// One line per item, as `conformance/README.md` describes.
fn dump(tape: &Tape<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for id in 0..=tape.containers() {
        let id = ContainerId(id);
        if id.0 > 0 && !tape.is_captured(id) {
            lines.push(format!("{} missing {}", id.0, tape.stop().as_str()));
            continue;
        }
        let items = if id.0 == 0 {
            tape.root()
        } else {
            tape.group(id)
        };
        for item in items {
            lines.push(match item {
                Item::Section(section) => format!("{} section {}", id.0, section as u8),
                Item::Gap { reason, count } => format!(
                    "{} gap {} {}",
                    id.0,
                    reason.as_str(),
                    count.map_or("?".to_owned(), |count| count.to_string())
                ),
                Item::Value {
                    name,
                    as_type,
                    value,
                } => format!(
                    "{} {}{}{}",
                    id.0,
                    name.map_or(String::new(), |name| format!("{:?} = ", name.text)),
                    as_type.map_or(String::new(), |name| format!("({}) ", name.text)),
                    show(&value)
                ),
            });
        }
    }
    lines
}

fn show(value: &stillframe_core::tape::Value<'_>) -> String {
    use stillframe_core::tape::Value;
    let of = |name: &Option<stillframe_core::tape::Name<'_>>| {
        name.map_or("-".to_owned(), |name| name.text.to_owned())
    };
    let count = |count: Option<u32>| count.map_or("?".to_owned(), |count| count.to_string());
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Big(big) => match big.exact() {
            Some(value) => format!("big {}{value}", if big.negative { "-" } else { "" }),
            None => format!("big bits {} head {}", big.bits, hex(big.head)),
        },
        Value::Float(value) => format!("float bits {:016x}", value.to_bits()),
        Value::Time(time) => format!(
            "time {} {} {} {}",
            time.kind as u8,
            time.seconds,
            time.nanos,
            time.offset
                .map_or("?".to_owned(), |offset| offset.to_string())
        ),
        Value::Text(text) => {
            let (shown, total) = (text.shown(), text.total());
            let mark = if text.rendered() { "rendered " } else { "" };
            format!(
                "{mark}text {shown:?} of {total} ahead {}",
                text.with_lookahead().len() - shown.len()
            )
        }
        Value::Bytes { kept, total } => format!("bytes {} of {total}", hex(kept)),
        Value::Cleaned { text, rule, .. } => format!("cleaned {text:?} by {}", rule.text),
        Value::List {
            id,
            type_name,
            size,
        } => {
            format!("list #{} {} {}", id.0, of(type_name), count(*size))
        }
        Value::Map {
            id,
            type_name,
            size,
        } => {
            format!("map #{} {} {}", id.0, of(type_name), count(*size))
        }
        Value::Object { id, type_name } => format!("object #{} {}", id.0, of(type_name)),
        Value::Exception(exception) => format!(
            "exception #{} {} link {} parent {}",
            exception.id.0,
            of(&exception.type_name),
            exception.link as u8,
            exception.parent
        ),
        Value::Frame(frame) => format!(
            "frame #{} {:?} {:?} {:?} line {}-{} columns {}-{} flags {}",
            frame.id.0,
            frame.function.text,
            frame.module.text,
            frame.file.text,
            frame.line,
            frame.end_line,
            frame.column,
            frame.end_column,
            frame.flags.0
        ),
        Value::Ref(id) => format!("ref #{}", id.0),
        Value::Opaque { type_name } => format!("opaque {}", of(type_name)),
        Value::Redacted {
            reason,
            type_name,
            rule,
            alias,
        } => format!(
            "redacted {} {} by {}{}",
            reason.as_str(),
            of(type_name),
            rule.text,
            alias.map_or(String::new(), |(length, hash)| format!(
                " alias {length} {hash:016x}"
            ))
        ),
        Value::Skipped {
            reason,
            type_name,
            size,
        } => {
            format!(
                "skipped {} {} {}",
                reason.as_str(),
                of(type_name),
                count(*size)
            )
        }
        Value::Failed { type_name, cause } => format!("failed {} {}", of(type_name), cause.text),
        Value::Absent => "absent".into(),
    }
}

/// A tape with one exception in whose args `write` puts something.
fn with_args(write: impl FnOnce(&mut TapeWriter)) -> Vec<u8> {
    let mut writer = TapeWriter::new();
    writer.begin(
        Language::Python,
        &Limits {
            string: 8,
            ..Limits::default()
        },
    );
    let name = writer.define_type(b"ValueError");
    writer.exception(name, Link::Root, 0, false).unwrap();
    writer.end_group();
    writer.section(Section::Args);
    write(&mut writer);
    writer.end_group();
    writer
        .finish(None, Duration::from_micros(90))
        .unwrap()
        .to_vec()
}

fn read_alike() -> Vec<(&'static str, Vec<u8>)> {
    let plain = TypeId::default();
    let time = |kind, offset| TimeValue {
        kind,
        seconds: 86_399,
        nanos: 5_000,
        offset,
    };
    let mut tapes = vec![
        ("no value", with_args(|_| {})),
        (
            "null and booleans",
            with_args(|w| {
                w.null();
                w.bool(true);
                w.bool(false);
            }),
        ),
        (
            "integers of every width",
            with_args(|w| {
                for value in [
                    0,
                    127,
                    -128,
                    128,
                    -129,
                    0x7fff_ffff,
                    -0x8000_0000,
                    0x8000_0000,
                    i64::MIN,
                    i64::MAX,
                ] {
                    w.int(value);
                }
                w.uint(u64::MAX);
                w.big_int(false, 65, 1 << 64);
                w.big_int(true, 128, u128::MAX);
                w.big_int(true, 332_193, (1 << 127) | 5);
            }),
        ),
        (
            "floats",
            with_args(|w| {
                for value in [0.0, -0.0, 1.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                    w.float(value);
                }
            }),
        ),
        (
            "times",
            with_args(|w| {
                w.time(time(TimeKind::DateTime, Some(-12_600)));
                w.time(time(TimeKind::Date, None));
                w.time(time(TimeKind::TimeOfDay, None));
                w.time(time(TimeKind::Duration, None));
            }),
        ),
        (
            "text whole and cut",
            with_args(|w| {
                w.ascii(b"");
                w.ascii(b"12345678");
                w.ascii(b"123456789");
                w.utf8("gr\u{fc}n", TextFlags::NONE);
                w.utf8("1.50", TextFlags::RENDERED);
            }),
        ),
        (
            "text in every encoding",
            with_args(|w| {
                w.latin1(b"caf\xe9");
                w.utf16(&[0x3d, 0xd8, 0x00, 0xde, 0x61, 0x00], 3);
                w.utf16(&[0x00, 0xd8], 1);
                w.utf32(&[0x61, 0, 0, 0, 0x00, 0xd8, 0, 0], 2);
            }),
        ),
        (
            "bytes",
            with_args(|w| {
                w.binary(b"\x00\xff");
                w.binary(b"0123456789");
            }),
        ),
        (
            "a subclass of a string",
            with_args(|w| {
                let name = w.define_type(b"shop.Sku");
                w.as_type(name);
                w.ascii(b"A-100");
                w.as_type(name);
                w.int(5);
            }),
        ),
        (
            "hidden and missing values",
            with_args(|w| {
                w.redacted(Reason::RedactedIdent, plain, "password", None);
                w.redacted(
                    Reason::RedactedIdent,
                    plain,
                    "token",
                    Some((12, 0x1234_5678_9abc_def0)),
                );
                w.skipped(Reason::Depth, plain, Some(3));
                w.skipped(Reason::Unbound, plain, None);
                w.opaque(plain);
                w.failed(plain, "layout changed");
                w.gap(Reason::CollectionSize, Some(12));
                w.gap(Reason::Timeout, None);
            }),
        ),
    ];
    let mut writer = TapeWriter::new();
    writer.begin(Language::Java, &Limits::default());
    let name = writer.define_type(b"shop.OrderFailed");
    writer.exception(name, Link::Root, 0, true).unwrap();
    let cause = writer.define_type(b"java.io.IOException");
    writer.exception(cause, Link::Cause, 0, false).unwrap();
    writer.exception(cause, Link::Member, 1, false).unwrap();
    writer.gap(Reason::Chain, Some(2));
    writer.end_group();
    writer.section(Section::Message);
    writer.ascii(b"order 1");
    writer.section(Section::Notes);
    writer.ascii(b"while paying");
    writer.section(Section::Attributes);
    assert!(writer.name(b"order_id"));
    writer.int(1);
    writer.section(Section::Frames);
    let at = Location {
        line: 7,
        end_line: 8,
        column: 5,
        end_column: 9,
    };
    writer
        .frame(
            FrameFlags::IN_APP.and(FrameFlags::COROUTINE),
            at,
            b"pay",
            b"shop.Views",
            b"Views.java",
        )
        .unwrap();
    writer.gap(Reason::Frames, Some(30));
    writer
        .frame(
            FrameFlags::NO_VARIABLES,
            Location::default(),
            b"main",
            b"shop.Main",
            b"Main.java",
        )
        .unwrap();
    writer.end_group();
    writer.end_group();
    writer.end_group();
    writer.section(Section::Arguments);
    assert!(writer.name(b"this"));
    let item = writer.define_type(b"shop.Item");
    let shape = {
        let names: [&[u8]; 2] = [b"sku", b"tags"];
        let names = ShapeNames::new(names.into_iter()).unwrap();
        writer.define_shape(item, &names).unwrap()
    };
    writer.shaped(shape).unwrap();
    writer.section(Section::Locals);
    assert!(writer.name(b"rates"));
    writer.map(plain, 1).unwrap();
    assert!(writer.name(&b"x".repeat(300)));
    writer.object(plain).unwrap();
    writer.section(Section::Statics);
    assert!(writer.name(b"LIMIT"));
    writer.int(3);
    writer.end_group();
    writer.end_group();
    writer.ascii(b"A-100");
    writer.absent();
    writer.end_group();
    writer.ascii(b"EUR");
    writer.list(plain, 40).unwrap();
    writer.end_group();
    assert!(writer.name(b"self"));
    writer.reference(ContainerId(6));
    writer.end_group();
    let whole = writer
        .finish(Some(Reason::Timeout), Duration::from_secs(9))
        .unwrap()
        .to_vec();
    tapes.push((
        "a chain with frames, shapes, references and an early end",
        whole,
    ));
    tapes
}

/// Damages a good tape: name, and what is done to it.
fn refused() -> Vec<(&'static str, Vec<u8>)> {
    let whole = with_args(|w| w.ascii(b"abc"));
    let good = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        edit(&mut bytes);
        bytes
    };
    let body = |ops: &[u8], values: u32, containers: u32| {
        let mut bytes = with_args(|_| {})[..HEADER_BYTES].to_vec();
        bytes.extend_from_slice(ops);
        let length = bytes.len() as u32;
        for (at, value) in [(8, length), (12, values), (16, containers)] {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    };
    const EXC: [u8; 10] = [0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0x01];
    let inside = |ops: &[u8], values: u32, containers: u32| {
        body(
            &[&EXC[..], &[0x03, 0x06], ops, &[0x01]].concat(),
            values + 1,
            containers + 1,
        )
    };
    vec![
        ("empty", Vec::new()),
        ("half a header", good(&|b| b.truncate(30))),
        ("wrong magic", good(&|b| b[0] = b'S')),
        ("newer version", good(&|b| b[4] = 2)),
        ("unknown language", good(&|b| b[6] = 9)),
        ("unknown stop reason", good(&|b| b[7] = 99)),
        ("wrong length", good(&|b| b.push(0))),
        ("reserved bytes used", good(&|b| b[60] = 1)),
        ("wrong number of values", good(&|b| b[12] += 1)),
        ("wrong number of containers", good(&|b| b[16] += 1)),
        ("a group is missing without a reason", body(&EXC, 1, 1)),
        ("no exception", body(&[0x01], 0, 0)),
        ("zeroes", body(&[0; 8], 0, 0)),
        ("unknown opcode", inside(&[0x7f], 1, 0)),
        (
            "value before a section",
            body(&[&EXC[..], &[0x10, 0x01]].concat(), 2, 1),
        ),
        (
            "section of a frame in an exception",
            body(&[&EXC[..], &[0x03, 0x01, 0x01]].concat(), 1, 1),
        ),
        (
            "name where none may stand",
            inside(&[0x81, b'a', 0x10], 1, 0),
        ),
        (
            "field without a name",
            inside(&[0x32, 0, 0, 0x01, 0x10], 2, 1),
        ),
        (
            "text that is not UTF-8",
            inside(&[0x20, 2, 0xc3, 0x28], 1, 0),
        ),
        (
            "text beyond the end",
            inside(&[0x21, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0], 1, 0),
        ),
        (
            "half a UTF-16 unit",
            inside(&[0x23, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, b'a'], 1, 0),
        ),
        (
            "unknown text flag",
            inside(&[0x21, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1, 0),
        ),
        ("undefined type", inside(&[0x30, 7, 0, 0, 0, 0, 0], 1, 1)),
        ("undefined shape", inside(&[0x33, 0, 0], 1, 1)),
        ("reference forward", inside(&[0x40, 9, 0, 0, 0], 1, 0)),
        ("reference to nothing", inside(&[0x40, 0, 0, 0, 0], 1, 0)),
        (
            "frame among the args",
            inside(&[&[0x35][..], &[0; 17], &[0x80; 3]].concat(), 1, 1),
        ),
        ("exception among the args", inside(&EXC[..9], 1, 1)),
        ("absent outside a shape", inside(&[0x46], 1, 0)),
        (
            "key without a value",
            inside(&[0x31, 0, 0, 1, 0, 0, 0, 0x01, 0x10], 2, 1),
        ),
        (
            "hidden for the reason depth",
            inside(&[0x42, 1, 0, 0, 0x80], 1, 0),
        ),
        (
            "integer with a leading zero byte",
            inside(&[0x18, 0, 65, 0, 0, 0, 2, 0, 1], 1, 0),
        ),
        (
            "integer with fewer bits than it says",
            inside(&[0x18, 0, 16, 0, 0, 0, 2, 0x7f, 0xff], 1, 0),
        ),
        (
            "integer without bytes",
            inside(&[0x18, 0, 0, 0, 0, 0, 0], 1, 0),
        ),
        (
            "long integer whose first bit is 0",
            inside(
                &[&[0x18, 0, 200, 0, 0, 0, 16, 0x7f][..], &[0; 15]].concat(),
                1,
                0,
            ),
        ),
        (
            "integer of 17 bytes",
            inside(
                &[&[0x18, 0, 136, 0, 0, 0, 17, 0xff][..], &[0; 16]].concat(),
                1,
                0,
            ),
        ),
        (
            "a second of nanoseconds",
            inside(
                &[&[0x19, 0][..], &[0; 8], &[0, 0xca, 0x9a, 0x3b], &[0; 4]].concat(),
                1,
                0,
            ),
        ),
        (
            "AS before a container",
            inside(
                &[0x04, 0x81, b't', 0x06, 1, 0, 0x30, 0, 0, 0, 0, 0, 0],
                1,
                1,
            ),
        ),
        (
            "more kept bytes than there were",
            inside(&[0x25, 2, 0, 0, 0, 1, 0, 0, 0, 1, 2], 1, 0),
        ),
        (
            "a second captured exception",
            body(&[&EXC[..9], &EXC[..9], &[0x01]].concat(), 2, 2),
        ),
        (
            "bytes after the last group",
            body(&[&EXC[..], &[0x01, 0x01]].concat(), 1, 1),
        ),
    ]
}

#[test]
fn tapes_read_alike() {
    let made = read_alike()
        .into_iter()
        .map(|(name, bytes)| {
            let tape = Tape::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            json!({ "name": name, "tape": hex(&bytes), "items": dump(&tape) })
        })
        .collect();
    run("read.json", made, |vector| {
        let bytes = unhex(vector["tape"].as_str().unwrap());
        let lines: Vec<String> = serde_json::from_value(vector["items"].clone()).unwrap();
        assert_eq!(
            dump(&Tape::parse(&bytes).unwrap()),
            lines,
            "{}",
            vector["name"]
        );
    });
}

#[test]
fn damaged_tapes_are_refused() {
    let made = refused()
        .into_iter()
        .map(|(name, bytes)| {
            let error = Tape::parse(&bytes).err().unwrap_or_else(|| panic!("{name} was accepted"));
            json!({ "name": name, "tape": hex(&bytes), "error": error.to_string(), "offset": error.offset() })
        })
        .collect();
    run("refused.json", made, |vector| {
        let bytes = unhex(vector["tape"].as_str().unwrap());
        assert_eq!(
            Tape::parse(&bytes).unwrap_err().to_string(),
            vector["error"],
            "{}",
            vector["name"]
        );
    });
}
