//! Offsets of CPython 3.12.

pub(in crate::walk) const STR_ASCII_DATA: usize = 40;
pub(in crate::walk) const STR_COMPACT_DATA: usize = 56;
pub(in crate::walk) const STR_LEGACY_DATA: usize = 56;

pub(in crate::walk) const TUPLE_ITEMS: usize = 24;

pub(in crate::walk) const KEYS_LOG2_INDEX_BYTES: usize = 9;
pub(in crate::walk) const KEYS_KIND: usize = 10;
pub(in crate::walk) const KEYS_ENTRIES: usize = 24;
pub(in crate::walk) const KEYS_INDICES: usize = 32;

pub(in crate::walk) const FRAME_INNER: usize = 24;
pub(in crate::walk) const INNER_CODE: usize = 0;
pub(in crate::walk) const INNER_GLOBALS: usize = 24;
pub(in crate::walk) const INNER_LOCALS: usize = 40;
pub(in crate::walk) const INNER_INSTRUCTION: usize = 56;
/// Top of the stack of a suspended frame.
pub(in crate::walk) const INNER_STACK: usize = 64;
pub(in crate::walk) const INNER_SLOTS: usize = 72;

pub(in crate::walk) const CODE_ARGCOUNT: usize = 52;
pub(in crate::walk) const CODE_KWONLY: usize = 60;
pub(in crate::walk) const CODE_FLAGS: usize = 48;
pub(in crate::walk) const CODE_FIRST_LINE: usize = 68;
pub(in crate::walk) const CODE_SLOTS: usize = 72;
pub(in crate::walk) const CODE_SLOT_NAMES: usize = 96;
pub(in crate::walk) const CODE_SLOT_KINDS: usize = 104;
pub(in crate::walk) const CODE_FILENAME: usize = 112;
pub(in crate::walk) const CODE_QUALNAME: usize = 128;
pub(in crate::walk) const CODE_LINETABLE: usize = 136;
pub(in crate::walk) const CODE_INSTRUCTIONS: usize = 192;

pub(in crate::walk) const GENERATOR_QUALNAME: usize = 32;
pub(in crate::walk) const GENERATOR_STATE: usize = 67;
pub(in crate::walk) const GENERATOR_INNER: usize = 72;
pub(in crate::walk) const STATE_CREATED: i8 = -2;
pub(in crate::walk) const STATE_EXECUTING: i8 = 0;
/// From this state on there is no frame any more.
pub(in crate::walk) const STATE_DONE: i8 = 1;

pub(in crate::walk) const FUNCTION_QUALNAME: usize = 40;
pub(in crate::walk) const FUNCTION_MODULE: usize = 104;

pub(in crate::walk) const EXCEPTION_TRACEBACK: usize = 40;
pub(in crate::walk) const EXCEPTION_CONTEXT: usize = 48;
pub(in crate::walk) const EXCEPTION_CAUSE: usize = 56;
pub(in crate::walk) const EXCEPTION_SUPPRESS: usize = 64;
/// Size of the common head: fields of the built-in exceptions follow.
pub(in crate::walk) const EXCEPTION_OWN: usize = 72;

pub(in crate::walk) const HEAP_TYPE_QUALNAME: usize = 872;
pub(in crate::walk) const HEAP_TYPE_CACHED_KEYS: usize = 880;
pub(in crate::walk) const MODULE_NAME: usize = 48;

/// Before the object: its dict, or one less than the address of its values.
pub(in crate::walk) const MANAGED_DICT_OR_VALUES: isize = -24;

/// `_asyncio.Future` and `_asyncio.Task`.
pub(in crate::walk) const FUTURE_EXCEPTION: usize = 48;
pub(in crate::walk) const FUTURE_RESULT: usize = 64;
pub(in crate::walk) const FUTURE_STATE: usize = 88;
pub(in crate::walk) const TASK_WAITS_FOR: usize = 128;
pub(in crate::walk) const TASK_COROUTINE: usize = 136;
pub(in crate::walk) const TASK_NAME: usize = 144;
