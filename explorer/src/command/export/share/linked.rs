//! Objects that what was hidden refers to: a snapshot holds each object once, so a hidden name may have held only its number.

use std::collections::{HashMap, VecDeque};

use stillframe_core::reason::Reason;
use stillframe_core::snapshot::{Node, Snapshot};

use super::hide;
use crate::render::{children, children_mut};

/// Objects around a reference that are known. A bound: a way through references can be long.
const MAX_AROUND: usize = 512;

/// The objects of what was hidden.
#[derive(Debug, Default)]
pub(super) struct Linked {
    /// Rule by which each is hidden.
    rules: HashMap<u32, String>,
    /// Objects elsewhere that were referred to and not yet looked at: the rule, and the objects around the reference.
    open: VecDeque<(u32, String, Vec<u32>)>,
}

impl Linked {
    /// What this value, which is hidden, consists of. It stands in the objects `around`: a way back to them hides none of them.
    pub(super) fn add(&mut self, node: &Node, rule: &str, around: &[u32]) {
        let mut values = vec![node];
        while let Some(node) = values.pop() {
            if let Some(id) = node.id {
                self.rules.entry(id).or_insert_with(|| rule.to_owned());
            }
            if let Some(id) = node.reference.filter(|id| !around.contains(id)) {
                self.open.push_back((id, rule.to_owned(), around.to_vec()));
            }
            values.extend(children(node));
        }
    }

    /// Finds all that is referred to, and what that refers to. `hidden` is told each.
    pub(super) fn follow(&mut self, snapshot: &Snapshot, hidden: &mut impl FnMut(&Node)) {
        if self.open.is_empty() {
            return;
        }
        let objects = Objects::of(snapshot);
        while let Some((id, rule, mut around)) = self.open.pop_front() {
            let Some(&(node, holder)) = objects.nodes.get(&id) else {
                continue;
            };
            if self.rules.contains_key(&id) {
                continue;
            }
            objects.around(holder, &mut around);
            hidden(node);
            self.add(node, &rule, &around);
        }
    }

    /// Hides them at every place; how many places there were.
    pub(super) fn hide(&self, snapshot: &mut Snapshot) -> u64 {
        if self.rules.is_empty() {
            return 0;
        }
        let mut count = 0;
        let mut values = roots(snapshot);
        while let Some(node) = values.pop() {
            let id = node.id.or(node.reference);
            match id.and_then(|id| self.rules.get(&id)) {
                Some(rule) => {
                    hide(node, Reason::RedactedIdent, rule);
                    count += 1;
                }
                None => values.extend(children_mut(node)),
            }
        }
        count
    }
}

/// Where each object is.
#[derive(Default)]
struct Objects<'s> {
    /// Itself, and the next object that it stands in.
    nodes: HashMap<u32, (&'s Node, Option<u32>)>,
}

impl<'s> Objects<'s> {
    fn of(snapshot: &'s Snapshot) -> Self {
        let mut objects = Self::default();
        for frame in &snapshot.frames {
            for group in [&frame.arguments, &frame.locals, &frame.statics] {
                group
                    .iter()
                    .for_each(|(_, node)| objects.gather(node, None));
            }
        }
        for exception in &snapshot.exceptions {
            let own = exception.attributes.iter().map(|(_, node)| node);
            exception
                .args
                .iter()
                .chain(own)
                .for_each(|node| objects.gather(node, None));
        }
        objects
    }

    fn gather(&mut self, node: &'s Node, holder: Option<u32>) {
        if let Some(id) = node.id {
            self.nodes.entry(id).or_insert((node, holder));
        }
        for child in children(node) {
            self.gather(child, node.id.or(holder));
        }
    }

    fn around(&self, mut holder: Option<u32>, around: &mut Vec<u32>) {
        while let Some(id) = holder.filter(|_| around.len() < MAX_AROUND) {
            around.push(id);
            holder = self.nodes.get(&id).and_then(|(_, holder)| *holder);
        }
    }
}

/// Every value that belongs directly to a frame or an exception.
fn roots(snapshot: &mut Snapshot) -> Vec<&mut Node> {
    let mut roots = Vec::new();
    for frame in &mut snapshot.frames {
        for group in [&mut frame.arguments, &mut frame.locals, &mut frame.statics] {
            roots.extend(group.0.iter_mut().map(|(_, node)| node));
        }
    }
    for exception in &mut snapshot.exceptions {
        roots.extend(&mut exception.args);
        roots.extend(exception.attributes.0.iter_mut().map(|(_, node)| node));
    }
    roots
}
