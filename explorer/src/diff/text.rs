//! A value as one text, by which keys and items of sets are told apart: the same value has the same text in every occurrence.

use stillframe_core::snapshot::Node;

use super::values::{is_set, is_whole};
use crate::find::{Label, Values, Whose, members};

/// Values that one text is made of.
const MAX_VALUES: usize = 256;
/// Levels of values in one text.
const MAX_LEVELS: usize = 48;

/// Makes texts of values.
pub(super) struct Texts<'t, 's> {
    values: &'t Values<'s>,
    visits: usize,
    /// Containers that the way leads through; one that holds itself is not entered again.
    open: Vec<*const Node>,
    whole: bool,
    stopped: bool,
}

impl<'t, 's> Texts<'t, 's> {
    pub(super) fn new(values: &'t Values<'s>) -> Self {
        Self {
            values,
            visits: 0,
            open: Vec::new(),
            whole: true,
            stopped: false,
        }
    }

    /// Values that were looked at.
    pub(super) fn visits(&self) -> usize {
        self.visits
    }

    /// Whether everything in the texts was captured and looked at.
    pub(super) fn is_whole(&self) -> bool {
        self.whole && !self.stopped
    }

    /// Whether a value was too large to be looked at to its end.
    pub(super) fn has_stopped(&self) -> bool {
        self.stopped
    }

    pub(super) fn of(&mut self, node: &'s Node) -> String {
        if self.visits >= MAX_VALUES || self.open.len() >= MAX_LEVELS {
            self.stopped = true;
            return "...".to_owned();
        }
        self.visits += 1;
        let node = self.values.resolved(node);
        if let Some(id) = node.reference {
            return match self.values.owner(id) {
                Some(Whose::Frame(frame)) => format!("{:?} {:?}", frame.module, frame.function),
                Some(Whose::Exception(error)) => {
                    self.whole &= error.message.as_ref().is_none_or(is_whole);
                    let message = error.message.as_ref().map(|message| &message.value);
                    format!("{:?} {message:?}", error.type_name)
                }
                None => {
                    self.whole = false;
                    "?".to_owned()
                }
            };
        }
        self.whole &= is_whole(node);
        let mut text = format!(
            "{:?} {:?} {:?} {:?} {:?}",
            node.type_name, node.value, node.encoding, node.size, node.not_captured_reason
        );
        if !node.is_container() {
            return text;
        }
        let this = std::ptr::from_ref(node);
        if let Some(at) = self.open.iter().position(|&open| open == this) {
            text.push_str(&format!(" @{at}"));
            return text;
        }
        self.open.push(this);
        let ordered = !is_set(node);
        let mut inside: Vec<String> = Vec::new();
        for member in members(node) {
            if self.stopped {
                break;
            }
            let label = match member.label {
                Label::Name(name) => format!("{name:?}"),
                Label::Key(key) => self.of(key),
                Label::Position(at) if ordered => at.to_string(),
                Label::Position(_) => String::new(),
            };
            inside.push(format!("{label}={}", self.of(member.node)));
        }
        self.open.pop();
        // The order of keys, fields and items of a set means nothing; other items have their position.
        inside.sort_unstable();
        text.push_str(&format!(" ({})", inside.join(", ")));
        text
    }
}
