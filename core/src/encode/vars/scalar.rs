//! Scalars as the program's language writes them, and why a value is not shown.

use std::borrow::Cow;

use super::value::MORE;
use crate::encode::datadog::Dialect;
use crate::encode::datadog::repr;
use crate::encode::datadog::scalar::{Bounded, print};
use crate::encode::limit::LimitTable;
use crate::encode::text::Shown;
use crate::language::Language;
use crate::reason::Reason;
use crate::tape::{Name, Value, own_type};

/// Text that is put together before it is written.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The value at hand.
    pub(super) text: String,
    /// The key at hand.
    pub(super) key: String,
    digits: String,
}

impl Texts {
    /// Puts a scalar into `text`. Returns whether it is all that the tape has of it.
    pub(super) fn scalar(
        &mut self,
        language: Language,
        limits: &LimitTable,
        as_type: Option<&Name<'_>>,
        value: &Value<'_>,
        longest: usize,
    ) -> bool {
        self.text.clear();
        let own = || own_type(language, value).unwrap_or_default();
        let type_name = || as_type.map_or_else(own, |name| name.text);
        match *value {
            Value::Text(ref text) => {
                let shown = Shown::of(text, language);
                let rendered = text.rendered();
                let (head, rest) = split(&shown.text, longest);
                self.show(language, rendered.then(type_name), head);
                if !rest.is_empty() || shown.cut_from.is_some() {
                    let counted = || shown.text.chars().count() as u64;
                    let size = shown.cut_from.map_or_else(counted, u64::from);
                    self.size(size, " characters)");
                }
                rest.is_empty()
            }
            Value::Cleaned { text, rendered, .. } => {
                let (head, rest) = split(text, longest);
                self.show(language, rendered.then(type_name), head);
                if !rest.is_empty() {
                    self.text.push_str(MORE);
                }
                rest.is_empty()
            }
            Value::Bytes { kept, total } => {
                let head = &kept[..kept.len().min(longest)];
                repr::bytes(&mut Bounded::new(&mut self.text, usize::MAX), head, false);
                if head.len() < total as usize {
                    self.size(total.into(), " bytes)");
                }
                head.len() == kept.len()
            }
            Value::Redacted {
                reason,
                ref type_name,
                ref rule,
                ..
            } => {
                let type_name = type_name.map_or("?", |name| name.text);
                redacted(&mut self.text, reason, type_name, rule.text);
                true
            }
            Value::Skipped { reason: why, .. } => {
                reason(&mut self.text, limits, why);
                true
            }
            Value::Failed { ref cause, .. } => {
                pieces(
                    &mut self.text,
                    &["[", Reason::Error.said(), ": ", cause.text, "]"],
                );
                true
            }
            Value::Opaque { ref type_name } => {
                let type_name = type_name.map_or("object", |name| name.text);
                pieces(&mut self.text, &["<", type_name, ">"]);
                true
            }
            _ => {
                let out = &mut Bounded::new(&mut self.text, usize::MAX);
                let dialect = Dialect::of(language);
                print(out, &mut self.digits, dialect, language, type_name(), value);
                true
            }
        }
    }

    /// Puts an exception that a variable refers to into `text`, as `KeyError('EUR')`.
    pub(super) fn exception(
        &mut self,
        language: Language,
        type_name: Option<&Name<'_>>,
        message: Option<&Value<'_>>,
        longest: usize,
    ) -> bool {
        let type_name = type_name.map_or("exception", |name| name.text);
        let message = match message {
            Some(Value::Text(text)) => text.shown(),
            Some(Value::Cleaned { text, .. }) => Cow::Borrowed(*text),
            _ => {
                self.text.clear();
                pieces(&mut self.text, &["<", type_name, ">"]);
                return true;
            }
        };
        let (head, rest) = split(&message, longest);
        self.text.clear();
        self.show(language, None, head);
        let short = type_name.rsplit('.').next().unwrap_or(type_name);
        self.text.insert(0, '(');
        self.text.insert_str(0, short);
        self.text.push_str(if rest.is_empty() { ")" } else { "…)" });
        rest.is_empty()
    }

    /// Appends a text: in quotes, or if it stands for a value of this type that is not text, in the form of its type.
    fn show(&mut self, language: Language, rendered: Option<&str>, text: &str) {
        let python = matches!(Dialect::of(language), Dialect::Python);
        match rendered {
            Some(
                kind @ ("function" | "method" | "builtin_function_or_method" | "module" | "type"),
            ) if python => pieces(&mut self.text, &["<", kind, " ", text, ">"]),
            Some(kind) if python => {
                repr::rendered(&mut Bounded::new(&mut self.text, usize::MAX), kind, text);
            }
            Some(_) => self.text.push_str(text),
            None if python && !is_plain(text) => {
                repr::string(&mut Bounded::new(&mut self.text, usize::MAX), text, false);
            }
            None => {
                let quote = if python { "'" } else { "\"" };
                pieces(&mut self.text, &[quote, text, quote]);
            }
        }
    }

    fn size(&mut self, size: u64, unit: &str) {
        let mut digits = itoa::Buffer::new();
        pieces(&mut self.text, &[MORE, " (", digits.format(size), unit]);
    }
}

/// Whether Python writes a text in single quotes as it is.
fn is_plain(text: &str) -> bool {
    let escaped = |byte: u8| !matches!(byte, b' '..=b'~') || matches!(byte, b'\'' | b'\\');
    // Without a way out in the middle, so that many bytes are looked at at once.
    !text
        .bytes()
        .fold(false, |found, byte| found | escaped(byte))
}

/// Whether a text stands in Python's single quotes inside JSON as it is.
pub(super) fn is_bare(text: &str) -> bool {
    is_plain(text) && !text.contains('"')
}

/// The first so many characters, and the rest.
fn split(text: &str, longest: usize) -> (&str, &str) {
    if text.len() <= longest {
        return (text, "");
    }
    let at = text.char_indices().nth(longest);
    text.split_at(at.map_or(text.len(), |(at, _)| at))
}

fn pieces(out: &mut String, pieces: &[&str]) {
    pieces.iter().for_each(|piece| out.push_str(piece));
}

/// `[redacted: name "token"]`.
fn redacted(out: &mut String, reason: Reason, type_name: &str, rule: &str) {
    match (reason, rule) {
        (Reason::RedactedIdent, "") => out.push_str("[redacted: by its name]"),
        (Reason::RedactedIdent, _) => pieces(out, &["[redacted: name \"", rule, "\"]"]),
        (Reason::RedactedType, "") => pieces(out, &["[redacted: type \"", type_name, "\"]"]),
        (Reason::RedactedType, _) => pieces(out, &["[redacted: type \"", rule, "\"]"]),
        (_, "") => out.push_str("[redacted]"),
        _ => pieces(out, &["[redacted: ", rule, "]"]),
    }
}

/// `[deeper: limits.depth]`.
pub(super) fn reason(out: &mut String, limits: &LimitTable, reason: Reason) {
    match limits.get(reason) {
        Some((limit, _)) => pieces(out, &["[", reason.said(), ": ", limit, "]"]),
        None => pieces(out, &["[", reason.said(), "]"]),
    }
}
