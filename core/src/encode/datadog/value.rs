//! One value of the tape as a Datadog value node.
//!
//! Every `value` is text. A reference is shown as what it refers to, since the form has none, where the depth in force allows it
//! and not inside itself; as a tape can say with a few references what would fill gigabytes, one frame has a budget of values that
//! it shows through references, and nothing is written beyond a bound.

use super::dialect::Dialect;
use super::prune::{PRUNED, Ranges};
use super::scalar::{self, Bounded, Texts};
use crate::encode::chain::Chain;
use crate::encode::form::{Form, Key};
use crate::encode::json::Json;
use crate::language::Language;
use crate::reason::Reason;
use crate::tape::{ContainerId, Item, Name, Tape, Value, own_type};

pub(super) static TYPE: Key = Key::new("type");
pub(super) static FIELDS: Key = Key::new("fields");
pub(super) static ELEMENTS: Key = Key::new("elements");
static VALUE: Key = Key::new("value");
static IS_NULL: Key = Key::new("isNull");
static SIZE: Key = Key::new("size");
static TRUNCATED: Key = Key::new("truncated");
static ENTRIES: Key = Key::new("entries");
static REASON: Key = Key::new("notCapturedReason");

/// Bytes of a byte array that are shown one by one.
const BYTES_SHOWN: usize = 100;

/// Writes the values of one frame.
pub(super) struct Values<'w, 'a> {
    pub(super) json: Json<'w>,
    pub(super) tape: &'w Tape<'a>,
    pub(super) chain: &'w Chain,
    pub(super) dialect: Dialect,
    pub(super) language: Language,
    /// Characters shown of one text.
    pub(super) characters: usize,
    /// References followed from a variable.
    pub(super) depth: usize,
    /// Values that may still be shown through references.
    pub(super) budget: u32,
    /// Length of the output from which on nothing is shown any more.
    pub(super) full_at: usize,
    /// Where each value stands, if the frame must be pruned.
    pub(super) ranges: Option<&'w mut Ranges>,
    pub(super) texts: &'w mut Texts,
    /// Containers around the value at hand.
    pub(super) path: &'w mut Vec<ContainerId>,
    /// The value at hand is shown through a reference.
    pub(super) through_reference: bool,
}

impl<'a> Values<'_, 'a> {
    /// Notes the beginning of a value or a section.
    pub(super) fn open(&mut self) -> u32 {
        let start = self.json.length();
        let ranges = self.ranges.as_deref_mut();
        ranges.map_or(0, |ranges| ranges.open(start))
    }

    /// Notes its end, which is before the comma that follows every value.
    pub(super) fn close(&mut self, range: u32) {
        let end = self.json.length() - 1;
        if let Some(ranges) = self.ranges.as_deref_mut() {
            ranges.close(range, end);
        }
    }

    /// Whether the output has reached its bound.
    pub(super) fn is_full(&self) -> bool {
        self.json.length() >= self.full_at
    }

    /// Writes a value.
    pub(super) fn value(&mut self, as_type: Option<Name<'_>>, value: &Value<'_>) {
        if self.is_full() {
            return self.json.raw(PRUNED);
        }
        let range = self.open();
        if self.through_reference {
            self.budget = self.budget.saturating_sub(1);
        }
        let start = self.json.begin_members();
        self.members(as_type, value);
        self.json.end_members(start, 0);
        self.close(range);
    }

    fn members(&mut self, as_type: Option<Name<'_>>, value: &Value<'_>) {
        match *value {
            Value::List {
                id,
                type_name,
                size,
            }
            | Value::Map {
                id,
                type_name,
                size,
            } => self.container(id, type_name, value, size),
            Value::Object { id, type_name } => self.container(id, type_name, value, None),
            Value::Exception(exception) => self.exception(&exception),
            Value::Ref(target) => self.reference(target),
            Value::Null => {
                self.type_member(as_type, value);
                self.json.key(&IS_NULL);
                match self.dialect {
                    Dialect::Dotnet => self.json.string("true"),
                    _ => self.json.bool(true),
                }
            }
            Value::Opaque { type_name } => {
                self.type_member(type_name, value);
                self.json.key(&FIELDS);
                self.json.map(0);
                self.json.end_map();
            }
            Value::Redacted {
                reason, type_name, ..
            } => {
                self.type_member(type_name, value);
                self.reason(reason);
            }
            Value::Skipped {
                reason,
                type_name,
                size,
            } => {
                if reason == Reason::Unbound {
                    self.known_type("unbound");
                } else {
                    self.type_member(type_name, value);
                }
                self.reason(reason);
                self.size(size);
            }
            Value::Failed { type_name, cause } => {
                self.type_member(type_name, value);
                self.failure(&cause);
            }
            // A reference to a frame: the form has frames as objects of their own.
            Value::Frame(_) | Value::Absent => {
                self.known_type("frame");
                self.reason(Reason::Depth);
            }
            _ => self.scalar(as_type, value),
        }
    }

    pub(super) fn known_type(&mut self, text: &str) {
        self.json.key(&TYPE);
        self.json.string(text);
    }

    /// The member `type`: the name that the tape gives, else the value's own.
    pub(super) fn type_member(&mut self, name: Option<Name<'_>>, value: &Value<'_>) {
        let own = match (self.dialect, value) {
            (Dialect::Java, Value::Null) => "java.lang.Object",
            (Dialect::Dotnet, Value::Null) => "System.Object",
            _ => own_type(self.language, value).unwrap_or("object"),
        };
        let total = own.len() as u32;
        let name = name.unwrap_or(Name { text: own, total });
        let text = self.dialect.type_name(name.text);
        // A name that was cut keeps its mark.
        let total = if name.is_cut() {
            u32::MAX
        } else {
            text.len() as u32
        };
        self.json.key(&TYPE);
        self.json.named(&Name { text, total });
    }

    pub(super) fn reason(&mut self, reason: Reason) {
        self.json.key(&REASON);
        self.json.string(self.dialect.reason(reason));
        self.mark(reason == Reason::Depth);
    }

    fn mark(&mut self, by_depth: bool) {
        if let Some(ranges) = self.ranges.as_deref_mut() {
            ranges.reason(by_depth);
        }
    }

    /// Python's tracer has no word for it; the others tell the cause in its own words.
    fn failure(&mut self, cause: &Name<'_>) {
        if self.dialect == Dialect::Python {
            return self.reason(Reason::Error);
        }
        self.json.key(&REASON);
        self.json.named(cause);
        self.mark(false);
    }

    pub(super) fn size(&mut self, size: Option<u32>) {
        let Some(size) = size else { return };
        self.json.key(&SIZE);
        match self.dialect {
            Dialect::Java => self.json.string(itoa::Buffer::new().format(size)),
            _ => self.json.uint(size.into()),
        }
    }

    /// A value without contents: `value`, and `truncated` and `size` if less is shown than there was.
    fn scalar(&mut self, as_type: Option<Name<'_>>, value: &Value<'_>) {
        if let Value::Bytes { kept, total } = value
            && self.dialect != Dialect::Python
        {
            return self.byte_array(as_type, value, kept, *total);
        }
        self.type_member(as_type, value);
        let Texts { text, digits } = &mut *self.texts;
        let mut out = Bounded::new(text, self.characters);
        let type_name = as_type.map_or("", |name| name.text);
        let printed = scalar::print(
            &mut out,
            digits,
            self.dialect,
            self.language,
            type_name,
            value,
        );
        let cut = out.overflowed || printed.cut;
        self.json.key(&VALUE);
        self.json.string(text);
        if cut {
            self.json.key(&TRUNCATED);
            self.json.bool(true);
            self.size(printed.size);
            self.mark(false);
        }
    }

    /// All but Python show arrays of bytes as the arrays that they are.
    fn byte_array(
        &mut self,
        as_type: Option<Name<'_>>,
        value: &Value<'_>,
        kept: &[u8],
        total: u32,
    ) {
        self.type_member(as_type, value);
        let signed = self.dialect == Dialect::Java;
        let shown = &kept[..kept.len().min(BYTES_SHOWN)];
        self.size_before(Some(total));
        self.json.key(&ELEMENTS);
        self.json.array(shown.len());
        for &byte in shown {
            let start = self.json.begin_members();
            self.known_type(match self.dialect {
                Dialect::Java => "byte",
                Dialect::Native => "uint8_t",
                Dialect::Dotnet | Dialect::Python => "Byte",
            });
            self.json.key(&VALUE);
            let mut digits = itoa::Buffer::new();
            let text = if signed {
                digits.format(byte as i8)
            } else {
                digits.format(byte)
            };
            self.json.string(text);
            self.json.end_members(start, 2);
        }
        self.json.end_array();
        let cut = shown.len() < total as usize;
        self.size_after(cut.then_some(Reason::CollectionSize), Some(total));
    }

    fn reference(&mut self, target: ContainerId) {
        let Some(value) = self.tape.container(target) else {
            return;
        };
        let too_deep = self.path.len() >= self.depth || self.budget == 0;
        if too_deep || self.path.contains(&target) {
            let (name, size) = match value {
                Value::List {
                    type_name, size, ..
                }
                | Value::Map {
                    type_name, size, ..
                } => (type_name, size),
                Value::Object { type_name, .. } => (type_name, None),
                Value::Exception(exception) => (exception.type_name, None),
                _ => (None, None),
            };
            self.type_member(name, &value);
            self.reason(Reason::Depth);
            return self.size(size);
        }
        let outer = std::mem::replace(&mut self.through_reference, true);
        self.members(None, &value);
        self.through_reference = outer;
    }

    fn container(
        &mut self,
        id: ContainerId,
        type_name: Option<Name<'_>>,
        value: &Value<'_>,
        size: Option<u32>,
    ) {
        self.type_member(type_name, value);
        if !self.tape.is_captured(id) {
            self.reason(self.tape.stop());
            return self.size(size);
        }
        self.size_before(size);
        self.path.push(id);
        let gap = match value {
            Value::List { .. } => self.elements(id),
            Value::Map { .. } => self.entries(id),
            _ => self.fields(id),
        };
        self.path.pop();
        self.size_after(gap, size);
    }

    /// .NET tells the size before the contents.
    fn size_before(&mut self, size: Option<u32>) {
        if self.dialect == Dialect::Dotnet {
            self.size(size);
        }
    }

    /// What stands behind the contents: Python's tracer tells the size first, Java's the reason.
    fn size_after(&mut self, gap: Option<Reason>, size: Option<u32>) {
        if self.dialect.by_line() {
            self.size(size);
        }
        if let Some(reason) = gap {
            self.reason(reason);
        }
        if self.dialect == Dialect::Java {
            self.size(size);
        }
    }

    fn elements(&mut self, id: ContainerId) -> Option<Reason> {
        let mut gap = None;
        self.json.key(&ELEMENTS);
        self.json.array(0);
        for item in self.tape.group(id) {
            if self.is_full() {
                gap = Some(Reason::Pruned);
                break;
            }
            match item {
                Item::Value {
                    as_type, ref value, ..
                } => self.value(as_type, value),
                Item::Gap { reason, .. } => gap = gap.or(Some(reason)),
                Item::Section(_) => {}
            }
        }
        self.json.end_array();
        gap
    }

    fn entries(&mut self, id: ContainerId) -> Option<Reason> {
        let mut gap = None;
        let mut is_key = true;
        self.json.key(&ENTRIES);
        self.json.array(0);
        for item in self.tape.group(id) {
            if is_key && self.is_full() {
                gap = Some(Reason::Pruned);
                break;
            }
            match item {
                Item::Value {
                    as_type, ref value, ..
                } => {
                    if is_key {
                        self.json.array(2);
                    }
                    self.value(as_type, value);
                    if !is_key {
                        self.json.end_array();
                    }
                    is_key = !is_key;
                }
                Item::Gap { reason, .. } => gap = gap.or(Some(reason)),
                Item::Section(_) => {}
            }
        }
        self.json.end_array();
        gap
    }

    fn fields(&mut self, id: ContainerId) -> Option<Reason> {
        let mut gap = None;
        self.json.key(&FIELDS);
        self.json.map(0);
        for item in self.tape.group(id) {
            if self.is_full() {
                gap = Some(Reason::Pruned);
                break;
            }
            match item {
                Item::Value {
                    value: Value::Absent,
                    ..
                } => {}
                Item::Value {
                    name: Some(ref name),
                    as_type,
                    ref value,
                } => {
                    self.json.name(name);
                    self.value(as_type, value);
                }
                Item::Gap { reason, .. } => gap = gap.or(Some(reason)),
                _ => {}
            }
        }
        self.json.end_map();
        gap
    }

    pub(super) fn plain_name(&mut self, text: &str) {
        let total = text.len() as u32;
        self.json.name(&Name { text, total });
    }
}
