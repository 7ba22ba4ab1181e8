//! Instances: fields in slots, in inline values, in a dict.
//!
//! An instance's attributes are read where CPython keeps them, never through `__dict__`, whose first use makes an object and slows
//! the program's later attribute reads. Where instances of a class share their keys, the plan names each value by its
//! index; the tape then names the fields once per class (a *shape*).

use pyo3_ffi as ffi;
use stillframe_core::reason::Reason;
use stillframe_core::tape::{ShapeId, TypeId};

use super::capture::{Contents, Walk};
use super::layout;
#[cfg(Py_3_13)]
use super::object::flags;
use super::object::{Dict, Obj};
use super::plan::{Field, Plan, has_managed_dict};

const POINTER: usize = size_of::<usize>();
/// Fields of a shape at most.
const SHAPE_MAX: usize = 255;

/// Where the attributes of one instance are.
pub(super) enum Attributes<'g> {
    None,
    /// Values beside the keys that its class's instances share.
    Values(Values),
    Dict(Dict<'g>),
}

/// Values of shared keys, and the order in which they were set.
#[derive(Clone, Copy)]
pub(super) struct Values {
    items: *const *mut ffi::PyObject,
    /// Null: in the order of the keys.
    order: *const u8,
    step: isize,
    /// Values set.
    pub(super) count: usize,
}

impl Values {
    /// The key's index of the `position`-th value set.
    #[inline]
    fn index(&self, position: usize) -> usize {
        if self.order.is_null() {
            position
        } else {
            // SAFETY: the position is below the number of values set, each of which has its byte in the order.
            usize::from(unsafe { self.order.offset(position as isize * self.step).read() })
        }
    }

    /// What is set, with the index of its key, in the order in which it was set.
    pub(super) fn each<'g>(self) -> impl Iterator<Item = (usize, Obj<'g>)> {
        (0..self.count).filter_map(move |position| {
            let index = self.index(position);
            // SAFETY: indices come from the values themselves.
            Some((index, unsafe { self.get(index) }?))
        })
    }

    /// # Safety
    ///
    /// `index` is that of a shared key for which the values have room.
    #[inline]
    unsafe fn get<'g>(&self, index: usize) -> Option<Obj<'g>> {
        // SAFETY: the caller's promise; what is set is alive.
        unsafe { Obj::new(self.items.add(index).read_unaligned()) }
    }
}

/// Finds an instance's attributes without making anything.
#[inline]
pub(super) fn attributes<'g, const DIRECT: bool>(object: Obj<'g>, plan: &Plan) -> Attributes<'g> {
    if !DIRECT {
        return asked(object);
    }
    #[cfg(Py_3_11)]
    if has_managed_dict(object.class()) {
        return managed(object, plan);
    }
    let Some(dict) = own_dict(object) else {
        return Attributes::None;
    };
    shared(dict, plan)
}

/// A dict's values, if it shares the keys that the plan knows; else the dict.
fn shared<'g>(dict: Dict<'g>, plan: &Plan) -> Attributes<'g> {
    // SAFETY: a dict has these two pointers (self-test).
    let (keys, values) = unsafe {
        (
            dict.0.read::<*const u8>(layout::DICT_KEYS),
            dict.0.read::<*const u8>(layout::DICT_VALUES),
        )
    };
    if values.is_null() || keys.is_null() || keys != plan.keys {
        return Attributes::Dict(dict);
    }
    #[cfg(Py_3_11)]
    // SAFETY: the values of a live dict.
    return Attributes::Values(unsafe { values_at(values) });
    #[cfg(not(Py_3_11))]
    Attributes::Values(Values {
        items: values.cast(),
        order: std::ptr::null(),
        step: 0,
        count: dict.length::<true>(),
    })
}

/// # Safety
///
/// `values` is to the values of a live object or dict.
#[cfg(Py_3_11)]
unsafe fn values_at(values: *const u8) -> Values {
    // SAFETY: the layout of values in this version (self-test).
    #[cfg(Py_3_13)]
    unsafe {
        let capacity = usize::from(values.add(layout::VALUES_CAPACITY).read());
        let items = values.add(layout::VALUES_ITEMS);
        Values {
            items: items.cast(),
            order: items.add(capacity * POINTER),
            step: 1,
            count: usize::from(values.add(layout::VALUES_SET).read()).min(capacity),
        }
    }
    // SAFETY: see above.
    #[cfg(not(Py_3_13))]
    unsafe {
        Values {
            items: values.cast(),
            order: values.sub(3),
            step: -1,
            count: usize::from(values.sub(2).read()),
        }
    }
}

/// Attributes of an object whose class has them managed by the interpreter, before or inside the object.
#[cfg(Py_3_11)]
#[inline]
fn managed<'g>(object: Obj<'g>, plan: &Plan) -> Attributes<'g> {
    let before = |offset: isize| {
        // SAFETY: objects of such a class have these words before them (self-test).
        unsafe {
            object
                .pointer()
                .byte_offset(offset)
                .cast::<*mut u8>()
                .read_unaligned()
        }
    };
    let dict = |pointer: *mut u8| {
        // SAFETY: null or a live dict.
        match unsafe { Obj::new(pointer.cast()) }.and_then(Dict::of) {
            Some(dict) => shared(dict, plan),
            None => Attributes::None,
        }
    };
    #[cfg(not(Py_3_12))]
    {
        let values = before(layout::MANAGED_VALUES);
        if values.is_null() {
            dict(before(layout::MANAGED_DICT))
        } else {
            // SAFETY: the values of a live object.
            Attributes::Values(unsafe { values_at(values) })
        }
    }
    #[cfg(all(Py_3_12, not(Py_3_13)))]
    {
        let either = before(layout::MANAGED_DICT_OR_VALUES);
        if either as usize & 1 == 0 {
            dict(either)
        } else {
            // SAFETY: an odd word is one less than the address of the object's values.
            Attributes::Values(unsafe { values_at(either.wrapping_add(1)) })
        }
    }
    #[cfg(Py_3_13)]
    {
        let pointer = before(layout::MANAGED_DICT);
        let class = object.class();
        if !pointer.is_null() || !class.has(flags::INLINE_VALUES) {
            return dict(pointer);
        }
        let values = object.inside(class.basic_size());
        // SAFETY: objects of a class with this flag end with their values.
        unsafe {
            if values.add(layout::VALUES_VALID).read() == 0 {
                return Attributes::None;
            }
            Attributes::Values(values_at(values))
        }
    }
}

/// The dict to which the object has a pointer, if its class gives it one.
fn own_dict(object: Obj<'_>) -> Option<Dict<'_>> {
    let class = object.class();
    let mut offset = class.dict_offset();
    if offset == 0 {
        return None;
    }
    if offset < 0 {
        // Counted from the end of an object of variable size.
        // SAFETY: objects of variable size have their number of items there.
        let items = unsafe { object.read::<isize>(layout::VAR_SIZE) }.unsigned_abs();
        let end = class.basic_size() + items.checked_mul(class.item_size())?;
        offset += isize::try_from(end.next_multiple_of(POINTER)).ok()?;
    }
    // SAFETY: the class says that its instances have a pointer to their dict there, null until it is needed.
    unsafe { object.slot(usize::try_from(offset).ok()?) }.and_then(Dict::of)
}

/// The fallback's way: the dict is made where there was none. It costs memory, but runs no code of the program.
#[cold]
fn asked(object: Obj<'_>) -> Attributes<'_> {
    let class = object.class();
    if class.dict_offset() == 0 && !has_managed_dict(class) {
        return Attributes::None;
    }
    // SAFETY: the object's class has a dict for its instances; the object keeps it alive when our reference goes.
    unsafe {
        let dict = ffi::PyObject_GenericGetDict(object.pointer(), std::ptr::null_mut());
        let Some(dict) = Obj::new(dict) else {
            ffi::PyErr_Clear();
            return Attributes::None;
        };
        ffi::Py_DECREF(dict.pointer());
        Dict::of(dict).map_or(Attributes::None, Attributes::Dict)
    }
}

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    /// An instance as a value: by its shape where it has most of the fields that its class's instances share.
    pub(super) fn instance(&mut self, object: Obj<'g>, plan: &Plan, depth: u32) {
        self.open(object, None, depth, Some(plan), |walk, type_id| {
            if walk.fits_shape(object, plan) {
                let shape = plan
                    .shape(walk.state.tape)
                    .or_else(|| walk.define_shape(plan, type_id));
                if let Some(shape) = shape {
                    return Some((walk.out.shaped(shape)?, Contents::Shaped));
                }
            }
            Some((walk.out.object(type_id)?, Contents::Fields))
        });
    }

    #[inline]
    fn fits_shape(&self, object: Obj<'g>, plan: &Plan) -> bool {
        let count = plan.named_fields();
        let set = match attributes::<DIRECT>(object, plan) {
            Attributes::Values(values) => values.count,
            Attributes::None => 0,
            Attributes::Dict(_) => return false,
        };
        count > 0
            && count <= SHAPE_MAX.min(self.limits.fields as usize)
            && (plan.slots.len() + set) * 4 >= count * 3
    }

    #[cold]
    fn define_shape(&mut self, plan: &Plan, type_id: TypeId) -> Option<ShapeId> {
        let shape = self.out.define_shape(type_id, plan.shape_names()?)?;
        plan.set_shape(shape);
        Some(shape)
    }

    /// The fields of a shaped object, in the order of the shape.
    pub(super) fn shaped(&mut self, object: Obj<'g>, depth: u32) {
        let plan = self.plan(object);
        for field in &plan.slots {
            if self.halted() {
                return self.cut(None);
            }
            // SAFETY: the plan's slots are offsets of object pointers in instances of the type.
            let value = unsafe { object.slot(field.place as usize) };
            self.field_of_shape(field, value, depth);
        }
        let values = match attributes::<DIRECT>(object, &plan) {
            Attributes::Values(values) => Some(values),
            // An object with a dict of its own is never shaped.
            Attributes::None | Attributes::Dict(_) => None,
        };
        for field in &plan.shared {
            if self.halted() {
                return self.cut(None);
            }
            // SAFETY: the place of a shared field is the index of its key.
            let value = values.and_then(|values| unsafe { values.get(field.place as usize) });
            self.field_of_shape(field, value, depth);
        }
    }

    #[inline]
    fn field_of_shape(&mut self, field: &Field, value: Option<Obj<'g>>, depth: u32) {
        match (value, &field.hidden) {
            (None, _) => {
                self.tick();
                self.out.absent();
            }
            (Some(value), Some(hidden)) if hidden.hides(self.kind_of(value)) => {
                self.tick();
                self.redacted(value, hidden.rule());
            }
            (Some(value), _) => self.value(value, depth),
        }
    }

    /// The fields of an object with their names.
    pub(super) fn fields(&mut self, object: Obj<'g>, depth: u32) {
        let plan = self.plan(object);
        let mut left = self.limits.fields as usize;
        if self.slots(object, &plan, depth, &mut left) {
            self.attribute_fields(object, &plan, depth, left);
        }
    }

    /// Fields in slots. `false` if the group is over.
    pub(super) fn slots(
        &mut self,
        object: Obj<'g>,
        plan: &Plan,
        depth: u32,
        left: &mut usize,
    ) -> bool {
        for (position, field) in plan.slots.iter().enumerate() {
            // SAFETY: the plan's slots are offsets of object pointers in instances of the type.
            let Some(value) = (unsafe { object.slot(field.place as usize) }) else {
                continue;
            };
            if self.halted() {
                self.cut(None);
                return false;
            }
            if *left == 0 {
                self.gap(Reason::FieldCount, Some(plan.slots.len() - position));
                return false;
            }
            *left -= 1;
            let name = plan.names.get(field);
            if !self.named(name, field.hidden.as_deref(), value, depth) {
                self.cut(None);
                return false;
            }
        }
        true
    }

    /// Fields in inline values or a dict.
    pub(super) fn attribute_fields(
        &mut self,
        object: Obj<'g>,
        plan: &Plan,
        depth: u32,
        mut left: usize,
    ) {
        let values = match attributes::<DIRECT>(object, plan) {
            Attributes::None => return,
            Attributes::Dict(dict) => return self.dict_fields(dict, depth, left),
            Attributes::Values(values) => values,
        };
        let mut unnamed = 0;
        for position in 0..values.count {
            let Some(field) = plan.shared.get(values.index(position)) else {
                unnamed += 1;
                continue;
            };
            // SAFETY: the place of a shared field is the index of its key.
            let Some(value) = (unsafe { values.get(field.place as usize) }) else {
                continue;
            };
            if self.halted() {
                return self.cut(Some(values.count - position));
            }
            if left == 0 {
                return self.gap(Reason::FieldCount, Some(values.count - position));
            }
            left -= 1;
            let name = plan.names.get(field);
            if !self.named(name, field.hidden.as_deref(), value, depth) {
                return self.cut(Some(values.count - position));
            }
        }
        self.gap(Reason::FieldCount, Some(unnamed));
    }

    /// The entries of a namespace as fields.
    pub(super) fn dict_fields(&mut self, dict: Dict<'g>, depth: u32, left: usize) {
        let size = dict.length::<DIRECT>();
        let mut entries = dict.entries::<DIRECT>();
        let mut shown = 0;
        while shown < left {
            let Some((key, value)) = entries.next() else {
                break;
            };
            if self.halted() || !self.entry(key, value, depth) {
                return self.cut(Some(size.saturating_sub(shown)));
            }
            shown += 1;
        }
        let reason = if entries.gave_up() {
            Reason::Unreadable
        } else {
            Reason::FieldCount
        };
        self.gap(reason, Some(size.saturating_sub(shown)));
    }

    /// Items of a tuple under their names.
    pub(super) fn named_items(&mut self, object: Obj<'g>, depth: u32) {
        let plan = self.plan(object);
        let Some(tuple) = super::object::Tuple::of(object) else {
            return;
        };
        let items = tuple.items::<DIRECT>();
        let shown = items.length.min(self.limits.fields as usize);
        for index in 0..shown {
            if self.halted() {
                return self.cut(Some(items.length - index));
            }
            let Some(item) = items.get(index) else {
                continue;
            };
            let written = match plan.slots.get(index) {
                Some(field) => {
                    let name = plan.names.get(field);
                    self.named(name, field.hidden.as_deref(), item, depth)
                }
                None => self.named(index.to_string().as_bytes(), None, item, depth),
            };
            if !written {
                return self.cut(Some(items.length - index));
            }
        }
        self.gap(Reason::FieldCount, Some(items.length - shown));
    }

    /// One attribute of an instance by its name; nothing runs to find it.
    pub(super) fn attribute(&mut self, object: Obj<'g>, name: &[u8]) -> Option<Obj<'g>> {
        let plan = self.plan(object);
        if let Some(field) = plan
            .slots
            .iter()
            .find(|field| plan.names.get(field) == name)
        {
            // SAFETY: the plan's slots are offsets of object pointers in instances of the type.
            return unsafe { object.slot(field.place as usize) };
        }
        match attributes::<DIRECT>(object, &plan) {
            Attributes::None => None,
            Attributes::Dict(dict) => dict.find::<DIRECT>(name),
            Attributes::Values(values) => {
                let field = plan
                    .shared
                    .iter()
                    .find(|field| plan.names.get(field) == name)?;
                // SAFETY: the place of a shared field is the index of its key.
                unsafe { values.get(field.place as usize) }
            }
        }
    }
}
