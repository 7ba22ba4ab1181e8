//! Iterating over a group that was validated: the common items without a check, the others by the validating decoder's own step.
//!
//! What most tapes are made of (a short name, then a scalar, short text, a list, a map, an object or a reference) is read with plain
//! loads; whatever else comes, nothing is consumed and [`Decoder::step`] reads it. So every rare opcode has one implementation.

use super::decode::{Decoder, GroupKind, Step, Tables};
use super::entry::{Item, Name, Text, Value};
use super::op;
use super::reader::ContainerId;

/// Position inside a validated group.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    decoder: Decoder<'a>,
    /// Whether names and values of the common kind may be read here: not where names come from a shape.
    fast: bool,
}

/// What stands at a place.
enum Found {
    Item,
    End,
    /// Something that is not common.
    Other,
}

impl<'a> Cursor<'a> {
    /// A group without items.
    pub(super) fn empty() -> Self {
        Self {
            decoder: Decoder::new(&[op::END], 0, GroupKind::List, 0),
            fast: true,
        }
    }

    /// The first item of a group.
    ///
    /// # Safety
    ///
    /// [`Tape::parse`](super::Tape::parse) must have accepted `bytes`, with a group of this kind, whose first item stands at `at`.
    pub(super) unsafe fn new(
        bytes: &'a [u8],
        at: usize,
        kind: GroupKind,
        first_container: u32,
    ) -> Self {
        Self {
            decoder: Decoder::new(bytes, at, kind, first_container),
            fast: !matches!(kind, GroupKind::Shaped(_)),
        }
    }

    /// Reads the next item into `item`; `false` at the end.
    #[inline(always)]
    pub(super) fn advance(&mut self, tables: &Tables<'a>, item: &mut Item<'a>) -> bool {
        if self.fast {
            match self.common(tables, item) {
                Found::Item => return true,
                Found::End => return false,
                Found::Other => {}
            }
        }
        self.other(tables, item)
    }

    #[inline(never)]
    fn other(&mut self, tables: &Tables<'a>, item: &mut Item<'a>) -> bool {
        let before = self.decoder.offset();
        match self.decoder.step::<true>(tables, item) {
            Ok(Step::Item { .. }) => true,
            Ok(Step::End) => {
                self.decoder.seek(before);
                false
            }
            // The step passes over definitions itself.
            Ok(Step::Type(_) | Step::Shape { .. }) | Err(_) => {
                debug_assert!(false, "a validated tape reads without an error");
                *self = Self::empty();
                false
            }
        }
    }

    #[inline(always)]
    fn common(&mut self, tables: &Tables<'a>, item: &mut Item<'a>) -> Found {
        let bytes = self.decoder.bytes();
        let mut at = self.decoder.offset();
        // SAFETY: by the condition of `new`, what stands in `bytes` from `at` on was accepted by `Tape::parse`: items of the
        // grammar, up to an END. `at` is where an item or the END begins, because it moves by whole items only, here and in `step`,
        // and not beyond the END. So at least one byte is there; a short name is there in its whole length and followed by at least
        // one byte more; an opcode is followed by its payload. Each read below is of such bytes. Names and text are UTF-8: `parse`
        // refused the tape otherwise.
        unsafe {
            let first = *bytes.get_unchecked(at);
            let mut name = None;
            if first >= op::NAME {
                if first == op::LONG_NAME {
                    return Found::Other;
                }
                let length = usize::from(first & !op::NAME);
                let text = bytes.get_unchecked(at + 1..at + 1 + length);
                name = Some(Name {
                    text: std::str::from_utf8_unchecked(text),
                    total: length as u32,
                });
                at += 1 + length;
            }
            let payload = bytes.as_ptr().add(at + 1);
            let u16_at = |offset| u16::from_le_bytes(payload.add(offset).cast::<[u8; 2]>().read());
            let u32_at = |offset| u32::from_le_bytes(payload.add(offset).cast::<[u8; 4]>().read());
            let u64_at = |offset| u64::from_le_bytes(payload.add(offset).cast::<[u8; 8]>().read());
            let (value, size) = match *bytes.get_unchecked(at) {
                op::NULL => (Value::Null, 0),
                code @ (op::FALSE | op::TRUE) => (Value::Bool(code == op::TRUE), 0),
                op::I8 => (Value::Int(i64::from(*payload as i8)), 1),
                op::I32 => (Value::Int((u32_at(0) as i32).into()), 4),
                op::I64 => (Value::Int(u64_at(0) as i64), 8),
                op::F64 => (Value::Float(f64::from_bits(u64_at(0))), 8),
                op::STR8 => {
                    let length = usize::from(*payload);
                    let text = bytes.get_unchecked(at + 2..at + 2 + length);
                    let text = std::str::from_utf8_unchecked(text);
                    (Value::Text(Text::whole(text)), 1 + length)
                }
                code @ (op::LIST | op::MAP) => {
                    let type_name = tables.type_name(u16_at(0)).flatten();
                    let size = u32_at(2);
                    let size = (size != op::UNKNOWN_COUNT).then_some(size);
                    let id = self.decoder.next_container();
                    let value = if code == op::LIST {
                        Value::List {
                            id,
                            type_name,
                            size,
                        }
                    } else {
                        Value::Map {
                            id,
                            type_name,
                            size,
                        }
                    };
                    (value, 6)
                }
                op::OBJECT => {
                    let type_name = tables.type_name(u16_at(0)).flatten();
                    let id = self.decoder.next_container();
                    (Value::Object { id, type_name }, 2)
                }
                op::REF => (Value::Ref(ContainerId(u32_at(0))), 4),
                op::END => return Found::End,
                _ => return Found::Other,
            };
            *item = Item::Value {
                name,
                as_type: None,
                value,
            };
            self.decoder.passed(at + 1 + size);
            Found::Item
        }
    }
}
