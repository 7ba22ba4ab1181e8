//! What a traceback and a frame keep: code, globals, namespace, slots, stack, the instruction that ran last.

use std::marker::PhantomData;

use pyo3_ffi as ffi;

use super::code::Owned;
use super::layout;
use super::object::{Cell, Code, Dict, Frame, Obj, Str, Traceback};

/// One entry of a traceback.
#[derive(Clone, Copy)]
pub(super) struct Entry<'g> {
    pub(super) frame: Frame<'g>,
    /// Offset in bytes of the instruction.
    pub(super) lasti: i32,
    /// As the interpreter noted it; 0 or less: not.
    pub(super) line: i32,
}

impl<'g> Traceback<'g> {
    #[inline]
    pub(super) fn next(self) -> Option<Traceback<'g>> {
        // SAFETY: a traceback has a pointer to the next entry or null there (public layout).
        unsafe { self.0.slot(layout::TRACEBACK_NEXT) }.and_then(Traceback::of)
    }

    #[inline]
    pub(super) fn entry(self) -> Option<Entry<'g>> {
        // SAFETY: a traceback's fields (public layout).
        unsafe {
            Some(Entry {
                frame: Frame::of(self.0.slot(layout::TRACEBACK_FRAME)?)?,
                lasti: self.0.read(layout::TRACEBACK_LASTI),
                line: self.0.read(layout::TRACEBACK_LINE),
            })
        }
    }
}

/// What is read of a frame: in 3.11 and newer the interpreter's own record, which the frame object points to.
#[derive(Clone, Copy)]
pub(super) struct Record<'g> {
    /// Begins with the fields of [`layout`]'s `INNER_*` (or `FRAME_*`).
    base: *const u8,
    walk: PhantomData<&'g ()>,
}

impl<'g> Record<'g> {
    /// The record of a generator, which is inside it.
    ///
    /// # Safety
    ///
    /// `base` is to a live record of this version's layout, which stays as it is for `'g`.
    #[cfg(Py_3_11)]
    pub(super) const unsafe fn new(base: *const u8) -> Self {
        Self {
            base,
            walk: PhantomData,
        }
    }

    #[inline]
    pub(super) fn of(frame: Frame<'g>) -> Option<Self> {
        #[cfg(Py_3_11)]
        // SAFETY: a frame object points to its record (self-test).
        let base = unsafe { frame.0.read::<*const u8>(layout::FRAME_INNER) };
        #[cfg(not(Py_3_11))]
        let base = frame.0.inside(0);
        (!base.is_null()).then_some(Self {
            base,
            walk: PhantomData,
        })
    }

    /// # Safety
    ///
    /// `offset` is that of an object pointer, plain or tagged, in the record.
    #[inline]
    unsafe fn pointer(self, offset: usize) -> Option<Obj<'g>> {
        // SAFETY: the caller's promise.
        let word = unsafe { self.base.add(offset).cast::<usize>().read_unaligned() };
        untagged(word)
    }

    #[inline]
    pub(super) fn code(self) -> Option<Code<'g>> {
        #[cfg(Py_3_11)]
        const CODE: usize = layout::INNER_CODE;
        #[cfg(not(Py_3_11))]
        const CODE: usize = layout::FRAME_CODE;
        // SAFETY: the record's code, or whatever object the interpreter runs there.
        unsafe { self.pointer(CODE) }.and_then(Code::of)
    }

    fn globals(self) -> Option<Dict<'g>> {
        #[cfg(Py_3_11)]
        const GLOBALS: usize = layout::INNER_GLOBALS;
        #[cfg(not(Py_3_11))]
        const GLOBALS: usize = layout::FRAME_GLOBALS;
        // SAFETY: the record's globals.
        unsafe { self.pointer(GLOBALS) }.and_then(Dict::of)
    }

    /// The namespace of a module's or class's frame.
    pub(super) fn namespace(self) -> Option<Obj<'g>> {
        #[cfg(Py_3_11)]
        const LOCALS: usize = layout::INNER_LOCALS;
        #[cfg(not(Py_3_11))]
        const LOCALS: usize = layout::FRAME_LOCALS;
        // SAFETY: the record's namespace, null for functions.
        unsafe { self.pointer(LOCALS) }
    }

    /// What is in a slot, out of its cell.
    ///
    /// # Safety
    ///
    /// The code object of this record has that slot.
    #[inline]
    pub(super) unsafe fn slot(self, slot: usize, in_cell: bool) -> Option<Obj<'g>> {
        #[cfg(Py_3_11)]
        const SLOTS: usize = layout::INNER_SLOTS;
        #[cfg(not(Py_3_11))]
        const SLOTS: usize = layout::FRAME_SLOTS;
        // SAFETY: the caller's promise; a slot is null or a reference.
        let value = unsafe { self.pointer(SLOTS + slot * size_of::<usize>()) }?;
        if in_cell && let Some(cell) = Cell::of(value) {
            return cell.value();
        }
        Some(value)
    }

    /// Offset in bytes of the instruction that runs or ran last.
    pub(super) fn lasti(self, code: Code<'g>) -> i32 {
        #[cfg(Py_3_11)]
        {
            // SAFETY: the record's pointer into the code.
            let at = unsafe {
                self.base
                    .add(layout::INNER_INSTRUCTION)
                    .cast::<usize>()
                    .read_unaligned()
            };
            i32::try_from(at.wrapping_sub(code.instructions()).cast_signed()).unwrap_or(-1)
        }
        #[cfg(not(Py_3_11))]
        {
            let _ = code;
            // SAFETY: the frame's last instruction.
            let at = unsafe {
                self.base
                    .add(layout::FRAME_LASTI)
                    .cast::<i32>()
                    .read_unaligned()
            };
            at.saturating_mul(layout::FRAME_LASTI_UNIT)
        }
    }

    /// What a suspended coroutine waits for: the value that was pushed last; from 3.15 on the one below, with an index above it.
    pub(super) fn awaited(self) -> Option<Obj<'g>> {
        const POINTER: isize = size_of::<usize>().cast_signed();
        #[cfg(Py_3_14)]
        // SAFETY: a suspended frame's pointer behind the top of its stack, which has that many values.
        let word = unsafe {
            const DEPTH: isize = if cfg!(Py_3_15) { 2 } else { 1 };
            let behind = self
                .base
                .add(layout::INNER_STACK)
                .cast::<*const u8>()
                .read_unaligned();
            if behind.is_null()
                || behind < self.base.add(layout::INNER_SLOTS).offset(DEPTH * POINTER)
            {
                return None;
            }
            behind
                .offset(-DEPTH * POINTER)
                .cast::<usize>()
                .read_unaligned()
        };
        #[cfg(all(Py_3_11, not(Py_3_14)))]
        // SAFETY: a suspended frame's number of slots in use, the stack behind the variables.
        let word = unsafe {
            let used = self
                .base
                .add(layout::INNER_STACK)
                .cast::<i32>()
                .read_unaligned();
            let top = isize::try_from(used).ok().filter(|used| *used > 0)? - 1;
            let slots = self.base.add(layout::INNER_SLOTS);
            slots.offset(top * POINTER).cast::<usize>().read_unaligned()
        };
        #[cfg(all(Py_3_10, not(Py_3_11)))]
        // SAFETY: a suspended frame's stack and how much of it is in use.
        let word = unsafe {
            let stack = self.base.add(layout::FRAME_STACK).cast::<*const u8>();
            let depth = self.base.add(layout::FRAME_STACK_DEPTH).cast::<i32>();
            let top = isize::try_from(depth.read_unaligned())
                .ok()
                .filter(|depth| *depth > 0)?
                - 1;
            stack
                .read_unaligned()
                .offset(top * POINTER)
                .cast::<usize>()
                .read_unaligned()
        };
        #[cfg(not(Py_3_10))]
        // SAFETY: a suspended frame's pointer behind the top of its stack, and its bottom.
        let word = unsafe {
            let behind = self.base.add(layout::FRAME_STACK_TOP).cast::<*const u8>();
            let bottom = self.base.add(layout::FRAME_STACK).cast::<*const u8>();
            let behind = behind.read_unaligned();
            if behind.is_null() || behind <= bottom.read_unaligned() {
                return None;
            }
            behind.offset(-POINTER).cast::<usize>().read_unaligned()
        };
        untagged(word)
    }
}

/// The object behind a word of a frame's record. From 3.14 on words carry tags: bit 0 alone marks a borrowed reference, bit 1 something
/// that is no reference.
#[inline]
fn untagged<'g>(word: usize) -> Option<Obj<'g>> {
    #[cfg(Py_3_14)]
    let word = if word & 2 == 0 { word & !1 } else { 0 };
    // SAFETY: null or a reference to an object that the frame keeps alive.
    unsafe { Obj::new(word as *mut ffi::PyObject) }
}

impl<'g> Frame<'g> {
    #[inline]
    pub(super) fn code<const DIRECT: bool>(self) -> Option<Code<'g>> {
        if DIRECT {
            return Record::of(self)?.code();
        }
        // SAFETY: the object is a frame, which keeps its code alive when our reference goes.
        unsafe {
            let code = ffi::PyFrame_GetCode(self.0.pointer().cast());
            let code = Obj::new(code.cast())?;
            ffi::Py_DECREF(code.pointer());
            Code::of(code)
        }
    }

    pub(super) fn globals<const DIRECT: bool>(self) -> Option<Dict<'g>> {
        if DIRECT {
            return Record::of(self)?.globals();
        }
        let globals = Owned::attribute(self.0, c"f_globals")?;
        // SAFETY: the frame keeps its globals alive.
        unsafe { Obj::new(globals.get().pointer()) }.and_then(Dict::of)
    }

    /// The module whose code runs, as its globals call it.
    pub(super) fn module<const DIRECT: bool>(self) -> Option<Str<'g>> {
        self.globals::<DIRECT>()?
            .find::<DIRECT>(b"__name__")
            .and_then(Str::of)
    }

    /// A new reference to the dict (or proxy) of all variables: the fallback's way.
    #[cold]
    pub(super) fn asked_locals(self) -> Option<Owned> {
        let locals = Owned::attribute(self.0, c"f_locals")?;
        if Dict::of(locals.get()).is_some() {
            return Some(locals);
        }
        // 3.13 and newer give a proxy for functions: a copy of it is made by C code.
        if locals.get().class().is_heap() {
            return Some(locals);
        }
        // SAFETY: the proxy is one of the interpreter's own objects; it copies the frame's variables into a new dict.
        unsafe {
            let copy = Owned::new(ffi::PyDict_New())?;
            let failed = ffi::PyDict_Update(copy.get().pointer(), locals.get().pointer());
            if failed != 0 {
                ffi::PyErr_Clear();
                return Some(locals);
            }
            Some(copy)
        }
    }
}
