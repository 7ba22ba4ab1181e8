//! What runs, waits or will run: generators, coroutines, tasks, futures; and references that may be dead.

use super::super::capture::{Contents, Walk};
use super::super::code::GENERATOR;
use super::super::layout;
use super::super::object::{Class, Code, Obj, Str};
use super::super::plan::qualified_name;
use super::super::record::Record;
use super::Shown;

/// The part of a generator that holds its variables.
const VARIABLES: u8 = 1;

/// How far a generator has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Created,
    Running,
    Suspended,
    Done,
}

impl Progress {
    const fn text(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Suspended => "suspended",
            Self::Done => "closed",
        }
    }
}

/// A generator's (coroutine's, asynchronous generator's) progress and, unless it is done, the record of its frame.
#[cfg(Py_3_11)]
fn progress(generator: Obj<'_>) -> (Progress, Option<Record<'_>>) {
    // SAFETY: generators of all kinds have their state there.
    let state = unsafe { generator.read::<i8>(layout::GENERATOR_STATE) };
    let progress = match state {
        layout::STATE_CREATED => Progress::Created,
        layout::STATE_EXECUTING => Progress::Running,
        state if state >= layout::STATE_DONE => Progress::Done,
        _ => Progress::Suspended,
    };
    if progress == Progress::Done {
        return (progress, None);
    }
    // SAFETY: the record of a generator that is not done is inside it.
    let record = unsafe { Record::new(generator.inside(layout::GENERATOR_INNER)) };
    (progress, Some(record))
}

#[cfg(not(Py_3_11))]
fn progress(generator: Obj<'_>) -> (Progress, Option<Record<'_>>) {
    use super::super::object::Frame;
    // SAFETY: generators of all kinds have their frame there, null once they are done.
    let frame = unsafe { generator.slot(layout::GENERATOR_FRAME) }.and_then(Frame::of);
    let Some(frame) = frame else {
        return (Progress::Done, None);
    };
    // SAFETY: a frame's last instruction, negative before the first; and whether it runs.
    let (lasti, running) = unsafe {
        (
            frame.0.read::<i32>(layout::FRAME_LASTI),
            frame.0.read::<i8>(layout::FRAME_STATE) == layout::FRAME_RUNNING,
        )
    };
    let progress = if running {
        Progress::Running
    } else if lasti < 0 {
        Progress::Created
    } else {
        Progress::Suspended
    };
    (progress, Record::of(frame))
}

/// What a suspended coroutine waits for.
fn awaited<'g>(record: Record<'g>) -> Option<Obj<'g>> {
    record.awaited().map(|object| {
        // An iterator made of a future: the future itself.
        let class = object.class();
        if class.c_name() == b"_asyncio.FutureIter" && class.basic_size() >= 24 {
            const FUTURE: usize = 16;
            // SAFETY: such an iterator made in C has its future there, null when it is over.
            unsafe { object.slot(FUTURE) }.unwrap_or(object)
        } else {
            object
        }
    })
}

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn generator(&mut self, object: Obj<'g>, part: u8, depth: u32) {
        let (progress, record) = progress(object);
        let code = record.and_then(Record::code);
        if part == VARIABLES {
            if let (Some(record), Some(code)) = (record, code) {
                self.generator_variables(record, code, depth);
            }
            return;
        }
        // SAFETY: generators of all kinds have their qualified name there.
        let name = unsafe { object.slot(layout::GENERATOR_QUALNAME) }.and_then(Str::of);
        let name = name.map_or_else(String::new, |name| self.text_of(name));
        let mut open = self.part("function", Shown::Text(name), depth)
            && self.part("state", Shown::Text(progress.text().into()), depth);
        if let (Some(record), Some(code), true) = (record, code, open) {
            let place = code.place(record.lasti(code));
            let plan = self.code_plan(code);
            let file = String::from_utf8_lossy(&plan.file);
            let line = if place.line > 0 {
                place.line
            } else {
                plan.first_line
            };
            open = self.part("at", Shown::Text(format!("{file}:{line}")), depth);
            let coroutine = plan.flags & GENERATOR == 0;
            if open
                && progress == Progress::Suspended
                && coroutine
                && let Some(waits_for) = awaited(record)
            {
                open = self.part("awaiting", Shown::Object(waits_for), depth);
            }
            if open && self.out.name(b"locals") {
                self.tick();
                if self.out.object(Default::default()).is_some() {
                    self.push(object, Contents::Known(VARIABLES), depth);
                }
            }
        }
        self.cut(None);
    }

    fn generator_variables(&mut self, record: Record<'g>, code: Code<'g>, depth: u32) {
        let plan = self.code_plan(code);
        for (position, variable) in plan.variables.iter().enumerate() {
            // SAFETY: the plan is that of the record's code.
            let value = unsafe { record.slot(variable.field.place as usize, variable.in_cell) };
            let Some(value) = value else { continue };
            let name = plan.names.get(&variable.field);
            if self.halted() || !self.named(name, variable.field.hidden.as_deref(), value, depth) {
                return self.cut(Some(plan.variables.len() - position));
            }
        }
    }

    /// A future or task of `asyncio`: its state, then what it came to or what it waits for.
    pub(super) fn future(&mut self, object: Obj<'g>, depth: u32) {
        const STATES: [&str; 3] = ["pending", "cancelled", "finished"];
        // SAFETY: futures made in C (the least size was checked) have these fields in this version.
        let (state, result, exception) = unsafe {
            (
                object.read::<u32>(layout::FUTURE_STATE),
                object.slot(layout::FUTURE_RESULT),
                object.slot(layout::FUTURE_EXCEPTION),
            )
        };
        let Some(text) = STATES.get(state as usize) else {
            return self.gap(stillframe_core::reason::Reason::Unreadable, None);
        };
        let mut open = self.part("state", Shown::Text((*text).into()), depth);
        let is_task = object
            .class()
            .line()
            .any(|class| class.c_name() == b"_asyncio.Task");
        if is_task {
            // SAFETY: tasks have these fields in this version.
            let fields = unsafe {
                [
                    ("name", object.slot(layout::TASK_NAME)),
                    ("coroutine", object.slot(layout::TASK_COROUTINE)),
                    ("waiting for", object.slot(layout::TASK_WAITS_FOR)),
                ]
            };
            for (name, value) in fields {
                if let Some(value) = value.filter(|_| open) {
                    open = self.part(name, Shown::Object(value), depth);
                }
            }
        }
        for (name, value) in [("result", result), ("exception", exception)] {
            let value = value.filter(|value| state == 2 && open && !value.is(self.facts.none));
            if let Some(value) = value {
                open = self.part(name, Shown::Object(value), depth);
            }
        }
        self.cut(None);
    }

    /// A weak reference: to what type of object, or that it is dead.
    pub(super) fn weakref(&self, object: Obj<'g>) -> Option<String> {
        // SAFETY: a weak reference has its referent there, `None` once that is gone; the referent is alive until then.
        let referent = unsafe { object.slot(layout::WEAKREF_OBJECT) }?;
        if referent.is(self.facts.none) {
            return Some("dead".into());
        }
        let class = Class::from_object(referent).unwrap_or(referent.class());
        let name = qualified_name::<DIRECT>(class);
        Some(format!("to {}", String::from_utf8_lossy(&name)))
    }
}
