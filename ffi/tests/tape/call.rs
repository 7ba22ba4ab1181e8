//! A call of a tape writer as data: what the vectors hold and what both writers are given.

use serde_json::{Value as Json, json};
use stillframe_core::limits::{LimitKnob, Limits};

/// One call. Types are numbered from 1 in the order of their definition (0: the value's own), shapes from 0, containers from 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Call {
    EndGroup,
    Gap {
        reason: u8,
        count: u32,
    },
    Section(u8),
    Name(Vec<u8>),
    DefineType(Vec<u8>),
    DefineShape {
        of: u16,
        names: Vec<String>,
    },
    AsType(u16),
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    BigInt {
        negative: bool,
        bits: u32,
        head: u128,
    },
    Float(u64),
    Time {
        kind: u8,
        seconds: i64,
        nanos: u32,
        offset: i32,
    },
    Utf8(Vec<u8>),
    Rendered(Vec<u8>),
    Latin1(Vec<u8>),
    Utf16(Vec<u16>),
    Utf32(Vec<u32>),
    Bytes(Vec<u8>),
    List {
        of: u16,
        size: usize,
    },
    Map {
        of: u16,
        size: usize,
    },
    Object(u16),
    Shaped(i32),
    Exception {
        of: u16,
        link: u8,
        parent: u32,
        message_unknown: bool,
    },
    Frame {
        flags: u8,
        location: [u32; 4],
        names: [Vec<u8>; 3],
    },
    Reference(u32),
    Opaque(u16),
    Skipped {
        reason: u8,
        of: u16,
        size: Option<usize>,
    },
    Redacted {
        reason: u8,
        of: u16,
        rule: String,
    },
    Alias {
        reason: u8,
        of: u16,
        rule: String,
        length: u32,
        hash: u64,
    },
    Failed {
        of: u16,
        cause: String,
    },
    Absent,
}

/// What a call answers: the number of what it made, or 1 for yes; 0 for no. Calls without an answer say 1.
pub(crate) type Answer = i64;

/// A tape writer, the core's or that of the C header.
pub(crate) trait Writer {
    fn call(&mut self, call: &Call) -> Answer;
    fn is_full(&self) -> bool;
    fn values(&self) -> u32;
    /// Ends the writing; `None` if there is no tape.
    fn finish(self, stop: u8, nanos: u64) -> Option<Vec<u8>>;
}

impl Call {
    /// The call as a vector has it: its name and its arguments.
    pub(crate) fn to_json(&self) -> Json {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("vectors hold text");
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        match self {
            Self::EndGroup => json!(["end_group"]),
            Self::Gap { reason, count } => json!(["gap", reason, count]),
            Self::Section(section) => json!(["section", section]),
            Self::Name(name) => json!(["name", text(name)]),
            Self::DefineType(name) => json!(["define_type", text(name)]),
            Self::DefineShape { of, names } => json!(["define_shape", of, names]),
            Self::AsType(of) => json!(["as_type", of]),
            Self::Null => json!(["null"]),
            Self::Bool(value) => json!(["bool", value]),
            Self::Int(value) => json!(["int", value]),
            Self::Uint(value) => json!(["uint", value]),
            Self::BigInt {
                negative,
                bits,
                head,
            } => {
                json!(["big_int", negative, bits, hex(&head.to_be_bytes())])
            }
            Self::Float(bits) => json!(["float", hex(&bits.to_be_bytes())]),
            Self::Time {
                kind,
                seconds,
                nanos,
                offset,
            } => json!(["time", kind, seconds, nanos, offset]),
            Self::Utf8(value) => json!(["utf8", text(value)]),
            Self::Rendered(value) => json!(["rendered", text(value)]),
            Self::Latin1(value) => json!(["latin1", hex(value)]),
            Self::Utf16(units) => json!(["utf16", units]),
            Self::Utf32(units) => json!(["utf32", units]),
            Self::Bytes(value) => json!(["bytes", hex(value)]),
            Self::List { of, size } => json!(["list", of, size]),
            Self::Map { of, size } => json!(["map", of, size]),
            Self::Object(of) => json!(["object", of]),
            Self::Shaped(shape) => json!(["shaped", shape]),
            Self::Exception {
                of,
                link,
                parent,
                message_unknown,
            } => {
                json!(["exception", of, link, parent, message_unknown])
            }
            Self::Frame {
                flags,
                location,
                names,
            } => {
                json!([
                    "frame",
                    flags,
                    location,
                    names.each_ref().map(|name| text(name))
                ])
            }
            Self::Reference(container) => json!(["reference", container]),
            Self::Opaque(of) => json!(["opaque", of]),
            Self::Skipped { reason, of, size } => json!(["skipped", reason, of, size]),
            Self::Redacted { reason, of, rule } => json!(["redacted", reason, of, rule]),
            Self::Alias {
                reason,
                of,
                rule,
                length,
                hash,
            } => {
                json!(["alias", reason, of, rule, length, hex(&hash.to_be_bytes())])
            }
            Self::Failed { of, cause } => json!(["failed", of, cause]),
            Self::Absent => json!(["absent"]),
        }
    }

    /// The reverse of [`Call::to_json`].
    pub(crate) fn from_json(call: &Json) -> Self {
        let word = call[0].as_str().expect("a call begins with its name");
        let text = |at: usize| call[at].as_str().expect(word).to_owned();
        let bytes = |at: usize| text(at).into_bytes();
        let hex = |at: usize| unhex(call[at].as_str().expect(word));
        let int = |at: usize| call[at].as_i64().expect(word);
        let flag = |at: usize| call[at].as_bool().expect(word);
        let list = |at: usize| call[at].as_array().expect(word);
        let head = |at: usize| {
            hex(at)
                .iter()
                .fold(0, |head: u128, &byte| head << 8 | u128::from(byte))
        };
        match word {
            "end_group" => Self::EndGroup,
            "gap" => Self::Gap {
                reason: int(1) as u8,
                count: int(2) as u32,
            },
            "section" => Self::Section(int(1) as u8),
            "name" => Self::Name(bytes(1)),
            "define_type" => Self::DefineType(bytes(1)),
            "define_shape" => Self::DefineShape {
                of: int(1) as u16,
                names: list(2)
                    .iter()
                    .map(|name| name.as_str().expect(word).to_owned())
                    .collect(),
            },
            "as_type" => Self::AsType(int(1) as u16),
            "null" => Self::Null,
            "bool" => Self::Bool(flag(1)),
            "int" => Self::Int(int(1)),
            "uint" => Self::Uint(call[1].as_u64().expect(word)),
            "big_int" => Self::BigInt {
                negative: flag(1),
                bits: int(2) as u32,
                head: head(3),
            },
            "float" => Self::Float(head(1) as u64),
            "time" => Self::Time {
                kind: int(1) as u8,
                seconds: int(2),
                nanos: int(3) as u32,
                offset: int(4) as i32,
            },
            "utf8" => Self::Utf8(bytes(1)),
            "rendered" => Self::Rendered(bytes(1)),
            "latin1" => Self::Latin1(hex(1)),
            "utf16" => Self::Utf16(
                list(1)
                    .iter()
                    .map(|unit| unit.as_u64().expect(word) as u16)
                    .collect(),
            ),
            "utf32" => Self::Utf32(
                list(1)
                    .iter()
                    .map(|unit| unit.as_u64().expect(word) as u32)
                    .collect(),
            ),
            "bytes" => Self::Bytes(hex(1)),
            "list" => Self::List {
                of: int(1) as u16,
                size: int(2) as usize,
            },
            "map" => Self::Map {
                of: int(1) as u16,
                size: int(2) as usize,
            },
            "object" => Self::Object(int(1) as u16),
            "shaped" => Self::Shaped(int(1) as i32),
            "exception" => Self::Exception {
                of: int(1) as u16,
                link: int(2) as u8,
                parent: int(3) as u32,
                message_unknown: flag(4),
            },
            "frame" => Self::Frame {
                flags: int(1) as u8,
                location: std::array::from_fn(|at| call[2][at].as_u64().expect(word) as u32),
                names: std::array::from_fn(|at| {
                    call[3][at].as_str().expect(word).as_bytes().to_vec()
                }),
            },
            "reference" => Self::Reference(int(1) as u32),
            "opaque" => Self::Opaque(int(1) as u16),
            "skipped" => Self::Skipped {
                reason: int(1) as u8,
                of: int(2) as u16,
                size: call[3].as_u64().map(|size| size as usize),
            },
            "redacted" => Self::Redacted {
                reason: int(1) as u8,
                of: int(2) as u16,
                rule: text(3),
            },
            "alias" => Self::Alias {
                reason: int(1) as u8,
                of: int(2) as u16,
                rule: text(3),
                length: int(4) as u32,
                hash: head(5) as u64,
            },
            "failed" => Self::Failed {
                of: int(1) as u16,
                cause: text(2),
            },
            "absent" => Self::Absent,
            _ => panic!("unknown call {word}"),
        }
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Limits in the order of their fields, times in microseconds.
pub(crate) fn to_numbers(limits: &Limits) -> [u32; 10] {
    LimitKnob::ALL.map(|knob| knob.get(limits) as u32)
}

/// The reverse of [`to_numbers`].
pub(crate) fn from_numbers(numbers: [u32; 10]) -> Limits {
    let mut limits = Limits::default();
    for (knob, number) in LimitKnob::ALL.into_iter().zip(numbers) {
        knob.set(&mut limits, number.into());
    }
    limits
}
