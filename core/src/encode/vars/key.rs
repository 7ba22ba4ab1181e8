//! Names of an object's members: those of fields, and keys of any kind as text.

use super::value::{MORE, Writer};
use crate::encode::escape::{escape, quote};
use crate::tape::{Item, Name, Value, own_type};

/// How [`MORE`] stands in an object.
const OURS: &str = "\"…\":";
/// Characters of a key that is not text.
const LONGEST: usize = 80;
/// Parts of a key that is a sequence.
const PARTS: usize = 4;
/// Characters of each.
const LONGEST_PART: usize = 40;
/// Sequences inside one another that are shown as a key.
const NESTED: u32 = 2;

impl Writer<'_, '_> {
    /// Writes the name of a field.
    pub(super) fn field(&mut self, name: &Name<'_>, first_name: usize) {
        let start = self.scratch.out.len();
        write_name(&mut self.scratch.out, name);
        self.distinguish(start, "name", first_name);
        let end = self.scratch.out.len();
        self.scratch.names.push((start as u32, end as u32));
    }

    /// Writes a key. If it could be another's name, or one before could (`odd`), one that would take the name of another says its type.
    /// Returns whether it could: one key of text is not the same as another, but `1` has the name of `"1"`.
    pub(super) fn key(
        &mut self,
        as_type: Option<&Name<'_>>,
        value: &Value<'_>,
        odd: bool,
        first_name: usize,
    ) -> bool {
        let start = self.scratch.out.len();
        let plain = match value {
            Value::Text(text) if !text.rendered() => text.as_whole(),
            _ => None,
        };
        if let Some(text) = plain {
            quote(&mut self.scratch.out, text, b"\":");
        } else {
            let mut key = std::mem::take(&mut self.scratch.texts.key);
            key.clear();
            match value {
                Value::Text(text) if !text.rendered() => key.push_str(&text.shown()),
                Value::Cleaned {
                    text,
                    rendered: false,
                    ..
                } => key.push_str(text),
                _ => self.key_text(&mut key, as_type, value, LONGEST, NESTED),
            }
            quote(&mut self.scratch.out, &key, b"\":");
            self.scratch.texts.key = key;
        }
        let odd = odd || plain.is_none_or(|text| text == MORE);
        if odd {
            let type_name = as_type.map(|name| name.text);
            let type_name = type_name.or_else(|| own_type(self.tape.header().language, value));
            self.distinguish(start, type_name.unwrap_or("again"), first_name);
        }
        let end = self.scratch.out.len();
        self.scratch.names.push((start as u32, end as u32));
        odd
    }

    /// Adds this to the name that begins at `start`, as often as an earlier one of the same object, or one of ours, is the same.
    fn distinguish(&mut self, start: usize, addition: &str, first_name: usize) {
        let out = &mut self.scratch.out;
        let names = &self.scratch.names[first_name..];
        let mut same = names.iter();
        while out[start..] == *OURS.as_bytes()
            || same.any(|&(from, to)| out[from as usize..to as usize] == out[start..])
        {
            out.truncate(out.len() - 2);
            out.extend_from_slice(b" (");
            escape(out, addition);
            out.extend_from_slice(b")\":");
            same = names.iter();
        }
    }

    fn key_text(
        &mut self,
        key: &mut String,
        as_type: Option<&Name<'_>>,
        value: &Value<'_>,
        longest: usize,
        nested: u32,
    ) {
        let Some(id) = value.container() else {
            self.scalar(as_type, value, longest);
            return key.push_str(&self.scratch.texts.text);
        };
        let contents = self.tape.contents(id);
        if !matches!(value, Value::List { .. }) || nested == 0 || !contents.is_captured {
            self.closed(value, &contents);
            return key.push_str(&self.scratch.texts.text);
        }
        let is_tuple = self.type_name(value) == "tuple";
        key.push(if is_tuple { '(' } else { '[' });
        let values = contents.items.filter_map(|item| match item {
            Item::Value { as_type, value, .. } => Some((as_type, value)),
            _ => None,
        });
        for (index, (as_type, value)) in values.take(PARTS).enumerate() {
            if index > 0 {
                key.push_str(", ");
            }
            self.key_text(key, as_type.as_ref(), &value, LONGEST_PART, nested - 1);
        }
        if contents.values as usize > PARTS {
            key.push_str(", …");
        }
        key.push(if is_tuple { ')' } else { ']' });
    }
}

/// Writes a name and its colon.
fn write_name(out: &mut Vec<u8>, name: &Name<'_>) {
    if !name.is_cut() {
        return quote(out, name.text, b"\":");
    }
    out.push(b'"');
    escape(out, name.text);
    out.extend_from_slice("…\":".as_bytes());
}
