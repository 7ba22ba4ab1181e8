//! The cheap test before a look-up: how table words begin and end.

/// A set of three-byte strings that may say yes wrongly: 8192 bits, one hash.
#[derive(Clone)]
pub(super) struct Heads([u64; 128]);

impl Default for Heads {
    fn default() -> Self {
        Heads([0; 128])
    }
}

impl Heads {
    /// Adds the first three bytes of `text`; for a shorter one, everything that can follow it.
    pub(super) fn insert(&mut self, text: &[u8]) {
        // Nothing, a letter or digit, or the first byte of a character beyond ASCII.
        let can_follow = |c: &u8| matches!(c, 0 | b'a'..=b'z' | b'0'..=b'9' | 0xC2..=0xF4);
        let following = || (0..=255).filter(can_follow);
        match *text {
            [a, b, c, ..] => self.set(a, b, c),
            [a, b] => following().for_each(|c| self.set(a, b, c)),
            // What follows may be a character of several bytes, so here anything goes.
            [a] => (0..=255).for_each(|b| (0..=255).for_each(|c| self.set(a, b, c))),
            [] => {}
        }
    }

    /// Adds the last three bytes of `text` as `NameTable::may_end_a_name` asks for them.
    pub(super) fn insert_end(&mut self, text: &[u8]) {
        let last = text.iter().rposition(|b| !b.is_ascii_digit() && *b != b's');
        if let Some(&[a, b, c]) = last.and_then(|last| text[..=last].last_chunk()) {
            self.set(a | 0x20, b | 0x20, c | 0x20);
        }
    }

    fn set(&mut self, a: u8, b: u8, c: u8) {
        let hash = Self::hash(u32::from_le_bytes([a, b, c, 0]));
        self.0[hash >> 6] |= 1 << (hash & 63);
    }

    /// Only the first three bytes count; a fourth makes it one load.
    #[inline(always)]
    pub(super) fn contains(&self, text: &[u8]) -> bool {
        let key = match *text {
            [a, b, c, _, ..] | [a, b, c] => u32::from_le_bytes([a, b, c, 0]),
            _ => return true,
        };
        let hash = Self::hash(key);
        self.0[hash >> 6] >> (hash & 63) & 1 == 1
    }

    #[inline(always)]
    fn hash(key: u32) -> usize {
        (key.wrapping_mul(0x9E37_79B1) >> 19) as usize
    }
}
