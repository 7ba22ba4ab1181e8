//! One step of reading: the grammar of the module's page, as code. Shared by the validating pass and by iteration.

use super::entry::{
    BigInt, Exception, Frame, FrameFlags, Item, Link, Name, Section, Text, TextEncoding, TimeKind,
    TimeValue, Value,
};
use super::error::TapeError;
use super::op;
use super::reader::ContainerId;
use crate::reason::Reason;

type Result<T> = std::result::Result<T, TapeError>;

/// Types and shapes that a tape defined.
#[derive(Debug, Default)]
pub(super) struct Tables<'a> {
    types: Vec<Name<'a>>,
    shapes: Vec<Shape>,
    fields: Vec<Name<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Shape {
    type_id: u16,
    first: u32,
    count: u8,
}

impl<'a> Tables<'a> {
    pub(super) fn define_type(&mut self, name: Name<'a>, at: usize) -> Result<()> {
        if self.types.len() >= usize::from(u16::MAX) {
            return Err(TapeError::new(at, "too many types"));
        }
        self.types.push(name);
        Ok(())
    }

    pub(super) fn define_shape(
        &mut self,
        type_id: u16,
        names: Vec<Name<'a>>,
        at: usize,
    ) -> Result<()> {
        if self.shapes.len() > usize::from(u16::MAX) {
            return Err(TapeError::new(at, "too many shapes"));
        }
        let (first, count) = (self.fields.len() as u32, names.len() as u8);
        self.fields.extend(names);
        self.shapes.push(Shape {
            type_id,
            first,
            count,
        });
        Ok(())
    }

    /// The name of a type; the inner `None` is type 0.
    fn type_name(&self, id: u16) -> Option<Option<Name<'a>>> {
        match id {
            0 => Some(None),
            id => self.types.get(usize::from(id) - 1).copied().map(Some),
        }
    }
}

/// What a group is the inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupKind {
    Root,
    List,
    Map,
    Object,
    Shaped(u16),
    Exception,
    Frame,
}

/// Result of one step.
pub(super) enum Step<'a> {
    Type(Name<'a>),
    Shape {
        type_id: u16,
        names: Vec<Name<'a>>,
    },
    Item {
        item: Item<'a>,
        opens: Option<GroupKind>,
    },
    End,
}

/// Position inside one group.
#[derive(Clone, Debug)]
pub(super) struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    kind: GroupKind,
    section: Option<Section>,
    /// Values of the group so far.
    count: u32,
    gap: bool,
    next_container: u32,
    name: Option<Name<'a>>,
    as_type: Option<Name<'a>>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize, kind: GroupKind, next_container: u32) -> Self {
        Self {
            bytes,
            at,
            kind,
            section: None,
            count: 0,
            gap: false,
            next_container,
            name: None,
            as_type: None,
        }
    }

    pub(super) const fn offset(&self) -> usize {
        self.at
    }

    pub(super) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Goes to where an item begins, or to the END.
    pub(super) const fn seek(&mut self, at: usize) {
        self.at = at;
    }

    /// A value that was read elsewhere ends here.
    #[inline]
    pub(super) const fn passed(&mut self, at: usize) {
        self.at = at;
        self.count += 1;
    }

    /// Reads up to and including the next definition, item or END. With `TRUSTED` the text was validated by an earlier pass over
    /// the same bytes.
    #[inline]
    pub(super) fn step<const TRUSTED: bool>(&mut self, tables: &Tables<'a>) -> Result<Step<'a>> {
        loop {
            let start = self.at;
            let first = self.u8()?;
            if first >= op::NAME {
                if self.name.is_some() || !self.named() {
                    return Err(TapeError::new(start, "name where none may stand"));
                }
                self.name = Some(self.name_after::<TRUSTED>(first)?);
                continue;
            }
            let pending = self.name.is_some() || self.as_type.is_some();
            match first {
                op::TYPE => return Ok(Step::Type(self.name::<TRUSTED>()?)),
                op::SHAPE => {
                    let type_id = self.u16()?;
                    if tables.type_name(type_id).is_none() {
                        return Err(TapeError::new(start, "shape of an undefined type"));
                    }
                    let count = self.u8()?;
                    let mut names = Vec::with_capacity(usize::from(count));
                    for _ in 0..count {
                        names.push(self.name::<TRUSTED>()?);
                    }
                    return Ok(Step::Shape { type_id, names });
                }
                op::AS if self.as_type.is_none() => {
                    let type_name = self.type_name(tables)?;
                    self.as_type =
                        Some(type_name.ok_or(TapeError::new(start, "AS names no type"))?);
                }
                op::END if !pending => return self.end(start),
                op::GAP if !pending => {
                    let reason = self.reason()?;
                    let count = self.count()?;
                    self.gap = true;
                    return Ok(Step::Item {
                        item: Item::Gap { reason, count },
                        opens: None,
                    });
                }
                op::SECTION if !pending => return self.section(start),
                code => return self.item::<TRUSTED>(tables, start, code),
            }
        }
    }

    fn end(&self, start: usize) -> Result<Step<'a>> {
        if self.kind == GroupKind::Map && self.count % 2 == 1 {
            return Err(TapeError::new(start, "key without a value"));
        }
        if self.kind == GroupKind::Root && self.count == 0 {
            return Err(TapeError::new(start, "no exception"));
        }
        Ok(Step::End)
    }

    fn section(&mut self, start: usize) -> Result<Step<'a>> {
        let section = Section::from_code(self.u8()?);
        match (section, self.kind) {
            (Some(section), GroupKind::Frame) if section.of_frame() => self.section = Some(section),
            (Some(section), GroupKind::Exception) if !section.of_frame() => {
                self.section = Some(section);
            }
            _ => return Err(TapeError::new(start, "section where it may not stand")),
        }
        let section = self.section.ok_or(TapeError::new(start, "no section"))?;
        Ok(Step::Item {
            item: Item::Section(section),
            opens: None,
        })
    }

    #[inline]
    fn named(&self) -> bool {
        match self.kind {
            GroupKind::Object => true,
            GroupKind::Exception | GroupKind::Frame => self.section.is_some_and(Section::named),
            _ => false,
        }
    }

    #[inline]
    fn item<const TRUSTED: bool>(
        &mut self,
        tables: &Tables<'a>,
        start: usize,
        code: u8,
    ) -> Result<Step<'a>> {
        let mut opens = None;
        let value = self.value::<TRUSTED>(tables, start, code, &mut opens)?;
        let mut name = self.name.take();
        let as_type = self.as_type.take();
        if as_type.is_some() && !matches!(code, 0x10..=0x2f) {
            return Err(TapeError::new(start, "AS before a value that is no scalar"));
        }
        match self.kind {
            GroupKind::Shaped(shape) => {
                let field = tables.shapes.get(usize::from(shape)).and_then(|shape| {
                    (self.count < u32::from(shape.count))
                        .then(|| tables.fields[(shape.first + self.count) as usize])
                });
                name = Some(field.ok_or(TapeError::new(start, "more values than the shape has"))?);
            }
            GroupKind::Root => self.check_exception(start, &value)?,
            _ => {
                if name.is_some() != self.named() {
                    return Err(TapeError::new(start, "value without its name"));
                }
                self.check_place(start, &value)?;
            }
        }
        self.count += 1;
        Ok(Step::Item {
            item: Item::Value {
                name,
                as_type,
                value,
            },
            opens,
        })
    }

    fn check_exception(&self, start: usize, value: &Value<'a>) -> Result<()> {
        let Value::Exception(Exception { link, parent, .. }) = *value else {
            return Err(TapeError::new(
                start,
                "group 0 holds something else than an exception",
            ));
        };
        let fits = if self.count == 0 {
            link == Link::Root && parent == 0
        } else {
            link != Link::Root && parent < self.count
        };
        if fits {
            Ok(())
        } else {
            Err(TapeError::new(start, "exception linked to none before it"))
        }
    }

    #[inline]
    fn check_place(&self, start: usize, value: &Value<'a>) -> Result<()> {
        let sectioned = matches!(self.kind, GroupKind::Exception | GroupKind::Frame);
        let frame_here = self.section == Some(Section::Frames);
        match value {
            Value::Exception(_) => Err(TapeError::new(start, "exception outside group 0")),
            Value::Absent => Err(TapeError::new(start, "ABSENT outside a shaped object")),
            Value::Frame(_) if !frame_here => Err(TapeError::new(start, "frame out of place")),
            _ if sectioned && self.section.is_none() => {
                Err(TapeError::new(start, "value before a section"))
            }
            value if frame_here && !matches!(value, Value::Frame(_)) => Err(TapeError::new(
                start,
                "section of frames holds something else",
            )),
            _ => Ok(()),
        }
    }

    #[inline]
    fn value<const TRUSTED: bool>(
        &mut self,
        tables: &Tables<'a>,
        start: usize,
        code: u8,
        opens: &mut Option<GroupKind>,
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
                    id: self.open(opens, GroupKind::List),
                    type_name,
                    size,
                }
            }
            op::MAP => {
                let type_name = self.type_name(tables)?;
                let size = self.count()?;
                Value::Map {
                    id: self.open(opens, GroupKind::Map),
                    type_name,
                    size,
                }
            }
            op::OBJECT => {
                let type_name = self.type_name(tables)?;
                Value::Object {
                    id: self.open(opens, GroupKind::Object),
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
                    id: self.open(opens, GroupKind::Shaped(id)),
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
    fn open(&mut self, opens: &mut Option<GroupKind>, kind: GroupKind) -> ContainerId {
        *opens = Some(kind);
        let id = ContainerId(self.next_container);
        self.next_container += 1;
        id
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
        opens: &mut Option<GroupKind>,
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
        let id = self.open(opens, GroupKind::Exception);
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
        opens: &mut Option<GroupKind>,
    ) -> Result<Value<'a>> {
        let flags = self.u8()?;
        if flags & !FrameFlags::ALL != 0 {
            return Err(TapeError::new(start, "unknown flag of a frame"));
        }
        Ok(Value::Frame(Frame {
            id: self.open(opens, GroupKind::Frame),
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

    fn name<const TRUSTED: bool>(&mut self) -> Result<Name<'a>> {
        let first = self.u8()?;
        if first < op::NAME {
            return Err(TapeError::new(self.at - 1, "no name where one must stand"));
        }
        self.name_after::<TRUSTED>(first)
    }

    #[inline]
    fn name_after<const TRUSTED: bool>(&mut self, first: u8) -> Result<Name<'a>> {
        let start = self.at - 1;
        let (kept, total) = match first {
            op::LONG_NAME => (self.u16()?.into(), self.u32()?),
            first => (usize::from(first & 0x7f), u32::from(first & 0x7f)),
        };
        if (total as usize) < kept {
            return Err(TapeError::new(start, "name longer than it was"));
        }
        let bytes = self.take(kept)?;
        Ok(Name {
            text: self.text::<TRUSTED>(bytes)?,
            total,
        })
    }

    fn reason(&mut self) -> Result<Reason> {
        let code = self.u8()?;
        Reason::from_code(code).ok_or(TapeError::new(self.at - 1, "unknown reason"))
    }

    fn count(&mut self) -> Result<Option<u32>> {
        let count = self.u32()?;
        Ok((count != op::UNKNOWN_COUNT).then_some(count))
    }

    #[inline]
    fn type_name(&mut self, tables: &Tables<'a>) -> Result<Option<Name<'a>>> {
        let id = self.u16()?;
        tables
            .type_name(id)
            .ok_or(TapeError::new(self.at - 2, "undefined type"))
    }

    #[inline]
    fn text<const TRUSTED: bool>(&self, bytes: &'a [u8]) -> Result<&'a str> {
        if TRUSTED {
            // SAFETY: `Tape::parse` ran the untrusted form of this same step over these same bytes, which are borrowed
            // immutably for 'a, and refused the tape if any text was not UTF-8. Only `Items`, made by `Tape`, is trusted.
            return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
        }
        std::str::from_utf8(bytes).map_err(|_| TapeError::new(self.at, "text is not UTF-8"))
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let taken = rest
            .get(..length)
            .ok_or(TapeError::new(self.at, "ends inside a value"))?;
        self.at += length;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let rest = &self.bytes[self.at..];
        let taken = rest
            .first_chunk::<N>()
            .ok_or(TapeError::new(self.at, "ends inside a value"))?;
        self.at += N;
        Ok(*taken)
    }

    #[inline]
    fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    #[inline]
    fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    #[inline]
    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    #[inline]
    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }
}
