//! Comparing what was captured with what was typed.

use std::cmp::Ordering;

use stillframe_core::snapshot::{Node, Scalar};

use super::instant::{self, Span};
use super::syntax::{Operator, Value};

/// A number, exact where it is an integer of reasonable size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    fn compare(self, other: Self) -> Option<Ordering> {
        if let (Self::Int(one), Self::Int(other)) = (self, other) {
            return Some(one.cmp(&other));
        }
        self.float().partial_cmp(&other.float())
    }

    #[expect(clippy::cast_precision_loss, reason = "compared with another float")]
    fn float(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

/// The number that a text is: digits with a sign, a point or an exponent, as `Decimal` and big integers are written too.
pub(super) fn number(text: &str) -> Option<Number> {
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None; // `nan` and `inf` are words
    }
    let int = text.parse().ok().map(Number::Int);
    int.or_else(|| text.parse().ok().map(Number::Float))
}

pub(super) fn time(text: &str) -> Option<Span> {
    instant::date(text)
}

pub(super) fn age(text: &str) -> Option<u64> {
    instant::age(text)
}

/// Whether `text` is `pattern`, in which `*` stands for any text.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(mut last) = parts.next() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(last) else {
            return false;
        };
        rest = &rest[at + last.len()..];
        last = part;
    }
    rest.ends_with(last)
}

/// Whether `text` contains `part`, whatever the case of either. Letters of ASCII are only ever letters of ASCII.
fn contains(text: &str, part: &str) -> bool {
    if part.is_ascii() {
        return part.is_empty()
            || text
                .as_bytes()
                .windows(part.len())
                .any(|window| window.eq_ignore_ascii_case(part.as_bytes()));
    }
    text.to_lowercase().contains(&part.to_lowercase())
}

/// Whether a text is as asked for. `equal` decides what a name equals besides itself.
pub(super) fn text(
    found: &str,
    operator: Operator,
    value: &Value,
    equal: impl Fn(&str, &Value) -> bool,
) -> bool {
    match (operator, value) {
        (Operator::Equal, _) => equal(found, value),
        (Operator::NotEqual, _) => !equal(found, value),
        (Operator::Contains, _) => contains(found, value.text()),
        (Operator::ContainsNot, _) => !contains(found, value.text()),
        (Operator::Matches, Value::Pattern(pattern)) => pattern.is_match(found),
        (Operator::Matches, _) => false,
        _ => operator.holds(found.cmp(value.text())),
    }
}

/// Equal as a whole; a word may have wildcards.
pub(super) fn whole(found: &str, value: &Value) -> bool {
    match value {
        Value::Word(word) if word.contains('*') => glob(word, found),
        _ => found == value.text(),
    }
}

/// Equal as a whole or from behind one of these separators on.
pub(super) fn ending<'v>(separators: &'v [char]) -> impl Fn(&str, &Value) -> bool + 'v {
    move |found, value| {
        let rests = found
            .match_indices(separators)
            .map(|(at, sign)| &found[at + sign.len()..]);
        std::iter::once(found)
            .chain(rests)
            .any(|rest| whole(rest, value))
    }
}

/// Whether a value of the program is as asked for; `None` where that cannot be known: it was not captured, or is of another kind.
pub(super) fn node(found: &Node, operator: Operator, value: &Value) -> Option<bool> {
    let word = match value {
        Value::Word(word) => Some(word.as_str()),
        _ => None,
    };
    if found.is_null {
        let is_null = matches!(word?, "None" | "none" | "null" | "nil" | "NULL");
        return equality(operator, is_null);
    }
    if found.not_captured_reason.is_some() && found.value.is_none() {
        return None;
    }
    scalar(found.value.as_ref()?, found.rendered, operator, value)
}

/// Whether a scalar is as asked for.
pub(super) fn scalar(
    found: &Scalar,
    rendered: bool,
    operator: Operator,
    value: &Value,
) -> Option<bool> {
    let word = match value {
        Value::Word(word) => Some(word.as_str()),
        _ => None,
    };
    let wanted = word.and_then(number);
    let found_number = match found {
        Scalar::Bool(flag) => {
            let is_so = match word? {
                "True" | "true" => *flag,
                "False" | "false" => !*flag,
                _ => return equality(operator, false),
            };
            return equality(operator, is_so);
        }
        Scalar::Int(number) => Some(Number::Int((*number).into())),
        Scalar::Uint(number) => Some(Number::Int((*number).into())),
        Scalar::Float(number) => Some(Number::Float(*number)),
        Scalar::Text(text) if rendered => number(text),
        Scalar::Text(_) => None,
    };
    if let (Some(found), Some(wanted)) = (found_number, wanted)
        && !matches!(
            operator,
            Operator::Contains | Operator::ContainsNot | Operator::Matches
        )
    {
        return Some(
            found
                .compare(wanted)
                .is_some_and(|order| operator.holds(order)),
        );
    }
    match found {
        Scalar::Text(found) => Some(text(found, operator, value, |found, value| {
            whole(found, value) || (rendered && is_member(found, value.text()))
        })),
        // A number is no text in quotes, and a text no number; but its digits can be searched.
        found => {
            if operator.is_order() || matches!(operator, Operator::Equal | Operator::NotEqual) {
                let wildcard = word.filter(|word| word.contains('*'));
                let is_so = wildcard.is_some_and(|pattern| glob(pattern, &found.to_string()));
                return equality(operator, is_so);
            }
            Some(text(&found.to_string(), operator, value, whole))
        }
    }
}

fn equality(operator: Operator, equal: bool) -> Option<bool> {
    match operator {
        Operator::Equal => Some(equal),
        Operator::NotEqual => Some(!equal),
        _ => None,
    }
}

/// Whether `<Color.RED: 1>` is called `Color.RED`, `RED`, or by the name in its brackets.
fn is_member(found: &str, name: &str) -> bool {
    let Some(inner) = found
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
    else {
        return false;
    };
    let label = inner.split_once(": ").map_or(inner, |(label, _)| label);
    label == name || label.rsplit('.').next() == Some(name)
}
