//! What is hidden because of names: fields, variables, keys, pairs, records, and references to what is hidden.

use std::borrow::Cow;
use std::collections::HashMap;

use super::SideText;
use crate::reason::Reason;
use crate::redact::{AliasKey, Redactor, ValueKind};
use crate::tape::{ContainerId, ContainerKind, Item, Section, Tape, Value};

/// At most this many hidden texts are looked for elsewhere.
const MAX_ALIASES: usize = 32;
/// Shorter hidden text is not looked for elsewhere.
const MIN_ALIAS_BYTES: usize = 6;

/// Names under which records keep the name and the value of what they describe.
const RECORD_NAMES: [&str; 4] = ["name", "key", "header", "field"];
const RECORD_VALUES: [&str; 3] = ["value", "val", "content"];

/// What the names of a tape hide.
#[derive(Debug)]
pub(super) struct Structure {
    /// Number of the first item of each group; group 0 is the root.
    first_item: Vec<u32>,
    /// Per item: 0 shown, else 1 + index of the rule.
    verdicts: Vec<u16>,
    /// Per container, by number: the same.
    containers: Vec<u16>,
    /// Per side text: the same.
    sides: Vec<u16>,
    rules: Vec<Rule>,
    pub(super) aliases: Vec<(u32, u64)>,
}

/// Why something is hidden.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rule {
    pub(super) reason: Reason,
    pub(super) name: String,
}

impl Structure {
    pub(super) fn first_item(&self, group: u32) -> usize {
        self.first_item[group as usize] as usize
    }

    pub(super) fn item(&self, item: usize) -> Option<&Rule> {
        self.rule(self.verdicts.get(item).copied().unwrap_or(0))
    }

    pub(super) fn container(&self, id: ContainerId) -> Option<&Rule> {
        self.rule(self.containers.get(id.0 as usize).copied().unwrap_or(0))
    }

    pub(super) fn side(&self, index: usize) -> Option<&Rule> {
        self.rule(self.sides.get(index).copied().unwrap_or(0))
    }

    fn rule(&self, verdict: u16) -> Option<&Rule> {
        self.rules.get(usize::from(verdict).checked_sub(1)?)
    }
}

/// One pass over the tape, group by group; parents come before what is inside them.
pub(super) fn find(
    tape: &Tape<'_>,
    sides: &[SideText<'_>],
    redactor: &Redactor,
    aliases: Option<&AliasKey>,
) -> Structure {
    let containers = tape.containers() as usize;
    let mut finder = Finder {
        redactor,
        aliases,
        known: HashMap::new(),
        out: Structure {
            first_item: Vec::with_capacity(containers + 1),
            verdicts: Vec::with_capacity(tape.header().values as usize),
            containers: vec![0; containers + 1],
            sides: Vec::with_capacity(sides.len()),
            rules: Vec::new(),
            aliases: Vec::new(),
        },
    };
    for group in 0..=containers as u32 {
        finder.out.first_item.push(finder.out.verdicts.len() as u32);
        finder.group(tape, group);
    }
    for side in sides {
        let verdict = side
            .name
            .map_or(0, |name| finder.name(name.as_bytes(), ValueKind::Other));
        if verdict != 0 {
            finder.alias_text(side.text);
        }
        finder.out.sides.push(verdict);
    }
    finder.out
}

struct Finder<'r> {
    redactor: &'r Redactor,
    aliases: Option<&'r AliasKey>,
    known: HashMap<Rule, u16>,
    out: Structure,
}

impl Finder<'_> {
    fn group(&mut self, tape: &Tape<'_>, group: u32) {
        let id = ContainerId(group);
        let inherited = self.out.containers[group as usize];
        let kind = tape.kind(id);
        let items = || {
            if group == 0 {
                tape.root()
            } else {
                tape.group(id)
            }
        };
        let record = match kind {
            Some(ContainerKind::Map) => self.record(map_entries(items())),
            Some(ContainerKind::Object) => self.record(fields(items())),
            _ => None,
        };
        let pair = kind == Some(ContainerKind::List) && values(items()).count() == 2;
        let mut section = None;
        let mut key_verdict = 0;
        let mut position = 0;
        for item in items() {
            let (name, value) = match item {
                Item::Section(now) => {
                    section = Some(now);
                    continue;
                }
                Item::Gap { .. } => continue,
                Item::Value { name, value, .. } => (name, value),
            };
            let value_kind = kind_of(&value);
            let mut verdict = inherited;
            if verdict == 0 && section != Some(Section::Frames) {
                let is_value_of_pair = pair && position == 1;
                let is_value_of_entry = kind == Some(ContainerKind::Map) && position % 2 == 1;
                if let Some(name) = name {
                    verdict = self.name(name.text.as_bytes(), value_kind);
                } else if is_value_of_pair || is_value_of_entry {
                    verdict = key_verdict;
                }
                if verdict == 0
                    && let Some((at, rule)) = record
                    && at == position
                {
                    verdict = rule;
                }
            }
            if let Value::Ref(target) = value
                && verdict == 0
            {
                verdict = self.out.containers[target.0 as usize];
            }
            // The verdict on what follows a key, made while the key is at hand.
            key_verdict = match key_text(&value) {
                Some(text) if inherited == 0 && (pair || kind == Some(ContainerKind::Map)) => {
                    self.key(&text, items(), position + 1)
                }
                _ => 0,
            };
            if let Some(child) = value.container() {
                self.out.containers[child.0 as usize] = verdict;
            }
            self.alias(verdict, &value);
            self.out.verdicts.push(verdict);
            position += 1;
        }
    }

    /// The verdict of a key on the value at `position`, whose kind matters to the rules.
    fn key<'a>(
        &mut self,
        text: &str,
        items: impl Iterator<Item = Item<'a>>,
        position: usize,
    ) -> u16 {
        if self.redactor.name(text.as_bytes()).is_none() {
            return 0;
        }
        let kind = values(items)
            .nth(position)
            .map_or(ValueKind::Other, |value| kind_of(&value));
        self.name(text.as_bytes(), kind)
    }

    /// Looks for a record that names what its value is: the position of the value and the verdict on it.
    fn record<'a>(
        &mut self,
        entries: impl Iterator<Item = (Cow<'a, str>, Value<'a>, usize)>,
    ) -> Option<(usize, u16)> {
        let mut described = None;
        let mut value = None;
        for (key, entry, position) in entries {
            let is = |word: &&'static str| key.eq_ignore_ascii_case(word);
            if described.is_none() && RECORD_NAMES.iter().any(is) {
                described = key_text(&entry).map(Cow::into_owned);
            } else if value.is_none() && RECORD_VALUES.iter().any(is) {
                value = Some((position, kind_of(&entry)));
            }
        }
        let (position, kind) = value?;
        match self.name(described?.as_bytes(), kind) {
            0 => None,
            verdict => Some((position, verdict)),
        }
    }

    fn name(&mut self, name: &[u8], kind: ValueKind) -> u16 {
        let Some(hit) = self.redactor.name(name) else {
            return 0;
        };
        if !hit.hides(kind) {
            return 0;
        }
        let rule = Rule {
            reason: Reason::RedactedIdent,
            name: hit.word().to_owned(),
        };
        if let Some(&known) = self.known.get(&rule) {
            return known;
        }
        self.out.rules.push(rule.clone());
        let verdict = u16::try_from(self.out.rules.len()).unwrap_or(u16::MAX);
        self.known.insert(rule, verdict);
        verdict
    }

    fn alias(&mut self, verdict: u16, value: &Value<'_>) {
        match value {
            Value::Redacted {
                alias: Some(alias), ..
            } => self.add_alias(*alias),
            Value::Text(text) if verdict != 0 && !text.has_lookahead() => {
                self.alias_text(&text.shown());
            }
            Value::Bytes { kept, total } if verdict != 0 && kept.len() == *total as usize => {
                if let Ok(text) = std::str::from_utf8(kept) {
                    self.alias_text(text);
                }
            }
            _ => {}
        }
    }

    fn alias_text(&mut self, text: &str) {
        if let Some(key) = self.aliases
            && text.len() >= MIN_ALIAS_BYTES
        {
            self.add_alias((text.len() as u32, key.hash(text.as_bytes())));
        }
    }

    fn add_alias(&mut self, alias: (u32, u64)) {
        let fits = alias.0 as usize >= MIN_ALIAS_BYTES && self.out.aliases.len() < MAX_ALIASES;
        if fits && self.aliases.is_some() && !self.out.aliases.contains(&alias) {
            self.out.aliases.push(alias);
        }
    }
}

fn values<'a>(items: impl Iterator<Item = Item<'a>>) -> impl Iterator<Item = Value<'a>> {
    items.filter_map(|item| match item {
        Item::Value { value, .. } => Some(value),
        _ => None,
    })
}

/// Entries of a map with text keys: the key, the value, and the value's position among the items.
fn map_entries<'a>(
    items: impl Iterator<Item = Item<'a>>,
) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>, usize)> {
    let mut key = None;
    values(items)
        .enumerate()
        .filter_map(move |(position, value)| {
            if position % 2 == 0 {
                key = key_text(&value);
                return None;
            }
            Some((key.take()?, value, position))
        })
}

fn fields<'a>(
    items: impl Iterator<Item = Item<'a>>,
) -> impl Iterator<Item = (Cow<'a, str>, Value<'a>, usize)> {
    let values = items.filter_map(|item| match item {
        Item::Value { name, value, .. } => Some((name, value)),
        _ => None,
    });
    values
        .enumerate()
        .filter_map(|(position, (name, value))| Some((Cow::Borrowed(name?.text), value, position)))
}

/// The text of a value that can be a key.
fn key_text<'a>(value: &Value<'a>) -> Option<Cow<'a, str>> {
    match value {
        Value::Text(text) => Some(text.shown()),
        Value::Bytes { kept, .. } => std::str::from_utf8(kept).ok().map(Cow::Borrowed),
        Value::Cleaned { text, .. } => Some(Cow::Borrowed(text)),
        _ => None,
    }
}

/// The kind of a value, as the name rules see it.
fn kind_of(value: &Value<'_>) -> ValueKind {
    match value {
        Value::Null => ValueKind::Null,
        Value::Bool(_) => ValueKind::Bool,
        Value::Int(_) | Value::Uint(_) | Value::Big(_) | Value::Float(_) => ValueKind::Number,
        _ => ValueKind::Other,
    }
}
