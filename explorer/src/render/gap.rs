//! Gaps in words: what is missing, which rule or limit did it, how large the original was.

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{LimitInForce, Node, Omitted};

use super::line::{Line, Style};
use super::text::grouped;

/// `[redacted: name "token"]`, `[64 of 365: limits.items]`: why a value is not shown, or not whole.
pub(crate) fn chip(node: &Node) -> Line {
    let word = node
        .not_captured_reason
        .as_deref()
        .unwrap_or("not captured");
    let Some(reason) = node.reason() else {
        return gap(word);
    };
    if reason.is_redaction() {
        return redacted(reason, node.rule.as_deref(), node.type_name.as_deref());
    }
    match reason {
        Reason::Error | Reason::Unreadable => {
            let what = if reason == Reason::Error {
                "could not be read"
            } else {
                "not readable"
            };
            match &node.error {
                Some(cause) => gap(&format!("{what}: {cause}")),
                None => gap(what),
            }
        }
        Reason::Length => gap(&format!("cut{}", limit(node.limit.as_ref()))),
        Reason::CollectionSize | Reason::FieldCount => {
            let shown = shown(node);
            match node.size {
                Some(size) if size > shown => gap(&format!(
                    "{} of {}{}",
                    grouped(shown),
                    grouped(size),
                    limit(node.limit.as_ref())
                )),
                _ => gap(&format!("cut{}", limit(node.limit.as_ref()))),
            }
        }
        _ => gap(&format!("{}{}", reason.said(), limit(node.limit.as_ref()))),
    }
}

/// What is missing in one place: `12 locals: limits.values`.
pub(crate) fn omitted(gap: &Omitted) -> Line {
    let what = match (&gap.name, gap.count) {
        (Some(name), _) => format!("{} {name}", singular(&gap.what)),
        (None, Some(1)) => format!("1 {}", singular(&gap.what)),
        (None, Some(count)) => format!("{} {}", grouped(count.into()), gap.what),
        (None, None) => format!("more {}", gap.what),
    };
    let Some(reason) = gap.reason() else {
        return Line::of(
            Style::Gap,
            &format!("[{what} not shown: {}]", gap.not_captured_reason),
        );
    };
    if reason.is_redaction() {
        let mut line = Line::of(Style::Redacted, &format!("{what} "));
        line.extend(&redacted(reason, gap.rule.as_deref(), None));
        return line;
    }
    match &gap.limit {
        Some(limit) => Line::of(
            Style::Gap,
            &format!("[{what} not captured: {} = {}]", limit.name, limit.value),
        ),
        None => Line::of(
            Style::Gap,
            &format!("[{what} not captured: {}]", reason.said()),
        ),
    }
}

/// `[redacted: name "token"]`
pub(crate) fn redacted(reason: Reason, rule: Option<&str>, type_name: Option<&str>) -> Line {
    let by = match (reason, rule, type_name) {
        (Reason::RedactedIdent, Some(rule), _) => format!("[redacted: name {rule:?}]"),
        (Reason::RedactedIdent, None, _) => "[redacted: by its name]".to_owned(),
        (Reason::RedactedType, Some(rule), _) => format!("[redacted: type {rule:?}]"),
        (Reason::RedactedType, None, Some(name)) => format!("[redacted: type {name:?}]"),
        (_, Some(rule), _) => format!("[redacted: {rule}]"),
        _ => "[redacted]".to_owned(),
    };
    Line::of(Style::Redacted, &by)
}

/// Items, entries or fields that are there.
pub(crate) fn shown(node: &Node) -> u64 {
    let fields = node.fields.as_ref().map_or(0, |fields| fields.len());
    let entries = node.entries.as_ref().map_or(0, Vec::len);
    let elements = node.elements.as_ref().map_or(0, Vec::len);
    (fields + entries + elements) as u64
}

fn limit(limit: Option<&LimitInForce>) -> String {
    limit.map_or_else(String::new, |limit| format!(": {}", limit.name))
}

fn gap(text: &str) -> Line {
    Line::of(Style::Gap, &format!("[{text}]"))
}

fn singular(what: &str) -> &str {
    match what {
        "entries" => "entry",
        _ => what.strip_suffix('s').unwrap_or(what),
    }
}
