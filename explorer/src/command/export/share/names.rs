//! What is hidden for its name or its type, and the texts whose copies are therefore hidden too.

use std::collections::BTreeSet;

use stillframe_core::reason::Reason;
use stillframe_core::redact::{
    AliasKey, Arena, Hit, MARKER, MAX_ALIASES, MIN_WHOLE, Redactor, ValueKind,
};
use stillframe_core::snapshot::{Node, Ordered, Scalar, Snapshot};

use super::hide;
use super::linked::Linked;

/// Hidden texts whose copies are looked for, more than any capture has: each costs a part of a look at every text.
const MOST_ALIASES: usize = 4096;

/// Hides values by their names and types.
pub(super) struct Names<'r> {
    redactor: &'r Redactor,
    key: AliasKey,
    /// Length and hash of hidden texts, whose copies are hidden too.
    aliases: BTreeSet<(u32, u64)>,
    linked: Linked,
    /// The objects that the value at hand stands in.
    around: Vec<u32>,
    hidden: u64,
}

impl<'r> Names<'r> {
    pub(super) fn new(redactor: &'r Redactor) -> Self {
        Self {
            redactor,
            key: AliasKey::random(),
            aliases: BTreeSet::new(),
            linked: Linked::default(),
            around: Vec::new(),
            hidden: 0,
        }
    }

    /// How many values were hidden.
    pub(super) fn hidden(&self) -> u64 {
        self.hidden
    }

    /// Whether copies of all that was hidden can be looked for.
    pub(super) fn knows_copies(&self) -> bool {
        self.aliases.len() <= MOST_ALIASES
    }

    /// Adds every copy of a hidden text.
    pub(super) fn copies(&self, arena: &Arena, hits: &mut Vec<Hit>) {
        // By length, so that those of one search have few lengths.
        let aliases: Vec<(u32, u64)> = self.aliases.iter().copied().collect();
        for some in aliases.chunks(MAX_ALIASES) {
            self.key.find(arena, some, hits);
        }
    }

    /// Hides what must be.
    pub(super) fn snapshot(&mut self, snapshot: &mut Snapshot) {
        for frame in &mut snapshot.frames {
            for group in [&mut frame.arguments, &mut frame.locals, &mut frame.statics] {
                self.named(group);
            }
        }
        for exception in &mut snapshot.exceptions {
            self.named(&mut exception.attributes);
            exception.args.iter_mut().for_each(|node| self.inside(node));
        }
        self.linked(snapshot);
        let Some(context) = &mut snapshot.context else {
            return;
        };
        for (name, value) in &mut context.attributes.0 {
            let kind = match value {
                Scalar::Bool(_) => ValueKind::Bool,
                Scalar::Text(_) => ValueKind::Other,
                _ => ValueKind::Number,
            };
            let found = self.redactor.name(name.as_bytes());
            if found.is_some_and(|found| found.hides(kind)) {
                if let Scalar::Text(text) = value {
                    self.alias(text);
                }
                *value = Scalar::Text(MARKER.to_owned());
                self.hidden += 1;
            }
        }
    }

    /// Hides the objects that what was hidden refers to.
    fn linked(&mut self, snapshot: &mut Snapshot) {
        let mut linked = std::mem::take(&mut self.linked);
        linked.follow(snapshot, &mut |node| self.aliases_of(node));
        self.hidden += linked.hide(snapshot);
    }

    fn named(&mut self, group: &mut Ordered<Node>) {
        for (name, node) in &mut group.0 {
            self.value(Some(name), node);
        }
    }

    fn value(&mut self, name: Option<&str>, node: &mut Node) {
        if is_hidden(node) {
            return;
        }
        let found = name.and_then(|name| self.redactor.name(name.as_bytes()));
        if let Some(found) = found.filter(|found| found.hides(kind(node))) {
            let rule = found.word().to_owned();
            return self.hide(node, Reason::RedactedIdent, &rule);
        }
        let by_type = node.type_name.as_deref();
        if let Some(rule) = by_type.and_then(|name| self.redactor.type_name(name)) {
            let rule = rule.to_owned();
            return self.hide(node, Reason::RedactedType, &rule);
        }
        self.inside(node);
    }

    fn inside(&mut self, node: &mut Node) {
        self.around.extend(node.id);
        if let Some(fields) = &mut node.fields {
            self.named(fields);
        }
        for (key, value) in node.entries.iter_mut().flatten() {
            let name = key.value.as_ref().and_then(Scalar::as_str);
            self.value(name, value);
            self.inside(key);
        }
        for element in node.elements.iter_mut().flatten() {
            self.value(None, element);
        }
        if node.id.is_some() {
            self.around.pop();
        }
    }

    fn hide(&mut self, node: &mut Node, reason: Reason, rule: &str) {
        self.aliases_of(node);
        self.linked.add(node, rule, &self.around);
        hide(node, reason, rule);
        self.hidden += 1;
    }

    fn aliases_of(&mut self, node: &Node) {
        if let Some(Scalar::Text(text)) = &node.value {
            self.alias(text);
        }
        for (_, value) in node.fields.iter().flatten() {
            self.aliases_of(value);
        }
        for (_, value) in node.entries.iter().flatten() {
            self.aliases_of(value);
        }
        for element in node.elements.iter().flatten() {
            self.aliases_of(element);
        }
    }

    fn alias(&mut self, text: &str) {
        let length = u32::try_from(text.len()).unwrap_or(0);
        if length >= MIN_WHOLE && self.knows_copies() {
            self.aliases
                .insert((length, self.key.hash(text.as_bytes())));
        }
    }
}

fn kind(node: &Node) -> ValueKind {
    match &node.value {
        _ if node.is_null => ValueKind::Null,
        Some(Scalar::Bool(_)) => ValueKind::Bool,
        Some(Scalar::Int(_) | Scalar::Uint(_) | Scalar::Float(_)) => ValueKind::Number,
        _ => ValueKind::Other,
    }
}

/// Whether nothing is there to hide.
fn is_hidden(node: &Node) -> bool {
    node.value.is_none()
        && !node.is_container()
        && node.reference.is_none()
        && !node.is_null
        && node.not_captured_reason.is_some()
}
