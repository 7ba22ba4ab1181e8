//! Credentials with their scheme and without a key: `got Bearer abc...`, `Basic dXNlcjpwYXNz`.

use super::entropy::{is_mixed, shannon};
use super::value::line_end;
use super::{ByteSet, Detector, Sink, Text};

/// `bearer ` at `at`, in any case.
pub(in crate::redact) fn bearer(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let start = at + 7;
    let end = ByteSet::TOKEN.run(text.bytes, start, 8192);
    sink.charge(end - start);
    let token = &text.bytes[start..end];
    // `bearer authentication` is prose: a token has digits, or capitals inside.
    let random =
        token.len() >= 6 && (is_mixed(token) || has_inner_capital(token) || token.len() > 24);
    if random || (text.runs_into_cut(end) && end > start) {
        sink.emit(text, start, end, Detector::Authorization);
    }
}

fn has_inner_capital(token: &[u8]) -> bool {
    token[1..].iter().any(u8::is_ascii_uppercase) && token.iter().any(u8::is_ascii_lowercase)
}

/// `basic ` at `at`: base64 of something with a colon.
pub(in crate::redact) fn basic(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let start = at + 6;
    let end = ByteSet::BASE64.run(text.bytes, start, 2048);
    sink.charge(end - start);
    let token = &text.bytes[start..end];
    let cut = text.runs_into_cut(end) && end > start;
    if cut || (token.len() >= 4 && decodes_to_userinfo(token)) {
        sink.emit(text, start, end, Detector::Authorization);
    }
}

/// Whether base64 text stands for printable bytes with a colon among them.
fn decodes_to_userinfo(token: &[u8]) -> bool {
    let mut colon = false;
    let mut bits = 0u32;
    let mut held = 0;
    for &byte in token {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            let decoded = (bits >> held) as u8;
            if decoded < 0x20 || decoded == 0x7F {
                return false;
            }
            colon |= decoded == b':';
        }
    }
    colon
}

/// `Digest username`, `AWS4-HMAC-SHA256 Credential`, `NTLM TlRM`, `Negotiate YII`: `start` is where the credential
/// begins, which goes on to the end of the line.
pub(in crate::redact) fn rest_of_line(text: &Text<'_>, start: usize, sink: &mut Sink<'_>) {
    let end = line_end(text.bytes, start);
    sink.charge(end - start);
    sink.emit(text, start, end, Detector::Authorization);
}

/// An AWS key id ends at `end`: forty random characters close behind it are the secret that belongs to it.
pub(in crate::redact) fn aws_secret_near(text: &Text<'_>, end: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let stop = t.len().min(end + 160);
    sink.charge(stop - end);
    let mut at = end;
    while at < stop {
        let run = ByteSet::ranges(b"09AZaz", b"+/").run(t, at, 64);
        if run - at == 40 && is_mixed(&t[at..run]) && shannon(&t[at..run]) >= 4000 {
            sink.emit(text, at, run, Detector::AwsSecretKey);
            return;
        }
        at = run + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_userinfo_only_with_a_colon() {
        assert!(decodes_to_userinfo(b"YXBwOmh1bnRlcjI="));
        assert!(decodes_to_userinfo(b"YTpi"));
        assert!(!decodes_to_userinfo(b"authentication"));
        assert!(!decodes_to_userinfo(b"aGVsbG8gd29ybGQ="));
    }
}
