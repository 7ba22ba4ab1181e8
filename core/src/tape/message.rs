//! The message of an exception, of which a host may have only the beginning.

use super::writer::{byte_of_char, cut_utf8};

/// Bytes after the cut of a text that go on the tape so that a secret which begins before the cut is recognised.
pub(super) const LOOKAHEAD: usize = 256;

/// What an exception says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'t> {
    /// Its beginning, or all of it.
    pub text: &'t str,
    /// Bytes that follow and are not at hand. If there are any, the last 256 of `text` are not shown: they are looked ahead at.
    pub more: usize,
}

impl<'t> Message<'t> {
    /// A message that is whole.
    #[must_use]
    pub const fn whole(text: &'t str) -> Self {
        Self { text, more: 0 }
    }

    /// The part for the tape, bytes of it that are only looked ahead at, and characters of the whole.
    pub(super) fn cut(&self, limit: usize) -> (&'t [u8], usize, usize) {
        let (kept, ahead) = split(self.text, limit, self.more > 0);
        let total = self.text.chars().count().saturating_add(self.more);
        (&self.text.as_bytes()[..kept + ahead], ahead, total)
    }
}

/// Bytes of `text` that are shown, at most `limit` characters, and those after them that are looked ahead at. `is_cut`: it goes on where it
/// ends.
pub(super) fn split(text: &str, limit: usize, is_cut: bool) -> (usize, usize) {
    let bytes = text.as_bytes();
    let kept = byte_of_char(text, limit);
    let kept = match is_cut {
        true => kept.min(cut_utf8(bytes, bytes.len().saturating_sub(LOOKAHEAD)).len()),
        false => kept,
    };
    (kept, cut_utf8(&bytes[kept..], LOOKAHEAD).len())
}

#[cfg(test)]
mod tests {
    use super::{LOOKAHEAD, Message};

    #[test]
    fn the_end_of_a_beginning_is_looked_ahead_at() {
        let text = "é".repeat(1000);
        let cut = |more| {
            let (bytes, ahead, total) = Message { text: &text, more }.cut(900);
            (bytes.len(), ahead, total)
        };
        assert_eq!(cut(0), (2000, 200, 1000));
        assert_eq!(cut(7), (2000, LOOKAHEAD, 1007));
        let whole = Message::whole("short").cut(900);
        assert_eq!(whole, (&b"short"[..], 0, 5));
        // Less than is looked ahead at: nothing of it can be judged.
        let unjudged = Message {
            text: "short",
            more: 1,
        };
        assert_eq!(unjudged.cut(900), (&b"short"[..], 5, 6));
    }
}
