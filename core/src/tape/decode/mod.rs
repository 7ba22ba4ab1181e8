//! One step of reading: the grammar of the module's page, as code. Shared by the validating pass and by iteration.
//!
//! This file has the grammar of a group: what may stand where. [`value`] has the payloads of the opcodes, [`bytes`] what they are
//! made of, [`tables`] what a tape defined.

mod bytes;
mod tables;
mod value;

use super::entry::{Exception, Item, Link, Name, Section, Value};
use super::error::TapeError;
use super::op;
use super::reader::ContainerId;
pub(super) use tables::Tables;

type Result<T> = std::result::Result<T, TapeError>;

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
    /// The item is where the caller wanted it.
    Item {
        opens: Option<Opened>,
    },
    End,
}

/// A container that a step met.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) kind: GroupKind,
    /// Where its opcode stands.
    pub(super) at: usize,
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

    /// The container whose opcode stands here, on a validated tape.
    pub(super) fn container(mut self, tables: &Tables<'a>) -> Option<Value<'a>> {
        let start = self.at;
        let code = self.u8().ok()?;
        self.value::<true>(tables, start, code, &mut None).ok()
    }

    /// The number of a container that is read elsewhere.
    #[inline]
    pub(super) const fn next_container(&mut self) -> ContainerId {
        let id = ContainerId(self.next_container);
        self.next_container += 1;
        id
    }

    /// A value that was read elsewhere ends here.
    #[inline]
    pub(super) const fn passed(&mut self, at: usize) {
        self.at = at;
        self.count += 1;
    }

    /// Reads up to and including the next definition, item or END. With `TRUSTED` an earlier pass over the same bytes validated the
    /// text and took the definitions, which are passed over. An item is put into `item`.
    #[inline]
    pub(super) fn step<const TRUSTED: bool>(
        &mut self,
        tables: &Tables<'a>,
        item: &mut Item<'a>,
    ) -> Result<Step<'a>> {
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
                op::TYPE => {
                    let name = self.name::<TRUSTED>()?;
                    if !TRUSTED {
                        return Ok(Step::Type(name));
                    }
                }
                op::SHAPE => {
                    let type_id = self.u16()?;
                    if tables.type_name(type_id).is_none() {
                        return Err(TapeError::new(start, "shape of an undefined type"));
                    }
                    let count = self.u8()?;
                    let mut names = Vec::with_capacity(if TRUSTED { 0 } else { count.into() });
                    for _ in 0..count {
                        let name = self.name::<TRUSTED>()?;
                        if !TRUSTED {
                            names.push(name);
                        }
                    }
                    if !TRUSTED {
                        return Ok(Step::Shape { type_id, names });
                    }
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
                    *item = Item::Gap { reason, count };
                    return Ok(Step::Item { opens: None });
                }
                op::SECTION if !pending => return self.section(start, item),
                code => return self.item::<TRUSTED>(tables, start, code, item),
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

    fn section(&mut self, start: usize, item: &mut Item<'a>) -> Result<Step<'a>> {
        let section = Section::from_code(self.u8()?);
        match (section, self.kind) {
            (Some(section), GroupKind::Frame) if section.of_frame() => self.section = Some(section),
            (Some(section), GroupKind::Exception) if !section.of_frame() => {
                self.section = Some(section);
            }
            _ => return Err(TapeError::new(start, "section where it may not stand")),
        }
        let section = self.section.ok_or(TapeError::new(start, "no section"))?;
        *item = Item::Section(section);
        Ok(Step::Item { opens: None })
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
        item: &mut Item<'a>,
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
        *item = Item::Value {
            name,
            as_type,
            value,
        };
        Ok(Step::Item { opens })
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
}
