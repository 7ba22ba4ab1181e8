//! All text of one snapshot, side by side, so that it is scanned once and not value by value.
//!
//! A call per value costs five times the scan itself on short values. Texts lie one after another with a `0xFF` between
//! them, a byte that is not in UTF-8, so no pattern can run from one text into the next; the last is followed by
//! enough `0xFF` for a vector load at any used byte.

use super::scope::ScopeSet;

/// Bytes behind the last text that may be loaded: one block, and the next block's look-ahead.
pub(super) const SLACK: usize = 192;

/// What ends every text.
pub(super) const SEPARATOR: u8 = 0xFF;

/// More text than this in one arena is not scanned, and reported as such. Keeps every offset far from `u32::MAX`.
pub(super) const MAX_BYTES: usize = 1 << 30;

/// What is known about one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextFlags {
    /// The text goes on beyond what is here: whatever looks like the beginning of a secret at its end is one.
    pub cut: bool,
    /// The text is a key of a map. The scanner treats it as any text; the flag is for the caller.
    pub is_key: bool,
    /// The text is program source: beside a sensitive name only literals are secrets, expressions are not.
    pub is_code: bool,
    /// The text may be a copy of what a name hid.
    pub keeps_copies: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) flags: TextFlags,
    pub(super) scopes: ScopeSet,
}

/// The texts of one snapshot. Reused: [`Arena::clear`] keeps the capacity.
#[derive(Debug)]
pub struct Arena {
    bytes: Vec<u8>,
    used: usize,
    spans: Vec<Span>,
    refused: u32,
    limit: usize,
}

impl Default for Arena {
    fn default() -> Self {
        Arena::new()
    }
}

impl Arena {
    /// An empty arena.
    pub fn new() -> Arena {
        Arena {
            bytes: Vec::new(),
            used: 0,
            spans: Vec::new(),
            refused: 0,
            limit: MAX_BYTES,
        }
    }

    #[cfg(test)]
    pub(super) fn with_limit(limit: usize) -> Arena {
        Arena {
            limit,
            ..Arena::new()
        }
    }

    /// Forgets all texts and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
        self.used = 0;
        self.refused = 0;
    }

    /// Adds a text that no path leads to (a message, a source line): rules with a scope do not see it. Returns its index.
    pub fn push(&mut self, text: &[u8], flags: TextFlags) -> u32 {
        self.push_scoped(text, flags, ScopeSet::NONE)
    }

    /// Adds a text found at a path; `scopes` is what [`super::Redactor::scopes`] says of it. Returns its index.
    pub fn push_scoped(&mut self, text: &[u8], flags: TextFlags, scopes: ScopeSet) -> u32 {
        let index = self.spans.len() as u32 + self.refused;
        let start = self.used;
        if self.refused > 0 || text.len() > self.limit - start.min(self.limit) {
            // From here on nothing is taken, so that the texts not scanned are always the last ones.
            self.refused += 1;
            return index;
        }
        let end = start + text.len();
        self.bytes.resize(end + 1 + SLACK, SEPARATOR);
        let place = &mut self.bytes[start..end];
        place.copy_from_slice(text);
        // Text should be UTF-8. A raw separator in it would end a secret early; another invalid byte does not.
        let mut from = 0;
        while let Some(at) = memchr::memchr(SEPARATOR, &place[from..]) {
            place[from + at] = 0xFE;
            from += at + 1;
        }
        self.spans.push(Span {
            start: start as u32,
            end: end as u32,
            flags,
            scopes,
        });
        self.used = end + 1;
        index
    }

    /// How many texts were pushed.
    pub fn len(&self) -> usize {
        self.spans.len() + self.refused as usize
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes of text are held, separators included.
    pub fn bytes_used(&self) -> usize {
        self.used
    }

    /// The text with this index, if it was taken. Invalid `0xFF` bytes read as `0xFE`.
    pub fn text(&self, index: u32) -> Option<&[u8]> {
        let span = self.spans.get(index as usize)?;
        self.bytes.get(span.start as usize..span.end as usize)
    }

    /// The flags of the text with this index.
    pub fn flags(&self, index: u32) -> Option<TextFlags> {
        self.spans.get(index as usize).map(|s| s.flags)
    }

    /// The texts that were taken; those after them were refused for want of room.
    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Used bytes followed by at least [`SLACK`] separators; empty when nothing was pushed.
    pub(super) fn padded(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_are_followed_by_separators() {
        let mut arena = Arena::new();
        assert_eq!(arena.push(b"one", TextFlags::default()), 0);
        assert_eq!(
            arena.push(
                b"",
                TextFlags {
                    cut: true,
                    ..TextFlags::default()
                }
            ),
            1
        );
        assert_eq!(arena.push(b"three", TextFlags::default()), 2);
        assert_eq!(arena.text(0), Some(&b"one"[..]));
        assert_eq!(arena.text(1), Some(&b""[..]));
        assert_eq!(arena.text(2), Some(&b"three"[..]));
        assert_eq!(arena.text(3), None);
        assert_eq!(arena.flags(1).map(|f| f.cut), Some(true));
        assert_eq!(&arena.padded()[..11], b"one\xff\xffthree\xff");
        assert!(arena.padded()[10..].iter().all(|&b| b == SEPARATOR));
        assert!(arena.padded().len() >= arena.bytes_used() + SLACK);
    }

    #[test]
    fn clear_keeps_the_capacity_and_leaves_no_old_bytes() {
        let mut arena = Arena::new();
        arena.push(&[b'x'; 4096], TextFlags::default());
        let capacity = arena.bytes.capacity();
        arena.clear();
        assert!(arena.is_empty());
        arena.push(b"ab", TextFlags::default());
        assert_eq!(arena.bytes.capacity(), capacity);
        assert_eq!(&arena.padded()[..4], b"ab\xff\xff");
    }

    #[test]
    fn a_separator_inside_a_text_is_replaced() {
        let mut arena = Arena::new();
        arena.push(b"a\xff\xffb\xff", TextFlags::default());
        assert_eq!(arena.text(0), Some(&b"a\xfe\xfeb\xfe"[..]));
    }

    #[test]
    fn after_the_first_refused_text_all_are_refused() {
        let mut arena = Arena::with_limit(10);
        assert_eq!(arena.push(b"12345", TextFlags::default()), 0);
        assert_eq!(arena.push(b"1234567890", TextFlags::default()), 1);
        assert_eq!(arena.push(b"1", TextFlags::default()), 2);
        assert_eq!(arena.len(), 3);
        assert_eq!(arena.spans().len(), 1);
        assert_eq!(arena.text(2), None);
    }
}
