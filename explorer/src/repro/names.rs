//! What types and gaps are called in a test, and literals of the standard library.

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::Node;

use super::python;
use crate::render::{Line, Style, chip, grouped, head};

/// Classes that need no import.
pub(super) const BUILTIN_CLASSES: [&str; 23] = [
    "bool",
    "bytearray",
    "bytes",
    "classmethod",
    "complex",
    "dict",
    "enumerate",
    "filter",
    "float",
    "frozenset",
    "int",
    "list",
    "map",
    "memoryview",
    "object",
    "property",
    "range",
    "reversed",
    "set",
    "slice",
    "str",
    "tuple",
    "type",
];

/// Whether a type has a name by which it can be imported, and objects that can be made without its constructor.
pub(super) fn is_class(type_name: &str) -> bool {
    python::is_dotted(type_name) && type_name.contains('.') && !type_name.starts_with('_')
        || type_name.starts_with("__main__.") && python::is_dotted(type_name)
}

pub(super) fn is_metaclass(type_name: &str) -> bool {
    let last = type_name.rsplit('.').next().unwrap_or(type_name);
    last.ends_with("Type") || last.ends_with("Meta") || last.ends_with("Metaclass")
}

/// Why a value is not whole, in words, and what would keep more.
pub(super) fn why(node: &Node) -> String {
    let said = chip(node).plain();
    let said = said.trim_start_matches('[').trim_end_matches(']');
    match node.reason() {
        Some(Reason::Length) => {
            let limit = node.limit.as_ref();
            let limit = limit.map_or(String::new(), |limit| format!(": {}", limit.name));
            let unit = match (node.rendered, node.encoding.is_some()) {
                (true, _) => "bits",
                (_, true) => "bytes",
                _ => "characters",
            };
            format!(
                "cut, it had {} {unit}{limit}",
                grouped(node.size.unwrap_or(0))
            )
        }
        _ => said.to_owned(),
    }
}

/// A reason on one line, without what could leave a comment.
pub(super) fn clean(text: &str) -> String {
    Line::of(Style::Plain, head(text, 300)).plain()
}

/// A finite number as Python reads it.
pub(super) fn float(value: f64) -> String {
    let text = format!("{value:?}");
    if value.is_finite() {
        text
    } else {
        format!("float(\"{value}\")")
    }
}

/// `range(0, 3)` and nothing else.
pub(super) fn range(text: &str) -> Option<String> {
    let inner = text.strip_prefix("range(")?.strip_suffix(')')?;
    let numbers = inner.split(", ").all(python::is_integer);
    numbers.then(|| text.to_owned())
}

/// A time as every Python since 3.7 reads it: six digits of a fraction, and an offset instead of `Z`.
pub(super) fn instant(text: &str) -> Option<String> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"-:T.+Z ".contains(&byte));
    if !plain {
        return None;
    }
    let (clock, zone) = match text.strip_suffix('Z') {
        Some(clock) => (clock, "+00:00"),
        None => {
            let from = text.find('T').unwrap_or(0);
            let zone = text[from..].find(['+', '-']).map(|at| from + at);
            text.split_at(zone.unwrap_or(text.len()))
        }
    };
    let Some((whole, fraction)) = clock.split_once('.') else {
        return Some(format!("{clock}{zone}"));
    };
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    Some(format!("{whole}.{digits}{zone}"))
}
