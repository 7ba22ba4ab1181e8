//! JSON Web Tokens: `eyJ...` (base64 of `{"`), a dot, a payload, usually a signature.

use super::{ByteSet, Detector, Sink, Text};

/// `eyJ` at `at`.
pub(in crate::redact) fn check(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let end = ByteSet::BASE64URL_DOT.run(t, at, 16_384);
    sink.charge(end - at);
    if text.runs_into_cut(end) {
        sink.emit(text, at, end, Detector::Jwt);
        return;
    }
    let end = end - t[at..end].iter().rev().take_while(|&&b| b == b'.').count();
    // Header and payload are objects; a signature can be empty, and the dot before it has just been dropped.
    let mut parts = t[at..end].split(|&b| b == b'.');
    let header = parts.next().map_or(0, <[u8]>::len);
    let payload = parts.next().map_or(0, <[u8]>::len);
    if header >= 10 && payload >= 4 {
        sink.emit(text, at, end, Detector::Jwt);
    }
}
