//! Borrowed Python objects that cannot outlive the walk, and their types.
//!
//! [`Obj`] is a pointer that is known to be to a live object for `'g`, a time in which the GIL is held and no Python code runs, so
//! nothing is freed and nothing changes. It holds no reference: no count is written. All reading goes through
//! [`Obj::read`] and [`Obj::slot`], whose callers must know the layout of the object's type; the views ([`Str`], [`Dict`], ...)
//! are that knowledge as a type, given out only after the check of the object's type.

use std::ffi::{CStr, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use pyo3_ffi as ffi;

use super::layout;

/// A live object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Obj<'g> {
    pointer: NonNull<ffi::PyObject>,
    walk: PhantomData<&'g ()>,
}

impl<'g> Obj<'g> {
    /// # Safety
    ///
    /// `pointer` is null or to an object that stays alive and unchanged for `'g`.
    #[inline]
    pub(super) unsafe fn new(pointer: *mut ffi::PyObject) -> Option<Self> {
        NonNull::new(pointer).map(|pointer| Self {
            pointer,
            walk: PhantomData,
        })
    }

    #[inline]
    pub(super) const fn pointer(self) -> *mut ffi::PyObject {
        self.pointer.as_ptr()
    }

    #[inline]
    pub(super) fn address(self) -> usize {
        self.pointer.as_ptr() as usize
    }

    #[inline]
    pub(super) fn class(self) -> Class<'g> {
        // SAFETY: every live object has a type, which lives at least as long as the object.
        let pointer = unsafe { (*self.pointer()).ob_type };
        Class {
            // SAFETY: see above; a type pointer is never null.
            pointer: unsafe { NonNull::new_unchecked(pointer) },
            walk: PhantomData,
        }
    }

    /// Whether this is the very object at `other`.
    #[inline]
    pub(super) fn is(self, other: *const ffi::PyObject) -> bool {
        std::ptr::eq(self.pointer(), other)
    }

    /// The plain value at `offset`.
    ///
    /// # Safety
    ///
    /// The object's layout has an initialised `T` there (alignment aside).
    #[inline]
    pub(super) unsafe fn read<T: Copy>(self, offset: usize) -> T {
        // SAFETY: the caller's promise.
        unsafe {
            self.pointer
                .as_ptr()
                .byte_add(offset)
                .cast::<T>()
                .read_unaligned()
        }
    }

    /// The object that the pointer at `offset` refers to; `None` if it is null.
    ///
    /// # Safety
    ///
    /// The object's layout has an object pointer there that is null or to a live object.
    #[inline]
    pub(super) unsafe fn slot(self, offset: usize) -> Option<Obj<'g>> {
        // SAFETY: the caller's promise; what a live object refers to is alive.
        unsafe { Obj::new(self.read::<*mut ffi::PyObject>(offset)) }
    }

    /// What the object shows to the garbage collector, at most `max` objects: its type's own C function lists its references, for
    /// which no code of the program runs.
    pub(super) fn references(self, max: usize) -> Vec<Obj<'g>> {
        struct Found {
            pointers: Vec<*mut ffi::PyObject>,
            max: usize,
        }
        extern "C" fn visit(object: *mut ffi::PyObject, found: *mut c_void) -> c_int {
            // SAFETY: the pointer given to the traversal below, which nobody else uses meanwhile.
            let found = unsafe { &mut *found.cast::<Found>() };
            found.pointers.push(object);
            c_int::from(found.pointers.len() >= found.max)
        }
        let mut found = Found {
            pointers: Vec::new(),
            max,
        };
        // SAFETY: a type's traversal may be called on its live instances whenever the GIL is held.
        unsafe {
            if let Some(traverse) = (*self.class().pointer()).tp_traverse {
                traverse(self.pointer(), visit, (&raw mut found).cast());
            }
        }
        found
            .pointers
            .into_iter()
            // SAFETY: what a live object refers to is alive.
            .filter_map(|pointer| unsafe { Obj::new(pointer) })
            .collect()
    }

    /// The address of what lies at `offset` in the object.
    #[inline]
    pub(super) fn inside(self, offset: usize) -> *const u8 {
        self.pointer
            .as_ptr()
            .cast::<u8>()
            .cast_const()
            .wrapping_add(offset)
    }
}

/// A live type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Class<'g> {
    pointer: NonNull<ffi::PyTypeObject>,
    walk: PhantomData<&'g ()>,
}

/// Bits of `tp_flags` that tell which built-in type's storage an instance begins with.
pub(super) mod flags {
    pub(in crate::walk) const HEAP: u64 = 1 << 9;
    #[cfg(Py_3_13)]
    pub(in crate::walk) const INLINE_VALUES: u64 = 1 << 2;
    #[cfg(Py_3_11)]
    pub(in crate::walk) const MANAGED_DICT: u64 = 1 << 4;
    pub(in crate::walk) const VERSION_TAG: u64 = 1 << 19;
    pub(in crate::walk) const INT: u64 = 1 << 24;
    pub(in crate::walk) const LIST: u64 = 1 << 25;
    pub(in crate::walk) const TUPLE: u64 = 1 << 26;
    pub(in crate::walk) const BYTES: u64 = 1 << 27;
    pub(in crate::walk) const STR: u64 = 1 << 28;
    pub(in crate::walk) const DICT: u64 = 1 << 29;
    pub(in crate::walk) const EXCEPTION: u64 = 1 << 30;
    pub(in crate::walk) const TYPE: u64 = 1 << 31;
}

impl<'g> Class<'g> {
    /// # Safety
    ///
    /// `pointer` is null or to a type that stays alive for `'g`.
    pub(super) unsafe fn new(pointer: *mut ffi::PyTypeObject) -> Option<Self> {
        NonNull::new(pointer).map(|pointer| Self {
            pointer,
            walk: PhantomData,
        })
    }

    /// The type that a type object is.
    pub(super) fn from_object(object: Obj<'g>) -> Option<Self> {
        let is_type = object.class().has(flags::TYPE);
        is_type.then(|| Self {
            pointer: object.pointer.cast(),
            walk: PhantomData,
        })
    }

    pub(super) fn object(self) -> Obj<'g> {
        Obj {
            pointer: self.pointer.cast(),
            walk: PhantomData,
        }
    }

    #[inline]
    pub(super) const fn pointer(self) -> *mut ffi::PyTypeObject {
        self.pointer.as_ptr()
    }

    #[inline]
    pub(super) fn is(self, other: *const ffi::PyTypeObject) -> bool {
        std::ptr::eq(self.pointer(), other)
    }

    #[inline]
    pub(super) fn flags(self) -> u64 {
        // SAFETY: the type is alive, and `tp_flags` is plain data.
        let flags = unsafe { (*self.pointer()).tp_flags };
        #[expect(
            clippy::unnecessary_cast,
            reason = "a C long of another size elsewhere"
        )]
        let flags = flags as u64;
        flags
    }

    #[inline]
    pub(super) fn has(self, flag: u64) -> bool {
        self.flags() & flag != 0
    }

    /// Made by a `class` statement or as a heap type in C, not a C static.
    pub(super) fn is_heap(self) -> bool {
        self.has(flags::HEAP)
    }

    pub(super) fn base(self) -> Option<Class<'g>> {
        // SAFETY: a live type keeps its base alive.
        unsafe { Class::new((*self.pointer()).tp_base) }
    }

    /// The type and its bases along the line that decides the layout, nearest first.
    pub(super) fn line(self) -> impl Iterator<Item = Class<'g>> {
        // A line of bases is short; the bound is against a corrupt one.
        std::iter::successors(Some(self), |class| class.base()).take(256)
    }

    /// Whether it is `other` or derived from it along the layout line.
    pub(super) fn derives(self, other: *const ffi::PyTypeObject) -> bool {
        self.line().any(|class| class.is(other))
    }

    /// `tp_name`: for a static type with its module, for a class without.
    pub(super) fn c_name(self) -> &'g [u8] {
        // SAFETY: `tp_name` of a live type is null or a C string that lives as long.
        unsafe {
            let name = (*self.pointer()).tp_name;
            if name.is_null() {
                b""
            } else {
                CStr::from_ptr(name).to_bytes()
            }
        }
    }

    pub(super) fn basic_size(self) -> usize {
        // SAFETY: plain data of a live type.
        usize::try_from(unsafe { (*self.pointer()).tp_basicsize }).unwrap_or(0)
    }

    pub(super) fn item_size(self) -> usize {
        // SAFETY: plain data of a live type.
        usize::try_from(unsafe { (*self.pointer()).tp_itemsize }).unwrap_or(0)
    }

    pub(super) fn dict_offset(self) -> isize {
        // SAFETY: plain data of a live type.
        unsafe { (*self.pointer()).tp_dictoffset }
    }

    /// A number that no other state of any type has had, 0 if the type has none at the moment.
    #[inline]
    pub(super) fn version(self) -> u32 {
        if self.has(flags::VERSION_TAG) || cfg!(Py_3_14) {
            // SAFETY: plain data of a live type.
            unsafe { (*self.pointer()).tp_version_tag }
        } else {
            0
        }
    }

    /// The class's own namespace; `None` for the static types that keep theirs elsewhere (3.12 and newer).
    pub(super) fn namespace(self) -> Option<Dict<'g>> {
        // SAFETY: `tp_dict` is null or a live dict of the type.
        unsafe { Obj::new((*self.pointer()).tp_dict) }.and_then(Dict::of)
    }

    /// Address of the function that frees instances: tells classes made by `class` from heap types made in C.
    pub(super) fn dealloc(self) -> usize {
        // SAFETY: plain data of a live type.
        unsafe { (*self.pointer()).tp_dealloc }.map_or(0, |function| function as usize)
    }

    /// Address of the function behind `str()`.
    pub(super) fn str_function(self) -> usize {
        // SAFETY: plain data of a live type.
        unsafe { (*self.pointer()).tp_str }.map_or(0, |function| function as usize)
    }

    /// Members that are stored in instances at fixed offsets.
    pub(super) fn members(self) -> impl Iterator<Item = Member<'g>> {
        // SAFETY: `tp_members` is null or an array that ends with an entry without a name and lives as long as the type.
        let mut next = unsafe { (*self.pointer()).tp_members };
        std::iter::from_fn(move || {
            if next.is_null() {
                return None;
            }
            // SAFETY: not past the end: the entry before had a name.
            let member = unsafe { &*next };
            if member.name.is_null() {
                return None;
            }
            // SAFETY: see above.
            next = unsafe { next.add(1) };
            Some(Member {
                // SAFETY: names are C strings that live as long as the type.
                name: unsafe { CStr::from_ptr(member.name) }.to_bytes(),
                code: member.type_code,
                offset: usize::try_from(member.offset).unwrap_or(0),
                relative: member.flags & ffi::Py_RELATIVE_OFFSET != 0,
            })
        })
        .take(4096)
    }

    /// The keys that instances share, which names their inline values; null if none.
    #[inline]
    pub(super) fn cached_keys(self) -> *const u8 {
        if !self.is_heap() {
            return std::ptr::null();
        }
        // SAFETY: heap types have this pointer there (checked by the self-test).
        unsafe { self.object().read(layout::HEAP_TYPE_CACHED_KEYS) }
    }

    /// `__qualname__` of a heap type.
    #[inline]
    pub(super) fn qualified_name(self) -> Option<Str<'g>> {
        if !self.is_heap() {
            return None;
        }
        // SAFETY: heap types have this pointer there (checked by the self-test).
        unsafe { self.object().slot(layout::HEAP_TYPE_QUALNAME) }.and_then(Str::of)
    }
}

/// One entry of `tp_members`.
pub(super) struct Member<'g> {
    pub(super) name: &'g [u8],
    pub(super) code: i32,
    pub(super) offset: usize,
    /// The offset counts from the end of the base's part.
    pub(super) relative: bool,
}

/// Type codes of members that are object pointers.
impl Member<'_> {
    pub(super) const OBJECT: i32 = 6;
    pub(super) const OBJECT_EX: i32 = 16;

    pub(super) fn is_object(&self) -> bool {
        !self.relative && matches!(self.code, Self::OBJECT | Self::OBJECT_EX)
    }
}

/// Declares a view: an object whose type was checked, so that its layout is known.
macro_rules! views {
    ($($(#[$meta:meta])* $name:ident: |$class:ident| $check:expr;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy)]
        pub(super) struct $name<'g>(pub(super) Obj<'g>);

        impl<'g> $name<'g> {
            /// The view of an object of the type or of one derived from it.
            #[inline]
            pub(super) fn of(object: Obj<'g>) -> Option<Self> {
                let $class = object.class();
                if $check { Some(Self(object)) } else { None }
            }
        }
    )*};
}

views! {
    /// A `str`.
    Str: |class| class.has(flags::STR);
    /// An `int` (a `bool` too).
    Int: |class| class.has(flags::INT);
    /// A `bytes`.
    Bytes: |class| class.has(flags::BYTES);
    /// A `list`.
    List: |class| class.has(flags::LIST);
    /// A `tuple`.
    Tuple: |class| class.has(flags::TUPLE);
    /// A `dict`, or what begins with the storage of one.
    Dict: |class| class.has(flags::DICT) || is_frozen_dict(class);
    /// A `set` or `frozenset`.
    Set: |class| class.derives(&raw const ffi::PySet_Type) || class.derives(&raw const ffi::PyFrozenSet_Type);
    /// An exception.
    Exception: |class| class.has(flags::EXCEPTION);
    /// A traceback entry.
    Traceback: |class| class.is(&raw const ffi::PyTraceBack_Type);
    /// A frame.
    Frame: |class| class.is(&raw const ffi::PyFrame_Type);
    /// A code object.
    Code: |class| class.is(&raw const ffi::PyCode_Type);
    /// A cell of a closure.
    Cell: |class| class.is(&raw const ffi::PyCell_Type);
}

/// The views of exactly the built-in type, which most values are of: one comparison and no look at the type.
macro_rules! exact_views {
    ($($name:ident: $type:ident;)*) => {$(
        impl<'g> $name<'g> {
            #[inline]
            pub(super) fn exact(object: Obj<'g>) -> Option<Self> {
                if object.class().is(&raw const ffi::$type) { Some(Self(object)) } else { None }
            }
        }
    )*};
}

exact_views! {
    Str: PyUnicode_Type;
    Int: PyLong_Type;
    List: PyList_Type;
    Tuple: PyTuple_Type;
    Dict: PyDict_Type;
}

/// `frozendict` (3.15) begins with what a dict begins with.
#[inline]
fn is_frozen_dict(class: Class<'_>) -> bool {
    #[cfg(Py_3_15)]
    {
        unsafe extern "C" {
            static PyFrozenDict_Type: ffi::PyTypeObject;
        }
        class.derives(&raw const PyFrozenDict_Type)
    }
    #[cfg(not(Py_3_15))]
    {
        let _ = class;
        false
    }
}

impl<'g> Cell<'g> {
    /// What it holds, if anything.
    #[inline]
    pub(super) fn value(self) -> Option<Obj<'g>> {
        // SAFETY: a cell's reference may be null, and is alive otherwise.
        unsafe { self.0.slot(layout::CELL_VALUE) }
    }
}
