//! Scalars as text: what the language prints, up to a number of characters.

use std::fmt::{self, Write};

use super::dialect::Dialect;
use super::repr;
use crate::encode::form::ELLIPSIS;
use crate::encode::text::{self, Shown};
use crate::language::Language;
use crate::tape::Value;

/// Memory for text that is put together before it is written.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) text: String,
    /// Parts of `text`.
    pub(super) digits: String,
}

/// Text of at most so many characters; what comes behind them is only noticed.
#[derive(Debug)]
pub(in crate::encode) struct Bounded<'s> {
    out: &'s mut String,
    left: usize,
    /// More was written than fits.
    pub(super) overflowed: bool,
}

impl<'s> Bounded<'s> {
    /// Empties `out` and writes into it.
    pub(in crate::encode) fn new(out: &'s mut String, characters: usize) -> Self {
        out.clear();
        Self {
            out,
            left: characters,
            overflowed: false,
        }
    }

    pub(super) fn push(&mut self, character: char) {
        if self.left == 0 {
            self.overflowed = true;
        } else {
            self.left -= 1;
            self.out.push(character);
        }
    }

    pub(super) fn push_str(&mut self, text: &str) {
        if text.len() <= self.left && text.is_ascii() {
            self.left -= text.len();
            return self.out.push_str(text);
        }
        for character in text.chars() {
            if self.overflowed {
                return;
            }
            self.push(character);
        }
    }
}

impl Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}

/// What is known of a printed scalar.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::encode) struct Printed {
    /// Characters or bytes that it has in all, where they are counted.
    pub(super) size: Option<u32>,
    /// The tape has less than all of it.
    pub(super) cut: bool,
}

/// Prints a scalar as the language would.
pub(in crate::encode) fn print(
    out: &mut Bounded<'_>,
    digits: &mut String,
    dialect: Dialect,
    language: Language,
    type_name: &str,
    value: &Value<'_>,
) -> Printed {
    let python = dialect == Dialect::Python;
    digits.clear();
    let mut printed = Printed::default();
    match *value {
        Value::Null => out.push_str(if python { "None" } else { "null" }),
        Value::Bool(truth) => out.push_str(dialect.boolean(truth)),
        Value::Int(number) => out.push_str(itoa::Buffer::new().format(number)),
        Value::Uint(number) => out.push_str(itoa::Buffer::new().format(number)),
        Value::Float(number) => {
            let of_32_bits = matches!(type_name, "float" | "java.lang.Float" | "System.Single");
            dialect.float(out, number, of_32_bits && !python);
        }
        Value::Big(ref number) => {
            text::big(digits, number);
            out.push_str(digits);
            printed.cut = number.exact().is_none();
        }
        Value::Time(ref time) if python => repr::time(out, time),
        Value::Time(ref time) => {
            text::time(digits, time);
            out.push_str(digits);
        }
        Value::Bytes { kept, total } => {
            printed.cut = kept.len() < total as usize;
            printed.size = Some(total);
            repr::bytes(out, kept, printed.cut);
        }
        Value::Text(ref text) => {
            let shown = Shown::of(text, language);
            printed.cut = shown.cut_from.is_some();
            text_of(
                out,
                python,
                type_name,
                &shown.text,
                text.rendered(),
                printed.cut,
            );
            if printed.cut || out.overflowed {
                let whole = || u32::try_from(shown.text.chars().count()).ok();
                printed.size = shown.cut_from.or_else(whole);
            }
        }
        // Its length is hidden.
        Value::Cleaned { text, rendered, .. } => {
            text_of(out, python, type_name, text, rendered, false);
        }
        Value::Redacted { .. } => out.push_str("{redacted}"),
        _ => out.push_str(ELLIPSIS),
    }
    printed
}

fn text_of(
    out: &mut Bounded<'_>,
    python: bool,
    type_name: &str,
    text: &str,
    rendered: bool,
    cut: bool,
) {
    match (python, rendered) {
        (false, _) => out.push_str(text),
        (true, false) => repr::string(out, text, cut),
        (true, true) => repr::rendered(out, type_name, text),
    }
}
