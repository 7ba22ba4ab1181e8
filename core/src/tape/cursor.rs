//! Iterating over a group that was validated: the common items without a check, the others by the validating decoder's own step.
//!
//! What most tapes are made of (a short name, then null, a boolean, a number or short text) is read with plain loads; whatever else
//! comes, nothing is consumed and [`Decoder::step`] reads it. So every rare opcode has one implementation.

use super::decode::{Decoder, GroupKind, Step, Tables};
use super::entry::{Item, Name, Text, Value};
use super::op;

/// Position inside a validated group.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    decoder: Decoder<'a>,
    /// Whether names and values of the common kind may be read here: not where names come from a shape.
    fast: bool,
}

/// A common item, the end, or something else.
enum Common<'a> {
    Item(Item<'a>),
    End,
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

    #[inline(always)]
    pub(super) fn next(&mut self, tables: &Tables<'a>) -> Option<Item<'a>> {
        if self.fast {
            match self.common() {
                Common::Item(item) => return Some(item),
                Common::End => return None,
                Common::Other => {}
            }
        }
        self.other(tables)
    }

    #[inline(never)]
    fn other(&mut self, tables: &Tables<'a>) -> Option<Item<'a>> {
        let before = self.decoder.offset();
        match self.decoder.step::<true>(tables) {
            Ok(Step::Item { item, .. }) => Some(item),
            Ok(Step::End) => {
                self.decoder.seek(before);
                None
            }
            // Definitions are passed over.
            Ok(Step::Type(_) | Step::Shape { .. }) | Err(_) => {
                debug_assert!(false, "a validated tape reads without an error");
                *self = Self::empty();
                None
            }
        }
    }

    #[inline(always)]
    fn common(&mut self) -> Common<'a> {
        let bytes = self.decoder.bytes();
        let mut at = self.decoder.offset();
        // SAFETY: by the condition of `new`, `bytes` from `at` on is what `Tape::parse` accepted: items of
        // the grammar up to an END inside `bytes`. Each read below is of bytes that belong to the item that begins at `at`: after a
        // name another byte stands, after an opcode its payload, both checked to be there by `parse`. `at` is where an item begins
        // because it moves only by whole items, here and in `step`.
        unsafe {
            let first = *bytes.get_unchecked(at);
            let mut name = None;
            if first >= op::NAME {
                if first == op::LONG_NAME {
                    return Common::Other;
                }
                let length = usize::from(first & !op::NAME);
                let text = bytes.get_unchecked(at + 1..at + 1 + length);
                name = Some(Name {
                    // `parse` checked that names are UTF-8.
                    text: std::str::from_utf8_unchecked(text),
                    total: length as u32,
                });
                at += 1 + length;
            }
            let payload = bytes.as_ptr().add(at + 1);
            let (value, size) = match *bytes.get_unchecked(at) {
                op::NULL => (Value::Null, 0),
                code @ (op::FALSE | op::TRUE) => (Value::Bool(code == op::TRUE), 0),
                op::I8 => (Value::Int(i64::from(*payload as i8)), 1),
                op::I32 => {
                    let number = i32::from_le_bytes(payload.cast::<[u8; 4]>().read());
                    (Value::Int(number.into()), 4)
                }
                op::I64 => {
                    let number = i64::from_le_bytes(payload.cast::<[u8; 8]>().read());
                    (Value::Int(number), 8)
                }
                op::F64 => {
                    let bits = u64::from_le_bytes(payload.cast::<[u8; 8]>().read());
                    (Value::Float(f64::from_bits(bits)), 8)
                }
                op::STR8 => {
                    let length = usize::from(*payload);
                    let text = bytes.get_unchecked(at + 2..at + 2 + length);
                    // `parse` checked that text is UTF-8.
                    let text = std::str::from_utf8_unchecked(text);
                    (Value::Text(Text::whole(text)), 1 + length)
                }
                op::END => return Common::End,
                _ => return Common::Other,
            };
            self.decoder.passed(at + 1 + size);
            Common::Item(Item::Value {
                name,
                as_type: None,
                value,
            })
        }
    }
}
