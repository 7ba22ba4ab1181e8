//! Keys and values in program source, where only literals are secrets: `password = "x"`, and not
//! `password = request.form["password"]`.

use super::entropy::is_mixed;
use super::keyvalue::KeyValue;
use super::placeholder::{is_number, is_placeholder};
use super::value::{Form, Value, line_end, value_after};
use super::{Sink, Text};
use crate::redact::names::Found;

impl KeyValue<'_> {
    /// A value behind the separator at `at`, under a sensitive name.
    pub(super) fn in_code(
        &self,
        text: &Text<'_>,
        at: usize,
        behind: usize,
        value: Value,
        found: &Found,
        sink: &mut Sink<'_>,
    ) {
        let compared = text.before(at) == b'!' || (text.at(at) == b'=' && text.at(at + 1) == b'=');
        let doubtful = compared || self.is_weak(found);
        if self.is_secret_literal(text, &value, doubtful) {
            self.emit(text, &value, found, sink);
        } else if text.at(at) == b':'
            && value.form == Form::Bare
            && let Some(value) = behind_annotation(text, value.after.max(behind))
            && self.is_secret_literal(text, &value, doubtful)
        {
            self.emit(text, &value, found, sink);
        }
    }

    /// Whether a value is a literal that can be a secret. `doubtful`: it needs letters and digits to be one, for parsers compare
    /// tokens all day.
    pub(super) fn is_secret_literal(&self, text: &Text<'_>, value: &Value, doubtful: bool) -> bool {
        let bytes = &text.bytes[value.start..value.end];
        let literal = match value.form {
            Form::Quoted => bytes
                .iter()
                .any(|b| b.is_ascii_alphanumeric() || *b >= 0x80),
            Form::Bare => bytes.len() >= 4 && is_number(bytes),
            Form::Nested => false,
        };
        // `header = "X-Api-Key"` names a secret and holds none.
        literal
            && !is_placeholder(bytes)
            && (!doubtful || is_mixed(bytes))
            && self.names.find(bytes).is_none()
    }
}

/// The value of `password: str = "x"`; `from` is where the annotation ends.
fn behind_annotation(text: &Text<'_>, from: usize) -> Option<Value> {
    let end = line_end(text.bytes, from).min(from + 64);
    let line = text.bytes.get(from..end)?;
    let offset = line
        .iter()
        .position(|b| matches!(b, b'=' | b',' | b'"' | b'\'' | b':'))?;
    let assigns = line[offset] == b'=' && line.get(offset + 1) != Some(&b'=');
    if assigns {
        value_after(text, from + offset + 1, false)
    } else {
        None
    }
}
