//! Values with contents, and values that are not shown.

use super::name::{NAME_MAX, clamp_count, cut_utf8, name_size, put_name};
use super::{Location, ShapeId, TapeWriter, TypeId};
use crate::reason::Reason;
use crate::tape::entry::{FrameFlags, Link};
use crate::tape::op;
use crate::tape::reader::ContainerId;

impl TapeWriter {
    // Containers. `None`: the budget is spent, a SKIPPED (or a gap) stands there instead, and there is no group to write.

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
        self.node(9, |room| {
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
        self.node(size, |room| {
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
}
