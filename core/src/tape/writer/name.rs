//! Names: cut between characters, written in their short or their long form.

use crate::tape::arena::{Arena, Room};
use crate::tape::op;

/// Bytes of a name that are kept.
pub(super) const NAME_MAX: usize = 255;

/// At most `max` bytes of UTF-8, cut between characters.
pub(in crate::tape) fn cut_utf8(text: &[u8], max: usize) -> &[u8] {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while end > 0 && text[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    &text[..end]
}

/// Where character `count` begins, or the end.
pub(in crate::tape) fn byte_of_char(text: &str, count: usize) -> usize {
    if text.len() <= count {
        return text.len();
    }
    text.char_indices()
        .nth(count)
        .map_or(text.len(), |(at, _)| at)
}

pub(super) const fn name_size(cut: &[u8], total: usize) -> usize {
    if is_short(cut, total) {
        1 + cut.len()
    } else {
        7 + cut.len()
    }
}

pub(super) const fn is_short(cut: &[u8], total: usize) -> bool {
    cut.len() <= op::SHORT_NAME_MAX && cut.len() == total
}

// Once per variable and per field: the call would cost as much as the work.
#[inline(always)]
pub(super) fn put_name<'a>(room: Room<'a>, cut: &[u8], total: usize) -> Room<'a> {
    if is_short(cut, total) {
        room.u8(op::NAME + cut.len() as u8).bytes(cut)
    } else {
        room.u8(op::LONG_NAME)
            .u16(cut.len() as u16)
            .u32(clamp_count(total))
            .bytes(cut)
    }
}

pub(super) fn clamp_count(count: usize) -> u32 {
    u32::try_from(count)
        .unwrap_or(op::UNKNOWN_COUNT - 1)
        .min(op::UNKNOWN_COUNT - 1)
}

/// The names of a shape's fields as they stand on a tape: made once, defined on each tape with one copy.
#[derive(Debug)]
pub struct ShapeNames {
    pub(super) count: u8,
    pub(super) bytes: Box<[u8]>,
}

impl ShapeNames {
    /// The names in the order of the fields; `None` if there are more than 255.
    #[must_use]
    #[cold]
    pub fn new<'n>(names: impl Iterator<Item = &'n [u8]> + Clone) -> Option<Self> {
        let count = u8::try_from(names.clone().count()).ok()?;
        let cut = names.map(|name| (cut_utf8(name, NAME_MAX), name.len()));
        let size = cut.clone().map(|(cut, total)| name_size(cut, total)).sum();
        let mut arena = Arena::new(size);
        let mut room = arena.room(size)?;
        for (cut, total) in cut {
            room = put_name(room, cut, total);
        }
        room.filled();
        Some(Self {
            count,
            bytes: arena.bytes().into(),
        })
    }
}
