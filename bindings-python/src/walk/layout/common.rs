//! Offsets that are the same in every supported version (64-bit, with the GIL).

/// `PyVarObject.ob_size`.
pub(in crate::walk) const VAR_SIZE: usize = 16;

/// `PyASCIIObject`: length in characters.
pub(in crate::walk) const STR_LENGTH: usize = 16;
/// Cached hash, -1 if none.
pub(in crate::walk) const STR_HASH: usize = 24;
/// Bits about the storage.
pub(in crate::walk) const STR_STATE: usize = 32;
/// In the state: bytes per character, shifted.
pub(in crate::walk) const STR_KIND: u32 = 0x1c;
pub(in crate::walk) const STR_KIND_SHIFT: u32 = 2;
/// In the state: the characters follow the header.
pub(in crate::walk) const STR_COMPACT: u32 = 0x20;
/// In the state: all characters are ASCII.
pub(in crate::walk) const STR_ASCII: u32 = 0x40;

/// `PyFloatObject.ob_fval`.
pub(in crate::walk) const FLOAT_VALUE: usize = 16;
/// `PyComplexObject.cval`: two doubles.
pub(in crate::walk) const COMPLEX_VALUE: usize = 16;
/// `PyLongObject`: digits of 30 bits.
pub(in crate::walk) const INT_DIGITS: usize = 24;

pub(in crate::walk) const BYTES_HASH: usize = 24;
pub(in crate::walk) const BYTES_DATA: usize = 32;
/// `PyByteArrayObject.ob_start`.
pub(in crate::walk) const BYTEARRAY_START: usize = 40;

pub(in crate::walk) const LIST_ITEMS: usize = 24;

/// `PyDictObject`: entries in use.
pub(in crate::walk) const DICT_USED: usize = 16;
pub(in crate::walk) const DICT_KEYS: usize = 32;
/// Values of a dict that shares its keys, else null.
pub(in crate::walk) const DICT_VALUES: usize = 40;

/// `PySetObject`: entries in use.
pub(in crate::walk) const SET_USED: usize = 24;
/// Slots of the table less one.
pub(in crate::walk) const SET_MASK: usize = 32;
/// Slots of a key and a hash; the hash of a deleted one is -1.
pub(in crate::walk) const SET_TABLE: usize = 40;

pub(in crate::walk) const TRACEBACK_NEXT: usize = 16;
pub(in crate::walk) const TRACEBACK_FRAME: usize = 24;
/// Offset in bytes into the code.
pub(in crate::walk) const TRACEBACK_LASTI: usize = 32;
/// -1 if it is not computed yet (3.12 and newer).
pub(in crate::walk) const TRACEBACK_LINE: usize = 36;

/// `PyCellObject.ob_ref`.
pub(in crate::walk) const CELL_VALUE: usize = 16;

pub(in crate::walk) const METHOD_FUNCTION: usize = 16;
/// `PyCFunctionObject.m_ml`, whose first field is the name.
pub(in crate::walk) const BUILTIN_METHOD: usize = 16;
pub(in crate::walk) const BUILTIN_SELF: usize = 24;
pub(in crate::walk) const MODULE_DICT: usize = 16;
/// Start, stop, step.
pub(in crate::walk) const SLICE_START: usize = 16;
pub(in crate::walk) const WEAKREF_OBJECT: usize = 16;
/// `mappingproxy`: the mapping.
pub(in crate::walk) const PROXY_MAPPING: usize = 16;

/// `PyBaseExceptionObject`: after the instance's dict, the args.
pub(in crate::walk) const EXCEPTION_ARGS: usize = 24;

/// `PyMemoryViewObject.view`, a `Py_buffer`.
pub(in crate::walk) const MEMORYVIEW_BUFFER: usize = 56;
/// `PyMemoryViewObject.flags`: 1 if it was released.
pub(in crate::walk) const MEMORYVIEW_FLAGS: usize = 40;
