//! The tape: one captured exception as a bounded, append-only byte sequence.
//!
//! A host's walker writes it on the raising thread with [`TapeWriter`] (or with a writer in its own language); the
//! background reads it with [`Tape`], which validates every byte once and then hands out borrowed values. No tree of nodes
//! is ever built: **the tape is the tree**.
//!
//! The rest of this page is the format's specification. It is complete: a walker in another language can be written from it.
//!
//! # Format, version 1
//!
//! All numbers are little-endian and unaligned. `u8`, `u16`, `u32`, `u64`, `i8`, `i32`, `i64`, `f64` have their usual meaning.
//!
//! ```text
//! tape   := header group(0) group(1) group(2) ...
//! group  := item* END
//! item   := GAP | SECTION | prefix* value              where items have no names
//!         | GAP | SECTION | prefix* name prefix* value  where items have names
//! prefix := TYPE | SHAPE | AS
//! ```
//!
//! ## Level order
//!
//! Containers (list, map, object, shaped object, exception, frame) are numbered 1, 2, 3, ... in the order in which their
//! opcodes stand on the tape. Group 0 holds the exceptions; group *k* holds what is inside container *k*; groups come in that
//! order. So the writer needs one first-in-first-out queue of containers whose contents are still to be written, and a tape
//! shows everything near the surface before anything deep.
//!
//! A tape may end before the group of its last container: the header's `stop` then says why, and the containers without a group
//! count as not captured for that reason. If `stop` is 0 every container has its group.
//!
//! ## Header (64 bytes)
//!
//! | offset | type | meaning |
//! |---|---|---|
//! | 0 | 4 bytes | magic `93 53 46 54` (`\x93SFT`) |
//! | 4 | u16 | format version, 1 |
//! | 6 | u8 | language: 0 unknown, 1 Python, 2 Java, 3 .NET, 4 C or C++ |
//! | 7 | u8 | stop: 0, or the [`Reason`] code for which the tape ends early |
//! | 8 | u32 | bytes of the whole tape, header included |
//! | 12 | u32 | values on the tape (opcodes `0x10` to `0x4f`) |
//! | 16 | u32 | containers on the tape |
//! | 20 | u32 | duration of the walk in ns, `0xffffffff` if longer |
//! | 24 | u16 | limit in force: exceptions |
//! | 26 | u16 | limit in force: frames |
//! | 28 | u16 | limit in force: depth |
//! | 30 | u16 | limit in force: fields |
//! | 32 | u32 | limit in force: items |
//! | 36 | u32 | limit in force: string, in characters |
//! | 40 | u32 | limit in force: values |
//! | 44 | u32 | limit in force: tape bytes |
//! | 48 | u32 | limit in force: soft time in µs |
//! | 52 | u32 | limit in force: hard time in µs |
//! | 56 | u64 | 0 |
//!
//! ## Names
//!
//! A name (of a field, a variable, a type, a function, a file, a rule) is UTF-8 and begins with a byte of `0x80` or more:
//!
//! | byte | then |
//! |---|---|
//! | `0x80` + n, n = 0 to 126 | n bytes |
//! | `0xff` | u16 kept, u32 total, then `kept` bytes; `total` is the length before cutting, in bytes |
//!
//! Opcodes are below `0x80`, so a reader can tell a name from an opcode by its first byte.
//!
//! ## Opcodes
//!
//! Structure:
//!
//! | op | name | payload | meaning |
//! |---|---|---|---|
//! | `01` | END | | end of the group |
//! | `02` | GAP | u8 reason, u32 count | `count` items of the current section are missing here (`0xffffffff`: unknown number) |
//! | `03` | SECTION | u8 section | the items that follow belong to this section (below) |
//! | `04` | TYPE | name | defines the next type number, 1, 2, 3, ...; type 0 is the opcode's own type in the tape's language |
//! | `05` | SHAPE | u16 type, u8 n, n names | defines the next shape number, 0, 1, 2, ...: an object type with its field names |
//! | `06` | AS | u16 type | the next value, a scalar, has this type (a subclass of a string or a number) |
//!
//! Scalars:
//!
//! | op | name | payload | meaning |
//! |---|---|---|---|
//! | `10` | NULL | | |
//! | `11` `12` | FALSE, TRUE | | |
//! | `13` `14` `15` | I8, I32, I64 | i8, i32, i64 | signed integer |
//! | `16` | U64 | u64 | unsigned integer |
//! | `17` | F64 | f64 | any bits, NaN and infinities too |
//! | `18` | BIG | u8 negative, u32 bits, u8 n, n bytes | integer of `bits` significant bits. Up to 128: its magnitude, big-endian, the first byte not 0. Beyond: `n` = 16, its highest 128 bits, the lower ones missing |
//! | `19` | TIME | u8 kind, i64 seconds, u32 nanos, i32 offset | kind 0: date and time, 1: date, 2: time of day, 3: duration. `seconds` on the local clock (since 1970-01-01, since midnight, or of the duration); `offset` from UTC in seconds, `0x80000000`: none known |
//!
//! Text. `flags`: bit 0 *rendered* (the text stands for a value that is not text: a decimal, a path, an enum member), bit 1 *lossy*
//! (the source was not valid Unicode). `kept` and `ahead` count bytes, `total` counts characters of the host's string type.
//! When text is cut, `ahead` bytes more than are shown may follow the kept ones, so that a secret that begins before the cut
//! and ends after it is recognised; they are never shown.
//!
//! | op | name | payload |
//! |---|---|---|
//! | `20` | STR8 | u8 n, n bytes of UTF-8, whole |
//! | `21` | STR | u8 flags, u32 kept, u16 ahead, u32 total, bytes of UTF-8 |
//! | `22` | LATIN1 | the same, each byte one character |
//! | `23` | UTF16 | the same, UTF-16 little-endian; a lone surrogate is legal and makes the text lossy |
//! | `24` | UTF32 | the same, UTF-32 little-endian; a surrogate or a value over `10ffff` is legal and makes the text lossy |
//! | `25` | BYTES | u32 kept, u32 total, `kept` bytes |
//! | `26` | CLEANED | name rule, u8 flags, u32 kept, bytes of UTF-8: text in which secrets were replaced; its original length is hidden |
//!
//! Text is cut if its characters are fewer than `total`.
//!
//! Containers:
//!
//! | op | name | payload | its group |
//! |---|---|---|---|
//! | `30` | LIST | u16 type, u32 size | items without names |
//! | `31` | MAP | u16 type, u32 size | items without names: key, value, key, value, ... |
//! | `32` | OBJECT | u16 type | items with names |
//! | `33` | SHAPED | u16 shape | one item per field of the shape, in its order, without names (`ABSENT` for unset ones) |
//! | `34` | EXCEPTION | u16 type, u8 link, u32 parent, u8 flags | sections 4 to 8; items of section 7 have names |
//! | `35` | FRAME | u8 flags, u32 line, u32 end line, u32 column, u32 end column, name function, name module, name file | sections 1 to 3; items have names |
//!
//! `size` is the true number of items (entries for a map), `0xffffffff` if unknown. EXCEPTION stands in group 0 only, FRAME in
//! section 8 only, the raising frame first. `parent` is the position in group 0 of the exception that this one is linked to and
//! must be smaller than its own; `link`: 0 the captured one (`parent` 0), 1 its cause, 2 its context, 3 a member of it (group).
//! EXCEPTION flags: bit 0 its message could not be known without running the program's code. FRAME flags: bit 0 in-app,
//! bit 1 generator, bit 2 coroutine, bit 3 awaited (a coroutine that the one before waits for), bit 4 variables not read.
//! Lines and columns count from 1, 0 is unknown; columns count bytes of the UTF-8 source line, the end column is exclusive.
//!
//! Other values:
//!
//! | op | name | payload | meaning |
//! |---|---|---|---|
//! | `40` | REF | u32 container | the same object as that container, which must stand before |
//! | `41` | OPAQUE | u16 type | a value of which only the type is shown |
//! | `42` | REDACTED | u8 reason, u16 type, name rule | hidden; nothing of it is on the tape |
//! | `43` | ALIAS | u8 reason, u16 type, name rule, u32 length, u64 hash | hidden text, with its byte length and keyed hash so that the same text elsewhere can be hidden |
//! | `44` | SKIPPED | u8 reason, u16 type, u32 size | not captured for a reason; `size` `0xffffffff`: unknown or meaningless |
//! | `45` | FAILED | u16 type, name cause | reading this value failed |
//! | `46` | ABSENT | | (shaped objects) this object does not have the field |
//!
//! An unbound variable is `SKIPPED` with the reason `unbound`.
//!
//! ## Own types
//!
//! What type 0 means, by language (unknown, Python, Java, .NET, C):
//!
//! | value | | Python | Java | .NET | C |
//! |---|---|---|---|---|---|
//! | NULL | null | NoneType | null | null | null |
//! | FALSE, TRUE | bool | bool | boolean | System.Boolean | bool |
//! | I8, I32, I64 | int | int | long | System.Int64 | int64_t |
//! | U64 | uint | int | java.math.BigInteger | System.UInt64 | uint64_t |
//! | BIG | int | int | java.math.BigInteger | System.Numerics.BigInteger | integer |
//! | F64 | float | float | double | System.Double | double |
//! | TIME kind 0 | datetime | datetime.datetime | java.time.Instant | System.DateTime | struct timespec |
//! | TIME kind 1 | date | datetime.date | java.time.LocalDate | System.DateOnly | struct tm |
//! | TIME kind 2 | time | datetime.time | java.time.LocalTime | System.TimeOnly | struct tm |
//! | TIME kind 3 | duration | datetime.timedelta | java.time.Duration | System.TimeSpan | struct timespec |
//! | text | string | str | java.lang.String | System.String | char* |
//! | BYTES | bytes | bytes | byte[] | System.Byte[] | uint8_t[] |
//! | LIST | list | list | java.util.List | System.Collections.IList | array |
//! | MAP | map | dict | java.util.Map | System.Collections.IDictionary | map |
//! | OBJECT, SHAPED | object | object | java.lang.Object | System.Object | struct |
//!
//! With the other opcodes type 0 means that the type is not known.
//!
//! ## Sections
//!
//! Sections: 1 arguments, 2 locals, 3 statics (of a frame); 4 message (one value), 5 notes, 6 args, 7 attributes, 8 frames (of an
//! exception). A group of another container has no sections.
//!
//! ## Worked example
//!
//! Python, `KeyError: 'EUR'` raised in one frame with the argument `currency = 'EUR'` and the local `rates = {'USD': 1}`:
//!
//! ```text
//! 93 53 46 54 01 00 01 00 a1 00 00 00 07 00 00 00 header: version 1, Python, whole, 161 bytes, 7 values,
//! 03 00 00 00 e8 03 00 00 10 00 11 00 04 00 20 00 3 containers, 1000 ns, limits: exceptions 16, frames 17, depth 4, fields 32,
//! 40 00 00 00 00 04 00 00 00 10 00 00 00 00 02 00 items 64, string 1024, values 4096, bytes 131072,
//! d0 07 00 00 10 27 00 00 00 00 00 00 00 00 00 00 2000 µs, 10000 µs
//! 04 88 4b 65 79 45 72 72 6f 72                   TYPE 1 = "KeyError"
//! 34 01 00 00 00 00 00 00 00                      EXCEPTION (container 1) of type 1, the captured one
//! 01                                              END of group 0
//! 03 04 20 05 27 45 55 52 27                      group 1: SECTION message, STR8 "'EUR'"
//! 03 08 35 01 2a 00 00 00 00 00 00 00 00 00 00 00 SECTION frames, FRAME (container 2) in-app, line 42,
//! 00 00 00 00 81 66 81 6d 82 6d 70                no end line, no columns, function "f", module "m", file "mp"
//! 01                                              END of group 1
//! 03 01 88 63 75 72 72 65 6e 63 79 20 03 45 55 52 group 2: SECTION arguments, "currency" = STR8 "EUR"
//! 03 02 85 72 61 74 65 73 31 00 00 01 00 00 00    SECTION locals, "rates" = MAP (container 3) of the language's own type, 1 entry
//! 01                                              END of group 2
//! 20 03 55 53 44 13 01 01                         group 3: STR8 "USD", I8 1, END
//! ```
//!
//! (A test keeps this example true.)
//!
//! ## Limits of the format
//!
//! A reader refuses a tape that is longer than [`MAX_TAPE_BYTES`], nests deeper than [`MAX_NESTING`] containers, has an unknown
//! opcode, reason, section or version, text that is not valid in its encoding, a reference to a container that does not stand
//! before it, or counts in its header that are not those of its body. It never allocates more than the tape's own length justifies.
//!
//! ## Version history
//!
//! | version | change |
//! |---|---|
//! | 1 | first |
//!
//! A new opcode or a new meaning of an old one makes a new version; readers accept the versions that they know.

mod arena;
mod cursor;
mod decode;
mod edit;
mod entry;
mod error;
mod header;
mod message;
mod op;
mod own_type;
mod reader;
mod writer;

pub use edit::{Edit, EditedFrame, edit};
pub use entry::{
    BigInt, Exception, Frame, FrameFlags, Item, Link, Name, Section, Text, TimeKind, TimeValue,
    Value,
};
pub use error::TapeError;
pub use header::{HEADER_BYTES, Header, VERSION};
pub use message::Message;
pub use op::{MAX_NESTING, MAX_TAPE_BYTES, UNKNOWN_COUNT};
pub use own_type::own_type;
pub(crate) use reader::Contents;
pub use reader::{ContainerId, ContainerKind, Items, Tape};
pub use writer::{Location, ShapeId, ShapeNames, TapeWriter, TextFlags, TypeId};

#[cfg(doc)]
use crate::reason::Reason;
