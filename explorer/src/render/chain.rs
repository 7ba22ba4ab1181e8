//! The exceptions of a snapshot: in which order they are told, and how each is linked to another.

use std::collections::{HashMap, HashSet};

use stillframe_core::snapshot::Snapshot;

use super::text::counted;

/// Exceptions that are told: as many as a capture can have. A record of another origin may have more.
const MOST: usize = 256;

/// The exceptions in the order of telling: each before what led to it, a group before its members.
#[derive(Debug)]
pub(super) struct Chain {
    /// Their indexes in the snapshot.
    pub(super) order: Vec<usize>,
    links: HashMap<usize, &'static str>,
    more: usize,
}

impl Chain {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut order = Vec::new();
        let mut seen = HashSet::new();
        let mut pending = vec![0];
        while let Some(index) = pending.pop().filter(|_| order.len() < MOST) {
            let Some(exception) = snapshot
                .exceptions
                .get(index)
                .filter(|_| seen.insert(index))
            else {
                continue;
            };
            order.push(index);
            pending.extend(exception.cause.map(|cause| cause as usize));
            pending.extend(
                exception
                    .members
                    .iter()
                    .rev()
                    .map(|&member| member as usize),
            );
        }
        // What nothing links to is told as well.
        let others = (0..snapshot.exceptions.len()).filter(|index| !seen.contains(index));
        let room = MOST - order.len();
        order.extend(others.take(room));
        Self {
            links: links(snapshot, &order),
            more: snapshot.exceptions.len() - order.len(),
            order,
        }
    }

    /// How an exception is linked to the first one that names it.
    pub(super) fn link(&self, index: usize) -> &'static str {
        self.links.get(&index).copied().unwrap_or_default()
    }

    /// `199,744 more exceptions`, if there was no room for all.
    pub(super) fn more(&self) -> Option<String> {
        (self.more > 0).then(|| counted(self.more as u64, "more exception"))
    }
}

fn links(snapshot: &Snapshot, order: &[usize]) -> HashMap<usize, &'static str> {
    let told: HashSet<usize> = order.iter().copied().collect();
    let mut links = HashMap::new();
    for exception in &snapshot.exceptions {
        let context = exception.cause_kind.as_deref() == Some("context");
        let cause = if context {
            "while handling  "
        } else {
            "caused by  "
        };
        let members = exception.members.iter().map(|&member| (member, "member  "));
        for (index, link) in members.chain(exception.cause.map(|index| (index, cause))) {
            let index = index as usize;
            if told.contains(&index) {
                links.entry(index).or_insert(link);
            }
        }
    }
    links
}
