//! Calls on the writer of the C header, compiled as strictly as it promises to be clean.
//!
//! The tape's memory and every text that is handed over end at a page that may not be touched, and undefined behaviour traps.

use std::cell::Cell;
use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::sync::LazyLock;

use stillframe_core::language::Language;
use stillframe_core::limits::Limits;

use crate::call::{Answer, Call, Writer, to_numbers};
use crate::compiler::{Standard, compile, folder};
use crate::guarded::Guarded;

type Tape = *mut c_void;
type Plain = unsafe extern "C" fn(Tape);
type Text = unsafe extern "C" fn(Tape, *const c_char, usize);
type Units = unsafe extern "C" fn(Tape, *const c_void, usize);

/// `tape_table` of `tests/c/tape_table.c`.
#[repr(C)]
struct Table {
    tape_size: usize,
    begin: unsafe extern "C" fn(Tape, *mut u8, usize, c_uint, *const [u32; 10]) -> bool,
    is_full: unsafe extern "C" fn(Tape) -> bool,
    values: unsafe extern "C" fn(Tape) -> u32,
    containers: unsafe extern "C" fn(Tape) -> u32,
    finish: unsafe extern "C" fn(Tape, c_uint, u64) -> usize,
    end_group: Plain,
    gap: unsafe extern "C" fn(Tape, c_uint, u32),
    section: unsafe extern "C" fn(Tape, c_uint),
    name: unsafe extern "C" fn(Tape, *const c_char, usize) -> bool,
    define_type: unsafe extern "C" fn(Tape, *const c_char, usize) -> u16,
    define_shape: unsafe extern "C" fn(Tape, u16, *const *const c_char, usize) -> i32,
    as_type: unsafe extern "C" fn(Tape, u16),
    null: Plain,
    bool: unsafe extern "C" fn(Tape, bool),
    int: unsafe extern "C" fn(Tape, i64),
    uint: unsafe extern "C" fn(Tape, u64),
    big_int: unsafe extern "C" fn(Tape, bool, u32, u64, u64),
    float: unsafe extern "C" fn(Tape, f64),
    time: unsafe extern "C" fn(Tape, c_uint, i64, u32, i32),
    utf8: Text,
    rendered: Text,
    latin1: Text,
    utf16: Units,
    utf32: Units,
    bytes: Units,
    list: unsafe extern "C" fn(Tape, u16, usize) -> u32,
    map: unsafe extern "C" fn(Tape, u16, usize) -> u32,
    object: unsafe extern "C" fn(Tape, u16) -> u32,
    shaped: unsafe extern "C" fn(Tape, i32) -> u32,
    exception: unsafe extern "C" fn(Tape, u16, c_uint, u32, bool) -> u32,
    frame: unsafe extern "C" fn(
        Tape,
        c_uint,
        *const [u32; 4],
        *const c_char,
        usize,
        *const c_char,
        usize,
        *const c_char,
        usize,
    ) -> u32,
    reference: unsafe extern "C" fn(Tape, u32),
    opaque: unsafe extern "C" fn(Tape, u16),
    skipped: unsafe extern "C" fn(Tape, c_uint, u16, usize),
    redacted: unsafe extern "C" fn(Tape, c_uint, u16, *const c_char, usize),
    alias: unsafe extern "C" fn(Tape, c_uint, u16, *const c_char, usize, u32, u64),
    failed: unsafe extern "C" fn(Tape, u16, *const c_char, usize),
    absent: Plain,
}

/// One way in which the header was compiled.
pub(crate) struct Build(&'static Table);

/// All ways in which it must write the same bytes.
pub(crate) static BUILDS: LazyLock<[Build; 4]> = LazyLock::new(|| {
    [
        Build::load(Standard::C99, "tape-c99.so", &["-O2"]),
        Build::load(Standard::C17, "tape-c17-plain.so", &["-O0"]),
        Build::load(Standard::Cpp17, "tape-cpp17.so", &["-O2"]),
        // As on a machine whose byte order is not known.
        Build::load(
            Standard::C99,
            "tape-shifts.so",
            &["-O2", "-DSTILLFRAME_TAPE_LITTLE_ENDIAN=0"],
        ),
    ]
});

const SHARED: [&str; 4] = [
    "-shared",
    "-fPIC",
    "-fsanitize=undefined",
    "-fsanitize-undefined-trap-on-error",
];

impl Build {
    fn load(standard: Standard, name: &str, flags: &[&str]) -> Self {
        let source = folder("tests/c/tape_table.c");
        let library = compile(&source, standard, name, &[&SHARED, flags].concat());
        let library = CString::new(library.into_os_string().into_encoded_bytes()).expect("a path");
        // SAFETY: the library has no initialisers; its one function returns a table of static lifetime, which `Table` describes.
        let table = unsafe {
            let handle = libc::dlopen(library.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
            assert!(!handle.is_null(), "{library:?} does not load");
            let symbol = libc::dlsym(handle, c"stillframe_test_tape_table".as_ptr());
            assert!(!symbol.is_null(), "{library:?} has no table");
            let function: unsafe extern "C" fn() -> *const Table = std::mem::transmute(symbol);
            &*function()
        };
        Self(table)
    }
}

/// Bytes in front of the tape that must stay as they are.
const CANARY: [u8; 16] = [0xa5; 16];

pub(crate) struct CWriter {
    table: &'static Table,
    tape: Box<[u64]>,
    memory: Guarded,
    room: usize,
    texts: [Guarded; 3],
}

thread_local! {
    /// Memory of texts that is not in use; it takes the system longer to map than a test to run.
    static SPARE: Cell<Option<[Guarded; 3]>> = const { Cell::new(None) };
}

impl Drop for CWriter {
    fn drop(&mut self) {
        SPARE.set(Some(std::mem::replace(
            &mut self.texts,
            std::array::from_fn(|_| Guarded::none()),
        )));
    }
}

impl CWriter {
    /// A writer in `room` bytes.
    pub(crate) fn new(build: &Build, language: Language, limits: &Limits, room: usize) -> Self {
        let table = build.0;
        let texts = SPARE.take();
        let texts = texts.unwrap_or_else(|| std::array::from_fn(|_| Guarded::new(1 << 14)));
        let memory = Guarded::new(room + CANARY.len());
        let tape = vec![!0; table.tape_size.div_ceil(8)].into();
        let mut writer = Self {
            table,
            tape,
            memory,
            room,
            texts,
        };
        let limits = to_numbers(limits);
        let at = writer.memory.last(room);
        // SAFETY: the tape is as large as the table says, the memory as large as is said, and it stays where it is.
        unsafe {
            at.sub(CANARY.len())
                .cast::<[u8; 16]>()
                .write_unaligned(CANARY);
            (table.begin)(
                writer.tape(),
                at,
                room,
                language as c_uint,
                &raw const limits,
            );
        }
        writer
    }

    fn tape(&mut self) -> Tape {
        self.tape.as_mut_ptr().cast()
    }

    fn text(&mut self, text: &[u8]) -> (*const c_char, usize) {
        (self.texts[0].hold(text).cast(), text.len())
    }

    pub(crate) fn containers(&mut self) -> u32 {
        // SAFETY: a tape that was begun.
        unsafe { (self.table.containers)(self.tape()) }
    }
}

impl Writer for CWriter {
    fn call(&mut self, call: &Call) -> Answer {
        let (table, tape) = (self.table, self.tape());
        // SAFETY: the table's functions as the C source lists them, on a tape that was begun; texts live in `texts` during the call.
        unsafe {
            match call {
                Call::EndGroup => (table.end_group)(tape),
                Call::Gap { reason, count } => (table.gap)(tape, (*reason).into(), *count),
                Call::Section(section) => (table.section)(tape, (*section).into()),
                Call::Name(name) => {
                    let (text, bytes) = self.text(name);
                    return (table.name)(tape, text, bytes).into();
                }
                Call::DefineType(name) => {
                    let (text, bytes) = self.text(name);
                    return (table.define_type)(tape, text, bytes).into();
                }
                Call::DefineShape { of, names } => {
                    let names: Vec<_> = names
                        .iter()
                        .map(|name| CString::new(name.as_bytes()).expect("no zero"))
                        .collect();
                    let names: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
                    return (table.define_shape)(tape, *of, names.as_ptr(), names.len()).into();
                }
                Call::AsType(of) => (table.as_type)(tape, *of),
                Call::Null => (table.null)(tape),
                Call::Bool(value) => (table.bool)(tape, *value),
                Call::Int(value) => (table.int)(tape, *value),
                Call::Uint(value) => (table.uint)(tape, *value),
                Call::BigInt {
                    negative,
                    bits,
                    head,
                } => {
                    (table.big_int)(tape, *negative, *bits, (*head >> 64) as u64, *head as u64);
                }
                Call::Float(bits) => (table.float)(tape, f64::from_bits(*bits)),
                Call::Time {
                    kind,
                    seconds,
                    nanos,
                    offset,
                } => {
                    (table.time)(tape, (*kind).into(), *seconds, *nanos, *offset);
                }
                Call::Utf8(text) => {
                    let (text, bytes) = self.text(text);
                    (table.utf8)(tape, text, bytes);
                }
                Call::Rendered(text) => {
                    let (text, bytes) = self.text(text);
                    (table.rendered)(tape, text, bytes);
                }
                Call::Latin1(text) => {
                    let (text, bytes) = self.text(text);
                    (table.latin1)(tape, text, bytes);
                }
                Call::Utf16(units) => {
                    let native: Vec<u8> =
                        units.iter().flat_map(|unit| unit.to_ne_bytes()).collect();
                    (table.utf16)(tape, self.text(&native).0.cast(), units.len());
                }
                Call::Utf32(units) => {
                    let native: Vec<u8> =
                        units.iter().flat_map(|unit| unit.to_ne_bytes()).collect();
                    (table.utf32)(tape, self.text(&native).0.cast(), units.len());
                }
                Call::Bytes(bytes) => (table.bytes)(tape, self.text(bytes).0.cast(), bytes.len()),
                Call::List { of, size } => return (table.list)(tape, *of, *size).into(),
                Call::Map { of, size } => return (table.map)(tape, *of, *size).into(),
                Call::Object(of) => return (table.object)(tape, *of).into(),
                Call::Shaped(shape) => return (table.shaped)(tape, *shape).into(),
                Call::Exception {
                    of,
                    link,
                    parent,
                    message_unknown,
                } => {
                    let link = (*link).into();
                    return (table.exception)(tape, *of, link, *parent, *message_unknown).into();
                }
                Call::Frame {
                    flags,
                    location,
                    names,
                } => {
                    let [function, module, file] = std::array::from_fn(|at| {
                        let text: &[u8] = &names[at];
                        (self.texts[at].hold(text).cast::<c_char>(), text.len())
                    });
                    let flags = (*flags).into();
                    return (table.frame)(
                        tape,
                        flags,
                        &raw const *location,
                        function.0,
                        function.1,
                        module.0,
                        module.1,
                        file.0,
                        file.1,
                    )
                    .into();
                }
                Call::Reference(container) => (table.reference)(tape, *container),
                Call::Opaque(of) => (table.opaque)(tape, *of),
                Call::Skipped { reason, of, size } => {
                    let size = size.unwrap_or(u32::MAX as usize);
                    (table.skipped)(tape, (*reason).into(), *of, size);
                }
                Call::Redacted { reason, of, rule } => {
                    let (text, bytes) = self.text(rule.as_bytes());
                    (table.redacted)(tape, (*reason).into(), *of, text, bytes);
                }
                Call::Alias {
                    reason,
                    of,
                    rule,
                    length,
                    hash,
                } => {
                    let (text, bytes) = self.text(rule.as_bytes());
                    (table.alias)(tape, (*reason).into(), *of, text, bytes, *length, *hash);
                }
                Call::Failed { of, cause } => {
                    let (text, bytes) = self.text(cause.as_bytes());
                    (table.failed)(tape, *of, text, bytes);
                }
                Call::Absent => (table.absent)(tape),
            }
        }
        1
    }

    fn is_full(&self) -> bool {
        let tape = self.tape.as_ptr().cast_mut().cast();
        // SAFETY: a tape that was begun; it is only read.
        unsafe { (self.table.is_full)(tape) }
    }

    fn values(&self) -> u32 {
        let tape = self.tape.as_ptr().cast_mut().cast();
        // SAFETY: a tape that was begun; it is only read.
        unsafe { (self.table.values)(tape) }
    }

    fn finish(mut self, stop: u8, nanos: u64) -> Option<Vec<u8>> {
        let tape = self.tape();
        // SAFETY: a tape that was begun, in `room` bytes of our own, of which it says how many are the tape.
        unsafe {
            let bytes = (self.table.finish)(tape, stop as c_uint, nanos);
            assert!(bytes <= self.room);
            let at = self.memory.last(self.room);
            assert_eq!(
                at.sub(CANARY.len()).cast::<[u8; 16]>().read_unaligned(),
                CANARY
            );
            (bytes > 0).then(|| std::slice::from_raw_parts(at, bytes).to_vec())
        }
    }
}

/// The C type of an enumeration's argument is as wide as `int`.
const _: () = assert!(size_of::<c_int>() == size_of::<c_uint>());
