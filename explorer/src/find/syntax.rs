//! A query: tests, joined by `and`, `or` and `not`.

use std::fmt;

use regex::Regex;

use super::lex;
use super::path::Path;

/// What is wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// All of these: at least two.
    All(Vec<Query>),
    /// Any of these: at least two.
    Any(Vec<Query>),
    /// Not this.
    Not(Box<Query>),
    /// This.
    Test(Test),
}

/// One test of an occurrence.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// What is looked at.
    pub field: Field,
    /// How it is compared, and with what; without, it has to be there, or to be so.
    pub comparison: Option<(Operator, Value)>,
}

/// What a test looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// Type or message: what a word by itself is looked for in.
    Word,
    /// One of the fields that are a word.
    Plain(&'static str),
    /// An attribute that the program or a framework gave.
    Tag(String),
    /// A member of the user.
    User(String),
    /// A value: an argument, a local or a static, in any frame.
    Var(Path),
    /// A value in an argument, in any frame.
    Arg(Path),
    /// The number of items, entries, fields or characters of a value.
    Size(Path),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `~`
    Contains,
    /// `!~`
    ContainsNot,
    /// `=~`
    Matches,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// What something is compared with.
#[derive(Debug, Clone)]
pub enum Value {
    /// As it was typed, without quotes: `*` is a wildcard, numbers and words of the language (`None`, `true`) mean themselves.
    Word(String),
    /// In quotes: this text and nothing else.
    Text(String),
    /// A regular expression.
    Pattern(Regex),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Word(one), Self::Word(other)) | (Self::Text(one), Self::Text(other)) => {
                one == other
            }
            (Self::Pattern(one), Self::Pattern(other)) => one.as_str() == other.as_str(),
            _ => false,
        }
    }
}

impl Value {
    /// Its text.
    pub fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Text(text) => text,
            Self::Pattern(pattern) => pattern.as_str(),
        }
    }
}

/// What kind of value a field has, which decides how it can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Text.
    Text,
    /// A number.
    Number,
    /// An instant: `2026-11-20`, `2026-11-20T14:00`.
    Time,
    /// An age: `30m`, `2h`, `3d`.
    Age,
    /// True or false.
    Flag,
    /// The beginning of an id.
    Id,
    /// Whatever a program has in a variable.
    Anything,
}

/// The fields that are a word, what each is, and of which sort.
pub const FIELDS: [(&str, &str); 21] = [
    (
        "type",
        "type of the error: KeyError, shop.rates.LookupFailed, shop.*",
    ),
    ("message", "its message"),
    ("cause", "type or message of an error behind it"),
    ("raised", "the frame that raised: convert, pricing.py:42"),
    ("frame", "any frame: convert, pricing.py:42"),
    ("function", "function of any frame, in its class or alone"),
    (
        "module",
        "module of any frame, or a package that it is in: shop",
    ),
    ("file", "file of any frame, or how its path ends"),
    ("line", "line of any frame"),
    ("service", "service"),
    ("env", "environment"),
    ("version", "version of the service"),
    ("host", "host"),
    ("pid", "process id"),
    ("thread", "name of the thread"),
    (
        "mechanism",
        "how it was met: excepthook, logging, wsgi, ...",
    ),
    (
        "handled",
        "whether the program handled it: handled, not handled",
    ),
    ("time", "when: time >= 2026-11-20T14:00, time = 2026-11-20"),
    ("age", "how long ago: age < 2h"),
    ("issue", "the beginning of the issue's id"),
    ("trace", "trace id"),
];

impl Field {
    /// Of which sort its values are.
    pub(super) fn sort(&self) -> Sort {
        match self {
            Self::Plain(name) => match *name {
                "line" | "pid" => Sort::Number,
                "time" => Sort::Time,
                "age" => Sort::Age,
                "handled" => Sort::Flag,
                "issue" | "trace" => Sort::Id,
                _ => Sort::Text,
            },
            Self::Size(_) => Sort::Number,
            Self::Var(_) | Self::Arg(_) | Self::Tag(_) | Self::User(_) => Sort::Anything,
            Self::Word => Sort::Text,
        }
    }
}

impl Operator {
    pub(super) fn of(sign: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operator| operator.sign() == sign)
    }

    const ALL: [Self; 9] = [
        Self::Equal,
        Self::NotEqual,
        Self::Contains,
        Self::ContainsNot,
        Self::Matches,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
    ];

    /// As it is typed.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Contains => "~",
            Self::ContainsNot => "!~",
            Self::Matches => "=~",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// Whether it compares by order.
    pub fn is_order(self) -> bool {
        matches!(
            self,
            Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual
        )
    }

    /// Whether it holds for two values that compare so.
    pub(super) fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Contains | Self::ContainsNot | Self::Matches => false,
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    write!(f, " {word} ")?;
                }
                if matches!(part, Self::All(_) | Self::Any(_)) {
                    write!(f, "({part})")?;
                } else {
                    write!(f, "{part}")?;
                }
            }
            Ok(())
        };
        match self {
            Self::All(parts) => joined(f, parts, "and"),
            Self::Any(parts) => joined(f, parts, "or"),
            Self::Not(inner) if matches!(**inner, Self::All(_) | Self::Any(_)) => {
                write!(f, "not ({inner})")
            }
            Self::Not(inner) => write!(f, "not {inner}"),
            Self::Test(test) => write!(f, "{test}"),
        }
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.field, &self.comparison) {
            (Field::Word, Some((_, value))) => write!(f, "{value}"),
            (field, None) => write!(f, "{field}"),
            (field, Some((operator, value))) => write!(f, "{field} {} {value}", operator.sign()),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |f: &mut fmt::Formatter<'_>, field: &str, name: &str| {
            if is_bare_name(name) {
                write!(f, "{field}({name})")
            } else {
                write!(f, "{field}({})", lex::quote(name))
            }
        };
        match self {
            Self::Word => Ok(()),
            Self::Plain(name) => f.write_str(name),
            Self::Tag(tag) => name(f, "tag", tag),
            Self::User(member) => name(f, "user", member),
            Self::Var(path) => write!(f, "var({path})"),
            Self::Arg(path) => write!(f, "arg({path})"),
            Self::Size(path) => write!(f, "size({path})"),
        }
    }
}

/// Whether the name of a tag needs no quotes.
fn is_bare_name(name: &str) -> bool {
    !name.is_empty()
        && name.trim() == name
        && !name.contains(['"', '\'', ')'])
        && !name.contains(char::is_control)
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Text(text) => f.write_str(&lex::quote(text)),
            Self::Pattern(pattern) => f.write_str(&lex::quote(pattern.as_str())),
        }
    }
}
