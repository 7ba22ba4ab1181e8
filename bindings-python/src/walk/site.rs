//! Where an exception comes from, cheaply: for every exception, captured or not.
//!
//! The class and, per frame, the file's name, the function's first line and the instruction's offset are mixed. No
//! address is: freed classes and code objects leave theirs to others.

use pyo3_ffi as ffi;
use stillframe_core::gate::{Raised, SiteHash, SiteHasher};

use super::code::Owned;
use super::object::{Class, Code, Exception, Obj, Str, Traceback};
use super::text::Text;

/// Frames at each end that are mixed in. Recursion of different depths is one site.
const ENDS: usize = 16;
/// Entries of a traceback that are followed.
const MAX_ENTRIES: usize = 2048;

/// The site of an exception raised along `traceback`.
pub(super) fn site<'g, const DIRECT: bool>(
    exception: Obj<'g>,
    traceback: Option<Traceback<'g>>,
) -> SiteHash {
    let mut hasher = SiteHasher::new(class_hash::<DIRECT>(exception.class()));
    let mut file = LastFile::default();
    let mut ring = [None; ENDS];
    let mut next = traceback;
    let mut count = 0;
    while let Some(entry) = next
        && count < MAX_ENTRIES
    {
        if count < ENDS {
            mix::<DIRECT>(&mut hasher, &mut file, entry);
        } else {
            ring[count % ENDS] = Some(entry);
        }
        count += 1;
        next = entry.next();
    }
    if count > ENDS {
        let rest = (count - ENDS).min(ENDS);
        for position in count - rest..count {
            if let Some(entry) = ring[position % ENDS] {
                mix::<DIRECT>(&mut hasher, &mut file, entry);
            }
        }
    }
    hasher.finish(Raised::Last)
}

/// The file of the frame before, which is often that of the next: its name object and the hash of that.
#[derive(Default)]
struct LastFile {
    name: usize,
    hash: u64,
}

#[inline]
fn mix<const DIRECT: bool>(hasher: &mut SiteHasher, last: &mut LastFile, traceback: Traceback<'_>) {
    let Some(entry) = traceback.entry() else {
        return;
    };
    let Some(code) = entry.frame.code::<DIRECT>() else {
        return;
    };
    let (file, line) = place::<DIRECT>(last, code);
    hasher.frame(file, line, entry.lasti.cast_unsigned());
}

#[inline]
fn place<const DIRECT: bool>(last: &mut LastFile, code: Code<'_>) -> (u64, u32) {
    if DIRECT {
        let name = code.file_name();
        let address = name.map_or(0, |name| name.0.address());
        if address != last.name {
            last.name = address;
            last.hash = name.map_or(0, text_hash);
        }
        return (last.hash, code.first_line());
    }
    let file = Owned::attribute(code.0, c"co_filename")
        .and_then(|file| Some(Str::of(file.get())?.to_utf8::<false>(4096)))
        .map_or(0, |file| bytes_hash(&file));
    // SAFETY: the object is a code object; the call only reads it.
    let line = unsafe { ffi::PyCode_Addr2Line(code.0.pointer().cast(), 0) };
    (file, line.cast_unsigned())
}

fn class_hash<const DIRECT: bool>(class: Class<'_>) -> u64 {
    // Where the name lies is known on the fast path only.
    match DIRECT.then(|| class.qualified_name()).flatten() {
        Some(name) => text_hash(name),
        None => bytes_hash(class.c_name()),
    }
}

#[inline]
fn text_hash(text: Str<'_>) -> u64 {
    match text.stored() {
        Text::Ascii(bytes) | Text::Latin1(bytes) | Text::Two(bytes) | Text::Four(bytes, _) => {
            bytes_hash(bytes)
        }
        Text::NotReady => 0,
    }
}

/// Length, head and tail of a name: names that differ only in the middle are told apart by what else is mixed in.
#[inline]
fn bytes_hash(bytes: &[u8]) -> u64 {
    let word = |at: usize| {
        bytes
            .get(at..at + 8)
            .and_then(|word| word.try_into().ok())
            .map_or(0, u64::from_le_bytes)
    };
    let length = bytes.len();
    if length < 8 {
        return bytes
            .iter()
            .fold(length as u64, |hash, &byte| hash << 8 | u64::from(byte));
    }
    let tail = word(length - 8);
    let before = word(length.saturating_sub(16));
    let head = word(0);
    (tail ^ before.rotate_left(23) ^ head.rotate_left(47) ^ length as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The traceback given, else the exception's own.
pub(super) fn traceback_of<'g>(
    exception: Obj<'g>,
    given: Option<Obj<'g>>,
) -> Option<Traceback<'g>> {
    // Some programs hand over something that looks like a traceback.
    given
        .and_then(Traceback::of)
        .or_else(|| Exception::of(exception)?.traceback())
}
