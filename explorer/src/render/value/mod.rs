//! Values as the program's language writes them.
//!
//! [`Look`] is what differs between languages: how null, text, numbers and containers are spelled. [`Inline`] writes any value
//! on one line within a given width: as much of it as fits, with the number of what does not. What is cut is always marked
//! *outside* of quotes, so that a mark can never be mistaken for the program's own text.

mod base64;
mod inline;
mod neutral;
mod python;

pub(crate) use inline::Inline;

use stillframe_core::snapshot::{Node, Scalar};

/// How a language writes its values.
pub(crate) trait Look: Sync {
    /// `None`, `null`.
    fn null(&self) -> &'static str;
    /// `True`, `true`.
    fn boolean(&self, value: bool) -> &'static str;
    /// A finite number as the language's own output has it.
    fn float(&self, value: f64) -> String;
    /// The quotes to put around a text, and around bytes.
    fn quotes(&self, text: &str, bytes: bool) -> Quotes;
    /// Appends `c` as it stands between such quotes.
    fn escape(&self, c: char, quotes: &Quotes, out: &mut String);
    /// How the text that stands for a value of this type is written: whole, for a number; as an argument, for a decimal.
    fn rendered(&self, type_name: &str, text: &str) -> Rendered;
    /// What stands around the contents of a container.
    fn brackets(&self, node: &Node) -> Brackets;
    /// Between the name of a field and its value.
    fn equals(&self) -> &'static str {
        "="
    }
    /// Whether text of this type needs no type name.
    fn is_text(&self, type_name: &str) -> bool;
    /// The part of a type name that a person says.
    fn short_type<'t>(&self, type_name: &'t str) -> &'t str;
    /// Whether values of this type are shown by their name alone: functions, classes, modules.
    fn is_named(&self, type_name: &str) -> bool;
    /// Names that every object has and nobody asks for.
    fn is_noise(&self, name: &str) -> bool;
}

/// What stands before and after a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quotes {
    /// `'`, `b'`.
    pub open: &'static str,
    /// `'`.
    pub close: &'static str,
    /// Whether the text stands for bytes: then each character is one.
    pub bytes: bool,
}

/// How a value is written that its text stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rendered {
    /// As it is: `12345678901234567890`, `nan`, `<Color.RED: 1>`.
    Bare(String),
    /// As the argument of its type: `Decimal('19.90')`.
    Call,
}

/// What stands around the contents of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Brackets {
    /// `[`, `Customer(`, `deque([`.
    pub open: String,
    /// `]`, `)`, `])`.
    pub close: &'static str,
    /// The whole of an empty one: `[]`, `set()`.
    pub empty: String,
    /// After a single item: Python's `(1,)`.
    pub single: &'static str,
}

/// The look of a language, by the word in `runtime.language`.
pub(crate) fn look(language: &str) -> &'static dyn Look {
    match language {
        "python" => &python::Python,
        _ => &neutral::Neutral,
    }
}

/// The bytes of a node, each as the character of its number; `None` if it is not bytes.
pub(crate) fn byte_text(node: &Node) -> Option<String> {
    let text = node.value.as_ref().and_then(Scalar::as_str)?;
    match node.encoding.as_deref()? {
        "base64" => Some(base64::decode(text)?.into_iter().map(char::from).collect()),
        "escaped" => Some(unescape(text)),
        _ => None,
    }
}

/// `\n`, `\\` and `\x07` as the characters that they stand for.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = &rest[at + 1..];
        let hex = code
            .strip_prefix('x')
            .and_then(|code| u8::from_str_radix(code.get(..2)?, 16).ok());
        let (c, len) = match (code.as_bytes().first(), hex) {
            (_, Some(byte)) => (char::from(byte), 3),
            (Some(b'n'), _) => ('\n', 1),
            (Some(b'r'), _) => ('\r', 1),
            (Some(b't'), _) => ('\t', 1),
            (Some(b'\\'), _) => ('\\', 1),
            _ => ('\\', 0),
        };
        out.push(c);
        rest = &code[len..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn escapes_of_bytes_are_read_back() {
        assert_eq!(unescape(r#"GET /\r\n\t\\\x07""#), "GET /\r\n\t\\\x07\"");
        assert_eq!(unescape(r"\x89PNG"), "\u{89}PNG");
        for odd in [r"\", r"\x", r"\xg1", r"a\q"] {
            assert_eq!(unescape(odd), odd);
        }
    }
}
