//! One value of the program onto the tape: by its description, which lies in the program's memory too.

use std::fmt::Write as _;

use stillframe_core::reason::Reason;
use stillframe_core::redact::{Mode, STRICT, ValueKind};
use stillframe_core::tape::{ContainerId, TextFlags, TypeId};

use super::copies::Copies;
use super::layout::{
    self, KIND_BOOL, KIND_BYTES, KIND_CHAR, KIND_FLOAT, KIND_INT, KIND_OPAQUE, KIND_POINTER,
    KIND_STRING, KIND_STRUCT, KIND_TO, KIND_UINT, KIND_VIEW, View,
};
use super::text::{Ends, Short};
use super::walk::{Content, Walk, without_struct};

/// Pointers, and objects that stand for one other, followed to get to one value.
pub(crate) const MAX_FOLLOWED: u32 = 8;

/// Where a value is and what it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    pub(crate) address: usize,
    /// Where the description of its type is; of one item, if it is several.
    pub(crate) kind: usize,
    /// Its bytes, all items together; 0: `count` items wherever they are.
    pub(crate) size: usize,
    pub(crate) count: usize,
    /// How many references lead to it from a variable.
    pub(crate) depth: u32,
}

/// A description, read once per tape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) at: usize,
    pub(crate) layout: layout::Type,
    /// On the tape being written.
    pub(crate) id: TypeId,
    pub(crate) is_hidden: bool,
}

/// Why an object cannot be looked into.
pub(crate) enum Blind {
    /// It cannot be read.
    Bad,
    /// What would look is no code of the program.
    Foreign,
}

impl Walk<'_> {
    /// Writes one value, whatever it is: exactly one.
    pub(crate) fn value(&mut self, given: Given) {
        let Some(known) = self.known(given.kind) else {
            self.tools
                .writer
                .failed(TypeId::OWN, "its description cannot be read");
            return;
        };
        if known.is_hidden {
            return self.hide_type(known);
        }
        let one = known.layout.size as usize;
        let count = match given.size {
            0 => given.count,
            size if one > 0 && size > one => size / one,
            _ => 1,
        };
        match known.layout.kind {
            KIND_OPAQUE => self.tools.writer.opaque(known.id),
            KIND_BYTES => self.bytes(known, given.address, count * one.max(1)),
            KIND_CHAR if given.size != one => {
                let id = self.array_type(known, count);
                self.text(id, given.address, Ends::ZeroWithin(count));
            }
            KIND_UINT if one == 1 && given.size != one => self.bytes(known, given.address, count),
            _ if given.size != 0 && count == 1 => self.one(known, given.address, given.depth),
            _ => self.items(known, given.address, count, given.depth, None),
        }
    }

    /// One item.
    fn one(&mut self, known: Known, address: usize, depth: u32) {
        // A description can lead to itself: a pointer to a pointer to a pointer.
        if self.followed >= MAX_FOLLOWED {
            let writer = &mut self.tools.writer;
            return writer.skipped(Reason::Depth, known.id, None);
        }
        self.followed += 1;
        self.follow(known, address, depth);
        self.followed -= 1;
    }

    fn follow(&mut self, known: Known, address: usize, depth: u32) {
        match known.layout.kind {
            KIND_INT | KIND_UINT | KIND_BOOL | KIND_CHAR | KIND_FLOAT => {
                self.number(known, address);
            }
            KIND_STRING | KIND_POINTER | KIND_TO => {
                let Some(target) = self.tools.memory.get::<usize>(address) else {
                    return self.unreadable(known, address);
                };
                self.pointer(known, target, depth);
            }
            KIND_STRUCT => self.object(known, known.id, address, depth),
            KIND_VIEW => self.view(known, address, depth),
            _ => self.tools.writer.opaque(known.id),
        }
    }

    fn pointer(&mut self, known: Known, target: usize, depth: u32) {
        let writer = &mut self.tools.writer;
        if target == 0 {
            writer.as_type(known.id);
            writer.null();
            return;
        }
        match known.layout.kind {
            KIND_STRING => self.text(known.id, target, Ends::Zero),
            KIND_TO => {
                let Some(item) = self.known(known.layout.item) else {
                    return self.unreadable(known, known.layout.item);
                };
                if item.is_hidden {
                    return self.hide_type(item);
                }
                if item.layout.kind == KIND_STRUCT {
                    return self.object(item, known.id, target, depth);
                }
                self.one(item, target, depth);
            }
            _ => {
                let mut text = Short::<20>::new();
                let _ = write!(text, "{target:#x}");
                self.typed(known);
                let writer = &mut self.tools.writer;
                writer.utf8(text.as_str(), TextFlags::RENDERED);
            }
        }
    }

    fn number(&mut self, known: Known, address: usize) {
        let size = (known.layout.size as usize).min(16);
        let mut bytes = [0_u8; 16];
        if size == 0 || self.tools.memory.read(address, &mut bytes[..size]) < size {
            return self.unreadable(known, address);
        }
        let bits = u128::from_le_bytes(bytes);
        let signed = || {
            let unused = 128 - 8 * size as u32;
            (bits as i128) << unused >> unused
        };
        if known.layout.kind == KIND_CHAR {
            return self.character(known, bytes[0]);
        }
        if known.layout.kind == KIND_FLOAT && !matches!(size, 4 | 8 | 16) {
            return self.tools.writer.opaque(known.id);
        }
        self.typed(known);
        let writer = &mut self.tools.writer;
        match known.layout.kind {
            KIND_BOOL => writer.bool(bits != 0),
            KIND_FLOAT => match size {
                4 => writer.float(f32::from_bits(bits as u32).into()),
                8 => writer.float(f64::from_bits(bits as u64)),
                _ => writer.float(long_double(bits)),
            },
            KIND_INT => match i64::try_from(signed()) {
                Ok(value) => writer.int(value),
                Err(_) => {
                    let value = signed();
                    let magnitude = value.unsigned_abs();
                    writer.big_int(value < 0, 128 - magnitude.leading_zeros(), magnitude);
                }
            },
            _ => match u64::try_from(bits) {
                Ok(value) => writer.uint(value),
                Err(_) => writer.big_int(false, 128 - bits.leading_zeros(), bits),
            },
        }
    }

    /// One `char`, as C writes it.
    fn character(&mut self, known: Known, byte: u8) {
        if self.redactor.mode() == Mode::Strict {
            return self.hide_strictly(known.id);
        }
        let mut text = Short::<12>::new();
        let _ = match byte {
            b'\'' | b'\\' => write!(text, "'\\{}'", char::from(byte)),
            b' '..=b'~' => write!(text, "'{}'", char::from(byte)),
            b'\n' => write!(text, "'\\n'"),
            b'\t' => write!(text, "'\\t'"),
            b'\r' => write!(text, "'\\r'"),
            0 => write!(text, "'\\0'"),
            _ => write!(text, "'\\x{byte:02x}'"),
        };
        self.typed(known);
        let writer = &mut self.tools.writer;
        writer.utf8(text.as_str(), TextFlags::RENDERED);
    }

    fn text(&mut self, id: TypeId, address: usize, ends: Ends) {
        if self.redactor.mode() == Mode::Strict {
            return self.hide_strictly(id);
        }
        let tools = &mut *self.tools;
        let copies = Copies::of(self.alias_key, &tools.aliases);
        if matches!(ends, Ends::After(0) | Ends::ZeroWithin(0)) {
            tools.writer.as_type(id);
            tools.writer.ascii(b"");
            return;
        }
        let written = tools.text.write(
            &mut tools.memory,
            &mut tools.writer,
            address,
            ends,
            id,
            copies,
        );
        if !written {
            self.unreadable_as(id, address);
        }
    }

    /// Strict mode shows no text, so none is read: the record of a fatal signal is stored before anything is scanned.
    fn hide_strictly(&mut self, id: TypeId) {
        let writer = &mut self.tools.writer;
        writer.redacted(Reason::RedactedValue, id, STRICT, None);
    }

    fn bytes(&mut self, known: Known, address: usize, total: usize) {
        if self.redactor.mode() == Mode::Strict {
            return self.hide_strictly(known.id);
        }
        let tools = &mut *self.tools;
        let kept = total
            .min(tools.writer.string_limit())
            .min(tools.bytes.len());
        let got = tools.memory.read(address, &mut tools.bytes[..kept]);
        if got < kept {
            return self.unreadable(known, address);
        }
        let copies = Copies::of(self.alias_key, &tools.aliases);
        if copies.are_in(&tools.bytes[..kept]) {
            return copies.instead(&mut tools.writer, known.id);
        }
        tools.writer.binary_of(&tools.bytes[..kept], total);
    }

    /// Several items.
    fn items(
        &mut self,
        known: Known,
        address: usize,
        count: usize,
        depth: u32,
        container: Option<TypeId>,
    ) {
        if count > 0 && !self.tools.memory.is_readable(address, 1) {
            return self.unreadable(known, address);
        }
        let id = match container {
            Some(id) => id,
            None => self.array_type(known, count),
        };
        if depth >= self.limits.depth && count > 0 {
            let writer = &mut self.tools.writer;
            return writer.skipped(Reason::Depth, id, Some(count));
        }
        let content = Content::Items { count };
        self.open(known, address, content, depth, |writer| {
            writer.list(id, count)
        });
    }

    fn object(&mut self, known: Known, id: TypeId, address: usize, depth: u32) {
        if !self
            .tools
            .memory
            .is_readable(address, (known.layout.size as usize).max(1))
        {
            return self.unreadable_as(id, address);
        }
        if depth >= self.limits.depth {
            return self.tools.writer.skipped(Reason::Depth, id, None);
        }
        self.open(known, address, Content::Fields, depth, |writer| {
            writer.object(id)
        });
    }

    /// `int[3]`, on this tape.
    fn array_type(&mut self, known: Known, count: usize) -> TypeId {
        let mut name = Short::<300>::new();
        let mut item = Short::<256>::new();
        if item.read(&mut self.tools.memory, known.layout.name) {
            let _ = write!(name, "{}[{count}]", item.as_str());
        }
        self.tools.writer.define_type(name.as_str().as_bytes())
    }

    /// (C++) Where the contents of an object lie.
    pub(crate) fn look(&mut self, known: Known, address: usize) -> Result<View, Blind> {
        let size = (known.layout.size as usize).max(1);
        if !self.tools.memory.is_readable(address, size) {
            return Err(Blind::Bad);
        }
        if !self.loaded.has(known.layout.view as u64) {
            return Err(Blind::Foreign);
        }
        let mut view = View::default();
        // SAFETY: the description is one that the header's templates made, as its place in an image says; the function only looks at
        // the members of the object, which is readable, and tells where they point.
        unsafe {
            let look: unsafe extern "C" fn(usize, *mut View) =
                std::mem::transmute(known.layout.view);
            look(address, &raw mut view);
        }
        Ok(view)
    }

    /// (C++) An object whose contents the standard library knows where to find.
    fn view(&mut self, known: Known, address: usize, depth: u32) {
        let view = match self.look(known, address) {
            Ok(view) => view,
            Err(Blind::Bad) => return self.unreadable(known, address),
            Err(Blind::Foreign) => return self.tools.writer.opaque(known.id),
        };
        let Some(item) = self.known(view.item) else {
            return self.unreadable(known, view.item);
        };
        if item.is_hidden {
            return self.hide_type(item);
        }
        if view.single != 0 {
            if view.count == 0 || view.items == 0 {
                self.typed(known);
                return self.tools.writer.null();
            }
            return match item.layout.kind {
                KIND_STRUCT => self.object(item, known.id, view.items, depth),
                // Of the type that the variable has.
                _ => self.one(
                    Known {
                        id: known.id,
                        ..item
                    },
                    view.items,
                    depth,
                ),
            };
        }
        if item.layout.kind == KIND_CHAR && item.layout.size == 1 {
            return self.text(known.id, view.items, Ends::After(view.count));
        }
        if item.layout.kind == KIND_UINT && item.layout.size == 1 {
            return self.bytes(known, view.items, view.count);
        }
        self.items(item, view.items, view.count, depth, Some(known.id));
    }

    /// Opens a container, or refers to the same one where it stands already.
    fn open(
        &mut self,
        known: Known,
        address: usize,
        content: Content,
        depth: u32,
        open: impl FnOnce(&mut stillframe_core::tape::TapeWriter) -> Option<ContainerId>,
    ) {
        // An array and its first item are at one place, and so are a long part of it and a short one.
        let kind = match content {
            Content::Fields => known.at,
            Content::Items { count } => known.at ^ (count << 1 | 1),
        };
        if let Some(id) = self.tools.seen.find(address, kind) {
            return self.tools.writer.reference(ContainerId(id));
        }
        if let Some(id) = open(&mut self.tools.writer) {
            self.tools.seen.add(address, kind, id.0);
            self.later(known, address, content, depth + 1);
        }
    }

    /// The next value has this type.
    fn typed(&mut self, known: Known) {
        self.tools.writer.as_type(known.id);
    }

    fn unreadable(&mut self, known: Known, address: usize) {
        self.unreadable_as(known.id, address);
    }

    fn unreadable_as(&mut self, id: TypeId, address: usize) {
        let mut cause = Short::<64>::new();
        let _ = write!(cause, "bad pointer {address:#x}");
        self.tools.writer.failed(id, cause.as_str());
    }

    fn hide_type(&mut self, known: Known) {
        let mut name = Short::<256>::new();
        let _ = name.read(&mut self.tools.memory, known.layout.name);
        let rule = self
            .redactor
            .type_name(without_struct(name.as_str()))
            .unwrap_or("");
        self.tools
            .writer
            .redacted(Reason::RedactedType, known.id, rule, None);
    }

    /// What kind of value a name's rule asks about.
    pub(crate) fn kind_of(&mut self, given: &Given) -> ValueKind {
        let Some(known) = self.known(given.kind) else {
            return ValueKind::Other;
        };
        let is_one = given.size == known.layout.size as usize;
        match known.layout.kind {
            KIND_BOOL if is_one => ValueKind::Bool,
            KIND_INT | KIND_UINT | KIND_FLOAT if is_one => ValueKind::Number,
            KIND_STRING | KIND_POINTER | KIND_TO if is_one => {
                match self.tools.memory.get::<usize>(given.address) {
                    Some(0) => ValueKind::Null,
                    _ => ValueKind::Other,
                }
            }
            _ => ValueKind::Other,
        }
    }
}

/// A `long double` of 16 bytes, to the nearest `double`.
fn long_double(bits: u128) -> f64 {
    match cfg!(target_arch = "x86_64") {
        true => extended(bits),
        false => quadruple(bits),
    }
}

/// The x87's extended format.
fn extended(bits: u128) -> f64 {
    let mantissa = bits as u64;
    let head = (bits >> 64) as u16;
    let sign = if head >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(head & 0x7fff);
    let value = match exponent {
        0x7fff if mantissa << 1 == 0 => f64::INFINITY,
        0x7fff => f64::NAN,
        _ => scaled(mantissa as f64, exponent - 16383 - 63),
    };
    sign * value
}

/// IEEE 754's binary128.
fn quadruple(bits: u128) -> f64 {
    let fraction = bits & ((1 << 112) - 1);
    let head = (bits >> 112) as u16;
    let sign = if head >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(head & 0x7fff);
    let value = match exponent {
        0x7fff if fraction == 0 => f64::INFINITY,
        0x7fff => f64::NAN,
        // Smaller than any `double`.
        0 => 0.0,
        _ => scaled((fraction | 1 << 112) as f64, exponent - 16383 - 112),
    };
    sign * value
}

/// `value` times 2 to the power of `exponent`, in two steps: the power alone may be out of a `double`'s range.
fn scaled(value: f64, exponent: i32) -> f64 {
    let exponent = exponent.clamp(-2000, 2000);
    let half = exponent / 2;
    value * 2_f64.powi(half) * 2_f64.powi(exponent - half)
}

#[cfg(test)]
mod tests {
    use super::{extended, quadruple};

    #[test]
    fn extended_numbers() {
        for (head, mantissa, value) in [
            (0x3fff_u16, 1_u64 << 63, 1.0),
            (0xc000, 1 << 63, -2.0),
            (0x3ffd, 0xaaaa_aaaa_aaaa_aaab, 1.0 / 3.0),
            (0, 0, 0.0),
            (0x7fff, 1 << 63, f64::INFINITY),
            (16383 - 1022, 1 << 63, f64::MIN_POSITIVE),
            (16383 - 1074, 1 << 63, f64::from_bits(1)),
            (16383 - 2000, 1 << 63, 0.0),
            (16383 + 1023, 1 << 63, 2_f64.powi(1023)),
            (16383 + 1024, 1 << 63, f64::INFINITY),
        ] {
            let bits = u128::from(head) << 64 | u128::from(mantissa);
            assert_eq!(extended(bits), value);
        }
        assert!(extended(0x7fff_u128 << 64 | 0xc000_0000_0000_0000).is_nan());
    }

    #[test]
    fn quadruple_numbers() {
        for (head, fraction, value) in [
            (0x3fff_u128, 0_u128, 1.0),
            (0xc000, 1 << 111, -3.0),
            (0x3ffd, 0x5555_5555_5555_5555_5555_5555_5555, 1.0 / 3.0),
            (0, 0, 0.0),
            (0x8000, 1, -0.0),
            (0x7fff, 0, f64::INFINITY),
            (16383 - 1022, 0, f64::MIN_POSITIVE),
            (16383 - 1074, 0, f64::from_bits(1)),
            (16383 + 1023, 0, 2_f64.powi(1023)),
            (16383 + 1024, 0, f64::INFINITY),
        ] {
            assert_eq!(quadruple(head << 112 | fraction), value);
        }
        assert!(quadruple(0x7fff << 112 | 1).is_nan());
    }
}
