//! Snapshots as MessagePack (format 1): the stored form. Text as `str`, numbers in their shortest form, sizes exact.

use super::buffer::append_headed;
use super::form::{ELLIPSIS, Form, Key, Lead};
use crate::tape::Name;

/// MessagePack being appended to `out`.
pub(super) struct Msgpack<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Msgpack<'o> {
    pub(super) const fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out }
    }

    #[inline]
    fn tagged<const N: usize>(&mut self, tag: u8, bytes: [u8; N]) {
        self.out.push(tag);
        self.out.extend_from_slice(&bytes);
    }

    #[inline(never)]
    fn long_string(&mut self, text: &str) {
        self.text_header(text.len());
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Header of text of `length` bytes.
    fn text_header(&mut self, length: usize) {
        match length {
            0..32 => self.out.push(0xa0 | length as u8),
            32..0x100 => self.tagged(0xd9, [length as u8]),
            0x100..0x1_0000 => self.tagged(0xda, (length as u16).to_be_bytes()),
            _ => self.tagged(0xdb, (length as u32).to_be_bytes()),
        }
    }

    #[inline]
    fn short_header(&mut self, start: usize, header: u8) {
        if let Some(byte) = self.out.get_mut(start) {
            *byte = header;
        }
    }

    /// Replaces the one byte that was kept by `tag` (or the next, for more than 16 bits) and the size.
    #[cold]
    fn long_header(&mut self, start: usize, tag: u8, size: u32) {
        let bytes = size.to_be_bytes();
        if size < 0x1_0000 {
            self.out.splice(start..=start, [tag, bytes[2], bytes[3]]);
        } else {
            let header = [tag + 1, bytes[0], bytes[1], bytes[2], bytes[3]];
            self.out.splice(start..=start, header);
        }
    }

    #[cold]
    fn cut(&mut self, text: &str) {
        self.text_header(text.len() + ELLIPSIS.len());
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(ELLIPSIS.as_bytes());
    }
}

impl Form for Msgpack<'_> {
    #[inline]
    fn begin_members(&mut self) -> usize {
        self.out.push(0x80);
        self.out.len() - 1
    }

    fn length(&self) -> usize {
        self.out.len()
    }

    fn truncate(&mut self, length: usize) {
        self.out.truncate(length);
    }

    #[inline]
    fn begin_items(&mut self) -> usize {
        self.out.push(0x90);
        self.out.len() - 1
    }

    #[inline]
    fn end_items(&mut self, start: usize, items: u32) {
        match items {
            0..16 => self.short_header(start, 0x90 | items as u8),
            _ => self.long_header(start, 0xdc, items),
        }
    }

    #[inline]
    fn lead(&mut self, lead: &Lead) -> usize {
        let start = self.out.len();
        lead.msgpack.append_to(self.out);
        start
    }

    #[inline]
    fn text_node(&mut self, lead: &Lead, text: &str) {
        lead.msgpack.append_to(self.out);
        self.string(text);
    }

    #[inline]
    fn int_node(&mut self, lead: &Lead, value: i64) {
        lead.msgpack.append_to(self.out);
        self.int(value);
    }

    #[inline]
    fn float_node(&mut self, lead: &Lead, value: f64) {
        lead.msgpack.append_to(self.out);
        self.float(value);
    }

    #[inline]
    fn bool_node(&mut self, lead: &Lead, value: bool) {
        lead.msgpack.append_to(self.out);
        self.bool(value);
    }

    #[inline]
    fn end_members(&mut self, start: usize, members: u32) {
        match members {
            0..16 => self.short_header(start, 0x80 | members as u8),
            _ => self.long_header(start, 0xde, members),
        }
    }

    #[inline]
    fn map(&mut self, size: usize) {
        match size {
            0..16 => self.out.push(0x80 | size as u8),
            16..0x1_0000 => self.tagged(0xde, (size as u16).to_be_bytes()),
            _ => self.tagged(0xdf, (size as u32).to_be_bytes()),
        }
    }

    #[inline]
    fn end_map(&mut self) {}

    #[inline]
    fn array(&mut self, size: usize) {
        match size {
            0..16 => self.out.push(0x90 | size as u8),
            16..0x1_0000 => self.tagged(0xdc, (size as u16).to_be_bytes()),
            _ => self.tagged(0xdd, (size as u32).to_be_bytes()),
        }
    }

    #[inline]
    fn end_array(&mut self) {}

    #[inline]
    fn key(&mut self, key: &Key) {
        key.msgpack.append_to(self.out);
    }

    #[inline]
    fn name(&mut self, name: &Name<'_>) {
        self.named(name);
    }

    #[inline]
    fn named(&mut self, name: &Name<'_>) {
        if name.is_cut() {
            return self.cut(name.text);
        }
        self.string(name.text);
    }

    #[inline]
    fn string(&mut self, text: &str) {
        if text.len() < 32 {
            append_headed(self.out, 0xa0 | text.len() as u8, text.as_bytes());
        } else {
            self.long_string(text);
        }
    }

    #[inline]
    fn int(&mut self, value: i64) {
        match value {
            0.. => self.uint(value as u64),
            -32..0 => self.out.push(value as u8),
            -0x80..-32 => self.tagged(0xd0, [value as u8]),
            -0x8000..-0x80 => self.tagged(0xd1, (value as i16).to_be_bytes()),
            -0x8000_0000..-0x8000 => self.tagged(0xd2, (value as i32).to_be_bytes()),
            _ => self.tagged(0xd3, value.to_be_bytes()),
        }
    }

    #[inline]
    fn uint(&mut self, value: u64) {
        match value {
            0..0x80 => self.out.push(value as u8),
            0x80..0x100 => self.tagged(0xcc, [value as u8]),
            0x100..0x1_0000 => self.tagged(0xcd, (value as u16).to_be_bytes()),
            0x1_0000..0x1_0000_0000 => self.tagged(0xce, (value as u32).to_be_bytes()),
            _ => self.tagged(0xcf, value.to_be_bytes()),
        }
    }

    #[inline]
    fn float(&mut self, value: f64) {
        self.tagged(0xcb, value.to_bits().to_be_bytes());
    }

    #[inline]
    fn bool(&mut self, value: bool) {
        self.out.push(0xc2 | u8::from(value));
    }
}
