//! The snapshot around the values: process, frames, receipt (format 1), in either form. Exceptions, context and fingerprint have files
//! of their own.
//!
//! The members stand in the order of the fields of [`Snapshot`](crate::snapshot::Snapshot) and its parts; those without a value
//! are left out.

use super::form::{Form, Key};
use super::node::{Gap, Walk};
use crate::limits::LimitKnob;
use crate::snapshot::{Extras, FORMAT, FrameSource, Meta, ReasonCounts};
use crate::tape::{ContainerId, Frame, FrameFlags, Item, Name, Section};

macro_rules! keys {
    ($($name:ident = $text:literal;)*) => { $(static $name: Key = Key::new($text);)* };
}

keys! {
    ARGUMENTS = "arguments";
    AWAITED = "awaited";
    BYTES = "bytes";
    COLUMN = "column";
    CUT = "cut";
    DURATION = "duration";
    END_COLUMN = "endColumn";
    END_LINE = "endLine";
    ENV = "env";
    FILE = "file";
    FORMAT_KEY = "format";
    FRAMES = "frames";
    FUNCTION = "function";
    HOST = "host";
    ID = "id";
    IN_APP = "inApp";
    KIND = "kind";
    LANGUAGE = "language";
    LIMITS = "limits";
    LINE = "line";
    LOCALS = "locals";
    MODULE = "module";
    NAME = "name";
    NO_VARIABLES = "noVariables";
    PID = "pid";
    RECEIPT = "receipt";
    REDACTED = "redacted";
    RUNTIME = "runtime";
    SERVICE = "service";
    STATICS = "statics";
    THREAD = "thread";
    TIMESTAMP = "timestamp";
    VALUES = "values";
    VERSION = "version";
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

    pub(super) fn name_member(&mut self, key: &Key, name: &Name<'_>) -> u32 {
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

    /// Calls `each` with the items of one section of an exception's or a frame's group.
    pub(super) fn for_section(
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

    pub(super) fn section_list(&mut self, id: ContainerId, section: Section, key: &Key) -> u32 {
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

    pub(super) fn section_map(&mut self, id: ContainerId, section: Section, key: &Key) -> u32 {
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
    pub(super) fn section_gaps(&mut self, id: ContainerId, whole: &'static str) -> u32 {
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
