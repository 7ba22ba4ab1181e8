//! `str()` and `repr()` of built-in values, written as CPython writes them but from storage and within bounds.
//!
//! Used for the messages of exceptions, which are mostly a text but may be any tuple of values. What only the program's own code could
//! render (an object with a `__repr__`) is named by its type, and the text then counts as not known.

use pyo3_ffi as ffi;

use super::Facts;
use super::number::{Integer, float, float_repr};
use super::object::{Bytes, Class, Dict, Int, List, Obj, Set, Str, Tuple};
use super::plan::qualified_name;
use super::rules::Rules;
use super::text::{Scratch, Text};

/// Nesting that is followed.
const MAX_DEPTH: u32 = 6;
/// Items of one collection that are rendered.
const MAX_ITEMS: usize = 64;

/// Text being made.
pub(super) struct Render<'f> {
    pub(super) text: Vec<u8>,
    /// Bytes that may still be written.
    room: usize,
    /// Whether the text is what Python would have made.
    pub(super) known: bool,
    facts: &'f Facts,
    /// Names under which nothing is rendered.
    rules: Rules<'f>,
}

/// What stands for a value that is hidden because of its name.
const HIDDEN: &str = "<redacted>";

impl<'f> Render<'f> {
    pub(super) const fn new(room: usize, facts: &'f Facts, rules: Rules<'f>) -> Self {
        Self {
            text: Vec::new(),
            room,
            known: true,
            facts,
            rules,
        }
    }

    /// Whether a key or the first of a pair is a name that hides what belongs to it.
    fn hides<const DIRECT: bool>(&self, name: Obj<'_>) -> bool {
        let name = match (Str::of(name), Bytes::of(name)) {
            (Some(name), _) => name.to_utf8::<DIRECT>(600),
            (None, Some(name)) => {
                let name = name.data::<DIRECT>();
                name[..name.len().min(600)].to_vec()
            }
            (None, None) => return false,
        };
        self.rules.name(&name).is_some()
    }

    fn hidden(&mut self) {
        self.known = false;
        self.push(HIDDEN);
    }

    pub(super) fn push(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// UTF-8, cut between characters where there is no more room.
    fn bytes(&mut self, text: &[u8]) {
        let mut end = text.len().min(self.room);
        while end < text.len() && end > 0 && text[end] & 0xc0 == 0x80 {
            end -= 1;
        }
        self.text.extend_from_slice(&text[..end]);
        self.room = if end < text.len() { 0 } else { self.room - end };
    }

    pub(super) fn str<const DIRECT: bool>(&mut self, object: Obj<'_>) {
        if object.class().is(&raw const ffi::PyUnicode_Type)
            && let Some(text) = Str::of(object)
        {
            return self.plain::<DIRECT>(text);
        }
        self.repr::<DIRECT>(object, 0);
    }

    /// The characters of a string.
    pub(super) fn plain<const DIRECT: bool>(&mut self, text: Str<'_>) {
        let mut scratch = Scratch::default();
        let mut utf8 = Vec::new();
        text.text::<DIRECT>(&mut scratch)
            .push_utf8(self.room + 1, &mut utf8);
        self.bytes(&utf8);
    }

    pub(super) fn repr<const DIRECT: bool>(&mut self, object: Obj<'_>, depth: u32) {
        if self.room == 0 {
            return;
        }
        let class = object.class();
        if object.is(self.facts.none) {
            self.push("None");
        } else if class.is(&raw const ffi::PyUnicode_Type) {
            if let Some(text) = Str::of(object) {
                self.quoted::<DIRECT>(text);
            }
        } else if class.is(&raw const ffi::PyBool_Type) {
            let is_true = object.is(self.facts.true_object);
            self.push(if is_true { "True" } else { "False" });
        } else if class.is(&raw const ffi::PyLong_Type) {
            if let Some(int) = Int::of(object) {
                self.int(int.value::<DIRECT>());
            }
        } else if class.is(&raw const ffi::PyFloat_Type) {
            self.push(&float_repr(float(object)));
        } else if class.is(&raw const ffi::PyBytes_Type) {
            if let Some(bytes) = Bytes::of(object) {
                self.quoted_bytes(bytes.data::<DIRECT>());
            }
        } else if depth < MAX_DEPTH && self.collection::<DIRECT>(object, class, depth) {
        } else if let Some(class) = Class::from_object(object)
            && object.class().is(&raw const ffi::PyType_Type)
        {
            self.push("<class '");
            let name = qualified_name::<DIRECT>(class);
            self.bytes(&name);
            self.push("'>");
        } else {
            self.known = false;
            self.push("<");
            let name = qualified_name::<DIRECT>(class);
            self.bytes(&name);
            self.push(" object>");
        }
    }

    fn int(&mut self, int: Integer) {
        match int {
            Integer::Small(value) => self.push(&value.to_string()),
            Integer::Unsigned(value) => self.push(&value.to_string()),
            Integer::Big {
                negative,
                bits: 0..=128,
                head,
            } => {
                self.push(if negative { "-" } else { "" });
                self.push(&head.to_string());
            }
            Integer::Big { bits, .. } => {
                self.known = false;
                self.push(&format!("<int of {bits} bits>"));
            }
            Integer::Unread => {
                self.known = false;
                self.push("<int>");
            }
        }
    }

    /// A built-in collection of exactly its own type. `false` if it is something else.
    fn collection<const DIRECT: bool>(
        &mut self,
        object: Obj<'_>,
        class: Class<'_>,
        depth: u32,
    ) -> bool {
        let sequence = if class.is(&raw const ffi::PyList_Type) {
            List::of(object).map(|list| (list.items::<DIRECT>(), "[", "]"))
        } else if class.is(&raw const ffi::PyTuple_Type) {
            Tuple::of(object).map(|tuple| {
                let items = tuple.items::<DIRECT>();
                let close = if items.length == 1 { ",)" } else { ")" };
                (items, "(", close)
            })
        } else {
            None
        };
        if let Some((items, open, close)) = sequence {
            self.push(open);
            let pair =
                items.length == 2 && items.get(0).is_some_and(|name| self.hides::<DIRECT>(name));
            for index in 0..items.length {
                if index == MAX_ITEMS || self.room == 0 {
                    self.known = false;
                    self.push(", ...");
                    break;
                }
                self.push(if index > 0 { ", " } else { "" });
                match items.get(index) {
                    Some(_) if index == 1 && pair => self.hidden(),
                    Some(item) => self.repr::<DIRECT>(item, depth + 1),
                    None => self.push("<NULL>"),
                }
            }
            self.push(close);
            return true;
        }
        if class.is(&raw const ffi::PyDict_Type) {
            if let Some(dict) = Dict::of(object) {
                self.dict::<DIRECT>(dict, depth);
            }
            return true;
        }
        let frozen = class.is(&raw const ffi::PyFrozenSet_Type);
        if frozen || class.is(&raw const ffi::PySet_Type) {
            if let Some(set) = Set::of(object) {
                self.set::<DIRECT>(set, frozen, depth);
            }
            return true;
        }
        false
    }

    /// Whether the dict is a record that says of what it holds the value, and that is hidden: `{"name": "api_key", "value": ...}`.
    fn describes_hidden<const DIRECT: bool>(&self, dict: Dict<'_>) -> bool {
        let mut entries = dict.entries::<DIRECT>();
        for _ in 0..MAX_ITEMS {
            let Some((key, value)) = entries.next() else {
                break;
            };
            if is_any::<DIRECT>(key, &RECORD_NAMES) && self.hides::<DIRECT>(value) {
                return true;
            }
        }
        false
    }

    fn dict<const DIRECT: bool>(&mut self, dict: Dict<'_>, depth: u32) {
        self.push("{");
        let described = self.describes_hidden::<DIRECT>(dict);
        let mut entries = dict.entries::<DIRECT>();
        let mut count = 0;
        while let Some((key, value)) = entries.next() {
            if count == MAX_ITEMS || self.room == 0 {
                self.known = false;
                self.push(", ...");
                break;
            }
            self.push(if count > 0 { ", " } else { "" });
            self.repr::<DIRECT>(key, depth + 1);
            self.push(": ");
            let is_value = described && is_any::<DIRECT>(key, &RECORD_VALUES);
            if is_value || self.hides::<DIRECT>(key) {
                self.hidden();
            } else {
                self.repr::<DIRECT>(value, depth + 1);
            }
            count += 1;
        }
        self.push("}");
    }

    fn set<const DIRECT: bool>(&mut self, set: Set<'_>, frozen: bool, depth: u32) {
        if set.length::<DIRECT>() == 0 {
            return self.push(if frozen { "frozenset()" } else { "set()" });
        }
        self.push(if frozen { "frozenset({" } else { "{" });
        for (count, item) in set.members::<DIRECT>().enumerate() {
            if count == MAX_ITEMS || self.room == 0 {
                self.known = false;
                self.push(", ...");
                break;
            }
            self.push(if count > 0 { ", " } else { "" });
            self.repr::<DIRECT>(item, depth + 1);
        }
        self.push(if frozen { "})" } else { "}" });
    }

    fn quoted<const DIRECT: bool>(&mut self, text: Str<'_>) {
        let mut scratch = Scratch::default();
        let text = text.text::<DIRECT>(&mut scratch);
        let mut units = Vec::new();
        each_unit(text, self.room + 1, |unit| units.push(unit));
        let has = |quote: char| units.contains(&u32::from(quote));
        let quote = if has('\'') && !has('"') { '"' } else { '\'' };
        let mut out = String::new();
        out.push(quote);
        for unit in units {
            match char::from_u32(unit) {
                Some(c) if c == quote || c == '\\' => out.extend(['\\', c]),
                Some('\n') => out.push_str("\\n"),
                Some('\r') => out.push_str("\\r"),
                Some('\t') => out.push_str("\\t"),
                Some(c) if is_printable(c) => out.push(c),
                _ => out.push_str(&escaped(unit)),
            }
        }
        out.push(quote);
        self.push(&out);
    }

    fn quoted_bytes(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(self.room + 1)];
        let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
            '"'
        } else {
            '\''
        };
        let mut out = String::from("b");
        out.push(quote);
        for &byte in bytes {
            match byte {
                b'\\' => out.push_str("\\\\"),
                b'\n' => out.push_str("\\n"),
                b'\r' => out.push_str("\\r"),
                b'\t' => out.push_str("\\t"),
                byte if char::from(byte) == quote => out.extend(['\\', quote]),
                b' '..=b'~' => out.push(char::from(byte)),
                byte => out.push_str(&format!("\\x{byte:02x}")),
            }
        }
        out.push(quote);
        self.push(&out);
    }
}

/// Code points of a text, valid or not.
fn each_unit(text: Text<'_>, max: usize, mut each: impl FnMut(u32)) {
    match text {
        Text::Ascii(bytes) | Text::Latin1(bytes) => {
            bytes.iter().take(max).for_each(|&byte| each(byte.into()));
        }
        Text::Two(bytes) => bytes
            .chunks_exact(2)
            .take(max)
            .for_each(|unit| each(u16::from_le_bytes([unit[0], unit[1]]).into())),
        Text::Four(bytes, _) => bytes
            .chunks_exact(4)
            .take(max)
            .for_each(|unit| each(u32::from_le_bytes([unit[0], unit[1], unit[2], unit[3]]))),
        Text::NotReady => {}
    }
}

/// A code point as `repr` escapes it.
pub(super) fn escaped(unit: u32) -> String {
    match unit {
        0..=0xff => format!("\\x{unit:02x}"),
        0x100..=0xffff => format!("\\u{unit:04x}"),
        _ => format!("\\U{unit:08x}"),
    }
}

/// Whether `repr` shows the character as it is: no control, format, private or separator characters but the space.
fn is_printable(c: char) -> bool {
    !(c.is_control()
        || c != ' ' && c.is_whitespace()
        || matches!(
            u32::from(c),
            0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
                | 0xe000..=0xf8ff | 0xfeff | 0xfff9..=0xfffb | 0xfffe..=0xffff | 0xe0000..=0x0010_ffff
        ))
}

/// Keys under which records keep the name and the value of what they describe, as the redact stage knows them.
const RECORD_NAMES: [&[u8]; 4] = [b"name", b"key", b"header", b"field"];
const RECORD_VALUES: [&[u8]; 3] = [b"value", b"val", b"content"];

fn is_any<const DIRECT: bool>(key: Obj<'_>, words: &[&[u8]]) -> bool {
    Str::of(key).is_some_and(|key| {
        let key = key.to_utf8::<DIRECT>(16);
        words.iter().any(|word| key.eq_ignore_ascii_case(word))
    })
}
