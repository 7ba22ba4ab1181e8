//! Finding many literals at once.
//!
//! Every literal is represented by its rarest window of four bytes. The filter says where a window may begin: with SIMD
//! by half-byte tables of sixteen buckets, then, like the portable code, by a bitmap over a hash of the window.
//! [`LiteralSet::confirm`] compares the whole literal. How similar the literals of one bucket are decides how many
//! places survive, so the buckets are made by merging those that cost least.

/// Bits of the window hash.
const HASH_BITS: u32 = 15;

/// How many literals of one rule set are told apart by cost; more are dealt out in order.
const CLUSTERED: usize = 256;

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
    pub(super) nibbles: [[[[u8; 16]; 2]; 4]; 2],
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

/// A bucket under construction: which half-bytes each window position allows.
#[derive(Clone, Copy)]
struct Bucket {
    low: [u16; 4],
    high: [u16; 4],
    cost: f32,
}

impl Bucket {
    fn of(window: &[Set256; 4]) -> Bucket {
        let (mut low, mut high) = ([0; 4], [0; 4]);
        for (i, set) in window.iter().enumerate() {
            for byte in set.bytes() {
                low[i] |= 1 << (byte & 15);
                high[i] |= 1 << (byte >> 4);
            }
        }
        Bucket {
            low,
            high,
            cost: cost(&low, &high),
        }
    }

    fn with(&self, other: &Bucket) -> Bucket {
        let low = std::array::from_fn(|i| self.low[i] | other.low[i]);
        let high = std::array::from_fn(|i| self.high[i] | other.high[i]);
        Bucket {
            low,
            high,
            cost: cost(&low, &high),
        }
    }
}

/// How often text passes: the product over the positions of how common the allowed bytes are.
fn cost(low: &[u16; 4], high: &[u16; 4]) -> f32 {
    let mut product = 1.0;
    for (low, high) in low.iter().zip(high) {
        let (first, second) = ((low & 255) as usize, (low >> 8) as usize);
        let rows = ones(u64::from(*high)).map(|row| &HALVES[row as usize]);
        product *= rows.map(|row| row[0][first] + row[1][second]).sum::<f32>();
    }
    product
}

/// Deals windows into sixteen buckets so that few places in text pass, and writes their tables.
fn bucket(windows: Vec<[Set256; 4]>) -> [[[[u8; 16]; 2]; 4]; 2] {
    let mut buckets: Vec<Bucket> = windows.iter().map(Bucket::of).collect();
    if buckets.len() > CLUSTERED {
        buckets.sort_by_key(|b| (b.high, b.low));
        let per_bucket = buckets.len().div_ceil(CLUSTERED);
        buckets = buckets
            .chunks(per_bucket)
            .filter_map(|chunk| chunk.iter().copied().reduce(|a, b| a.with(&b)))
            .collect();
    }
    merge_down_to(&mut buckets, 16);
    let mut nibbles = [[[[0u8; 16]; 2]; 4]; 2];
    for (i, bucket) in buckets.iter().enumerate() {
        let bit = i % 8;
        for (group, (low, high)) in nibbles[i / 8]
            .iter_mut()
            .zip(bucket.low.iter().zip(bucket.high))
        {
            for (table, set) in group.iter_mut().zip([*low, high]) {
                for (half_byte, buckets) in table.iter_mut().enumerate() {
                    *buckets |= ((set >> half_byte & 1) as u8) << bit;
                }
            }
        }
    }
    nibbles
}

/// Merges the two buckets whose union adds least, again and again. Keeps each bucket's best partner, so that a merge
/// costs one row and not the whole table.
fn merge_down_to(buckets: &mut Vec<Bucket>, wanted: usize) {
    let added = |a: &Bucket, b: &Bucket| a.with(b).cost - a.cost - b.cost;
    let best_of = |buckets: &[Bucket], i: usize| {
        let partners = (0..buckets.len()).filter(|&j| j != i);
        partners
            .map(|j| (added(&buckets[i], &buckets[j]), j))
            .min_by(|a, b| a.0.total_cmp(&b.0))
    };
    if buckets.len() <= wanted {
        return;
    }
    let mut best: Vec<_> = (0..buckets.len()).map(|i| best_of(buckets, i)).collect();
    while buckets.len() > wanted {
        let cheapest = best
            .iter()
            .enumerate()
            .filter_map(|(i, b)| b.map(|(c, j)| (c, i, j)));
        let Some((_, i, j)) = cheapest.min_by(|a, b| a.0.total_cmp(&b.0)) else {
            return;
        };
        let (keep, gone) = (i.min(j), i.max(j));
        buckets[keep] = buckets[keep].with(&buckets[gone]);
        buckets.swap_remove(gone);
        best.swap_remove(gone);
        let moved = buckets.len();
        for (k, entry) in best.iter_mut().enumerate() {
            match *entry {
                Some((_, partner)) if partner == keep || partner == gone || k == keep => {
                    *entry = best_of(buckets, k);
                }
                Some((cost, partner)) if partner == moved => *entry = Some((cost, gone)),
                _ => {}
            }
        }
    }
}

/// The places of the bits that are set.
fn ones(mut bits: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let place = bits.trailing_zeros();
        (bits != 0).then(|| bits &= bits - 1).map(|()| place)
    })
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Set256([u64; 4]);

impl Set256 {
    fn insert(&mut self, byte: u8) {
        self.0[byte as usize >> 6] |= 1 << (byte & 63);
    }

    fn bytes(self) -> impl Iterator<Item = u8> {
        (0..4u8).flat_map(move |quarter| {
            ones(self.0[quarter as usize]).map(move |bit| quarter << 6 | bit as u8)
        })
    }

    fn frequency(self) -> f32 {
        self.bytes().map(|b| FREQUENCY[b as usize]).sum()
    }
}

/// How common each byte is in the values of programs, roughly: identifiers, prose, numbers, paths, JSON.
static FREQUENCY: [f32; 256] = {
    let mut table = [0.0005; 256];
    let letters = b"etaoinsrhldcumfpgwybvkxjqz";
    let shares = [
        60, 45, 45, 40, 40, 38, 36, 38, 22, 24, 22, 24, 18, 18, 14, 18, 12, 8, 10, 10, 8, 6, 5, 3,
        2, 2,
    ];
    let mut i = 0;
    while i < letters.len() {
        table[letters[i] as usize] = shares[i] as f32 / 1000.0;
        table[(letters[i] - 32) as usize] = shares[i] as f32 / 8000.0;
        i += 1;
    }
    let mut digit = b'0';
    while digit <= b'9' {
        table[digit as usize] = 0.022;
        digit += 1;
    }
    let marks = b" _-./:,'\"=()[]{}";
    let shares = [70, 14, 14, 14, 14, 10, 10, 10, 12, 4, 3, 3, 3, 3, 3, 3];
    let mut i = 0;
    while i < marks.len() {
        table[marks[i] as usize] = shares[i] as f32 / 1000.0;
        i += 1;
    }
    table
};

/// For each high half-byte, the summed frequency of every subset of its lower and upper eight bytes.
static HALVES: [[[f32; 256]; 2]; 16] = {
    let mut table = [[[0.0; 256]; 2]; 16];
    let mut row = 0;
    while row < 16 {
        let mut half = 0;
        while half < 2 {
            let mut subset = 1;
            while subset < 256usize {
                let bit = subset.trailing_zeros() as usize;
                let rest = subset & (subset - 1);
                table[row][half][subset] =
                    table[row][half][rest] + FREQUENCY[row * 16 + half * 8 + bit];
                subset += 1;
            }
            half += 1;
        }
        row += 1;
    }
    table
};

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
