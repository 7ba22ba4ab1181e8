//! The values at a path: through fields, entries and items, and through references to the object that they mean.

use std::cell::OnceCell;
use std::collections::HashMap;

use stillframe_core::snapshot::{Exception, Frame, Node, Scalar, Snapshot};

use super::lex;
use super::path::Step;
use crate::render::{children, head, positions};

/// Values that one search looks at: more than an ordinary snapshot has, and a bound for `**` in one of a hostile shape.
const MAX_VISITS: usize = 200_000;
/// Levels that a way leads through, references included.
const MAX_LEVELS: usize = 48;
/// Longest part of a path that is told whole, in bytes.
const MAX_PART: usize = 64;

/// The values of a snapshot.
pub(crate) struct Values<'s> {
    snapshot: &'s Snapshot,
    /// Containers by their id, gathered when the first reference has to be followed.
    objects: OnceCell<HashMap<u32, &'s Node>>,
    /// Frames and exceptions by theirs.
    owners: OnceCell<HashMap<u32, Whose<'s>>>,
}

/// What has variables or attributes, and is an object of the program itself.
#[derive(Clone, Copy)]
pub(crate) enum Whose<'s> {
    Frame(&'s Frame),
    Exception(&'s Exception),
}

/// What a walk calls with a value: the index of its frame, its path, itself.
type Each<'e, 's> = &'e mut dyn FnMut(usize, &str, &'s Node);

impl<'s> Values<'s> {
    pub(crate) fn of(snapshot: &'s Snapshot) -> Self {
        Self {
            snapshot,
            objects: OnceCell::new(),
            owners: OnceCell::new(),
        }
    }

    /// The frame or the exception that has this id.
    pub(crate) fn owner(&self, id: u32) -> Option<Whose<'s>> {
        let owners = self.owners.get_or_init(|| {
            let frames = self.snapshot.frames.iter();
            let frames = frames.filter_map(|frame| Some((frame.id?, Whose::Frame(frame))));
            let errors = self.snapshot.exceptions.iter();
            let errors = errors.filter_map(|error| Some((error.id?, Whose::Exception(error))));
            frames.chain(errors).collect()
        });
        owners.get(&id).copied()
    }

    /// The value itself, or the one that it refers to. A reference to a frame or an exception stays.
    pub(crate) fn resolved(&self, node: &'s Node) -> &'s Node {
        let Some(id) = node.reference else {
            return node;
        };
        let objects = self.objects.get_or_init(|| {
            let mut objects = HashMap::new();
            for frame in &self.snapshot.frames {
                for (_, node) in [&frame.arguments, &frame.locals, &frame.statics]
                    .into_iter()
                    .flatten()
                {
                    gather(node, &mut objects);
                }
            }
            for error in &self.snapshot.exceptions {
                let own = error.attributes.iter().map(|(_, node)| node);
                error
                    .args
                    .iter()
                    .chain(own)
                    .for_each(|node| gather(node, &mut objects));
            }
            objects
        });
        objects.get(&id).copied().unwrap_or(node)
    }

    /// Calls `each` with every value at the path, in every frame, and what it is called there.
    pub(super) fn at(&self, steps: &[Step], arguments_only: bool, each: Each<'_, 's>) {
        let mut walk = Walk {
            values: self,
            frame: 0,
            path: String::new(),
            visits: 0,
            open: Vec::new(),
            each,
        };
        for (index, frame) in self.snapshot.frames.iter().enumerate() {
            let others = frame.locals.iter().chain(frame.statics.iter());
            let others = others.filter(|_| !arguments_only);
            let members: Vec<Member<'s>> = frame
                .arguments
                .iter()
                .chain(others)
                .map(|(name, node)| Member {
                    label: Label::Name(name),
                    node,
                })
                .collect();
            walk.frame = index;
            walk.among(&members, steps);
        }
    }
}

fn gather<'s>(node: &'s Node, objects: &mut HashMap<u32, &'s Node>) {
    if let Some(id) = node.id {
        objects.entry(id).or_insert(node);
    }
    for child in children(node) {
        gather(child, objects);
    }
}

/// How a value is reached from what it is in.
pub(crate) enum Label<'s> {
    /// A variable or a field.
    Name(&'s str),
    /// An entry.
    Key(&'s Node),
    /// An item.
    Position(u64),
}

/// A value in another, or in a frame.
pub(crate) struct Member<'s> {
    pub(crate) label: Label<'s>,
    pub(crate) node: &'s Node,
}

/// What a value holds.
pub(crate) fn members(node: &Node) -> Vec<Member<'_>> {
    let fields = node.fields.iter().flat_map(|fields| fields.iter());
    let fields = fields.map(|(name, node)| Member {
        label: Label::Name(name),
        node,
    });
    let entries = node.entries.iter().flatten().map(|(key, node)| Member {
        label: Label::Key(key),
        node,
    });
    let items = positions(node)
        .zip(node.elements.iter().flatten())
        .map(|(at, node)| Member {
            label: Label::Position(at),
            node,
        });
    fields.chain(entries).chain(items).collect()
}

impl Label<'_> {
    /// Appends the step to a path, so that it can be pasted into a query.
    pub(crate) fn push_to(&self, path: &mut String) {
        match self {
            Self::Name(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(head(name, MAX_PART));
            }
            Self::Position(at) => path.push_str(&format!("[{at}]")),
            Self::Key(key) => match &key.value {
                Some(number @ (Scalar::Int(_) | Scalar::Uint(_))) => {
                    path.push_str(&format!("[{number}]"));
                }
                Some(value) => {
                    let text = value.to_string();
                    path.push_str(&format!("[{}]", lex::quote(head(&text, MAX_PART))));
                }
                None if key.is_null => path.push_str("[None]"),
                None => path.push_str("[...]"),
            },
        }
    }

    fn is(&self, step: &Step) -> bool {
        match (step, self) {
            (Step::Any | Step::Deep, _) => true,
            (Step::Name(name), Self::Name(found)) => name == found,
            (Step::Name(name), Self::Key(key)) => match &key.value {
                Some(Scalar::Text(text)) => text == name,
                Some(value) => value.to_string() == *name,
                None => false,
            },
            (Step::Index(index), Self::Position(at)) => index == at,
            (Step::Index(index), Self::Key(key)) => match key.value {
                Some(Scalar::Int(key)) => u64::try_from(key) == Ok(*index),
                Some(Scalar::Uint(key)) => key == *index,
                _ => false,
            },
            _ => false,
        }
    }
}

struct Walk<'w, 's> {
    values: &'w Values<'s>,
    frame: usize,
    /// How the value is called that is being looked at.
    path: String,
    visits: usize,
    /// Values that the way leads through; one that holds itself is not entered again.
    open: Vec<*const Node>,
    each: Each<'w, 's>,
}

impl<'s> Walk<'_, 's> {
    fn among(&mut self, members: &[Member<'s>], steps: &[Step]) {
        let Some((step, rest)) = steps.split_first() else {
            return;
        };
        if *step == Step::Deep && !rest.is_empty() {
            self.among(members, rest);
        }
        let further = if *step == Step::Deep { steps } else { rest };
        for member in members.iter().filter(|member| member.label.is(step)) {
            if self.visits == MAX_VISITS {
                return;
            }
            self.visits += 1;
            let before = self.path.len();
            member.label.push_to(&mut self.path);
            self.arrive(self.values.resolved(member.node), further);
            self.path.truncate(before);
        }
    }

    fn arrive(&mut self, node: &'s Node, steps: &[Step]) {
        if matches!(steps, [] | [Step::Deep]) {
            (self.each)(self.frame, &self.path, node);
        }
        let inside = !steps.is_empty() && node.is_container();
        if inside && self.open.len() < MAX_LEVELS && !self.open.contains(&std::ptr::from_ref(node))
        {
            self.open.push(node);
            self.among(&members(node), steps);
            self.open.pop();
        }
    }
}
