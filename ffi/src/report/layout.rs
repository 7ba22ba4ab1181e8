//! The structs of `stillframe_report.h`, as they are in memory. Read with safe reads only: they lie in the program's memory.

use std::ffi::{c_char, c_void};

/// Scopes that a thread remembers.
pub(crate) const OPEN_SCOPES: usize = 256;

pub(crate) const KIND_OPAQUE: u32 = 0;
pub(crate) const KIND_INT: u32 = 1;
pub(crate) const KIND_UINT: u32 = 2;
pub(crate) const KIND_FLOAT: u32 = 3;
pub(crate) const KIND_BOOL: u32 = 4;
pub(crate) const KIND_CHAR: u32 = 5;
pub(crate) const KIND_STRING: u32 = 6;
pub(crate) const KIND_POINTER: u32 = 7;
pub(crate) const KIND_TO: u32 = 8;
pub(crate) const KIND_STRUCT: u32 = 9;
pub(crate) const KIND_BYTES: u32 = 10;
pub(crate) const KIND_VIEW: u32 = 11;

pub(crate) const FAILURE_MANGLED: u32 = 1;
pub(crate) const FAILURE_UNHANDLED: u32 = 2;
pub(crate) const FAILURE_FLUSH: u32 = 4;
pub(crate) const FAILURE_FLAGS: u32 = 7;

/// A struct of which every pattern of bits is a value, so that it can be read from anywhere.
///
/// # Safety
///
/// `repr(C)`, made of integers only, without padding that matters.
pub(crate) unsafe trait Plain: Copy {}

/// `stillframe_view`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct View {
    pub(crate) items: usize,
    pub(crate) count: usize,
    pub(crate) item: usize,
    pub(crate) single: u32,
    pub(crate) reserved: u32,
}

/// `stillframe_field`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Field {
    pub(crate) name: usize,
    pub(crate) kind: usize,
    pub(crate) offset: usize,
    pub(crate) size: usize,
    pub(crate) count_offset: usize,
    pub(crate) count_size: usize,
}

/// `stillframe_type`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Type {
    pub(crate) name: usize,
    pub(crate) kind: u32,
    pub(crate) size: u32,
    pub(crate) item: usize,
    pub(crate) fields: usize,
    pub(crate) field_count: usize,
    pub(crate) view: usize,
}

/// `stillframe_slot`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Slot {
    pub(crate) name: usize,
    pub(crate) kind: usize,
    pub(crate) size: usize,
}

/// `stillframe_place`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Place {
    pub(crate) function: usize,
    pub(crate) file: usize,
    pub(crate) line: u32,
    pub(crate) reserved: u32,
}

/// `stillframe_var`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Var {
    pub(crate) next: usize,
    pub(crate) slot: usize,
    pub(crate) address: usize,
    pub(crate) count: usize,
    pub(crate) scope: usize,
}

/// `stillframe_scope`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Scope {
    pub(crate) thread: usize,
    pub(crate) place: usize,
    pub(crate) vars: usize,
    pub(crate) depth: u64,
}

/// One of `stillframe_thread.open`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(crate) struct Open {
    pub(crate) cfa: usize,
    pub(crate) caller: usize,
    pub(crate) scope: usize,
}

// SAFETY: `repr(C)` and made of integers.
unsafe impl Plain for View {}
// SAFETY: as above.
unsafe impl Plain for Field {}
// SAFETY: as above.
unsafe impl Plain for Type {}
// SAFETY: as above.
unsafe impl Plain for Slot {}
// SAFETY: as above.
unsafe impl Plain for Place {}
// SAFETY: as above.
unsafe impl Plain for Var {}
// SAFETY: as above.
unsafe impl Plain for Scope {}
// SAFETY: a number.
unsafe impl Plain for u64 {}
// SAFETY: a number.
unsafe impl Plain for usize {}

/// A thread's open scopes.
#[repr(C)]
pub struct stillframe_thread {
    pub(crate) depth: u64,
    pub(crate) open: [Open; OPEN_SCOPES],
}

/// What a report says beside the variables.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct stillframe_failure {
    pub(crate) struct_size: usize,
    pub(crate) type_name: *const c_char,
    pub(crate) message: *const c_char,
    pub(crate) mechanism: *const c_char,
    pub(crate) exception: *const c_void,
    pub(crate) place: *const Place,
    pub(crate) caller: *const c_void,
    pub(crate) flags: u32,
    pub(crate) message_more: u32,
}
crate::sized::sized!(stillframe_failure, least = message_more: u32);

// As `ffi/tests/c/report_values.c` has them.
const _: () = {
    assert!(size_of::<View>() == 32 && size_of::<Field>() == 48 && size_of::<Type>() == 48);
    assert!(size_of::<Slot>() == 24 && size_of::<Place>() == 24 && size_of::<Var>() == 40);
    assert!(size_of::<Scope>() == 32 && size_of::<stillframe_thread>() == 8 + 256 * 24);
    assert!(size_of::<stillframe_failure>() == 64);
    assert!(std::mem::offset_of!(stillframe_failure, flags) == 56);
    assert!(std::mem::offset_of!(Type, view) == 40);
    assert!(std::mem::offset_of!(Field, count_size) == 40);
};
