//! What stands around the variables of a frame: its callers, its exception, what is missing; and the variables by section.

use super::Caller;
use super::dialect::Dialect;
use super::envelope::Piece;
use super::prune::PRUNED;
use super::scalar::{self, Bounded, Texts};
use super::value::{TYPE, Values};
use crate::encode::form::{Form, Key};
use crate::reason::Reason;
use crate::tape::{ContainerId, FrameFlags, Item, Section, Value};

static EVALUATION_ERRORS: Key = Key::new("evaluationErrors");
static EXPR: Key = Key::new("expr");
static FILE_NAME: Key = Key::new("fileName");
static FUNCTION: Key = Key::new("function");
static LINE_NUMBER: Key = Key::new("lineNumber");
static MESSAGE: Key = Key::new("message");
static STACK: Key = Key::new("stack");
static STACKTRACE: Key = Key::new("stacktrace");
static THROWABLE: Key = Key::new("throwable");

/// Characters of an exception's message in Java and .NET.
const MESSAGE_CHARACTERS: usize = 2048;
/// The frame's own exception, among its locals.
const EXCEPTION_LOCAL: &str = "@exception";
/// Stands for the variables that there was no room for.
const PRUNED_LOCAL: &str = "@pruned";

/// What is missing of one kind: how many, if all gaps say so, and the first one's reason.
#[derive(Clone, Copy, Debug)]
struct Missing {
    count: Option<u32>,
    reason: Reason,
}

impl<'p> Piece<'p> {
    /// This frame and its callers.
    pub(super) fn stack(&self, out: &mut Values<'_, 'p>) {
        let place = self.chosen.place;
        let first = self.chosen.index - place;
        let frames = self.frames.iter().zip(first..).skip(place as usize);
        let is_first =
            |row: u32| row == self.chosen.index || self.options.again.binary_search(&row).is_err();
        let frames = frames.filter(|(_, row)| is_first(*row)).map(|(id, _)| id);
        self.places(out, &STACK, frames, self.options.callers);
    }

    /// An array of places; it ends when it takes an eighth of the largest object.
    fn places<'f>(
        &self,
        out: &mut Values<'_, 'p>,
        key: &Key,
        frames: impl Iterator<Item = &'f ContainerId>,
        callers: &[Caller],
    ) {
        let bound = out.json.length() + self.options.max_bytes / 8;
        out.json.key(key);
        out.json.array(0);
        for id in frames {
            let Some(Value::Frame(frame)) = out.tape.container(*id) else {
                continue;
            };
            if out.json.length() > bound {
                break;
            }
            let (file, function) = (&frame.file, frame.function.text);
            out.json.map(3);
            match self.options.dialect {
                Dialect::Java => out.text(&FILE_NAME, base_name(file.text)),
                Dialect::Dotnet if file.text.is_empty() => {}
                Dialect::Native if file.text.is_empty() => out.name(&FILE_NAME, &frame.module),
                _ => out.name(&FILE_NAME, file),
            }
            match (self.options.dialect, frame.module.text) {
                (Dialect::Python, _) => out.text(&FUNCTION, short_function(function)),
                (_, "") | (Dialect::Native, _) => out.name(&FUNCTION, &frame.function),
                (_, module) => out.composed(&FUNCTION, format_args!("{module}.{function}")),
            }
            out.number(&LINE_NUMBER, frame.line.into());
            out.end();
        }
        for caller in callers {
            if out.json.length() > bound {
                break;
            }
            out.json.map(3);
            out.text(&FILE_NAME, &caller.file);
            out.text(&FUNCTION, &caller.function);
            out.number(&LINE_NUMBER, caller.line.into());
            out.end();
        }
        out.json.end_array();
    }

    /// The variables of one section. The locals also hold the exception, in front in .NET and behind in Python.
    pub(super) fn section(&self, out: &mut Values<'_, 'p>, section: Section, key: &Key) {
        let locals = section == Section::Locals;
        let exception = |out: &mut Values<'_, 'p>, dialect| {
            if locals && self.options.dialect == dialect {
                out.plain_name(EXCEPTION_LOCAL);
                out.value(None, &Value::Exception(self.exception));
            }
        };
        out.json.key(key);
        let range = out.open();
        out.json.map(0);
        exception(out, Dialect::Dotnet);
        for item in out.tape.section(self.frame.id, section) {
            if out.is_full() {
                out.plain_name(PRUNED_LOCAL);
                out.json.raw(PRUNED);
                break;
            }
            if let Item::Value {
                name: Some(ref name),
                as_type,
                ref value,
            } = item
            {
                out.json.name(name);
                out.value(as_type, value);
            }
        }
        exception(out, Dialect::Python);
        exception(out, Dialect::Native);
        out.json.end_map();
        out.close(range);
    }

    /// What is missing outside of the values, which have their own reasons: variables, frames, exceptions. The form has no place for
    /// it but the errors of a probe's expressions. Where frames are found by line, the member is always there, as in Python's tracer.
    pub(super) fn evaluation_errors(&self, out: &mut Values<'_, 'p>) {
        let missing = self.missing();
        if !self.options.dialect.by_line() && missing.iter().all(|(_, gap)| gap.is_none()) {
            return;
        }
        out.json.key(&EVALUATION_ERRORS);
        out.json.array(0);
        for (what, missing) in missing {
            let Some(Missing { count, reason }) = missing else {
                continue;
            };
            let reason = reason.as_str();
            out.json.map(2);
            out.text(&EXPR, what);
            match count {
                Some(count) => {
                    out.composed(&MESSAGE, format_args!("{count} not captured: {reason}"));
                }
                None => out.composed(&MESSAGE, format_args!("not all captured: {reason}")),
            }
            out.end();
        }
        out.json.end_array();
    }

    fn missing(&self) -> [(&'static str, Option<Missing>); 6] {
        let tape = self.input.tape;
        let (frame, exception) = (self.frame.id, self.exception.id);
        let in_section = |id, section| missing(tape.section(id, section));
        let before_sections = tape
            .group(frame)
            .take_while(|item| !matches!(item, Item::Section(_)));
        let variables = if !tape.is_captured(frame) {
            let (count, reason) = (None, tape.stop());
            Some(Missing { count, reason })
        } else if self.frame.flags.has(FrameFlags::NO_VARIABLES) {
            let (count, reason) = (None, Reason::Unreadable);
            Some(Missing { count, reason })
        } else {
            missing(before_sections)
        };
        [
            ("variables", variables),
            ("arguments", in_section(frame, Section::Arguments)),
            ("locals", in_section(frame, Section::Locals)),
            ("staticFields", in_section(frame, Section::Statics)),
            ("frames", in_section(exception, Section::Frames)),
            ("exceptions", missing(tape.root())),
        ]
    }

    /// The exception that this frame belongs to.
    pub(super) fn throwable(&self, out: &mut Values<'_, 'p>) {
        let type_name = self.exception.type_name;
        let qualified = type_name.map_or("", |name| name.text);
        out.begin(&THROWABLE);
        match self.options.dialect {
            Dialect::Python => {
                out.text(&TYPE, Dialect::Python.type_name(qualified));
                self.message_of_args(out);
                self.places(out, &STACKTRACE, self.frames.iter().rev(), &[]);
            }
            Dialect::Java => {
                out.text(&TYPE, qualified);
                self.message(out);
                self.places(out, &STACKTRACE, self.frames.iter(), &[]);
            }
            // Of this form only Python's order is known.
            Dialect::Native => {
                out.text(&TYPE, qualified);
                self.message(out);
                self.places(out, &STACKTRACE, self.frames.iter().rev(), &[]);
            }
            Dialect::Dotnet => {
                self.message(out);
                out.text(&TYPE, qualified);
                self.places(out, &STACKTRACE, self.frames.iter(), &[]);
            }
        }
        out.end();
    }

    /// What the exception was made with, as ddtrace prints it; its message if that is all there is.
    fn message_of_args(&self, out: &mut Values<'_, 'p>) {
        let sole = out.sole_argument(&self.exception);
        let args = out.tape.section(self.exception.id, Section::Args);
        let args = args.filter_map(|item| match item {
            Item::Value { as_type, value, .. } => Some((as_type, value)),
            _ => None,
        });
        let mut args = args.chain(sole).peekable();
        if args.peek().is_none() {
            return self.message(out);
        }
        let Texts { text, digits } = &mut *out.texts;
        let mut bounded = Bounded::new(text, self.options.characters);
        for (index, (as_type, value)) in args.enumerate() {
            if index > 0 {
                bounded.push_str(", ");
            }
            let type_name = match value {
                Value::List { type_name, .. }
                | Value::Map { type_name, .. }
                | Value::Object { type_name, .. } => type_name,
                _ => as_type,
            };
            let type_name = type_name.map_or("", |name| name.text);
            if value.container().is_some() {
                bounded.push_str(Dialect::Python.type_name(type_name));
                bounded.push_str("(...)");
            } else {
                scalar::print(
                    &mut bounded,
                    digits,
                    Dialect::Python,
                    out.language,
                    type_name,
                    &value,
                );
            }
        }
        out.json.key(&MESSAGE);
        out.json.string(text);
    }

    fn message(&self, out: &mut Values<'_, 'p>) {
        let message = out.tape.section(self.exception.id, Section::Message).next();
        let Texts { text, digits } = &mut *out.texts;
        let mut bounded = Bounded::new(text, MESSAGE_CHARACTERS);
        if let Some(Item::Value {
            as_type, ref value, ..
        }) = message
        {
            let type_name = as_type.map_or("", |name| name.text);
            // A message is text, not the repr of one.
            scalar::print(
                &mut bounded,
                digits,
                Dialect::Java,
                out.language,
                type_name,
                value,
            );
        }
        out.json.key(&MESSAGE);
        out.json.string(text);
    }
}

/// The gaps among these items, as one.
fn missing<'a>(items: impl Iterator<Item = Item<'a>>) -> Option<Missing> {
    items.fold(None, |all, item| match (item, all) {
        (Item::Gap { reason, count }, None) => Some(Missing { count, reason }),
        (Item::Gap { count, .. }, Some(all)) => {
            let both = all.count.zip(count);
            Some(Missing {
                count: both.map(|(one, more)| one.saturating_add(more)),
                ..all
            })
        }
        (_, all) => all,
    })
}

/// The function without what it is inside of.
pub(super) fn short_function(function: &str) -> &str {
    function.rsplit('.').next().unwrap_or(function)
}

fn base_name(file: &str) -> &str {
    file.rsplit(['/', '\\']).next().unwrap_or(file)
}
