//! Kinds of settings: what each accepts, in whatever form a source has it, and how it is shown.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::headers;
use super::node::{Form, Node};
use super::rules;
use super::units::{bytes, show_bytes, show_time, time};
use super::wires::{Address, Secret};
use crate::gate::ExcludeRule;
use crate::redact::UserRule;

/// What a key accepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Count {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// A number of bytes: plain, or with a unit.
    Bytes {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// A length of time: a number and its unit; a plain number is seconds.
    Time {
        /// Least.
        min: Duration,
        /// Most.
        max: Duration,
    },
    /// A number that need not be whole.
    Rate {
        /// Least.
        min: f64,
        /// Most.
        max: f64,
    },
    /// One line of text.
    Text,
    /// One line of text that is never shown.
    Secret,
    /// An address with one of these schemes; an empty one: without any.
    Address(&'static [&'static str]),
    /// A table of texts that are never shown, or `key=value` with commas, percent-encoded.
    Headers,
    /// A directory; `~/` is the home directory, a relative one is relative to the file or the working directory.
    Path,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts, or one text with commas.
    List,
    /// A table of texts, or `key:value` with commas.
    Tags,
    /// Rules that say what is not captured.
    Excludes,
    /// Rules that say what is hidden.
    Rules,
}

/// A value of a [`Kind`].
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Setting {
    Flag(bool),
    Count(u64),
    Time(Duration),
    Rate(f64),
    Text(String),
    Secret(Secret),
    Address(Address),
    Headers(BTreeMap<String, Secret>),
    Path(PathBuf),
    Choice(&'static str),
    List(Vec<String>),
    Tags(BTreeMap<String, String>),
    Excludes(Vec<ExcludeRule>),
    Rules(Vec<UserRule>),
}

/// A part of a value that was not accepted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fault {
    /// Offset in the file.
    pub(super) at: usize,
    /// Which part: `.3`, `.3.pattern`; empty for the whole.
    pub(super) part: String,
    pub(super) value: Option<String>,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn of(node: &Node, what: impl Into<String>) -> Self {
        Self {
            at: node.at,
            part: String::new(),
            value: Some(node.shown()),
            what: what.into(),
        }
    }

    /// The same, without the value: it may be a secret.
    pub(super) fn hidden(node: &Node, what: impl Into<String>) -> Self {
        Self {
            value: Some(Secret::HIDDEN.to_owned()),
            ..Self::of(node, what)
        }
    }

    /// The same, of the part `name`.
    pub(super) fn within(mut self, name: &str) -> Self {
        self.part = format!(".{name}{}", self.part);
        self
    }
}

/// What was understood of a value, and what was not.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) setting: Option<Setting>,
    pub(super) faults: Vec<Fault>,
}

/// Most entries of a list. A configuration is written by a person.
pub(super) const MOST_ENTRIES: usize = 10_000;
/// Longest text of a setting, in bytes.
const LONGEST_TEXT: usize = 4096;

impl Kind {
    /// Reads `node`. What is wrong in a part of a list costs that part only.
    pub(super) fn parse(self, node: &Node) -> Parsed {
        let mut faults = Vec::new();
        let setting = match self {
            Self::List => entries(node, &mut faults).map(Setting::List),
            Self::Excludes => rules::excludes(node, &mut faults).map(Setting::Excludes),
            Self::Rules => rules::values(node, &mut faults).map(Setting::Rules),
            Self::Tags => tags(node, &mut faults).map(Setting::Tags),
            Self::Headers => headers::read(node, &mut faults).map(Setting::Headers),
            _ => match self.scalar(node) {
                Ok(setting) => Some(setting),
                Err(fault) => {
                    faults.push(fault);
                    None
                }
            },
        };
        Parsed { setting, faults }
    }

    fn scalar(self, node: &Node) -> Result<Setting, Fault> {
        let wrong = || Fault::of(node, format!("not {}", self.accepts()));
        match self {
            Self::Flag => flag(node).map(Setting::Flag).ok_or_else(wrong),
            Self::Count { min, max } => {
                let value = number(node)
                    .and_then(|text| whole(&text))
                    .ok_or_else(wrong)?;
                (min..=max)
                    .contains(&value)
                    .then_some(Setting::Count(value))
                    .ok_or_else(wrong)
            }
            Self::Bytes { min, max } => {
                let value = number(node)
                    .and_then(|text| bytes(&text))
                    .ok_or_else(wrong)?;
                (min..=max)
                    .contains(&value)
                    .then_some(Setting::Count(value))
                    .ok_or_else(wrong)
            }
            Self::Time { min, max } => {
                let value = number(node)
                    .and_then(|text| time(&text))
                    .ok_or_else(wrong)?;
                (min..=max)
                    .contains(&value)
                    .then_some(Setting::Time(value))
                    .ok_or_else(wrong)
            }
            Self::Rate { min, max } => {
                let value: f64 = number(node)
                    .and_then(|text| text.parse().ok())
                    .ok_or_else(wrong)?;
                (min..=max)
                    .contains(&value)
                    .then_some(Setting::Rate(value))
                    .ok_or_else(wrong)
            }
            Self::Text => text(node).map(Setting::Text).ok_or_else(wrong),
            Self::Secret => match text(node) {
                Some(text) => Ok(Setting::Secret(Secret::new(text))),
                None => Err(Fault::hidden(node, format!("not {}", self.accepts()))),
            },
            Self::Address(schemes) => address(node, schemes)
                .map(|text| Setting::Address(Address::new(text)))
                .ok_or_else(|| match &node.form {
                    // It may hold a password where none belongs.
                    Form::Text(text) if text.contains('@') => {
                        Fault::hidden(node, format!("not {}", self.accepts()))
                    }
                    _ => wrong(),
                }),
            Self::Path => text(node)
                .map(|text| Setting::Path(text.into()))
                .ok_or_else(wrong),
            Self::Choice(words) => {
                let Form::Text(text) = &node.form else {
                    return Err(wrong());
                };
                let word = words
                    .iter()
                    .find(|word| word.eq_ignore_ascii_case(text.trim()));
                word.map(|word| Setting::Choice(word)).ok_or_else(wrong)
            }
            Self::List | Self::Tags | Self::Headers | Self::Excludes | Self::Rules => Err(wrong()),
        }
    }

    /// What is accepted, for a message and for the document.
    pub fn accepts(self) -> String {
        match self {
            Self::Flag => "true or false".to_owned(),
            Self::Count { min, max } => format!("a whole number between {min} and {max}"),
            Self::Bytes { min, max } => {
                format!("a size between {} and {}", show_bytes(min), show_bytes(max))
            }
            Self::Time { min, max } => {
                format!("a time between {} and {}", show_time(min), show_time(max))
            }
            Self::Rate { min, max } => format!("a number between {min} and {max}"),
            Self::Text => format!("a text of one line, at most {LONGEST_TEXT} bytes"),
            Self::Secret => Self::Text.accepts(),
            Self::Address(schemes) => {
                let named: Vec<String> = schemes
                    .iter()
                    .filter(|scheme| !scheme.is_empty())
                    .map(|scheme| format!("{scheme}://"))
                    .collect();
                let named: Vec<&str> = named.iter().map(String::as_str).collect();
                format!("an address with {}", one_of(&named))
            }
            Self::Headers => "a table of texts, or name=value pairs with commas".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Choice(words) => one_of(words),
            Self::List => "a list of texts".to_owned(),
            Self::Tags => "a table of texts, or key:value pairs with commas".to_owned(),
            Self::Excludes => "a list of tables with type, module, service, env".to_owned(),
            Self::Rules => {
                "a list of tables with name, pattern, checksum, action, scope".to_owned()
            }
        }
    }
}

/// `a, b or c`, each quoted.
pub(super) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

impl Setting {
    /// As a message and the document show it; the form in a `stillframe.toml`, but for rules.
    pub(super) fn shown(&self, kind: Kind) -> String {
        match self {
            Self::Flag(value) => value.to_string(),
            Self::Count(value) if matches!(kind, Kind::Bytes { .. }) => {
                format!("{:?}", show_bytes(*value))
            }
            Self::Count(value) => value.to_string(),
            Self::Time(value) => format!("{:?}", show_time(*value)),
            Self::Rate(value) => value.to_string(),
            Self::Text(value) => format!("{value:?}"),
            Self::Secret(_) => Secret::HIDDEN.to_owned(),
            Self::Address(value) => format!("{:?}", value.to_string()),
            Self::Headers(values) if values.is_empty() => "{}".to_owned(),
            Self::Headers(values) => {
                let pairs: Vec<_> = values
                    .keys()
                    .map(|name| format!("{name:?} = {}", Secret::HIDDEN))
                    .collect();
                format!("{{ {} }}", pairs.join(", "))
            }
            Self::Path(value) => format!("{:?}", value.display().to_string()),
            Self::Choice(value) => format!("{value:?}"),
            Self::List(values) => format!("{values:?}"),
            Self::Tags(values) if values.is_empty() => "{}".to_owned(),
            Self::Tags(values) => {
                let pairs: Vec<_> = values
                    .iter()
                    .map(|(key, value)| format!("{key:?} = {value:?}"))
                    .collect();
                format!("{{ {} }}", pairs.join(", "))
            }
            Self::Excludes(rules) => counted(rules.len()),
            Self::Rules(rules) => counted(rules.len()),
        }
    }
}

fn counted(rules: usize) -> String {
    match rules {
        0 => "[]".to_owned(),
        1 => "1 rule".to_owned(),
        n => format!("{n} rules"),
    }
}

fn flag(node: &Node) -> Option<bool> {
    match &node.form {
        Form::Bool(value) => Some(*value),
        Form::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The text of a number, with its unit if it has one.
fn number(node: &Node) -> Option<String> {
    match &node.form {
        Form::Number(text) | Form::Text(text) if text.len() <= 64 => {
            Some(text.trim().replace('_', ""))
        }
        _ => None,
    }
}

pub(super) fn text(node: &Node) -> Option<String> {
    let text = match &node.form {
        Form::Text(text) => text.trim(),
        // `version = 2` is meant as a text.
        Form::Number(digits) => digits,
        _ => return None,
    };
    let fits = !text.is_empty() && text.len() <= LONGEST_TEXT && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
}

/// An address: one of `schemes`, then something.
fn address(node: &Node, schemes: &[&str]) -> Option<String> {
    let text = text(node)?;
    let (scheme, rest) = text.split_once("://").unwrap_or(("", &text));
    let fits = schemes.contains(&scheme.to_ascii_lowercase().as_str())
        && !rest.is_empty()
        && !text.contains(char::is_whitespace);
    fits.then_some(text)
}

fn whole(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// A list of texts: a list, or one text with commas. Blank entries are ignored.
pub(super) fn entries(node: &Node, faults: &mut Vec<Fault>) -> Option<Vec<String>> {
    match &node.form {
        Form::Text(text) => {
            let parts = text
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty());
            let mut found = Vec::new();
            for part in parts.take(MOST_ENTRIES) {
                let entry = Node {
                    at: node.at,
                    ..Node::text(part)
                };
                match self::text(&entry) {
                    Some(text) => found.push(text),
                    None => faults.push(Fault::of(&entry, format!("not {}", Kind::Text.accepts()))),
                }
            }
            Some(found)
        }
        Form::List(nodes) => {
            let mut found = Vec::new();
            for (index, entry) in nodes.iter().take(MOST_ENTRIES).enumerate() {
                match &entry.form {
                    Form::Text(text) if text.trim().is_empty() => {}
                    Form::Text(_) => match self::text(entry) {
                        Some(text) => found.push(text),
                        None => {
                            let what = format!("not {}", Kind::Text.accepts());
                            faults.push(Fault::of(entry, what).within(&(index + 1).to_string()));
                        }
                    },
                    _ => {
                        faults.push(Fault::of(entry, "not a text").within(&(index + 1).to_string()))
                    }
                }
            }
            Some(found)
        }
        _ => {
            faults.push(Fault::of(node, format!("not {}", Kind::List.accepts())));
            None
        }
    }
}

/// Tags as Datadog writes them: `key:value`, separated by commas, or by spaces if there is no comma.
fn tags(node: &Node, faults: &mut Vec<Fault>) -> Option<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    let mut pair = |node: &Node, pair: &str, part: &str| match pair
        .split_once(':')
        .map(|(key, value)| (key.trim(), value.trim()))
    {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => {
            tags.insert(key.to_owned(), value.to_owned());
        }
        _ => {
            let fault = Fault::of(
                &Node {
                    at: node.at,
                    ..Node::text(pair)
                },
                "not key:value",
            );
            faults.push(if part.is_empty() {
                fault
            } else {
                fault.within(part)
            });
        }
    };
    match &node.form {
        Form::Text(text) => {
            let separator = if text.contains(',') { ',' } else { ' ' };
            let parts = text
                .split(separator)
                .map(str::trim)
                .filter(|part| !part.is_empty());
            parts
                .take(MOST_ENTRIES)
                .for_each(|part| pair(node, part, ""));
        }
        Form::List(nodes) => {
            for (index, node) in nodes.iter().take(MOST_ENTRIES).enumerate() {
                match &node.form {
                    Form::Text(text) => pair(node, text, &(index + 1).to_string()),
                    _ => pair(node, &node.shown(), &(index + 1).to_string()),
                }
            }
        }
        Form::Table(members) => {
            for (key, node) in members.iter().take(MOST_ENTRIES) {
                let value = match &node.form {
                    Form::Bool(value) => Some(value.to_string()),
                    _ => text(node),
                };
                match value {
                    Some(value) => {
                        tags.insert(key.clone(), value);
                    }
                    None => faults.push(Fault::of(node, "not a text").within(key)),
                }
            }
        }
        _ => {
            faults.push(Fault::of(node, format!("not {}", Kind::Tags.accepts())));
            return None;
        }
    }
    // Where nothing of it could be read, what was in force stays.
    (!tags.is_empty() || faults.is_empty()).then_some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_be_a_text_with_commas_and_blanks_are_ignored() {
        let mut faults = Vec::new();
        let list = entries(&Node::text(" a, b.c ,,  ,d"), &mut faults);
        assert_eq!(
            list.as_deref(),
            Some(&["a".to_owned(), "b.c".into(), "d".into()][..])
        );
        let json = serde_json::json!(["a", " ", 3, "b\nc", "d"]);
        let list = entries(&Node::json(&json), &mut faults);
        assert_eq!(list.as_deref(), Some(&["a".to_owned(), "d".into()][..]));
        let parts: Vec<&str> = faults.iter().map(|fault| fault.part.as_str()).collect();
        assert_eq!(parts, [".3", ".4"]);
    }

    #[test]
    fn tags_are_read_as_datadog_writes_them() {
        let parse = |node: &Node| {
            let mut faults = Vec::new();
            let tags = tags(node, &mut faults).unwrap_or_default();
            (
                tags.into_iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect::<Vec<_>>(),
                faults.len(),
            )
        };
        let expected = (vec!["team=web".to_owned(), "url=http://x:80".to_owned()], 0);
        assert_eq!(parse(&Node::text("team:web,url:http://x:80")), expected);
        assert_eq!(parse(&Node::text("team:web url:http://x:80")), expected);
        let json = serde_json::json!({"team": "web", "url": "http://x:80"});
        assert_eq!(parse(&Node::json(&json)), expected);
        let json = serde_json::json!(["team:web", "url:http://x:80"]);
        assert_eq!(parse(&Node::json(&json)), expected);
        assert_eq!(
            parse(&Node::text("team:web,nonsense,:x,y:")),
            (vec!["team=web".to_owned()], 3)
        );
    }
}
