//! What only the redact stage writes: a tape that says what another one says, without its secrets.

use super::name::{cut_utf8, name_size, put_name};
use super::{TapeWriter, TextFlags, TypeId};
use crate::language::Language;
use crate::limits::Limits;
use crate::tape::op;
use crate::tape::reader::ContainerId;

impl TapeWriter {
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

    /// Shown text, of an original with `more` characters where that is more than is shown: for the redact stage, which writes a clean
    /// tape.
    pub(crate) fn clean_text(
        &mut self,
        text: &str,
        more: Option<u32>,
        rendered: bool,
        lossy: bool,
    ) {
        let flags =
            TextFlags(u8::from(rendered) * op::FLAG_RENDERED + u8::from(lossy) * op::FLAG_LOSSY);
        if flags == TextFlags::NONE && text.len() <= 255 && more.is_none() {
            self.value(2 + text.len(), |room| {
                room.u8(op::STR8)
                    .u8(text.len() as u8)
                    .bytes(text.as_bytes())
            });
        } else {
            let total = more.map_or_else(|| text.chars().count(), |total| total as usize);
            self.long(op::STR, flags, text.as_bytes(), 0, total);
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
}
