//! A snapshot as the body of a log record, in so many bytes.
//!
//! One value that the protocol has no place for loses the whole batch, with other records in it: integers beyond 64 bits with sign, names
//! that stand twice in a map, and more messages inside one another than decoders follow. What is deepest goes first, of the frames farthest from the raise first, and says
//! that it went.

use std::collections::{HashMap, HashSet};

use opentelemetry_proto::tonic::common::v1::AnyValue;
use prost::Message;

use super::value;
use crate::reason::Reason;
use crate::snapshot::{Exception, Node, Omitted, Ordered, Scalar, Snapshot};

/// Most bytes of the snapshot in a log record. Collectors take batches of a few MB, what is behind them often less of one record.
pub const BODY_BYTES: usize = 128 << 10;

/// Containers inside one another below a variable: each may be seven nested messages, and decoders give up at a hundred.
const DEEPEST: usize = 8;
/// Bytes that are left of a text where nothing else helps.
const SHORT_TEXT: usize = 128;

/// The body, in at most `most` bytes; below a few thousand, only what identifies the snapshot is left.
pub(super) fn bounded(snapshot: &mut Snapshot, most: usize) -> AnyValue {
    for root in roots(snapshot) {
        prune(root, DEEPEST, usize::MAX);
        adapt(root);
    }
    for frame in &mut snapshot.frames {
        for section in [&mut frame.arguments, &mut frame.locals, &mut frame.statics] {
            tell_apart(section);
        }
    }
    for exception in &mut snapshot.exceptions {
        tell_apart(&mut exception.attributes);
    }
    if let Some(context) = &mut snapshot.context {
        tell_apart(&mut context.attributes);
        tell_apart(&mut context.user);
    }
    let body = value::of(snapshot);
    let length = body.encoded_len();
    if length <= most {
        return body;
    }
    drop(body);
    let mut excess = length - most;
    'depths: for depth in [4, 3, 2, 1, 0] {
        for root in roots(snapshot) {
            let text = if depth == 0 { SHORT_TEXT } else { usize::MAX };
            let before = value::of(root).encoded_len();
            prune(root, depth, text);
            excess = excess.saturating_sub(before.saturating_sub(value::of(root).encoded_len()));
            if excess == 0 {
                break 'depths;
            }
        }
    }
    if excess == 0 {
        return value::of(snapshot);
    }
    for index in (0..snapshot.frames.len()).rev() {
        let frame = &mut snapshot.frames[index];
        let before = value::of(frame).encoded_len();
        frame.source = None;
        frame.arguments = Ordered::default();
        frame.locals = Ordered::default();
        frame.statics = Ordered::default();
        frame.omitted = vec![pruned("variables", None)];
        excess = excess.saturating_sub(before.saturating_sub(value::of(frame).encoded_len()));
        if excess == 0 {
            return value::of(snapshot);
        }
    }
    bare(snapshot);
    value::of(snapshot)
}

/// All variables of all frames and what the exceptions carry, what is least missed first.
fn roots(snapshot: &mut Snapshot) -> impl Iterator<Item = &mut Node> {
    let exceptions = snapshot.exceptions.iter_mut().rev().flat_map(|exception| {
        let values = exception.attributes.0.iter_mut().map(|(_, node)| node);
        values
            .chain(&mut exception.args)
            .chain(&mut exception.notes)
            .chain(&mut exception.message)
    });
    let frames = snapshot.frames.iter_mut().rev().flat_map(|frame| {
        let sections = [&mut frame.statics, &mut frame.locals, &mut frame.arguments];
        sections
            .into_iter()
            .flat_map(|section| section.0.iter_mut().map(|(_, node)| node))
    });
    frames.chain(exceptions)
}

/// Closes the containers below so many levels, and cuts texts.
fn prune(node: &mut Node, depth: usize, most: usize) {
    if let Some(Scalar::Text(text)) = &mut node.value
        && text.len() > most
    {
        let whole = text.chars().count() as u64;
        text.truncate(text.floor_char_boundary(most));
        node.size.get_or_insert(whole);
        node.truncated = true;
        node.not_captured_reason
            .get_or_insert_with(|| Reason::Pruned.as_str().to_owned());
    }
    if !node.is_container() {
        return;
    }
    if depth > 0 {
        return for_each_inner(node, |inner| prune(inner, depth - 1, most));
    }
    let elements = node.elements.take().map_or(0, |items| items.len());
    let entries = node.entries.take().map_or(0, |items| items.len());
    let fields = node.fields.take().map_or(0, |items| items.len());
    let shown = (elements + entries + fields) as u64;
    node.omitted = Vec::new();
    node.limit = None;
    node.size = Some(node.size.unwrap_or(0).max(shown));
    node.not_captured_reason = Some(Reason::Pruned.as_str().to_owned());
}

/// Writes integers as text that do not fit into 64 bits with a sign, and tells fields of one name apart.
fn adapt(node: &mut Node) {
    if let Some(fields) = &mut node.fields {
        tell_apart(fields);
    }
    if let Some(Scalar::Uint(number)) = node.value {
        node.value = Some(Scalar::Text(number.to_string()));
        node.rendered = true;
    }
    for_each_inner(node, adapt);
}

/// Numbers names that stand there more than once, as variables of a block that have the name of an outer one: `x`, `x (2)`.
fn tell_apart<V>(members: &mut Ordered<V>) {
    let names: HashSet<&str> = members.iter().map(|(name, _)| name).collect();
    if names.len() == members.len() {
        return;
    }
    let mut taken: HashSet<String> = names.into_iter().map(str::to_owned).collect();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for (name, _) in &mut members.0 {
        let count = counts.entry(name.clone()).or_insert(0);
        *count += 1;
        if *count == 1 {
            continue;
        }
        let mut numbered = format!("{name} ({count})");
        while !taken.insert(numbered.clone()) {
            *count += 1;
            numbered = format!("{name} ({count})");
        }
        *name = numbered;
    }
}

fn for_each_inner(node: &mut Node, mut each: impl FnMut(&mut Node)) {
    node.elements.iter_mut().flatten().for_each(&mut each);
    for (key, inner) in node.entries.iter_mut().flatten() {
        each(key);
        each(inner);
    }
    let fields = node.fields.iter_mut().flat_map(|fields| &mut fields.0);
    fields.for_each(|(_, inner)| each(inner));
}

/// Leaves what identifies the snapshot.
fn bare(snapshot: &mut Snapshot) {
    let first = snapshot.exceptions.drain(..).next().unwrap_or_default();
    snapshot.frames = Vec::new();
    snapshot.omitted = vec![pruned("exceptions", None)];
    snapshot.exceptions = vec![Exception {
        type_name: short(first.type_name),
        module: first.module.map(short),
        handled: first.handled,
        mechanism: first.mechanism.map(short),
        omitted: vec![pruned("frames", u32::try_from(first.frames.len()).ok())],
        ..Exception::default()
    }];
    if let Some(thread) = &mut snapshot.thread {
        thread.name = thread.name.take().map(short);
    }
    if let Some(fingerprint) = &mut snapshot.fingerprint {
        fingerprint.override_parts = Vec::new();
        fingerprint.explanation = fingerprint.explanation.take().map(short);
    }
    if let Some(context) = &mut snapshot.context {
        context.attributes = Ordered::default();
        context.user = Ordered::default();
        context.session_links = Vec::new();
        context.omitted = vec![pruned("attributes", None)];
    }
}

fn short(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(SHORT_TEXT));
    text
}

fn pruned(what: &str, count: Option<u32>) -> Omitted {
    Omitted {
        what: what.to_owned(),
        count,
        not_captured_reason: Reason::Pruned.as_str().to_owned(),
        ..Omitted::default()
    }
}
