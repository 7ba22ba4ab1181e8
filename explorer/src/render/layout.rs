//! At which of its places an object is opened: the one that a reader meets first.
//!
//! A snapshot holds each object once, where the capture met it first, and refers to it from everywhere else. A page opens only some
//! frames, so an object that belongs to a folded frame would be pointed to and not be seen. Before a page is written, every object
//! therefore moves to the first place that the page shows.

use std::collections::{HashMap, HashSet};

use stillframe_core::snapshot::{Node, Ordered, Snapshot};

use super::paths::{Owner, children};

/// Levels of the opened frames that come before everything else. A bound, because each adds to how deep values nest.
const MAX_LEVELS: usize = 8;

/// A copy of the snapshot in which each object stands at its first place in this order: the first `levels` levels of what belongs
/// to `first`; then, level by level, the frames of the program, the exceptions, all other frames and what `first` has below.
pub(crate) fn arrange(snapshot: &Snapshot, first: &[Owner], levels: usize) -> Snapshot {
    let mut arranged = snapshot.clone();
    let in_app: Vec<bool> = snapshot.frames.iter().map(|frame| frame.in_app).collect();
    let mut roots = roots_mut(&mut arranged);
    let mut wanted = HashSet::new();
    for (_, node) in &roots {
        references(node, &mut wanted);
    }
    if wanted.is_empty() {
        return arranged;
    }
    let mut objects = HashMap::new();
    for (_, node) in &mut roots {
        detach(node, &wanted, &mut objects);
    }
    let mut places = HashMap::new();
    for (place, owner) in first.iter().enumerate() {
        places.entry(*owner).or_insert(place);
    }
    let place_in_order = |owner: Owner| {
        places.get(&owner).copied().unwrap_or_else(|| {
            first.len()
                + match owner {
                    Owner::Frame(at) if in_app.get(at) == Some(&true) => 0,
                    Owner::Exception(_) => 1,
                    Owner::Frame(_) => 2,
                }
        })
    };
    roots.sort_by_key(|(owner, _)| place_in_order(*owner));
    let opened = roots.partition_point(|(owner, _)| places.contains_key(owner));
    let others = roots.split_off(opened);
    let mut level: Vec<&mut Node> = roots.into_iter().map(|(_, node)| node).collect();
    for _ in 0..levels.min(MAX_LEVELS) {
        level = attach(level, &mut objects);
    }
    let mut rest: Vec<&mut Node> = others.into_iter().map(|(_, node)| node).collect();
    rest.append(&mut level);
    while !rest.is_empty() {
        rest = attach(rest, &mut objects);
    }
    arranged
}

/// Every value that belongs directly to a frame or an exception.
fn roots_mut(snapshot: &mut Snapshot) -> Vec<(Owner, &mut Node)> {
    let mut roots = Vec::new();
    for (at, frame) in snapshot.frames.iter_mut().enumerate() {
        for Ordered(group) in [&mut frame.arguments, &mut frame.locals, &mut frame.statics] {
            roots.extend(group.iter_mut().map(|(_, node)| (Owner::Frame(at), node)));
        }
    }
    for (at, exception) in snapshot.exceptions.iter_mut().enumerate() {
        let attributes = exception.attributes.0.iter_mut().map(|(_, node)| node);
        let values = exception.args.iter_mut().chain(attributes);
        roots.extend(values.map(|node| (Owner::Exception(at), node)));
    }
    roots
}

fn references(node: &Node, wanted: &mut HashSet<u32>) {
    wanted.extend(node.reference);
    for child in children(node) {
        references(child, wanted);
    }
}

/// Takes each object that something refers to out of its place and leaves a reference there.
fn detach(node: &mut Node, wanted: &HashSet<u32>, objects: &mut HashMap<u32, Node>) {
    for child in children_mut(node) {
        detach(child, wanted, objects);
    }
    // Of two objects with one id, which no capture makes, the second stays.
    let free = |id: &u32| wanted.contains(id) && !objects.contains_key(id);
    if let Some(id) = node.id.filter(free) {
        let reference = Node {
            type_name: node.type_name.clone(),
            reference: Some(id),
            ..Node::default()
        };
        objects.insert(id, std::mem::replace(node, reference));
    }
}

/// Puts the objects that these values refer to in their place, if they have none yet; what these values hold.
fn attach<'n>(nodes: Vec<&'n mut Node>, objects: &mut HashMap<u32, Node>) -> Vec<&'n mut Node> {
    let mut below = Vec::new();
    for node in nodes {
        if let Some(object) = node.reference.and_then(|id| objects.remove(&id)) {
            *node = object;
        }
        below.extend(children_mut(node));
    }
    below
}

/// What a container holds: keys, values, fields.
pub(crate) fn children_mut(node: &mut Node) -> impl Iterator<Item = &mut Node> {
    let fields = node
        .fields
        .iter_mut()
        .flat_map(|fields| fields.0.iter_mut());
    let entries = node.entries.iter_mut().flatten();
    fields
        .map(|(_, value)| value)
        .chain(entries.flat_map(|(key, value)| [key, value]))
        .chain(node.elements.iter_mut().flatten())
}

#[cfg(test)]
mod tests {
    use stillframe_core::snapshot::Frame;

    use super::*;

    fn list(id: u32, elements: Vec<Node>) -> Node {
        Node {
            id: Some(id),
            elements: Some(elements),
            ..Node::default()
        }
    }

    fn to(id: u32) -> Node {
        Node {
            reference: Some(id),
            ..Node::default()
        }
    }

    fn frame(in_app: bool, locals: Vec<(&str, Node)>) -> Frame {
        Frame {
            in_app,
            locals: locals
                .into_iter()
                .map(|(name, node)| (name.to_owned(), node))
                .collect(),
            ..Frame::default()
        }
    }

    #[test]
    fn an_object_moves_to_the_frame_that_is_opened() {
        let snapshot = Snapshot {
            frames: vec![
                frame(false, vec![("a", list(1, vec![list(2, vec![])]))]),
                frame(true, vec![("b", to(1)), ("c", to(2))]),
            ],
            ..Snapshot::default()
        };
        let arranged = arrange(&snapshot, &[Owner::Frame(1)], 2);
        assert_eq!(
            arranged.frames[1],
            frame(
                true,
                vec![("b", list(1, vec![to(2)])), ("c", list(2, vec![]))]
            )
        );
        assert_eq!(arranged.frames[0], frame(false, vec![("a", to(1))]));
        assert_eq!(arrange(&snapshot, &[Owner::Frame(0)], 2), {
            let mut expected = snapshot.clone();
            expected.frames[1].locals = frame(true, vec![("b", to(1)), ("c", to(2))]).locals;
            expected
        });
    }

    #[test]
    fn a_shown_place_goes_before_one_that_is_too_deep_to_be_shown() {
        let deep = list(1, vec![list(2, vec![to(3)])]);
        let snapshot = Snapshot {
            frames: vec![
                frame(true, vec![("deep", deep)]),
                frame(true, vec![("shallow", list(3, vec![]))]),
            ],
            ..Snapshot::default()
        };
        assert_eq!(arrange(&snapshot, &[Owner::Frame(0)], 2), snapshot);
    }

    #[test]
    fn a_cycle_keeps_all_its_objects() {
        let snapshot = Snapshot {
            frames: vec![
                frame(false, vec![("a", list(1, vec![list(2, vec![to(1)])]))]),
                frame(true, vec![("b", to(2))]),
            ],
            ..Snapshot::default()
        };
        let arranged = arrange(&snapshot, &[Owner::Frame(1)], 3);
        let b = list(2, vec![list(1, vec![to(2)])]);
        assert_eq!(arranged.frames[1], frame(true, vec![("b", b)]));
        assert_eq!(arranged.frames[0], frame(false, vec![("a", to(1))]));
    }
}
