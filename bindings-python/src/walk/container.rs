//! Built-in collections, read where their items lie.
//!
//! Dicts and sets are hash tables that may be mostly holes after deletions, so the number of slots looked at is bounded too, not
//! only the number of items found.

use std::marker::PhantomData;

use pyo3_ffi as ffi;

use super::code::Owned;
use super::layout;
use super::object::{Bytes, Dict, List, Obj, Set, Str, Tuple};
use super::text::Scratch;

/// Empty slots passed over in one table before it is given up.
const MAX_HOLES: usize = 16_384;
/// Bytes of a set's slot: key and hash.
const SET_SLOT: usize = 16;

/// Consecutive object pointers.
#[derive(Clone, Copy)]
pub(super) enum Items<'g> {
    /// In memory.
    Stored(Stored<'g>),
    /// Through the public API.
    List(List<'g>),
    Tuple(Tuple<'g>),
}

/// An array of object pointers.
#[derive(Clone, Copy)]
pub(super) struct Stored<'g> {
    first: *const *mut ffi::PyObject,
    walk: PhantomData<&'g ()>,
}

impl<'g> Stored<'g> {
    /// # Safety
    ///
    /// `first` begins an array of pointers, null or to objects that live for `'g`.
    pub(super) const unsafe fn new(first: *const *mut ffi::PyObject) -> Self {
        Self {
            first,
            walk: PhantomData,
        }
    }

    /// # Safety
    ///
    /// `index` is inside the array.
    #[inline]
    pub(super) unsafe fn get(self, index: usize) -> Option<Obj<'g>> {
        // SAFETY: the caller's promise, and that of `new`.
        unsafe { Obj::new(self.first.add(index).read_unaligned()) }
    }
}

/// A list's or tuple's items and their number.
#[derive(Clone, Copy)]
pub(super) struct Sequence<'g> {
    items: Items<'g>,
    pub(super) length: usize,
}

impl<'g> Sequence<'g> {
    /// `None` at the end (and for an item that is still unset).
    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<Obj<'g>> {
        if index >= self.length {
            return None;
        }
        match self.items {
            // SAFETY: the index is below the length.
            Items::Stored(stored) => unsafe { stored.get(index) },
            // SAFETY: the index is below the length; the call lends a reference and runs no code.
            Items::List(list) => unsafe {
                Obj::new(ffi::PyList_GetItem(list.0.pointer(), index as isize))
            },
            // SAFETY: see above.
            Items::Tuple(tuple) => unsafe {
                Obj::new(ffi::PyTuple_GetItem(tuple.0.pointer(), index as isize))
            },
        }
    }
}

impl<'g> List<'g> {
    #[inline]
    pub(super) fn items<const DIRECT: bool>(self) -> Sequence<'g> {
        if DIRECT {
            // SAFETY: a list has its length there, and a pointer to that many items.
            unsafe {
                let first = self.0.read::<*const *mut ffi::PyObject>(layout::LIST_ITEMS);
                Sequence {
                    items: Items::Stored(Stored::new(first)),
                    length: self.0.read(layout::VAR_SIZE),
                }
            }
        } else {
            // SAFETY: the object is a list.
            let length = unsafe { ffi::PyList_Size(self.0.pointer()) };
            Sequence {
                items: Items::List(self),
                length: usize::try_from(length).unwrap_or(0),
            }
        }
    }
}

impl<'g> Tuple<'g> {
    #[inline]
    pub(super) fn items<const DIRECT: bool>(self) -> Sequence<'g> {
        if DIRECT {
            // SAFETY: a tuple has its length there, and that many items inside.
            unsafe {
                let first = self.0.inside(layout::TUPLE_ITEMS).cast();
                Sequence {
                    items: Items::Stored(Stored::new(first)),
                    length: self.0.read(layout::VAR_SIZE),
                }
            }
        } else {
            // SAFETY: the object is a tuple.
            let length = unsafe { ffi::PyTuple_Size(self.0.pointer()) };
            Sequence {
                items: Items::Tuple(self),
                length: usize::try_from(length).unwrap_or(0),
            }
        }
    }
}

/// Passes over a dict's entries in their order.
pub(super) struct Entries<'g> {
    dict: Obj<'g>,
    /// Entry to look at next: a position of `PyDict_Next`, or an index.
    next: usize,
    count: usize,
    holes: usize,
    source: Source,
}

#[derive(Clone, Copy)]
enum Source {
    /// Entries of `stride` bytes that begin with the key (or a hash before it) and end with the value.
    Combined {
        first: *const u8,
        stride: usize,
    },
    /// Keys of such entries, values elsewhere, in an order of their own where `order` is not null.
    Split {
        first: *const u8,
        stride: usize,
        values: *const *mut ffi::PyObject,
        /// Going down by one byte per entry (3.11, 3.12) or up (3.13).
        order: *const u8,
        step: isize,
    },
    Public,
}

/// An entry is a key and a value, with a hash in front unless all keys are strings (3.11 and newer).
const POINTER: usize = size_of::<usize>();

/// The entries of a keys object, and their size in bytes.
///
/// # Safety
///
/// `keys` is to the keys of a live dict or heap type.
pub(super) unsafe fn key_entries(keys: *const u8) -> (*const u8, usize, usize) {
    // SAFETY: these fields are at the head of every keys object (self-test), and the entries follow the indices.
    unsafe {
        let count = keys
            .add(layout::KEYS_ENTRIES)
            .cast::<usize>()
            .read_unaligned();
        #[cfg(Py_3_11)]
        let (index_bytes, stride) = (
            1_usize << keys.add(layout::KEYS_LOG2_INDEX_BYTES).read(),
            if keys.add(layout::KEYS_KIND).read() == 0 {
                3 * POINTER
            } else {
                2 * POINTER
            },
        );
        #[cfg(not(Py_3_11))]
        let (index_bytes, stride) = {
            let size = keys.add(layout::KEYS_SIZE).cast::<usize>().read_unaligned();
            let width = match size {
                0..=0xff => 1,
                0x100..=0xffff => 2,
                0x1_0000..=0xffff_ffff => 4,
                _ => 8,
            };
            (size * width, 3 * POINTER)
        };
        (keys.add(layout::KEYS_INDICES + index_bytes), stride, count)
    }
}

/// The hash table in front of a dict's entries: numbers of entries, by hash.
struct Index {
    first: *const u8,
    /// A power of two.
    size: usize,
    /// Bytes of one number.
    width: usize,
    entries: (*const u8, usize, usize),
}

impl Index {
    /// # Safety
    ///
    /// `keys` is to the keys of a live dict.
    unsafe fn of(keys: *const u8) -> Self {
        // SAFETY: these fields are at the head of every keys object (self-test).
        unsafe {
            #[cfg(Py_3_11)]
            let size = 1_usize << keys.add(layout::KEYS_LOG2_INDEX_BYTES - 1).read();
            #[cfg(not(Py_3_11))]
            let size = keys.add(layout::KEYS_SIZE).cast::<usize>().read_unaligned();
            let first = keys.add(layout::KEYS_INDICES);
            let entries = key_entries(keys);
            let bytes = entries.0.offset_from_unsigned(first);
            Self {
                first,
                size,
                width: bytes / size.max(1),
                entries,
            }
        }
    }

    /// The numbers that CPython's probing meets, until an empty place: those below zero are of removed entries.
    fn probes(&self, hash: u64) -> impl Iterator<Item = i64> {
        const PERTURB_SHIFT: u32 = 5;
        const EMPTY: i64 = -1;
        let mask = self.size.wrapping_sub(1);
        let mut perturb = hash as usize;
        let mut place = perturb & mask;
        // Once the perturbation is used up, every place is met.
        (0..self.size.saturating_add(16)).map_while(move |_| {
            // SAFETY: the place is one of `size`, of `width` bytes each.
            let number = unsafe { self.number(place) };
            perturb >>= PERTURB_SHIFT;
            place = place.wrapping_mul(5).wrapping_add(perturb).wrapping_add(1) & mask;
            (number != EMPTY).then_some(number)
        })
    }

    /// # Safety
    ///
    /// `place` is below `size`.
    unsafe fn number(&self, place: usize) -> i64 {
        // SAFETY: the caller's promise.
        unsafe {
            let at = self.first.add(place * self.width);
            match self.width {
                1 => i64::from(at.cast::<i8>().read()),
                2 => i64::from(at.cast::<i16>().read_unaligned()),
                4 => i64::from(at.cast::<i32>().read_unaligned()),
                _ => at.cast::<i64>().read_unaligned(),
            }
        }
    }
}

impl<'g> Dict<'g> {
    #[inline]
    pub(super) fn length<const DIRECT: bool>(self) -> usize {
        if DIRECT {
            // SAFETY: a dict has its size there.
            unsafe { self.0.read(layout::DICT_USED) }
        } else {
            // SAFETY: the object is a dict.
            usize::try_from(unsafe { ffi::PyDict_Size(self.0.pointer()) }).unwrap_or(0)
        }
    }

    #[inline]
    pub(super) fn entries<const DIRECT: bool>(self) -> Entries<'g> {
        let mut entries = Entries {
            dict: self.0,
            next: 0,
            count: usize::MAX,
            holes: MAX_HOLES,
            source: Source::Public,
        };
        if DIRECT {
            // SAFETY: a dict has a pointer to its keys there, and one to its values if they are apart.
            unsafe {
                let keys = self.0.read::<*const u8>(layout::DICT_KEYS);
                let values = self.0.read::<*const u8>(layout::DICT_VALUES);
                let (first, stride, count) = key_entries(keys);
                entries.count = count;
                entries.source = if values.is_null() {
                    Source::Combined { first, stride }
                } else {
                    split(values, first, stride, &mut entries.count)
                };
            }
        }
        entries
    }

    /// The value under a name, by the dict's own index. Nothing of the program is asked: what is not the very text is not it.
    ///
    /// Without access to the index every entry is looked at, up to a bound.
    pub(super) fn lookup<const DIRECT: bool>(self, name: Str<'g>) -> Option<Obj<'g>> {
        /// Entries looked at where there is no index.
        const LOOKED_AT: usize = 8192;
        let is_it = |key: Obj<'g>| {
            key == name.0
                || Str::of(key).is_some_and(|key| {
                    // One of a derived class is equal to what its own methods say.
                    key.0.class().is(&raw const ffi::PyUnicode_Type)
                        && key.hash::<DIRECT>() == name.hash::<DIRECT>()
                        && key.to_utf8::<DIRECT>(1024) == name.to_utf8::<DIRECT>(1024)
                })
        };
        if !DIRECT {
            let mut entries = self.entries::<DIRECT>();
            return std::iter::from_fn(|| entries.next())
                .take(LOOKED_AT)
                .find(|&(key, _)| is_it(key))
                .map(|(_, value)| value);
        }
        let hash = name.hash::<true>()?;
        // SAFETY: a dict has a pointer to its keys there, and none to values unless they are apart.
        let index = unsafe {
            if !self.0.read::<*const u8>(layout::DICT_VALUES).is_null() {
                return None;
            }
            Index::of(self.0.read::<*const u8>(layout::DICT_KEYS))
        };
        let (first, stride, count) = index.entries;
        for at in index.probes(hash) {
            let at = usize::try_from(at).ok().filter(|&at| at < count);
            let Some(at) = at else { continue };
            // SAFETY: the entry is one of `count`: a key, before it perhaps a hash, and a value at its end; either may be null.
            let (key, value) = unsafe {
                let entry = first.add(at * stride);
                let word = |offset| {
                    entry
                        .add(offset)
                        .cast::<*mut ffi::PyObject>()
                        .read_unaligned()
                };
                (
                    Obj::new(word(stride - 2 * POINTER)),
                    Obj::new(word(stride - POINTER)),
                )
            };
            if key.is_some_and(is_it) {
                return value;
            }
        }
        None
    }

    /// The value under an ASCII name, looked for among the first entries only; no hash and no comparison of the program runs.
    pub(super) fn find<const DIRECT: bool>(self, name: &[u8]) -> Option<Obj<'g>> {
        const LOOKED_AT: usize = 256;
        let mut entries = self.entries::<DIRECT>();
        for _ in 0..LOOKED_AT {
            let (key, value) = entries.next()?;
            if Str::of(key).is_some_and(|key| key.is_ascii::<DIRECT>(name)) {
                return Some(value);
            }
        }
        None
    }
}

/// # Safety
///
/// `values` is to the values of a live dict that shares its keys.
unsafe fn split(values: *const u8, first: *const u8, stride: usize, count: &mut usize) -> Source {
    // SAFETY: the layout of values of this version (self-test): what was set, and in which order.
    #[cfg(Py_3_13)]
    let (items, order, step) = unsafe {
        let capacity = usize::from(values.add(layout::VALUES_CAPACITY).read());
        *count = usize::from(values.add(layout::VALUES_SET).read()).min(capacity);
        let items = values.add(layout::VALUES_ITEMS);
        (items, items.add(capacity * POINTER), 1)
    };
    // SAFETY: see above.
    #[cfg(all(Py_3_11, not(Py_3_13)))]
    let (items, order, step) = unsafe {
        *count = usize::from(values.sub(2).read());
        (values, values.sub(3), -1)
    };
    #[cfg(not(Py_3_11))]
    let (items, order, step) = {
        let _ = &count;
        (values, std::ptr::null::<u8>(), 0)
    };
    Source::Split {
        first,
        stride,
        values: items.cast(),
        order,
        step,
    }
}

impl<'g> Entries<'g> {
    /// Whether the table was given up because of its holes, so that entries may be missing.
    pub(super) const fn gave_up(&self) -> bool {
        self.holes == 0
    }

    #[inline]
    pub(super) fn next(&mut self) -> Option<(Obj<'g>, Obj<'g>)> {
        loop {
            if self.next >= self.count {
                return None;
            }
            let index = self.next;
            self.next += 1;
            // SAFETY: `index` is below the number of entries of the table; each has its key before its value in its last
            // two words, and what they point to is alive.
            let (key, value) = unsafe {
                match self.source {
                    Source::Combined { first, stride } => {
                        let pair = first
                            .add((index + 1) * stride - 2 * POINTER)
                            .cast::<*mut ffi::PyObject>();
                        (pair.read_unaligned(), pair.add(1).read_unaligned())
                    }
                    Source::Split {
                        first,
                        stride,
                        values,
                        order,
                        step,
                    } => {
                        let index = if order.is_null() {
                            index
                        } else {
                            usize::from(order.offset(index as isize * step).read())
                        };
                        let key = first
                            .add((index + 1) * stride - 2 * POINTER)
                            .cast::<*mut ffi::PyObject>();
                        (key.read_unaligned(), values.add(index).read_unaligned())
                    }
                    Source::Public => return self.ask(),
                }
            };
            // SAFETY: see above.
            match unsafe { (Obj::new(key), Obj::new(value)) } {
                (Some(key), Some(value)) => return Some((key, value)),
                _ if self.holes == 0 => return None,
                _ => self.holes -= 1,
            }
        }
    }

    #[cold]
    fn ask(&mut self) -> Option<(Obj<'g>, Obj<'g>)> {
        let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        let mut position = (self.next - 1) as isize;
        // SAFETY: the object is a dict; the call lends references and runs no code.
        let found = unsafe {
            ffi::PyDict_Next(
                self.dict.pointer(),
                &raw mut position,
                &raw mut key,
                &raw mut value,
            )
        };
        if found == 0 {
            self.next = self.count;
            return None;
        }
        self.next = position as usize;
        // SAFETY: references lent by a live dict.
        unsafe { Some((Obj::new(key)?, Obj::new(value)?)) }
    }
}

/// Passes over a set's items.
pub(super) struct Members<'g> {
    set: Obj<'g>,
    slot: usize,
    slots: usize,
    holes: usize,
    /// The fallback's.
    iterator: Option<Owned>,
}

impl<'g> Set<'g> {
    pub(super) fn length<const DIRECT: bool>(self) -> usize {
        if DIRECT {
            // SAFETY: a set has its size there.
            unsafe { self.0.read(layout::SET_USED) }
        } else {
            // SAFETY: the object is a set or frozenset.
            usize::try_from(unsafe { ffi::PySet_Size(self.0.pointer()) }).unwrap_or(0)
        }
    }

    pub(super) fn members<const DIRECT: bool>(self) -> Members<'g> {
        let (slots, iterator) = if DIRECT {
            // SAFETY: a set has the mask of its table there.
            (unsafe { self.0.read::<usize>(layout::SET_MASK) + 1 }, None)
        } else {
            (0, self.iterator())
        };
        Members {
            set: self.0,
            slot: 0,
            slots,
            holes: MAX_HOLES,
            iterator,
        }
    }

    /// The iterator that sets themselves make, whatever a subclass would.
    #[cold]
    fn iterator(self) -> Option<Owned> {
        // SAFETY: the function is that of sets, and the object is one.
        unsafe {
            let make = ffi::PySet_Type.tp_iter?;
            Owned::new(make(self.0.pointer()))
        }
    }
}

impl Members<'_> {
    /// Whether the table was given up because of its holes, so that items may be missing.
    pub(super) const fn gave_up(&self) -> bool {
        self.holes == 0
    }
}

impl<'g> Iterator for Members<'g> {
    type Item = Obj<'g>;

    fn next(&mut self) -> Option<Obj<'g>> {
        if let Some(iterator) = &self.iterator {
            let iterator = iterator.get();
            // SAFETY: a set's own iterator, whose step runs no other code; the set keeps the item alive when our reference goes.
            return unsafe {
                let step = (*iterator.class().pointer()).tp_iternext?;
                let item = Owned::new(step(iterator.pointer()))?;
                Obj::new(item.get().pointer())
            };
        }
        while self.slot < self.slots && self.holes > 0 {
            // SAFETY: the slot is below the number of slots of the table that the set points to; a slot is a key and a hash.
            let (key, hash) = unsafe {
                let table = self.set.read::<*const u8>(layout::SET_TABLE);
                let slot = table.add(self.slot * SET_SLOT);
                (
                    slot.cast::<*mut ffi::PyObject>().read_unaligned(),
                    slot.add(POINTER).cast::<isize>().read_unaligned(),
                )
            };
            self.slot += 1;
            if key.is_null() || hash == -1 {
                self.holes -= 1;
            } else {
                // SAFETY: the key of a slot in use is alive.
                return unsafe { Obj::new(key) };
            }
        }
        None
    }
}

/// A key that may be a name: text, or bytes.
pub(super) enum Key<'a> {
    Text(super::text::Text<'a>, Option<u64>),
    Bytes(&'a [u8], Option<u64>),
}

impl<'a> Key<'a> {
    #[inline]
    pub(super) fn of<'g: 'a, const DIRECT: bool>(
        object: Obj<'g>,
        scratch: &'a mut Scratch,
    ) -> Option<Self> {
        if let Some(text) = Str::of(object) {
            return Some(Self::Text(
                text.text::<DIRECT>(scratch),
                text.hash::<DIRECT>(),
            ));
        }
        let bytes = Bytes::of(object)?;
        Some(Self::Bytes(bytes.data::<DIRECT>(), bytes.hash::<DIRECT>()))
    }
}
