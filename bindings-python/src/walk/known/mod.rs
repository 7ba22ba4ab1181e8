//! Types with a meaning of their own, shown by it: decoded from their storage, never by running their code.
//!
//! [`Known::of`] decides once per type (the plan keeps the answer), by the interpreter's own type objects or by name. A name
//! proves nothing about storage: what lies in C structures is read only of types made in C, with the size that the layout has, and
//! checked as it is read; everything else is read as attributes, which are where they are whatever the class is called. A decoder
//! that finds something else than it expects says so for that one value.

mod array;
mod callable;
mod collection;
mod decimal;
mod enums;
mod files;
mod models;
mod names;
mod pandas;
mod running;
mod time;

use pyo3_ffi as ffi;
use stillframe_core::reason::Reason;
use stillframe_core::tape::{TextFlags, TypeId};

use super::Facts;
use super::capture::{Contents, Walk};
#[cfg(Py_3_15)]
use super::object::Dict;
use super::object::{Class, Obj, flags};
use super::plan::{Kind, Plan, qualified_name};

/// How a known type is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    // Scalars.
    Complex,
    ByteArray,
    Ellipsis,
    DateTime,
    Date,
    TimeOfDay,
    Duration,
    /// pandas': a datetime by its base.
    NotATime,
    Zone,
    Decimal,
    Fraction,
    Uuid,
    Path,
    Pattern,
    Address,
    Enum,
    // Named by their qualified name.
    Class,
    Function,
    Method,
    Builtin,
    Module,
    // Collections.
    Deque,
    Array,
    MemoryView,
    Proxy,
    Keys,
    Values,
    Items,
    Range,
    #[cfg(Py_3_15)]
    FrozenDict,
    NdArray,
    NumpyScalar,
    DataFrame,
    Series,
    Index,
    // What runs or will run.
    Generator,
    Coroutine,
    AsyncGenerator,
    /// `asyncio`'s, made in C.
    Future,
    Weakref,
    /// `_io`: a raw file, or a buffer or text around one.
    File,
    // Object-relational mappers: their own bookkeeping is left out.
    Model,
    QuerySet,
}

/// A value ready to be shown, or an object to be looked at.
pub(super) enum Shown<'g> {
    Object(Obj<'g>),
    Text(String),
    Int(i64),
    Skipped(Reason),
    /// Part `n` of the known object, a list of so many items.
    List(Obj<'g>, u8, usize),
}

impl Known {
    pub(super) fn of<const DIRECT: bool>(class: Class<'_>, facts: &Facts) -> Option<Self> {
        if class.has(flags::TYPE) {
            return Some(Self::Class);
        }
        if enums::is_enum(class) {
            return Some(Self::Enum);
        }
        class.line().find_map(|base| {
            // The fallback reads no C structure, however public; what has a name can be asked for it.
            let named = [Known::Function, Known::Builtin, Known::Module];
            let exact = exact(base).filter(|known| DIRECT || named.contains(known));
            exact.or_else(|| by_name::<DIRECT>(class, base, facts))
        })
    }
}

unsafe extern "C" {
    static PyMethod_Type: ffi::PyTypeObject;
}

/// Types that the interpreter exports.
fn exact(class: Class<'_>) -> Option<Known> {
    let known: &[(*const ffi::PyTypeObject, Known)] = &[
        (&raw const ffi::PyFunction_Type, Known::Function),
        (&raw const ffi::PyCFunction_Type, Known::Builtin),
        (&raw const PyMethod_Type, Known::Method),
        (&raw const ffi::PyModule_Type, Known::Module),
        (&raw const ffi::PyGen_Type, Known::Generator),
        (&raw const ffi::PyCoro_Type, Known::Coroutine),
        (&raw const ffi::PyAsyncGen_Type, Known::AsyncGenerator),
        (&raw const ffi::PyComplex_Type, Known::Complex),
        (&raw const ffi::PyByteArray_Type, Known::ByteArray),
        (&raw const ffi::PyMemoryView_Type, Known::MemoryView),
        (&raw const ffi::PyDictProxy_Type, Known::Proxy),
        (&raw const ffi::PyDictKeys_Type, Known::Keys),
        (&raw const ffi::PyDictValues_Type, Known::Values),
        (&raw const ffi::PyDictItems_Type, Known::Items),
        (&raw const ffi::PyRange_Type, Known::Range),
        (&raw const ffi::PyEllipsis_Type, Known::Ellipsis),
    ];
    known
        .iter()
        .find(|(pointer, _)| class.is(*pointer))
        .map(|(_, known)| *known)
}

/// Names of types made in C, and the least size of their instances.
const IN_C: &[(&[u8], usize, Known)] = &[
    (b"datetime.datetime", 48, Known::DateTime),
    (b"datetime.date", 32, Known::Date),
    (b"datetime.time", 40, Known::TimeOfDay),
    (b"datetime.timedelta", 40, Known::Duration),
    (b"datetime.timezone", 32, Known::Zone),
    (b"decimal.Decimal", 64, Known::Decimal),
    (b"collections.deque", 64, Known::Deque),
    (b"array.array", 56, Known::Array),
    (b"re.Pattern", 64, Known::Pattern),
    (b"_asyncio.Future", 64, Known::Future),
    (b"_asyncio.Task", 64, Known::Future),
    (b"weakref", 32, Known::Weakref),
    (b"weakref.ReferenceType", 32, Known::Weakref),
    (b"weakref.CallableProxyType", 32, Known::Weakref),
    (b"weakref.ProxyType", 32, Known::Weakref),
    (b"weakproxy", 32, Known::Weakref),
    (b"_io.FileIO", 48, Known::File),
    (b"_io.BufferedReader", 64, Known::File),
    (b"_io.BufferedWriter", 64, Known::File),
    (b"_io.BufferedRandom", 64, Known::File),
    (b"_io.TextIOWrapper", 128, Known::File),
    (b"numpy.ndarray", 64, Known::NdArray),
    (b"numpy.generic", 16, Known::NumpyScalar),
];

/// Classes by the qualified names of themselves or a base.
const IN_PYTHON: &[(&[u8], Known)] = &[
    (b"uuid.UUID", Known::Uuid),
    (b"fractions.Fraction", Known::Fraction),
    (b"pathlib.PurePath", Known::Path),
    (b"pathlib._local.PurePath", Known::Path),
    (b"ipaddress.IPv4Address", Known::Address),
    (b"ipaddress.IPv6Address", Known::Address),
    (b"pandas._libs.tslibs.nattype.NaTType", Known::NotATime),
    (b"pandas.api.typing.NaTType", Known::NotATime),
    (b"pandas.core.frame.DataFrame", Known::DataFrame),
    (b"pandas.DataFrame", Known::DataFrame),
    (b"pandas.core.series.Series", Known::Series),
    (b"pandas.Series", Known::Series),
    (b"pandas.core.indexes.base.Index", Known::Index),
    (b"pandas.Index", Known::Index),
    (b"django.db.models.base.Model", Known::Model),
    (b"django.db.models.query.QuerySet", Known::QuerySet),
];

fn by_name<const DIRECT: bool>(class: Class<'_>, base: Class<'_>, facts: &Facts) -> Option<Known> {
    if facts.is_python_class(base) {
        let name = qualified_name::<DIRECT>(base);
        if let Some((_, known)) = IN_PYTHON.iter().find(|(known, _)| *known == name) {
            return Some(*known);
        }
        if base == class && models::is_mapped::<DIRECT>(base) {
            return Some(Known::Model);
        }
        return None;
    }
    if !DIRECT {
        return None;
    }
    let name = base.c_name();
    #[cfg(Py_3_15)]
    if name == b"frozendict" {
        return Some(Known::FrozenDict);
    }
    IN_C.iter()
        .find(|(known, size, _)| *known == name && base.basic_size() >= *size)
        .map(|(_, _, known)| *known)
}

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    /// A value of a known type: written whole if it is a scalar, else opened.
    pub(super) fn known(&mut self, object: Obj<'g>, known: Known, plan: &Plan, depth: u32) {
        let scalar = match known {
            Known::Complex => self.complex(object),
            Known::ByteArray => return self.byte_array(object, plan),
            Known::Ellipsis => Some("Ellipsis".to_owned()),
            Known::NotATime => Some("NaT".to_owned()),
            Known::DateTime | Known::Date | Known::TimeOfDay | Known::Duration => {
                return self.time(object, known, plan);
            }
            Known::Zone => time::zone(object),
            Known::Decimal => decimal::text(object),
            Known::Fraction => self.fraction(object),
            Known::Uuid => self.uuid(object),
            Known::Path => self.path(object),
            Known::Pattern => self.pattern(object),
            Known::Range => self.range(object),
            Known::Weakref => self.weakref(object),
            Known::Address => self.address(object),
            Known::Enum => return self.enum_member(object, plan),
            Known::Class | Known::Function | Known::Method | Known::Builtin | Known::Module => {
                self.callable_name(object, known)
            }
            Known::NumpyScalar => return self.numpy_scalar(object, plan, depth),
            _ => return self.known_container(object, known, plan, depth),
        };
        match scalar {
            Some(text) => self.rendered(plan, &text),
            None => self.unexpected(plan),
        }
    }

    /// Text that stands for a value that is not text.
    pub(super) fn rendered(&mut self, plan: &Plan, text: &str) {
        let type_id = self.type_of(plan);
        self.out.as_type(type_id);
        self.out.utf8(text, TextFlags::RENDERED);
    }

    /// A known type whose storage is not what it should be.
    pub(super) fn unexpected(&mut self, plan: &Plan) {
        let type_id = self.type_of(plan);
        self.out
            .failed(type_id, "storage of this type is not as expected");
    }

    fn known_container(&mut self, object: Obj<'g>, known: Known, plan: &Plan, depth: u32) {
        let size = match known {
            Known::Deque => self.deque_length(object),
            Known::Array => self.array_length(object),
            Known::Keys | Known::Values | Known::Items => {
                self.view_dict(object).map(|dict| dict.length::<DIRECT>())
            }
            Known::Proxy => self.proxy_dict(object).map(|dict| dict.length::<DIRECT>()),
            #[cfg(Py_3_15)]
            Known::FrozenDict => Dict::of(object).map(Dict::length::<DIRECT>),
            _ => None,
        };
        self.open(object, size, depth, Some(plan), |walk, type_id| {
            let id = match (known, size) {
                (Known::Proxy, Some(size)) => walk.out.map(type_id, size)?,
                #[cfg(Py_3_15)]
                (Known::FrozenDict, Some(size)) => walk.out.map(type_id, size)?,
                (_, Some(size)) => walk.out.list(type_id, size)?,
                (_, None) => walk.out.object(type_id)?,
            };
            Some((id, Contents::Known(0)))
        });
    }

    /// The contents of a container of a known type, or of a part of it.
    pub(super) fn known_contents(&mut self, object: Obj<'g>, part: u8, depth: u32) {
        let plan = self.plan(object);
        let Kind::Known(known) = plan.kind else {
            return;
        };
        match known {
            Known::Deque => self.deque(object, depth),
            Known::Array => self.array(object),
            Known::MemoryView => self.memory_view(object),
            Known::Keys | Known::Values | Known::Items => self.view(object, known, depth),
            Known::Proxy => self.proxy(object, depth),
            #[cfg(Py_3_15)]
            Known::FrozenDict => {
                if let Some(dict) = Dict::of(object) {
                    self.entries(dict, depth);
                }
            }
            Known::NdArray => self.nd_array(object, part, depth),
            Known::DataFrame => self.data_frame(object, part, depth),
            Known::Series => self.series(object, part, depth),
            Known::Index => self.index(object, part, depth),
            Known::Generator | Known::Coroutine | Known::AsyncGenerator => {
                self.generator(object, part, depth);
            }
            Known::Future => self.future(object, depth),
            Known::File => self.file(object, depth),
            Known::Model => self.model(object, &plan, depth),
            Known::QuerySet => self.query_set(object, depth),
            _ => {}
        }
    }

    /// Writes a value that has been made ready.
    pub(super) fn show(&mut self, shown: Shown<'g>, depth: u32) {
        match shown {
            Shown::Object(object) => self.value(object, depth),
            Shown::Text(text) => {
                self.tick();
                self.out.utf8(&text, TextFlags::RENDERED);
            }
            Shown::Int(value) => {
                self.tick();
                self.out.int(value);
            }
            Shown::Skipped(reason) => {
                self.tick();
                self.out.skipped(reason, TypeId::default(), None);
            }
            Shown::List(object, part, size) => {
                self.tick();
                if self.out.list(TypeId::default(), size).is_some() {
                    self.push(object, Contents::Known(part), depth);
                }
            }
        }
    }
}
