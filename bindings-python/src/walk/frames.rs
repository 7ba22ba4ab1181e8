//! Frames: from a traceback to rows, and from a frame to its variables.
//!
//! A frame's variables lie in an array of slots that the code object names; they are read there, about 1 ns each. `f_locals` is never
//! asked for (except by the fallback): it makes objects, keeps references alive and may run the garbage collector. Module and
//! class frames have a namespace instead, which is read if it is a dict, and told as unreadable if it is some other mapping.
//!
//! Which frames: those nearest the raise and the outermost get a row; of those, as many as the limit says show variables: the
//! raising one always, then the program's own nearest the raise, then the outermost, then others nearest the raise.

use pyo3_ffi as ffi;
use smallvec::SmallVec;
use stillframe_core::language::Language;
use stillframe_core::reason::Reason;
use stillframe_core::tape::{FrameFlags, Location, Section};

use super::capture::{Contents, Walk};
use super::code::{
    ASYNC_GENERATOR, COROUTINE, CodePlan, GENERATOR, ITERABLE_COROUTINE, OPTIMIZED, Owned,
    TEMPORARY,
};
use super::object::{Code, Dict, Frame, Obj, Str, Traceback, flags};
use super::record::{Entry, Record};

/// Entries of a traceback that are followed. Python's own recursion limit is a thousandth of the time that this takes.
const MAX_ENTRIES: usize = 100_000;
/// Entries nearest the raise among which frames are chosen.
const WINDOW: usize = 512;
/// Rows without variables per row with.
const ROWS_PER_FRAME: usize = 4;
const MAX_ROWS: usize = 256;
/// Characters of a module's name.
const MODULE_MAX: usize = 512;
/// Entries of a namespace that are looked at to put its data before its definitions.
const NAMESPACE_SCAN: usize = 512;
/// The same for what the code uses.
const USED_SCAN: usize = 4096;

/// A frame that was written and whose variables are still to be.
pub(super) struct Row<'g> {
    frame: Frame<'g>,
    plan: Option<&'g CodePlan>,
    /// Offset in bytes of the instruction.
    lasti: i32,
    variables: bool,
}

/// All frames of a capture.
#[derive(Default)]
pub(super) struct Frames<'g> {
    rows: SmallVec<[Row<'g>; 24]>,
    /// What the fallback asked for; kept until the walk is over.
    owned: Vec<Owned>,
    /// Frames with variables.
    pub(super) captured: u32,
}

/// A traceback's entries nearest the raise, nearest first, and its outermost.
pub(super) struct Window<'g> {
    pub(super) entries: SmallVec<[Entry<'g>; 32]>,
    outermost: Option<Entry<'g>>,
    total: usize,
}

impl<'g> Window<'g> {
    pub(super) fn of(first: Option<Traceback<'g>>) -> Self {
        let mut ring: SmallVec<[Traceback<'g>; 32]> = SmallVec::new();
        let mut total = 0;
        let mut next = first;
        while let Some(traceback) = next
            && total < MAX_ENTRIES
        {
            if ring.len() < WINDOW {
                ring.push(traceback);
            } else {
                ring[total % WINDOW] = traceback;
            }
            total += 1;
            next = traceback.next();
        }
        let entries = (0..ring.len())
            .filter_map(|back| ring[(total - 1 - back) % WINDOW].entry())
            .collect();
        Self {
            entries,
            outermost: first.and_then(Traceback::entry),
            total,
        }
    }
}

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    /// The section of an exception's frames.
    pub(super) fn frames(
        &mut self,
        exception: u32,
        traceback: Option<Traceback<'g>>,
        frames: &mut Frames<'g>,
    ) {
        let window = Window::of(traceback);
        if window.entries.is_empty() {
            return;
        }
        self.out.section(Section::Frames);
        let shown = match &self.chosen {
            Some(chosen) => {
                let is_chosen = |position| chosen.has(exception, position);
                (0..window.entries.len())
                    .filter(|&position| position < MAX_ROWS || is_chosen(position))
                    .map(|position| (position, is_chosen(position)))
                    .collect()
            }
            None => self.choose(&window),
        };
        let mut expected = 0;
        for (position, variables) in shown {
            if position > expected {
                self.gap(Reason::Frames, Some(position - expected));
            }
            expected = position + 1;
            let entry = match window.entries.get(position) {
                Some(entry) => *entry,
                None => match window.outermost {
                    Some(entry) => entry,
                    None => break,
                },
            };
            if self.halted() {
                return self.cut(Some(window.total - position));
            }
            let row = self.row(entry, variables, frames);
            if let (Some(chosen), Some(row)) = (&mut self.chosen, row) {
                chosen.written(exception, position, entry.frame, row);
            }
        }
        self.gap(Reason::Frames, Some(window.total.saturating_sub(expected)));
    }

    /// Positions from the raise that get a row, and whether with variables.
    fn choose(&mut self, window: &Window<'g>) -> SmallVec<[(usize, bool); 32]> {
        let limit = self.limits.frames.max(1) as usize;
        let rows = (limit * ROWS_PER_FRAME).min(MAX_ROWS);
        let total = window.total;
        let mut chosen: SmallVec<[usize; 32]> = SmallVec::from_slice(&[0]);
        let room = |chosen: &[usize]| limit.saturating_sub(chosen.len() + 1);
        for (position, entry) in window.entries.iter().enumerate().skip(1) {
            if room(&chosen) == 0 {
                break;
            }
            if self.is_in_app(entry) {
                chosen.push(position);
            }
        }
        if limit > chosen.len() && total > 1 && !chosen.contains(&(total - 1)) {
            chosen.push(total - 1);
        }
        for position in 1..window.entries.len() {
            if chosen.len() >= limit {
                break;
            }
            if !chosen.contains(&position) {
                chosen.push(position);
            }
        }
        let mut shown: SmallVec<[(usize, bool); 32]> = chosen
            .iter()
            .map(|&position| (position, true))
            .chain(
                (0..window.entries.len().min(rows))
                    .chain(total.checked_sub(1))
                    .filter(|position| !chosen.contains(position))
                    .map(|position| (position, false)),
            )
            .collect();
        shown.sort_unstable();
        shown.dedup_by_key(|row| row.0);
        shown
    }

    pub(super) fn code_plan(&mut self, code: Code<'g>) -> &'g CodePlan {
        let epoch = self.state.epoch;
        code.plan::<DIRECT>(epoch, &self.rules, &mut self.state.loose)
    }

    fn is_in_app(&mut self, entry: &Entry<'g>) -> bool {
        let Some(code) = entry.frame.code::<DIRECT>() else {
            return false;
        };
        let plan = self.code_plan(code);
        if let Some(verdict) = plan.in_app.get() {
            return verdict;
        }
        let module = entry
            .frame
            .module::<DIRECT>()
            .map(|name| name.to_utf8::<DIRECT>(MODULE_MAX))
            .unwrap_or_default();
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or("");
        let (verdict, _) = self
            .in_app
            .decide(Language::Python, text(&plan.file), text(&module));
        plan.in_app.set(Some(verdict));
        verdict
    }

    /// One frame: what it is; its variables come when its turn comes. Its index in the order of the tape, if there was room for it.
    fn row(&mut self, entry: Entry<'g>, variables: bool, frames: &mut Frames<'g>) -> Option<u32> {
        self.tick();
        let code = entry.frame.code::<DIRECT>();
        let plan = code.map(|code| self.code_plan(code));
        let mut location = match (code, plan) {
            (Some(code), Some(plan)) => code.location::<DIRECT>(plan, entry.lasti),
            _ => Location::default(),
        };
        if location.line == 0 || !cfg!(Py_3_11) {
            location.line = u32::try_from(entry.line).unwrap_or(location.line);
        }
        let mut properties = plan.map_or(FrameFlags::default(), |plan| kind(plan.flags));
        if self.is_in_app(&entry) {
            properties = properties.and(FrameFlags::IN_APP);
        }
        if !variables {
            properties = properties.and(FrameFlags::NO_VARIABLES);
        }
        let mut module = std::mem::take(&mut self.state.scratch.utf8);
        module.clear();
        if let Some(name) = entry.frame.module::<DIRECT>() {
            name.text::<DIRECT>(&mut self.state.scratch)
                .push_utf8(MODULE_MAX, &mut module);
        }
        let (function, file): (&[u8], &[u8]) =
            plan.map_or((b"", b""), |plan| (&plan.function, &plan.file));
        let id = self
            .out
            .frame(properties, location, function, &module, file);
        self.state.scratch.utf8 = module;
        id?;
        let index = frames.rows.len() as u32;
        frames.captured += u32::from(variables);
        frames.rows.push(Row {
            frame: entry.frame,
            plan,
            lasti: entry.lasti,
            variables,
        });
        self.push(entry.frame.0, Contents::Frame(index), 0);
        Some(index)
    }

    /// The variables of a frame.
    pub(super) fn frame(&mut self, index: u32, frames: &mut Frames<'g>) {
        let Some(row) = frames.rows.get(index as usize) else {
            return;
        };
        let (frame, lasti) = (row.frame, row.lasti);
        let (Some(plan), true) = (row.plan, row.variables) else {
            return;
        };
        if !DIRECT {
            if let Some(locals) = frame.asked_locals() {
                // SAFETY: `frames` keeps the reference until the walk is over.
                let object = unsafe { Obj::new(locals.get().pointer()) };
                frames.owned.push(locals);
                if let Some(object) = object
                    && !self.is_module(frame, object)
                {
                    self.asked_variables(object, plan);
                }
            }
            return self.globals(frame, plan, lasti);
        }
        let Some(record) = Record::of(frame) else {
            return;
        };
        if plan.flags & OPTIMIZED == 0
            && let Some(namespace) = record.namespace()
            && !self.is_module(frame, namespace)
        {
            self.namespace(namespace, plan);
        }
        self.variables(record, plan);
        self.globals(frame, plan, lasti);
    }

    /// Variables in slots, arguments first.
    pub(super) fn variables(&mut self, record: Record<'g>, plan: &'g CodePlan) {
        let (arguments, locals) = plan.variables.split_at(plan.arguments);
        for (section, variables) in [(Section::Arguments, arguments), (Section::Locals, locals)] {
            if variables.is_empty() {
                continue;
            }
            self.out.section(section);
            for (position, variable) in variables.iter().enumerate() {
                if self.halted() {
                    return self.cut(Some(variables.len() - position));
                }
                // SAFETY: the plan is that of the record's code, whose slots the variables name.
                let value = unsafe { record.slot(variable.field.place as usize, variable.in_cell) };
                let name = plan.names.get(&variable.field);
                let written = match value {
                    Some(value) => self.named(name, variable.field.hidden.as_deref(), value, 0),
                    None if variable.inner => true,
                    None => self.unbound(name),
                };
                if !written {
                    return self.cut(Some(variables.len() - position));
                }
            }
        }
    }

    fn unbound(&mut self, name: &[u8]) -> bool {
        self.tick();
        let named = self.out.name(name);
        if named {
            self.unset();
        }
        named
    }

    /// The namespace of a module or a class: data first, then definitions. What every module has is not shown. Where there is too much
    /// for all, what the code uses comes before everything else.
    fn namespace(&mut self, namespace: Obj<'g>, plan: &CodePlan) {
        let Some(dict) = Dict::of(namespace) else {
            // Only its own methods could tell what is in it.
            self.out.section(Section::Locals);
            return self.gap(Reason::Unreadable, None);
        };
        self.out.section(Section::Locals);
        let size = dict.length::<DIRECT>();
        let limit = self.limits.items as usize;
        let typed = is_typed::<DIRECT>(dict);
        let mut shown = given::<DIRECT>(dict, typed);
        let limit = limit + shown;
        let crowded = size > limit;
        let is_used = |key: Obj<'g>| {
            crowded
                && Str::of(key).is_some_and(|key| {
                    let key = key.to_utf8::<DIRECT>(64);
                    plan.used.iter().any(|used| **used == *key)
                })
        };
        for (wanted, used) in [
            (Entrance::Data, true),
            (Entrance::Data, false),
            (Entrance::Definition, false),
        ] {
            if used && !crowded {
                continue;
            }
            let mut entries = dict.entries::<DIRECT>();
            for _ in 0..if used { USED_SCAN } else { NAMESPACE_SCAN } {
                let Some((key, value)) = entries.next() else {
                    break;
                };
                let entered = entrance::<DIRECT>(key, value, typed);
                if entered != wanted || (wanted == Entrance::Data && is_used(key) != used) {
                    continue;
                }
                if shown == limit {
                    return self.gap(Reason::CollectionSize, Some(size.saturating_sub(shown)));
                }
                if self.halted() || !self.entry(key, value, 0) {
                    return self.cut(Some(size.saturating_sub(shown)));
                }
                shown += 1;
            }
        }
        self.gap(Reason::CollectionSize, Some(size.saturating_sub(shown)));
    }

    /// The fallback's variables: by name from a dict.
    #[cold]
    fn asked_variables(&mut self, locals: Obj<'g>, plan: &'g CodePlan) {
        if plan.flags & OPTIMIZED == 0 {
            return self.namespace(locals, plan);
        }
        let Some(dict) = Dict::of(locals) else {
            return self.namespace(locals, plan);
        };
        let (arguments, rest) = plan.variables.split_at(plan.arguments);
        for (section, variables) in [(Section::Arguments, arguments), (Section::Locals, rest)] {
            if variables.is_empty() {
                continue;
            }
            self.out.section(section);
            for (position, variable) in variables.iter().enumerate() {
                let name = plan.names.get(&variable.field);
                let written = match dict.find::<DIRECT>(name) {
                    _ if self.halted() => false,
                    Some(value) => self.named(name, variable.field.hidden.as_deref(), value, 0),
                    None => self.unbound(name),
                };
                if !written {
                    return self.cut(Some(variables.len() - position));
                }
            }
        }
    }
}

/// What kind of frame code of these flags makes.
fn kind(code: u32) -> FrameFlags {
    if code & (COROUTINE | ITERABLE_COROUTINE) != 0 {
        FrameFlags::COROUTINE
    } else if code & ASYNC_GENERATOR != 0 {
        FrameFlags::COROUTINE.and(FrameFlags::GENERATOR)
    } else if code & GENERATOR != 0 {
        FrameFlags::GENERATOR
    } else {
        FrameFlags::default()
    }
}

/// How an entry came into a namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entrance {
    Data,
    Definition,
    /// `__name__` and its like.
    Given,
}

/// How many of a namespace's entries every module or class has; they are not shown.
fn given<const DIRECT: bool>(dict: Dict<'_>, typed: bool) -> usize {
    let mut entries = dict.entries::<DIRECT>();
    std::iter::from_fn(|| entries.next())
        .take(NAMESPACE_SCAN)
        .filter(|&(key, value)| entrance::<DIRECT>(key, value, typed) == Entrance::Given)
        .count()
}

/// Whether a namespace is that of a session of IPython, which keeps there what was typed and what came of it.
fn is_typed<const DIRECT: bool>(dict: Dict<'_>) -> bool {
    [&b"get_ipython"[..], b"_ih", b"_oh"]
        .into_iter()
        .all(|name| dict.find::<DIRECT>(name).is_some())
}

/// Whether a name in such a namespace is IPython's.
fn is_history(name: &[u8]) -> bool {
    let numbered = |name: &[u8]| {
        let digits = name.strip_prefix(b"_i").or_else(|| name.strip_prefix(b"_"));
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit))
    };
    matches!(
        name,
        b"In" | b"Out" | b"exit" | b"quit" | b"open" | b"get_ipython" | b"__" | b"___"
    ) || matches!(
        name,
        b"_ih" | b"_oh" | b"_dh" | b"_ii" | b"_iii" | b"_exit_code"
    ) || numbered(name)
}

fn entrance<const DIRECT: bool>(key: Obj<'_>, value: Obj<'_>, typed: bool) -> Entrance {
    if let Some(name) = Str::of(key) {
        let name = name.to_utf8::<DIRECT>(64);
        if (name.starts_with(b"__") && name.ends_with(b"__"))
            || name.first() == Some(&TEMPORARY)
            || (typed && is_history(&name))
        {
            return Entrance::Given;
        }
    }
    let class = value.class();
    let defined = class.has(flags::TYPE)
        || class.is(&raw const ffi::PyModule_Type)
        || class.is(&raw const ffi::PyFunction_Type)
        || class.is(&raw const ffi::PyCFunction_Type);
    if defined {
        Entrance::Definition
    } else {
        Entrance::Data
    }
}
