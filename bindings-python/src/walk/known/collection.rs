//! Collections of the standard library that have storage of their own.

use stillframe_core::reason::Reason;

use super::super::capture::Walk;
use super::super::layout;
use super::super::object::{Dict, Obj};
use super::super::plan::Plan;
use super::{Known, Shown};

/// `collections.deque`: first block, index of its first item.
const DEQUE_LEFT: usize = 24;
const DEQUE_LEFT_INDEX: usize = 40;
/// A block: a link to the left, so many items, a link to the right.
const BLOCK_ITEMS: usize = 64;

/// `array.array`: items, description.
const ARRAY_ITEMS: usize = 24;
const ARRAY_DESCRIPTION: usize = 40;

/// A view of a dict.
const VIEW_DICT: usize = 16;

/// `Py_buffer`.
const BUFFER_DATA: usize = layout::MEMORYVIEW_BUFFER;
const BUFFER_OWNER: usize = layout::MEMORYVIEW_BUFFER + 8;
const BUFFER_BYTES: usize = layout::MEMORYVIEW_BUFFER + 16;
const BUFFER_ITEM: usize = layout::MEMORYVIEW_BUFFER + 24;
const BUFFER_DIMENSIONS: usize = layout::MEMORYVIEW_BUFFER + 36;
const BUFFER_STRIDES: usize = layout::MEMORYVIEW_BUFFER + 56;

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn byte_array(&mut self, object: Obj<'g>, plan: &Plan) {
        let type_id = self.type_of(plan);
        // SAFETY: a bytearray has its length and a pointer to its bytes there.
        let (length, data) = unsafe {
            (
                object.read::<usize>(layout::VAR_SIZE),
                object.read::<*const u8>(layout::BYTEARRAY_START),
            )
        };
        self.out.as_type(type_id);
        if length == 0 || data.is_null() {
            return self.out.binary(b"");
        }
        // SAFETY: see above.
        self.out
            .binary(unsafe { std::slice::from_raw_parts(data, length) });
    }

    pub(super) fn deque_length(&self, object: Obj<'g>) -> Option<usize> {
        // SAFETY: a deque is an object of variable size.
        Some(unsafe { object.read(layout::VAR_SIZE) })
    }

    pub(super) fn deque(&mut self, object: Obj<'g>, depth: u32) {
        let length = self.deque_length(object).unwrap_or(0);
        let shown = length.min(self.limits.items as usize);
        // SAFETY: a deque made in C begins so; its blocks are linked as far as its length says, and each item is alive.
        let (mut block, mut index) = unsafe {
            (
                object.read::<*const usize>(DEQUE_LEFT),
                object.read::<usize>(DEQUE_LEFT_INDEX),
            )
        };
        for position in 0..shown {
            if self.halted() {
                return self.cut(Some(length - position));
            }
            if index == BLOCK_ITEMS {
                // SAFETY: see above.
                block = unsafe { block.add(1 + BLOCK_ITEMS).cast::<*const usize>().read() };
                index = 0;
            }
            if block.is_null() || index > BLOCK_ITEMS {
                return self.gap(Reason::Unreadable, Some(length - position));
            }
            // SAFETY: see above.
            match unsafe { Obj::new(*block.add(1 + index) as *mut pyo3_ffi::PyObject) } {
                Some(item) => self.value(item, depth),
                None => self.unset(),
            }
            index += 1;
        }
        self.gap(Reason::CollectionSize, Some(length - shown));
    }

    pub(super) fn array_length(&self, object: Obj<'g>) -> Option<usize> {
        // SAFETY: an array is an object of variable size.
        Some(unsafe { object.read(layout::VAR_SIZE) })
    }

    pub(super) fn array(&mut self, object: Obj<'g>) {
        let length = self.array_length(object).unwrap_or(0);
        // SAFETY: an array made in C begins so; its description begins with the code of its items' type.
        let (items, code) = unsafe {
            let description = object.read::<*const u8>(ARRAY_DESCRIPTION);
            if description.is_null() {
                return self.gap(Reason::Unreadable, Some(length));
            }
            (object.read::<*const u8>(ARRAY_ITEMS), *description)
        };
        let shown = length.min(self.limits.items as usize);
        for index in 0..shown {
            if self.halted() {
                return self.cut(Some(length - index));
            }
            self.tick();
            // SAFETY: the array has `length` items of its type there.
            let known = unsafe { self.array_item(items, code, index) };
            if !known {
                return self.gap(Reason::Unreadable, Some(length - index));
            }
        }
        self.gap(Reason::CollectionSize, Some(length - shown));
    }

    /// # Safety
    ///
    /// `items` is to more than `index` items of the type that `code` names.
    unsafe fn array_item(&mut self, items: *const u8, code: u8, index: usize) -> bool {
        /// Reads item `index` as the type.
        macro_rules! item {
            ($type:ty) => {
                // SAFETY: the caller's promise.
                unsafe { items.cast::<$type>().add(index).read_unaligned() }
            };
        }
        match code {
            b'b' => self.out.int(item!(i8).into()),
            b'B' => self.out.int(item!(u8).into()),
            b'h' => self.out.int(item!(i16).into()),
            b'H' => self.out.int(item!(u16).into()),
            b'i' => self.out.int(item!(i32).into()),
            b'I' => self.out.int(item!(u32).into()),
            b'l' | b'q' => self.out.int(item!(i64)),
            b'L' | b'Q' => self.out.uint(item!(u64)),
            b'f' => self.out.float(item!(f32).into()),
            b'd' => self.out.float(item!(f64)),
            b'u' | b'w' => {
                let unit = item!(u32);
                self.out.utf32(&unit.to_le_bytes(), 1);
            }
            _ => return false,
        }
        true
    }

    pub(super) fn view_dict(&self, object: Obj<'g>) -> Option<Dict<'g>> {
        // SAFETY: a view of a dict has the dict there.
        unsafe { object.slot(VIEW_DICT) }.and_then(Dict::of)
    }

    /// `d.keys()`, `d.values()`, `d.items()`: what they show at the moment.
    pub(super) fn view(&mut self, object: Obj<'g>, known: Known, depth: u32) {
        let Some(dict) = self.view_dict(object) else {
            return;
        };
        if known == Known::Items {
            return self.entries(dict, depth);
        }
        let size = dict.length::<DIRECT>();
        let mut entries = dict.entries::<DIRECT>();
        let mut shown = 0;
        while shown < self.limits.items as usize {
            let Some((key, value)) = entries.next() else {
                break;
            };
            if self.halted() {
                return self.cut(Some(size.saturating_sub(shown)));
            }
            if known == Known::Keys {
                self.value(key, depth);
            } else {
                match self.hidden_key(key) {
                    Some(hidden) if hidden.hides(self.kind_of(value)) => {
                        self.redacted(value, hidden.rule());
                    }
                    _ => self.value(value, depth),
                }
            }
            shown += 1;
        }
        self.rest(entries.gave_up(), size.saturating_sub(shown));
    }

    pub(super) fn proxy_dict(&self, object: Obj<'g>) -> Option<Dict<'g>> {
        // SAFETY: a mapping proxy has the mapping there.
        unsafe { object.slot(layout::PROXY_MAPPING) }.and_then(Dict::of)
    }

    /// `types.MappingProxyType`: the mapping behind it.
    pub(super) fn proxy(&mut self, object: Obj<'g>, depth: u32) {
        if let Some(dict) = self.proxy_dict(object) {
            return self.entries(dict, depth);
        }
        // SAFETY: see `proxy_dict`.
        if let Some(mapping) = unsafe { object.slot(layout::PROXY_MAPPING) }
            && !self.part("mapping", Shown::Object(mapping), depth)
        {
            self.cut(None);
        }
    }

    /// A view of memory: its size, and its first bytes if they belong to an object whose memory is safe to read. A mapped file is not: it
    /// may have been cut behind the program's back.
    pub(super) fn memory_view(&mut self, object: Obj<'g>) {
        const RELEASED: i32 = 1;
        // SAFETY: a memoryview has these fields.
        let (flags, data, owner, bytes, item, dimensions, strides) = unsafe {
            (
                object.read::<i32>(layout::MEMORYVIEW_FLAGS),
                object.read::<*const u8>(BUFFER_DATA),
                object.slot(BUFFER_OWNER),
                object.read::<usize>(BUFFER_BYTES),
                object.read::<isize>(BUFFER_ITEM),
                object.read::<i32>(BUFFER_DIMENSIONS),
                object.read::<*const isize>(BUFFER_STRIDES),
            )
        };
        if flags & RELEASED != 0 {
            self.part("state", Shown::Text("released".into()), 0);
            return;
        }
        let size = i64::try_from(bytes).unwrap_or(i64::MAX);
        if !self.part("nbytes", Shown::Int(size), 0) || !self.out.name(b"data") {
            return self.cut(None);
        }
        let plain = owner.is_some_and(|owner| {
            let class = owner.class();
            class.has(super::flags::BYTES)
                || class.derives(&raw const pyo3_ffi::PyByteArray_Type)
                || class.line().any(|class| class.c_name() == b"array.array")
        });
        // SAFETY: a view of at least one dimension has its strides there.
        let contiguous =
            dimensions == 1 && !strides.is_null() && unsafe { strides.read_unaligned() } == item;
        self.tick();
        if plain && contiguous && !data.is_null() {
            // SAFETY: items lie side by side, so the owner's memory holds that many bytes from there on.
            self.out
                .binary(unsafe { std::slice::from_raw_parts(data, bytes) });
        } else {
            let type_id = owner.map(|owner| self.type_id(owner)).unwrap_or_default();
            self.out.skipped(Reason::Unreadable, type_id, Some(bytes));
        }
    }
}
