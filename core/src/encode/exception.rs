//! The exceptions of a snapshot and how they are linked (format 1), in either form.

use super::chain::Links;
use super::form::{Form, Key};
use super::node::{Gap, Walk};
use crate::snapshot::Meta;
use crate::tape::{ContainerId, Exception, Item, Section};

macro_rules! keys {
    ($($name:ident = $text:literal;)*) => { $(static $name: Key = Key::new($text);)* };
}

keys! {
    ARGS = "args";
    ATTRIBUTES = "attributes";
    CAUSE = "cause";
    CAUSE_KIND = "causeKind";
    EXCEPTIONS = "exceptions";
    FRAMES = "frames";
    HANDLED = "handled";
    MECHANISM = "mechanism";
    MEMBERS = "members";
    MESSAGE = "message";
    MESSAGE_UNKNOWN = "messageUnknown";
    MODULE = "module";
    NOTES = "notes";
    TYPE = "type";
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
    pub(super) fn exceptions(&mut self, meta: &Meta) {
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

    pub(super) fn chain_gaps(&mut self) -> u32 {
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
}

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
