//! Finding many literals at once.
//!
//! Every literal is represented by its rarest window of four bytes. The filter says where a window may begin: with SIMD
//! by half-byte tables of sixteen buckets, then, like the portable code, by a bitmap over a hash of the window.
//! [`LiteralSet::confirm`] compares the whole literal. How similar the literals of one bucket are decides how many
//! places survive, so the buckets are made by merging those that cost least.

use super::buckets::{Nibbles, Set256, bucket};

/// Bits of the window hash.
const HASH_BITS: u32 = 15;

/// A string that a rule cannot match without.
#[derive(Clone, Debug)]
pub(super) struct Literal {
    bytes: Vec<u8>,
    ignore_case: bool,
    /// What may follow a literal of three bytes.
    next: fn(u8) -> bool,
    target: u16,
}

impl Literal {
    /// A literal of at least three bytes. `target` is handed back where it is found. Non-ASCII bytes have no case.
    pub(super) fn new(bytes: &[u8], ignore_case: bool, target: u16) -> Literal {
        debug_assert!(bytes.len() >= 3);
        Literal {
            bytes: bytes.to_vec(),
            ignore_case,
            next: |_| true,
            target,
        }
    }

    /// Says what can follow, so that a literal of three bytes has a window of four.
    pub(super) fn followed_by(self, next: fn(u8) -> bool) -> Literal {
        Literal { next, ..self }
    }

    fn matches(&self, at: &[u8]) -> bool {
        let Some(text) = at.get(..self.bytes.len()) else {
            return false;
        };
        if self.ignore_case {
            text.eq_ignore_ascii_case(&self.bytes)
        } else {
            text == self.bytes
        }
    }

    /// The bytes that position `i` of the window at `offset` can have.
    fn allowed(&self, offset: usize, i: usize) -> Set256 {
        let mut set = Set256::default();
        match self.bytes.get(offset + i) {
            Some(&byte) if self.ignore_case => {
                set.insert(byte.to_ascii_lowercase());
                set.insert(byte.to_ascii_uppercase());
            }
            Some(&byte) => set.insert(byte),
            None => (0..=255)
                .filter(|&b| (self.next)(b))
                .for_each(|b| set.insert(b)),
        }
        set
    }

    /// Where the rarest window begins.
    fn window(&self) -> usize {
        let last = self.bytes.len().saturating_sub(4);
        let cost = |offset: usize| {
            (0..4)
                .map(|i| self.allowed(offset, i).frequency())
                .product::<f32>()
        };
        (0..=last)
            .min_by(|&a, &b| cost(a).total_cmp(&cost(b)))
            .unwrap_or(0)
    }
}

/// The first stage: where a window of any literal may begin.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// Eight buckets each, window position, low or high half-byte.
    pub(super) nibbles: Nibbles,
    bitmap: Box<[u64]>,
}

impl Filter {
    pub(super) fn is_empty(&self) -> bool {
        self.bitmap.is_empty()
    }

    /// Whether a window with these four bytes, little-endian, may belong to a literal.
    #[inline(always)]
    pub(super) fn may_begin(&self, window: u32) -> bool {
        let hash = hash(window);
        self.bitmap
            .get(hash >> 6)
            .is_some_and(|word| word >> (hash & 63) & 1 == 1)
    }
}

/// All literals of a rule set.
#[derive(Clone, Debug, Default)]
pub(super) struct LiteralSet {
    filter: Filter,
    literals: Vec<Literal>,
    /// Window hash, literal, offset of the window; sorted by hash.
    entries: Vec<(u16, u16, u8)>,
    /// Where the entries of each hash's upper bits begin.
    starts: Vec<u32>,
}

/// Hash bits that index [`LiteralSet::starts`].
const START_BITS: u32 = 9;

impl LiteralSet {
    pub(super) fn new(literals: Vec<Literal>) -> LiteralSet {
        if literals.is_empty() {
            return LiteralSet::default();
        }
        let mut set = LiteralSet {
            literals,
            ..LiteralSet::default()
        };
        let mut bitmap = vec![0u64; 1 << (HASH_BITS - 6)];
        let mut windows = Vec::with_capacity(set.literals.len());
        for (i, literal) in set.literals.iter().enumerate() {
            let offset = literal.window();
            let allowed: [Set256; 4] = std::array::from_fn(|k| literal.allowed(offset, k));
            each_window(&allowed, |window| {
                let hash = hash(window);
                bitmap[hash >> 6] |= 1 << (hash & 63);
                set.entries.push((hash as u16, i as u16, offset as u8));
            });
            windows.push(allowed);
        }
        set.entries.sort_unstable();
        set.entries.dedup();
        let start_of = |upper: usize| {
            set.entries
                .partition_point(|e| (e.0 as usize >> (HASH_BITS - START_BITS)) < upper)
                as u32
        };
        set.starts = (0..=1 << START_BITS).map(start_of).collect();
        set.filter = Filter {
            nibbles: bucket(windows),
            bitmap: bitmap.into(),
        };
        set
    }

    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Calls `found` with target and place for every literal whose window begins at `at`.
    #[inline]
    pub(super) fn confirm(&self, bytes: &[u8], at: usize, mut found: impl FnMut(u16, usize)) {
        let Some(&[a, b, c, d]) = bytes.get(at..at + 4).and_then(|w| w.first_chunk()) else {
            return;
        };
        let hash = hash(u32::from_le_bytes([a, b, c, d]));
        let upper = hash >> (HASH_BITS - START_BITS);
        let range = self.starts[upper] as usize..self.starts[upper + 1] as usize;
        for &(entry, literal, offset) in &self.entries[range] {
            if entry as usize == hash
                && let Some(start) = at.checked_sub(offset as usize)
            {
                let literal = &self.literals[literal as usize];
                if literal.matches(&bytes[start..]) {
                    found(literal.target, start);
                }
            }
        }
    }
}

/// Hash of a window, letters folded so that one entry serves both cases.
#[inline(always)]
fn hash(window: u32) -> usize {
    ((window | 0x2020_2020).wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize
}

/// Every window that the four sets allow, folded. Only the last set can be large.
fn each_window(allowed: &[Set256; 4], mut with: impl FnMut(u32)) {
    for a in allowed[0].bytes() {
        for b in allowed[1].bytes() {
            for c in allowed[2].bytes() {
                for d in allowed[3].bytes() {
                    with(u32::from_le_bytes([a, b, c, d]));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::simd::{BLOCK, Block, Engine};
    use super::*;
    use proptest::prelude::*;

    /// Targets, and where they were found.
    type Places = Vec<(u16, usize)>;

    /// All literals in `text`, by the filter and by the naive way.
    fn both_ways(set: &LiteralSet, text: &[u8], engine: Engine) -> (Places, Places) {
        let mut padded = text.to_vec();
        let blocks = text.len().div_ceil(BLOCK).max(1);
        padded.resize(blocks * BLOCK + 8, 0xFF);
        let mut masks = vec![0; blocks];
        engine.classify(
            &padded,
            set.filter(),
            &mut vec![Block::default(); blocks],
            &mut masks,
        );
        let mut found = Vec::new();
        for (i, mask) in masks.iter().enumerate() {
            for bit in (0..64).filter(|b| mask >> b & 1 == 1) {
                set.confirm(&padded, i * BLOCK + bit, |target, at| {
                    found.push((target, at))
                });
            }
        }
        let mut naive = Vec::new();
        for literal in &set.literals {
            let n = literal.bytes.len();
            for at in 0..text.len().saturating_sub(n - 1) {
                let follows = n > 3 || (literal.next)(padded[at + n]);
                if literal.matches(&text[at..]) && follows {
                    naive.push((literal.target, at));
                }
            }
        }
        found.sort_unstable();
        naive.sort_unstable();
        (found, naive)
    }

    #[test]
    fn each_literal_is_found_in_its_own_text() {
        let literals = vec![
            Literal::new(b"ghp_", false, 0),
            Literal::new(b"-----BEGIN ", false, 1),
            Literal::new(b"bearer ", true, 2),
            Literal::new(b"eyJ", false, 3).followed_by(|b| b.is_ascii_alphanumeric()),
        ];
        let set = LiteralSet::new(literals);
        let text = b"x ghp_1 BEARER Bearer -----BEGIN eyJh eyJ. GHP_ ghp_";
        for engine in [Engine::Portable, Engine::detect()] {
            let (found, naive) = both_ways(&set, text, engine);
            assert_eq!(found, naive);
            assert_eq!(
                found.iter().map(|f| f.0).collect::<Vec<_>>(),
                [0, 0, 1, 2, 2, 3]
            );
        }
    }

    #[test]
    fn an_empty_set_finds_nothing() {
        let set = LiteralSet::new(Vec::new());
        let (found, _) = both_ways(&set, b"anything", Engine::detect());
        assert!(found.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_filter_misses_nothing(
            literals in prop::collection::vec(("[a-cA-C_\u{e9}-]{4,9}", any::<bool>()), 1..300),
            text in "[a-cA-C_\u{e9} -]{0,120}",
        ) {
            let literals = literals
                .iter()
                .enumerate()
                .map(|(i, (text, fold))| Literal::new(text.as_bytes(), *fold, i as u16))
                .collect();
            let set = LiteralSet::new(literals);
            let (fast, naive) = both_ways(&set, text.as_bytes(), Engine::detect());
            let (portable, _) = both_ways(&set, text.as_bytes(), Engine::Portable);
            prop_assert_eq!(&fast, &naive);
            prop_assert_eq!(&portable, &naive);
        }
    }
}
