//! Writing a tape in the same process: what a host's walker calls once per value.
//!
//! The walker keeps the queue of containers whose contents are still to be written; the writer keeps the grammar, the numbering and
//! the budget. The order of calls is the format's: [`TapeWriter::begin`], the exceptions, [`TapeWriter::end_group`], then for each
//! container in the order of its opening its items and `end_group`, and [`TapeWriter::finish`].
//!
//! When the budget (bytes or values) is spent, [`TapeWriter::is_full`] turns true. A value written then becomes a SKIPPED with the
//! reason `budget` (an exception or a frame: a gap), out of a reserve, so the tape stays well-formed; the walker looks at `is_full`
//! between items, writes a gap, ends the group, and finishes with the stop reason `budget`.
//!
//! This file has the structure of a tape and the budget; [`scalar`] writes values without contents, [`container`] those with contents
//! and those that are not shown, [`clean`] what only the redact stage writes, [`name`] names.

use std::time::Duration;

mod clean;
mod container;
mod name;
mod scalar;

use super::arena::{Arena, Room};
use super::entry::Section;
use super::header::{HEADER_BYTES, Header};
use super::op;
use super::reader::ContainerId;
use crate::language::Language;
use crate::limits::Limits;
use crate::reason::Reason;
pub use name::ShapeNames;
use name::{NAME_MAX, name_size, put_name};
pub(super) use name::{byte_of_char, cut_utf8};

/// Bytes kept back for what must still be written when the budget is spent: skipped values, a gap, END.
const RESERVE: usize = 256;

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

    /// Defines a shape; `None` when the budget is spent.
    pub fn define_shape(&mut self, type_id: TypeId, names: &ShapeNames) -> Option<ShapeId> {
        let size = 4 + names.bytes.len();
        if self.arena.len() + size > self.bound || self.shapes == u16::MAX {
            return None;
        }
        let room = self.arena.room(size)?.u8(op::SHAPE).u16(type_id.0);
        room.u8(names.count).bytes(&names.bytes).filled();
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

    /// An exception or a frame: where one of them may stand, nothing else may, so a gap tells that it has no room.
    fn node(
        &mut self,
        size: usize,
        write: impl FnOnce(Room<'_>) -> Room<'_>,
    ) -> Option<ContainerId> {
        if self.arena.len() + size > self.bound {
            self.fill();
            self.gap(Reason::Budget, Some(1));
            return None;
        }
        self.container(size, write)
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
