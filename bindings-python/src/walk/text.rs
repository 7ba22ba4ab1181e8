//! Strings and binary data, read where they lie.
//!
//! A `str` is stored as one, two or four bytes per character. It goes on the tape as it is stored (no transcoding on the raising
//! thread, no cached UTF-8 created in the program's object), cut to what the writer wants before it is touched.

use pyo3_ffi as ffi;
use stillframe_core::tape::{TapeWriter, TextFlags};

use super::layout;
use super::object::{Bytes, Str};

/// Memory that reading may borrow; reused from capture to capture.
#[derive(Default)]
pub(super) struct Scratch {
    /// Text that the fallback copies out character by character.
    units: Vec<u32>,
    /// Transcoded text.
    pub(super) utf8: Vec<u8>,
}

/// Characters that the fallback copies at most; more than any configured limit asks for.
const FALLBACK_MAX: usize = 300_000;

/// A string's storage.
#[derive(Clone, Copy)]
pub(super) enum Text<'a> {
    Ascii(&'a [u8]),
    Latin1(&'a [u8]),
    /// Two bytes per character, little-endian.
    Two(&'a [u8]),
    /// Four bytes per character, little-endian, and the whole length if this is not all of it.
    Four(&'a [u8], usize),
    /// A legacy string without a readable form (3.11 and older).
    NotReady,
}

impl<'g> Str<'g> {
    #[inline]
    pub(super) fn text<'a, const DIRECT: bool>(self, scratch: &'a mut Scratch) -> Text<'a>
    where
        'g: 'a,
    {
        if DIRECT {
            self.stored()
        } else {
            self.copied(scratch)
        }
    }

    /// The characters where they are stored.
    #[inline]
    pub(super) fn stored(self) -> Text<'g> {
        // SAFETY: every str begins with these fields (self-test).
        let (state, length) = unsafe {
            (
                self.0.read::<u32>(layout::STR_STATE),
                self.0.read::<usize>(layout::STR_LENGTH),
            )
        };
        const COMPACT_ASCII: u32 = layout::STR_COMPACT | layout::STR_ASCII;
        if state & COMPACT_ASCII == COMPACT_ASCII {
            // SAFETY: the characters of a compact ASCII string follow its head.
            return Text::Ascii(unsafe {
                std::slice::from_raw_parts(self.0.inside(layout::STR_ASCII_DATA), length)
            });
        }
        self.stored_wide(state, length)
    }

    #[inline(never)]
    fn stored_wide(self, state: u32, length: usize) -> Text<'g> {
        let width = ((state & layout::STR_KIND) >> layout::STR_KIND_SHIFT) as usize;
        let data = if state & layout::STR_COMPACT != 0 {
            self.0.inside(layout::STR_COMPACT_DATA)
        } else {
            // SAFETY: a string that is not compact has a pointer to its characters there, null while it is not ready.
            unsafe { self.0.read::<*const u8>(layout::STR_LEGACY_DATA) }
        };
        let bytes = length.checked_mul(width);
        let (Some(bytes), false, 1 | 2 | 4) = (bytes, data.is_null(), width) else {
            return Text::NotReady;
        };
        // SAFETY: a ready string stores `length` characters of `width` bytes there.
        let data = unsafe { std::slice::from_raw_parts(data, bytes) };
        match width {
            1 if state & layout::STR_ASCII != 0 => Text::Ascii(data),
            1 => Text::Latin1(data),
            2 => Text::Two(data),
            _ => Text::Four(data, length),
        }
    }

    /// The characters through the public API.
    #[cold]
    fn copied<'a>(self, scratch: &'a mut Scratch) -> Text<'a> {
        // SAFETY: the object is a str; these calls read it, and on 3.11 and older may bring a legacy one into its usual form.
        let length = unsafe { ffi::PyUnicode_GetLength(self.0.pointer()) };
        let Ok(length) = usize::try_from(length) else {
            return Text::NotReady;
        };
        scratch.units.clear();
        for index in 0..length.min(FALLBACK_MAX) {
            // SAFETY: the index is below the length.
            let unit = unsafe { ffi::PyUnicode_ReadChar(self.0.pointer(), index as isize) };
            scratch.units.push(unit.to_le());
        }
        // SAFETY: the vector's memory, seen as bytes.
        let bytes = unsafe {
            std::slice::from_raw_parts(scratch.units.as_ptr().cast(), scratch.units.len() * 4)
        };
        Text::Four(bytes, length)
    }

    /// The cached hash, by which a name is remembered; `None` if there is none.
    #[inline]
    pub(super) fn hash<const DIRECT: bool>(self) -> Option<u64> {
        if !DIRECT {
            return None;
        }
        // SAFETY: every str has its hash there.
        let hash = unsafe { self.0.read::<i64>(layout::STR_HASH) };
        (hash != -1).then_some(hash as u64)
    }

    /// Whether it is exactly this ASCII text.
    pub(super) fn is_ascii<const DIRECT: bool>(self, text: &[u8]) -> bool {
        if DIRECT {
            matches!(self.stored(), Text::Ascii(stored) if stored == text)
        } else {
            let mut scratch = Scratch::default();
            self.copied(&mut scratch).to_utf8(text.len() + 1) == text
        }
    }

    /// Up to `max` characters as UTF-8, for names.
    pub(super) fn to_utf8<const DIRECT: bool>(self, max: usize) -> Vec<u8> {
        let mut scratch = Scratch::default();
        self.text::<DIRECT>(&mut scratch).to_utf8(max)
    }
}

impl Text<'_> {
    /// Length in characters.
    #[inline]
    pub(super) const fn length(&self) -> usize {
        match self {
            Self::Ascii(bytes) | Self::Latin1(bytes) => bytes.len(),
            Self::Two(bytes) => bytes.len() / 2,
            Self::Four(_, total) => *total,
            Self::NotReady => 0,
        }
    }

    /// Writes it as one value.
    #[inline]
    pub(super) fn write(self, out: &mut TapeWriter) {
        match self {
            Self::Ascii(bytes) => out.ascii(bytes),
            wide => wide.write_wide(out),
        }
    }

    #[inline(never)]
    fn write_wide(self, out: &mut TapeWriter) {
        let bound = out.text_bound();
        let head = |bytes: &'_ [u8], width: usize| bytes.len().min(bound.saturating_mul(width));
        match self {
            Self::Ascii(bytes) => out.ascii(bytes),
            Self::Latin1(bytes) => out.latin1(bytes),
            Self::Two(bytes) => {
                let (start, total) = (&bytes[..head(bytes, 2)], bytes.len() / 2);
                // Two surrogates in a row are two characters here, but one in UTF-16.
                let surrogates = start
                    .chunks_exact(2)
                    .fold(false, |found, unit| found | (unit[1] & 0xf8 == 0xd8));
                if surrogates {
                    let units = start
                        .chunks_exact(2)
                        .flat_map(|unit| [unit[0], unit[1], 0, 0]);
                    out.utf32(&units.collect::<Vec<u8>>(), total);
                } else {
                    out.utf16(start, total);
                }
            }
            Self::Four(bytes, total) => out.utf32(&bytes[..head(bytes, 4)], total),
            Self::NotReady => out.utf8("", TextFlags::LOSSY),
        }
    }

    /// Appends up to `max` characters as UTF-8; what is not valid Unicode becomes U+FFFD. Says whether anything was not.
    pub(super) fn push_utf8(self, max: usize, out: &mut Vec<u8>) -> bool {
        let mut lossy = false;
        let mut push = |unit: u32| {
            let character = char::from_u32(unit).unwrap_or_else(|| {
                lossy = true;
                char::REPLACEMENT_CHARACTER
            });
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        };
        match self {
            Self::Ascii(bytes) => out.extend_from_slice(&bytes[..bytes.len().min(max)]),
            Self::Latin1(bytes) => bytes.iter().take(max).for_each(|&byte| push(byte.into())),
            Self::Two(bytes) => bytes
                .chunks_exact(2)
                .take(max)
                .for_each(|unit| push(u16::from_le_bytes([unit[0], unit[1]]).into())),
            Self::Four(bytes, _) => bytes
                .chunks_exact(4)
                .take(max)
                .for_each(|unit| push(u32::from_le_bytes([unit[0], unit[1], unit[2], unit[3]]))),
            Self::NotReady => lossy = true,
        }
        lossy
    }

    pub(super) fn to_utf8(self, max: usize) -> Vec<u8> {
        let mut out = Vec::new();
        self.push_utf8(max, &mut out);
        out
    }
}

impl<'g> Bytes<'g> {
    #[inline]
    pub(super) fn data<const DIRECT: bool>(self) -> &'g [u8] {
        let (data, length) = if DIRECT {
            // SAFETY: every bytes object has its length there.
            let length = unsafe { self.0.read::<usize>(layout::VAR_SIZE) };
            (self.0.inside(layout::BYTES_DATA), length)
        } else {
            // SAFETY: the object is a bytes; both calls only read it.
            unsafe {
                let length = ffi::PyBytes_Size(self.0.pointer());
                (
                    ffi::PyBytes_AsString(self.0.pointer())
                        .cast::<u8>()
                        .cast_const(),
                    usize::try_from(length).unwrap_or(0),
                )
            }
        };
        // SAFETY: a bytes object holds that many bytes there.
        unsafe { std::slice::from_raw_parts(data, length) }
    }

    /// The cached hash (that of the same ASCII text as a str), if there is one.
    #[inline]
    pub(super) fn hash<const DIRECT: bool>(self) -> Option<u64> {
        if !DIRECT {
            return None;
        }
        // SAFETY: every bytes object has its hash there.
        let hash = unsafe { self.0.read::<i64>(layout::BYTES_HASH) };
        (hash != -1).then_some(hash as u64)
    }
}
