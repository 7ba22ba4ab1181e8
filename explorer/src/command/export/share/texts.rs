//! Every text of a snapshot, in one order, so that the n-th that is searched is the n-th that is replaced.

use stillframe_core::redact::{Arena, Redactor, TextFlags};
use stillframe_core::snapshot::{Node, Ordered, Scalar, Snapshot};

use crate::render::byte_text;

/// Numbers below are no card number, account or token.
const MIN_NUMBER: u64 = 100_000_000;

/// A text of a snapshot.
pub(super) enum Spot<'t> {
    /// What something is called: the service, a file, a module, a function, a variable.
    Name(&'t mut String, TextFlags),
    /// A line of source, an attribute, and what else a program or its user wrote.
    Text(&'t mut String, TextFlags),
    /// Of a value.
    Node(&'t mut Node, TextFlags),
}

impl Spot<'_> {
    /// What the scanner sees of it; `None` if there is nothing to see.
    pub(super) fn seen(&self) -> Option<(std::borrow::Cow<'_, str>, TextFlags)> {
        let (node, flags) = match self {
            Self::Name(text, flags) | Self::Text(text, flags) => {
                return Some((text.as_str().into(), *flags));
            }
            Self::Node(node, flags) => (node, *flags),
        };
        let flags = TextFlags {
            cut: node.truncated,
            ..flags
        };
        let text = match node.value.as_ref()? {
            Scalar::Text(_) if node.encoding.is_some() => {
                let text = byte_text(node)?;
                let view = text.chars().map(|c| if c.is_ascii() { c } else { '.' });
                view.collect::<String>().into()
            }
            Scalar::Text(text) => text.as_str().into(),
            Scalar::Int(number) if number.unsigned_abs() >= MIN_NUMBER => number.to_string().into(),
            Scalar::Uint(number) => number.to_string().into(),
            _ => return None,
        };
        Some((text, flags))
    }

    pub(super) fn collect(self, redactor: &Redactor, path: &[&str], arena: &mut Arena) {
        if let Some((text, flags)) = self.seen() {
            if redactor.has_scopes() {
                arena.push_scoped(text.as_bytes(), flags, redactor.scopes(&path.join(".")));
            } else {
                arena.push(text.as_bytes(), flags);
            }
        }
    }
}

pub(super) type Visit<'v> = dyn FnMut(Spot<'_>, &[&str]) + 'v;

/// Every text, in one order, with the names that lead to it.
pub(super) fn each_text(snapshot: &mut Snapshot, visit: &mut Visit<'_>) {
    let plain = TextFlags::default();
    let code = TextFlags {
        is_code: true,
        ..plain
    };
    let names = [
        Some(&mut snapshot.service),
        snapshot.env.as_mut(),
        snapshot.version.as_mut(),
    ];
    for text in names.into_iter().flatten() {
        visit(Spot::Name(text, plain), &[]);
    }
    let optional = [
        snapshot
            .thread
            .as_mut()
            .and_then(|thread| thread.name.as_mut()),
        snapshot
            .fingerprint
            .as_mut()
            .and_then(|fingerprint| fingerprint.explanation.as_mut()),
    ];
    for text in optional.into_iter().flatten() {
        visit(Spot::Text(text, plain), &[]);
    }
    for part in snapshot
        .fingerprint
        .iter_mut()
        .flat_map(|fingerprint| &mut fingerprint.override_parts)
    {
        visit(Spot::Text(part, plain), &[]);
    }
    for exception in &mut snapshot.exceptions {
        let values = exception.message.iter_mut();
        for node in values
            .chain(&mut exception.notes)
            .chain(&mut exception.args)
        {
            each_in(node, false, &mut Vec::new(), visit);
        }
        each_named(&mut exception.attributes, &mut Vec::new(), visit);
    }
    for frame in &mut snapshot.frames {
        let names = [frame.file.as_mut(), frame.module.as_mut()];
        for text in names.into_iter().flatten() {
            visit(Spot::Name(text, plain), &[]);
        }
        visit(Spot::Name(&mut frame.function, plain), &[]);
        for line in frame.source.iter_mut().flat_map(|source| &mut source.lines) {
            visit(Spot::Text(line, code), &[]);
        }
        for group in [&mut frame.arguments, &mut frame.locals, &mut frame.statics] {
            each_named(group, &mut Vec::new(), visit);
        }
    }
    for (name, value) in snapshot
        .context
        .iter_mut()
        .flat_map(|context| &mut context.attributes.0)
    {
        if let Scalar::Text(text) = value {
            visit(Spot::Text(text, plain), &[name]);
        }
    }
}

fn each_named(group: &mut Ordered<Node>, path: &mut Vec<String>, visit: &mut Visit<'_>) {
    for (name, node) in &mut group.0 {
        path.push(name.clone());
        each_in(node, false, path, visit);
        path.pop();
        visit(
            Spot::Name(
                name,
                TextFlags {
                    is_key: true,
                    ..TextFlags::default()
                },
            ),
            &[],
        );
    }
}

fn each_in(node: &mut Node, is_key: bool, path: &mut Vec<String>, visit: &mut Visit<'_>) {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let flags = TextFlags {
        is_key,
        ..TextFlags::default()
    };
    visit(Spot::Node(node, flags), &names);
    if let Some(fields) = &mut node.fields {
        each_named(fields, path, visit);
    }
    for (key, value) in node.entries.iter_mut().flatten() {
        let name = key.value.as_ref().map(Scalar::to_string);
        path.push(name.unwrap_or_default());
        each_in(value, false, path, visit);
        path.pop();
        each_in(key, true, path, visit);
    }
    for element in node.elements.iter_mut().flatten() {
        each_in(element, is_key, path, visit);
    }
}
