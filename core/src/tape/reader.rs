//! Validating reader: one pass over a foreign tape, then cheap borrowed access to any group.

use super::cursor::Cursor;
use super::decode::{Decoder, GroupKind, Opened, Step, Tables};
use super::entry::{Exception, Frame, Item, Section, Value};
use super::error::TapeError;
use super::header::{HEADER_BYTES, Header};
use super::op::MAX_NESTING;
use crate::reason::Reason;

/// Number of a container on its tape, from 1 in the order of their opcodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerId(pub u32);

/// What a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerKind {
    /// Sequence or set.
    List,
    /// Map.
    Map,
    /// Object with named fields.
    Object,
    /// Exception.
    Exception,
    /// Frame.
    Frame,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// First byte, 0 if the tape ends before it.
    offset: u32,
    /// Where the opcode of the container stands.
    opcode: u32,
    /// Number of the first container inside it.
    first_child: u32,
    kind: GroupKind,
    level: u16,
    /// A REF names the container.
    referred: bool,
    /// Values in the group, absent fields not counted.
    values: u32,
}

impl Group {
    const fn new(opcode: usize, kind: GroupKind, level: u16) -> Self {
        Self {
            offset: 0,
            opcode: opcode as u32,
            first_child: 0,
            kind,
            level,
            referred: false,
            values: 0,
        }
    }
}

/// A validated tape. Every byte was checked by [`Tape::parse`]; reading from it cannot fail.
///
/// Memory: 24 bytes per container beside the borrowed bytes.
#[derive(Debug)]
pub struct Tape<'a> {
    bytes: &'a [u8],
    header: Header,
    tables: Tables<'a>,
    groups: Vec<Group>,
}

impl<'a> Tape<'a> {
    /// Validates a tape from anywhere.
    ///
    /// # Errors
    ///
    /// [`TapeError`] names the first byte that breaks the format (see the module's page for the rules).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TapeError> {
        let header = Header::decode(bytes)?;
        let mut tables = Tables::default();
        let mut groups = vec![Group::new(0, GroupKind::Root, 0)];
        let mut at = HEADER_BYTES;
        let mut values = 0;
        let mut open = 0;
        let mut item = Item::NONE;
        while open < groups.len() && at < bytes.len() {
            let first_child = groups.len() as u32;
            let Group { kind, level, .. } = groups[open];
            groups[open].offset = at as u32;
            groups[open].first_child = first_child;
            let mut decoder = Decoder::new(bytes, at, kind, first_child);
            loop {
                let start = decoder.offset();
                match decoder.step::<false>(&tables, &mut item)? {
                    Step::Type(name) => tables.define_type(name, start)?,
                    Step::Shape { type_id, names } => tables.define_shape(type_id, names, start)?,
                    Step::Item { opens } => {
                        if let Item::Value { value, .. } = &item {
                            values += 1;
                            groups[open].values += u32::from(*value != Value::Absent);
                            if let Value::Ref(target) = value {
                                groups[target.0 as usize].referred = true;
                            }
                        }
                        if let Some(Opened { kind, at }) = opens {
                            if level >= MAX_NESTING {
                                return Err(TapeError::new(start, "nested too deep"));
                            }
                            groups.push(Group::new(at, kind, level + 1));
                        }
                    }
                    Step::End => break,
                }
            }
            at = decoder.offset();
            open += 1;
        }
        if at != bytes.len() {
            return Err(TapeError::new(at, "bytes after the last group"));
        }
        if open == 0 || (open < groups.len() && header.stop.is_none()) {
            return Err(TapeError::new(
                at,
                "groups are missing and the header names no reason",
            ));
        }
        if header.values != values {
            return Err(TapeError::new(12, "number of values is not the header's"));
        }
        if header.containers as usize != groups.len() - 1 {
            return Err(TapeError::new(
                16,
                "number of containers is not the header's",
            ));
        }
        Ok(Self {
            bytes,
            header,
            tables,
            groups,
        })
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes of the tape.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What stands in group 0: the exceptions, the captured one first.
    #[must_use]
    pub fn root(&self) -> Items<'_, 'a> {
        self.items(0)
    }

    /// What is inside a container; nothing if the tape ended before (see [`Tape::is_captured`]).
    #[must_use]
    pub fn group(&self, id: ContainerId) -> Items<'_, 'a> {
        self.items(id.0 as usize)
    }

    /// Whether the tape has this container's contents. If not, `header().stop` says why.
    #[must_use]
    pub fn is_captured(&self, id: ContainerId) -> bool {
        self.groups
            .get(id.0 as usize)
            .is_some_and(|group| group.offset != 0)
    }

    /// How many values [`Tape::group`] gives for this container, absent fields not counted: keys and values of a map each for one.
    #[must_use]
    pub fn group_len(&self, id: ContainerId) -> u32 {
        self.groups
            .get(id.0 as usize)
            .map_or(0, |group| group.values)
    }

    /// Whether a value on the tape is a reference to this container.
    #[must_use]
    pub fn is_referred(&self, id: ContainerId) -> bool {
        let group = self.groups.get(id.0 as usize);
        group.is_some_and(|group| group.referred)
    }

    /// The value that opens a container, wherever it stands; `None` for a number that is not on the tape.
    #[must_use]
    pub fn container(&self, id: ContainerId) -> Option<Value<'a>> {
        let at = match self.groups.get(id.0 as usize)?.opcode {
            0 => return None,
            at => at as usize,
        };
        let decoder = Decoder::new(self.bytes, at, GroupKind::List, id.0);
        decoder.container(&self.tables)
    }

    /// Why containers without contents have none.
    #[must_use]
    pub fn stop(&self) -> Reason {
        self.header.stop.unwrap_or(Reason::Budget)
    }

    /// What a container is; `None` for a number that is not on the tape.
    #[must_use]
    pub fn kind(&self, id: ContainerId) -> Option<ContainerKind> {
        Some(match self.groups.get(id.0 as usize)?.kind {
            GroupKind::Root => return None,
            GroupKind::List => ContainerKind::List,
            GroupKind::Map => ContainerKind::Map,
            GroupKind::Object | GroupKind::Shaped(_) => ContainerKind::Object,
            GroupKind::Exception => ContainerKind::Exception,
            GroupKind::Frame => ContainerKind::Frame,
        })
    }

    /// Containers on the tape, those without contents included.
    #[must_use]
    pub fn containers(&self) -> u32 {
        self.header.containers
    }

    /// The exceptions, in the order of group 0.
    pub fn exceptions(&self) -> impl Iterator<Item = Exception<'a>> {
        self.root().filter_map(|item| match item {
            Item::Value {
                value: Value::Exception(exception),
                ..
            } => Some(exception),
            _ => None,
        })
    }

    /// The frames of an exception, raising frame first.
    pub fn frames(&self, exception: ContainerId) -> impl Iterator<Item = Frame<'a>> {
        self.group(exception).filter_map(|item| match item {
            Item::Value {
                value: Value::Frame(frame),
                ..
            } => Some(frame),
            _ => None,
        })
    }

    /// Values and gaps of one section of an exception's or a frame's group.
    pub fn section(&self, id: ContainerId, section: Section) -> impl Iterator<Item = Item<'a>> {
        let mut current = None;
        self.group(id).filter(move |item| {
            if let Item::Section(next) = item {
                current = Some(*next);
                return false;
            }
            current == Some(section)
        })
    }

    /// All that is known of a container's group, in one look.
    pub(crate) fn contents(&self, id: ContainerId) -> Contents<'_, 'a> {
        let group = self.groups.get(id.0 as usize);
        Contents {
            items: self.items_of(group),
            values: group.map_or(0, |group| group.values),
            is_captured: group.is_some_and(|group| group.offset != 0),
            is_referred: group.is_some_and(|group| group.referred),
        }
    }

    fn items(&self, index: usize) -> Items<'_, 'a> {
        self.items_of(self.groups.get(index))
    }

    fn items_of(&self, group: Option<&Group>) -> Items<'_, 'a> {
        let group = group.filter(|group| group.offset != 0);
        let cursor = group.map_or_else(Cursor::empty, |group| {
            let at = group.offset as usize;
            // SAFETY: `parse` validated the whole of `bytes` and put the offset, the kind and the number of the first container
            // of this group's own first item there.
            unsafe { Cursor::new(self.bytes, at, group.kind, group.first_child) }
        });
        Items {
            tables: &self.tables,
            cursor,
        }
    }
}

/// A container's group.
pub(crate) struct Contents<'t, 'a> {
    pub(crate) items: Items<'t, 'a>,
    /// As [`Tape::group_len`].
    pub(crate) values: u32,
    pub(crate) is_captured: bool,
    pub(crate) is_referred: bool,
}

/// Items of one group, in their order.
#[derive(Clone, Debug)]
pub struct Items<'t, 'a> {
    tables: &'t Tables<'a>,
    cursor: Cursor<'a>,
}

impl<'a> Items<'_, 'a> {
    /// Puts the next item into `item`; `false` at the end. Items are large: this spares moving them. Inlined wherever it is called:
    /// for the encoders' few loops over groups.
    #[inline(always)]
    pub(crate) fn advance(&mut self, item: &mut Item<'a>) -> bool {
        self.cursor.advance(self.tables, item)
    }
}

impl<'a> Iterator for Items<'_, 'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let mut item = Item::NONE;
        self.advance(&mut item).then_some(item)
    }
}
