//! Addresses, off by default: e-mail and IP.

use super::{ByteSet, Detector, Sink, Text};

const LOCAL_PART: ByteSet = ByteSet::ranges(b"09AZaz", b"._%+-");
const DOMAIN: ByteSet = ByteSet::ranges(b"09AZaz", b".-");

/// An `@` at `at`.
pub(in crate::redact) fn email(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let start = back_over(t, at, &LOCAL_PART);
    let mut end = forward_over(t, at + 1, &DOMAIN);
    sink.charge(end - start);
    let cut = text.runs_into_cut(end);
    while end > at + 1 && matches!(t[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let domain = &t[at + 1..end];
    let dot = memchr::memrchr(b'.', domain);
    let top = dot.map_or(0, |dot| domain.len() - dot - 1);
    let whole = top >= 2 && !domain.starts_with(b".");
    let local_starts = !matches!(text.at(start), b'.') || start < at;
    if start < at && local_starts && (whole || cut) {
        sink.emit(text, start, end, Detector::Email);
    }
}

/// Letters beyond ASCII belong to the run too.
fn back_over(t: &[u8], to: usize, set: &ByteSet) -> usize {
    let first = to.saturating_sub(128);
    let mut at = to;
    while at > first && (set.has(t[at - 1]) || t[at - 1] >= 0x80) {
        at -= 1;
    }
    at
}

fn forward_over(t: &[u8], from: usize, set: &ByteSet) -> usize {
    let end = t.len().min(from + 255);
    let mut at = from;
    while at < end && (set.has(t[at]) || t[at] >= 0x80) {
        at += 1;
    }
    at
}

/// A digit before a dot and a digit, the first digit at `at`: an IPv4 address, if its number begins here.
pub(in crate::redact) fn ipv4(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let start = ByteSet::ranges(b"09", b"").run_back(t, at, 3);
    if matches!(text.before(start), b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z') {
        return;
    }
    let mut end = start;
    for part in 0..4 {
        let digits = ByteSet::ranges(b"09", b"").run(t, end, 4) - end;
        let number = t[end..end + digits]
            .iter()
            .fold(0u32, |n, b| n * 10 + u32::from(b - b'0'));
        if part >= 2 && text.runs_into_cut(end + digits) {
            end += digits;
            break;
        }
        if !(1..=3).contains(&digits) || number > 255 {
            return;
        }
        end += digits;
        if part < 3 {
            if text.at(end) != b'.' {
                return;
            }
            end += 1;
        }
    }
    sink.charge(end - start);
    let goes_on = text.at(end) == b'.' && text.at(end + 1).is_ascii_digit();
    if !goes_on && !ByteSet::WORD.has(text.at(end)) {
        sink.emit(text, start, end, Detector::Ip);
    }
}

/// A colon at `at`: an IPv6 address, if this is its first colon.
pub(in crate::redact) fn ipv6(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let start = ByteSet::HEX.run_back(t, at, 5);
    let before = text.before(start);
    if before == b':' || before == b'.' || ByteSet::WORD.has(before) {
        return;
    }
    let end = ByteSet::ranges(b"09AFaf", b":.").run(t, start, 46);
    sink.charge(end - start);
    let end = end
        - t[start..end]
            .iter()
            .rev()
            .take_while(|b| matches!(b, b'.'))
            .count();
    let Ok(address) = std::str::from_utf8(&t[start..end]) else {
        return;
    };
    // `a::b` names something in many languages.
    let colons = address.bytes().filter(|&b| b == b':').count();
    let digits = address.bytes().any(|b| b.is_ascii_digit());
    if (colons >= 3 || (digits && address.len() >= 6))
        && !ByteSet::WORD.has(text.at(end))
        && address.parse::<std::net::Ipv6Addr>().is_ok()
    {
        sink.emit(text, start, end, Detector::Ip);
    }
}
