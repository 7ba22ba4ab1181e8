//! Private keys: PEM, PGP, SSH2, PuTTY and age.
//!
//! A beginning without an end hides everything behind it, an end without a beginning everything before it: the other part
//! was cut away.

use super::{ByteSet, Detector, Sink, Text};

/// `-----BEGIN ` or `---- BEGIN ` at `at`, with `width` bytes.
pub(in crate::redact) fn begin(text: &Text<'_>, at: usize, width: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let label_end = label_end(t, at + width);
    sink.charge(label_end - at);
    let label = &t[at + width..label_end];
    if !is_private(label) && (is_public(label) || !text.runs_into_cut(label_end)) {
        return;
    }
    let mut from = label_end;
    let mut end = t.len();
    while let Some(i) = memchr::memmem::find(&t[from..], b"END ") {
        let at = from + i;
        from = at + 4;
        if text.before(at) == b'-' || text.before(at) == b' ' {
            end = ByteSet::ranges(b"", b"-").run(t, self::label_end(t, from), 5);
            break;
        }
    }
    sink.charge(end - at);
    sink.emit(text, at, end, Detector::PrivateKey);
}

/// `-----END ` at `at`. Where the beginning is in this text too, [`begin`] has found it, and the two merge.
pub(in crate::redact) fn end(text: &Text<'_>, at: usize, width: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let label_end = label_end(t, at + width);
    sink.charge(label_end - at);
    if !is_private(&t[at + width..label_end]) {
        return;
    }
    let before = &t[..at];
    sink.charge(before.len());
    let start = memchr::memmem::rfind(before, b"END ").map_or(0, |i| self::label_end(t, i + 4));
    let begun = memchr::memmem::rfind(&before[start.min(at)..], b"BEGIN ").is_some_and(|i| {
        let label = start + i + 6;
        is_private(&t[label..self::label_end(t, label)])
    });
    if !begun {
        let end = ByteSet::ranges(b"", b"-").run(t, label_end, 5);
        sink.emit(text, start, end, Detector::PrivateKey);
    }
}

/// A label is capitals, digits and spaces.
fn label_end(t: &[u8], from: usize) -> usize {
    ByteSet::ranges(b"09AZ", b" ").run(t, from, 48)
}

fn is_private(label: &[u8]) -> bool {
    memchr::memmem::find(label, b"PRIVATE").is_some()
        || (label.starts_with(b"SSH2") && memchr::memmem::find(label, b"PUBLIC").is_none())
}

/// Labels that say that nothing private follows.
fn is_public(label: &[u8]) -> bool {
    memchr::memmem::find(label, b"CERT").is_some() || memchr::memmem::find(label, b"PUBL").is_some()
}

/// `PuTTY-User-Key-File-` at `at`: the file holds the private part, there is no end mark.
pub(in crate::redact) fn putty(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    sink.charge(text.bytes.len() - at);
    sink.emit(text, at, text.bytes.len(), Detector::PrivateKey);
}

/// Base64 of `-----BEGIN ` at `at`, as Kubernetes and CI systems pass keys. Certificates are public.
pub(in crate::redact) fn encoded(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let end = ByteSet::BASE64.run(t, at, 1 << 16);
    sink.charge(end - at);
    let public = t[at..end].starts_with(b"LS0tLS1CRUdJTiBDRVJU")
        || t[at..end].starts_with(b"LS0tLS1CRUdJTiBQVUJM");
    if !public {
        sink.emit(text, at, end, Detector::PrivateKey);
    }
}
