//! Exceptions: the captured one, what it was raised from or during, the members of a group; and what each carries.
//!
//! Links are followed breadth first over stored references only, each exception once, so cycles end. `raise ... from None` hides a
//! context, as it does in a traceback.

#[cfg(Py_3_11)]
use pyo3_ffi as ffi;
use smallvec::SmallVec;
use stillframe_core::reason::Reason;
use stillframe_core::tape::{self, Section};

use super::capture::{Contents, Walk};
use super::frames::Frames;
use super::instance::{Attributes, attributes};
use super::layout;
use super::message::Message;
use super::object::{Dict, Exception, List, Obj, Traceback, Tuple};

/// Members of one group that are linked.
const MAX_MEMBERS: usize = 256;

impl<'g> Exception<'g> {
    /// # Safety
    ///
    /// `offset` is that of an object pointer in the head of every exception.
    unsafe fn part(self, offset: usize) -> Option<Obj<'g>> {
        // SAFETY: the caller's promise.
        unsafe { self.0.slot(offset) }
    }

    pub(super) fn args(self) -> Option<Tuple<'g>> {
        // SAFETY: in the head of every exception (public layout, self-test).
        unsafe { self.part(layout::EXCEPTION_ARGS) }.and_then(Tuple::of)
    }

    pub(super) fn traceback(self) -> Option<Traceback<'g>> {
        // SAFETY: see `args`.
        unsafe { self.part(layout::EXCEPTION_TRACEBACK) }.and_then(Traceback::of)
    }

    pub(super) fn linked_cause(self) -> Option<Exception<'g>> {
        // SAFETY: see `args`.
        unsafe { self.part(layout::EXCEPTION_CAUSE) }.and_then(Exception::of)
    }

    /// What was handled when it was raised, unless that is to be hidden.
    fn context(self) -> Option<Exception<'g>> {
        // SAFETY: see `args`; a flag of one byte.
        unsafe {
            let suppressed = self.0.read::<u8>(layout::EXCEPTION_SUPPRESS) != 0;
            if suppressed {
                return None;
            }
            self.part(layout::EXCEPTION_CONTEXT)
        }
        .and_then(Exception::of)
    }

    /// A field of the exception's own built-in type: the `index`-th after the common head.
    ///
    /// # Safety
    ///
    /// The exception's type has an object pointer there.
    pub(super) unsafe fn own(self, index: usize) -> Option<Obj<'g>> {
        // SAFETY: the caller's promise.
        unsafe { self.0.slot(layout::EXCEPTION_OWN + 8 * index) }
    }

    /// Whether it is an exception group of the interpreter's own type.
    pub(super) fn is_group(self) -> bool {
        #[cfg(Py_3_11)]
        {
            // SAFETY: a static exception type of the interpreter.
            let group = unsafe { ffi::PyExc_BaseExceptionGroup };
            self.0.class().derives(group.cast())
        }
        #[cfg(not(Py_3_11))]
        false
    }
}

/// Exceptions found, with their traceback, how they are linked and to which.
type Found<'g> = SmallVec<[(Exception<'g>, Option<Traceback<'g>>, tape::Link, u32); 4]>;

/// An exception of the chain.
pub(super) struct Link<'g> {
    pub(super) exception: Exception<'g>,
    pub(super) traceback: Option<Traceback<'g>>,
    pub(super) kind: tape::Link,
    pub(super) parent: u32,
    message: Message<'g>,
}

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    /// Follows the links from an exception and writes group 0.
    pub(super) fn chain(
        &mut self,
        root: Exception<'g>,
        traceback: Option<Traceback<'g>>,
    ) -> SmallVec<[Link<'g>; 2]> {
        let limit = self.limits.exceptions.max(1) as usize;
        let mut links = SmallVec::new();
        let mut found: Found<'g> = SmallVec::new();
        found.push((root, traceback, tape::Link::Root, 0));
        let mut missing = false;
        let mut next = 0;
        while let Some(&(exception, traceback, kind, parent)) = found.get(next) {
            next += 1;
            if links.len() == limit || self.halted() {
                missing = true;
                break;
            }
            let message = self.message(exception);
            let plan = self.plan(exception.0);
            let type_id = self.type_of(&plan);
            let unknown = message.is_unknown();
            let Some(id) = self.out.exception(type_id, kind, parent, unknown) else {
                break;
            };
            self.state.identity.insert(exception.0.address(), id);
            let index = links.len() as u32;
            self.push(exception.0, Contents::Exception(index), 0);
            links.push(Link {
                exception,
                traceback,
                kind,
                parent,
                message,
            });
            self.follow(exception, index, &mut found);
        }
        if missing && !self.out.is_full() {
            self.gap(Reason::Chain, None);
        }
        self.out.end_group();
        links
    }

    fn follow(&mut self, exception: Exception<'g>, index: u32, found: &mut Found<'g>) {
        let mut add = |linked: Exception<'g>, kind| {
            if !found.iter().any(|(seen, ..)| seen.0 == linked.0) {
                found.push((linked, linked.traceback(), kind, index));
            }
        };
        if let Some(members) = self.group_members(exception) {
            let members = members.items::<DIRECT>();
            for position in 0..members.length.min(MAX_MEMBERS) {
                if let Some(member) = members.get(position).and_then(Exception::of) {
                    add(member, tape::Link::Member);
                }
            }
        }
        if let Some(cause) = exception.linked_cause() {
            add(cause, tape::Link::Cause);
        } else if let Some(context) = exception.context() {
            add(context, tape::Link::Context);
        }
    }

    fn group_members(&mut self, exception: Exception<'g>) -> Option<Tuple<'g>> {
        if exception.is_group() {
            // SAFETY: a group's second field is the tuple of its members.
            return unsafe { exception.own(1) }.and_then(Tuple::of);
        }
        // The backport for 3.9 and 3.10.
        let backport = exception
            .0
            .class()
            .line()
            .any(|class| class.is_heap() && class.c_name() == b"BaseExceptionGroup");
        if backport {
            return self
                .attribute(exception.0, b"_exceptions")
                .and_then(Tuple::of);
        }
        None
    }

    /// The contents of an exception of the chain.
    pub(super) fn exception(&mut self, index: u32, links: &[Link<'g>], frames: &mut Frames<'g>) {
        let Some(link) = links.get(index as usize) else {
            return;
        };
        debug_assert!(link.parent <= index && (index > 0 || link.kind == tape::Link::Root));
        self.out.section(Section::Message);
        link.message
            .write::<DIRECT>(self.out, &mut self.state.scratch);
        if self.halted() {
            return self.cut(None);
        }
        self.frames(index, link.traceback, frames);
        if self.halted() {
            return self.cut(None);
        }
        self.notes(link.exception);
        self.args(link.exception, Some(&link.message));
        if self.halted() {
            return;
        }
        self.attributes_section(link.exception);
    }

    fn attributes_section(&mut self, exception: Exception<'g>) {
        let plan = self.plan(exception.0);
        let own = plan.slots.iter().any(|field| {
            // SAFETY: the plan's slots are offsets of object pointers in instances of the type.
            let value = unsafe { exception.0.slot(field.place as usize) };
            value.is_some_and(|value| !value.is(self.facts.none))
        });
        let more = match attributes::<DIRECT>(exception.0, &plan) {
            Attributes::None => false,
            Attributes::Dict(dict) => dict.length::<DIRECT>() > 0,
            Attributes::Values(values) => values.count > 0,
        };
        if own || more {
            self.out.section(Section::Attributes);
            self.exception_fields(exception, 0);
        }
    }

    fn notes(&mut self, exception: Exception<'g>) {
        let notes = self.attribute(exception.0, b"__notes__");
        let Some(notes) = notes.and_then(List::of) else {
            return;
        };
        self.out.section(Section::Notes);
        let notes = notes.items::<DIRECT>();
        let shown = notes.length.min(self.limits.items as usize);
        for index in 0..shown {
            if self.halted() {
                return self.cut(Some(notes.length - index));
            }
            if let Some(note) = notes.get(index) {
                self.value(note, 0);
            }
        }
        self.gap(Reason::CollectionSize, Some(notes.length - shown));
    }

    fn args(&mut self, exception: Exception<'g>, message: Option<&Message<'g>>) {
        let Some(args) = exception.args().map(|args| args.items::<DIRECT>()) else {
            return;
        };
        if args.length == 0 || self.halted() {
            return;
        }
        // A single text that is the message is not said twice.
        if args.length == 1 && message.is_some_and(|message| message.is(args.get(0))) {
            return;
        }
        self.out.section(Section::Args);
        let shown = args.length.min(self.limits.items as usize);
        if args.length == 2 && shown == 2 && self.pair(args, 0) {
            return;
        }
        for index in 0..shown {
            if self.halted() {
                return self.cut(Some(args.length - index));
            }
            if let Some(arg) = args.get(index) {
                self.value(arg, 0);
            }
        }
        self.gap(Reason::CollectionSize, Some(args.length - shown));
    }

    /// Fields of an exception: those of its built-in type that are set, and its attributes.
    fn exception_fields(&mut self, exception: Exception<'g>, depth: u32) {
        let plan = self.plan(exception.0);
        let group = exception.is_group();
        let mut left = self.limits.fields as usize;
        for field in &plan.slots {
            let name = plan.names.get(field);
            if group && matches!(name, b"message" | b"exceptions") {
                continue;
            }
            // SAFETY: the plan's slots are offsets of object pointers in instances of the type.
            let Some(value) = (unsafe { exception.0.slot(field.place as usize) }) else {
                continue;
            };
            if value.is(self.facts.none) {
                continue;
            }
            if self.halted() {
                return self.cut(None);
            }
            if left == 0 {
                return self.gap(Reason::FieldCount, None);
            }
            left -= 1;
            if !self.named(name, field.hidden.as_deref(), value, depth) {
                return self.cut(None);
            }
        }
        match attributes::<DIRECT>(exception.0, &plan) {
            // Notes have a section of their own.
            Attributes::Dict(dict) if dict.find::<DIRECT>(b"__notes__").is_some() => {
                self.fields_but_notes(dict, depth, left);
            }
            _ => self.attribute_fields(exception.0, &plan, depth, left),
        }
    }

    #[cold]
    fn fields_but_notes(&mut self, dict: Dict<'g>, depth: u32, left: usize) {
        let size = dict.length::<DIRECT>().saturating_sub(1);
        let mut entries = dict.entries::<DIRECT>();
        let mut shown = 0;
        while shown < left {
            let Some((key, value)) = entries.next() else {
                break;
            };
            if super::object::Str::of(key).is_some_and(|key| key.is_ascii::<DIRECT>(b"__notes__")) {
                continue;
            }
            if self.halted() || !self.entry(key, value, depth) {
                return self.cut(Some(size.saturating_sub(shown)));
            }
            shown += 1;
        }
        self.gap(Reason::FieldCount, Some(size.saturating_sub(shown)));
    }

    /// The contents of an exception that is a value: its args, then its fields.
    pub(super) fn exception_value(&mut self, object: Obj<'g>, depth: u32) {
        let Some(exception) = Exception::of(object) else {
            return;
        };
        if let Some(args) = exception.args()
            && !self.named(b"args", None, args.0, depth)
        {
            return self.cut(None);
        }
        self.exception_fields(exception, depth);
    }
}
