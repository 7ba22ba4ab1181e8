//! An exception as a value: what it was made with, its own fields, what led to it, under the names that the language has for them.

use super::dialect::Dialect;
use super::value::{ELEMENTS, FIELDS, Values};
use crate::encode::form::Form;
use crate::reason::Reason;
use crate::tape::{ContainerId, Exception, Item, Name, Section, Value};

/// What ddtrace keeps in exceptions that it has met.
const TRACERS_OWN: &str = "_dd_exc_id";

impl<'a> Values<'_, 'a> {
    /// The members of an exception's node.
    pub(super) fn exception(&mut self, exception: &Exception<'_>) {
        let id = exception.id;
        self.type_member(exception.type_name, &Value::Exception(*exception));
        if !self.tape.is_captured(id) {
            return self.reason(self.tape.stop());
        }
        self.path.push(id);
        self.json.key(&FIELDS);
        self.json.map(0);
        let mut gap = None;
        if self.dialect != Dialect::Python {
            self.message_field(id);
        }
        for item in self.tape.section(id, Section::Attributes) {
            match item {
                Item::Value {
                    name: Some(ref name),
                    as_type,
                    ref value,
                } if name.text != TRACERS_OWN => {
                    self.json.name(name);
                    self.value(as_type, value);
                }
                Item::Gap { reason, .. } => gap = gap.or(Some(reason)),
                _ => {}
            }
        }
        if self.dialect == Dialect::Python {
            match self.sole_argument(exception) {
                Some((as_type, value)) => self.argument_field(as_type, &value),
                None => self.items_field("args", "tuple", id, Section::Args),
            }
            if self.tape.section(id, Section::Notes).next().is_some() {
                self.items_field("__notes__", "list", id, Section::Notes);
            }
        }
        self.causes(id);
        self.json.end_map();
        self.path.pop();
        if let Some(reason) = gap {
            self.reason(reason);
        }
    }

    /// The only thing that the exception was made with, if that is its message: a tape does not say it twice.
    pub(super) fn sole_argument(
        &self,
        exception: &Exception<'a>,
    ) -> Option<(Option<Name<'a>>, Value<'a>)> {
        let id = exception.id;
        if exception.message_unknown || self.tape.section(id, Section::Args).next().is_some() {
            return None;
        }
        match self.tape.section(id, Section::Message).next()? {
            Item::Value { as_type, value, .. } => {
                let is_empty = match &value {
                    Value::Text(text) => text.shown().is_empty(),
                    Value::Cleaned { text, .. } => text.is_empty(),
                    _ => false,
                };
                (!is_empty).then_some((as_type, value))
            }
            _ => None,
        }
    }

    fn argument_field(&mut self, as_type: Option<Name<'_>>, value: &Value<'_>) {
        self.plain_name("args");
        let range = self.open();
        let start = self.json.begin_members();
        self.known_type("tuple");
        self.json.key(&ELEMENTS);
        self.json.array(1);
        self.value(as_type, value);
        self.json.end_array();
        self.size(Some(1));
        self.json.end_members(start, 0);
        self.close(range);
    }

    /// A field with the items of a section as a list.
    fn items_field(&mut self, name: &str, type_name: &str, id: ContainerId, section: Section) {
        self.plain_name(name);
        let range = self.open();
        let start = self.json.begin_members();
        self.known_type(type_name);
        self.json.key(&ELEMENTS);
        self.json.array(0);
        let (mut size, mut gap) = (Some(0u32), None);
        for item in self.tape.section(id, section) {
            let more = match item {
                Item::Value {
                    as_type, ref value, ..
                } => {
                    self.value(as_type, value);
                    Some(1)
                }
                Item::Gap { reason, count } => {
                    gap = gap.or(Some(reason));
                    count
                }
                Item::Section(_) => Some(0),
            };
            size = size.zip(more).map(|(size, more)| size.saturating_add(more));
        }
        self.json.end_array();
        self.size(size);
        if let Some(reason) = gap {
            self.reason(reason);
        }
        self.json.end_members(start, 0);
        self.close(range);
    }

    fn message_field(&mut self, id: ContainerId) {
        let message = self.tape.section(id, Section::Message).next();
        if let Some(Item::Value {
            as_type, ref value, ..
        }) = message
        {
            self.plain_name(match self.dialect {
                Dialect::Java => "detailMessage",
                Dialect::Native => "what",
                Dialect::Dotnet | Dialect::Python => "Message",
            });
            self.value(as_type, value);
        }
    }

    /// The exception that led to this one.
    fn causes(&mut self, id: ContainerId) {
        // Group 0 holds exceptions only: their numbers are their places, counted from 1.
        let links = self.chain.get(id.0 as usize - 1);
        let cause = links.cause();
        let (name, python) = match (self.dialect, cause) {
            (Dialect::Python, Some((_, true))) => ("__context__", true),
            (Dialect::Python, _) => ("__cause__", true),
            (Dialect::Java, _) => ("cause", false),
            (Dialect::Native, _) => ("nested", false),
            (Dialect::Dotnet, _) => ("InnerException", false),
        };
        if python {
            for other in ["__cause__", "__context__"] {
                if other != name || cause.is_none() {
                    self.plain_name(other);
                    self.value(None, &Value::Null);
                }
            }
        }
        let exception = cause.and_then(|(index, _)| self.tape.container(ContainerId(index + 1)));
        if let Some(Value::Exception(other)) = exception {
            self.plain_name(name);
            if self.path.len() < self.depth && !self.path.contains(&other.id) {
                self.value(None, &Value::Exception(other));
            } else {
                let skipped = Value::Skipped {
                    reason: Reason::Depth,
                    type_name: other.type_name,
                    size: None,
                };
                self.value(None, &skipped);
            }
        }
        if python {
            self.plain_name("__suppress_context__");
            let suppressed = cause.is_some_and(|(_, is_context)| !is_context);
            self.value(None, &Value::Bool(suppressed));
        }
    }
}
