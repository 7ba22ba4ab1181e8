//! Offsets of CPython 3.13.

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
pub(in crate::walk) const CODE_INSTRUCTIONS: usize = 200;

pub(in crate::walk) const GENERATOR_QUALNAME: usize = 32;
pub(in crate::walk) const GENERATOR_STATE: usize = 67;
pub(in crate::walk) const GENERATOR_INNER: usize = 72;
pub(in crate::walk) const STATE_CREATED: i8 = -3;
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

/// Before the object: its dict.
pub(in crate::walk) const MANAGED_DICT: isize = -24;
/// Values inside or beside an object: how many fit, how many were set, whether they still hold, and the values.
pub(in crate::walk) const VALUES_CAPACITY: usize = 0;
pub(in crate::walk) const VALUES_SET: usize = 1;
pub(in crate::walk) const VALUES_VALID: usize = 3;
pub(in crate::walk) const VALUES_ITEMS: usize = 8;

/// Where `_PyRuntime` publishes offsets, and ours that they must equal.
pub(in crate::walk) const PUBLISHED: &[(usize, u64)] = &[
    (240, INNER_CODE as u64),
    (248, INNER_INSTRUCTION as u64),
    (256, INNER_SLOTS as u64),
    (280, CODE_FILENAME as u64),
    (296, CODE_QUALNAME as u64),
    (304, CODE_LINETABLE as u64),
    (312, CODE_FIRST_LINE as u64),
    (320, CODE_ARGCOUNT as u64),
    (328, CODE_SLOT_NAMES as u64),
    (336, CODE_SLOT_KINDS as u64),
    (344, CODE_INSTRUCTIONS as u64),
    (408, TUPLE_ITEMS as u64),
    (432, super::LIST_ITEMS as u64),
    (456, super::DICT_KEYS as u64),
    (464, super::DICT_VALUES as u64),
    (480, super::FLOAT_VALUE as u64),
    (496, super::VAR_SIZE as u64),
    (504, super::INT_DIGITS as u64),
    (520, super::VAR_SIZE as u64),
    (528, super::BYTES_DATA as u64),
    (544, super::STR_STATE as u64),
    (552, super::STR_LENGTH as u64),
    (560, STR_ASCII_DATA as u64),
];

/// `_asyncio.Future` and `_asyncio.Task`.
pub(in crate::walk) const FUTURE_EXCEPTION: usize = 48;
pub(in crate::walk) const FUTURE_RESULT: usize = 64;
pub(in crate::walk) const FUTURE_STATE: usize = 96;
pub(in crate::walk) const TASK_WAITS_FOR: usize = 112;
pub(in crate::walk) const TASK_COROUTINE: usize = 120;
pub(in crate::walk) const TASK_NAME: usize = 128;
