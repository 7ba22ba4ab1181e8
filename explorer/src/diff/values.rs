//! Whether two values are the same, and where they differ.
//!
//! Values are walked side by side. A pair of objects is compared once in a frame; whoever comes to it again gets the verdict that was
//! found. Objects that hold each other have one verdict together, which is known when the first of them is left: until then theirs
//! are put aside as unsettled.

use std::collections::{HashMap, VecDeque};

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Exception, Node, Scalar};

use super::pair::Difference;
use super::text::Texts;
use crate::find::{Label, Member, Values, Whose, members};
use crate::render::shown;

/// Pairs of values that are looked at in one frame.
const MAX_VISITS: usize = 20_000;
/// Differences that are told of one frame.
pub(super) const MAX_DIFFERENCES: usize = 200;
/// Levels of values, references included.
const MAX_LEVELS: usize = 48;

/// What is known of two values, the worst last: that of a container is the worst of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// They are the same.
    Same,
    /// No difference was met, but a part is hidden, cut or was not compared.
    Unknown,
    /// They differ.
    Differs,
}

/// A value of each occurrence.
type Both = (*const Node, *const Node);

/// What was found out about two values.
#[derive(Debug, Clone, Copy)]
struct Met {
    verdict: Verdict,
    /// The level of the outermost pair, still being compared, that they hold; [`SETTLED`] if there is none.
    low: usize,
}

const SETTLED: usize = usize::MAX;

impl Met {
    fn settled(verdict: Verdict) -> Self {
        Self {
            verdict,
            low: SETTLED,
        }
    }

    fn add(&mut self, inside: Self) {
        self.verdict = self.verdict.max(inside.verdict);
        self.low = self.low.min(inside.low);
    }
}

/// The variables of one frame in both occurrences.
pub(super) struct Comparison<'c, 's> {
    a: &'c Values<'s>,
    b: &'c Values<'s>,
    visits: usize,
    met: HashMap<Both, Met>,
    unsettled: Vec<Both>,
    pub(super) found: Vec<Difference<'s>>,
}

impl<'c, 's> Comparison<'c, 's> {
    pub(super) fn new(a: &'c Values<'s>, b: &'c Values<'s>) -> Self {
        Self {
            a,
            b,
            visits: 0,
            met: HashMap::new(),
            unsettled: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Compares a variable that both have.
    pub(super) fn variable(&mut self, name: &str, a: &'s Node, b: &'s Node) -> Verdict {
        self.values(&mut name.to_owned(), a, b, 0).verdict
    }

    pub(super) fn add(&mut self, path: &str, a: Option<&'s Node>, b: Option<&'s Node>) {
        self.found.push(Difference {
            path: path.to_owned(),
            a,
            b,
        });
    }

    /// Whether more differs than is told, or may.
    pub(super) fn has_stopped(&self) -> bool {
        self.visits >= MAX_VISITS || self.found.len() > MAX_DIFFERENCES
    }

    fn differs(&mut self, path: &str, a: &'s Node, b: &'s Node) -> Verdict {
        self.add(path, Some(a), Some(b));
        Verdict::Differs
    }

    fn values(&mut self, path: &mut String, a: &'s Node, b: &'s Node, level: usize) -> Met {
        self.visits += 1;
        if self.has_stopped() || level > MAX_LEVELS {
            return Met::settled(Verdict::Unknown);
        }
        let (a, b) = (self.a.resolved(a), self.b.resolved(b));
        if a.reference.is_some() && b.reference.is_some() {
            return Met::settled(self.owners(path, a, b));
        }
        if a.reference.is_some() || b.reference.is_some() || !same_shape(a, b) {
            return Met::settled(self.differs(path, a, b));
        }
        if !a.is_container() {
            let verdict = leaves(a, b);
            if verdict == Verdict::Differs {
                self.differs(path, a, b);
            }
            return Met::settled(verdict);
        }
        let both = (std::ptr::from_ref(a), std::ptr::from_ref(b));
        if let Some(&met) = self.met.get(&both) {
            if met.verdict == Verdict::Differs {
                self.differs(path, a, b);
            }
            return met;
        }
        let open = Met {
            verdict: Verdict::Same,
            low: level,
        };
        self.met.insert(both, open);
        let first = self.unsettled.len();
        let mut found = if is_set(a) {
            Met::settled(self.sets(path, a, b))
        } else {
            self.contents(path, a, b, level)
        };
        if found.low < level {
            self.unsettled.push(both);
        } else {
            found.low = SETTLED;
            for inside in self.unsettled.drain(first..) {
                self.met.insert(inside, found);
            }
        }
        self.met.insert(both, found);
        found
    }

    fn contents(&mut self, path: &mut String, a: &'s Node, b: &'s Node, level: usize) -> Met {
        let (inside_a, inside_b) = (members(a), members(b));
        let (whole_a, whole_b) = (is_whole(a), is_whole(b));
        let mut found = Met::settled(Verdict::Same);
        if !whole_a || !whole_b {
            found.verdict = Verdict::Unknown;
        }
        // Of members that cannot be told apart the first is the other's first, and so on.
        let mut others: HashMap<String, VecDeque<usize>> = HashMap::new();
        for (at, member) in inside_b.iter().enumerate() {
            let (key, _) = self.key(self.b, member);
            others.entry(key).or_default().push_back(at);
        }
        let mut only_b = vec![true; inside_b.len()];
        for member in &inside_a {
            let before = path.len();
            member.label.push_to(path);
            let (key, known) = self.key(self.a, member);
            match others.get_mut(&key).and_then(VecDeque::pop_front) {
                Some(at) => {
                    only_b[at] = false;
                    found.add(self.values(path, member.node, inside_b[at].node, level + 1));
                    if !known {
                        found.add(Met::settled(Verdict::Unknown));
                    }
                }
                // It may be in the part that is not shown.
                None if !whole_b => self.visits += 1,
                None => {
                    self.add(path, Some(member.node), None);
                    found.verdict = Verdict::Differs;
                }
            }
            path.truncate(before);
        }
        for (member, _) in inside_b.iter().zip(only_b).filter(|(_, only)| *only) {
            if !whole_a {
                self.visits += 1;
                continue;
            }
            let before = path.len();
            member.label.push_to(path);
            self.add(path, None, Some(member.node));
            path.truncate(before);
            found.verdict = Verdict::Differs;
        }
        // Both show the same part of something that was larger in one.
        if found.verdict != Verdict::Differs && a.size != b.size {
            found.verdict = self.differs(path, a, b);
        }
        found
    }

    /// By what a member is known in both, in full, and whether all of that was captured.
    fn key(&mut self, values: &Values<'s>, member: &Member<'s>) -> (String, bool) {
        match &member.label {
            Label::Name(name) => (format!(".{name}"), true),
            Label::Position(at) => (format!("[{at}"), true),
            Label::Key(key) => {
                let mut texts = Texts::new(values);
                let text = texts.of(key);
                // A value is counted when it is compared, its key only where that is work.
                self.visits += texts.visits() - 1;
                (text, texts.is_whole())
            }
        }
    }

    /// The order of a set means nothing.
    fn sets(&mut self, path: &str, a: &'s Node, b: &'s Node) -> Verdict {
        if a.size != b.size {
            return self.differs(path, a, b);
        }
        if !is_whole(a) || !is_whole(b) {
            return Verdict::Unknown;
        }
        let (mut whole, mut stopped) = (true, false);
        let mut items = |values: &Values<'s>, node: &'s Node| {
            let mut items = Vec::new();
            for member in members(node) {
                let mut texts = Texts::new(values);
                let mut item = texts.of(member.node);
                if let Label::Name(name) = member.label {
                    item = format!("{name:?}={item}");
                }
                items.push(item);
                self.visits += texts.visits();
                whole &= texts.is_whole();
                stopped |= texts.has_stopped();
            }
            items.sort_unstable();
            items
        };
        let same = items(self.a, a) == items(self.b, b);
        match (same, whole) {
            (true, true) => Verdict::Same,
            (true, false) => Verdict::Unknown,
            // What was not looked at to its end says nothing.
            (false, _) if stopped => Verdict::Unknown,
            (false, _) => self.differs(path, a, b),
        }
    }

    /// References to a frame or an exception, which are compared elsewhere; here it is enough to recognise them.
    fn owners(&mut self, path: &str, a: &'s Node, b: &'s Node) -> Verdict {
        let owner = |values: &Values<'s>, node: &Node| values.owner(node.reference?);
        let verdict = match (owner(self.a, a), owner(self.b, b)) {
            (Some(Whose::Frame(one)), Some(Whose::Frame(other))) => {
                if (&one.function, &one.module) == (&other.function, &other.module) {
                    Verdict::Same
                } else {
                    Verdict::Differs
                }
            }
            (Some(Whose::Exception(one)), Some(Whose::Exception(other))) => {
                self.exceptions(one, other)
            }
            (None, None) => Verdict::Unknown,
            _ => Verdict::Differs,
        };
        if verdict == Verdict::Differs {
            self.differs(path, a, b);
        }
        verdict
    }

    fn exceptions(&mut self, one: &'s Exception, other: &'s Exception) -> Verdict {
        let mut all = |values: &Values<'s>, error: &'s Exception| {
            let mut texts = Texts::new(values);
            let own = error.attributes.iter().map(|(_, node)| node);
            let nodes = error.message.iter().chain(&error.args).chain(own);
            let said: Vec<String> = nodes.map(|node| texts.of(node)).collect();
            self.visits += texts.visits();
            let whole = texts.is_whole() && error.omitted.is_empty() && !error.message_unknown;
            (said, whole, texts.has_stopped())
        };
        let (said_a, whole_a, stopped_a) = all(self.a, one);
        let (said_b, whole_b, stopped_b) = all(self.b, other);
        if one.type_name != other.type_name {
            Verdict::Differs
        } else if said_a == said_b {
            if whole_a && whole_b {
                Verdict::Same
            } else {
                Verdict::Unknown
            }
        } else if stopped_a || stopped_b {
            Verdict::Unknown
        } else {
            Verdict::Differs
        }
    }
}

pub(super) fn is_set(node: &Node) -> bool {
    node.elements.is_some()
        && node
            .type_name
            .as_deref()
            .is_some_and(|name| name.ends_with("set"))
}

/// Whether all of a value was captured, as far as it does not hold others.
pub(super) fn is_whole(node: &Node) -> bool {
    if node.is_null || node.reason() == Some(Reason::Unbound) {
        return true;
    }
    let uncut = node.not_captured_reason.is_none() && !node.truncated && !node.lossy;
    if node.is_container() {
        uncut && node.omitted.is_empty() && node.size.is_none_or(|size| size <= shown(node))
    } else {
        uncut && node.value.is_some()
    }
}

/// Whether two values are of one kind, and the same if they are scalars that were captured.
fn same_shape(a: &Node, b: &Node) -> bool {
    let same_value = match (&a.value, &b.value) {
        (Some(Scalar::Float(one)), Some(Scalar::Float(other))) if one.is_nan() => other.is_nan(),
        (one, other) => one == other,
    };
    same_value
        && a.type_name == b.type_name
        && a.is_null == b.is_null
        && a.rendered == b.rendered
        && a.encoding == b.encoding
        && a.elements.is_some() == b.elements.is_some()
        && a.entries.is_some() == b.entries.is_some()
        && a.fields.is_some() == b.fields.is_some()
}

/// What is known of two values of the same shape that hold no others.
fn leaves(a: &Node, b: &Node) -> Verdict {
    let unset = |node: &Node| node.reason() == Some(Reason::Unbound);
    let sizes = match (a.size, b.size) {
        (Some(one), Some(other)) => one == other,
        // Text has a size only where less is shown. What was not captured need not have one.
        (one, other) => a.value.is_none() || one == other,
    };
    if !sizes || unset(a) != unset(b) || a.truncated != b.truncated {
        Verdict::Differs
    } else if is_whole(a) && is_whole(b) {
        Verdict::Same
    } else {
        Verdict::Unknown
    }
}
