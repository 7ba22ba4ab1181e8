//! Which texts of a snapshot the scanner sees, and in what order. Collecting and rewriting go through the same functions, so that the
//! n-th text of the one is the n-th of the other.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::SideText;
use super::structure::Structure;
use crate::redact::{Arena, Redactor, ScopeSet, TextFlags};
use crate::tape::{ContainerId, ContainerKind, Frame, Item, Name, Tape, Value};

/// Shorter names cannot hold a secret that a detector knows.
const MIN_NAME_BYTES: usize = 12;
/// Numbers below are no card number, account or token.
const MIN_NUMBER: u64 = 100_000_000;

/// The texts of one item in their order: its name, and those of its value.
pub(super) fn name_is_scanned(name: Name<'_>) -> bool {
    name.text.len() >= MIN_NAME_BYTES
}

/// The names of a frame, in the order in which they are scanned.
pub(super) fn frame_names<'a>(frame: &Frame<'a>) -> [Name<'a>; 3] {
    [frame.function, frame.module, frame.file]
}

/// A number as text, if it is long enough to be a secret.
pub(super) fn number_text(value: &Value<'_>, buffer: &mut String) -> bool {
    buffer.clear();
    let written = match *value {
        Value::Int(value) if value.unsigned_abs() >= MIN_NUMBER => write!(buffer, "{value}"),
        Value::Uint(value) => write!(buffer, "{value}"),
        Value::Big(big) => match big.exact() {
            Some(value) => write!(buffer, "{value}"),
            None => return false,
        },
        Value::Float(value) if value.fract() == 0.0 && value.abs() < 1e20 => {
            if value.abs() < MIN_NUMBER as f64 {
                return false;
            }
            write!(buffer, "{value:.0}")
        }
        _ => return false,
    };
    written.is_ok()
}

/// Bytes as text of the same length, for scanning only.
pub(super) fn ascii_view(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.is_ascii() {
        Cow::Borrowed(bytes)
    } else {
        bytes
            .iter()
            .map(|&byte| if byte < 0x80 { byte } else { b'.' })
            .collect()
    }
}

pub(super) fn collect(
    tape: &Tape<'_>,
    structure: &Structure,
    sides: &[SideText<'_>],
    redactor: &Redactor,
    arena: &mut Arena,
) {
    let paths = redactor.has_scopes().then(|| Paths::new(tape));
    let mut number = String::new();
    for group in 0..=tape.containers() {
        let id = ContainerId(group);
        if structure.container(id).is_some() {
            continue;
        }
        let is_map = tape.kind(id) == Some(ContainerKind::Map);
        let items = if group == 0 {
            tape.root()
        } else {
            tape.group(id)
        };
        let mut index = structure.first_item(group);
        let mut key = None;
        let mut position = 0;
        for item in items {
            let Item::Value { name, value, .. } = item else {
                continue;
            };
            let hidden = structure.item(index).is_some();
            index += 1;
            position += 1;
            let is_key = is_map && position % 2 == 1;
            if let Some(name) = name.filter(|name| name_is_scanned(*name)) {
                arena.push(
                    name.text.as_bytes(),
                    TextFlags {
                        is_key: true,
                        ..TextFlags::default()
                    },
                );
            }
            let label = name
                .map(|name| Cow::Borrowed(name.text))
                .or_else(|| key.take());
            let scopes = match &paths {
                Some(paths) if !hidden => redactor.scopes(&paths.of(group, label.as_deref())),
                _ => ScopeSet::NONE,
            };
            if is_key {
                key = match &value {
                    Value::Text(text) => Some(text.shown()),
                    _ => None,
                };
            }
            if !hidden {
                push(&value, is_key, scopes, &mut number, arena);
            }
        }
    }
    for (index, side) in sides.iter().enumerate() {
        if structure.side(index).is_none() {
            let scopes = match side.name {
                Some(name) if paths.is_some() => redactor.scopes(name),
                _ => ScopeSet::NONE,
            };
            let flags = TextFlags {
                is_code: side.is_code,
                cut: side.cut,
                keeps_copies: side.keeps_copies,
                ..TextFlags::default()
            };
            arena.push_scoped(side.text.as_bytes(), flags, scopes);
        }
    }
}

fn push(value: &Value<'_>, is_key: bool, scopes: ScopeSet, number: &mut String, arena: &mut Arena) {
    match value {
        Value::Text(text) => {
            let shown = text.with_lookahead();
            let cut =
                !text.is_whole_form() && (shown.chars().count() as u64) < u64::from(text.total());
            let flags = TextFlags {
                cut,
                is_key,
                ..TextFlags::default()
            };
            arena.push_scoped(shown.as_bytes(), flags, scopes);
        }
        Value::Bytes { kept, total } => {
            let flags = TextFlags {
                cut: (kept.len() as u64) < u64::from(*total),
                is_key,
                ..TextFlags::default()
            };
            arena.push_scoped(&ascii_view(kept), flags, scopes);
        }
        Value::Cleaned { text, .. } => {
            arena.push_scoped(
                text.as_bytes(),
                TextFlags {
                    is_key,
                    ..TextFlags::default()
                },
                scopes,
            );
        }
        Value::Frame(frame) => {
            for name in frame_names(frame) {
                arena.push(name.text.as_bytes(), TextFlags::default());
            }
        }
        Value::Failed { cause, .. } => {
            arena.push(cause.text.as_bytes(), TextFlags::default());
        }
        value if number_text(value, number) => {
            arena.push_scoped(number.as_bytes(), TextFlags::default(), scopes);
        }
        _ => {}
    }
}

/// Where each container hangs, for rules that apply to some paths only.
struct Paths<'a> {
    /// Per container: the container around it and the name under which it stands there.
    around: Vec<(u32, Option<Cow<'a, str>>)>,
}

impl<'a> Paths<'a> {
    fn new(tape: &Tape<'a>) -> Self {
        let mut around = vec![(0, None); tape.containers() as usize + 1];
        for group in 1..=tape.containers() {
            let id = ContainerId(group);
            let is_map = tape.kind(id) == Some(ContainerKind::Map);
            let mut key = None;
            for (position, item) in tape
                .group(id)
                .filter(|item| matches!(item, Item::Value { .. }))
                .enumerate()
            {
                let Item::Value { name, value, .. } = item else {
                    continue;
                };
                if let Some(child) = value.container() {
                    let label = name
                        .map(|name| Cow::Borrowed(name.text))
                        .or_else(|| key.take());
                    around[child.0 as usize] = (group, label);
                }
                key = match value {
                    Value::Text(text) if is_map && position % 2 == 0 => Some(text.shown()),
                    _ => None,
                };
            }
        }
        Self { around }
    }

    fn of(&self, group: u32, label: Option<&str>) -> String {
        let mut parts: Vec<&str> = label.into_iter().collect();
        let mut at = group;
        while at != 0 {
            let (next, label) = &self.around[at as usize];
            parts.extend(label.as_deref());
            at = *next;
        }
        parts.reverse();
        parts.join(".")
    }
}
