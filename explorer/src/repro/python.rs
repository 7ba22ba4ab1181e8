//! Names and literals of Python.

use std::fmt::Write as _;

use crate::render::push_escape_of;

/// Words that are no names.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// Whether a text can stand as a name in a program.
pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    let begins = |c| c == '_' || unicode_ident::is_xid_start(c);
    chars.next().is_some_and(begins)
        && chars.all(unicode_ident::is_xid_continue)
        && !KEYWORDS.contains(&text)
}

/// Whether a text can stand before `=` and is the same name there: Python writes some letters otherwise.
pub(super) fn is_keyword_argument(text: &str) -> bool {
    is_name(text) && text.is_ascii() && text != "__debug__"
}

/// Whether a text is names with dots between them.
pub(super) fn is_dotted(text: &str) -> bool {
    text.split('.').all(is_name)
}

/// A text in quotes.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            _ => push_escape_of(c, &mut out),
        }
    }
    out.push('"');
    out
}

/// Bytes, each the character of its number.
pub(super) fn bytes(bytes: &str) -> String {
    let mut out = String::from("b\"");
    for c in bytes.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            // Writing to a string cannot fail.
            _ => drop(write!(out, "\\x{:02x}", u32::from(c) & 0xff)),
        }
    }
    out.push('"');
    out
}

/// Text inside a docstring: nothing that ends it, no escapes, no control characters.
pub(super) fn in_docstring(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_escape_of(c, &mut out);
    }
    out.replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"")
}

/// Whether a text is an integer, of any size.
pub(super) fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}
