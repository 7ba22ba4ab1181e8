//! One value of the tape as a node (format 1), in either form.
//!
//! The members of a node stand in the order of [`Node`](crate::snapshot::Node)'s fields. Containers nest: a container's node
//! holds the nodes of its group, so the walk is recursive, as deep as the tape nests ([`MAX_NESTING`](crate::tape::MAX_NESTING)).

use super::chain::Chain;
use super::form::{Form, Key, Lead};
use super::lead::Leads;
use super::limit::LimitTable;
use super::text::{self, BytesForm, Shown};
use crate::language::Language;
use crate::reason::Reason;
use crate::snapshot::ReasonCounts;
use crate::tape::{
    BigInt, ContainerId, Contents, Item, Name, Tape, Text, TimeValue, Value, own_type,
};

static TYPE: Key = Key::new("type");
static ID: Key = Key::new("id");
static REF: Key = Key::new("ref");
static IS_NULL: Key = Key::new("isNull");
static VALUE: Key = Key::new("value");
static RENDERED: Key = Key::new("rendered");
static ENCODING: Key = Key::new("encoding");
static LOSSY: Key = Key::new("lossy");
static ELEMENTS: Key = Key::new("elements");
static ENTRIES: Key = Key::new("entries");
static FIELDS: Key = Key::new("fields");
static SIZE: Key = Key::new("size");
static TRUNCATED: Key = Key::new("truncated");
static REASON: Key = Key::new("notCapturedReason");
static RULE: Key = Key::new("rule");
static LIMIT: Key = Key::new("limit");
static ERROR: Key = Key::new("error");
static OMITTED: Key = Key::new("omitted");
static WHAT: Key = Key::new("what");
static COUNT: Key = Key::new("count");
static AFTER: Key = Key::new("after");
static NAME: Key = Key::new("name");

/// Items that are missing at one place of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) what: &'static str,
    pub(super) count: Option<u32>,
    pub(super) reason: Reason,
    /// How many were shown before it.
    pub(super) shown: u32,
}

/// Memory that is used from node to node and from snapshot to snapshot.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Gaps of the groups that are open.
    pub(super) gaps: Vec<Gap>,
    pub(super) text: String,
}

/// The walk over one tape into one form.
pub(super) struct Walk<'w, F> {
    pub(super) form: F,
    pub(super) tape: &'w Tape<'w>,
    pub(super) chain: &'w Chain,
    pub(super) leads: &'w Leads,
    pub(super) limits: LimitTable,
    pub(super) scratch: &'w mut Scratch,
    pub(super) language: Language,
    /// What was hidden and cut so far.
    pub(super) counts: ReasonCounts,
}

impl<F: Form> Walk<'_, F> {
    /// Writes a value.
    #[inline(always)]
    pub(super) fn node(&mut self, as_type: Option<&Name<'_>>, value: &Value<'_>) {
        let leads = self.leads;
        match (value, as_type) {
            (Value::Int(number), None) => self.form.int_node(&leads.int, *number),
            (Value::Text(text), None) => match text.as_whole() {
                Some(text) => self.form.text_node(&leads.text, text),
                None => self.text(None, text),
            },
            (Value::Bool(truth), None) => self.form.bool_node(&leads.bool, *truth),
            (Value::Float(number), None) if number.is_finite() => {
                self.form.float_node(&leads.float, *number);
            }
            _ => self.other(as_type, value),
        }
    }

    /// Values with contents, and those that are not of their opcode's own type; a function of its own, so that the plain ones do not
    /// pay for its frame on the stack.
    #[inline(never)]
    fn other(&mut self, as_type: Option<&Name<'_>>, value: &Value<'_>) {
        match *value {
            Value::Int(number) => {
                let start = self.lead(as_type, |leads| &leads.int);
                self.form.int(number);
                self.form.end_members(start, 2);
            }
            Value::Text(ref text) => self.text(as_type, text),
            Value::Bool(truth) => {
                let start = self.lead(as_type, |leads| &leads.bool);
                self.form.bool(truth);
                self.form.end_members(start, 2);
            }
            Value::Null => {
                let start = self.typed(as_type, value);
                self.form.key(&IS_NULL);
                self.form.bool(true);
                self.form.end_members(start, 2);
            }
            Value::Float(number) => self.float(as_type, number),
            Value::List {
                id,
                ref type_name,
                size,
            } => {
                self.container(id, type_name.as_ref(), value, size, Kind::Elements);
            }
            Value::Map {
                id,
                ref type_name,
                size,
            } => {
                self.container(id, type_name.as_ref(), value, size, Kind::Entries);
            }
            Value::Object { id, ref type_name } => {
                self.container(id, type_name.as_ref(), value, None, Kind::Fields);
            }
            Value::Ref(target) => {
                let start = self.form.begin_members();
                self.form.key(&REF);
                self.form.uint(target.0.into());
                self.form.end_members(start, 1);
            }
            _ => self.rare(as_type, value),
        }
    }

    #[inline(never)]
    fn text(&mut self, as_type: Option<&Name<'_>>, text: &Text<'_>) {
        let shown = Shown::of(text, self.language);
        let start = self.lead(as_type, |leads| &leads.text);
        self.form.string(&shown.text);
        let mut members = 2;
        if text.rendered() || shown.lossy || shown.cut_from.is_some() {
            members += self.text_marks(text.rendered(), shown.lossy, shown.cut_from);
        }
        self.form.end_members(start, members);
    }

    /// The values that are seldom seen, out of the way of those that are not.
    #[inline(never)]
    fn rare(&mut self, as_type: Option<&Name<'_>>, value: &Value<'_>) {
        match *value {
            Value::Uint(number) => {
                let start = self.lead(as_type, |leads| &leads.uint);
                self.form.uint(number);
                self.form.end_members(start, 2);
            }
            Value::Big(ref number) => self.big(as_type, number),
            Value::Time(ref time) => self.time(as_type, time),
            Value::Bytes { kept, total } => self.bytes(as_type, kept, total),
            Value::Cleaned {
                text,
                ref rule,
                rendered,
                lossy,
            } => {
                let start = self.lead(as_type, |leads| &leads.text);
                self.form.string(text);
                let marks = self.text_marks(rendered, lossy, None);
                self.counts.add(Reason::RedactedValue);
                self.reason(Reason::RedactedValue);
                self.form.key(&RULE);
                self.form.named(rule);
                self.form.end_members(start, 2 + marks + 2);
            }
            Value::Redacted {
                reason,
                ref type_name,
                ref rule,
                ..
            } => {
                let (start, members) = self.untyped(type_name.as_ref());
                self.counts.add(reason);
                self.reason(reason);
                self.form.key(&RULE);
                self.form.named(rule);
                self.form.end_members(start, members + 2);
            }
            Value::Skipped {
                reason,
                ref type_name,
                size,
            } => {
                let (start, mut members) = self.untyped(type_name.as_ref());
                members += self.size(size.map(u64::from));
                // An unbound variable has no value that could be missing.
                if reason != Reason::Unbound {
                    self.counts.add(reason);
                }
                members += self.reason_and_limit(reason);
                self.form.end_members(start, members);
            }
            Value::Failed {
                ref type_name,
                ref cause,
            } => {
                let (start, members) = self.untyped(type_name.as_ref());
                self.counts.add(Reason::Error);
                self.reason(Reason::Error);
                self.form.key(&ERROR);
                self.form.named(cause);
                self.form.end_members(start, members + 2);
            }
            Value::Opaque { ref type_name } => {
                let (start, members) = self.untyped(type_name.as_ref());
                self.form.end_members(start, members);
            }
            // The others are written by `node`, or stand where no node is written: a validated tape has exceptions and frames in
            // their own places only, and absent fields are passed over.
            _ => {
                let start = self.form.begin_members();
                self.form.end_members(start, 0);
            }
        }
    }

    /// Opens a scalar's node up to its value.
    #[inline]
    fn lead(&mut self, as_type: Option<&Name<'_>>, own: impl Fn(&Leads) -> &Lead) -> usize {
        match as_type {
            None => self.form.lead(own(self.leads)),
            Some(name) => {
                let start = self.form.begin_members();
                self.form.key(&TYPE);
                self.form.named(name);
                self.form.key(&VALUE);
                start
            }
        }
    }

    /// Opens the node of a value whose type is named or its own.
    fn typed(&mut self, type_name: Option<&Name<'_>>, value: &Value<'_>) -> usize {
        let start = self.form.begin_members();
        self.form.key(&TYPE);
        match type_name {
            Some(name) => self.form.named(name),
            None => self
                .form
                .string(own_type(self.language, value).unwrap_or_default()),
        }
        start
    }

    /// Opens the node of a value whose type may be unknown; also says how many members it has by then.
    fn untyped(&mut self, type_name: Option<&Name<'_>>) -> (usize, u32) {
        let start = self.form.begin_members();
        let Some(name) = type_name else {
            return (start, 0);
        };
        self.form.key(&TYPE);
        self.form.named(name);
        (start, 1)
    }

    pub(super) fn flag(&mut self, key: &Key, set: bool) -> u32 {
        if set {
            self.form.key(key);
            self.form.bool(true);
        }
        set.into()
    }

    fn size(&mut self, size: Option<u64>) -> u32 {
        let Some(size) = size else { return 0 };
        self.form.key(&SIZE);
        self.form.uint(size);
        1
    }

    pub(super) fn reason(&mut self, reason: Reason) {
        self.form.key(&REASON);
        self.form.string(reason.as_str());
    }

    /// The members `notCapturedReason` and, where a limit is behind it, `limit`; returns how many.
    pub(super) fn reason_and_limit(&mut self, reason: Reason) -> u32 {
        self.reason(reason);
        let Some((name, value)) = self.limits.get(reason) else {
            return 1;
        };
        self.form.key(&LIMIT);
        self.form.map(2);
        self.form.key(&NAME);
        self.form.string(name);
        self.form.key(&VALUE);
        self.form.uint(value);
        self.form.end_map();
        2
    }

    /// The reason of a container that the tape ends before.
    pub(super) fn not_reached(&mut self) -> u32 {
        self.counts.add(self.tape.stop());
        self.reason_and_limit(self.tape.stop())
    }

    /// Remembers a gap in the group at hand.
    pub(super) fn gap(&mut self, gap: Gap) {
        self.counts.add(gap.reason);
        self.scratch.gaps.push(gap);
    }

    /// What there is to say behind a text.
    #[cold]
    fn text_marks(&mut self, rendered: bool, lossy: bool, cut_from: Option<u32>) -> u32 {
        let members = self.flag(&RENDERED, rendered) + self.flag(&LOSSY, lossy);
        members + self.cut(cut_from.map(u64::from), Reason::Length)
    }

    /// The members `size`, `truncated`, `notCapturedReason` and `limit` of a text or bytes that are cut.
    fn cut(&mut self, cut_from: Option<u64>, reason: Reason) -> u32 {
        if cut_from.is_none() {
            return 0;
        }
        self.counts.add(reason);
        self.size(cut_from) + self.flag(&TRUNCATED, true) + self.reason_and_limit(reason)
    }

    fn float(&mut self, as_type: Option<&Name<'_>>, number: f64) {
        let start = self.lead(as_type, |leads| &leads.float);
        let mut members = 2;
        match text::non_finite(number) {
            None => self.form.float(number),
            Some(word) => {
                self.form.string(word);
                members += self.flag(&RENDERED, true);
            }
        }
        self.form.end_members(start, members);
    }

    fn big(&mut self, as_type: Option<&Name<'_>>, number: &BigInt<'_>) {
        let start = self.lead(as_type, |leads| &leads.big);
        self.scratch.text.clear();
        text::big(&mut self.scratch.text, number);
        self.form.string(&self.scratch.text);
        let mut members = 2 + self.flag(&RENDERED, true);
        if number.exact().is_none() {
            members += self.size(Some(number.bits.into())) + self.flag(&TRUNCATED, true) + 1;
            self.counts.add(Reason::Length);
            self.reason(Reason::Length);
        }
        self.form.end_members(start, members);
    }

    fn time(&mut self, as_type: Option<&Name<'_>>, time: &TimeValue) {
        let start = self.lead(as_type, |leads| &leads.times[time.kind as usize]);
        self.scratch.text.clear();
        text::time(&mut self.scratch.text, time);
        self.form.string(&self.scratch.text);
        let members = 2 + self.flag(&RENDERED, true);
        self.form.end_members(start, members);
    }

    fn bytes(&mut self, as_type: Option<&Name<'_>>, kept: &[u8], total: u32) {
        let start = self.lead(as_type, |leads| &leads.bytes);
        let form = BytesForm::of(kept);
        self.scratch.text.clear();
        form.write(&mut self.scratch.text, kept);
        self.form.string(&self.scratch.text);
        self.form.key(&ENCODING);
        self.form.string(form.as_str());
        let cut_from = (kept.len() < total as usize).then_some(total.into());
        let members = 3 + self.cut(cut_from, Reason::Length);
        self.form.end_members(start, members);
    }

    fn container(
        &mut self,
        id: ContainerId,
        type_name: Option<&Name<'_>>,
        value: &Value<'_>,
        size: Option<u32>,
        kind: Kind,
    ) {
        let contents = self.tape.contents(id);
        let start = self.typed(type_name, value);
        let mut members = 1;
        if contents.is_referred {
            members += self.id(id);
        }
        if !contents.is_captured {
            members += self.size(size.map(u64::from));
            members += self.not_reached();
            return self.form.end_members(start, members);
        }
        let first_gap = self.scratch.gaps.len();
        let shown = match kind {
            Kind::Elements => self.elements(contents),
            Kind::Entries => self.entries(contents),
            Kind::Fields => self.fields(contents),
        };
        members += 1;
        let gaps = self.scratch.gaps.len() - first_gap;
        if kind == Kind::Fields && gaps > 0 {
            members += self.size(self.field_count(first_gap, shown));
        } else {
            members += self.size(size.map(u64::from));
        }
        if gaps > 0 {
            members += self.gaps(first_gap, shown);
        }
        self.form.end_members(start, members);
    }

    /// The member `id`, if something refers to the container.
    pub(super) fn id(&mut self, id: ContainerId) -> u32 {
        if !self.tape.is_referred(id) {
            return 0;
        }
        self.form.key(&ID);
        self.form.uint(id.0.into());
        1
    }

    fn elements(&mut self, mut contents: Contents<'_, '_>) -> u32 {
        self.form.key(&ELEMENTS);
        self.form.array(contents.values as usize);
        let mut shown = 0;
        let mut item = Item::NONE;
        while contents.items.advance(&mut item) {
            match item {
                Item::Value {
                    ref as_type,
                    ref value,
                    ..
                } => {
                    self.node(as_type.as_ref(), value);
                    shown += 1;
                }
                Item::Gap { reason, count } => {
                    self.gap(Gap {
                        what: "elements",
                        count,
                        reason,
                        shown,
                    });
                }
                Item::Section(_) => {}
            }
        }
        self.form.end_array();
        shown
    }

    fn entries(&mut self, mut contents: Contents<'_, '_>) -> u32 {
        self.form.key(&ENTRIES);
        self.form.array(contents.values as usize / 2);
        let mut shown = 0;
        let mut is_key = true;
        let mut item = Item::NONE;
        while contents.items.advance(&mut item) {
            match item {
                Item::Value {
                    ref as_type,
                    ref value,
                    ..
                } => {
                    if is_key {
                        self.form.array(2);
                        self.node(as_type.as_ref(), value);
                    } else {
                        self.node(as_type.as_ref(), value);
                        self.form.end_array();
                        shown += 1;
                    }
                    is_key = !is_key;
                }
                Item::Gap { reason, count } => {
                    self.gap(Gap {
                        what: "entries",
                        count,
                        reason,
                        shown,
                    });
                }
                Item::Section(_) => {}
            }
        }
        self.form.end_array();
        shown
    }

    fn fields(&mut self, mut contents: Contents<'_, '_>) -> u32 {
        self.form.key(&FIELDS);
        self.form.map(contents.values as usize);
        let mut shown = 0;
        let mut item = Item::NONE;
        while contents.items.advance(&mut item) {
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
                    self.form.name(name);
                    self.node(as_type.as_ref(), value);
                    shown += 1;
                }
                Item::Gap { reason, count } => {
                    self.gap(Gap {
                        what: "fields",
                        count,
                        reason,
                        shown,
                    });
                }
                _ => {}
            }
        }
        self.form.end_map();
        shown
    }

    /// Fields that the object has, if the tape says how many are missing.
    fn field_count(&self, first_gap: usize, shown: u32) -> Option<u64> {
        let missing = self.scratch.gaps[first_gap..]
            .iter()
            .map(|gap| gap.count.map(u64::from));
        let missing: Option<u64> = missing.sum();
        Some(missing? + u64::from(shown))
    }

    /// What a container's node says of its gaps: the reason of the first, and each one's place if there are several or one is not
    /// at the end.
    #[cold]
    fn gaps(&mut self, first_gap: usize, shown: u32) -> u32 {
        let gaps = self.scratch.gaps.len() - first_gap;
        let first = self.scratch.gaps[first_gap];
        if gaps == 1 && first.shown == shown {
            self.scratch.gaps.truncate(first_gap);
        }
        let members = self.omitted(first_gap);
        members + self.reason_and_limit(first.reason)
    }

    /// The member `omitted`, of the gaps from `first_gap` on if there are any, which are forgotten.
    pub(super) fn omitted(&mut self, first_gap: usize) -> u32 {
        if self.scratch.gaps.len() == first_gap {
            return 0;
        }
        self.form.key(&OMITTED);
        self.form.array(self.scratch.gaps.len() - first_gap);
        for index in first_gap..self.scratch.gaps.len() {
            let Gap {
                what,
                count,
                reason,
                shown,
            } = self.scratch.gaps[index];
            let start = self.form.begin_members();
            self.form.key(&WHAT);
            self.form.string(what);
            let mut members = 1;
            if let Some(count) = count {
                self.form.key(&COUNT);
                self.form.uint(count.into());
                members += 1;
            }
            members += self.reason_and_limit(reason);
            if let Some(after) = shown.checked_sub(1) {
                self.form.key(&AFTER);
                self.form.uint(after.into());
                members += 1;
            }
            self.form.end_members(start, members);
        }
        self.form.end_array();
        self.scratch.gaps.truncate(first_gap);
        1
    }
}

/// What a container holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Elements,
    Entries,
    Fields,
}
