//! Snapshots as JSON (format 1).
//!
//! Every value writes the comma behind itself; whoever closes a map or an array turns the last one into the bracket. So nobody
//! keeps count of who is first.

use super::buffer::append;
use super::escape::{escape, quote};
use super::form::{ELLIPSIS, Form, Key, Lead};
use crate::tape::Name;

/// JSON being appended to `out`.
pub(super) struct Json<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Json<'o> {
    pub(super) const fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Takes away the comma behind the last value.
    pub(super) fn finish(self) {
        self.out.pop();
    }

    /// Appends JSON that is ready.
    pub(super) fn raw(&mut self, json: &[u8]) {
        self.out.extend_from_slice(json);
        self.out.push(b',');
    }

    #[inline]
    fn close(&mut self, bracket: u8) {
        match self.out.last_mut() {
            Some(last @ b',') => *last = bracket,
            _ => self.out.push(bracket),
        }
        self.out.push(b',');
    }

    #[cold]
    fn cut(&mut self, text: &str, tail: &[u8; 2]) {
        self.out.push(b'"');
        escape(self.out, text);
        self.out.extend_from_slice(ELLIPSIS.as_bytes());
        self.out.extend_from_slice(tail);
    }
}

impl Form for Json<'_> {
    #[inline]
    fn begin_members(&mut self) -> usize {
        self.out.push(b'{');
        0
    }

    fn length(&self) -> usize {
        self.out.len()
    }

    fn truncate(&mut self, length: usize) {
        self.out.truncate(length);
    }

    #[inline]
    fn begin_items(&mut self) -> usize {
        self.out.push(b'[');
        0
    }

    #[inline]
    fn end_items(&mut self, _: usize, _: u32) {
        self.close(b']');
    }

    #[inline]
    fn lead(&mut self, lead: &Lead) -> usize {
        lead.json.append_to(self.out);
        0
    }

    #[inline]
    fn text_node(&mut self, lead: &Lead, text: &str) {
        lead.json.append_to(self.out);
        quote(self.out, text, b"\"},");
    }

    #[inline]
    fn int_node(&mut self, lead: &Lead, value: i64) {
        lead.json.append_to(self.out);
        append(self.out, itoa::Buffer::new().format(value).as_bytes());
        self.out.extend_from_slice(b"},");
    }

    #[inline]
    fn float_node(&mut self, lead: &Lead, value: f64) {
        lead.json.append_to(self.out);
        let mut digits = zmij::Buffer::new();
        append(self.out, digits.format_finite(value).as_bytes());
        self.out.extend_from_slice(b"},");
    }

    #[inline]
    fn bool_node(&mut self, lead: &Lead, value: bool) {
        lead.json.append_to(self.out);
        let text: &[u8] = if value { b"true}," } else { b"false}," };
        append(self.out, text);
    }

    #[inline]
    fn end_members(&mut self, _: usize, _: u32) {
        self.close(b'}');
    }

    #[inline]
    fn map(&mut self, _: usize) {
        self.out.push(b'{');
    }

    #[inline]
    fn end_map(&mut self) {
        self.close(b'}');
    }

    #[inline]
    fn array(&mut self, _: usize) {
        self.out.push(b'[');
    }

    #[inline]
    fn end_array(&mut self) {
        self.close(b']');
    }

    #[inline]
    fn key(&mut self, key: &Key) {
        key.json.append_to(self.out);
    }

    #[inline]
    fn name(&mut self, name: &Name<'_>) {
        if name.is_cut() {
            return self.cut(name.text, b"\":");
        }
        quote(self.out, name.text, b"\":");
    }

    #[inline]
    fn named(&mut self, name: &Name<'_>) {
        if name.is_cut() {
            return self.cut(name.text, b"\",");
        }
        self.string(name.text);
    }

    #[inline]
    fn string(&mut self, text: &str) {
        quote(self.out, text, b"\",");
    }

    #[inline]
    fn int(&mut self, value: i64) {
        append(self.out, itoa::Buffer::new().format(value).as_bytes());
        self.out.push(b',');
    }

    #[inline]
    fn uint(&mut self, value: u64) {
        append(self.out, itoa::Buffer::new().format(value).as_bytes());
        self.out.push(b',');
    }

    #[inline]
    fn float(&mut self, value: f64) {
        append(
            self.out,
            zmij::Buffer::new().format_finite(value).as_bytes(),
        );
        self.out.push(b',');
    }

    #[inline]
    fn bool(&mut self, value: bool) {
        let text: &[u8] = if value { b"true," } else { b"false," };
        self.out.extend_from_slice(text);
    }
}
