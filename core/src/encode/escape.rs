//! JSON's string escapes, at the speed of a copy where nothing needs one.
//!
//! `"`, `\` and the control characters below U+0020 are escaped, nothing else. Sixteen bytes at a time with SSE2 (always there on
//! x86-64), eight at a time elsewhere and for short text; the portable form alone is compiled and tested everywhere.

use super::buffer::copy_short;

/// Bytes that are escaped in one go; bounds what is reserved ahead.
const CHUNK: usize = 4096;
/// Longest form of one byte: `\u001f`.
const LONGEST: usize = 6;

/// For each byte the letter behind its backslash, `u` for the long form, 0 if it stands as it is.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

/// Appends `"`, the escaped text, and `tail`, which begins with the closing `"`.
#[inline]
pub(super) fn quote<const N: usize>(out: &mut Vec<u8>, text: &str, tail: &[u8; N]) {
    if text.len() < 16 {
        out.reserve(1 + LONGEST * 16 + N);
        let start = out.len();
        // SAFETY: room for the quote, 16 bytes in their longest form and the tail was reserved behind `start`; `short` writes at
        // most 6 bytes for each of its fewer than 16 and says how many, so everything up to the new length is initialised.
        unsafe {
            let to = out.as_mut_ptr().add(start);
            to.write(b'"');
            let written = short(text.as_bytes(), to.add(1));
            to.add(1 + written).cast::<[u8; N]>().write(*tail);
            out.set_len(start + 1 + written + N);
        }
    } else {
        out.push(b'"');
        escape(out, text);
        out.extend_from_slice(tail);
    }
}

/// Appends the escaped text, without quotes.
pub(super) fn escape(out: &mut Vec<u8>, text: &str) {
    for chunk in text.as_bytes().chunks(CHUNK) {
        out.reserve(LONGEST * chunk.len());
        let start = out.len();
        // SAFETY: room for the longest form of every byte of the chunk was reserved behind `start`; `long` writes at most that
        // and says how many bytes it initialised.
        unsafe {
            let written = long(chunk, out.as_mut_ptr().add(start));
            out.set_len(start + written);
        }
    }
}

/// Escapes fewer than 16 bytes; returns how many it wrote.
///
/// # Safety
///
/// `to` must be writable for 6 times the length of `text`.
#[inline(always)]
unsafe fn short(text: &[u8], to: *mut u8) -> usize {
    let count = text.len();
    let clean = match count {
        0 => true,
        1..4 => {
            let (first, middle, last) = (text[0], text[count / 2], text[count - 1]);
            is_plain(u64::from_le_bytes([
                first, middle, last, b'a', b'a', b'a', b'a', b'a',
            ]))
        }
        4..8 => is_plain(u64::from(half(text, 0)) | (u64::from(half(text, count - 4)) << 32)),
        _ => is_plain(word(text, 0)) & is_plain(word(text, count - 8)),
    };
    // SAFETY: as the caller's: plain text takes its own length, else `bytewise` needs what the caller reserved.
    unsafe {
        if clean {
            copy_short(text.as_ptr(), to, count);
            count
        } else {
            bytewise(text, to)
        }
    }
}

#[inline(always)]
fn word(text: &[u8], at: usize) -> u64 {
    let bytes = text.get(at..).and_then(|rest| rest.first_chunk());
    u64::from_le_bytes(*bytes.unwrap_or(&[0; 8]))
}

#[inline(always)]
fn half(text: &[u8], at: usize) -> u32 {
    let bytes = text.get(at..).and_then(|rest| rest.first_chunk());
    u32::from_le_bytes(*bytes.unwrap_or(&[0; 4]))
}

/// Whether none of eight bytes needs an escape. May say no wrongly (behind a byte that does), never yes wrongly.
#[inline(always)]
const fn is_plain(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGH == 0
}

/// Escapes byte by byte; returns how many it wrote.
///
/// # Safety
///
/// `to` must be writable for 6 times the length of `text`.
#[inline(never)]
unsafe fn bytewise(text: &[u8], to: *mut u8) -> usize {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut at = 0;
    for &byte in text {
        let letter = ESCAPES[usize::from(byte)];
        // SAFETY: `at` grows by at most 6 for each byte of `text`, for which the caller vouches.
        unsafe {
            let to = to.add(at);
            if letter == 0 {
                to.write(byte);
                at += 1;
            } else if letter == b'u' {
                let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                to.cast::<[u8; 6]>()
                    .write([b'\\', b'u', b'0', b'0', high, low]);
                at += 6;
            } else {
                to.cast::<[u8; 2]>().write([b'\\', letter]);
                at += 2;
            }
        }
    }
    at
}

/// Escapes any length; returns how many bytes it wrote.
///
/// # Safety
///
/// `to` must be writable for 6 times the length of `text`.
#[cfg(target_arch = "x86_64")]
unsafe fn long(text: &[u8], to: *mut u8) -> usize {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8, _mm_storeu_si128,
    };
    let mut written = 0;
    let mut rest = text;
    while rest.len() >= 16 {
        // SAFETY: SSE2 is part of x86-64. `rest` has 16 bytes to load. The caller's room is 6 bytes per byte of text, of which at
        // most 6 per byte passed are used, so at least 6 * 16 are left here for a store of 16 and one escape.
        unsafe {
            let block = _mm_loadu_si128(rest.as_ptr().cast::<__m128i>());
            _mm_storeu_si128(to.add(written).cast::<__m128i>(), block);
            let quote = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'"' as i8));
            let backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'\\' as i8));
            let control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
            let special = _mm_or_si128(_mm_or_si128(quote, backslash), control);
            let mask = _mm_movemask_epi8(special) as u32;
            if mask == 0 {
                written += 16;
                rest = &rest[16..];
            } else {
                let plain = mask.trailing_zeros() as usize;
                let (_, escaped) = rest.split_at(plain);
                let (escaped, after) = escaped.split_at(1);
                written += plain;
                written += bytewise(escaped, to.add(written));
                rest = after;
            }
        }
    }
    // SAFETY: as above: at least 6 bytes per byte of `rest` are left.
    written + unsafe { short(rest, to.add(written)) }
}

/// Escapes any length; returns how many bytes it wrote.
///
/// # Safety
///
/// `to` must be writable for 6 times the length of `text`.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn long(text: &[u8], to: *mut u8) -> usize {
    // SAFETY: the caller's.
    unsafe { portable(text, to) }
}

/// The form for every architecture.
///
/// # Safety
///
/// `to` must be writable for 6 times the length of `text`.
#[cfg(any(test, not(target_arch = "x86_64")))]
unsafe fn portable(text: &[u8], to: *mut u8) -> usize {
    let mut written = 0;
    for chunk in text.chunks(8) {
        // SAFETY: `short` uses at most 6 bytes per byte passed, for which the caller vouches.
        written += unsafe { short(chunk, to.add(written)) };
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ours(text: &str) -> String {
        let mut out = Vec::new();
        quote(&mut out, text, b"\"");
        String::from_utf8(out).expect("UTF-8")
    }

    fn ours_portable(text: &str) -> String {
        let mut out = vec![0; LONGEST * text.len()];
        // SAFETY: six bytes per byte.
        let written = unsafe { portable(text.as_bytes(), out.as_mut_ptr()) };
        out.truncate(written);
        format!("\"{}\"", String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn every_byte_at_every_place_of_a_block() {
        for length in 0..40 {
            for at in 0..length {
                for special in [
                    "\"", "\\", "\0", "\u{1f}", " ", "\n", "\u{7f}", "\u{80}", "!",
                ] {
                    let mut text = "a".repeat(length);
                    text.replace_range(at..=at, special);
                    let expected = serde_json::to_string(&text).expect("writes");
                    assert_eq!(ours(&text), expected);
                    assert_eq!(ours_portable(&text), expected);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_same_as_serde_json(text in "(?s)[\\x00-\\x22\\\\-\\x7fa-zäß€\u{10348}]{0,200}") {
            let expected = serde_json::to_string(&text).expect("writes");
            prop_assert_eq!(ours(&text), expected.clone());
            prop_assert_eq!(ours_portable(&text), expected);
        }
    }

    #[test]
    fn text_longer_than_a_chunk() {
        let text = "\u{1}ä\"".repeat(CHUNK);
        assert_eq!(ours(&text), serde_json::to_string(&text).expect("writes"));
    }
}
