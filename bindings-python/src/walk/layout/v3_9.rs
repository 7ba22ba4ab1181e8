//! Offsets of CPython 3.9.

pub(in crate::walk) const STR_ASCII_DATA: usize = 48;
pub(in crate::walk) const STR_COMPACT_DATA: usize = 72;
pub(in crate::walk) const STR_LEGACY_DATA: usize = 72;

pub(in crate::walk) const TUPLE_ITEMS: usize = 24;

pub(in crate::walk) const KEYS_SIZE: usize = 8;
pub(in crate::walk) const KEYS_ENTRIES: usize = 32;
pub(in crate::walk) const KEYS_INDICES: usize = 40;

pub(in crate::walk) const FRAME_CODE: usize = 32;
pub(in crate::walk) const FRAME_GLOBALS: usize = 48;
pub(in crate::walk) const FRAME_LOCALS: usize = 56;
/// Bottom of the stack, and the place behind its top while the frame is suspended.
pub(in crate::walk) const FRAME_STACK: usize = 64;
pub(in crate::walk) const FRAME_STACK_TOP: usize = 72;
/// 1 while the frame runs.
pub(in crate::walk) const FRAME_STATE: usize = 116;
pub(in crate::walk) const FRAME_RUNNING: i8 = 1;
pub(in crate::walk) const FRAME_LASTI: usize = 104;
pub(in crate::walk) const FRAME_SLOTS: usize = 360;
/// Bytes of one unit of `FRAME_LASTI`.
pub(in crate::walk) const FRAME_LASTI_UNIT: i32 = 1;

pub(in crate::walk) const CODE_ARGCOUNT: usize = 16;
pub(in crate::walk) const CODE_KWONLY: usize = 24;
pub(in crate::walk) const CODE_NLOCALS: usize = 28;
pub(in crate::walk) const CODE_FLAGS: usize = 36;
pub(in crate::walk) const CODE_FIRST_LINE: usize = 40;
pub(in crate::walk) const CODE_VARNAMES: usize = 72;
pub(in crate::walk) const CODE_FREEVARS: usize = 80;
pub(in crate::walk) const CODE_CELLVARS: usize = 88;
pub(in crate::walk) const CODE_FILENAME: usize = 104;
pub(in crate::walk) const CODE_NAME: usize = 112;
pub(in crate::walk) const CODE_LINETABLE: usize = 120;

pub(in crate::walk) const GENERATOR_FRAME: usize = 16;
pub(in crate::walk) const GENERATOR_QUALNAME: usize = 56;

pub(in crate::walk) const FUNCTION_QUALNAME: usize = 104;
pub(in crate::walk) const FUNCTION_MODULE: usize = 88;

pub(in crate::walk) const EXCEPTION_TRACEBACK: usize = 32;
pub(in crate::walk) const EXCEPTION_CONTEXT: usize = 40;
pub(in crate::walk) const EXCEPTION_CAUSE: usize = 48;
pub(in crate::walk) const EXCEPTION_SUPPRESS: usize = 56;
/// Size of the common head: fields of the built-in exceptions follow.
pub(in crate::walk) const EXCEPTION_OWN: usize = 64;

pub(in crate::walk) const HEAP_TYPE_QUALNAME: usize = 856;
pub(in crate::walk) const HEAP_TYPE_CACHED_KEYS: usize = 864;
pub(in crate::walk) const MODULE_NAME: usize = 48;

/// `_asyncio.Future` and `_asyncio.Task`.
pub(in crate::walk) const FUTURE_EXCEPTION: usize = 48;
pub(in crate::walk) const FUTURE_RESULT: usize = 56;
pub(in crate::walk) const FUTURE_STATE: usize = 80;
pub(in crate::walk) const TASK_WAITS_FOR: usize = 144;
pub(in crate::walk) const TASK_COROUTINE: usize = 152;
pub(in crate::walk) const TASK_NAME: usize = 160;
