//! Splitting short ASCII names, which nearly all names are, by masks of one bit per byte.

use super::split::{Starts, Words};

/// The longest name the ASCII path takes.
pub(super) const SHORT: usize = 64;

const WORD: u8 = 1;
const UPPER: u8 = 2;
const LOWER: u8 = 4;
const OTHER: u8 = 8;

/// Class of each byte.
static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let c = i as u8;
        table[i] = if c.is_ascii_lowercase() {
            WORD | LOWER
        } else if c.is_ascii_uppercase() {
            WORD | UPPER
        } else if c.is_ascii_digit() {
            WORD
        } else if c.is_ascii_control() || c >= 0x80 {
            OTHER
        } else {
            0
        };
        i += 1;
    }
    table
};

/// Room for a short name, what is written beyond its end, and four zero bytes.
type Folded = [u8; SHORT + 24];

/// Room for [`split_ascii`]: the name folded, and its words joined.
pub(super) struct ShortBuffer {
    folded: Folded,
    joined: Folded,
}

impl ShortBuffer {
    #[inline(always)]
    pub(super) fn new() -> Self {
        ShortBuffer {
            folded: [0; SHORT + 24],
            joined: [0; SHORT + 24],
        }
    }
}

/// What a short name's bytes are, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Masks {
    word: u64,
    upper: u64,
    lower: u64,
    /// Not for the ASCII path: controls, which hide in names, and everything beyond ASCII.
    other: u64,
}

/// Splits a name of at most [`SHORT`] bytes; `None` when a byte needs [`split_unicode`].
#[inline(always)]
pub(super) fn split_ascii<'b>(name: &[u8], buffer: &'b mut ShortBuffer) -> Option<Words<'b>> {
    debug_assert!(name.len() <= SHORT);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of x86-64.
    let masks = unsafe { sse2::fold(name, &mut buffer.folded) };
    #[cfg(not(target_arch = "x86_64"))]
    let masks = fold_portably(name, &mut buffer.folded);
    if masks.other != 0 {
        return None;
    }
    let Masks {
        word, upper, lower, ..
    } = masks;
    let digit = word & !(upper | lower);
    let changes = upper & ((lower | digit) << 1 | (upper << 1 & lower >> 1));
    let begins = word & (!(word << 1) | changes);
    // A name of one run, from its first byte on, is joined as it is.
    let (text, starts, len) = if word & word.wrapping_add(1) == 0 {
        (&mut buffer.folded, begins, word.count_ones() as usize)
    } else {
        let (starts, len) = join(word, begins, &buffer.folded, &mut buffer.joined);
        (&mut buffer.joined, starts, len)
    };
    text[len..len + 4].fill(0);
    let count = starts.count_ones() as usize;
    Some(Words {
        text,
        starts: Starts::Short(starts),
        count,
        len,
    })
}

/// Copies the runs of `word` one behind the other, and the bits of `begins` with them. Returns those bits and the length.
#[inline(always)]
fn join(word: u64, begins: u64, folded: &Folded, joined: &mut Folded) -> (u64, usize) {
    let (mut rest, mut starts, mut len) = (word, 0, 0);
    while rest != 0 {
        let from = rest.trailing_zeros() as usize;
        let run = (rest >> from).trailing_ones() as usize;
        let bits = u64::MAX >> (64 - run);
        starts |= (begins >> from & bits) << len;
        // Whole blocks, because their size is known; what is too much is overwritten by the next run.
        for block in (0..run).step_by(16) {
            let source = &folded[from + block..from + block + 16];
            joined[len + block..len + block + 16].copy_from_slice(source);
        }
        len += run;
        rest &= !(bits << from);
    }
    (starts, len)
}

/// Writes the folded bytes to `buffer` and says what they are.
#[cfg_attr(
    target_arch = "x86_64",
    cfg_attr(not(test), expect(dead_code, reason = "x86-64 always has SSE2"))
)]
fn fold_portably(name: &[u8], buffer: &mut Folded) -> Masks {
    let mut masks = Masks::default();
    for (i, (&byte, place)) in name.iter().zip(buffer.iter_mut()).enumerate() {
        let class = CLASS[byte as usize];
        masks.word |= u64::from(class & WORD) << i;
        masks.upper |= u64::from(class >> 1 & 1) << i;
        masks.lower |= u64::from(class >> 2 & 1) << i;
        masks.other |= u64::from(class >> 3) << i;
        *place = byte | (class & UPPER) << 4;
    }
    masks
}

/// The same sixteen bytes at a time. Nothing has to be detected: SSE2 is part of x86-64.
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::*;

    use super::{Folded, Masks};

    #[target_feature(enable = "sse2")]
    #[inline]
    pub(super) fn fold(name: &[u8], buffer: &mut Folded) -> Masks {
        let mut masks = Masks::default();
        let (blocks, rest) = name.as_chunks::<16>();
        for (i, block) in blocks.iter().enumerate().take(4) {
            fold_block(u128::from_le_bytes(*block), i, &mut masks, buffer);
        }
        if !rest.is_empty() && blocks.len() < 4 {
            let last = match name.last_chunk::<16>() {
                Some(tail) => u128::from_le_bytes(*tail) >> (8 * (16 - rest.len())),
                None => short(rest),
            };
            fold_block(last, blocks.len(), &mut masks, buffer);
        }
        // What pads the last block is neither word nor other.
        if name.len() < 64 {
            masks.other &= (1 << name.len()) - 1;
        }
        masks
    }

    /// Fewer than sixteen bytes, padded with zeros, by loads that overlap.
    #[inline(always)]
    fn short(bytes: &[u8]) -> u128 {
        let n = bytes.len();
        if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            let last = u128::from(u64::from_le_bytes(*last)) << (8 * (n - 8));
            return u128::from(u64::from_le_bytes(*first)) | last;
        }
        if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            let last = u64::from(u32::from_le_bytes(*last)) << (8 * (n - 4));
            return u128::from(u64::from(u32::from_le_bytes(*first)) | last);
        }
        bytes
            .iter()
            .rev()
            .fold(0, |all, &byte| all << 8 | u128::from(byte))
    }

    #[target_feature(enable = "sse2")]
    #[inline]
    fn fold_block(bytes: u128, index: usize, masks: &mut Masks, buffer: &mut Folded) {
        let at = 16 * index;
        let x = _mm_set_epi64x((bytes >> 64) as i64, bytes as i64);
        // Signed comparisons do, since everything beyond ASCII is negative and in no range.
        let between = |low: u8, high: u8| {
            let above = _mm_cmpgt_epi8(x, _mm_set1_epi8(low as i8 - 1));
            _mm_and_si128(above, _mm_cmplt_epi8(x, _mm_set1_epi8(high as i8 + 1)))
        };
        let bits = |mask: __m128i| u64::from(_mm_movemask_epi8(mask) as u32) << at;
        let upper = between(b'A', b'Z');
        let lower = between(b'a', b'z');
        let digit = between(b'0', b'9');
        let shown = _mm_and_si128(
            _mm_cmpgt_epi8(x, _mm_set1_epi8(0x1F)),
            _mm_cmplt_epi8(x, _mm_set1_epi8(0x7F)),
        );
        masks.upper |= bits(upper);
        masks.lower |= bits(lower);
        masks.word |= bits(_mm_or_si128(_mm_or_si128(upper, lower), digit));
        masks.other |= u64::from(!_mm_movemask_epi8(shown) as u32 & 0xFFFF) << at;
        let folded = _mm_or_si128(x, _mm_and_si128(upper, _mm_set1_epi8(0x20)));
        let place = &mut buffer[at..at + 16];
        // SAFETY: the slice holds the 16 bytes that are stored.
        unsafe { _mm_storeu_si128(place.as_mut_ptr().cast(), folded) };
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn folding_with_and_without_sse2_is_the_same(
            name in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..=SHORT),
        ) {
            let mut buffers = [[0; SHORT + 24]; 2];
            let [fast, plain] = &mut buffers;
            // SAFETY: SSE2 is part of x86-64.
            let masks = unsafe { sse2::fold(&name, fast) };
            proptest::prop_assert_eq!(masks, fold_portably(&name, plain));
            proptest::prop_assert_eq!(&fast[..name.len()], &plain[..name.len()]);
        }
    }
}
