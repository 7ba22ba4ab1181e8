//! Where each object is shown first, so that its repetitions can point there.

use std::collections::HashMap;

use stillframe_core::snapshot::{Node, Snapshot};

use super::text;
use super::value::Look;

/// Longest path that is told whole, in bytes.
const MAX_PATH: usize = 96;

/// What a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// A frame, by its index in the snapshot.
    Frame(usize),
    /// An exception, by its index in the snapshot.
    Exception(usize),
}

/// Paths of all objects that something refers to.
#[derive(Debug, Default)]
pub(crate) struct Paths<'s> {
    places: HashMap<u32, (Owner, String)>,
    objects: HashMap<u32, &'s Node>,
    functions: Vec<String>,
    exceptions: Vec<String>,
}

impl<'s> Paths<'s> {
    /// Finds the paths of a snapshot's objects. Cost: one visit of every value.
    pub(crate) fn of(snapshot: &'s Snapshot, look: &'static dyn Look) -> Self {
        let mut finder = Finder {
            look,
            wanted: HashMap::new(),
            objects: HashMap::new(),
            path: String::new(),
            owner: Owner::Frame(0),
        };
        each_root(snapshot, &mut |_, _, node| {
            count_references(node, &mut finder.wanted)
        });
        if !finder.wanted.is_empty() {
            each_root(snapshot, &mut |owner, name, node| {
                finder.owner = owner;
                finder.path.clear();
                finder.path.push_str(text::head(name, MAX_PATH));
                finder.visit(node);
            });
        }
        let mut places: HashMap<u32, (Owner, String)> = finder
            .wanted
            .into_iter()
            .filter_map(|(id, place)| Some((id, place?)))
            .collect();
        let frames = snapshot.frames.iter().map(|frame| frame.id);
        let frames = (0..).map(Owner::Frame).zip(frames);
        let exceptions = snapshot.exceptions.iter().map(|exception| exception.id);
        let exceptions = (0..).map(Owner::Exception).zip(exceptions);
        for (owner, id) in frames.chain(exceptions) {
            if let Some(id) = id {
                places.insert(id, (owner, String::new()));
            }
        }
        Self {
            places,
            objects: finder.objects,
            functions: snapshot
                .frames
                .iter()
                .map(|frame| text::head(&frame.function, MAX_PATH).to_owned())
                .collect(),
            exceptions: snapshot
                .exceptions
                .iter()
                .map(|one| text::head(one.short_type(), MAX_PATH).to_owned())
                .collect(),
        }
    }

    /// The object that a reference stands for, if it is a value.
    pub(crate) fn object(&self, id: u32) -> Option<&'s Node> {
        self.objects.get(&id).copied()
    }

    /// What a reference leads to: a frame or an exception as such, or `None` for a value.
    pub(crate) fn owner(&self, id: u32) -> Option<Owner> {
        let (owner, path) = self.places.get(&id)?;
        (path.is_empty() && !self.objects.contains_key(&id)).then_some(*owner)
    }

    /// The path of an object, as told from `owner`: `self.rates['EUR']`, `rates in load` where that is another frame, or what it is
    /// where it is a frame or an exception itself.
    pub(crate) fn get(&self, id: u32, owner: Owner) -> Option<String> {
        let (place, path) = self.places.get(&id)?;
        Some(match place {
            Owner::Frame(index) if path.is_empty() => {
                format!("the frame of {}", self.functions.get(*index)?)
            }
            Owner::Exception(index) if path.is_empty() => {
                format!("the {}", self.exceptions.get(*index)?)
            }
            _ if *place == owner => path.clone(),
            Owner::Frame(index) => format!("{path} in {}", self.functions.get(*index)?),
            Owner::Exception(index) => format!("{path} of {}", self.exceptions.get(*index)?),
        })
    }
}

/// Every value that belongs directly to a frame or an exception, in the order of the frames, the raising one first.
fn each_root<'s>(snapshot: &'s Snapshot, each: &mut dyn FnMut(Owner, &str, &'s Node)) {
    for (index, frame) in snapshot.frames.iter().enumerate() {
        for (name, node) in [&frame.arguments, &frame.locals, &frame.statics]
            .into_iter()
            .flatten()
        {
            each(Owner::Frame(index), name, node);
        }
    }
    for (index, exception) in snapshot.exceptions.iter().enumerate() {
        for (at, node) in exception.args.iter().enumerate() {
            each(Owner::Exception(index), &format!("args[{at}]"), node);
        }
        for (name, node) in &exception.attributes {
            each(Owner::Exception(index), name, node);
        }
    }
}

fn count_references(node: &Node, wanted: &mut HashMap<u32, Option<(Owner, String)>>) {
    if let Some(id) = node.reference {
        wanted.insert(id, None);
    }
    for child in children(node) {
        count_references(child, wanted);
    }
}

/// What a container holds: keys, values, fields.
pub(crate) fn children(node: &Node) -> impl Iterator<Item = &Node> {
    let fields = node
        .fields
        .iter()
        .flat_map(|fields| fields.iter().map(|(_, value)| value));
    let entries = node
        .entries
        .iter()
        .flatten()
        .flat_map(|(key, value)| [key, value]);
    fields.chain(entries).chain(node.elements.iter().flatten())
}

/// The true positions of a sequence's items: those behind a gap come later than they stand.
pub(crate) fn positions(node: &Node) -> impl Iterator<Item = u64> {
    let mut gaps: Vec<(u64, u64)> = node
        .omitted
        .iter()
        .map(|gap| {
            (
                gap.after.map_or(0, |after| u64::from(after) + 1),
                gap.count.unwrap_or(0).into(),
            )
        })
        .collect();
    gaps.sort_unstable();
    let (mut missing, mut gaps) = (0, gaps.into_iter().peekable());
    (0..).map(move |at| {
        while let Some((_, count)) = gaps.next_if(|&(before, _)| before <= at) {
            missing += count;
        }
        at + missing
    })
}

struct Finder<'s> {
    look: &'static dyn Look,
    wanted: HashMap<u32, Option<(Owner, String)>>,
    objects: HashMap<u32, &'s Node>,
    path: String,
    owner: Owner,
}

impl<'s> Finder<'s> {
    fn visit(&mut self, node: &'s Node) {
        if let Some(id) = node.id
            && let Some(place) = self.wanted.get_mut(&id)
            && place.is_none()
        {
            self.objects.insert(id, node);
            let cut = text::head(&self.path, MAX_PATH);
            let mark = if cut.len() < self.path.len() {
                "..."
            } else {
                ""
            };
            *place = Some((self.owner, format!("{cut}{mark}")));
        }
        let before = self.path.len();
        for (name, child) in node.fields.iter().flatten() {
            self.path.push('.');
            self.path.push_str(text::head(name, MAX_PATH));
            self.visit(child);
            self.path.truncate(before);
        }
        for (key, child) in node.entries.iter().flatten() {
            self.push_key(key);
            self.visit(child);
            self.path.truncate(before);
        }
        for (at, child) in positions(node).zip(node.elements.iter().flatten()) {
            self.path.push_str(&format!("[{at}]"));
            self.visit(child);
            self.path.truncate(before);
        }
    }

    fn push_key(&mut self, key: &Node) {
        use stillframe_core::snapshot::Scalar;
        match &key.value {
            Some(Scalar::Text(text)) if key.rendered => {
                self.path.push_str(&format!("[{}]", text::head(text, 32)));
            }
            Some(Scalar::Text(text)) => {
                let head = text::head(text, 32);
                let quotes = self.look.quotes(head, false);
                self.path.push('[');
                self.path.push_str(quotes.open);
                for c in head.chars() {
                    self.look.escape(c, &quotes, &mut self.path);
                }
                self.path.push_str(quotes.close);
                self.path.push(']');
            }
            Some(value) => self.path.push_str(&format!("[{value}]")),
            None => self.path.push_str("[...]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use stillframe_core::snapshot::Omitted;

    use super::*;

    #[test]
    fn items_behind_a_gap_keep_their_position() {
        let gap = |after, count| Omitted {
            after,
            count: Some(count),
            ..Omitted::default()
        };
        let node = Node {
            omitted: vec![gap(Some(1), 5), gap(None, 2)],
            ..Node::default()
        };
        assert_eq!(positions(&node).take(4).collect::<Vec<_>>(), [2, 3, 9, 10]);
        assert_eq!(
            positions(&Node::default()).take(3).collect::<Vec<_>>(),
            [0, 1, 2]
        );
    }
}
