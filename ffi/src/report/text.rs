//! Text of the program onto a tape: bytes of any encoding, of any length, perhaps without an end.

use std::fmt::Write as _;

use stillframe_core::tape::{TapeWriter, TextFlags, TypeId};

use super::copies::{ALIAS_MAX, Copies};
use super::memory::Memory;

/// Bytes of a text that are counted. What is longer is told as this long.
const MAX_COUNTED: usize = 64 << 10;
/// Bytes that are read at once.
const CHUNK: usize = 1024;

/// A text of fixed capacity: what is written beyond it is dropped.
pub(crate) struct Short<const N: usize> {
    bytes: [u8; N],
    used: usize,
}

impl<const N: usize> Short<N> {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; N],
            used: 0,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.used]).unwrap_or("")
    }

    /// The text at an address up to its zero, as far as there is room; `false`: it cannot be read.
    pub(crate) fn read(&mut self, memory: &mut Memory, at: usize) -> bool {
        self.clear();
        let mut chunk = [0_u8; 64];
        let mut from = at;
        loop {
            let got = memory.read(from, &mut chunk);
            let end = chunk[..got].iter().position(|&byte| byte == 0);
            self.push(&chunk[..end.unwrap_or(got)]);
            if end.is_some() || self.used == N {
                return true;
            }
            if got < chunk.len() {
                return false;
            }
            from += got;
        }
    }

    /// Adds bytes that should be UTF-8; others become question marks.
    fn push(&mut self, bytes: &[u8]) {
        for part in bytes.utf8_chunks() {
            let _ = self.write_str(part.valid());
            if !part.invalid().is_empty() {
                let _ = self.write_str("?");
            }
        }
    }
}

impl<const N: usize> std::fmt::Write for Short<N> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for character in text.chars() {
            let end = self.used + character.len_utf8();
            if end > N {
                self.used = self.used.min(N);
                return Ok(());
            }
            character.encode_utf8(&mut self.bytes[self.used..end]);
            self.used = end;
        }
        Ok(())
    }
}

/// Where text is collected on its way to the tape.
pub(crate) struct TextBuffer {
    raw: Vec<u8>,
    clean: Vec<u8>,
}

/// How a text in memory ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// With a zero.
    Zero,
    /// With a zero, or after so many bytes.
    ZeroWithin(usize),
    /// After so many bytes.
    After(usize),
}

impl TextBuffer {
    /// For texts of up to `limit` characters.
    pub(crate) fn new(limit: usize) -> Self {
        let bytes = (4 * limit + 2 * CHUNK).max(ALIAS_MAX + CHUNK);
        Self {
            raw: Vec::with_capacity(bytes),
            // A byte that is no text becomes a character of three.
            clean: Vec::with_capacity(3 * bytes),
        }
    }

    /// Reads the text at an address into `raw`, as far as there is room. Returns the characters that come later; `None`: its first byte
    /// cannot be read.
    fn read(&mut self, memory: &mut Memory, at: usize, ends: Ends) -> Option<usize> {
        let (most, stops) = match ends {
            Ends::Zero => (MAX_COUNTED, true),
            Ends::ZeroWithin(most) => (most.min(MAX_COUNTED), true),
            Ends::After(length) => (length.min(MAX_COUNTED), false),
        };
        self.raw.clear();
        let room = self.raw.capacity();
        let mut later = 0;
        let mut chunk = [0_u8; CHUNK];
        let mut done = 0;
        while done < most {
            // Up to the end of a page: the next one may not be there.
            let here = at.wrapping_add(done);
            let length = (CHUNK - here % CHUNK).min(most - done);
            let got = memory.read(here, &mut chunk[..length]);
            if got == 0 && done == 0 {
                return None;
            }
            let zero = chunk[..got].iter().position(|&byte| byte == 0);
            let end = zero.filter(|_| stops).unwrap_or(got);
            let kept = end.min(room - self.raw.len());
            self.raw.extend_from_slice(&chunk[..kept]);
            later += characters(&chunk[kept..end]);
            done += end;
            if end < length {
                break;
            }
        }
        if let Ends::After(length) = ends {
            later += length - done.min(length);
        }
        Some(later)
    }

    /// The bytes of the text at an address; `None`: it cannot be read, has more than `most`, or is no Unicode.
    pub(crate) fn whole(
        &mut self,
        memory: &mut Memory,
        at: usize,
        ends: Ends,
        most: usize,
    ) -> Option<&[u8]> {
        let later = self.read(memory, at, ends)?;
        let is_whole = later == 0 && self.raw.len() <= most;
        (is_whole && std::str::from_utf8(&self.raw).is_ok()).then_some(&self.raw)
    }

    /// Writes the text at an address, of this type, without the copies of what is hidden; `false`, and nothing was written: its first byte
    /// cannot be read.
    pub(crate) fn write(
        &mut self,
        memory: &mut Memory,
        writer: &mut TapeWriter,
        at: usize,
        ends: Ends,
        type_id: TypeId,
        copies: Copies<'_>,
    ) -> bool {
        let Some(later) = self.read(memory, at, ends) else {
            return false;
        };
        if copies.hide_in(&mut self.raw, later == 0) {
            copies.instead(writer, type_id);
            return true;
        }
        let (text, flags) = clean(&self.raw, &mut self.clean, later > 0);
        let total = text.chars().count() + later;
        writer.as_type(type_id);
        writer.utf8_of(text, flags, total);
        true
    }
}

/// Characters in UTF-8, or nearly that.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&byte| byte & 0xc0 != 0x80).count()
}

/// The text in `raw`, with a mark for each byte that is none. `is_cut`: a last character that is not complete was complete.
fn clean<'b>(raw: &'b [u8], clean: &'b mut Vec<u8>, is_cut: bool) -> (&'b str, TextFlags) {
    match std::str::from_utf8(raw) {
        Ok(text) => return (text, TextFlags::NONE),
        Err(error) if is_cut && error.error_len().is_none() => {
            let valid = &raw[..error.valid_up_to()];
            return (std::str::from_utf8(valid).unwrap_or(""), TextFlags::NONE);
        }
        Err(_) => {}
    }
    clean.clear();
    for part in raw.utf8_chunks() {
        clean.extend_from_slice(part.valid().as_bytes());
        for _ in part.invalid() {
            clean.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    (std::str::from_utf8(clean).unwrap_or(""), TextFlags::LOSSY)
}

#[cfg(test)]
mod tests {
    use stillframe_core::language::Language;
    use stillframe_core::limits::Limits;
    use stillframe_core::tape::{Item, Link, Section, Tape, TapeWriter, TypeId, Value};

    use super::{Ends, MAX_COUNTED, Short, TextBuffer};
    use crate::report::copies::Copies;
    use crate::report::memory::Memory;

    /// What a tape shows of a text: itself, its length, whether it was whole Unicode.
    fn shown(bytes: &[u8], ends: Ends) -> Option<(String, u32, bool)> {
        let mut memory = Memory::new();
        memory.begin();
        let mut writer = TapeWriter::new();
        let limits = Limits::default();
        writer.begin(Language::Native, &limits);
        let _ = writer.exception(TypeId::OWN, Link::Root, 0, false);
        writer.end_group();
        writer.section(Section::Args);
        let mut buffer = TextBuffer::new(limits.string as usize);
        let at = bytes.as_ptr().addr();
        let type_id = writer.define_type(b"char[]");
        let copies = Copies::of(None, &[]);
        let written = buffer.write(&mut memory, &mut writer, at, ends, type_id, copies);
        writer.end_group();
        let tape = writer.finish(None, std::time::Duration::ZERO).unwrap();
        let tape = Tape::parse(tape).unwrap();
        let exception = tape.exceptions().next().unwrap().id;
        let text = tape.group(exception).find_map(|item| match item {
            Item::Value {
                value: Value::Text(text),
                ..
            } => Some((
                text.shown().into_owned(),
                text.total(),
                text.flagged_lossy(),
            )),
            _ => None,
        });
        assert_eq!(text.is_some(), written);
        text
    }

    #[test]
    fn texts() {
        let whole = |text: &str| Some((text.to_owned(), text.chars().count() as u32, false));
        assert_eq!(shown(b"abc\0def\0", Ends::Zero), whole("abc"));
        assert_eq!(shown(b"\0", Ends::Zero), whole(""));
        assert_eq!(
            shown("na\u{ef}ve\0".as_bytes(), Ends::Zero),
            whole("na\u{ef}ve")
        );
        assert_eq!(shown(b"abc\0def", Ends::After(7)), whole("abc\0def"));
        assert_eq!(shown(b"abcdef", Ends::ZeroWithin(3)), whole("abc"));
        assert_eq!(shown(b"ab\0def", Ends::ZeroWithin(6)), whole("ab"));
        assert_eq!(
            shown(b"a\xff\xfeb\0", Ends::Zero),
            Some(("a\u{fffd}\u{fffd}b".to_owned(), 4, true))
        );
    }

    #[test]
    fn long_texts_tell_their_length() {
        let long = vec![b'x'; 60_000];
        let (text, total, lossy) = shown(&long, Ends::After(60_000)).unwrap();
        assert_eq!((text.len(), total, lossy), (1024, 60_000, false));
        let huge = vec![b'x'; MAX_COUNTED + 5000];
        let (text, total, _) = shown(&huge, Ends::Zero).unwrap();
        assert_eq!((text.len(), total), (1024, MAX_COUNTED as u32));
        let wide = "\u{1f600}".repeat(4000) + "\0";
        let (text, total, lossy) = shown(wide.as_bytes(), Ends::Zero).unwrap();
        assert_eq!((text.chars().count(), total, lossy), (1024, 4000, false));
    }

    #[test]
    fn bad_addresses_write_nothing() {
        let mut memory = Memory::new();
        memory.begin();
        let mut short = Short::<16>::new();
        assert!(!short.read(&mut memory, 24));
        let name = b"a name that is too long for it\0";
        assert!(short.read(&mut memory, name.as_ptr().addr()));
        assert_eq!(short.as_str(), "a name that is t");
        // SAFETY: not dereferenced by anything but a safe read.
        let nothing = unsafe { std::slice::from_raw_parts(std::ptr::dangling::<u8>(), 0) };
        assert_eq!(shown(nothing, Ends::Zero), None);
    }
}
