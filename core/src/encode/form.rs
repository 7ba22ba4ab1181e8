//! What JSON and MessagePack have in common: the interface between the one walk over a tape and its two written forms.
//!
//! A large map or array is opened with its exact size, which MessagePack writes in front and JSON does not need. One whose size is
//! not known ahead is opened without and closed with it: MessagePack keeps one byte for the header and corrects it, and has to make
//! room only for more than 15 members.

use super::buffer::Padded;
use crate::tape::Name;

/// A member's name, ready in both forms.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) json: Padded<24>,
    pub(super) msgpack: Padded<24>,
}

impl Key {
    pub(super) const fn new(name: &str) -> Self {
        let text = name.as_bytes();
        Self {
            json: Padded::EMPTY.then(b"\"").then(text).then(b"\":"),
            msgpack: Padded::EMPTY.then(&[0xa0 | text.len() as u8]).then(text),
        }
    }
}

/// The beginning of a scalar's node up to its value, ready in both forms: a map of two members, `type` and `value`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lead {
    pub(super) json: Padded<48>,
    pub(super) msgpack: Padded<48>,
}

impl Lead {
    pub(super) const fn new(type_name: &str) -> Self {
        let text = type_name.as_bytes();
        let json = Padded::EMPTY.then(b"{\"type\":\"").then(text);
        let msgpack = Padded::EMPTY.then(b"\x82\xa4type");
        let msgpack = if text.len() < 32 {
            msgpack.then(&[0xa0 | text.len() as u8])
        } else {
            msgpack.then(&[0xd9, text.len() as u8])
        };
        Self {
            json: json.then(b"\",\"value\":"),
            msgpack: msgpack.then(text).then(b"\xa5value"),
        }
    }
}

/// A written form.
pub(super) trait Form {
    /// Opens a map of unknown size; the result goes to [`Form::end_members`].
    fn begin_members(&mut self) -> usize;
    /// Opens the node of a scalar and writes its type and the key of its value: two members. To be closed as the other.
    fn lead(&mut self, lead: &Lead) -> usize;
    /// The whole node of a text of a known type.
    fn text_node(&mut self, lead: &Lead, text: &str);
    /// The whole node of an integer of a known type.
    fn int_node(&mut self, lead: &Lead, value: i64);
    /// The whole node of a finite number of a known type.
    fn float_node(&mut self, lead: &Lead, value: f64);
    /// The whole node of a boolean of a known type.
    fn bool_node(&mut self, lead: &Lead, value: bool);
    /// Closes a map of so many members.
    fn end_members(&mut self, start: usize, members: u32);
    /// Opens an array of unknown size; the result goes to [`Form::end_items`].
    fn begin_items(&mut self) -> usize;
    /// Closes an array of so many items.
    fn end_items(&mut self, start: usize, items: u32);

    /// Bytes written so far, with what stood in the output before.
    fn length(&self) -> usize;
    /// Takes back what was written since the output had this length.
    fn truncate(&mut self, length: usize);

    /// Opens a map of exactly `size` members.
    fn map(&mut self, size: usize);
    /// Closes it.
    fn end_map(&mut self);
    /// Opens an array of exactly `size` items.
    fn array(&mut self, size: usize);
    /// Closes it.
    fn end_array(&mut self);

    /// A member's name.
    fn key(&mut self, key: &Key);
    /// A member's name from the program; one that was cut ends in `…`.
    fn name(&mut self, name: &Name<'_>);
    /// A text from a name, which ends in `…` if it was cut.
    fn named(&mut self, name: &Name<'_>);

    /// Text.
    fn string(&mut self, text: &str);
    /// A signed integer.
    fn int(&mut self, value: i64);
    /// An unsigned integer.
    fn uint(&mut self, value: u64);
    /// A finite number.
    fn float(&mut self, value: f64);
    /// A boolean.
    fn bool(&mut self, value: bool);
}

/// What stands for the rest of a name that was cut.
pub(super) const ELLIPSIS: &str = "…";
