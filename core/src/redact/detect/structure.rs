//! Keys and values without a separator between them: `--password x`, `('password', 'x')`, `<password>x</password>`.

use super::keyvalue::{KeyValue, is_kept};
use super::value::{Form, Value, value_after};
use super::{ByteSet, Sink, Text};

/// How long the key of a pair or element may be.
const KEY_LIMIT: usize = 64;

const FLAG: ByteSet = ByteSet::ranges(b"09AZaz", b"_-.");

impl KeyValue<'_> {
    /// A `--` before a letter or digit at `at`: a command line flag whose value is the next word.
    pub(in crate::redact) fn at_flag(&self, text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
        let t = text.bytes;
        let end = FLAG.run(t, at + 2, KEY_LIMIT);
        sink.charge(end - at);
        if !matches!(text.at(end), b' ' | b'\t') {
            return;
        }
        let Some(found) = self.names.find(&t[at + 2..end]) else {
            return;
        };
        let Some(value) = value_after(text, end, false) else {
            return;
        };
        sink.charge(value.after - end);
        if value.form != Form::Nested
            && text.at(value.start) != b'-'
            && !text.code
            && !is_kept(text, &value, &found)
        {
            self.emit(text, &value, &found, sink);
        }
    }

    /// A quote before a comma, the quote at `at`: the end of a pair's first element, or of a flag in a list of arguments.
    pub(in crate::redact) fn at_pair(&self, text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
        let t = text.bytes;
        let quote = t[at];
        let escaped = text.before(at) == b'\\';
        let end = at - usize::from(escaped);
        let first = end.saturating_sub(KEY_LIMIT);
        sink.charge(16);
        let Some(open) = memchr::memrchr(quote, &t[first..end]).map(|i| first + i) else {
            return;
        };
        let key = &t[open + 1..end];
        let flag = key.starts_with(b"--");
        let mut before = open - usize::from(escaped && open > 0);
        while matches!(text.before(before), b'b' | b'u' | b'B' | b'U') {
            before -= 1;
        }
        if !flag && !matches!(text.before(before), b'(' | b'[') {
            return;
        }
        let Some(found) = self.names.find(key) else {
            return;
        };
        let Some(value) = value_after(text, at + 2, true) else {
            return;
        };
        sink.charge(value.after - at);
        let closed = matches!(text.at(value.after), b')' | b']') || text.runs_into_cut(value.after);
        let next_flag = flag && text.at(value.start) == b'-';
        if value.form == Form::Quoted
            && (flag || closed)
            && !next_flag
            && (!text.code || self.is_secret_literal(text, &value, true))
            && !is_kept(text, &value, &found)
        {
            self.emit(text, &value, &found, sink);
        }
    }

    /// A `>` at `at`: the end of an element's start tag, if its name is sensitive.
    pub(in crate::redact) fn at_element(&self, text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
        let t = text.bytes;
        let mut end = at;
        if matches!(text.before(at), b'"' | b'\'') {
            // Attributes: the name is behind the nearest `<`.
            let first = at.saturating_sub(256);
            let Some(open) = memchr::memrchr(b'<', &t[first..at]).map(|i| first + i) else {
                return;
            };
            end = ByteSet::WORD.run(t, open + 1, KEY_LIMIT);
        }
        let start = FLAG.run_back(t, end, KEY_LIMIT);
        sink.charge(end - start);
        let namespace = if text.before(start) == b':' {
            FLAG.run_back(t, start - 1, KEY_LIMIT)
        } else {
            start
        };
        if start == end || text.before(namespace) != b'<' {
            return;
        }
        let Some(found) = self.names.find(&t[start..end]) else {
            return;
        };
        let mut from = at + 1;
        let stop = if t[from..].starts_with(b"<![CDATA[") {
            from += 9;
            memchr::memmem::find(&t[from..], b"]]>")
        } else {
            memchr::memchr(b'<', &t[from..])
        };
        let stop = stop.map_or(t.len(), |i| from + i);
        sink.charge(stop - at);
        let inner = t[from..stop].trim_ascii();
        if inner.is_empty() {
            return;
        }
        let from = from
            + t[from..stop]
                .iter()
                .take_while(|b| b.is_ascii_whitespace())
                .count();
        let value = Value {
            start: from,
            end: from + inner.len(),
            after: stop,
            form: Form::Bare,
        };
        if !text.code && !is_kept(text, &value, &found) {
            self.emit(text, &value, &found, sink);
        }
    }
}
