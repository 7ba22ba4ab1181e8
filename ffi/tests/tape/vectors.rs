//! `conformance/tapes/writer.json`: lists of calls, and the tape that every writer makes of them.
//!
//! `BLESS=1` writes the file anew; read the difference before committing it.

use serde_json::{Value as Json, json};
use stillframe_core::language::Language;
use stillframe_core::limits::Limits;

use crate::c_writer::{BUILDS, CWriter};
use crate::call::{Call, Writer, from_numbers, to_numbers, unhex};
use crate::compiler::folder;
use crate::read;
use crate::rust_writer::RustWriter;

const NANOS: u64 = 90_000;

struct Vector {
    name: String,
    language: Language,
    limits: Limits,
    calls: Vec<Call>,
    stop: u8,
}

fn played(mut writer: impl Writer, vector: &Vector) -> Option<Vec<u8>> {
    for call in &vector.calls {
        writer.call(call);
    }
    writer.finish(vector.stop, NANOS)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Vector {
    fn to_json(&self) -> Json {
        let tape = played(RustWriter::new(self.language, &self.limits), self).expect("a tape");
        json!({
            "name": self.name,
            "language": self.language as u8,
            "limits": to_numbers(&self.limits),
            "calls": self.calls.iter().map(Call::to_json).collect::<Vec<_>>(),
            "stop": self.stop,
            "nanoseconds": NANOS,
            "tape": hex(&tape),
        })
    }

    fn from_json(vector: &Json) -> Self {
        let number = |value: &Json| value.as_u64().expect("a number") as u32;
        Self {
            name: vector["name"].as_str().expect("a name").to_owned(),
            language: Language::from_code(number(&vector["language"]) as u8).expect("a language"),
            limits: from_numbers(std::array::from_fn(|at| number(&vector["limits"][at]))),
            calls: vector["calls"]
                .as_array()
                .expect("calls")
                .iter()
                .map(Call::from_json)
                .collect(),
            stop: number(&vector["stop"]) as u8,
        }
    }
}

/// A tape with one exception, in whose args or attributes the calls put something.
fn inside(name: &str, section: u8, limits: Limits, calls: Vec<Call>) -> Vector {
    let before = [
        Call::DefineType(b"std::runtime_error".to_vec()),
        Call::Exception {
            of: 1,
            link: 0,
            parent: 0,
            message_unknown: false,
        },
        Call::EndGroup,
        Call::Section(section),
    ];
    let calls = before
        .into_iter()
        .chain(calls)
        .chain([Call::EndGroup])
        .collect();
    Vector {
        name: name.to_owned(),
        language: Language::Native,
        limits,
        calls,
        stop: 0,
    }
}

fn args(name: &str, calls: Vec<Call>) -> Vector {
    inside(
        name,
        6,
        Limits {
            string: 8,
            ..Limits::default()
        },
        calls,
    )
}

/// Texts of every length around which copying takes another way.
fn lengths(make: fn(Vec<u8>) -> Call) -> Vec<Call> {
    let lengths = (0..=34).chain([63, 64, 125, 126, 127, 254, 255, 256, 300]);
    lengths
        .map(|length| make((0..length).map(|at| b'a' + (at % 26) as u8).collect()))
        .collect()
}

fn made() -> Vec<Vector> {
    let utf8 = |text: &str| Call::Utf8(text.as_bytes().to_vec());
    let name = |text: &str| Call::Name(text.as_bytes().to_vec());
    let time = |kind, offset| Call::Time {
        kind,
        seconds: 86_399,
        nanos: 5_000,
        offset,
    };
    let full = |name: &str, limits: Limits, calls| {
        let mut vector = inside(name, 6, limits, calls);
        vector.stop = 6;
        vector
    };
    let ints = [
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
    ];
    let floats = [0.0, -0.0, 1.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let mut numbers: Vec<_> = ints.into_iter().map(Call::Int).collect();
    numbers.extend([Call::Uint(7), Call::Uint(u64::MAX)]);
    numbers.extend(floats.map(|value| Call::Float(value.to_bits())));
    numbers.extend([
        Call::BigInt {
            negative: false,
            bits: 65,
            head: 1 << 64,
        },
        Call::BigInt {
            negative: true,
            bits: 128,
            head: u128::MAX,
        },
        Call::BigInt {
            negative: true,
            bits: 332_193,
            head: 1 << 127 | 5,
        },
        Call::Null,
        Call::Bool(true),
        Call::Bool(false),
    ]);
    vec![
        args("numbers", numbers),
        args(
            "times",
            vec![
                time(0, -12_600),
                time(1, i32::MIN),
                time(2, i32::MIN),
                time(3, i32::MIN),
            ],
        ),
        args(
            "text whole and cut",
            vec![
                utf8(""),
                utf8("12345678"),
                utf8("123456789"),
                utf8("gr\u{fc}n"),
                utf8("\u{1f600}\u{e9}\u{20ac}"),
                Call::Rendered(b"COLOR_RED".to_vec()),
                Call::Latin1(b"caf\xe9".to_vec()),
                Call::Utf16(vec![0xd83d, 0xde00, 0x61, 0xd800]),
                Call::Utf32(vec![0x61, 0xd800, 0x1f600]),
                Call::Bytes(b"0123456789".to_vec()),
                Call::Bytes(Vec::new()),
            ],
        ),
        inside(
            "text of every length",
            6,
            Limits::default(),
            lengths(Call::Utf8),
        ),
        inside(
            "cut text of every length",
            6,
            Limits {
                string: 20,
                ..Limits::default()
            },
            lengths(Call::Utf8),
        ),
        inside(
            "names of every length",
            7,
            Limits::default(),
            lengths(Call::Name)
                .into_iter()
                .flat_map(|name| [name, Call::Null])
                .collect(),
        ),
        args(
            "types of scalars",
            vec![
                Call::DefineType(b"shop::Sku".to_vec()),
                Call::AsType(2),
                utf8("A-100"),
                Call::AsType(2),
                Call::Int(5),
            ],
        ),
        args(
            "hidden and missing values",
            vec![
                Call::Redacted {
                    reason: 7,
                    of: 0,
                    rule: "password".into(),
                },
                Call::Alias {
                    reason: 7,
                    of: 1,
                    rule: "token".into(),
                    length: 12,
                    hash: 0x1234_5678_9abc_def0,
                },
                Call::Skipped {
                    reason: 1,
                    of: 0,
                    size: Some(3),
                },
                Call::Skipped {
                    reason: 10,
                    of: 1,
                    size: None,
                },
                Call::Opaque(1),
                Call::Failed {
                    of: 0,
                    cause: "no such address".into(),
                },
                Call::Gap {
                    reason: 3,
                    count: 12,
                },
                Call::Gap {
                    reason: 5,
                    count: u32::MAX,
                },
            ],
        ),
        inside(
            "containers in level order",
            7,
            Limits::default(),
            vec![
                name("orders"),
                Call::List { of: 0, size: 40 },
                name("rates"),
                Call::Map { of: 0, size: 1 },
                Call::DefineShape {
                    of: 1,
                    names: vec!["sku".into(), "tags".into()],
                },
                name("line"),
                Call::Shaped(0),
                name("self"),
                Call::Reference(1),
                Call::EndGroup,
                Call::Object(0),
                Call::Gap {
                    reason: 3,
                    count: 39,
                },
                Call::EndGroup,
                utf8("EUR"),
                Call::Float(1.5_f64.to_bits()),
                Call::EndGroup,
                utf8("A-100"),
                Call::Absent,
                Call::EndGroup,
                name("id"),
                Call::Int(10_042),
            ],
        ),
        Vector {
            name: "a chain with frames".into(),
            language: Language::Native,
            limits: Limits::default(),
            calls: vec![
                Call::DefineType(b"shop::OrderFailed".to_vec()),
                Call::Exception {
                    of: 1,
                    link: 0,
                    parent: 0,
                    message_unknown: true,
                },
                Call::DefineType(b"std::system_error".to_vec()),
                Call::Exception {
                    of: 2,
                    link: 1,
                    parent: 0,
                    message_unknown: false,
                },
                Call::Gap {
                    reason: 16,
                    count: 2,
                },
                Call::EndGroup,
                Call::Section(4),
                utf8("order 1"),
                Call::Section(8),
                Call::Frame {
                    flags: 1,
                    location: [7, 8, 5, 9],
                    names: [b"pay".to_vec(), b"shop".to_vec(), b"src/shop.cpp".to_vec()],
                },
                Call::Frame {
                    flags: 16,
                    location: [0; 4],
                    names: [b"main".to_vec(), vec![], vec![b'/'; 1100]],
                },
                Call::EndGroup,
                Call::EndGroup,
                Call::Section(1),
                name("order"),
                Call::Int(1),
                Call::EndGroup,
            ],
            stop: 5,
        },
        full(
            "too many values",
            Limits {
                values: 4,
                ..Limits::default()
            },
            vec![
                Call::Int(1),
                Call::Int(2),
                Call::Int(3),
                Call::Int(4),
                Call::List { of: 0, size: 2 },
                Call::Gap {
                    reason: 6,
                    count: u32::MAX,
                },
            ],
        ),
        full(
            "too many bytes",
            Limits {
                tape_bytes: 128,
                ..Limits::default()
            },
            vec![
                Call::AsType(1),
                Call::Bytes(vec![7; 60]),
                utf8("no more"),
                Call::Gap {
                    reason: 6,
                    count: 3,
                },
            ],
        ),
        Vector {
            name: "no room for an exception and a frame".into(),
            language: Language::Native,
            limits: Limits {
                tape_bytes: 128,
                ..Limits::default()
            },
            calls: vec![
                Call::Exception {
                    of: 0,
                    link: 0,
                    parent: 0,
                    message_unknown: false,
                },
                Call::EndGroup,
                Call::Section(8),
                Call::Frame {
                    flags: 1,
                    location: [1; 4],
                    names: [b"f".to_vec(), vec![], vec![b'f'; 90]],
                },
                Call::EndGroup,
            ],
            stop: 6,
        },
    ]
}

#[test]
fn both_writers_make_the_tapes_of_the_vectors() {
    let file = folder("../conformance/tapes/writer.json");
    if std::env::var_os("BLESS").is_some() {
        let lines: Vec<_> = made()
            .iter()
            .map(|vector| format!("  {}", vector.to_json()))
            .collect();
        std::fs::write(&file, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    let text = std::fs::read_to_string(&file).expect("the vectors are checked in");
    let stored: Vec<Json> = serde_json::from_str(&text).unwrap();
    let listed: Vec<_> = made().iter().map(Vector::to_json).collect();
    assert_eq!(stored, listed, "run with BLESS=1 if the change is meant");
    for stored in &stored {
        let vector = Vector::from_json(stored);
        let tape = unhex(stored["tape"].as_str().unwrap());
        read(&tape);
        let theirs = played(RustWriter::new(vector.language, &vector.limits), &vector);
        assert_eq!(
            theirs.as_deref(),
            Some(&*tape),
            "the core's writer: {}",
            vector.name
        );
        for (build, writer) in BUILDS.iter().enumerate() {
            let room = vector.limits.tape_bytes as usize + 256;
            let ours = played(
                CWriter::new(writer, vector.language, &vector.limits, room),
                &vector,
            );
            assert_eq!(
                ours.as_deref(),
                Some(&*tape),
                "build {build}: {}",
                vector.name
            );
        }
    }
}
