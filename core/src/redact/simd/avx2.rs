//! Class masks and literal windows with AVX2, 32 bytes at a time.

use std::arch::x86_64::*;

use super::{BLOCK, Block};
use crate::redact::literals::Filter;

/// See [`super::Engine::classify`].
///
/// # Safety
/// AVX2, BMI1 and BMI2 must be present, `bytes` must hold `64 * blocks.len() + 4` bytes, and `literals` must not be
/// longer than `blocks`.
#[target_feature(enable = "avx2,bmi1,bmi2")]
pub(super) unsafe fn classify(
    bytes: &[u8],
    filter: &Filter,
    blocks: &mut [Block],
    literals: &mut [u64],
) {
    for (i, block) in blocks.iter_mut().enumerate() {
        // SAFETY: `bytes` holds 64 bytes for every block.
        let (lo, hi) = unsafe { load_block(bytes.as_ptr().add(i * BLOCK)) };
        *block = masks(lo, hi);
    }
    // SAFETY: as this function's own contract says.
    unsafe { windows(bytes, filter, literals) };
}

/// # Safety
/// 64 bytes must be readable at `at`.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn load_block(at: *const u8) -> (__m256i, __m256i) {
    // SAFETY: the caller vouches for 64 readable bytes; unaligned loads ask for nothing else.
    unsafe {
        (
            _mm256_loadu_si256(at.cast()),
            _mm256_loadu_si256(at.add(32).cast()),
        )
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn bits(lo: __m256i, hi: __m256i) -> u64 {
    let lo = _mm256_movemask_epi8(lo) as u32;
    let hi = _mm256_movemask_epi8(hi) as u32;
    u64::from(lo) | u64::from(hi) << 32
}

/// Whether each byte lies in `first..=first + width`.
#[target_feature(enable = "avx2")]
#[inline]
fn in_range(x: __m256i, first: u8, width: u8) -> __m256i {
    let y = _mm256_sub_epi8(x, _mm256_set1_epi8(first as i8));
    _mm256_cmpeq_epi8(_mm256_min_epu8(y, _mm256_set1_epi8(width as i8)), y)
}

#[target_feature(enable = "avx2")]
#[inline]
fn masks(lo: __m256i, hi: __m256i) -> Block {
    // A closure may or may not be inlined here, and these must be.
    macro_rules! equal {
        ($byte:expr) => {{
            let byte = _mm256_set1_epi8($byte as i8);
            bits(_mm256_cmpeq_epi8(lo, byte), _mm256_cmpeq_epi8(hi, byte))
        }};
    }
    let case = _mm256_set1_epi8(0x20);
    let (lower_lo, lower_hi) = (_mm256_or_si256(lo, case), _mm256_or_si256(hi, case));
    let digit = bits(in_range(lo, b'0', 9), in_range(hi, b'0', 9));
    let letter = bits(in_range(lower_lo, b'a', 25), in_range(lower_hi, b'a', 25));
    Block {
        digit,
        upper: bits(in_range(lo, b'A', 25), in_range(hi, b'A', 25)),
        word: digit | letter | equal!(b'_'),
        dash: equal!(b'-'),
        dot: equal!(b'.'),
        at: equal!(b'@'),
        colon: equal!(b':'),
        equals: equal!(b'='),
        slash: equal!(b'/'),
        space: equal!(b' '),
        greater: equal!(b'>'),
        percent: equal!(b'%'),
        quote: equal!(b'"') | equal!(b'\''),
        comma: equal!(b','),
    }
}

/// Sets a bit of `literals` wherever four bytes may be a window of a literal.
///
/// Each window position has a table of the low and one of the high half-bytes that occur there, one bit per bucket of
/// similar literals. A byte position survives when one bucket allows all eight half-bytes; survivors pass the
/// filter's bitmap, the same test as the portable code makes.
///
/// # Safety
/// `bytes` must hold `64 * literals.len() + 4` bytes.
#[target_feature(enable = "avx2,bmi1,bmi2")]
unsafe fn windows(bytes: &[u8], filter: &Filter, literals: &mut [u64]) {
    if filter.is_empty() {
        literals.fill(0);
        return;
    }
    let nibble = _mm256_set1_epi8(15);
    let zero = _mm256_setzero_si256();
    macro_rules! table {
        ($group:expr, $position:expr, $half:expr) => {{
            let half: &[u8; 16] = &filter.nibbles[$group][$position][$half];
            // SAFETY: the array holds the 16 bytes that are loaded.
            _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(half.as_ptr().cast()) })
        }};
    }
    macro_rules! tables {
        ($group:expr) => {
            [
                [table!($group, 0, 0), table!($group, 0, 1)],
                [table!($group, 1, 0), table!($group, 1, 1)],
                [table!($group, 2, 0), table!($group, 2, 1)],
                [table!($group, 3, 0), table!($group, 3, 1)],
            ]
        };
    }
    let (first, second) = (tables!(0), tables!(1));
    for (block, mask) in literals.iter_mut().enumerate() {
        let mut survivors = 0u64;
        for half in 0..2 {
            let at = block * BLOCK + half * 32;
            let (mut a, mut b) = (_mm256_set1_epi8(-1), _mm256_set1_epi8(-1));
            for k in 0..4 {
                // SAFETY: at + k + 32 is at most 64 bytes per block, plus 3.
                let x = unsafe { _mm256_loadu_si256(bytes.as_ptr().add(at + k).cast()) };
                let lo = _mm256_and_si256(x, nibble);
                let hi = _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble);
                let both = _mm256_and_si256(
                    _mm256_shuffle_epi8(first[k][0], lo),
                    _mm256_shuffle_epi8(first[k][1], hi),
                );
                a = _mm256_and_si256(a, both);
                let both = _mm256_and_si256(
                    _mm256_shuffle_epi8(second[k][0], lo),
                    _mm256_shuffle_epi8(second[k][1], hi),
                );
                b = _mm256_and_si256(b, both);
            }
            let none = _mm256_cmpeq_epi8(_mm256_or_si256(a, b), zero);
            survivors |= u64::from(!(_mm256_movemask_epi8(none) as u32)) << (half * 32);
        }
        let mut confirmed = 0;
        while survivors != 0 {
            let bit = survivors.trailing_zeros() as usize;
            survivors &= survivors - 1;
            // SAFETY: four bytes follow every byte of every block.
            let window = unsafe {
                bytes
                    .as_ptr()
                    .add(block * BLOCK + bit)
                    .cast::<u32>()
                    .read_unaligned()
            };
            confirmed |= u64::from(filter.may_begin(window)) << bit;
        }
        *mask = confirmed;
    }
}
