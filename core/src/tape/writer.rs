//! Writing a tape in the same process: what a host's walker calls once per value.
//!
//! The walker keeps the queue of containers whose contents are still to be written; the writer keeps the grammar, the numbering and
//! the budget. The order of calls is the format's: [`TapeWriter::begin`], the exceptions, [`TapeWriter::end_group`], then for each
//! container in the order of its opening its items and `end_group`, and [`TapeWriter::finish`].
//!
//! When the budget (bytes or values) is spent, [`TapeWriter::is_full`] turns true. A value written then becomes a
//! SKIPPED with the reason `budget`, out of a reserve, so the tape stays well-formed; the walker looks at `is_full` between items,
//! writes a gap, ends the group, and finishes with the stop reason `budget`.

use std::time::Duration;

use super::arena::{Arena, Room};
use super::entry::{FrameFlags, Link, Section, TimeKind, TimeValue};
use super::header::{HEADER_BYTES, Header};
use super::op;
use super::reader::ContainerId;
use crate::language::Language;
use crate::limits::Limits;
use crate::reason::Reason;

/// Bytes kept back for what must still be written when the budget is spent: skipped values, a gap, END.
const RESERVE: usize = 256;
/// Bytes of a name that are kept.
const NAME_MAX: usize = 255;
/// Bytes after the cut of a text that go on the tape so that a secret which begins before the cut is recognised.
const LOOKAHEAD: usize = 256;

/// A type defined on the tape being written; the default is the opcode's own type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeId(u16);

impl TypeId {
    /// The opcode's own type in the tape's language.
    pub const OWN: Self = Self(0);
}

/// A shape defined on the tape being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeId(u16);

/// Properties of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextFlags(u8);

impl TextFlags {
    /// Plain text.
    pub const NONE: Self = Self(0);
    /// The text stands for a value that is not text.
    pub const RENDERED: Self = Self(op::FLAG_RENDERED);
    /// The source was not valid Unicode.
    pub const LOSSY: Self = Self(op::FLAG_LOSSY);
}

/// Where a frame is in the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// Line from 1; 0 unknown.
    pub line: u32,
    /// Last line of the failing expression; 0 unknown.
    pub end_line: u32,
    /// First column from 1, in bytes; 0 unknown.
    pub column: u32,
    /// Column after the expression; 0 unknown.
    pub end_column: u32,
}

/// Writes tapes into one reused buffer. No allocation after the first tape of the same or larger limits.
#[derive(Debug)]
pub struct TapeWriter {
    arena: Arena,
    /// Length that an ordinary value may not make the tape exceed; 0 once full.
    bound: usize,
    string_limit: usize,
    values: u32,
    values_limit: u32,
    containers: u32,
    types: u16,
    shapes: u16,
    /// Where the AS stands that the next value belongs to.
    pending_as: Option<usize>,
    full: bool,
    broken: bool,
    language: Language,
    limits: Limits,
}

impl Default for TapeWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl TapeWriter {
    /// A writer without memory; [`TapeWriter::begin`] allocates what its limits need.
    #[must_use]
    pub fn new() -> Self {
        Self {
            arena: Arena::new(0),
            bound: 0,
            string_limit: 0,
            values: 0,
            values_limit: 0,
            containers: 0,
            types: 0,
            shapes: 0,
            pending_as: None,
            full: true,
            broken: true,
            language: Language::Unknown,
            limits: Limits::default(),
        }
    }

    /// Starts a new tape; what was in the buffer is forgotten.
    pub fn begin(&mut self, language: Language, limits: &Limits) {
        let bytes =
            (limits.tape_bytes as usize).clamp(HEADER_BYTES + 64, op::MAX_TAPE_BYTES - RESERVE);
        if self.arena.capacity() < bytes + RESERVE {
            self.arena = Arena::new(bytes + RESERVE);
        }
        self.arena.truncate(0);
        self.bound = bytes;
        self.string_limit = limits.string as usize;
        self.values = 0;
        self.values_limit = limits.values.max(1);
        self.containers = 0;
        self.types = 0;
        self.shapes = 0;
        self.pending_as = None;
        self.full = false;
        self.broken = match self.arena.room(HEADER_BYTES) {
            Some(room) => {
                room.put([0; HEADER_BYTES]).filled();
                false
            }
            None => true,
        };
        self.language = language;
        self.limits = *limits;
    }

    /// Whether the budget is spent.
    #[inline]
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// Values written so far.
    #[inline]
    #[must_use]
    pub const fn values(&self) -> u32 {
        self.values
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// Completes the header and hands out the tape; `None` if more was written after the budget was spent than the reserve holds.
    pub fn finish(&mut self, stop: Option<Reason>, duration: Duration) -> Option<&[u8]> {
        if self.broken {
            return None;
        }
        let header = Header {
            language: self.language,
            stop,
            bytes: self.arena.len() as u32,
            values: self.values,
            containers: self.containers,
            duration,
            limits: self.limits,
        };
        self.arena.bytes_mut()[..HEADER_BYTES].copy_from_slice(&header.encode());
        Some(self.arena.bytes())
    }

    // Structure.

    /// Ends the group of the container whose turn it is.
    #[inline]
    pub fn end_group(&mut self) {
        self.structure(1, |room| room.u8(op::END));
    }

    /// Items are missing here: why, and how many if known.
    pub fn gap(&mut self, reason: Reason, count: Option<u32>) {
        let count = count.unwrap_or(op::UNKNOWN_COUNT);
        self.structure(6, |room| room.u8(op::GAP).u8(reason as u8).u32(count));
    }

    /// The following items belong to `section`.
    pub fn section(&mut self, section: Section) {
        self.structure(2, |room| room.u8(op::SECTION).u8(section as u8));
    }

    /// The name of the next value, in UTF-8 (a tape with other bytes is refused by its reader). `false`: the budget is spent,
    /// and nothing was written.
    #[inline]
    #[must_use]
    pub fn name(&mut self, name: &[u8]) -> bool {
        let cut = cut_utf8(name, NAME_MAX);
        let size = name_size(cut, name.len());
        if self.arena.len() + size > self.bound {
            self.fill();
            return false;
        }
        match self.arena.room(size) {
            Some(room) => put_name(room, cut, name.len()).filled(),
            None => return false,
        }
        true
    }

    /// Defines a type by its qualified name in UTF-8. When the budget is spent, the value that follows is skipped anyhow.
    pub fn define_type(&mut self, name: &[u8]) -> TypeId {
        let cut = cut_utf8(name, NAME_MAX);
        let size = 1 + name_size(cut, name.len());
        if self.arena.len() + size > self.bound || self.types == u16::MAX {
            self.fill();
            return TypeId(0);
        }
        if let Some(room) = self.arena.room(size) {
            put_name(room.u8(op::TYPE), cut, name.len()).filled();
            self.types += 1;
        }
        TypeId(self.types)
    }

    /// Defines a shape of at most 255 fields; `None` when it is longer or the budget is spent.
    pub fn define_shape(&mut self, type_id: TypeId, names: &[&[u8]]) -> Option<ShapeId> {
        let count = u8::try_from(names.len()).ok()?;
        let sizes = names
            .iter()
            .map(|name| name_size(cut_utf8(name, NAME_MAX), name.len()));
        let size = 4 + sizes.sum::<usize>();
        if self.arena.len() + size > self.bound || self.shapes == u16::MAX {
            return None;
        }
        let mut room = self
            .arena
            .room(size)?
            .u8(op::SHAPE)
            .u16(type_id.0)
            .u8(count);
        for name in names {
            room = put_name(room, cut_utf8(name, NAME_MAX), name.len());
        }
        room.filled();
        self.shapes += 1;
        Some(ShapeId(self.shapes - 1))
    }

    /// The next value, a scalar, has this type.
    #[inline]
    pub fn as_type(&mut self, type_id: TypeId) {
        let start = self.arena.len();
        if start + 3 <= self.bound && self.pending_as.is_none() {
            self.structure(3, |room| room.u8(op::AS).u16(type_id.0));
            self.pending_as = Some(start);
        }
    }

    // Scalars.

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
        let total = text.chars().count();
        let kept = byte_of_char(text, self.string_limit);
        let ahead = match text.len() - kept {
            0 => 0,
            rest => cut_utf8(&text.as_bytes()[kept..], rest.min(LOOKAHEAD)).len(),
        };
        self.long(
            op::STR,
            flags,
            &text.as_bytes()[..kept + ahead],
            ahead,
            total,
        );
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

    // Containers. `None`: the budget is spent, a SKIPPED stands there instead, and there is no group to write.

    /// A sequence or a set of `size` items.
    #[inline]
    pub fn list(&mut self, type_id: TypeId, size: usize) -> Option<ContainerId> {
        let size = clamp_count(size);
        self.container(7, |room| room.u8(op::LIST).u16(type_id.0).u32(size))
    }

    /// A map of `size` entries.
    #[inline]
    pub fn map(&mut self, type_id: TypeId, size: usize) -> Option<ContainerId> {
        let size = clamp_count(size);
        self.container(7, |room| room.u8(op::MAP).u16(type_id.0).u32(size))
    }

    /// An object whose fields are written with their names.
    #[inline]
    pub fn object(&mut self, type_id: TypeId) -> Option<ContainerId> {
        self.container(3, |room| room.u8(op::OBJECT).u16(type_id.0))
    }

    /// An object whose fields are those of a shape, written in its order without names.
    #[inline]
    pub fn shaped(&mut self, shape: ShapeId) -> Option<ContainerId> {
        self.container(3, |room| room.u8(op::SHAPED).u16(shape.0))
    }

    /// An exception (group 0). `parent` is the position of an exception before this one.
    pub fn exception(
        &mut self,
        type_id: TypeId,
        link: Link,
        parent: u32,
        message_unknown: bool,
    ) -> Option<ContainerId> {
        self.container(9, |room| {
            let room = room.u8(op::EXCEPTION).u16(type_id.0).u8(link as u8);
            room.u32(parent).u8(message_unknown.into())
        })
    }

    /// A frame (section `frames`), with its function, module and file in UTF-8.
    pub fn frame(
        &mut self,
        flags: FrameFlags,
        location: Location,
        function: &[u8],
        module: &[u8],
        file: &[u8],
    ) -> Option<ContainerId> {
        let names = [(function, NAME_MAX), (module, NAME_MAX), (file, 1024)]
            .map(|(name, max)| (cut_utf8(name, max), name.len()));
        let size = 18
            + names
                .iter()
                .map(|(cut, total)| name_size(cut, *total))
                .sum::<usize>();
        self.container(size, |room| {
            let Location {
                line,
                end_line,
                column,
                end_column,
            } = location;
            let room = room.u8(op::FRAME).u8(flags.0);
            let room = room.u32(line).u32(end_line).u32(column).u32(end_column);
            names
                .iter()
                .fold(room, |room, (cut, total)| put_name(room, cut, *total))
        })
    }

    // Other values.

    /// The same object as a container that was opened before.
    #[inline]
    pub fn reference(&mut self, target: ContainerId) {
        self.value(5, |room| room.u8(op::REF).u32(target.0));
    }

    /// A value of which only the type is shown.
    pub fn opaque(&mut self, type_id: TypeId) {
        self.value(3, |room| room.u8(op::OPAQUE).u16(type_id.0));
    }

    /// A value hidden by a rule, with the length and hash of its text where that is to be found elsewhere.
    pub fn redacted(
        &mut self,
        reason: Reason,
        type_id: TypeId,
        rule: &str,
        alias: Option<(u32, u64)>,
    ) {
        let cut = cut_utf8(rule.as_bytes(), 126);
        let size = 4 + name_size(cut, rule.len());
        match alias {
            None => self.value(size, |room| {
                put_name(
                    room.u8(op::REDACTED).u8(reason as u8).u16(type_id.0),
                    cut,
                    rule.len(),
                )
            }),
            Some((length, hash)) => self.value(size + 12, |room| {
                let room = room.u8(op::ALIAS).u8(reason as u8).u16(type_id.0);
                put_name(room, cut, rule.len()).u32(length).u64(hash)
            }),
        }
    }

    /// A value that is not captured, and its size where it has one.
    #[inline]
    pub fn skipped(&mut self, reason: Reason, type_id: TypeId, size: Option<usize>) {
        let size = size.map_or(op::UNKNOWN_COUNT, clamp_count);
        self.value(8, |room| {
            room.u8(op::SKIPPED)
                .u8(reason as u8)
                .u16(type_id.0)
                .u32(size)
        });
    }

    /// A value that could not be read, and why in a few words.
    pub fn failed(&mut self, type_id: TypeId, cause: &str) {
        let cut = cut_utf8(cause.as_bytes(), 126);
        self.value(3 + name_size(cut, cause.len()), |room| {
            put_name(room.u8(op::FAILED).u16(type_id.0), cut, cause.len())
        });
    }

    /// (Shaped objects) the object does not have this field.
    #[inline]
    pub fn absent(&mut self) {
        self.value(1, |room| room.u8(op::ABSENT));
    }

    /// A new tape that says what another one of `raw_bytes` says, bounded by a multiple of it instead of by the limits, which it
    /// only tells: for the redact stage, which writes a clean tape.
    pub(crate) fn begin_clean(&mut self, language: Language, limits: &Limits, raw_bytes: usize) {
        // Latin-1 text doubles at most, UTF-16 grows by half, shapes become inline names, and markers replace secrets.
        let tape_bytes = raw_bytes.saturating_mul(8).saturating_add(64 << 10);
        let bound = u32::try_from(tape_bytes.min(op::MAX_TAPE_BYTES)).unwrap_or(u32::MAX);
        self.begin(
            language,
            &Limits {
                tape_bytes: bound,
                values: u32::MAX,
                ..*limits
            },
        );
        self.string_limit = op::MAX_TAPE_BYTES;
        self.limits = *limits;
    }

    /// [`TapeWriter::list`] with a size that may be unknown.
    pub(crate) fn list_of(&mut self, type_id: TypeId, size: Option<u32>) -> Option<ContainerId> {
        let size = size.unwrap_or(op::UNKNOWN_COUNT);
        self.container(7, |room| room.u8(op::LIST).u16(type_id.0).u32(size))
    }

    /// [`TapeWriter::map`] with a size that may be unknown.
    pub(crate) fn map_of(&mut self, type_id: TypeId, size: Option<u32>) -> Option<ContainerId> {
        let size = size.unwrap_or(op::UNKNOWN_COUNT);
        self.container(7, |room| room.u8(op::MAP).u16(type_id.0).u32(size))
    }

    /// Text in which secrets were replaced: for the redact stage, which writes a clean tape.
    pub(crate) fn cleaned(&mut self, text: &str, rule: &str, rendered: bool, lossy: bool) {
        let cut = cut_utf8(rule.as_bytes(), 126);
        let flags = u8::from(rendered) * op::FLAG_RENDERED + u8::from(lossy) * op::FLAG_LOSSY;
        self.value(6 + name_size(cut, rule.len()) + text.len(), |room| {
            let room = put_name(room.u8(op::CLEANED), cut, rule.len());
            room.u8(flags).u32(text.len() as u32).bytes(text.as_bytes())
        });
    }

    /// Shown text whose original had `total` characters: for the redact stage, which writes a clean tape.
    pub(crate) fn clean_text(&mut self, text: &str, total: u32, rendered: bool, lossy: bool) {
        let flags =
            TextFlags(u8::from(rendered) * op::FLAG_RENDERED + u8::from(lossy) * op::FLAG_LOSSY);
        if flags == TextFlags::NONE && text.len() <= 255 && total as usize <= text.len() {
            self.value(2 + text.len(), |room| {
                room.u8(op::STR8)
                    .u8(text.len() as u8)
                    .bytes(text.as_bytes())
            });
        } else {
            self.long(op::STR, flags, text.as_bytes(), 0, total as usize);
        }
    }

    /// Binary data whose original had `total` bytes: for the redact stage.
    pub(crate) fn clean_binary(&mut self, kept: &[u8], total: u32) {
        self.value(9 + kept.len(), |room| {
            room.u8(op::BYTES)
                .u32(kept.len() as u32)
                .u32(total)
                .bytes(kept)
        });
    }

    // Inner workings.

    fn units(&mut self, code: u8, flags: TextFlags, bytes: &[u8], unit: usize, total: usize) {
        let kept = bytes.len().min(self.string_limit.saturating_mul(unit));
        let ahead = (bytes.len() - kept).min(LOOKAHEAD / unit * unit);
        self.long(code, flags, &bytes[..kept + ahead], ahead, total);
    }

    fn long(&mut self, code: u8, flags: TextFlags, bytes: &[u8], ahead: usize, total: usize) {
        let kept = (bytes.len() - ahead) as u32;
        self.value(12 + bytes.len(), |room| {
            let room = room.u8(code).u8(flags.0).u32(kept).u16(ahead as u16);
            room.u32(clamp_count(total)).bytes(bytes)
        });
    }

    #[inline]
    fn structure(&mut self, size: usize, write: impl FnOnce(Room<'_>) -> Room<'_>) {
        match self.arena.room(size) {
            Some(room) => write(room).filled(),
            None => self.broken = true,
        }
    }

    #[inline]
    fn value(&mut self, size: usize, write: impl FnOnce(Room<'_>) -> Room<'_>) {
        if self.arena.len() + size > self.bound {
            return self.overflow();
        }
        match self.arena.room(size) {
            Some(room) => write(room).filled(),
            None => return self.overflow(),
        }
        self.pending_as = None;
        self.values += 1;
        if self.values >= self.values_limit {
            self.fill();
        }
    }

    #[inline]
    fn container(
        &mut self,
        size: usize,
        write: impl FnOnce(Room<'_>) -> Room<'_>,
    ) -> Option<ContainerId> {
        let before = self.values;
        if self.arena.len() + size > self.bound {
            self.overflow();
            return None;
        }
        self.value(size, write);
        debug_assert_eq!(self.values, before + 1);
        self.containers += 1;
        Some(ContainerId(self.containers))
    }

    #[cold]
    fn fill(&mut self) {
        self.full = true;
        self.bound = 0;
    }

    #[cold]
    fn overflow(&mut self) {
        self.fill();
        if let Some(start) = self.pending_as.take() {
            self.arena.truncate(start);
        }
        let reason = Reason::Budget as u8;
        self.structure(8, |room| {
            room.u8(op::SKIPPED)
                .u8(reason)
                .u16(0)
                .u32(op::UNKNOWN_COUNT)
        });
        self.values += 1;
    }
}

/// At most `max` bytes of UTF-8, cut between characters.
fn cut_utf8(text: &[u8], max: usize) -> &[u8] {
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
fn byte_of_char(text: &str, count: usize) -> usize {
    if text.len() <= count {
        return text.len();
    }
    text.char_indices()
        .nth(count)
        .map_or(text.len(), |(at, _)| at)
}

const fn name_size(cut: &[u8], total: usize) -> usize {
    if is_short(cut, total) {
        1 + cut.len()
    } else {
        7 + cut.len()
    }
}

const fn is_short(cut: &[u8], total: usize) -> bool {
    cut.len() <= op::SHORT_NAME_MAX && cut.len() == total
}

#[inline]
fn put_name<'a>(room: Room<'a>, cut: &[u8], total: usize) -> Room<'a> {
    if is_short(cut, total) {
        room.u8(op::NAME + cut.len() as u8).bytes(cut)
    } else {
        room.u8(op::LONG_NAME)
            .u16(cut.len() as u16)
            .u32(clamp_count(total))
            .bytes(cut)
    }
}

fn clamp_count(count: usize) -> u32 {
    u32::try_from(count)
        .unwrap_or(op::UNKNOWN_COUNT - 1)
        .min(op::UNKNOWN_COUNT - 1)
}
