//! Values without contents: numbers, times, text, bytes.

use super::name::clamp_count;
use super::{TapeWriter, TextFlags};
use crate::tape::entry::{TimeKind, TimeValue};
use crate::tape::message::{LOOKAHEAD, Message, split};
use crate::tape::op;

impl TapeWriter {
    /// No value.
    #[inline]
    pub fn null(&mut self) {
        self.value(1, |room| room.u8(op::NULL));
    }

    /// A boolean.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.value(1, |room| room.u8(if value { op::TRUE } else { op::FALSE }));
    }

    /// A signed integer, in the shortest form.
    #[inline]
    pub fn int(&mut self, value: i64) {
        if let Ok(short) = i8::try_from(value) {
            self.value(2, |room| room.put([op::I8, short as u8]));
        } else if let Ok(short) = i32::try_from(value) {
            self.value(5, |room| room.u8(op::I32).u32(short as u32));
        } else {
            self.value(9, |room| room.u8(op::I64).u64(value as u64));
        }
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.int(value),
            Err(_) => self.value(9, |room| room.u8(op::U64).u64(value)),
        }
    }

    /// An integer of `bits` significant bits, of which `head` is the top 128 (or all, when there are fewer).
    /// Values of up to 64 bits should use [`TapeWriter::int`] or [`TapeWriter::uint`].
    pub fn big_int(&mut self, negative: bool, bits: u32, head: u128) {
        debug_assert!(bits <= 128 || head >> 127 == 1);
        let all = head.to_be_bytes();
        let first = all.iter().position(|&byte| byte != 0).unwrap_or(15);
        let bytes = if bits > 128 { &all[..] } else { &all[first..] };
        let size = 7 + bytes.len();
        self.value(size, |room| {
            room.u8(op::BIG)
                .u8(negative.into())
                .u32(bits)
                .u8(bytes.len() as u8)
                .bytes(bytes)
        });
    }

    /// A floating-point number.
    #[inline]
    pub fn float(&mut self, value: f64) {
        self.value(9, |room| room.u8(op::F64).u64(value.to_bits()));
    }

    /// A date, a time or a duration; `nanos` must be below 10^9.
    pub fn time(&mut self, time: TimeValue) {
        let kind: TimeKind = time.kind;
        let offset = time.offset.unwrap_or(i32::MIN) as u32;
        self.value(18, |room| {
            room.u8(op::TIME)
                .u8(kind as u8)
                .u64(time.seconds as u64)
                .u32(time.nanos)
                .u32(offset)
        });
    }

    // Text. Each form takes the whole text of the host, or as much of it as is at hand, and cuts it itself.

    /// ASCII text, the common case.
    #[inline]
    pub fn ascii(&mut self, text: &[u8]) {
        if text.len() <= 255 && text.len() <= self.string_limit {
            self.value(2 + text.len(), |room| {
                room.u8(op::STR8).u8(text.len() as u8).bytes(text)
            });
        } else {
            self.units(op::STR, TextFlags::NONE, text, 1, text.len());
        }
    }

    /// UTF-8 text with flags.
    pub fn utf8(&mut self, text: &str, flags: TextFlags) {
        if flags == TextFlags::NONE && text.len() <= 255 && text.len() <= self.string_limit {
            self.value(2 + text.len(), |room| {
                room.u8(op::STR8)
                    .u8(text.len() as u8)
                    .bytes(text.as_bytes())
            });
            return;
        }
        self.utf8_of(text, flags, text.chars().count());
    }

    /// UTF-8 text of which only the beginning is at hand: at least what [`TapeWriter::text_bound`] says, or all of it. `total` counts
    /// characters of the whole.
    pub fn utf8_of(&mut self, text: &str, flags: TextFlags, total: usize) {
        let (kept, ahead) = split(text, self.string_limit, false);
        let bytes = &text.as_bytes()[..kept + ahead];
        self.long(op::STR, flags, bytes, ahead, total);
    }

    /// The message of an exception, in the section for it.
    pub fn message(&mut self, message: Message<'_>) {
        if message.more == 0 {
            self.utf8(message.text, TextFlags::NONE);
            return;
        }
        let (bytes, ahead, total) = message.cut(self.string_limit);
        self.long(op::STR, TextFlags::NONE, bytes, ahead, total);
    }

    /// Text of one byte per character (Latin-1).
    pub fn latin1(&mut self, text: &[u8]) {
        self.units(op::LATIN1, TextFlags::NONE, text, 1, text.len());
    }

    /// UTF-16 text, as its little-endian bytes. `total` counts units; pass at most what [`TapeWriter::text_bound`] says.
    pub fn utf16(&mut self, bytes: &[u8], total: usize) {
        self.units(op::UTF16, TextFlags::NONE, bytes, 2, total);
    }

    /// UTF-32 text, as its little-endian bytes. `total` counts characters.
    pub fn utf32(&mut self, bytes: &[u8], total: usize) {
        self.units(op::UTF32, TextFlags::NONE, bytes, 4, total);
    }

    /// Units of a text beyond which nothing is read: what is shown and what is looked ahead at.
    #[must_use]
    pub const fn text_bound(&self) -> usize {
        self.string_limit + LOOKAHEAD
    }

    /// Binary data; the first `limits.string` bytes are kept.
    pub fn binary(&mut self, bytes: &[u8]) {
        let kept = &bytes[..bytes.len().min(self.string_limit)];
        let total = clamp_count(bytes.len());
        self.value(9 + kept.len(), |room| {
            room.u8(op::BYTES)
                .u32(kept.len() as u32)
                .u32(total)
                .bytes(kept)
        });
    }

    /// Binary data of which only the beginning is at hand.
    pub fn binary_of(&mut self, bytes: &[u8], total: usize) {
        let kept = &bytes[..bytes.len().min(self.string_limit)];
        self.value(9 + kept.len(), |room| {
            room.u8(op::BYTES)
                .u32(kept.len() as u32)
                .u32(clamp_count(total))
                .bytes(kept)
        });
    }

    /// Bytes of a text or of binary data that are shown, in characters.
    #[must_use]
    pub const fn string_limit(&self) -> usize {
        self.string_limit
    }

    fn units(&mut self, code: u8, flags: TextFlags, bytes: &[u8], unit: usize, total: usize) {
        let kept = bytes.len().min(self.string_limit.saturating_mul(unit));
        let ahead = (bytes.len() - kept).min(LOOKAHEAD / unit * unit);
        self.long(code, flags, &bytes[..kept + ahead], ahead, total);
    }

    pub(super) fn long(
        &mut self,
        code: u8,
        flags: TextFlags,
        bytes: &[u8],
        ahead: usize,
        total: usize,
    ) {
        let kept = (bytes.len() - ahead) as u32;
        self.value(12 + bytes.len(), |room| {
            let room = room.u8(code).u8(flags.0).u32(kept).u16(ahead as u16);
            room.u32(clamp_count(total)).bytes(bytes)
        });
    }
}
