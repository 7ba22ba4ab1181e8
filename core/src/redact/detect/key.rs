//! Which key stands before a separator.

use super::value::quote_entity;
use super::{ByteSet, Text};

/// How far back a key may begin.
pub(super) const KEY_LIMIT: usize = 128;

/// What a key without quotes is made of, besides bytes beyond ASCII.
const KEY: ByteSet = {
    let ByteSet([a, b, _, _]) = ByteSet::ranges(b"09AZaz", b"_-.$@%[]+");
    ByteSet([a, b, u64::MAX, u64::MAX])
};

/// What a key before a separator is.
pub(super) struct Key<'k> {
    pub(super) bytes: &'k [u8],
    pub(super) start: usize,
    pub(super) quoted: bool,
    /// The key follows one of `?`, `&`, `#`.
    pub(super) parameter: bool,
}

/// The key that ends before the separator at `at`.
pub(super) fn key_before<'k>(text: &Text<'k>, at: usize) -> Option<Key<'k>> {
    let t = text.bytes;
    let mut end = at;
    if text.before(end) == b'!' {
        end -= 1;
    }
    let spaces = t[..end]
        .iter()
        .rev()
        .take(8)
        .take_while(|&&b| b == b' ')
        .count();
    end -= spaces;
    if text.before(end) == b']' && matches!(text.before(end - 1), b'"' | b'\'') {
        end -= 1;
    }
    if end >= 2 && text.before(end) == b'*' && text.before(end - 1) == b'*' {
        end -= 2;
    }
    match text.before(end) {
        quote @ (b'"' | b'\'' | b'`') => quoted_key(t, end - 1, quote),
        b';' => {
            let entity = [5, 6]
                .into_iter()
                .find(|n| end >= *n && quote_entity(t, end - n) == Some(*n))?;
            let end = end - entity;
            let start = ByteSet::WORD.run_back(t, end, KEY_LIMIT);
            (start < end).then(|| Key {
                bytes: &t[start..end],
                start,
                quoted: true,
                parameter: false,
            })
        }
        _ => bare_key(text, end),
    }
}

/// A key between quotes, escaped or not; `close` is where the closing quote lies.
fn quoted_key(t: &[u8], close: usize, quote: u8) -> Option<Key<'_>> {
    let escapes = t[..close]
        .iter()
        .rev()
        .take(8)
        .take_while(|&&b| b == b'\\')
        .count();
    let end = close - escapes;
    let first = end.saturating_sub(KEY_LIMIT);
    let start = match memchr::memrchr(quote, &t[first..end]) {
        Some(open) => first + open + 1,
        // A longer key is judged by its end.
        None if first > 0 => first,
        // The text begins inside the key, or the quote belongs to something else, like `split(':')`.
        None if KEY.run_back(t, end, KEY_LIMIT) == 0 => 0,
        None => return None,
    };
    (start < end).then(|| Key {
        bytes: &t[start..end],
        start,
        quoted: true,
        parameter: false,
    })
}

fn bare_key<'k>(text: &Text<'k>, end: usize) -> Option<Key<'k>> {
    let start = KEY.run_back(text.bytes, end, KEY_LIMIT);
    if start >= end {
        return None;
    }
    let parameter = match text.before(start) {
        b'?' | b'&' => true,
        // A fragment has a URL before it, a comment has white space or nothing.
        b'#' => start >= 2 && !text.before(start - 1).is_ascii_whitespace(),
        _ => false,
    };
    Some(Key {
        bytes: &text.bytes[start..end],
        start,
        quoted: false,
        parameter,
    })
}

/// What a percent-encoded key says: the last of the pairs that may be encoded in it.
pub(super) fn decoded_key<'k>(raw: &Key<'_>, decoded: &'k mut [u8; KEY_LIMIT]) -> Option<Key<'k>> {
    let len = percent_decode(raw.bytes, decoded);
    let all = decoded[..len].trim_ascii_end();
    let quotes = all
        .iter()
        .rev()
        .take_while(|b| matches!(b, b'"' | b'\''))
        .count();
    let name = &all[..all.len() - quotes];
    let ends = |b: &u8| {
        matches!(
            b,
            b'&' | b'=' | b':' | b';' | b',' | b'?' | b'{' | b'"' | b'#'
        )
    };
    let pair = name.iter().rposition(ends);
    let parameter = raw.parameter || pair.is_some_and(|i| matches!(name[i], b'&' | b'?' | b'#'));
    let bytes = &name[pair.map_or(0, |i| i + 1)..];
    (!bytes.is_empty()).then_some(Key {
        bytes,
        start: raw.start,
        quoted: false,
        parameter,
    })
}

/// Decodes `%XX` twice over (`%2526` is `%26` is `&`); other bytes stay.
fn percent_decode(raw: &[u8], out: &mut [u8; KEY_LIMIT]) -> usize {
    let mut len = 0;
    for &byte in raw.iter().take(KEY_LIMIT) {
        out[len] = byte;
        len += 1;
        // Decoding the end of what is written so far, again and again, undoes nested encoding.
        while len >= 3 && out[len - 3] == b'%' {
            let digit = |b: u8| (b as char).to_digit(16);
            let (Some(high), Some(low)) = (digit(out[len - 2]), digit(out[len - 1])) else {
                break;
            };
            out[len - 3] = (high * 16 + low) as u8;
            len -= 2;
        }
    }
    len
}
