//! Are the layouts those of this interpreter? Objects of known content are read through them and must come out as they went in.
//!
//! Runs once, at the first start, in some ten microseconds; makes a few objects of its own and frees them. On 3.13
//! and newer the offsets that the interpreter publishes for debuggers are compared first, so that a foreign layout is not even tried.

use std::ffi::CStr;
use std::ptr::null_mut;

use pyo3_ffi as ffi;

use super::code::Owned;
use super::container::Sequence;
use super::instance::{Attributes, attributes};
use super::number::{Integer, float};
use super::object::{Bytes, Class, Code, Dict, Exception, Frame, Int, List, Obj, Set, Str, Tuple};
use super::plan::Plans;
use super::record::Record;
use super::text::Text;
use super::{Facts, layout};

type Check = Result<(), String>;

/// Fails with a text that says what does not hold.
macro_rules! hold {
    ($condition:expr, $what:expr) => {
        if !$condition {
            return Err(format!("self-test failed: {}", $what));
        }
    };
}

/// Checks everything that the walk relies on.
pub(super) fn run(facts: &Facts) -> Check {
    hold!(layout::SUPPORTED, "layouts of this build are not known");
    #[cfg(Py_3_13)]
    published()?;
    hold!(
        running_minor() == layout::MINOR,
        "built for another version"
    );
    let saved = Errors::save();
    let result = texts()
        .and_then(|()| numbers())
        .and_then(|()| collections())
        .and_then(|()| program(facts));
    drop(saved);
    result
}

/// The error that is set in this thread, put back when dropped.
#[cfg(Py_3_12)]
struct Errors(*mut ffi::PyObject);

#[cfg(Py_3_12)]
impl Errors {
    fn save() -> Self {
        // SAFETY: the GIL is held.
        Self(unsafe { ffi::PyErr_GetRaisedException() })
    }
}

#[cfg(Py_3_12)]
impl Drop for Errors {
    fn drop(&mut self) {
        // SAFETY: what was fetched is given back (null: no error).
        unsafe { ffi::PyErr_SetRaisedException(self.0) };
    }
}

/// The error that is set in this thread, put back when dropped.
#[cfg(not(Py_3_12))]
struct Errors([*mut ffi::PyObject; 3]);

#[cfg(not(Py_3_12))]
impl Errors {
    fn save() -> Self {
        let mut parts = [null_mut(); 3];
        let [kind, value, traceback] = &mut parts;
        // SAFETY: the GIL is held; three places to put references.
        unsafe { ffi::PyErr_Fetch(kind, value, traceback) };
        Self(parts)
    }
}

#[cfg(not(Py_3_12))]
impl Drop for Errors {
    fn drop(&mut self) {
        // SAFETY: what was fetched is given back.
        unsafe { ffi::PyErr_Restore(self.0[0], self.0[1], self.0[2]) };
    }
}

fn running_minor() -> u32 {
    // SAFETY: a static C string that begins with the version.
    let version = unsafe { CStr::from_ptr(ffi::Py_GetVersion()) }.to_bytes();
    let digits = version.strip_prefix(b"3.").unwrap_or(b"");
    digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |number, byte| number * 10 + u32::from(byte - b'0'))
}

/// The offsets that `_PyRuntime` begins with.
#[cfg(Py_3_13)]
fn published() -> Check {
    unsafe extern "C" {
        static _PyRuntime: [u8; 4096];
    }
    let runtime = (&raw const _PyRuntime).cast::<u8>();
    let word = |at: usize| {
        // SAFETY: the table of offsets is at the beginning of the runtime's state, which is far larger than the places read.
        u64::from_le(unsafe { runtime.add(at).cast::<u64>().read_unaligned() })
    };
    hold!(
        word(0) == u64::from_le_bytes(*b"xdebugpy"),
        "no published offsets"
    );
    hold!(
        word(8) >> 16 == u64::from(0x0300 | layout::MINOR),
        "published offsets of another version"
    );
    hold!(word(16) == 0, "free-threaded build");
    for &(at, ours) in layout::PUBLISHED {
        hold!(
            word(at) == ours,
            format!("published offset at {at} is {}, ours {ours}", word(at))
        );
    }
    Ok(())
}

/// A new object, or why there is none.
///
/// # Safety
///
/// `pointer` is null or a new reference.
unsafe fn made(pointer: *mut ffi::PyObject) -> Result<Owned, String> {
    // SAFETY: the caller's promise; the GIL is held.
    unsafe { Owned::new(pointer) }.ok_or_else(|| {
        // SAFETY: the error of the call that failed.
        unsafe { ffi::PyErr_Clear() };
        "self-test could not make its objects".to_owned()
    })
}

fn text(content: &str) -> Result<Owned, String> {
    // SAFETY: UTF-8 of this length; a new reference.
    unsafe {
        made(ffi::PyUnicode_FromStringAndSize(
            content.as_ptr().cast(),
            content.len().cast_signed(),
        ))
    }
}

fn texts() -> Check {
    for content in ["", "plain", "caf\u{e9}", "\u{20ac}uro", "\u{1f600}!"] {
        let object = text(content)?;
        let stored = Str::of(object.get()).map(|text| text.stored());
        let form = stored.is_some_and(|stored| {
            matches!(
                (content.chars().map(u32::from).max().unwrap_or(0), stored),
                (..0x80, Text::Ascii(_))
                    | (0x80..0x100, Text::Latin1(_))
                    | (0x100..0x1_0000, Text::Two(_))
                    | (0x1_0000.., Text::Four(..))
            )
        });
        hold!(form, format!("form of a str ({content:?})"));
        let read = stored.map(|stored| stored.to_utf8(64)).unwrap_or_default();
        hold!(read == content.as_bytes(), format!("str {content:?}"));
    }
    // SAFETY: four bytes; a new reference.
    let bytes = unsafe { made(ffi::PyBytes_FromStringAndSize(c"a\xffb".as_ptr(), 3)) }?;
    let read = Bytes::of(bytes.get()).map(Bytes::data::<true>);
    hold!(read == Some(b"a\xffb".as_slice()), "bytes");
    // A hash that was asked for is found beside the text.
    let named = text("a name to be hashed")?;
    // SAFETY: hashing a str runs no other code.
    let hash = unsafe { ffi::PyObject_Hash(named.get().pointer()) };
    let read = Str::of(named.get()).and_then(Str::hash::<true>);
    hold!(read == Some(hash as u64), "hash of a str");
    Ok(())
}

fn numbers() -> Check {
    for value in [
        0,
        1,
        -1,
        1 << 29,
        -(1 << 30),
        (1 << 30) + 7,
        (1 << 59) - 1,
        1 << 60,
        i64::MAX,
        i64::MIN,
    ] {
        // SAFETY: a new reference.
        let object = unsafe { made(ffi::PyLong_FromLongLong(value)) }?;
        let read = Int::of(object.get()).map(Int::value::<true>);
        hold!(read == Some(Integer::Small(value)), format!("int {value}"));
    }
    // SAFETY: a C string that is a number of 130 bits: 2^129 + 1.
    let big = unsafe {
        made(ffi::PyLong_FromString(
            c"200000000000000000000000000000001".as_ptr(),
            null_mut(),
            16,
        ))
    }?;
    let expected = Integer::Big {
        negative: false,
        bits: 130,
        head: 1 << 127,
    };
    let read = Int::of(big.get()).map(Int::value::<true>);
    hold!(read == Some(expected), "int of 130 bits");
    // SAFETY: a new reference.
    let object = unsafe { made(ffi::PyFloat_FromDouble(-2.5)) }?;
    hold!(
        float(object.get()).to_bits() == (-2.5_f64).to_bits(),
        "float"
    );
    Ok(())
}

fn small(value: i64) -> Result<Owned, String> {
    // SAFETY: a new reference.
    unsafe { made(ffi::PyLong_FromLongLong(value)) }
}

fn ints(items: &Sequence<'_>) -> Vec<i64> {
    (0..items.length)
        .filter_map(|index| match Int::of(items.get(index)?)?.value::<true>() {
            Integer::Small(value) => Some(value),
            _ => None,
        })
        .collect()
}

fn collections() -> Check {
    // SAFETY: new references throughout; items are given away to their collections as the calls say.
    unsafe {
        let list = made(ffi::PyList_New(0))?;
        for value in 0..3 {
            hold!(
                ffi::PyList_Append(list.get().pointer(), small(value)?.get().pointer()) == 0,
                "list"
            );
        }
        let items = List::of(list.get()).map(List::items::<true>);
        hold!(items.is_some_and(|items| ints(&items) == [0, 1, 2]), "list");
        let tuple = made(ffi::PyList_AsTuple(list.get().pointer()))?;
        let items = Tuple::of(tuple.get()).map(Tuple::items::<true>);
        hold!(
            items.is_some_and(|items| ints(&items) == [0, 1, 2]),
            "tuple"
        );
        let set = made(ffi::PySet_New(list.get().pointer()))?;
        let set = Set::of(set.get()).ok_or("self-test failed: set")?;
        let members = set.members::<true>().count();
        hold!(set.length::<true>() == 3 && members == 3, "set");
        // Keys of one kind, then of several; an entry deleted.
        let dict = made(ffi::PyDict_New())?;
        let put = |key: &Owned, value: i64| -> Check {
            let value = small(value)?;
            let failed = ffi::PyDict_SetItem(
                dict.get().pointer(),
                key.get().pointer(),
                value.get().pointer(),
            );
            hold!(failed == 0, "dict");
            Ok(())
        };
        put(&text("one")?, 1)?;
        put(&text("two")?, 2)?;
        put(&text("three")?, 3)?;
        hold!(
            ffi::PyDict_DelItemString(dict.get().pointer(), c"one".as_ptr()) == 0,
            "dict"
        );
        hold!(values(dict.get()) == [2, 3], "dict of strings");
        put(&small(4)?, 4)?;
        hold!(values(dict.get()) == [2, 3, 4], "dict of any keys");
        let found = Dict::of(dict.get()).and_then(|dict| dict.find::<true>(b"three"));
        hold!(found.is_some(), "name in a dict");
    }
    Ok(())
}

fn values(dict: Obj<'_>) -> Vec<i64> {
    let Some(dict) = Dict::of(dict) else {
        return Vec::new();
    };
    let mut entries = dict.entries::<true>();
    let mut values = Vec::new();
    while let Some((_, value)) = entries.next() {
        if let Some(Integer::Small(value)) = Int::of(value).map(Int::value::<true>) {
            values.push(value);
        }
    }
    if dict.length::<true>() == values.len() {
        values
    } else {
        Vec::new()
    }
}

/// Frees instances of Python classes: read off the type of a class that is made for the purpose.
pub(super) fn class_dealloc() -> usize {
    class_of("Probe")
        .ok()
        .and_then(|class| Class::from_object(class.get()).map(Class::dealloc))
        .unwrap_or(0)
}

/// `type(name, (), {})`.
fn class_of(name: &str) -> Result<Owned, String> {
    // SAFETY: calls `type` with three new objects; the class is ours alone.
    unsafe {
        let (name, bases, namespace) = (
            text(name)?,
            made(ffi::PyTuple_New(0))?,
            made(ffi::PyDict_New())?,
        );
        made(ffi::PyObject_CallFunctionObjArgs(
            (&raw mut ffi::PyType_Type).cast(),
            name.get().pointer(),
            bases.get().pointer(),
            namespace.get().pointer(),
            null_mut::<ffi::PyObject>(),
        ))
    }
}

/// What the test program does: instances with shared keys, a class with slots, a failing call with arguments, locals, a cell.
const PROGRAM: &CStr = c"
class Plain:
    def __init__(self):
        self.first = 1
        self.second = 2
class Other(Plain):
    pass
class Slots:
    __slots__ = ('left', 'right')
def fail(argument, *, keyword=5):
    local = argument + 1
    cell = 7
    def inner():
        return cell
    if local:
        raise ValueError('self-test')
    unset = 1
plain = Plain()
second = Plain()
second.__dict__
slots = Slots()
slots.right = 9
try:
    fail(3)
except ValueError as error:
    try:
        raise KeyError('outer') from error
    except KeyError as outer:
        caught = outer
";

fn program(facts: &Facts) -> Check {
    // SAFETY: runs a program of our own in a namespace of its own.
    let namespace = unsafe {
        let namespace = made(ffi::PyDict_New())?;
        let name = text("stillframe_selftest")?;
        // Borrowed: what the interpreter's modules see as built-in.
        let builtins = ffi::PyEval_GetBuiltins();
        hold!(!builtins.is_null(), "no built-ins");
        ffi::PyDict_SetItemString(
            namespace.get().pointer(),
            c"__builtins__".as_ptr(),
            builtins,
        );
        ffi::PyDict_SetItemString(
            namespace.get().pointer(),
            c"__name__".as_ptr(),
            name.get().pointer(),
        );
        let code = made(ffi::Py_CompileString(
            PROGRAM.as_ptr(),
            c"<stillframe self-test>".as_ptr(),
            ffi::Py_file_input,
        ))?;
        made(ffi::PyEval_EvalCode(
            code.get().pointer(),
            namespace.get().pointer(),
            namespace.get().pointer(),
        ))?;
        namespace
    };
    let found = |name: &[u8]| {
        Dict::of(namespace.get())
            .and_then(|dict| dict.find::<true>(name))
            .ok_or_else(|| "self-test failed: its own program".to_owned())
    };
    instances(facts, found(b"plain")?, found(b"second")?, found(b"slots")?)?;
    let caught = Exception::of(found(b"caught")?).ok_or("self-test failed: exception")?;
    // The namespace refers to itself through the functions in it, so it is emptied before it is let go.
    let result = exception(caught);
    // SAFETY: the dict is ours; nothing that was borrowed from it is used any more.
    unsafe { ffi::PyDict_Clear(namespace.get().pointer()) };
    result
}

fn instances(facts: &Facts, plain: Obj<'_>, second: Obj<'_>, slots: Obj<'_>) -> Check {
    use stillframe_core::redact::{RedactConfig, Redactor};
    let (redactor, _) = Redactor::new(&RedactConfig::default());
    let rules = super::Rules {
        redactor: &redactor,
        alias_key: None,
    };
    let mut plans = Plans::default();
    for object in [plain, second] {
        let class = object.class();
        hold!(facts.is_python_class(class), "kind of a class");
        let name = class.qualified_name().map(|name| name.to_utf8::<true>(64));
        hold!(name.as_deref() == Some(b"Plain"), "name of a class");
        let plan = plans.get::<true>(class, 1, &rules, facts);
        hold!(
            *plan.name == *b"stillframe_selftest.Plain",
            "module of a class"
        );
        let read = match attributes::<true>(object, &plan) {
            Attributes::Dict(dict) => values(dict.0),
            Attributes::Values(values) => values
                .each()
                .filter_map(|(index, value)| {
                    let name = plan.names.get(plan.shared.get(index)?);
                    match Int::of(value)?.value::<true>() {
                        Integer::Small(1) if name == b"first" => Some(1),
                        Integer::Small(2) if name == b"second" => Some(2),
                        _ => None,
                    }
                })
                .collect(),
            Attributes::None => Vec::new(),
        };
        hold!(read == [1, 2], "attributes of an instance");
    }
    let plan = plans.get::<true>(slots.class(), 1, &rules, facts);
    let read: Vec<_> = plan
        .slots
        .iter()
        // SAFETY: the plan's slots are offsets of object pointers in instances of the type.
        .map(|field| unsafe { slots.slot(field.place as usize) }.is_some())
        .collect();
    hold!(read == [false, true], "slots of an instance");
    Ok(())
}

fn exception(outer: Exception<'_>) -> Check {
    let cause = outer.linked_cause().ok_or("self-test failed: cause")?;
    let args = cause.args().map(|args| args.items::<true>());
    let argument = args
        .and_then(|args| Str::of(args.get(0)?))
        .map(|text| text.to_utf8::<true>(64));
    hold!(
        argument.as_deref() == Some(b"self-test"),
        "args of an exception"
    );
    let first = cause.traceback().ok_or("self-test failed: traceback")?;
    let inner = first.next().and_then(|next| next.entry());
    let entry = inner.ok_or("self-test failed: entry of a traceback")?;
    frame(entry.frame, entry.lasti)
}

fn frame(frame: Frame<'_>, lasti: i32) -> Check {
    let code = frame.code::<true>().ok_or("self-test failed: code")?;
    let file = code.file_name().map(|name| name.to_utf8::<true>(64));
    hold!(
        file.as_deref() == Some(b"<stillframe self-test>"),
        "file of a code object"
    );
    hold!(frame.module::<true>().is_some(), "globals of a frame");
    location(code, lasti)?;
    use stillframe_core::redact::{RedactConfig, Redactor};
    let (redactor, _) = Redactor::new(&RedactConfig::default());
    let rules = super::Rules {
        redactor: &redactor,
        alias_key: None,
    };
    let plan = code.planned::<true>(&rules);
    hold!(*plan.function == *b"fail", "name of a function");
    hold!(plan.arguments == 2, "arguments of a function");
    let record = Record::of(frame).ok_or("self-test failed: record of a frame")?;
    let mut read = Vec::new();
    for variable in &plan.variables {
        // SAFETY: the plan is that of the record's code.
        let value = unsafe { record.slot(variable.field.place as usize, variable.in_cell) };
        let value = match value.map(|value| (Int::of(value), value)) {
            Some((Some(int), _)) => match int.value::<true>() {
                Integer::Small(value) => Some(value),
                _ => None,
            },
            Some((None, _)) => Some(-1),
            None => None,
        };
        read.push((plan.names.get(&variable.field).to_vec(), value));
    }
    read.sort();
    let expected: [(&[u8], Option<i64>); 6] = [
        (b"argument", Some(3)),
        (b"cell", Some(7)),
        (b"inner", Some(-1)),
        (b"keyword", Some(5)),
        (b"local", Some(4)),
        (b"unset", None),
    ];
    let same = read.len() == expected.len()
        && read
            .iter()
            .zip(expected)
            .all(|((name, value), (other, wanted))| name == other && *value == wanted);
    hold!(same, "variables of a frame");
    Ok(())
}

fn location(code: Code<'_>, lasti: i32) -> Check {
    // SAFETY: the object is a code object; the call only reads it.
    let line = unsafe { ffi::PyCode_Addr2Line(code.0.pointer().cast(), lasti) };
    let read = code.place(lasti);
    hold!(
        i64::from(read.line) == i64::from(line),
        format!("line of an instruction ({} for {line})", read.line)
    );
    Ok(())
}
