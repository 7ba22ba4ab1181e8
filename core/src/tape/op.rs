//! Opcodes and fixed numbers of the format, as the module's page lists them.

pub(super) const END: u8 = 0x01;
pub(super) const GAP: u8 = 0x02;
pub(super) const SECTION: u8 = 0x03;
pub(super) const TYPE: u8 = 0x04;
pub(super) const SHAPE: u8 = 0x05;
pub(super) const AS: u8 = 0x06;

pub(super) const NULL: u8 = 0x10;
pub(super) const FALSE: u8 = 0x11;
pub(super) const TRUE: u8 = 0x12;
pub(super) const I8: u8 = 0x13;
pub(super) const I32: u8 = 0x14;
pub(super) const I64: u8 = 0x15;
pub(super) const U64: u8 = 0x16;
pub(super) const F64: u8 = 0x17;
pub(super) const BIG: u8 = 0x18;
pub(super) const TIME: u8 = 0x19;

pub(super) const STR8: u8 = 0x20;
pub(super) const STR: u8 = 0x21;
pub(super) const LATIN1: u8 = 0x22;
pub(super) const UTF16: u8 = 0x23;
pub(super) const UTF32: u8 = 0x24;
pub(super) const BYTES: u8 = 0x25;
pub(super) const CLEANED: u8 = 0x26;

pub(super) const LIST: u8 = 0x30;
pub(super) const MAP: u8 = 0x31;
pub(super) const OBJECT: u8 = 0x32;
pub(super) const SHAPED: u8 = 0x33;
pub(super) const EXCEPTION: u8 = 0x34;
pub(super) const FRAME: u8 = 0x35;

pub(super) const REF: u8 = 0x40;
pub(super) const OPAQUE: u8 = 0x41;
pub(super) const REDACTED: u8 = 0x42;
pub(super) const ALIAS: u8 = 0x43;
pub(super) const SKIPPED: u8 = 0x44;
pub(super) const FAILED: u8 = 0x45;
pub(super) const ABSENT: u8 = 0x46;

/// First byte of a name that has its length in the byte itself.
pub(super) const NAME: u8 = 0x80;
/// First byte of a name with a length of its own.
pub(super) const LONG_NAME: u8 = 0xff;
/// Longest name whose length fits into its first byte.
pub(super) const SHORT_NAME_MAX: usize = 126;

pub(super) const FLAG_RENDERED: u8 = 1;
pub(super) const FLAG_LOSSY: u8 = 2;

/// A count or size that the writer did not know.
pub const UNKNOWN_COUNT: u32 = u32::MAX;
/// Largest tape that a reader accepts, in bytes.
pub const MAX_TAPE_BYTES: usize = 16 << 20;
/// Deepest nesting of containers that a reader accepts (exception and frame included).
pub const MAX_NESTING: u16 = 64;
