//! The snapshot around the values: process, exceptions, frames, context, fingerprint, receipt (format 1), in either form.
//!
//! The members stand in the order of the fields of [`Snapshot`](crate::snapshot::Snapshot) and its parts; those without a value
//! are left out.

use super::chain::Links;
use super::form::{Form, Key};
use super::node::{Gap, Walk};
use crate::limits::LimitKnob;
use crate::snapshot::{Extras, FORMAT, FrameSource, Meta, ReasonCounts};
use crate::tape::{ContainerId, Exception, Frame, FrameFlags, Item, Name, Section};

macro_rules! keys {
    ($($name:ident = $text:literal;)*) => { $(static $name: Key = Key::new($text);)* };
}

keys! {
    ARGS = "args";
    ARGUMENTS = "arguments";
    ATTRIBUTES = "attributes";
    AWAITED = "awaited";
    BYTES = "bytes";
    CAUSE = "cause";
    CAUSE_KIND = "causeKind";
    COLUMN = "column";
    CUT = "cut";
    DURATION = "duration";
    END_COLUMN = "endColumn";
    END_LINE = "endLine";
    ENV = "env";
    EXCEPTIONS = "exceptions";
    FILE = "file";
    FORMAT_KEY = "format";
    FRAMES = "frames";
    FUNCTION = "function";
    HANDLED = "handled";
    HOST = "host";
    ID = "id";
    IN_APP = "inApp";
    KIND = "kind";
    LANGUAGE = "language";
    LIMITS = "limits";
    LINE = "line";
    LOCALS = "locals";
    MECHANISM = "mechanism";
    MEMBERS = "members";
    MESSAGE = "message";
    MESSAGE_UNKNOWN = "messageUnknown";
    MODULE = "module";
    NAME = "name";
    NOTES = "notes";
    NO_VARIABLES = "noVariables";
    PID = "pid";
    RECEIPT = "receipt";
    REDACTED = "redacted";
    RUNTIME = "runtime";
    SERVICE = "service";
    STATICS = "statics";
    THREAD = "thread";
    TIMESTAMP = "timestamp";
    TYPE = "type";
    VALUES = "values";
    VERSION = "version";
}

/// What an exception's group holds, so that what is not there is not looked for.
#[derive(Default)]
struct Contents {
    /// Values by the code of their section.
    values: [u32; 9],
    gaps: bool,
}

impl Contents {
    /// Writes the members of a section if it has values; returns how many members that gave.
    fn has(&self, section: Section, write: impl FnOnce() -> u32) -> u32 {
        if self.values[section as usize] == 0 {
            return 0;
        }
        write()
    }
}

impl<F: Form> Walk<'_, F> {
    /// Writes the whole snapshot.
    pub(super) fn snapshot(&mut self, meta: &Meta, extras: &Extras) {
        let process = &*meta.process;
        let start = self.form.begin_members();
        let mut members = 9;
        self.form.key(&FORMAT_KEY);
        self.form.uint(FORMAT.into());
        self.form.key(&ID);
        let id = meta.id.text();
        self.form
            .string(std::str::from_utf8(&id).unwrap_or_default());
        self.form.key(&TIMESTAMP);
        self.form.uint(meta.timestamp_ns);
        self.form.key(&SERVICE);
        self.form.string(&process.service);
        members += self.text_member(&ENV, process.env.as_deref());
        members += self.text_member(&VERSION, process.version.as_deref());
        members += self.text_member(&HOST, process.host.as_deref());
        self.form.key(&PID);
        self.form.uint(process.pid.into());
        self.runtime(meta);
        members += self.thread(meta);
        self.exceptions(meta);
        self.frames(&extras.sources);
        if self.chain.gaps {
            members += self.chain_gaps();
        }
        members += self.context(meta, extras);
        members += self.fingerprint(meta, extras);
        self.receipt(&extras.counts);
        self.form.end_members(start, members);
    }

    pub(super) fn text_member(&mut self, key: &Key, text: Option<&str>) -> u32 {
        let Some(text) = text else { return 0 };
        self.form.key(key);
        self.form.string(text);
        1
    }

    fn name_member(&mut self, key: &Key, name: &Name<'_>) -> u32 {
        if name.text.is_empty() {
            return 0;
        }
        self.form.key(key);
        self.form.named(name);
        1
    }

    /// A number of which 0 means unknown.
    fn number_member(&mut self, key: &Key, number: u32) -> u32 {
        if number == 0 {
            return 0;
        }
        self.form.key(key);
        self.form.uint(number.into());
        1
    }

    fn runtime(&mut self, meta: &Meta) {
        self.form.key(&RUNTIME);
        let start = self.form.begin_members();
        self.form.key(&LANGUAGE);
        self.form.string(self.language.as_str());
        let version = meta.process.runtime_version.as_deref();
        let members = 1 + self.text_member(&VERSION, version);
        self.form.end_members(start, members);
    }

    fn thread(&mut self, meta: &Meta) -> u32 {
        let Some(thread) = &meta.thread else { return 0 };
        self.form.key(&THREAD);
        let start = self.form.begin_members();
        self.form.key(&ID);
        self.form.uint(thread.id);
        let members = 1 + self.text_member(&NAME, thread.name.as_deref());
        self.form.end_members(start, members);
        1
    }

    fn exceptions(&mut self, meta: &Meta) {
        self.form.key(&EXCEPTIONS);
        let start = self.form.begin_items();
        let mut first_frame = 0;
        let mut index = 0;
        for exception in self.tape.exceptions() {
            let meta = (index == 0).then_some(meta);
            let links = self.chain.get(index);
            first_frame += self.exception(&exception, &links, meta, first_frame);
            index += 1;
        }
        self.form.end_items(start, index as u32);
    }

    /// Writes an exception; returns how many frames it has.
    fn exception(
        &mut self,
        exception: &Exception<'_>,
        links: &Links,
        meta: Option<&Meta>,
        first_frame: u32,
    ) -> u32 {
        let id = exception.id;
        let start = self.form.begin_members();
        let mut members = 1;
        if let Some(name) = &exception.type_name {
            members += self.name_member(&TYPE, name);
            members += self.text_member(&MODULE, module_of(name.text));
        }
        let contents = self.contents(id);
        members += self.id(id);
        members += contents.has(Section::Message, || self.message(id));
        members += self.flag(&MESSAGE_UNKNOWN, exception.message_unknown);
        members += contents.has(Section::Notes, || {
            self.section_list(id, Section::Notes, &NOTES)
        });
        if let Some(meta) = meta {
            self.form.key(&HANDLED);
            self.form.bool(meta.handled);
            members += 1 + self.text_member(&MECHANISM, meta.mechanism.as_deref());
        }
        members += self.links(links);
        members += contents.has(Section::Args, || {
            self.section_list(id, Section::Args, &ARGS)
        });
        members += contents.has(Section::Attributes, || {
            self.section_map(id, Section::Attributes, &ATTRIBUTES)
        });
        self.form.key(&FRAMES);
        let frames = contents.values[Section::Frames as usize];
        self.form.array(frames as usize);
        for frame in 0..frames {
            self.form.uint((first_frame + frame).into());
        }
        self.form.end_array();
        if contents.gaps {
            members += self.section_gaps(id, "details");
        }
        if !self.tape.is_captured(id) {
            members += self.not_reached();
        }
        self.form.end_members(start, members);
        frames
    }

    /// What there is in an exception's group.
    fn contents(&self, id: ContainerId) -> Contents {
        let mut contents = Contents::default();
        let mut section = 0;
        let (mut items, mut item) = (self.tape.group(id), Item::NONE);
        while items.advance(&mut item) {
            match item {
                Item::Section(next) => section = next as usize,
                Item::Value { .. } => contents.values[section] += 1,
                Item::Gap { .. } => contents.gaps = true,
            }
        }
        contents
    }

    /// The first value of the section; the format knows one message.
    fn message(&mut self, id: ContainerId) -> u32 {
        let mut is_message = false;
        let (mut items, mut item) = (self.tape.group(id), Item::NONE);
        while items.advance(&mut item) {
            match &item {
                Item::Section(section) => is_message = *section == Section::Message,
                Item::Value { as_type, value, .. } if is_message => {
                    self.form.key(&MESSAGE);
                    self.node(as_type.as_ref(), value);
                    return 1;
                }
                _ => {}
            }
        }
        0
    }

    fn links(&mut self, links: &Links) -> u32 {
        let mut members = 0;
        if let Some((cause, is_context)) = links.cause() {
            self.form.key(&CAUSE);
            self.form.uint(cause.into());
            self.form.key(&CAUSE_KIND);
            self.form
                .string(if is_context { "context" } else { "cause" });
            members += 2;
        }
        let chain = self.chain;
        let mut indexes = chain.members(links).peekable();
        if indexes.peek().is_some() {
            self.form.key(&MEMBERS);
            let start = self.form.begin_items();
            let mut items = 0;
            for index in indexes {
                self.form.uint(index.into());
                items += 1;
            }
            self.form.end_items(start, items);
            members += 1;
        }
        members
    }

    /// Calls `each` with the items of one section of an exception's or a frame's group.
    fn for_section(
        &mut self,
        id: ContainerId,
        section: Section,
        mut each: impl FnMut(&mut Self, &Item<'_>),
    ) {
        let mut current = None;
        let (mut items, mut item) = (self.tape.group(id), Item::NONE);
        while items.advance(&mut item) {
            match &item {
                Item::Section(next) => current = Some(*next),
                item if current == Some(section) => each(self, item),
                _ => {}
            }
        }
    }

    fn section_list(&mut self, id: ContainerId, section: Section, key: &Key) -> u32 {
        let (mut start, mut items) = (0, 0);
        self.for_section(id, section, |walk, item| {
            if let Item::Value { as_type, value, .. } = item {
                if items == 0 {
                    walk.form.key(key);
                    start = walk.form.begin_items();
                }
                walk.node(as_type.as_ref(), value);
                items += 1;
            }
        });
        if items > 0 {
            self.form.end_items(start, items);
        }
        (items > 0).into()
    }

    fn section_map(&mut self, id: ContainerId, section: Section, key: &Key) -> u32 {
        let (mut start, mut members) = (0, 0);
        self.for_section(id, section, |walk, item| {
            if let Item::Value {
                name: Some(name),
                as_type,
                value,
            } = item
            {
                if members == 0 {
                    walk.form.key(key);
                    start = walk.form.begin_members();
                }
                walk.form.name(name);
                walk.node(as_type.as_ref(), value);
                members += 1;
            }
        });
        if members > 0 {
            self.form.end_members(start, members);
        }
        (members > 0).into()
    }

    /// The member `omitted` of an exception or a frame; `whole` names what is missing before the first section.
    fn section_gaps(&mut self, id: ContainerId, whole: &'static str) -> u32 {
        let first_gap = self.scratch.gaps.len();
        let mut shown = [0; 9];
        let mut section = 0;
        for item in self.tape.group(id) {
            match item {
                Item::Section(next) => section = next as usize,
                Item::Value { .. } => shown[section] += 1,
                Item::Gap { reason, count } => {
                    let what = if section == 0 {
                        whole
                    } else {
                        SECTIONS[section]
                    };
                    let shown = shown[section];
                    self.gap(Gap {
                        what,
                        count,
                        reason,
                        shown,
                    });
                }
            }
        }
        self.omitted(first_gap)
    }

    fn chain_gaps(&mut self) -> u32 {
        let first_gap = self.scratch.gaps.len();
        let what = "exceptions";
        let mut shown = 0;
        for item in self.tape.root() {
            match item {
                Item::Value { .. } => shown += 1,
                Item::Gap { reason, count } => self.gap(Gap {
                    what,
                    count,
                    reason,
                    shown,
                }),
                Item::Section(_) => {}
            }
        }
        self.omitted(first_gap)
    }

    fn frames(&mut self, sources: &[Option<FrameSource>]) {
        self.form.key(&FRAMES);
        let start = self.form.begin_items();
        let mut index = 0;
        for exception in self.tape.exceptions() {
            for frame in self.tape.frames(exception.id) {
                self.frame(&frame, sources.get(index).and_then(Option::as_ref));
                index += 1;
            }
        }
        self.form.end_items(start, index as u32);
    }

    fn frame(&mut self, frame: &Frame<'_>, source: Option<&FrameSource>) {
        let id = frame.id;
        let flags = frame.flags;
        let kind = if flags.has(FrameFlags::COROUTINE) {
            Some("coroutine")
        } else {
            flags.has(FrameFlags::GENERATOR).then_some("generator")
        };
        let start = self.form.begin_members();
        let mut members = 2;
        self.form.key(&FUNCTION);
        self.form.named(&frame.function);
        members += self.name_member(&MODULE, &frame.module);
        members += self.name_member(&FILE, &frame.file);
        members += self.number_member(&LINE, frame.line);
        members += self.number_member(&END_LINE, frame.end_line);
        members += self.number_member(&COLUMN, frame.column);
        members += self.number_member(&END_COLUMN, frame.end_column);
        self.form.key(&IN_APP);
        self.form.bool(flags.has(FrameFlags::IN_APP));
        members += self.text_member(&KIND, kind);
        members += self.flag(&AWAITED, flags.has(FrameFlags::AWAITED));
        members += self.flag(&NO_VARIABLES, flags.has(FrameFlags::NO_VARIABLES));
        members += self.id(id);
        members += self.variables(id);
        if !self.tape.is_captured(id) {
            members += self.not_reached();
        }
        if let Some(source) = source {
            self.source(source);
            members += 1;
        }
        self.form.end_members(start, members);
    }

    /// The variables of a frame and what is missing of them.
    fn variables(&mut self, id: ContainerId) -> u32 {
        let before = (self.form.length(), self.counts, self.scratch.gaps.len());
        if let Some(members) = self.variables_in_order(id) {
            return members;
        }
        self.form.truncate(before.0);
        self.counts = before.1;
        self.scratch.gaps.truncate(before.2);
        let mut members = 0;
        for (section, key) in VARIABLES {
            members += self.section_map(id, section, key);
        }
        members + self.section_gaps(id, "variables")
    }

    /// In one run, if the sections stand in their order, each once, as every walker of ours writes them.
    fn variables_in_order(&mut self, id: ContainerId) -> Option<u32> {
        let first_gap = self.scratch.gaps.len();
        let (mut members, mut start, mut shown) = (0, 0, 0);
        let mut section = 0;
        let (mut items, mut item) = (self.tape.group(id), Item::NONE);
        while items.advance(&mut item) {
            match item {
                Item::Value {
                    name: Some(ref name),
                    ref as_type,
                    ref value,
                } => {
                    if shown == 0 {
                        self.form.key(VARIABLES[section - 1].1);
                        start = self.form.begin_members();
                    }
                    self.form.name(name);
                    self.node(as_type.as_ref(), value);
                    shown += 1;
                }
                Item::Section(next) => {
                    if next as usize <= section {
                        return None;
                    }
                    section = next as usize;
                    members += self.end_variables(start, shown);
                    shown = 0;
                }
                Item::Gap { reason, count } => {
                    let what = if section == 0 {
                        "variables"
                    } else {
                        SECTIONS[section]
                    };
                    self.gap(Gap {
                        what,
                        count,
                        reason,
                        shown,
                    });
                }
                Item::Value { .. } => {}
            }
        }
        members += self.end_variables(start, shown);
        Some(members + self.omitted(first_gap))
    }

    fn end_variables(&mut self, start: usize, shown: u32) -> u32 {
        if shown > 0 {
            self.form.end_members(start, shown);
        }
        (shown > 0).into()
    }

    fn receipt(&mut self, beside: &ReasonCounts) {
        let header = *self.tape.header();
        self.form.key(&RECEIPT);
        self.form.map(6);
        self.form.key(&VALUES);
        self.form.uint(header.values.into());
        self.form.key(&BYTES);
        self.form.uint(header.bytes.into());
        self.form.key(&DURATION);
        self.form
            .uint(u64::try_from(header.duration.as_nanos()).unwrap_or(u64::MAX));
        let mut counts = self.counts;
        counts.merge(beside);
        for (key, redaction) in [(&REDACTED, true), (&CUT, false)] {
            let counted = || {
                counts
                    .iter()
                    .filter(|(reason, _)| reason.is_redaction() == redaction)
            };
            self.form.key(key);
            self.form.map(counted().count());
            for (reason, count) in counted() {
                self.plain_name(reason.as_str());
                self.form.uint(count.into());
            }
            self.form.end_map();
        }
        self.form.key(&LIMITS);
        self.form.map(LimitKnob::ALL.len());
        for knob in LimitKnob::ALL {
            self.plain_name(knob.key());
            self.form.uint(knob.get(&header.limits));
        }
        self.form.end_map();
        self.form.end_map();
    }

    pub(super) fn plain_name(&mut self, text: &str) {
        let total = text.len() as u32;
        self.form.name(&Name { text, total });
    }
}

/// Sections by their code.
const SECTIONS: [&str; 9] = [
    "",
    "arguments",
    "locals",
    "statics",
    "message",
    "notes",
    "args",
    "attributes",
    "frames",
];

static VARIABLES: [(Section, &Key); 3] = [
    (Section::Arguments, &ARGUMENTS),
    (Section::Locals, &LOCALS),
    (Section::Statics, &STATICS),
];

/// What stands before the last part of a qualified type name: `shop.rates` of `shop.rates.LookupFailed`, `std` of
/// `std::runtime_error`. Dots inside type arguments do not count.
pub(super) fn module_of(type_name: &str) -> Option<&str> {
    let starts_arguments = |&(at, byte): &(usize, u8)| match byte {
        b'[' | b'`' | b'(' => true,
        b'<' => {
            let before = type_name[..at].chars().next_back();
            before.is_some_and(char::is_alphanumeric)
        }
        _ => false,
    };
    let arguments = type_name.bytes().enumerate().find(starts_arguments);
    let head = &type_name[..arguments.map_or(type_name.len(), |(at, _)| at)];
    let dot = head.bytes().rposition(|byte| byte == b'.');
    let colons = head.as_bytes().windows(2).rposition(|pair| pair == b"::");
    let at = colons.max(dot)?;
    (at > 0).then(|| &head[..at])
}

#[cfg(test)]
mod tests {
    use super::module_of;

    #[test]
    fn modules_of_types_in_all_languages() {
        for (name, module) in [
            ("KeyError", None),
            ("shop.rates.LookupFailed", Some("shop.rates")),
            ("shop.f.<locals>.Bad", Some("shop.f.<locals>")),
            ("java.util.Map$Entry", Some("java.util")),
            ("Shop.Cart+Item`1[System.Int32]", Some("Shop")),
            ("shop.Box<a.b.C>", Some("shop")),
            ("std::runtime_error", Some("std")),
            ("a::b<c::d>", Some("a")),
            (".odd", None),
            ("", None),
        ] {
            assert_eq!(module_of(name), module, "{name}");
        }
    }
}
