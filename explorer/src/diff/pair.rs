//! Two occurrences, side by side.

use std::collections::HashSet;

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Frame, Node, Scalar, Snapshot};

use crate::find::{Member, Values, members};

/// Frames of one exception that are compared.
const MAX_FRAMES: usize = 200;
/// Pairs of values that are looked at in one frame.
const MAX_VISITS: usize = 20_000;
/// Differences that are told of one frame.
const MAX_DIFFERENCES: usize = 200;
/// Levels of values, references included.
const MAX_LEVELS: usize = 48;

/// Two occurrences, compared.
#[derive(Debug, Default)]
pub struct Pair<'s> {
    /// What stands beside the frames and differs.
    pub facts: Vec<Fact>,
    /// The frames, as the first occurrence has them; those that only the second has where they belong.
    pub frames: Vec<FramePair<'s>>,
}

/// Something beside the frames: the message, the version, a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// In the first occurrence, if it is there.
    pub a: Option<String>,
    /// In the second.
    pub b: Option<String>,
}

/// Which of two occurrences have something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Both.
    Both,
    /// Only the first.
    OnlyA,
    /// Only the second.
    OnlyB,
}

/// A frame in both, or in one of them.
#[derive(Debug)]
pub struct FramePair<'s> {
    /// Which have it.
    pub presence: Presence,
    /// Its index in the first occurrence.
    pub a: Option<usize>,
    /// In the second.
    pub b: Option<usize>,
    /// The frame, of the first occurrence if that has it.
    pub frame: &'s Frame,
    /// The line in the second, if it is another.
    pub other_line: Option<u32>,
    /// What differs.
    pub differences: Vec<Difference<'s>>,
    /// Variables that are the same.
    pub equal: Vec<&'s str>,
    /// Variables that are hidden in both, so that nobody knows.
    pub hidden: Vec<&'s str>,
    /// More differs than is told.
    pub more: bool,
}

/// A value that is not the same in both.
#[derive(Debug)]
pub struct Difference<'s> {
    /// Its path from the frame.
    pub path: String,
    /// In the first occurrence, if it is there.
    pub a: Option<&'s Node>,
    /// In the second.
    pub b: Option<&'s Node>,
}

/// Compares two occurrences.
pub fn pair<'s>(a: &'s Snapshot, b: &'s Snapshot) -> Pair<'s> {
    let (facts_a, facts_b) = (facts(a), facts(b));
    let mut different = Vec::new();
    for (name, value) in &facts_a {
        let other = facts_b.iter().find(|(other, _)| other == name);
        let other = other.map(|(_, value)| value.clone());
        if other.as_ref() != Some(value) {
            different.push(Fact {
                name: name.clone(),
                a: Some(value.clone()),
                b: other,
            });
        }
    }
    for (name, value) in facts_b {
        if !facts_a.iter().any(|(other, _)| *other == name) {
            different.push(Fact {
                name,
                a: None,
                b: Some(value),
            });
        }
    }
    let (values_a, values_b) = (Values::of(a), Values::of(b));
    let mut frames = Vec::new();
    let none = Vec::new();
    for at in 0..a.exceptions.len().max(b.exceptions.len()) {
        let of = |snapshot: &'s Snapshot| {
            let indexes = snapshot.exceptions.get(at).map_or(&none, |one| &one.frames);
            let indexes = indexes.iter().map(|&index| index as usize);
            indexes
                .filter_map(|index| Some((index, snapshot.frames.get(index)?)))
                .take(MAX_FRAMES)
                .collect::<Vec<_>>()
        };
        for (one, other) in aligned(&of(a), &of(b)) {
            frames.extend(frame_pair(one, other, &values_a, &values_b));
        }
    }
    Pair {
        facts: different,
        frames,
    }
}

/// What stands beside the frames of a snapshot, by name: what may explain a difference, and nothing that always differs.
pub fn facts(snapshot: &Snapshot) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.push((name.to_owned(), value));
        }
    };
    let error = snapshot.captured();
    add("type", error.map(|error| error.type_name.clone()));
    let message = error.and_then(|error| error.message.as_ref()?.value.as_ref());
    add("message", message.map(Scalar::to_string));
    add(
        "handled",
        error
            .and_then(|error| error.handled)
            .map(|handled| handled.to_string()),
    );
    add("mechanism", error.and_then(|error| error.mechanism.clone()));
    for cause in snapshot.exceptions.iter().skip(1) {
        add("behind it", Some(cause.type_name.clone()));
    }
    add("service", Some(snapshot.service.clone()));
    add("version", snapshot.version.clone());
    add("env", snapshot.env.clone());
    add("host", snapshot.host.clone());
    add(
        "thread",
        snapshot
            .thread
            .as_ref()
            .and_then(|thread| thread.name.clone()),
    );
    add("runtime", snapshot.runtime.version.clone());
    if let Some(context) = &snapshot.context {
        for (name, value) in &context.attributes {
            add(&format!("tag {name}"), Some(value.to_string()));
        }
        for (name, value) in &context.user {
            add(&format!("user {name}"), Some(value.to_string()));
        }
    }
    facts
}

type Side<'s> = Option<(usize, &'s Frame)>;

/// Frames of both, in one order: the longest sequence of functions that both have, with the others between them.
fn aligned<'s>(a: &[(usize, &'s Frame)], b: &[(usize, &'s Frame)]) -> Vec<(Side<'s>, Side<'s>)> {
    let same = |i: usize, j: usize| {
        let (one, other) = (a[i].1, b[j].1);
        one.function == other.function && one.module == other.module
    };
    // longest[i][j]: how many frames of a[i..] and b[j..] belong together.
    let mut longest = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i][j] = if same(i, j) {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut rows) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && same(i, j) {
            rows.push((Some(a[i]), Some(b[j])));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && longest[i + 1][j] >= longest[i][j + 1]) {
            rows.push((Some(a[i]), None));
            i += 1;
        } else {
            rows.push((None, Some(b[j])));
            j += 1;
        }
    }
    rows
}

fn frame_pair<'s>(
    a: Side<'s>,
    b: Side<'s>,
    values_a: &Values<'s>,
    values_b: &Values<'s>,
) -> Option<FramePair<'s>> {
    let presence = match (a, b) {
        (Some(_), Some(_)) => Presence::Both,
        (Some(_), None) => Presence::OnlyA,
        _ => Presence::OnlyB,
    };
    let mut pair = FramePair {
        presence,
        a: a.map(|(index, _)| index),
        b: b.map(|(index, _)| index),
        frame: a.or(b)?.1,
        other_line: None,
        differences: Vec::new(),
        equal: Vec::new(),
        hidden: Vec::new(),
        more: false,
    };
    let (Some((_, one)), Some((_, other))) = (a, b) else {
        return Some(pair);
    };
    pair.other_line = other.line.filter(|_| one.line != other.line);
    let mut comparison = Comparison {
        a: values_a,
        b: values_b,
        visits: 0,
        open: HashSet::new(),
        found: Vec::new(),
    };
    let (named_a, named_b) = (variables(one), variables(other));
    for (name, node) in &named_a {
        let found = named_b.iter().find(|(other, _)| other == name);
        let before = comparison.found.len();
        match found {
            Some((_, other)) if is_hidden(node) && is_hidden(other) => pair.hidden.push(name),
            Some((_, other)) => {
                comparison.values(&mut (*name).to_owned(), node, other, 0);
                if comparison.found.len() == before {
                    pair.equal.push(name);
                }
            }
            None => comparison.add(name, Some(node), None),
        }
    }
    for (name, node) in &named_b {
        if !named_a.iter().any(|(other, _)| other == name) {
            comparison.add(name, None, Some(node));
        }
    }
    pair.more = comparison.found.len() > MAX_DIFFERENCES || comparison.visits >= MAX_VISITS;
    pair.differences = comparison.found;
    pair.differences.truncate(MAX_DIFFERENCES);
    Some(pair)
}

/// Arguments, locals and statics that have a value, each name once.
fn variables(frame: &Frame) -> Vec<(&str, &Node)> {
    let mut seen = HashSet::new();
    [&frame.arguments, &frame.locals, &frame.statics]
        .into_iter()
        .flat_map(|group| group.iter())
        .filter(|(name, node)| node.reason() != Some(Reason::Unbound) && seen.insert(*name))
        .collect()
}

pub(super) fn is_hidden(node: &Node) -> bool {
    node.value.is_none() && node.reason().is_some_and(Reason::is_redaction)
}

struct Comparison<'c, 's> {
    a: &'c Values<'s>,
    b: &'c Values<'s>,
    visits: usize,
    /// Pairs that were met: a value that holds itself is compared once.
    open: HashSet<(*const Node, *const Node)>,
    found: Vec<Difference<'s>>,
}

impl<'s> Comparison<'_, 's> {
    fn add(&mut self, path: &str, a: Option<&'s Node>, b: Option<&'s Node>) {
        self.found.push(Difference {
            path: path.to_owned(),
            a,
            b,
        });
    }

    fn values(&mut self, path: &mut String, a: &'s Node, b: &'s Node, level: usize) {
        self.visits += 1;
        if self.visits >= MAX_VISITS || self.found.len() > MAX_DIFFERENCES || level > MAX_LEVELS {
            return;
        }
        let (a, b) = (self.a.resolved(a), self.b.resolved(b));
        if !same_shape(a, b) {
            return self.add(path, Some(a), Some(b));
        }
        if !a.is_container()
            || !self
                .open
                .insert((std::ptr::from_ref(a), std::ptr::from_ref(b)))
        {
            return;
        }
        if is_set(a) {
            return self.sets(path, a, b);
        }
        let named = |member: &Member<'s>| {
            let mut label = String::new();
            member.label.push_to(&mut label);
            label
        };
        let (inside_a, inside_b) = (members(a), members(b));
        let labels_b: Vec<String> = inside_b.iter().map(named).collect();
        let by_label: std::collections::HashMap<&str, &'s Node> = labels_b
            .iter()
            .map(String::as_str)
            .zip(inside_b.iter().map(|member| member.node))
            .collect();
        let mut met = HashSet::new();
        for member in &inside_a {
            let before = path.len();
            member.label.push_to(path);
            let label = named(member);
            match by_label.get(label.as_str()) {
                Some(other) => self.values(path, member.node, other, level + 1),
                None => self.add(path, Some(member.node), None),
            }
            met.insert(label);
            path.truncate(before);
        }
        for (label, member) in labels_b.iter().zip(&inside_b) {
            if !met.contains(label) {
                let before = path.len();
                member.label.push_to(path);
                self.add(path, None, Some(member.node));
                path.truncate(before);
            }
        }
        // Both show the same part of something that was larger in one.
        if self.found.is_empty() && a.size != b.size {
            self.add(path, Some(a), Some(b));
        }
    }

    /// The order of a set means nothing.
    fn sets(&mut self, path: &str, a: &'s Node, b: &'s Node) {
        let texts = |node: &'s Node| {
            let items = node.elements.iter().flatten();
            let mut texts: Vec<String> = items.map(text).collect();
            texts.sort_unstable();
            texts
        };
        if texts(a) != texts(b) || a.size != b.size {
            self.add(path, Some(a), Some(b));
        }
    }
}

fn is_set(node: &Node) -> bool {
    node.elements.is_some()
        && node
            .type_name
            .as_deref()
            .is_some_and(|name| name.ends_with("set"))
}

fn text(node: &Node) -> String {
    let value = node.value.as_ref().map(Scalar::to_string);
    format!(
        "{}:{}",
        node.type_name.as_deref().unwrap_or(""),
        value.unwrap_or_default()
    )
}

/// Whether two values are the same as far as they do not hold others.
fn same_shape(a: &Node, b: &Node) -> bool {
    a.type_name == b.type_name
        && a.is_null == b.is_null
        && a.value == b.value
        && (a.value.is_none() || a.size == b.size)
        && a.elements.is_some() == b.elements.is_some()
        && a.entries.is_some() == b.entries.is_some()
        && a.fields.is_some() == b.fields.is_some()
        && (a.is_container() || a.not_captured_reason == b.not_captured_reason)
}
