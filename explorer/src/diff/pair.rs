//! Two occurrences, side by side.

use std::collections::{HashMap, HashSet};

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Frame, Node, Scalar, Snapshot};

use super::values::{Comparison, MAX_DIFFERENCES, Verdict};
use crate::find::Values;

/// Frames of one exception that are compared.
const MAX_FRAMES: usize = 200;

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
    /// Variables that show no difference, but are not wholly known: cut, hidden in part, or more than is compared.
    pub unknown: Vec<&'s str>,
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
    let mut others: HashMap<&str, &str> = facts_b.iter().map(|(n, v)| (&**n, &**v)).collect();
    let mut different = Vec::new();
    for (name, value) in &facts_a {
        let other = others.remove(name.as_str());
        if other != Some(value) {
            different.push(Fact {
                name: name.clone(),
                a: Some(value.clone()),
                b: other.map(str::to_owned),
            });
        }
    }
    for (name, value) in &facts_b {
        if others.contains_key(name.as_str()) {
            different.push(Fact {
                name: name.clone(),
                a: None,
                b: Some(value.clone()),
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

/// What stands beside the frames of a snapshot, by name: what may explain a difference, and nothing that always differs. No name
/// is there twice: the second cause is `behind it #2`.
pub fn facts(snapshot: &Snapshot) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut names = Names::default();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            facts.push((names.unique(name, " "), value));
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

/// Names that were given in one place.
#[derive(Default)]
pub(super) struct Names {
    given: HashSet<String>,
    times: HashMap<String, usize>,
}

impl Names {
    /// The name, or with a number behind it if it was given before.
    pub(super) fn unique(&mut self, name: &str, space: &str) -> String {
        if self.given.insert(name.to_owned()) {
            return name.to_owned();
        }
        let times = self.times.entry(name.to_owned()).or_insert(1);
        loop {
            *times += 1;
            let numbered = format!("{name}{space}#{times}");
            if self.given.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
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
        unknown: Vec::new(),
        more: false,
    };
    let (Some((_, one)), Some((_, other))) = (a, b) else {
        return Some(pair);
    };
    pair.other_line = other.line.filter(|_| one.line != other.line);
    let mut comparison = Comparison::new(values_a, values_b);
    let (named_a, named_b) = (variables(one), variables(other));
    let by_name: HashMap<&str, &'s Node> = named_b.iter().copied().collect();
    let names_a: HashSet<&str> = named_a.iter().map(|(name, _)| *name).collect();
    for &(name, node) in &named_a {
        match by_name.get(name) {
            Some(other) if is_hidden(node) && is_hidden(other) => pair.hidden.push(name),
            Some(other) => match comparison.variable(name, node, other) {
                Verdict::Same => pair.equal.push(name),
                Verdict::Unknown => pair.unknown.push(name),
                Verdict::Differs => {}
            },
            None => comparison.add(name, Some(node), None),
        }
    }
    for &(name, node) in &named_b {
        if !names_a.contains(name) {
            comparison.add(name, None, Some(node));
        }
    }
    pair.more = comparison.has_stopped();
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
