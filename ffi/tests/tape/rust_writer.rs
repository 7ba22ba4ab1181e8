//! Calls on the core's writer: what the C writer is compared with.

use std::time::Duration;

use stillframe_core::language::Language;
use stillframe_core::limits::Limits;
use stillframe_core::reason::Reason;
use stillframe_core::tape::{
    ContainerId, FrameFlags, Link, Location, Section, ShapeId, ShapeNames, TapeWriter, TextFlags,
    TimeKind, TimeValue, TypeId,
};

use crate::call::{Answer, Call, Writer};

/// Opcode of text of the long form.
const STR: u8 = 0x21;

pub(crate) struct RustWriter {
    tape: TapeWriter,
    types: Vec<TypeId>,
    shapes: Vec<ShapeId>,
    /// Cut texts of which the C writer tells the length in bytes: where they stand, and that length.
    bytes: Vec<(usize, u32)>,
    limits: Limits,
}

impl RustWriter {
    pub(crate) fn new(language: Language, limits: &Limits) -> Self {
        let mut tape = TapeWriter::new();
        tape.begin(language, limits);
        Self {
            tape,
            types: vec![TypeId::OWN],
            shapes: Vec::new(),
            bytes: Vec::new(),
            limits: *limits,
        }
    }

    fn text(&mut self, text: &[u8], flags: TextFlags) {
        let text = std::str::from_utf8(text).expect("the core's writer takes valid text");
        let before = self.tape.bytes();
        self.tape.utf8(text, flags);
        let is_long = self.tape.bytes() >= before + 12;
        if is_long && text.chars().count() > self.limits.string as usize {
            self.bytes.push((before, text.len() as u32));
        }
    }
}

impl Writer for RustWriter {
    fn call(&mut self, call: &Call) -> Answer {
        let number = |id: Option<ContainerId>| id.map_or(0, |id| id.0.into());
        let types = &self.types;
        let of = |of: &u16| types[usize::from(*of)];
        let reason = |code: &u8| Reason::from_code(*code).expect("a reason");
        let tape = &mut self.tape;
        match call {
            Call::EndGroup => tape.end_group(),
            Call::Gap { reason: why, count } => {
                tape.gap(reason(why), (*count != u32::MAX).then_some(*count));
            }
            Call::Section(section) => tape.section(SECTIONS[usize::from(*section) - 1]),
            Call::Name(name) => return tape.name(name).into(),
            Call::DefineType(name) => {
                let id = tape.define_type(name);
                if id == TypeId::OWN {
                    return 0;
                }
                self.types.push(id);
                return self.types.len() as i64 - 1;
            }
            Call::DefineShape { of: id, names } => {
                let names = ShapeNames::new(names.iter().map(String::as_bytes));
                let Some(id) = names.and_then(|names| tape.define_shape(of(id), &names)) else {
                    return -1;
                };
                self.shapes.push(id);
                return self.shapes.len() as i64 - 1;
            }
            Call::AsType(id) => tape.as_type(of(id)),
            Call::Null => tape.null(),
            Call::Bool(value) => tape.bool(*value),
            Call::Int(value) => tape.int(*value),
            Call::Uint(value) => tape.uint(*value),
            Call::BigInt {
                negative,
                bits,
                head,
            } => tape.big_int(*negative, *bits, *head),
            Call::Float(bits) => tape.float(f64::from_bits(*bits)),
            Call::Time {
                kind,
                seconds,
                nanos,
                offset,
            } => tape.time(TimeValue {
                kind: TIMES[usize::from(*kind)],
                seconds: *seconds,
                nanos: *nanos,
                offset: (*offset != i32::MIN).then_some(*offset),
            }),
            Call::Utf8(text) => self.text(text, TextFlags::NONE),
            Call::Rendered(text) => self.text(text, TextFlags::RENDERED),
            Call::Latin1(text) => tape.latin1(text),
            Call::Utf16(units) => {
                let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                tape.utf16(&bytes, units.len());
            }
            Call::Utf32(units) => {
                let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                tape.utf32(&bytes, units.len());
            }
            Call::Bytes(bytes) => tape.binary(bytes),
            Call::List { of: id, size } => return number(tape.list(of(id), *size)),
            Call::Map { of: id, size } => return number(tape.map(of(id), *size)),
            Call::Object(id) => return number(tape.object(of(id))),
            Call::Shaped(shape) => match usize::try_from(*shape) {
                Ok(shape) => return number(tape.shaped(self.shapes[shape])),
                Err(_) => {
                    tape.skipped(Reason::Budget, TypeId::OWN, None);
                    return 0;
                }
            },
            Call::Exception {
                of: id,
                link,
                parent,
                message_unknown,
            } => {
                let link = LINKS[usize::from(*link)];
                return number(tape.exception(of(id), link, *parent, *message_unknown));
            }
            Call::Frame {
                flags,
                location,
                names: [function, module, file],
            } => {
                let [line, end_line, column, end_column] = *location;
                let location = Location {
                    line,
                    end_line,
                    column,
                    end_column,
                };
                return number(tape.frame(FrameFlags(*flags), location, function, module, file));
            }
            // What the number of a container that had no room stands for.
            Call::Reference(0) => tape.skipped(Reason::Budget, TypeId::OWN, None),
            Call::Reference(container) => tape.reference(ContainerId(*container)),
            Call::Opaque(id) => tape.opaque(of(id)),
            Call::Skipped {
                reason: why,
                of: id,
                size,
            } => tape.skipped(reason(why), of(id), *size),
            Call::Redacted {
                reason: why,
                of: id,
                rule,
            } => tape.redacted(reason(why), of(id), rule, None),
            Call::Alias {
                reason: why,
                of: id,
                rule,
                length,
                hash,
            } => {
                tape.redacted(reason(why), of(id), rule, Some((*length, *hash)));
            }
            Call::Failed { of: id, cause } => tape.failed(of(id), cause),
            Call::Absent => tape.absent(),
        }
        1
    }

    fn is_full(&self) -> bool {
        self.tape.is_full()
    }

    fn values(&self) -> u32 {
        self.tape.values()
    }

    fn finish(mut self, stop: u8, nanos: u64) -> Option<Vec<u8>> {
        let stop = Reason::from_code(stop);
        let mut tape = self
            .tape
            .finish(stop, Duration::from_nanos(nanos))?
            .to_vec();
        for (at, bytes) in self.bytes {
            assert_eq!(tape[at], STR);
            tape[at + 8..at + 12].copy_from_slice(&bytes.to_le_bytes());
        }
        Some(tape)
    }
}

const SECTIONS: [Section; 8] = [
    Section::Arguments,
    Section::Locals,
    Section::Statics,
    Section::Message,
    Section::Notes,
    Section::Args,
    Section::Attributes,
    Section::Frames,
];
const LINKS: [Link; 4] = [Link::Root, Link::Cause, Link::Context, Link::Member];
const TIMES: [TimeKind; 4] = [
    TimeKind::DateTime,
    TimeKind::Date,
    TimeKind::TimeOfDay,
    TimeKind::Duration,
];
