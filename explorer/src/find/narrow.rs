//! What the stored bytes of a snapshot must contain if it can match: most of a store is put aside without being decoded.
//!
//! MessagePack holds names and text as they are, so a text that a query asks for by its whole is in the bytes of each snapshot that
//! matches. This only ever lets too many through; [`Query::find`] decides.

use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};

use super::path::{Path, Step};
use super::syntax::{Field, Operator, Query, Test, Value};
use super::value;
use crate::render::Clock;

/// What must be in the bytes.
#[derive(Debug, Clone)]
pub enum Need {
    /// Nothing in particular.
    Nothing,
    /// This text.
    Bytes(Box<Finder<'static>>),
    /// This text of ASCII, whatever its case.
    AnyCase(Regex),
    /// All of these.
    All(Vec<Need>),
    /// Any of these.
    Any(Vec<Need>),
}

impl Need {
    /// What a query needs.
    pub fn of(query: &Query) -> Self {
        match query {
            Query::All(parts) => Self::All(parts.iter().map(Self::of).collect()),
            Query::Any(parts) => Self::Any(parts.iter().map(Self::of).collect()),
            Query::Not(_) => Self::Nothing,
            Query::Test(test) => Self::of_test(test),
        }
    }

    /// Whether a snapshot that is stored so can match.
    pub fn is_in(&self, payload: &[u8]) -> bool {
        match self {
            Self::Nothing => true,
            Self::Bytes(finder) => finder.find(payload).is_some(),
            Self::AnyCase(pattern) => pattern.is_match(payload),
            Self::All(parts) => parts.iter().all(|part| part.is_in(payload)),
            Self::Any(parts) => parts.iter().any(|part| part.is_in(payload)),
        }
    }

    fn of_test(test: &Test) -> Self {
        let equal = match &test.comparison {
            Some((Operator::Equal, value)) => Some(value),
            _ => None,
        };
        let mut needs = Vec::new();
        match &test.field {
            Field::Var(path) | Field::Arg(path) | Field::Size(path) => names(path, &mut needs),
            Field::Tag(name) | Field::User(name) => push(name, &mut needs),
            Field::Word | Field::Plain(_) => {}
        }
        match &test.field {
            // `pricing.py:42` is a file and a number there.
            Field::Plain("frame" | "raised") => {
                if let Some(value) = equal {
                    let text = value.text();
                    let place = text.rsplit_once(':').map_or(text, |(file, _)| file);
                    push(place, &mut needs);
                }
            }
            Field::Plain(
                "type" | "message" | "cause" | "function" | "module" | "file" | "service" | "env"
                | "version" | "host" | "thread" | "mechanism",
            )
            | Field::Tag(_)
            | Field::User(_)
            | Field::Var(_)
            | Field::Arg(_) => {
                if let Some(value) = equal {
                    text(value, &mut needs);
                }
            }
            _ => {}
        }
        if let Some((Operator::Contains, value)) = &test.comparison
            && !matches!(test.field, Field::Plain("issue" | "trace"))
        {
            needs.extend(any_case(value.text()));
        }
        Self::All(needs)
    }
}

/// What a value that contains this text has in its bytes. Digits may be those of a number, and a place is a file and a number.
fn any_case(text: &str) -> Option<Need> {
    let part = text.rsplit_once(':').map_or(text, |(file, _)| file);
    let numeric = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let lower = part.to_ascii_lowercase();
    let may_be_else =
        part.chars().all(numeric) || "true".contains(&lower) || "false".contains(&lower);
    if !part.is_ascii() || may_be_else {
        return None;
    }
    let pattern = RegexBuilder::new(&regex::escape(part))
        .case_insensitive(true)
        .unicode(false)
        .build();
    pattern.ok().map(Need::AnyCase)
}

/// The text that something equal to `value` contains, unless it may be a number, a flag or nothing at all.
fn text(value: &Value, needs: &mut Vec<Need>) {
    let may_be_else = match value {
        Value::Word(word) => {
            // Wildcards are over the digits of a number too, which is binary in the bytes.
            let numeric = |c: char| c.is_ascii_digit() || "+-.eE*".contains(c);
            value::number(word).is_some()
                || word.chars().all(numeric)
                || matches!(
                    word.as_str(),
                    "None" | "none" | "null" | "nil" | "NULL" | "True" | "true" | "False" | "false"
                )
        }
        _ => false,
    };
    if !may_be_else {
        push(value.text(), needs);
    }
}

/// The names in a path. A number may be a key that is stored as one.
fn names(path: &Path, needs: &mut Vec<Need>) {
    for step in path.steps() {
        if let Step::Name(name) = step
            && value::number(name).is_none()
            && !matches!(name.as_str(), "true" | "false")
        {
            push(name, needs);
        }
    }
}

fn push(text: &str, needs: &mut Vec<Need>) {
    for part in text.split('*').filter(|part| !part.is_empty()) {
        needs.push(Need::Bytes(Box::new(Finder::new(part).into_owned())));
    }
}

impl Query {
    /// When an occurrence can have happened that matches: from an instant on, and before another, in nanoseconds since the Unix epoch.
    pub fn period(&self, clock: &Clock) -> (u64, Option<u64>) {
        let whole = (0, None);
        match self {
            Self::All(parts) => parts.iter().map(|part| part.period(clock)).fold(
                whole,
                |(from, before), (later, sooner)| {
                    let before = [before, sooner].into_iter().flatten().min();
                    (from.max(later), before)
                },
            ),
            Self::Test(Test {
                field: Field::Plain("time"),
                comparison: Some((operator, value)),
            }) => value::time(value.text()).map_or(whole, |span| {
                let (from, to) = span.bounds(clock);
                match operator {
                    Operator::Equal => (from, Some(to)),
                    Operator::Less => (0, Some(from)),
                    Operator::LessOrEqual => (0, Some(to)),
                    Operator::Greater => (to, None),
                    Operator::GreaterOrEqual => (from, None),
                    _ => whole,
                }
            }),
            Self::Test(Test {
                field: Field::Plain("age"),
                comparison: Some((Operator::Less | Operator::LessOrEqual, value)),
            }) => value::age(value.text())
                .map_or(whole, |age| (clock.now_ns.saturating_sub(age), None)),
            _ => whole,
        }
    }
}
