//! One value as plain JSON, given up where it does not fit.
//!
//! Every value writes the comma behind itself; whoever closes an array or an object turns the last one into the bracket.

use super::close;
use super::scalar::{self, Texts};
use crate::encode::buffer::append;
use crate::encode::escape::quote;
use crate::encode::limit::LimitTable;
use crate::language::Language;
use crate::reason::Reason;
use crate::tape::{Contents, Item, Name, Section, Tape, Value, own_type};

/// How much of a value is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Detail {
    /// Containers inside one another.
    depth: u32,
    /// Items of each.
    items: u32,
    /// Characters of a text.
    text: usize,
}

impl Detail {
    const fn new(depth: u32, items: u32, text: usize) -> Self {
        Self { depth, items, text }
    }
}

/// Containers inside one another that Sentry shows of a variable: it makes a text of any deeper one, an empty one too.
const DEEPEST: u32 = 3;

/// From brief to as much as there is.
pub(super) const DETAILS: [Detail; 5] = [
    Detail::new(0, 0, 40),
    Detail::new(1, 5, 80),
    Detail::new(2, 10, 160),
    Detail::new(DEEPEST, 20, 320),
    Detail::new(DEEPEST, 64, 1024),
];

/// The first of [`DETAILS`].
pub(super) const BRIEF: usize = 0;

/// Name under which it is said what is not shown.
pub(super) const MORE: &str = "…";

/// A number of fields that was not counted yet.
const UNCOUNTED: u32 = u32::MAX;

/// There is no room for the value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full;

/// Memory that is used from value to value and from snapshot to snapshot.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// What is written.
    pub(super) out: Vec<u8>,
    pub(super) texts: Texts,
    /// Names of the objects that are open, by where they stand in `out`.
    pub(super) names: Vec<(u32, u32)>,
    /// Fields that are missing of each object, by its number: they are counted once.
    missing_fields: Vec<u32>,
}

impl Scratch {
    /// Forgets the snapshot before.
    pub(super) fn begin(&mut self, containers: u32) {
        self.missing_fields.clear();
        self.missing_fields
            .resize(containers as usize + 1, UNCOUNTED);
    }
}

/// Writes values of one tape.
pub(super) struct Writer<'s, 't> {
    pub(super) tape: &'t Tape<'t>,
    pub(super) limits: LimitTable,
    pub(super) scratch: &'s mut Scratch,
    /// What is written may not be longer.
    pub(super) end: usize,
}

/// A container that is opened.
#[derive(Clone, Copy)]
struct Opened {
    depth: u32,
    level: usize,
}

impl<'s, 't> Writer<'s, 't> {
    pub(super) fn new(tape: &'t Tape<'t>, limits: LimitTable, scratch: &'s mut Scratch) -> Self {
        Self {
            tape,
            limits,
            scratch,
            end: 0,
        }
    }

    /// Writes a variable's value in a detail, by its index in [`DETAILS`]. Returns whether more detail would add nothing.
    pub(super) fn variable(
        &mut self,
        as_type: Option<&Name<'_>>,
        value: &Value<'_>,
        level: usize,
    ) -> Result<bool, Full> {
        self.scratch.names.clear();
        self.value(as_type, value, DETAILS[level].depth, level)
    }

    /// Why something is missing, as a text.
    pub(super) fn why(&mut self, reason: Reason) -> &str {
        let text = &mut self.scratch.texts.text;
        text.clear();
        scalar::reason(text, &self.limits, reason);
        text
    }

    fn value(
        &mut self,
        as_type: Option<&Name<'_>>,
        value: &Value<'_>,
        depth: u32,
        level: usize,
    ) -> Result<bool, Full> {
        let mut whole = true;
        match *value {
            Value::Int(number) => {
                let out = &mut self.scratch.out;
                append(out, b"\"");
                append(out, itoa::Buffer::new().format(number).as_bytes());
                append(out, b"\",");
            }
            // Most texts need no second look.
            Value::Text(ref text)
                if text.as_whole().is_some_and(|text| {
                    text.len() <= DETAILS[level].text && scalar::is_bare(text)
                }) && self.tape.header().language == Language::Python =>
            {
                let out = &mut self.scratch.out;
                append(out, b"\"'");
                append(out, text.as_whole().unwrap_or_default().as_bytes());
                append(out, b"'\",");
            }
            Value::List { .. } | Value::Map { .. } | Value::Object { .. } => {
                whole = self.container(value, depth, level)?;
            }
            Value::Ref(target) => match self.tape.container(target) {
                Some(Value::Exception(exception)) => {
                    let message = self.message(exception.id);
                    whole = self.scratch.texts.exception(
                        self.tape.header().language,
                        exception.type_name.as_ref(),
                        message.as_ref(),
                        DETAILS[level].text,
                    );
                    quote(&mut self.scratch.out, &self.scratch.texts.text, b"\",");
                }
                Some(Value::Frame(_)) | None => {
                    quote(&mut self.scratch.out, "<same object as elsewhere>", b"\",");
                }
                Some(container) => whole = self.container(&container, depth, level)?,
            },
            _ => {
                let longest = DETAILS[level].text;
                whole = self.scalar(as_type, value, longest);
                quote(&mut self.scratch.out, &self.scratch.texts.text, b"\",");
            }
        }
        self.fits().map(|()| whole)
    }

    fn fits(&self) -> Result<(), Full> {
        if self.scratch.out.len() > self.end {
            return Err(Full);
        }
        Ok(())
    }

    /// Puts the text of a scalar, or why it is not shown, into the scratch. Returns whether it is all that there is.
    pub(super) fn scalar(
        &mut self,
        as_type: Option<&Name<'_>>,
        value: &Value<'_>,
        longest: usize,
    ) -> bool {
        let language = self.tape.header().language;
        self.scratch
            .texts
            .scalar(language, &self.limits, as_type, value, longest)
    }

    /// The message of an exception, which stands before all else in its group.
    fn message(&self, id: crate::tape::ContainerId) -> Option<Value<'t>> {
        let mut items = self.tape.group(id);
        match (items.next()?, items.next()?) {
            (Item::Section(Section::Message), Item::Value { value, .. }) => Some(value),
            _ => None,
        }
    }

    fn container(&mut self, value: &Value<'_>, depth: u32, level: usize) -> Result<bool, Full> {
        let Some(id) = value.container() else {
            return Ok(true);
        };
        let contents = self.tape.contents(id);
        if !contents.is_captured {
            self.why(self.tape.stop());
            quote(&mut self.scratch.out, &self.scratch.texts.text, b"\",");
            return Ok(true);
        }
        if depth == 0 {
            let whole = self.closed(value, &contents);
            let may_be_empty = DETAILS[level].depth < DEEPEST;
            match (whole && may_be_empty, value) {
                (true, Value::List { .. }) => self.scratch.out.extend_from_slice(b"[],"),
                (true, _) => self.scratch.out.extend_from_slice(b"{},"),
                _ => quote(&mut self.scratch.out, &self.scratch.texts.text, b"\","),
            }
            return Ok(whole);
        }
        let opened = Opened {
            depth: depth - 1,
            level,
        };
        let first_name = self.scratch.names.len();
        let written = match *value {
            Value::List { size, .. } => self.list(contents, size, opened),
            Value::Map { size, .. } => self.map(contents, size, opened, first_name),
            _ => self.object(contents, value, opened, first_name),
        };
        self.scratch.names.truncate(first_name);
        written
    }

    /// Puts the text of a container that is not opened into the scratch; `true` for an empty one.
    pub(super) fn closed(&mut self, value: &Value<'_>, contents: &Contents<'_, '_>) -> bool {
        let type_name = self.type_name(value);
        let text = &mut self.scratch.texts.text;
        text.clear();
        let (brackets, size) = match *value {
            Value::List { size, .. } => (["[", "]"], size.unwrap_or(contents.values)),
            Value::Map { size, .. } => (["{", "}"], size.unwrap_or(contents.values / 2)),
            _ => {
                text.push('<');
                text.push_str(type_name);
                text.push('>');
                return false;
            }
        };
        text.push_str(brackets[0]);
        if size > 0 {
            text.push_str(MORE);
            text.push(' ');
            text.push_str(itoa::Buffer::new().format(size));
        }
        text.push_str(brackets[1]);
        size == 0
    }

    fn list(
        &mut self,
        mut contents: Contents<'_, '_>,
        size: Option<u32>,
        opened: Opened,
    ) -> Result<bool, Full> {
        self.scratch.out.push(b'[');
        let (mut shown, mut whole, mut gap) = (0, true, None);
        let mut item = Item::NONE;
        while shown < DETAILS[opened.level].items && contents.items.advance(&mut item) {
            match item {
                Item::Value {
                    ref as_type,
                    ref value,
                    ..
                } => {
                    whole &= self.value(as_type.as_ref(), value, opened.depth, opened.level)?;
                    shown += 1;
                }
                Item::Gap { reason, .. } => gap = gap.or(Some(reason)),
                Item::Section(_) => {}
            }
        }
        let there = contents.values.max(size.unwrap_or(0));
        if self.more(there - shown.min(there), gap) {
            let out = &mut self.scratch.out;
            let text = &mut self.scratch.texts.text;
            text.insert_str(0, "… ");
            quote(out, text, b"\",");
        }
        close(&mut self.scratch.out, b']');
        self.fits().map(|()| whole && shown >= contents.values)
    }

    fn map(
        &mut self,
        mut contents: Contents<'_, '_>,
        size: Option<u32>,
        opened: Opened,
        first_name: usize,
    ) -> Result<bool, Full> {
        self.scratch.out.push(b'{');
        let (mut shown, mut whole, mut gap) = (0, true, None);
        let (mut is_key, mut odd) = (true, false);
        let mut item = Item::NONE;
        while shown < DETAILS[opened.level].items && contents.items.advance(&mut item) {
            match item {
                Item::Value {
                    ref as_type,
                    ref value,
                    ..
                } if is_key => {
                    odd |= self.key(as_type.as_ref(), value, odd, first_name);
                    is_key = false;
                }
                Item::Value {
                    ref as_type,
                    ref value,
                    ..
                } => {
                    whole &= self.value(as_type.as_ref(), value, opened.depth, opened.level)?;
                    shown += 1;
                    is_key = true;
                }
                Item::Gap { reason, .. } => gap = gap.or(Some(reason)),
                Item::Section(_) => {}
            }
        }
        let there = (contents.values / 2).max(size.unwrap_or(0));
        self.end_object(there - shown.min(there), gap)?;
        Ok(whole && shown >= contents.values / 2)
    }

    fn object(
        &mut self,
        mut contents: Contents<'_, '_>,
        value: &Value<'_>,
        opened: Opened,
        first_name: usize,
    ) -> Result<bool, Full> {
        let own = self.type_name(value);
        let out = &mut self.scratch.out;
        out.push(b'{');
        let start = out.len();
        out.extend_from_slice(b"\"__class__\":");
        self.scratch.names.push((start as u32, out.len() as u32));
        quote(out, own, b"\",");
        let (mut shown, mut whole, mut gap) = (0, true, None);
        let mut item = Item::NONE;
        while shown < DETAILS[opened.level].items && contents.items.advance(&mut item) {
            match item {
                Item::Value {
                    value: Value::Absent,
                    ..
                } => {}
                Item::Value {
                    name: Some(ref name),
                    ref as_type,
                    ref value,
                } => {
                    self.field(name, first_name);
                    whole &= self.value(as_type.as_ref(), value, opened.depth, opened.level)?;
                    shown += 1;
                }
                Item::Gap { reason, .. } => gap = gap.or(Some(reason)),
                Item::Section(_) | Item::Value { .. } => {}
            }
        }
        let missing = self.missing_fields(value);
        let there = contents.values.saturating_add(missing.unwrap_or(0));
        self.end_object(there.saturating_sub(shown), gap)?;
        Ok(whole && shown >= contents.values)
    }

    fn end_object(&mut self, missing: u32, gap: Option<Reason>) -> Result<(), Full> {
        if self.more(missing, gap) {
            let out = &mut self.scratch.out;
            quote(out, MORE, b"\":");
            quote(out, &self.scratch.texts.text, b"\",");
        }
        close(&mut self.scratch.out, b'}');
        self.fits()
    }

    /// Puts what is missing of a container into the scratch; `false` if nothing is.
    fn more(&mut self, missing: u32, gap: Option<Reason>) -> bool {
        if missing == 0 {
            return gap.is_some_and(|reason| !self.why(reason).is_empty());
        }
        let text = &mut self.scratch.texts.text;
        text.clear();
        text.push_str(itoa::Buffer::new().format(missing));
        text.push_str(" more");
        true
    }

    /// Fields that the object has and the tape has not, if their number is known.
    fn missing_fields(&mut self, value: &Value<'_>) -> Option<u32> {
        let id = value.container()?;
        let counted = self.scratch.missing_fields.get_mut(id.0 as usize)?;
        if *counted == UNCOUNTED {
            *counted = 0;
            for item in self.tape.group(id) {
                if let Item::Gap { count, .. } = item {
                    *counted = counted
                        .saturating_add(count.unwrap_or(0))
                        .min(UNCOUNTED - 1);
                }
            }
        }
        Some(*counted)
    }

    /// The type of a container.
    pub(super) fn type_name<'v>(&self, value: &Value<'v>) -> &'v str {
        let (Value::List { type_name, .. }
        | Value::Map { type_name, .. }
        | Value::Object { type_name, .. }) = value
        else {
            return "";
        };
        let own = || own_type(self.tape.header().language, value).unwrap_or_default();
        type_name.as_ref().map_or_else(own, |name| name.text)
    }
}
