//! How the exceptions of a tape are linked: each one tells its parent, the format tells each one's children.

use crate::tape::{Item, Link, Tape, Value};

/// Index of no exception.
const NONE: u32 = u32::MAX;

/// What an exception leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    cause: u32,
    is_context: bool,
    first_member: u32,
    last_member: u32,
    next_member: u32,
}

impl Links {
    const EMPTY: Self = Self {
        cause: NONE,
        is_context: false,
        first_member: NONE,
        last_member: NONE,
        next_member: NONE,
    };

    /// The exception that led to it, and whether as its context only.
    pub(super) fn cause(&self) -> Option<(u32, bool)> {
        (self.cause != NONE).then_some((self.cause, self.is_context))
    }
}

/// The links of all exceptions of a tape. Memory: 20 bytes per exception, reused.
#[derive(Debug, Default)]
pub(super) struct Chain {
    exceptions: Vec<Links>,
    /// Exceptions are missing.
    pub(super) gaps: bool,
}

impl Chain {
    /// Forgets the tape before and reads group 0 of this one.
    pub(super) fn fill(&mut self, tape: &Tape<'_>) {
        self.exceptions.clear();
        self.gaps = false;
        for item in tape.root() {
            match item {
                Item::Value {
                    value: Value::Exception(exception),
                    ..
                } => {
                    let index = self.exceptions.len() as u32;
                    self.exceptions.push(Links::EMPTY);
                    self.link(index, exception.link, exception.parent);
                }
                Item::Gap { .. } => self.gaps = true,
                _ => {}
            }
        }
    }

    pub(super) fn get(&self, exception: usize) -> Links {
        self.exceptions
            .get(exception)
            .copied()
            .unwrap_or(Links::EMPTY)
    }

    /// The members of a group of exceptions.
    pub(super) fn members(&self, links: &Links) -> impl Iterator<Item = u32> {
        let mut member = links.first_member;
        std::iter::from_fn(move || {
            let links = self.exceptions.get(member as usize)?;
            Some(std::mem::replace(&mut member, links.next_member))
        })
    }

    fn link(&mut self, index: u32, link: Link, parent: u32) {
        let Some(parent) = self.exceptions.get_mut(parent as usize) else {
            return;
        };
        match link {
            Link::Root => {}
            Link::Cause | Link::Context if parent.cause == NONE => {
                parent.cause = index;
                parent.is_context = link == Link::Context;
            }
            // A second cause has no place in the format; as a member it is still reached from its parent.
            Link::Cause | Link::Context | Link::Member => {
                let last = std::mem::replace(&mut parent.last_member, index);
                if last == NONE {
                    parent.first_member = index;
                } else if let Some(last) = self.exceptions.get_mut(last as usize) {
                    last.next_member = index;
                }
            }
        }
    }
}
