//! What is known about a code object: names of its variables, where they are, what is hidden, where its instructions come from.
//!
//! The plan lives in the code object's own slot for extra data, which CPython offers for this purpose and empties when the code
//! object goes: no table to search, no reference held, and no plan can be found for a code object that took a freed one's
//! place. A plan is made on a code object's first capture, a few µs; found again in about 3 ns.

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::{CStr, c_void};
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3_ffi as ffi;
use stillframe_core::tape::Location;

use super::globals::Globals;
use super::layout;
use super::location::{locate, ranges};
use super::number::Integer;
use super::object::{Bytes, Code, Int, Obj, Str, Tuple};
use super::plan::{Field, Names};
use super::rules::{NAME_MAX, Rules};

/// Plans that wait in code objects at most; further ones are made anew for each capture.
const MAX_KEPT: usize = 20_000;
/// Variables of one code object that are shown.
const MAX_VARIABLES: usize = 4096;
/// Names of a namespace that are preferred because the code uses them.
const MAX_USED: usize = 64;
/// Places kept per code object.
const MAX_PLACES: usize = 32;
/// How names begin that tools give to what they keep on the way: pytest's `@py_assert1`. No program can write them.
pub(super) const TEMPORARY: u8 = b'@';
const FILE_MAX: usize = 1024;

/// `co_flags`.
pub(super) const OPTIMIZED: u32 = 0x1;
const VARARGS: u32 = 0x4;
const VARKEYWORDS: u32 = 0x8;
pub(super) const GENERATOR: u32 = 0x20;
pub(super) const COROUTINE: u32 = 0x80;
pub(super) const ITERABLE_COROUTINE: u32 = 0x100;
pub(super) const ASYNC_GENERATOR: u32 = 0x200;

/// A variable: its name, what the rules say, and the index of its slot.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) field: Field,
    /// The slot may hold a cell that holds the value.
    pub(super) in_cell: bool,
    /// Made by the compiler for a comprehension: shown only while it is set.
    pub(super) inner: bool,
}

#[derive(Debug)]
pub(super) struct CodePlan {
    /// Which rules it was made under.
    epoch: u64,
    pub(super) function: Box<[u8]>,
    pub(super) file: Box<[u8]>,
    pub(super) first_line: u32,
    pub(super) flags: u32,
    pub(super) names: Names,
    /// Arguments first, then locals, then cells and free variables, each in the order of the code object.
    pub(super) variables: Vec<Variable>,
    pub(super) arguments: usize,
    /// Names that code of a module or a class uses in its namespace, which may hold many more.
    pub(super) used: Vec<Box<[u8]>>,
    pub(super) in_app: Cell<Option<bool>>,
    places: RefCell<Vec<(i32, Location)>>,
    /// The globals that it names, once somebody wanted to know.
    pub(super) globals: OnceCell<Globals>,
}

/// Index of our slot in code objects; negative if there was none left.
static SLOT: OnceLock<isize> = OnceLock::new();
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// Plans of code objects that could not keep theirs, until the next capture.
#[derive(Default)]
pub(super) struct Loose(Vec<(usize, Box<CodePlan>)>);

impl Loose {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

unsafe extern "C" fn release(plan: *mut c_void) {
    if let Some(plan) = NonNull::new(plan.cast::<CodePlan>()) {
        KEPT.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: the slot held the only pointer to the box.
        drop(unsafe { Box::from_raw(plan.as_ptr()) });
    }
}

/// Asks the interpreter for a slot in code objects, once per process.
pub(super) fn reserve_slot() {
    // SAFETY: called with the GIL held; the function given is valid as long as the process lives.
    SLOT.get_or_init(|| unsafe { ffi::PyUnstable_Eval_RequestCodeExtraIndex(release) });
}

impl<'g> Code<'g> {
    /// The plan made under the rules of `epoch`.
    #[inline]
    pub(super) fn plan<const DIRECT: bool>(
        self,
        epoch: u64,
        rules: &Rules<'_>,
        loose: &mut Loose,
    ) -> &'g CodePlan {
        let mut kept = std::ptr::null_mut();
        let slot = SLOT.get().copied().unwrap_or(-1);
        if slot >= 0 {
            // SAFETY: the object is a code object and the slot is ours: empty or with a plan of ours.
            unsafe {
                ffi::PyUnstable_Code_GetExtra(self.0.pointer(), slot, &raw mut kept);
                if let Some(plan) = kept.cast::<CodePlan>().as_ref()
                    && plan.epoch == epoch
                {
                    return plan;
                }
            }
        }
        self.make_plan::<DIRECT>(epoch, rules, loose, slot)
    }

    #[cold]
    #[inline(never)]
    fn make_plan<const DIRECT: bool>(
        self,
        epoch: u64,
        rules: &Rules<'_>,
        loose: &mut Loose,
        slot: isize,
    ) -> &'g CodePlan {
        if let Some((_, plan)) = loose.0.iter().find(|(code, _)| *code == self.0.address()) {
            // SAFETY: loose plans are kept until the next capture, and this walk ends before.
            return unsafe { &*std::ptr::from_ref::<CodePlan>(plan) };
        }
        let plan = Box::new(CodePlan::new::<DIRECT>(self, epoch, rules));
        if slot >= 0 && KEPT.load(Ordering::Relaxed) < MAX_KEPT {
            let plan = Box::into_raw(plan);
            // SAFETY: the slot is ours. What it held is released by the call: a plan of older rules, which nobody in this walk has.
            let failed =
                unsafe { ffi::PyUnstable_Code_SetExtra(self.0.pointer(), slot, plan.cast()) };
            if failed == 0 {
                KEPT.fetch_add(1, Ordering::Relaxed);
                // SAFETY: the code object owns the plan and lives for `'g`.
                return unsafe { &*plan };
            }
            // SAFETY: the box that was not taken; the call failed for want of memory and set an error.
            unsafe {
                ffi::PyErr_Clear();
                loose.0.push((self.0.address(), Box::from_raw(plan)));
            }
        } else {
            loose.0.push((self.0.address(), plan));
        }
        let last = loose.0.len() - 1;
        // SAFETY: see above.
        unsafe { &*std::ptr::from_ref::<CodePlan>(&loose.0[last].1) }
    }

    /// # Safety
    ///
    /// `offset` is that of an object pointer in a code object.
    unsafe fn part(self, offset: usize) -> Option<Obj<'g>> {
        // SAFETY: the caller's promise.
        unsafe { self.0.slot(offset) }
    }

    pub(super) fn file_name(self) -> Option<Str<'g>> {
        // SAFETY: a code object's file name.
        unsafe { self.part(layout::CODE_FILENAME) }.and_then(Str::of)
    }

    /// The function's own name, without what it is defined in.
    pub(super) fn own_name<const DIRECT: bool>(self) -> String {
        let name = if DIRECT {
            #[cfg(Py_3_11)]
            let offset = layout::CODE_QUALNAME;
            #[cfg(not(Py_3_11))]
            let offset = layout::CODE_NAME;
            // SAFETY: the offset of a str pointer in code objects.
            unsafe { self.part(offset) }
                .and_then(Str::of)
                .map(|name| name.to_utf8::<true>(NAME_MAX))
        } else {
            let name = Owned::attribute(self.0, c"co_name");
            name.and_then(|name| Str::of(name.get()).map(|name| name.to_utf8::<false>(NAME_MAX)))
        };
        let name = name.unwrap_or_default();
        let name = String::from_utf8_lossy(&name);
        name.rsplit('.').next().unwrap_or_default().to_owned()
    }

    pub(super) fn first_line(self) -> u32 {
        // SAFETY: a code object's first line.
        let line = unsafe { self.0.read::<i32>(layout::CODE_FIRST_LINE) };
        u32::try_from(line).unwrap_or(0)
    }

    #[cfg(Py_3_11)]
    pub(super) fn instructions(self) -> usize {
        self.0.inside(layout::CODE_INSTRUCTIONS) as usize
    }

    /// The place of an instruction in the source.
    pub(super) fn location<const DIRECT: bool>(self, plan: &CodePlan, offset: i32) -> Location {
        let mut places = plan.places.borrow_mut();
        if let Some((_, place)) = places.iter().find(|(known, _)| *known == offset) {
            return *place;
        }
        let place = if DIRECT {
            self.place(offset)
        } else {
            // SAFETY: the object is a code object; the call only reads it.
            let line = unsafe { ffi::PyCode_Addr2Line(self.0.pointer().cast(), offset) };
            Location {
                line: u32::try_from(line).unwrap_or(0),
                ..Location::default()
            }
        };
        if places.len() >= MAX_PLACES {
            places.clear();
        }
        places.push((offset, place));
        place
    }
}

impl Code<'_> {
    /// The place of an instruction in the source, looked up in the code object's table.
    pub(super) fn place(self, offset: i32) -> Location {
        // SAFETY: a code object's location table.
        let table = unsafe { self.part(layout::CODE_LINETABLE) }.and_then(Bytes::of);
        table.map_or_else(Location::default, |table| {
            let offset = u32::try_from(offset).unwrap_or(0);
            locate(table.data::<true>(), self.first_line(), offset)
        })
    }

    /// Hands over the instructions and which of them, in bytes, are of the line (or lines) of the one at `offset`. `None` if the code does
    /// not tell.
    #[cold]
    pub(super) fn with_line<const DIRECT: bool, T>(
        self,
        plan: &CodePlan,
        offset: i32,
        look: impl FnOnce(&[u8], Vec<Range<u32>>) -> T,
    ) -> Option<T> {
        let place = self.location::<DIRECT>(plan, offset);
        if place.line == 0 {
            return None;
        }
        let lines = place.line..=place.end_line.max(place.line);
        let table = Owned::attribute(
            self.0,
            if cfg!(Py_3_10) {
                c"co_linetable"
            } else {
                c"co_lnotab"
            },
        )?;
        let table = Bytes::of(table.get())?;
        let ranges = ranges(table.data::<DIRECT>(), plan.first_line, lines);
        #[cfg(Py_3_11)]
        if DIRECT {
            /// Longest code that is looked at.
            const UNITS_MAX: usize = 1 << 20;
            // SAFETY: a code object has the number of its instructions there, and that many, two bytes each, inside. Nobody
            // changes them while the GIL is held.
            return Some(unsafe {
                let units = self.0.read::<usize>(layout::VAR_SIZE).min(UNITS_MAX);
                let first = self.0.inside(layout::CODE_INSTRUCTIONS);
                look(std::slice::from_raw_parts(first.cast(), units * 2), ranges)
            });
        }
        let code = Owned::attribute(self.0, c"co_code")?;
        let code = Bytes::of(code.get())?;
        Some(look(code.data::<DIRECT>(), ranges))
    }

    /// A plan that is kept nowhere.
    pub(super) fn planned<const DIRECT: bool>(self, rules: &Rules<'_>) -> CodePlan {
        CodePlan::new::<DIRECT>(self, 0, rules)
    }
}

impl CodePlan {
    /// Whether it is the code of a function, whose variables are in slots.
    pub(super) fn is_function(&self) -> bool {
        self.flags & OPTIMIZED != 0
    }

    fn new<const DIRECT: bool>(code: Code<'_>, epoch: u64, rules: &Rules<'_>) -> Self {
        let mut plan = Self {
            epoch,
            function: Box::default(),
            file: Box::default(),
            first_line: 0,
            flags: 0,
            names: Names::default(),
            variables: Vec::new(),
            arguments: 0,
            used: Vec::new(),
            in_app: Cell::new(None),
            places: RefCell::new(Vec::with_capacity(2)),
            globals: OnceCell::new(),
        };
        if DIRECT {
            plan.read(code, rules);
        } else {
            plan.ask(code, rules);
        }
        if plan.flags & OPTIMIZED == 0 {
            plan.used = used::<DIRECT>(code);
        }
        plan
    }

    fn read(&mut self, code: Code<'_>, rules: &Rules<'_>) {
        let name = |offset, max| {
            // SAFETY: offsets of str pointers in code objects.
            unsafe { code.part(offset) }
                .and_then(Str::of)
                .map(|name| name.to_utf8::<true>(max))
                .unwrap_or_default()
                .into_boxed_slice()
        };
        #[cfg(Py_3_11)]
        let function = name(layout::CODE_QUALNAME, NAME_MAX);
        #[cfg(not(Py_3_11))]
        let function = name(layout::CODE_NAME, NAME_MAX);
        self.function = function;
        self.file = name(layout::CODE_FILENAME, FILE_MAX);
        self.first_line = code.first_line();
        // SAFETY: plain numbers of a code object.
        let (flags, positional, keyword_only) = unsafe {
            (
                code.0.read::<u32>(layout::CODE_FLAGS),
                code.0.read::<u32>(layout::CODE_ARGCOUNT),
                code.0.read::<u32>(layout::CODE_KWONLY),
            )
        };
        self.set_counts(flags, positional, keyword_only);
        self.read_slots(code, rules);
    }

    fn set_counts(&mut self, flags: u32, positional: u32, keyword_only: u32) {
        self.flags = flags;
        self.arguments = (positional + keyword_only) as usize
            + usize::from(flags & VARARGS != 0)
            + usize::from(flags & VARKEYWORDS != 0);
    }

    /// Adds a variable; none that the program's own text cannot name, which is how pytest keeps the parts of an assertion.
    fn variable(&mut self, name: Str<'_>, slot: usize, in_cell: bool, rules: &Rules<'_>) {
        let name = name.to_utf8::<true>(NAME_MAX);
        if name.first() == Some(&TEMPORARY) {
            return;
        }
        let field = self.names.field(&name, slot, rules);
        self.variables.push(Variable {
            field,
            in_cell,
            inner: false,
        });
    }

    #[cfg(Py_3_11)]
    fn read_slots(&mut self, code: Code<'_>, rules: &Rules<'_>) {
        /// Kinds of a slot.
        const CELL_OR_FREE: u8 = 0x40 | 0x80;
        const HIDDEN: u8 = 0x10;
        // SAFETY: a code object's names and kinds of slots.
        let (names, kinds) = unsafe {
            (
                code.part(layout::CODE_SLOT_NAMES).and_then(Tuple::of),
                code.part(layout::CODE_SLOT_KINDS).and_then(Bytes::of),
            )
        };
        let (Some(names), Some(kinds)) = (names, kinds) else {
            return;
        };
        // SAFETY: the number of slots of a code object.
        let slots = unsafe { code.0.read::<u32>(layout::CODE_SLOTS) } as usize;
        let (names, kinds) = (names.items::<true>(), kinds.data::<true>());
        for (slot, &kind) in kinds.iter().enumerate().take(slots.min(MAX_VARIABLES)) {
            if let Some(name) = names.get(slot).and_then(Str::of) {
                let before = self.variables.len();
                self.variable(name, slot, kind & CELL_OR_FREE != 0, rules);
                if let Some(variable) = self.variables.get_mut(before) {
                    variable.inner = cfg!(Py_3_12) && kind & HIDDEN != 0;
                }
            }
        }
        self.arguments = self.arguments.min(self.variables.len());
    }

    #[cfg(not(Py_3_11))]
    fn read_slots(&mut self, code: Code<'_>, rules: &Rules<'_>) {
        let names = |offset| {
            // SAFETY: offsets of tuple pointers in code objects.
            unsafe { code.part(offset) }
                .and_then(Tuple::of)
                .map(|names| names.items::<true>())
        };
        let (Some(locals), Some(cells), Some(free)) = (
            names(layout::CODE_VARNAMES),
            names(layout::CODE_CELLVARS),
            names(layout::CODE_FREEVARS),
        ) else {
            return;
        };
        // SAFETY: the number of plain locals, after which the cells come.
        let plain = unsafe { code.0.read::<u32>(layout::CODE_NLOCALS) } as usize;
        let all_cells = || {
            (0..cells.length.min(MAX_VARIABLES))
                .filter_map(|index| Some((plain + index, Str::of(cells.get(index)?)?)))
        };
        let mut moved = Vec::new();
        for index in 0..locals.length.min(MAX_VARIABLES) {
            let Some(name) = locals.get(index).and_then(Str::of) else {
                continue;
            };
            // An argument that an inner function uses has moved into a cell of the same name.
            let cell = all_cells().find(|(_, cell)| {
                cell.0 == name.0 || cell.to_utf8::<true>(NAME_MAX) == name.to_utf8::<true>(NAME_MAX)
            });
            match cell {
                Some((slot, _)) => {
                    moved.push(slot);
                    self.variable(name, slot, true, rules);
                }
                None => self.variable(name, index, false, rules),
            }
        }
        self.arguments = self.arguments.min(self.variables.len());
        for (slot, name) in all_cells() {
            if !moved.contains(&slot) {
                self.variable(name, slot, true, rules);
            }
        }
        for index in 0..free.length.min(MAX_VARIABLES) {
            if let Some(name) = free.get(index).and_then(Str::of) {
                self.variable(name, plain + cells.length + index, true, rules);
            }
        }
    }

    /// The fallback's way, by the attributes of the code object: made in C, so no code of the program runs. Slots stay unknown.
    #[cold]
    fn ask(&mut self, code: Code<'_>, rules: &Rules<'_>) {
        let text = |name, max| {
            Owned::attribute(code.0, name)
                .and_then(|value| Some(Str::of(value.get())?.to_utf8::<false>(max)))
                .unwrap_or_default()
        };
        let number = |name| {
            Owned::attribute(code.0, name)
                .and_then(|value| match Int::of(value.get())?.value::<false>() {
                    Integer::Small(value) => u32::try_from(value).ok(),
                    _ => None,
                })
                .unwrap_or(0)
        };
        let qualified = text(c"co_qualname", NAME_MAX);
        self.function = if qualified.is_empty() {
            text(c"co_name", NAME_MAX)
        } else {
            qualified
        }
        .into();
        self.file = text(c"co_filename", FILE_MAX).into();
        self.first_line = number(c"co_firstlineno");
        self.set_counts(
            number(c"co_flags"),
            number(c"co_argcount"),
            number(c"co_kwonlyargcount"),
        );
        let mut arguments = 0;
        for (list, name) in [c"co_varnames", c"co_cellvars", c"co_freevars"]
            .into_iter()
            .enumerate()
        {
            let Some(names) = Owned::attribute(code.0, name) else {
                continue;
            };
            let Some(names) = Tuple::of(names.get()).map(|names| names.items::<false>()) else {
                continue;
            };
            for index in 0..names.length.min(MAX_VARIABLES) {
                let Some(name) = names.get(index).and_then(Str::of) else {
                    continue;
                };
                let name = name.to_utf8::<false>(NAME_MAX);
                if name.first() == Some(&TEMPORARY) {
                    continue;
                }
                let known = |variable: &Variable| self.names.get(&variable.field) == name;
                if list == 0 || !self.variables.iter().any(known) {
                    let field = self.names.field(&name, 0, rules);
                    self.variables.push(Variable {
                        field,
                        in_cell: false,
                        inner: false,
                    });
                }
            }
            if list == 0 {
                arguments = self.arguments.min(self.variables.len());
            }
        }
        self.arguments = arguments;
    }
}

/// The names that code of a module or a class uses, from an attribute made in C.
#[cold]
fn used<const DIRECT: bool>(code: Code<'_>) -> Vec<Box<[u8]>> {
    let Some(names) = Owned::attribute(code.0, c"co_names") else {
        return Vec::new();
    };
    let Some(names) = Tuple::of(names.get()).map(|names| names.items::<DIRECT>()) else {
        return Vec::new();
    };
    (0..names.length.min(MAX_USED))
        .filter_map(|index| {
            let name = Str::of(names.get(index)?)?.to_utf8::<DIRECT>(NAME_MAX);
            Some(name.into_boxed_slice())
        })
        .collect()
}

/// A reference of our own, for what only the fallback asks for.
pub(super) struct Owned(NonNull<ffi::PyObject>);

impl Owned {
    /// # Safety
    ///
    /// `pointer` is null or a reference that is given to us, with the GIL held until it is dropped.
    pub(super) unsafe fn new(pointer: *mut ffi::PyObject) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    /// An attribute of an object whose type is made in C and finds it without running code of the program.
    pub(super) fn attribute(object: Obj<'_>, name: &CStr) -> Option<Self> {
        // SAFETY: the object is alive; an error (no such attribute) is taken back.
        unsafe {
            let value = ffi::PyObject_GetAttrString(object.pointer(), name.as_ptr());
            if value.is_null() {
                ffi::PyErr_Clear();
            }
            Self::new(value)
        }
    }

    pub(super) fn get(&self) -> Obj<'_> {
        // SAFETY: the reference keeps the object alive while `self` is.
        match unsafe { Obj::new(self.0.as_ptr()) } {
            Some(object) => object,
            None => unreachable!("not null"),
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the reference is ours, and the GIL is held (see `new`).
        unsafe { ffi::Py_DECREF(self.0.as_ptr()) }
    }
}
