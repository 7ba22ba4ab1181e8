//! The values: one opcode and its payload.

use super::{Decoder, GroupKind, Opened, Result, Tables};
use crate::tape::entry::{
    BigInt, Exception, Frame, FrameFlags, Link, Text, TextEncoding, TimeKind, TimeValue, Value,
};
use crate::tape::error::TapeError;
use crate::tape::op;
use crate::tape::reader::ContainerId;

impl<'a> Decoder<'a> {
    #[inline]
    pub(super) fn value<const TRUSTED: bool>(
        &mut self,
        tables: &Tables<'a>,
        start: usize,
        code: u8,
        opens: &mut Option<Opened>,
    ) -> Result<Value<'a>> {
        Ok(match code {
            op::NULL => Value::Null,
            op::FALSE => Value::Bool(false),
            op::TRUE => Value::Bool(true),
            op::I8 => Value::Int(i64::from(self.u8()? as i8)),
            op::I32 => Value::Int(i64::from(self.u32()? as i32)),
            op::I64 => Value::Int(self.u64()? as i64),
            op::U64 => Value::Uint(self.u64()?),
            op::F64 => Value::Float(f64::from_bits(self.u64()?)),
            op::BIG => self.big(start)?,
            op::TIME => self.time(start)?,
            op::STR8 => {
                let length = usize::from(self.u8()?);
                let bytes = self.take(length)?;
                Value::Text(Text::whole(self.text::<TRUSTED>(bytes)?))
            }
            op::STR => self.long_text::<TRUSTED>(TextEncoding::Utf8, 1)?,
            op::LATIN1 => self.long_text::<TRUSTED>(TextEncoding::Latin1, 1)?,
            op::UTF16 => self.long_text::<TRUSTED>(TextEncoding::Utf16, 2)?,
            op::UTF32 => self.long_text::<TRUSTED>(TextEncoding::Utf32, 4)?,
            op::BYTES => {
                let kept = self.u32()?;
                let total = self.u32()?;
                if kept > total {
                    return Err(TapeError::new(start, "keeps more bytes than there were"));
                }
                Value::Bytes {
                    kept: self.take(kept as usize)?,
                    total,
                }
            }
            op::CLEANED => {
                let rule = self.name::<TRUSTED>()?;
                let flags = self.text_flags()?;
                let length = self.u32()? as usize;
                let bytes = self.take(length)?;
                Value::Cleaned {
                    text: self.text::<TRUSTED>(bytes)?,
                    rule,
                    rendered: flags & op::FLAG_RENDERED != 0,
                    lossy: flags & op::FLAG_LOSSY != 0,
                }
            }
            op::LIST => {
                let type_name = self.type_name(tables)?;
                let size = self.count()?;
                Value::List {
                    id: self.open(opens, start, GroupKind::List),
                    type_name,
                    size,
                }
            }
            op::MAP => {
                let type_name = self.type_name(tables)?;
                let size = self.count()?;
                Value::Map {
                    id: self.open(opens, start, GroupKind::Map),
                    type_name,
                    size,
                }
            }
            op::OBJECT => {
                let type_name = self.type_name(tables)?;
                Value::Object {
                    id: self.open(opens, start, GroupKind::Object),
                    type_name,
                }
            }
            op::SHAPED => {
                let id = self.u16()?;
                let Some(shape) = tables.shapes.get(usize::from(id)) else {
                    return Err(TapeError::new(start, "undefined shape"));
                };
                let type_name = tables.type_name(shape.type_id).flatten();
                Value::Object {
                    id: self.open(opens, start, GroupKind::Shaped(id)),
                    type_name,
                }
            }
            op::EXCEPTION => self.exception(tables, start, opens)?,
            op::FRAME => self.frame::<TRUSTED>(start, opens)?,
            op::REF => {
                let target = self.u32()?;
                if target == 0 || target >= self.next_container {
                    return Err(TapeError::new(start, "reference to no container before it"));
                }
                Value::Ref(ContainerId(target))
            }
            op::OPAQUE => Value::Opaque {
                type_name: self.type_name(tables)?,
            },
            op::REDACTED | op::ALIAS => {
                let reason = self.reason()?;
                if !reason.is_redaction() {
                    return Err(TapeError::new(
                        start,
                        "hidden for a reason that hides nothing",
                    ));
                }
                let type_name = self.type_name(tables)?;
                let rule = self.name::<TRUSTED>()?;
                let alias = match code {
                    op::ALIAS => Some((self.u32()?, self.u64()?)),
                    _ => None,
                };
                Value::Redacted {
                    reason,
                    type_name,
                    rule,
                    alias,
                }
            }
            op::SKIPPED => {
                let reason = self.reason()?;
                let type_name = self.type_name(tables)?;
                Value::Skipped {
                    reason,
                    type_name,
                    size: self.count()?,
                }
            }
            op::FAILED => {
                let type_name = self.type_name(tables)?;
                Value::Failed {
                    type_name,
                    cause: self.name::<TRUSTED>()?,
                }
            }
            op::ABSENT => Value::Absent,
            _ => return Err(TapeError::new(start, "unknown opcode")),
        })
    }

    #[inline]
    fn open(&mut self, opens: &mut Option<Opened>, start: usize, kind: GroupKind) -> ContainerId {
        *opens = Some(Opened { kind, at: start });
        self.next_container()
    }

    fn big(&mut self, start: usize) -> Result<Value<'a>> {
        let negative = match self.u8()? {
            0 => false,
            1 => true,
            _ => return Err(TapeError::new(start, "sign is neither 0 nor 1")),
        };
        let bits = self.u32()?;
        let length = self.u8()?;
        let head = self.take(usize::from(length))?;
        let leading_zeros = head.first().map_or(0, |byte| byte.leading_zeros());
        let held = (8 * u32::from(length)).saturating_sub(leading_zeros);
        let fits = (1..=16).contains(&length)
            && leading_zeros < 8
            && (held == bits || (held == 128 && bits > 128));
        if !fits {
            return Err(TapeError::new(
                start,
                "integer whose bytes and bits disagree",
            ));
        }
        Ok(Value::Big(BigInt {
            negative,
            bits,
            head,
        }))
    }

    fn time(&mut self, start: usize) -> Result<Value<'a>> {
        let kind = match self.u8()? {
            0 => TimeKind::DateTime,
            1 => TimeKind::Date,
            2 => TimeKind::TimeOfDay,
            3 => TimeKind::Duration,
            _ => return Err(TapeError::new(start, "unknown kind of time")),
        };
        let seconds = self.u64()? as i64;
        let nanos = self.u32()?;
        let offset = self.u32()? as i32;
        if nanos >= 1_000_000_000 {
            return Err(TapeError::new(start, "a second or more in the nanoseconds"));
        }
        let offset = (offset != i32::MIN).then_some(offset);
        Ok(Value::Time(TimeValue {
            kind,
            seconds,
            nanos,
            offset,
        }))
    }

    fn long_text<const TRUSTED: bool>(
        &mut self,
        encoding: TextEncoding,
        unit: usize,
    ) -> Result<Value<'a>> {
        let start = self.at;
        let flags = self.text_flags()?;
        let kept = self.u32()?;
        let ahead = self.u16()?;
        let total = self.u32()?;
        let length = (kept as usize)
            .checked_add(usize::from(ahead))
            .ok_or(TapeError::new(start, "text longer than the tape"))?;
        let bytes = self.take(length)?;
        if !(kept as usize).is_multiple_of(unit) || !usize::from(ahead).is_multiple_of(unit) {
            return Err(TapeError::new(start, "text ends inside a character"));
        }
        if encoding == TextEncoding::Utf8 {
            let (shown, ahead) = bytes.split_at(kept as usize);
            self.text::<TRUSTED>(shown)?;
            self.text::<TRUSTED>(ahead)?;
        }
        Ok(Value::Text(Text {
            encoding,
            bytes,
            kept,
            total,
            flags,
        }))
    }

    fn text_flags(&mut self) -> Result<u8> {
        let flags = self.u8()?;
        if flags & !(op::FLAG_RENDERED | op::FLAG_LOSSY) != 0 {
            return Err(TapeError::new(self.at - 1, "unknown flag of a text"));
        }
        Ok(flags)
    }

    fn exception(
        &mut self,
        tables: &Tables<'a>,
        start: usize,
        opens: &mut Option<Opened>,
    ) -> Result<Value<'a>> {
        let type_name = self.type_name(tables)?;
        let link = match self.u8()? {
            0 => Link::Root,
            1 => Link::Cause,
            2 => Link::Context,
            3 => Link::Member,
            _ => return Err(TapeError::new(start, "unknown link")),
        };
        let parent = self.u32()?;
        let flags = self.u8()?;
        if flags > 1 {
            return Err(TapeError::new(start, "unknown flag of an exception"));
        }
        let id = self.open(opens, start, GroupKind::Exception);
        Ok(Value::Exception(Exception {
            id,
            type_name,
            link,
            parent,
            message_unknown: flags == 1,
        }))
    }

    fn frame<const TRUSTED: bool>(
        &mut self,
        start: usize,
        opens: &mut Option<Opened>,
    ) -> Result<Value<'a>> {
        let flags = self.u8()?;
        if flags & !FrameFlags::ALL != 0 {
            return Err(TapeError::new(start, "unknown flag of a frame"));
        }
        Ok(Value::Frame(Frame {
            id: self.open(opens, start, GroupKind::Frame),
            flags: FrameFlags(flags),
            line: self.u32()?,
            end_line: self.u32()?,
            column: self.u32()?,
            end_column: self.u32()?,
            function: self.name::<TRUSTED>()?,
            module: self.name::<TRUSTED>()?,
            file: self.name::<TRUSTED>()?,
        }))
    }
}
