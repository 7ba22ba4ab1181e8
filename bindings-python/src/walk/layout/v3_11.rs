//! Offsets of CPython 3.11.

pub(in crate::walk) const STR_ASCII_DATA: usize = 48;
pub(in crate::walk) const STR_COMPACT_DATA: usize = 72;
pub(in crate::walk) const STR_LEGACY_DATA: usize = 72;

pub(in crate::walk) const TUPLE_ITEMS: usize = 24;

pub(in crate::walk) const KEYS_LOG2_INDEX_BYTES: usize = 9;
pub(in crate::walk) const KEYS_KIND: usize = 10;
pub(in crate::walk) const KEYS_ENTRIES: usize = 24;
pub(in crate::walk) const KEYS_INDICES: usize = 32;

pub(in crate::walk) const FRAME_INNER: usize = 24;
pub(in crate::walk) const INNER_CODE: usize = 32;
pub(in crate::walk) const INNER_GLOBALS: usize = 8;
pub(in crate::walk) const INNER_LOCALS: usize = 24;
pub(in crate::walk) const INNER_INSTRUCTION: usize = 56;
/// Top of the stack of a suspended frame.
pub(in crate::walk) const INNER_STACK: usize = 64;
pub(in crate::walk) const INNER_SLOTS: usize = 72;

pub(in crate::walk) const CODE_ARGCOUNT: usize = 56;
pub(in crate::walk) const CODE_KWONLY: usize = 64;
pub(in crate::walk) const CODE_FLAGS: usize = 48;
pub(in crate::walk) const CODE_FIRST_LINE: usize = 72;
pub(in crate::walk) const CODE_SLOTS: usize = 76;
pub(in crate::walk) const CODE_SLOT_NAMES: usize = 96;
pub(in crate::walk) const CODE_SLOT_KINDS: usize = 104;
pub(in crate::walk) const CODE_FILENAME: usize = 112;
pub(in crate::walk) const CODE_QUALNAME: usize = 128;
pub(in crate::walk) const CODE_LINETABLE: usize = 136;
pub(in crate::walk) const CODE_INSTRUCTIONS: usize = 184;

pub(in crate::walk) const GENERATOR_QUALNAME: usize = 40;
pub(in crate::walk) const GENERATOR_STATE: usize = 75;
pub(in crate::walk) const GENERATOR_INNER: usize = 80;
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

pub(in crate::walk) const HEAP_TYPE_QUALNAME: usize = 864;
pub(in crate::walk) const HEAP_TYPE_CACHED_KEYS: usize = 872;
pub(in crate::walk) const MODULE_NAME: usize = 48;

/// Before the object: where its values are, where its dict is.
pub(in crate::walk) const MANAGED_VALUES: isize = -32;
pub(in crate::walk) const MANAGED_DICT: isize = -24;

/// `_asyncio.Future` and `_asyncio.Task`.
pub(in crate::walk) const FUTURE_EXCEPTION: usize = 48;
pub(in crate::walk) const FUTURE_RESULT: usize = 64;
pub(in crate::walk) const FUTURE_STATE: usize = 88;
pub(in crate::walk) const TASK_WAITS_FOR: usize = 128;
pub(in crate::walk) const TASK_COROUTINE: usize = 136;
pub(in crate::walk) const TASK_NAME: usize = 144;
