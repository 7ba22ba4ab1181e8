//! How random text looks. Only asked beside a word that says "secret": by itself entropy cannot tell a token from a
//! digest, a UUID or a picture.

use super::{ByteSet, Detector, Sink, Text};

/// The shortest token that its randomness alone gives away.
const LEAST: usize = 20;

/// Bits per character, times 1000, that tokens have and words do not.
const FLOOR: u32 = 3000;

/// Whether the bytes hold both letters and digits.
pub(super) fn is_mixed(bytes: &[u8]) -> bool {
    bytes.iter().any(u8::is_ascii_digit) && bytes.iter().any(u8::is_ascii_alphabetic)
}

/// Shannon entropy in thousandths of a bit per byte, of the first 256 bytes.
pub(super) fn shannon(bytes: &[u8]) -> u32 {
    let bytes = &bytes[..bytes.len().min(256)];
    let mut counts = [0u16; 256];
    for &byte in bytes {
        counts[byte as usize] += 1;
    }
    let n = bytes.len() as f32;
    let sum: f32 = counts
        .iter()
        .filter(|&&c| c > 0)
        .map(|&c| {
            let p = f32::from(c) / n;
            -p * p.log2()
        })
        .sum();
    (sum * 1000.0) as u32
}

/// Whether bytes look like a token: long, mixed and random.
pub(super) fn looks_random(bytes: &[u8]) -> bool {
    let slashes = bytes.iter().filter(|&&b| b == b'/').count();
    bytes.len() >= LEAST
        && slashes <= bytes.len() / 12
        && is_mixed(bytes)
        && shannon(bytes) >= FLOOR
}

/// A word like `token` at `at`: a random-looking string among the next few words is what it speaks of.
pub(in crate::redact) fn beside_word(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let mut from = ByteSet::WORD.run(t, at, 24);
    sink.charge(from - at);
    // At most three words of prose in between: `token for user bob is ...`.
    for _ in 0..4 {
        let gap = |b: &u8| {
            matches!(
                b,
                b' ' | b'\t' | b':' | b'=' | b'"' | b'\'' | b'`' | b'(' | b'[' | b','
            )
        };
        let start = from
            + t[from.min(t.len())..]
                .iter()
                .take(4)
                .take_while(|b| gap(b))
                .count();
        let end = ByteSet::TOKEN.run(t, start, 4096);
        sink.charge(end - start);
        if start == from || end == start {
            return;
        }
        let token = &t[start..end];
        if looks_random(token) {
            sink.emit(text, start, end, Detector::HighEntropy);
            return;
        }
        if token.len() > 12 {
            return;
        }
        from = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_the_characters() {
        assert_eq!(shannon(b"aaaaaaaa"), 0);
        assert_eq!(shannon(b"abababab"), 1000);
        assert_eq!(shannon(b"abcdefgh"), 3000);
        assert_eq!(shannon(b""), 0);
        assert!(looks_random(b"8f3a9c2e77b14d0c9a5e"));
        assert!(!looks_random(b"internationalisation"));
        assert!(!looks_random(b"/usr/lib/python3.11/os.py"));
    }
}
