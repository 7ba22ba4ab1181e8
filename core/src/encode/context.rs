//! The snapshot's context, source lines and fingerprint (format 1), in either form.

use super::form::{Form, Key};
use super::node::Walk;
use super::text::non_finite;
use crate::snapshot::{AttributeGap, AttributeValue, Extras, FrameSource, Meta, SessionLink};

macro_rules! keys {
    ($($name:ident = $text:literal;)*) => { $(static $name: Key = Key::new($text);)* };
}

keys! {
    ATTRIBUTES = "attributes";
    CONTEXT = "context";
    COUNT = "count";
    EXPLANATION = "explanation";
    FINGERPRINT = "fingerprint";
    FIRST_LINE = "firstLine";
    HASH = "hash";
    ID = "id";
    KEY = "key";
    LINES = "lines";
    NAME = "name";
    OMITTED = "omitted";
    OVERRIDDEN = "overridden";
    OVERRIDE = "override";
    RULE = "rule";
    SESSION_LINKS = "sessionLinks";
    SOURCE = "source";
    SPAN_ID = "spanId";
    STALE = "stale";
    SUB_KEY = "subKey";
    TRACE_ID = "traceId";
    URL = "url";
    USER = "user";
    VERSION = "version";
    WHAT = "what";
}

impl<F: Form> Walk<'_, F> {
    /// The member `context`, if there is anything to say in it.
    pub(super) fn context(&mut self, meta: &Meta, extras: &Extras) -> u32 {
        let there = [
            meta.trace_id.is_some(),
            meta.span_id.is_some(),
            !meta.attributes.is_empty(),
            !meta.user.is_empty(),
            !meta.session_links.is_empty(),
            !extras.attribute_gaps.is_empty(),
        ];
        let members = there.into_iter().map(u32::from).sum();
        if members == 0 {
            return 0;
        }
        self.form.key(&CONTEXT);
        let start = self.form.begin_members();
        if let Some(trace_id) = meta.trace_id {
            self.form.key(&TRACE_ID);
            self.hex::<32>(trace_id);
        }
        if let Some(span_id) = meta.span_id {
            self.form.key(&SPAN_ID);
            self.hex::<16>(span_id.into());
        }
        self.attributes(&ATTRIBUTES, &meta.attributes);
        self.attributes(&USER, &meta.user);
        self.session_links(&meta.session_links);
        self.attribute_gaps(&extras.attribute_gaps);
        self.form.end_members(start, members);
        1
    }

    fn hex<const DIGITS: usize>(&mut self, number: u128) {
        let mut text = [b'0'; DIGITS];
        for (index, digit) in text.iter_mut().rev().enumerate() {
            *digit = b"0123456789abcdef"[(number >> (4 * index)) as usize & 15];
        }
        self.form
            .string(std::str::from_utf8(&text).unwrap_or_default());
    }

    fn attributes(&mut self, key: &Key, attributes: &[(String, AttributeValue)]) {
        if attributes.is_empty() {
            return;
        }
        self.form.key(key);
        self.form.map(attributes.len());
        for (name, value) in attributes {
            self.plain_name(name);
            match value {
                AttributeValue::Text(text) => self.form.string(text),
                AttributeValue::Int(number) => self.form.int(*number),
                AttributeValue::Bool(truth) => self.form.bool(*truth),
                AttributeValue::Float(number) => match non_finite(*number) {
                    None => self.form.float(*number),
                    Some(word) => self.form.string(word),
                },
            }
        }
        self.form.end_map();
    }

    fn session_links(&mut self, links: &[SessionLink]) {
        if links.is_empty() {
            return;
        }
        self.form.key(&SESSION_LINKS);
        self.form.array(links.len());
        for link in links {
            let start = self.form.begin_members();
            self.text_member(&NAME, Some(&link.name));
            self.text_member(&ID, Some(&link.id));
            let members = 2 + self.text_member(&URL, link.url.as_deref());
            self.form.end_members(start, members);
        }
        self.form.end_array();
    }

    fn attribute_gaps(&mut self, gaps: &[AttributeGap]) {
        if gaps.is_empty() {
            return;
        }
        self.form.key(&OMITTED);
        self.form.array(gaps.len());
        for gap in gaps {
            let start = self.form.begin_members();
            self.text_member(&WHAT, Some("attributes"));
            let mut members = 2 + self.text_member(&NAME, gap.name.as_deref());
            self.form.key(&COUNT);
            self.form.uint(gap.count.into());
            self.reason(gap.reason);
            members += 1 + self.text_member(&RULE, gap.rule.as_deref());
            self.form.end_members(start, members);
        }
        self.form.end_array();
    }

    pub(super) fn source(&mut self, source: &FrameSource) {
        self.form.key(&SOURCE);
        let start = self.form.begin_members();
        self.form.key(&FIRST_LINE);
        self.form.uint(source.first_line.into());
        self.form.key(&LINES);
        self.form.array(source.lines.len());
        for line in &source.lines {
            self.form.string(line);
        }
        self.form.end_array();
        let members =
            2 + self.text_member(&HASH, source.hash.as_deref()) + self.flag(&STALE, source.stale);
        self.form.end_members(start, members);
    }

    pub(super) fn fingerprint(&mut self, meta: &Meta, extras: &Extras) -> u32 {
        let Some(grouping) = &extras.grouping else {
            return 0;
        };
        self.form.key(&FINGERPRINT);
        let start = self.form.begin_members();
        self.text_member(&KEY, Some(&grouping.key));
        let mut members = 2 + self.text_member(&SUB_KEY, grouping.sub_key.as_deref());
        self.form.key(&VERSION);
        self.form.uint(grouping.version.into());
        members += self.flag(&OVERRIDDEN, grouping.overridden);
        let parts = meta.fingerprint.as_deref().unwrap_or_default();
        if !parts.is_empty() {
            self.form.key(&OVERRIDE);
            self.form.array(parts.len());
            parts.iter().for_each(|part| self.form.string(part));
            self.form.end_array();
            members += 1;
        }
        members += self.text_member(&EXPLANATION, grouping.explanation.as_deref());
        self.form.end_members(start, members);
        1
    }
}
