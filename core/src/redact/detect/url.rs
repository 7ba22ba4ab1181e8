//! Passwords in URLs: `scheme://user:password@host`, and the forms that database drivers made of it.

use super::entropy::is_mixed;
use super::{ByteSet, Detector, Sink, Text};

/// How far an authority is followed.
const LIMIT: usize = 2048;

/// Ends everything that belongs to a URL.
const END: ByteSet = ByteSet::ranges(b"\x00\x20", b"\"'<>`\\{}|\x7f");

/// Ends the authority, besides [`END`].
const AFTER_AUTHORITY: ByteSet = ByteSet::ranges(b"", b"/?#");

/// A `://` at `at`.
pub(in crate::redact) fn at_scheme(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let start = at + 3;
    let stop = t.len().min(start + LIMIT);
    let (mut colon, mut last_at, mut end) = (None, None, start);
    while end < stop && !END.has(t[end]) && !AFTER_AUTHORITY.has(t[end]) {
        match t[end] {
            b':' if colon.is_none() => colon = Some(end),
            b'@' => last_at = Some(end),
            _ => {}
        }
        end += 1;
    }
    sink.charge(end - at);
    if last_at.is_none() {
        last_at = at_behind_slash(text, colon, end, sink);
    }
    match (colon, last_at) {
        (Some(colon), Some(last)) if colon < last && is_template(&t[colon + 1..last]) => {}
        (Some(colon), Some(last)) if colon < last => {
            sink.emit(text, colon + 1, last, Detector::UrlUserinfo);
        }
        // A lone name is an account, unless it looks like a token.
        (_, Some(last)) if is_token(&t[start..last]) => {
            sink.emit(text, start, last, Detector::UrlUserinfo);
        }
        (Some(colon), None) if text.runs_into_cut(end) => {
            sink.emit(text, colon + 1, end, Detector::UrlUserinfo);
        }
        (None, None) if text.runs_into_cut(end) && is_token(&t[start..end]) => {
            sink.emit(text, start, end, Detector::UrlUserinfo);
        }
        _ => {}
    }
}

/// What stands after the colon is no port, so it may be a password with a `/`, `?` or `#` in it: the `@` comes later.
fn at_behind_slash(
    text: &Text<'_>,
    colon: Option<usize>,
    end: usize,
    sink: &mut Sink<'_>,
) -> Option<usize> {
    let t = text.bytes;
    let colon = colon?;
    if end >= t.len() || END.has(t[end]) || t[colon + 1..end].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let stop = t.len().min(end + LIMIT);
    let rest = &t[end..stop];
    let length = rest.iter().position(|&b| END.has(b)).unwrap_or(rest.len());
    sink.charge(length);
    // An IPv6 address has colons of its own.
    if t[..colon].ends_with(b"[") || t[..end].ends_with(b"]") {
        return None;
    }
    memchr::memchr(b'@', &rest[..length]).map(|i| end + i)
}

fn is_template(password: &[u8]) -> bool {
    super::placeholder::is_placeholder(password)
}

/// Whether a user name alone is a token: long, of letters and digits both.
fn is_token(user: &[u8]) -> bool {
    user.len() >= 16 && is_mixed(user) && !user.contains(&b'.') && !user.starts_with(b"[")
}

/// `user:password@tcp(host)`, as Go's drivers write it; `at` is where the `@` lies.
pub(in crate::redact) fn at_driver_address(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let first = at.saturating_sub(256);
    let start = t[first..at]
        .iter()
        .rposition(|&b| END.has(b))
        .map_or(first, |i| first + i + 1);
    sink.charge(at - start);
    if let Some(colon) = memchr::memchr(b':', &t[start..at]).map(|i| start + i)
        && !is_template(&t[colon + 1..at])
        && !t[colon..].starts_with(b"://")
    {
        sink.emit(text, colon + 1, at, Detector::UrlUserinfo);
    }
}

/// `jdbc:oracle:thin:user/password@host`; `at` is where the user begins.
pub(in crate::redact) fn at_oracle_user(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let stop = t.len().min(at + 256);
    let length = t[at..stop]
        .iter()
        .position(|&b| END.has(b))
        .unwrap_or(stop - at);
    sink.charge(length);
    let account = &t[at..at + length];
    let Some(slash) = memchr::memchr(b'/', account) else {
        return;
    };
    let end = memchr::memrchr(b'@', account);
    if let Some(end) = end.or(text.runs_into_cut(at + length).then_some(length))
        && slash < end
    {
        sink.emit(text, at + slash + 1, at + end, Detector::UrlUserinfo);
    }
}
