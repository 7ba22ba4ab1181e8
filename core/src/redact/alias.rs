//! Hiding copies of a secret: once a name rule hid a string, the same string elsewhere in the snapshot goes too.
//!
//! The walker does not keep what it hides. It keeps a keyed hash and the length, and this finds texts and words with that
//! hash. The hash is a polynomial over the bytes modulo 2^61 - 1 at a secret point, so that it can be had for any part
//! of a text from those of its beginnings, and says nothing about the string to somebody without the key.

use std::ops::Range;

use super::Arena;
use super::config::Action;
use super::detect::Detector;
use super::hit::{Hit, normalise};

/// The modulus: a Mersenne prime.
const P: u64 = (1 << 61) - 1;

/// How many aliases of one snapshot are looked for.
pub const MAX_ALIASES: usize = 32;

/// The shortest hidden string whose equals are hidden.
pub const MIN_WHOLE: u32 = 6;

/// The shortest hidden string that is looked for inside longer texts.
pub const MIN_INSIDE: u32 = 8;

/// The key of one process.
#[derive(Clone, Debug)]
pub struct AliasKey {
    /// The point's powers 1 to 8.
    powers: [u64; 8],
}

fn reduce(x: u128) -> u64 {
    let folded = (x as u64 & P) + ((x >> 61) as u64 & P) + (x >> 122) as u64;
    let folded = (folded & P) + (folded >> 61);
    if folded >= P { folded - P } else { folded }
}

fn multiply(a: u64, b: u64) -> u64 {
    reduce(u128::from(a) * u128::from(b))
}

impl AliasKey {
    /// A random key. Where the system has no randomness to give, time and address space layout stand in for it.
    pub fn random() -> AliasKey {
        let mut seed = [0; 8];
        if getrandom::fill(&mut seed).is_err() {
            let time = std::time::SystemTime::UNIX_EPOCH
                .elapsed()
                .map_or(0, |t| t.as_nanos());
            let place = std::ptr::from_ref(&seed).addr() as u128;
            let mixed =
                (time ^ place << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
            return AliasKey::from_seed((mixed >> 64) as u64);
        }
        AliasKey::from_seed(u64::from_le_bytes(seed))
    }

    /// A key that is not random, for tests and repeatable benches.
    pub fn from_seed(seed: u64) -> AliasKey {
        // Never 0 or 1, where strings would collide.
        let point = 2 + seed % (P - 2);
        let mut powers = [point; 8];
        for i in 1..8 {
            powers[i] = multiply(powers[i - 1], point);
        }
        AliasKey { powers }
    }

    /// The hash of a string, which together with its length stands for it. Eight bytes cost one reduction.
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        let mut hash = 0;
        let (eights, rest) = bytes.as_chunks::<8>();
        for chunk in eights {
            // Nine products of at most 2^122 fit into 128 bits.
            let mut sum = u128::from(hash) * u128::from(self.powers[7]);
            for (i, &byte) in chunk.iter().take(7).enumerate() {
                sum += u128::from(digit(byte)) * u128::from(self.powers[6 - i]);
            }
            hash = reduce(sum + u128::from(digit(chunk[7])));
        }
        for &byte in rest {
            hash = reduce(u128::from(hash) * u128::from(self.powers[0]) + u128::from(digit(byte)));
        }
        hash
    }

    fn power(&self, mut exponent: u32) -> u64 {
        let (mut result, mut base) = (1, self.powers[0]);
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = multiply(result, base);
            }
            base = multiply(base, base);
            exponent >>= 1;
        }
        result
    }

    /// Adds to `hits` every text equal to an alias (length, hash) of six bytes or more, and every occurrence of one of
    /// eight or more inside a longer text where it begins and ends at a word's edge. Hits stay sorted and merged.
    ///
    /// At most [`MAX_ALIASES`] aliases are looked for. A text is hashed once; every distinct length then costs one look at each
    /// word's edge. Allocates once per call, eight bytes for every byte of the longest text.
    pub fn find(&self, arena: &Arena, aliases: &[(u32, u64)], hits: &mut Vec<Hit>) {
        let mut sorted = [(0, 0); MAX_ALIASES];
        let count = aliases.len().min(MAX_ALIASES);
        let sorted = &mut sorted[..count];
        sorted.copy_from_slice(&aliases[..count]);
        sorted.sort_unstable();
        let before = hits.len();
        let mut inside = Inside::new(self, sorted);
        for (index, span) in (0u32..).zip(arena.spans()) {
            if span.flags.keeps_copies {
                continue;
            }
            let Some(text) = arena.text(index) else { break };
            let length = text.len() as u32;
            let from = sorted.partition_point(|a| a.0 < length);
            let equal = sorted[from..].iter().take_while(|a| a.0 == length);
            if length >= MIN_WHOLE && equal.clone().next().is_some() {
                let hash = self.hash(text);
                if equal.clone().any(|a| a.1 == hash) {
                    hits.push(hit(index, 0, text.len()));
                    continue;
                }
            }
            inside.find(index, text, hits);
        }
        if hits.len() > before {
            normalise(hits);
        }
    }

    /// The first copy of an alias in `text` at `from` or behind, by the same rules; the longest one, where several begin there. For a signal
    /// handler, which has one text at a time: nothing is allocated.
    #[must_use]
    pub fn first_copy(
        &self,
        text: &[u8],
        from: usize,
        aliases: &[(u32, u64)],
    ) -> Option<Range<usize>> {
        let length = text.len();
        let is_whole = |a: &(u32, u64)| a.0 >= MIN_WHOLE && a.0 as usize == length;
        if from == 0
            && aliases.iter().any(is_whole)
            && aliases.contains(&(length as u32, self.hash(text)))
        {
            return Some(0..length);
        }
        let copy = |start: usize, &(length, hash): &(u32, u64)| {
            let end = start + length as usize;
            let is_one = length >= MIN_INSIDE
                && is_edge(text, end)
                && text
                    .get(start..end)
                    .is_some_and(|part| self.hash(part) == hash);
            is_one.then_some(end)
        };
        (from..length)
            .filter(|&start| is_edge(text, start))
            .find_map(|start| {
                let ends = aliases.iter().filter_map(|alias| copy(start, alias));
                ends.max().map(|end| start..end)
            })
    }
}

/// Looks for aliases inside longer texts.
struct Inside<'a> {
    key: &'a AliasKey,
    /// The aliases that are long enough, by length, with the point's power for each length.
    groups: Vec<(&'a [(u32, u64)], u64)>,
    /// Hash of the first n bytes of the text.
    prefixes: Vec<u64>,
    /// Places that are a word's edge.
    edges: Vec<u32>,
}

impl<'a> Inside<'a> {
    fn new(key: &'a AliasKey, sorted: &'a [(u32, u64)]) -> Inside<'a> {
        let groups = sorted
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|group| group[0].0 >= MIN_INSIDE)
            .map(|group| (group, key.power(group[0].0)))
            .collect();
        Inside {
            key,
            groups,
            prefixes: Vec::new(),
            edges: Vec::new(),
        }
    }

    fn find(&mut self, index: u32, text: &[u8], hits: &mut Vec<Hit>) {
        let shortest = self
            .groups
            .first()
            .map_or(usize::MAX, |g| g.0[0].0 as usize);
        if text.len() <= shortest {
            return;
        }
        self.prefixes.clear();
        self.prefixes.push(0);
        self.edges.clear();
        let mut hash = 0;
        for (i, &byte) in text.iter().enumerate() {
            if is_edge(text, i) {
                self.edges.push(i as u32);
            }
            hash =
                reduce(u128::from(hash) * u128::from(self.key.powers[0]) + u128::from(digit(byte)));
            self.prefixes.push(hash);
        }
        for &(group, power) in &self.groups {
            let length = group[0].0 as usize;
            for start in self.edges.iter().map(|&e| e as usize) {
                let end = start + length;
                if end > text.len() {
                    break;
                }
                if !is_edge(text, end) {
                    continue;
                }
                // The hash of the first `end` bytes, less what the first `start` contribute to it.
                let before = multiply(self.prefixes[start], power);
                let hash = reduce(u128::from(self.prefixes[end]) + u128::from(P - before));
                if group.iter().any(|a| a.1 == hash) {
                    hits.push(hit(index, start, end));
                }
            }
        }
    }
}

/// Bytes count from 1, so that leading zero bytes matter.
fn digit(byte: u8) -> u64 {
    u64::from(byte) + 1
}

fn hit(span: u32, start: usize, end: usize) -> Hit {
    let rule = Detector::Alias.id();
    Hit {
        span,
        start: start as u32,
        end: end as u32,
        rule,
        action: Action::Redact,
    }
}

/// Whether a word begins or ends before byte `at`: not both neighbours are letters, digits, `_` or beyond ASCII.
fn is_edge(text: &[u8], at: usize) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
    match (at.checked_sub(1).and_then(|i| text.get(i)), text.get(at)) {
        (Some(&before), Some(&behind)) => !(word(before) && word(behind)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::TextFlags;
    use super::*;
    use proptest::prelude::*;

    fn arena(texts: &[&str]) -> Arena {
        let mut arena = Arena::new();
        for text in texts {
            arena.push(text.as_bytes(), TextFlags::default());
        }
        arena
    }

    fn find(texts: &[&str], secrets: &[&str]) -> Vec<(u32, u32, u32)> {
        let key = AliasKey::from_seed(0x1234_5678_9ABC_DEF0);
        let aliases: Vec<_> = secrets
            .iter()
            .map(|s| (s.len() as u32, key.hash(s.as_bytes())))
            .collect();
        let mut hits = Vec::new();
        key.find(&arena(texts), &aliases, &mut hits);
        hits.iter().map(|h| (h.span, h.start, h.end)).collect()
    }

    #[test]
    fn equal_texts_and_whole_words_are_found() {
        let texts = [
            "hunter22",
            "say hunter22!",
            "hunter223",
            "xhunter22",
            "hunter2",
            "short",
            "hunter22 hunter22",
        ];
        assert_eq!(
            find(&texts, &["hunter22"]),
            [(0, 0, 8), (1, 4, 12), (6, 0, 8), (6, 9, 17)],
        );
    }

    #[test]
    fn short_strings_are_found_whole_only_and_very_short_never() {
        assert_eq!(find(&["secret", "a secret b"], &["secret"]), [(0, 0, 6)]);
        assert_eq!(find(&["hello", "hello"], &["hello"]), []);
    }

    #[test]
    fn one_copy_after_the_other() {
        let key = AliasKey::from_seed(7);
        let alias = |text: &str| (text.len() as u32, key.hash(text.as_bytes()));
        let aliases = [alias("secret"), alias("hunter22"), alias("hunter22 once")];
        let first = |text: &str, from| key.first_copy(text.as_bytes(), from, &aliases);
        assert_eq!(first("secret", 0), Some(0..6));
        assert_eq!(first("a secret", 0), None);
        assert_eq!(first("hunter22 hunter22", 0), Some(0..8));
        assert_eq!(first("hunter22 hunter22", 8), Some(9..17));
        assert_eq!(first("say hunter22 once!", 0), Some(4..17), "the longest");
        assert_eq!(first("hunter223", 0), None);
        assert_eq!(first("", 0), None);
        assert_eq!(first("hunter22", 9), None);
    }

    #[test]
    fn edges_are_not_inside_words_of_any_script() {
        assert_eq!(
            find(
                &["ähunter22", "-hunter22-", "$ecret-12 $ecret-12"],
                &["hunter22", "$ecret-12"]
            ),
            [(1, 1, 9), (2, 0, 9), (2, 10, 19)]
        );
    }

    #[test]
    fn no_more_than_the_limit_is_looked_for() {
        let secrets: Vec<String> = (0..40).map(|i| format!("secret-number-{i:02}")).collect();
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let found = find(&secrets, &secrets);
        assert_eq!(found.len(), MAX_ALIASES);
    }

    proptest! {
        #[test]
        fn parts_agree_with_hashing(text in "[ab ]{0,80}", from in 0usize..60, length in 8usize..20, seed: u64) {
            prop_assume!(from + length <= text.len());
            let key = AliasKey::from_seed(seed);
            let secret = &text[from..from + length];
            let mut hits = Vec::new();
            let alias = [(length as u32, key.hash(secret.as_bytes()))];
            key.find(&arena(&[&text]), &alias, &mut hits);
            let mut expected = vec![false; text.len()];
            for at in 0..=text.len() - length {
                let edges = is_edge(text.as_bytes(), at) && is_edge(text.as_bytes(), at + length);
                if &text[at..at + length] == secret && edges {
                    expected[at..at + length].fill(true);
                }
            }
            let mut found = vec![false; text.len()];
            for hit in &hits {
                found[hit.start as usize..hit.end as usize].fill(true);
            }
            prop_assert_eq!(&found, &expected);
            let mut one_by_one = vec![false; text.len()];
            let mut at = 0;
            while let Some(copy) = key.first_copy(text.as_bytes(), at, &alias) {
                one_by_one[copy.clone()].fill(true);
                at = copy.start + 1;
            }
            prop_assert_eq!(one_by_one, expected);
        }

        #[test]
        fn the_hash_is_the_polynomial(bytes in prop::collection::vec(any::<u8>(), 0..40), seed: u64) {
            let key = AliasKey::from_seed(seed);
            let naive = bytes.iter().fold(0, |h, &b| {
                reduce(u128::from(h) * u128::from(key.powers[0]) + u128::from(digit(b)))
            });
            prop_assert_eq!(key.hash(&bytes), naive);
        }
    }
}
