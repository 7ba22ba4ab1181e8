//! What is known about a type: how its instances are stored, what its fields are called, and which of them are hidden.
//!
//! A plan is made when a type is first seen and found again by the type's address *and* state. Addresses of freed
//! types are reused, so the address alone proves nothing: a plan holds only while the type's version tag, the number that
//! CPython gives to each state of each type exactly once, is the one it was made from. A class without a tag is planned anew in
//! each capture. No reference to the type is held.
//!
//! Costs: a found plan about 2 ns; a new one a few µs.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use stillframe_core::tape::{ShapeId, ShapeNames, TypeId};

use super::known::Known;
use super::layout;
use super::object::{Class, Dict, Obj, Str, Tuple, flags};
use super::rules::{Hidden, NAME_MAX, Rules};

/// Fields planned per type; more are named one by one.
const MAX_FIELDS: usize = 255;
const SLOTS: usize = 1024;
const PROBES: usize = 4;

/// How instances of a type are shown.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    None,
    Bool,
    Int,
    Float,
    Str,
    Bytes,
    List,
    Tuple,
    /// A tuple whose items have the names of the plan's fields.
    NamedTuple,
    Dict,
    Set,
    Exception,
    /// Decoded by its own page.
    Known(Known),
    /// Fields in slots, inline values, a dict.
    Instance,
    /// Nothing is known but the type.
    Opaque,
}

/// A field's name and what the rules say of it.
#[derive(Debug)]
pub(super) struct Field {
    start: u32,
    length: u32,
    /// Where the value is: an offset into the instance, or an index.
    pub(super) place: u32,
    pub(super) hidden: Option<Box<Hidden>>,
}

/// Names in one piece of memory.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: Vec<u8>,
}

impl Names {
    pub(super) fn field(&mut self, name: &[u8], place: usize, rules: &Rules<'_>) -> Field {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(name);
        Field {
            start,
            length: name.len() as u32,
            place: place as u32,
            hidden: rules.name(name).map(Box::new),
        }
    }

    #[inline]
    pub(super) fn get(&self, field: &Field) -> &[u8] {
        let start = field.start as usize;
        &self.text[start..start + field.length as usize]
    }
}

#[derive(Debug)]
pub(super) struct Plan {
    state: State,
    pub(super) kind: Kind,
    /// Qualified name of the type, in UTF-8.
    pub(super) name: Box<[u8]>,
    /// The rule for which no instance is ever read.
    pub(super) hidden: Option<Box<str>>,
    pub(super) names: Names,
    /// Fields at fixed offsets.
    pub(super) slots: Vec<Field>,
    /// Fields by their index in the keys that instances share.
    pub(super) shared: Vec<Field>,
    /// Those keys, null if none.
    pub(super) keys: *const u8,
    /// On which tape the ids below were defined.
    tape: Cell<u64>,
    type_id: Cell<TypeId>,
    shape: Cell<Option<ShapeId>>,
    shape_names: OnceCell<Option<ShapeNames>>,
}

impl Plan {
    /// Whether instances have fields that the plan names.
    pub(super) fn named_fields(&self) -> usize {
        self.slots.len() + self.shared.len()
    }

    /// The names of a shape's fields; none if they are too many for one.
    pub(super) fn shape_names(&self) -> Option<&ShapeNames> {
        let fields = || self.slots.iter().chain(&self.shared);
        let made = || ShapeNames::new(fields().map(|field| self.names.get(field)));
        self.shape_names.get_or_init(made).as_ref()
    }

    pub(super) fn type_id(&self, tape: u64) -> Option<TypeId> {
        (self.tape.get() == tape).then(|| self.type_id.get())
    }

    pub(super) fn set_type_id(&self, tape: u64, id: TypeId) {
        self.tape.set(tape);
        self.type_id.set(id);
        self.shape.set(None);
    }

    /// The shape, if one was defined on the tape for which `type_id` holds.
    #[inline]
    pub(super) fn shape(&self, tape: u64) -> Option<ShapeId> {
        if self.tape.get() == tape {
            self.shape.get()
        } else {
            None
        }
    }

    pub(super) fn set_shape(&self, id: ShapeId) {
        self.shape.set(Some(id));
    }
}

/// By what a plan is found and proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    address: usize,
    version: u32,
    /// The capture in which a plan of a type without version holds.
    tape: u64,
    qualified_name: usize,
    keys: *const u8,
    key_count: usize,
}

impl State {
    #[inline]
    fn of<const DIRECT: bool>(class: Class<'_>, tape: u64) -> Self {
        let version = class.version();
        let heap = class.is_heap();
        let keys = if DIRECT && heap {
            class.cached_keys()
        } else {
            std::ptr::null()
        };
        let key_count = if keys.is_null() {
            0
        } else {
            // SAFETY: the keys of a live type begin with their head.
            unsafe {
                keys.add(layout::KEYS_ENTRIES)
                    .cast::<usize>()
                    .read_unaligned()
            }
        };
        Self {
            address: class.pointer() as usize,
            version,
            tape: if version == 0 && heap { tape } else { 0 },
            qualified_name: if DIRECT && heap {
                class.qualified_name().map_or(0, |name| name.0.address())
            } else {
                0
            },
            keys,
            key_count,
        }
    }
}

/// The plans of all types seen.
pub(super) struct Plans {
    table: Vec<Option<Rc<Plan>>>,
    /// Version of the type `object`: it changes only when all version tags are taken back (up to 3.11).
    root: u32,
}

impl Default for Plans {
    fn default() -> Self {
        Self {
            table: vec![None; SLOTS],
            root: 0,
        }
    }
}

impl Plans {
    /// Before each capture: forgets everything if version tags may have begun anew.
    pub(super) fn begin(&mut self, object: Class<'_>) {
        let root = object.version();
        if root != self.root {
            self.root = root;
            self.forget();
        }
    }

    pub(super) fn forget(&mut self) {
        self.table.fill(None);
    }

    #[inline]
    pub(super) fn get<const DIRECT: bool>(
        &mut self,
        class: Class<'_>,
        tape: u64,
        rules: &Rules<'_>,
        facts: &super::Facts,
    ) -> Rc<Plan> {
        let state = State::of::<DIRECT>(class, tape);
        let home = (state.address >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - 10);
        for probe in 0..PROBES {
            if let Some(plan) = &self.table[(home + probe) % SLOTS]
                && plan.state == state
            {
                return Rc::clone(plan);
            }
        }
        self.make::<DIRECT>(class, state, home, rules, facts)
    }

    #[cold]
    #[inline(never)]
    fn make<const DIRECT: bool>(
        &mut self,
        class: Class<'_>,
        state: State,
        home: usize,
        rules: &Rules<'_>,
        facts: &super::Facts,
    ) -> Rc<Plan> {
        let slot = (0..PROBES)
            .map(|probe| (home + probe) % SLOTS)
            .find(|&slot| {
                self.table[slot]
                    .as_ref()
                    .is_none_or(|plan| plan.state.address == state.address)
            })
            // All taken: the type's own bits choose which one goes.
            .unwrap_or((home + state.version as usize % PROBES) % SLOTS);
        let plan = Rc::new(plan_of::<DIRECT>(class, state, rules, facts));
        self.table[slot] = Some(Rc::clone(&plan));
        plan
    }
}

fn plan_of<const DIRECT: bool>(
    class: Class<'_>,
    state: State,
    rules: &Rules<'_>,
    facts: &super::Facts,
) -> Plan {
    let name = qualified_name::<DIRECT>(class);
    let mut plan = Plan {
        state,
        kind: Kind::Opaque,
        hidden: rules.type_name(&name),
        name: name.into(),
        names: Names::default(),
        slots: Vec::new(),
        shared: Vec::new(),
        keys: state.keys,
        tape: Cell::new(0),
        type_id: Cell::new(TypeId::default()),
        shape: Cell::new(None),
        shape_names: OnceCell::new(),
    };
    plan.kind = kind_of::<DIRECT>(class, facts, &mut plan, rules);
    if matches!(plan.kind, Kind::Exception | Kind::Known(_)) {
        plan_fields::<DIRECT>(class, &mut plan, rules);
    }
    if matches!(plan.kind, Kind::Instance | Kind::Opaque) {
        plan_fields::<DIRECT>(class, &mut plan, rules);
        let has_dict = class.dict_offset() != 0 || has_managed_dict(class);
        plan.kind = if has_dict || !plan.slots.is_empty() || facts.is_python_class(class) {
            Kind::Instance
        } else {
            Kind::Opaque
        };
    }
    plan
}

pub(super) fn has_managed_dict(class: Class<'_>) -> bool {
    #[cfg(Py_3_11)]
    return class.has(flags::MANAGED_DICT);
    #[cfg(not(Py_3_11))]
    {
        let _ = class;
        false
    }
}

fn kind_of<const DIRECT: bool>(
    class: Class<'_>,
    facts: &super::Facts,
    plan: &mut Plan,
    rules: &Rules<'_>,
) -> Kind {
    use pyo3_ffi as ffi;
    // A decoder goes before the storage it is built on: an enum member may be an int, a path a str.
    if let Some(known) = Known::of::<DIRECT>(class, facts) {
        return Kind::Known(known);
    }
    if class.has(flags::STR) {
        return Kind::Str;
    }
    if class.is(&raw const ffi::PyBool_Type) {
        return Kind::Bool;
    }
    if class.has(flags::INT) {
        return Kind::Int;
    }
    if class.has(flags::DICT) {
        return Kind::Dict;
    }
    if class.has(flags::LIST) {
        return Kind::List;
    }
    if class.has(flags::TUPLE) {
        return if plan_items::<DIRECT>(class, plan, rules) {
            Kind::NamedTuple
        } else {
            Kind::Tuple
        };
    }
    if class.has(flags::BYTES) {
        return Kind::Bytes;
    }
    if class.has(flags::EXCEPTION) {
        return Kind::Exception;
    }
    if class.is(facts.none_type) {
        return Kind::None;
    }
    if class.derives(&raw const ffi::PyFloat_Type) {
        return Kind::Float;
    }
    if class.derives(&raw const ffi::PySet_Type) || class.derives(&raw const ffi::PyFrozenSet_Type)
    {
        return Kind::Set;
    }
    Kind::Instance
}

/// Names the items of a tuple type, if they have names: `_fields` of a named tuple, the members of a struct sequence.
fn plan_items<const DIRECT: bool>(class: Class<'_>, plan: &mut Plan, rules: &Rules<'_>) -> bool {
    for class in class.line() {
        if let Some(fields) = class
            .namespace()
            .and_then(|namespace| namespace.find::<DIRECT>(b"_fields"))
            .and_then(Tuple::of)
        {
            let fields = fields.items::<DIRECT>();
            for index in 0..fields.length.min(MAX_FIELDS) {
                let Some(name) = fields.get(index).and_then(Str::of) else {
                    plan.slots.clear();
                    return false;
                };
                let name = name.to_utf8::<DIRECT>(NAME_MAX);
                plan.slots.push(plan.names.field(&name, index, rules));
            }
            return !plan.slots.is_empty();
        }
        if !class.is(&raw const pyo3_ffi::PyTuple_Type)
            && class
                .base()
                .is_some_and(|base| base.is(&raw const pyo3_ffi::PyTuple_Type))
        {
            // A struct sequence made in C: member i is item i.
            for (index, member) in class.members().take(MAX_FIELDS).enumerate() {
                if member.offset != layout::TUPLE_ITEMS + 8 * index {
                    break;
                }
                plan.slots.push(plan.names.field(member.name, index, rules));
            }
            return !plan.slots.is_empty();
        }
    }
    false
}

fn plan_fields<const DIRECT: bool>(class: Class<'_>, plan: &mut Plan, rules: &Rules<'_>) {
    // Bases first, as the fields were declared.
    let line: Vec<_> = class.line().collect();
    for class in line.into_iter().rev() {
        for member in class.members() {
            let hidden_by_c = member.name.starts_with(b"__") && !class.is_heap();
            if member.is_object()
                && member.offset >= 16
                && member.offset + 8 <= class.basic_size()
                && !hidden_by_c
                && plan.slots.len() < MAX_FIELDS
            {
                let field = plan.names.field(member.name, member.offset, rules);
                plan.slots.push(field);
            }
        }
    }
    if !DIRECT || plan.keys.is_null() {
        return;
    }
    // SAFETY: the keys of a live type.
    let (first, stride, count) = unsafe { super::container::key_entries(plan.keys) };
    for index in 0..count.min(MAX_FIELDS - plan.slots.len().min(MAX_FIELDS)) {
        // SAFETY: the index is below the number of entries; the key of a shared entry is a live str.
        let key = unsafe {
            let key = first.add((index + 1) * stride - 16);
            Obj::new(key.cast::<*mut pyo3_ffi::PyObject>().read_unaligned())
        };
        let name = key
            .and_then(Str::of)
            .map(|name| name.to_utf8::<DIRECT>(NAME_MAX))
            .unwrap_or_default();
        let field = plan.names.field(&name, index, rules);
        plan.shared.push(field);
    }
}

/// `module.QualName`; without the module for built-ins.
pub(super) fn qualified_name<const DIRECT: bool>(class: Class<'_>) -> Vec<u8> {
    if !class.is_heap() {
        let name = class.c_name();
        return name.strip_prefix(b"builtins.").unwrap_or(name).to_vec();
    }
    // Where the name lies is known on the fast path only.
    let own = match DIRECT.then(|| class.qualified_name()).flatten() {
        Some(name) => name.to_utf8::<DIRECT>(NAME_MAX),
        None => {
            let name = class.c_name();
            let dot = name.iter().rposition(|&byte| byte == b'.');
            name[dot.map_or(0, |dot| dot + 1)..].to_vec()
        }
    };
    let module = class
        .namespace()
        .and_then(|namespace: Dict<'_>| namespace.find::<DIRECT>(b"__module__"))
        .and_then(Str::of);
    match module {
        Some(module) if !module.is_ascii::<DIRECT>(b"builtins") => {
            let mut name = module.to_utf8::<DIRECT>(NAME_MAX);
            name.push(b'.');
            name.extend_from_slice(&own);
            name
        }
        _ => own,
    }
}
