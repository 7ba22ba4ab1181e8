//! What a reader of a tape gets: borrowed, typed items.

use std::borrow::Cow;

use super::op;
use super::reader::ContainerId;
use crate::reason::Reason;

/// A name on the tape. Always valid UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// The name, or the kept head of it.
    pub text: &'a str,
    /// Its length in bytes before it was cut; the length of `text` when whole.
    pub total: u32,
}

impl Name<'_> {
    /// Whether the name is longer than what is kept of it.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.total as usize > self.text.len()
    }
}

/// Part of an exception's or a frame's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Section {
    /// Arguments of a frame.
    Arguments = 1,
    /// Other locals of a frame.
    Locals = 2,
    /// Static or global variables that the frame uses.
    Statics = 3,
    /// Message of an exception: one value.
    Message = 4,
    /// Notes added to an exception.
    Notes = 5,
    /// Arguments that an exception was made with.
    Args = 6,
    /// Own fields of an exception.
    Attributes = 7,
    /// Frames of an exception, raising frame first.
    Frames = 8,
}

impl Section {
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Arguments,
            2 => Self::Locals,
            3 => Self::Statics,
            4 => Self::Message,
            5 => Self::Notes,
            6 => Self::Args,
            7 => Self::Attributes,
            8 => Self::Frames,
            _ => return None,
        })
    }

    /// Whether the section belongs to a frame (else to an exception).
    pub(super) const fn of_frame(self) -> bool {
        (self as u8) < 4
    }

    /// Whether its items have names.
    pub(super) const fn named(self) -> bool {
        self.of_frame() || matches!(self, Self::Attributes)
    }
}

/// One item of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item<'a> {
    /// What follows belongs to this section.
    Section(Section),
    /// Items are missing here.
    Gap {
        /// Why.
        reason: Reason,
        /// How many, if known.
        count: Option<u32>,
    },
    /// A value.
    Value {
        /// Its name, where items of the group have one.
        name: Option<Name<'a>>,
        /// Its type where it differs from the value's own (a subclass of a string or a number).
        as_type: Option<Name<'a>>,
        /// The value.
        value: Value<'a>,
    },
}

impl Item<'_> {
    /// A place for items to be read into.
    pub(crate) const NONE: Self = Self::Section(Section::Arguments);
}

/// One value. `type_name` is `None` for the opcode's own type in the tape's language.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer of up to 64 bits, signed.
    Int(i64),
    /// An integer of 64 bits, unsigned.
    Uint(u64),
    /// A larger integer.
    Big(BigInt<'a>),
    /// A floating-point number.
    Float(f64),
    /// A date, a time or a duration.
    Time(TimeValue),
    /// Text.
    Text(Text<'a>),
    /// Binary data: what is kept of it, and its length.
    Bytes {
        /// The kept head.
        kept: &'a [u8],
        /// Bytes in all.
        total: u32,
    },
    /// Text in which secrets were replaced by markers.
    Cleaned {
        /// What is left.
        text: &'a str,
        /// The rule that found the first secret.
        rule: Name<'a>,
        /// Whether the text stands for a value that is not text.
        rendered: bool,
        /// Whether the source was not valid Unicode.
        lossy: bool,
    },
    /// A sequence or a set.
    List {
        /// Its number.
        id: ContainerId,
        /// Its type.
        type_name: Option<Name<'a>>,
        /// Items it has, if known.
        size: Option<u32>,
    },
    /// A map.
    Map {
        /// Its number.
        id: ContainerId,
        /// Its type.
        type_name: Option<Name<'a>>,
        /// Entries it has, if known.
        size: Option<u32>,
    },
    /// An object with named fields (inline or by shape: a reader sees no difference).
    Object {
        /// Its number.
        id: ContainerId,
        /// Its type.
        type_name: Option<Name<'a>>,
    },
    /// An exception of the chain (group 0 only).
    Exception(Exception<'a>),
    /// A stack frame (section `frames` only).
    Frame(Frame<'a>),
    /// The same object as a container that stands before.
    Ref(ContainerId),
    /// Only the type is shown.
    Opaque {
        /// Its type.
        type_name: Option<Name<'a>>,
    },
    /// Hidden.
    Redacted {
        /// By what: name, type or content.
        reason: Reason,
        /// Its type.
        type_name: Option<Name<'a>>,
        /// The rule.
        rule: Name<'a>,
        /// Byte length and keyed hash of the hidden text, on tapes that come from a walker.
        alias: Option<(u32, u64)>,
    },
    /// Not captured.
    Skipped {
        /// Why.
        reason: Reason,
        /// Its type.
        type_name: Option<Name<'a>>,
        /// Its size, where it has one.
        size: Option<u32>,
    },
    /// Reading it failed.
    Failed {
        /// Its type.
        type_name: Option<Name<'a>>,
        /// What happened, in a few words.
        cause: Name<'a>,
    },
    /// The object does not have this field of its shape.
    Absent,
}

impl Value<'_> {
    /// The number of the container that this value opens, if it opens one.
    #[must_use]
    pub const fn container(&self) -> Option<ContainerId> {
        match self {
            Self::List { id, .. }
            | Self::Map { id, .. }
            | Self::Object { id, .. }
            | Self::Exception(Exception { id, .. })
            | Self::Frame(Frame { id, .. }) => Some(*id),
            _ => None,
        }
    }
}

/// Text as the host wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    pub(super) encoding: TextEncoding,
    /// Kept bytes, then those that were looked ahead at.
    pub(super) bytes: &'a [u8],
    pub(super) kept: u32,
    /// Characters of the whole text; 0 in the short form, which holds whole text only.
    pub(super) total: u32,
    pub(super) flags: u8,
}

/// Flag of a [`Text`] that no tape carries: see [`Text::is_whole_form`].
pub(super) const WHOLE_FORM: u8 = 0x80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextEncoding {
    Utf8,
    Latin1,
    Utf16,
    Utf32,
}

impl<'a> Text<'a> {
    /// Text of the short form.
    #[inline]
    pub(super) fn whole(text: &'a str) -> Self {
        Self {
            encoding: TextEncoding::Utf8,
            bytes: text.as_bytes(),
            kept: text.len() as u32,
            total: 0,
            flags: WHOLE_FORM,
        }
    }

    /// Characters of the whole text, as the host counts them; counted here for the short form.
    #[must_use]
    pub fn total(&self) -> u32 {
        if self.is_whole_form() {
            self.shown().chars().count() as u32
        } else {
            self.total
        }
    }

    /// The text that may be shown, as UTF-8; what is not valid becomes U+FFFD.
    #[must_use]
    pub fn shown(&self) -> Cow<'a, str> {
        self.decode(&self.bytes[..self.kept as usize])
    }

    /// The shown text without a copy, if the tape has it as UTF-8, which it does after the redact stage.
    #[inline]
    #[must_use]
    pub fn as_utf8(&self) -> Option<&'a str> {
        if self.encoding != TextEncoding::Utf8 {
            return None;
        }
        // SAFETY: `Tape::parse` refuses a tape of which the shown part of a UTF-8 text is not UTF-8, and only its decoder makes a
        // `Text`; `kept` is at most the length of `bytes` by construction there.
        Some(unsafe {
            std::str::from_utf8_unchecked(self.bytes.get_unchecked(..self.kept as usize))
        })
    }

    /// The text, if it is of the short form, of which nothing more is to be said.
    #[inline]
    #[must_use]
    pub fn as_whole(&self) -> Option<&'a str> {
        if self.is_whole_form() {
            self.as_utf8()
        } else {
            None
        }
    }

    /// Whether the form on the tape can only hold whole text, so that `total` need not be compared with what is shown.
    #[inline]
    #[must_use]
    pub const fn is_whole_form(&self) -> bool {
        self.flags & WHOLE_FORM != 0
    }

    /// The shown text and what follows it on the tape, for recognising secrets; never to be shown.
    #[must_use]
    pub fn with_lookahead(&self) -> Cow<'a, str> {
        self.decode(self.bytes)
    }

    /// Whether the text stands for a value that is not text.
    #[must_use]
    pub const fn rendered(&self) -> bool {
        self.flags & op::FLAG_RENDERED != 0
    }

    /// Whether the host says that its source was not valid Unicode (decoding may find more).
    #[must_use]
    pub const fn flagged_lossy(&self) -> bool {
        self.flags & op::FLAG_LOSSY != 0
    }

    /// Whether the tape holds more of the text than is shown.
    #[must_use]
    pub const fn has_lookahead(&self) -> bool {
        self.bytes.len() > self.kept as usize
    }

    /// Whether the kept bytes are UTF-8 already, so that [`Text::shown`] borrows.
    #[must_use]
    pub const fn is_utf8(&self) -> bool {
        matches!(self.encoding, TextEncoding::Utf8)
    }

    fn decode(&self, bytes: &'a [u8]) -> Cow<'a, str> {
        match self.encoding {
            TextEncoding::Utf8 => String::from_utf8_lossy(bytes),
            TextEncoding::Latin1 if bytes.is_ascii() => String::from_utf8_lossy(bytes),
            TextEncoding::Latin1 => bytes.iter().map(|&byte| char::from(byte)).collect(),
            TextEncoding::Utf16 => {
                let units = bytes
                    .chunks_exact(2)
                    .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
                char::decode_utf16(units)
                    .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect()
            }
            TextEncoding::Utf32 => bytes
                .chunks_exact(4)
                .map(|unit| u32::from_le_bytes([unit[0], unit[1], unit[2], unit[3]]))
                .map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect(),
        }
    }
}

/// An integer of more than 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BigInt<'a> {
    /// Whether it is below zero.
    pub negative: bool,
    /// Significant bits of its magnitude.
    pub bits: u32,
    /// Its magnitude, big-endian, without leading zeros; the highest 128 bits of a longer one.
    pub head: &'a [u8],
}

impl BigInt<'_> {
    /// The magnitude, if the tape holds all of it.
    #[must_use]
    pub fn exact(&self) -> Option<u128> {
        (self.bits as usize <= 8 * self.head.len()).then(|| {
            self.head
                .iter()
                .fold(0, |value, &byte| (value << 8) | u128::from(byte))
        })
    }
}

/// Which of the four things a [`TimeValue`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TimeKind {
    /// Date and time of day.
    DateTime = 0,
    /// A date.
    Date = 1,
    /// A time of day.
    TimeOfDay = 2,
    /// A length of time.
    Duration = 3,
}

/// A date, a time or a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeValue {
    /// What it is.
    pub kind: TimeKind,
    /// Seconds on the local clock since 1970-01-01, since midnight, or of the duration.
    pub seconds: i64,
    /// Nanoseconds to add, below 10^9.
    pub nanos: u32,
    /// Offset of the local clock from UTC in seconds, if known.
    pub offset: Option<i32>,
}

/// How an exception belongs to the one that it is linked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Link {
    /// It is the captured one.
    Root = 0,
    /// It is the cause of its parent.
    Cause = 1,
    /// Its parent was raised while it was handled.
    Context = 2,
    /// It is a member of its parent, a group.
    Member = 3,
}

/// An exception on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception<'a> {
    /// Its container.
    pub id: ContainerId,
    /// Its type, qualified.
    pub type_name: Option<Name<'a>>,
    /// How it belongs to `parent`.
    pub link: Link,
    /// Position in group 0 of the exception that it is linked to.
    pub parent: u32,
    /// Its message could not be known without running the program's code.
    pub message_unknown: bool,
}

/// Properties of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameFlags(pub u8);

impl FrameFlags {
    /// The program's own code (not the standard library, not an installed package).
    pub const IN_APP: Self = Self(1);
    /// A generator's frame.
    pub const GENERATOR: Self = Self(2);
    /// A coroutine's frame.
    pub const COROUTINE: Self = Self(4);
    /// A coroutine that the frame before waits for.
    pub const AWAITED: Self = Self(8);
    /// Its variables were not read.
    pub const NO_VARIABLES: Self = Self(16);
    pub(super) const ALL: u8 = 31;

    /// Whether all of `other` is set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A stack frame on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its container.
    pub id: ContainerId,
    /// Its properties.
    pub flags: FrameFlags,
    /// Line from 1; 0 unknown.
    pub line: u32,
    /// Last line of the failing expression; 0 unknown.
    pub end_line: u32,
    /// First column of the failing expression, from 1, in bytes of the UTF-8 line; 0 unknown.
    pub column: u32,
    /// Column after the failing expression; 0 unknown.
    pub end_column: u32,
    /// Function, qualified inside its module.
    pub function: Name<'a>,
    /// Module, package or class.
    pub module: Name<'a>,
    /// Source file, as the program knows it.
    pub file: Name<'a>,
}
