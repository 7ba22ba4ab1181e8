//! Keys and values inside text: `"password": "x"`, `token=x`, `Authorization: Basic x`, `--api-key x`.
//!
//! At every separator the key before it is found by walking back, and the name table says whether it is sensitive. So the
//! cost does not depend on how many names there are, and text and variables follow the same rules for names.

use super::value::{
    self, Form, Value, has_parameters, is_number, is_placeholder, is_scheme, line_end, value_after,
};
use super::{ByteSet, Detector, Enabled, Sink, Text, entropy};
use crate::redact::names::{Found, NameTable, ValueKind};

/// How far back a key may begin.
const KEY_LIMIT: usize = 128;

/// What a key without quotes is made of, besides bytes beyond ASCII.
const KEY: ByteSet = {
    let ByteSet([a, b, _, _]) = ByteSet::ranges(b"09AZaz", b"_-.$@%[]+");
    ByteSet([a, b, u64::MAX, u64::MAX])
};

/// Words that are sensitive and common in prose: `auth: starting` says nothing secret.
#[rustfmt::skip]
const WEAK: [&str; 20] = [
    "2fa", "aiohttpsession", "auth", "basicauth", "bearer", "cipher", "cookie", "credential",
    "credentials", "csrf", "geolocation", "jti", "jwt", "nonce", "oauth", "salt", "session",
    "signature", "symfony", "usersession",
];

/// Query parameters that are sensitive only as such, and how long their value must be.
#[rustfmt::skip]
const PARAMETERS: [(&[u8], usize); 24] = [
    (b"assertion", 8), (b"awsaccesskeyid", 8), (b"client_assertion", 8), (b"code", 16),
    (b"code_challenge", 16), (b"code_verifier", 8), (b"hash", 16), (b"hmac", 8), (b"key", 16),
    (b"pass", 1), (b"samlrequest", 8), (b"samlresponse", 8), (b"sid", 8), (b"sig", 1),
    (b"sign", 8), (b"state", 16), (b"ticket", 8), (b"x-amz-credential", 1),
    (b"x-amz-security-token", 1), (b"x-amz-signature", 1), (b"x-goog-credential", 1),
    (b"x-goog-signature", 1), (b"x-oss-signature", 1), (b"otpauth", 1),
];

/// What a key before a separator is.
struct Key<'k> {
    bytes: &'k [u8],
    start: usize,
    quoted: bool,
    /// The key follows one of `?`, `&`, `#`.
    parameter: bool,
}

/// What the detector needs besides the text.
pub(in crate::redact) struct KeyValue<'r> {
    pub(in crate::redact) names: &'r NameTable,
    pub(in crate::redact) enabled: Enabled,
}

impl KeyValue<'_> {
    /// A `:`, `=`, or their percent-encoded forms, which are `width` bytes long, at `at`.
    #[inline]
    pub(in crate::redact) fn at_separator(
        &self,
        text: &Text<'_>,
        at: usize,
        width: usize,
        sink: &mut Sink<'_>,
    ) {
        let Some(key) = key_before(text, at) else {
            return;
        };
        sink.charge(at - key.start);
        if !key.quoted && memchr::memchr(b'%', key.bytes).is_some() {
            self.at_encoded(text, at, width, &key, sink);
        } else {
            self.with_key(text, at, width, &key, sink);
        }
    }

    /// A separator behind a percent-encoded key.
    #[cold]
    fn at_encoded(
        &self,
        text: &Text<'_>,
        at: usize,
        width: usize,
        raw: &Key<'_>,
        sink: &mut Sink<'_>,
    ) {
        let mut decoded = [0; KEY_LIMIT];
        if let Some(key) = decoded_key(raw, &mut decoded) {
            self.with_key(text, at, width, &key, sink);
        }
    }

    #[inline]
    fn with_key(
        &self,
        text: &Text<'_>,
        at: usize,
        width: usize,
        key: &Key<'_>,
        sink: &mut Sink<'_>,
    ) {
        if text.bytes[..key.start].ends_with(b"://") {
            // `https://token:x@host` is the URL detector's.
            return;
        }
        let behind = skip_separator(text, at + width);
        let prose = width == 1 && text.at(at) == b':' && text.at(at + 1) == b' ' && !key.quoted;
        let Some(found) = self.judge_key(key, text, prose) else {
            if key.parameter {
                self.parameter(text, key, behind, sink);
            } else {
                self.record(text, key, behind, sink);
            }
            return;
        };
        let Some(mut value) = value_after(text, behind, key.quoted) else {
            return;
        };
        sink.charge(value.after - behind);
        if key.parameter {
            value.end = parameter_end(text, &value);
        }
        let rule = self.rule_of(&found, key.parameter);
        if !self.enabled.has(rule) {
            return;
        }
        if text.code {
            self.in_code(text, behind, value, rule, sink);
            return;
        }
        if is_kept(text, &value, &found) {
            return;
        }
        let header =
            matches!(rule, Detector::Authorization | Detector::Cookie) && text.at(at) == b':';
        let end = self.end_of_credential(text, key, &found, &value, header, sink);
        if end == value.end && value.form == Form::Bare {
            let word = &text.bytes[value.start..value.end];
            let weak = WEAK.contains(&self.names.word(found.word));
            if prose && weak && word.len() < 16 && word.iter().all(u8::is_ascii_alphabetic) {
                return;
            }
        }
        sink.emit(text, value.start, end, rule);
    }

    /// Whether the key's name is sensitive.
    fn judge_key(&self, key: &Key<'_>, text: &Text<'_>, prose: bool) -> Option<Found> {
        let mut name = key.bytes;
        if prose && let Some(dot) = memchr::memrchr(b'.', name) {
            // `com.example.auth.LoginFilter: text` is a logger speaking; what it is called says nothing of the text.
            let last = &name[dot + 1..];
            return self
                .names
                .find(last)
                .or_else(|| self.names.find_at_end(name));
        }
        if let Some(found) = self.names.find(name) {
            return Some(found);
        }
        // `API key: x`: the words before belong to the name, if they end it.
        if key.quoted
            || key.parameter
            || text.before(key.start) != b' '
            || !self.names.may_end_a_name(key.bytes)
        {
            return None;
        }
        let mut start = key.start;
        for _ in 0..2 {
            let earlier = ByteSet::ALNUM.run_back(text.bytes, start.saturating_sub(1), 24);
            if text.before(start) != b' ' || earlier + 1 >= start {
                break;
            }
            start = earlier;
        }
        name = text.bytes.get(start..key.start + key.bytes.len())?;
        if start == key.start {
            None
        } else {
            self.names.find_at_end(name)
        }
    }

    /// Which rule a value under this name belongs to.
    fn rule_of(&self, found: &Found, parameter: bool) -> Detector {
        match self.names.word(found.word) {
            "cookie" | "setcookie" => Detector::Cookie,
            "authorization" | "proxyauthorization" => Detector::Authorization,
            _ if parameter => Detector::UrlParameter,
            _ => Detector::KeyValue,
        }
    }

    /// Reports a whole value, if its rule is on.
    pub(super) fn emit(&self, text: &Text<'_>, value: &Value, found: &Found, sink: &mut Sink<'_>) {
        let rule = self.rule_of(found, false);
        if self.enabled.has(rule) {
            sink.emit(text, value.start, value.end, rule);
        }
    }

    /// Where the secret ends. A header's value goes on to the end of the line, so does a credential behind its scheme.
    fn end_of_credential(
        &self,
        text: &Text<'_>,
        key: &Key<'_>,
        found: &Found,
        value: &Value,
        header: bool,
        sink: &mut Sink<'_>,
    ) -> usize {
        if value.form != Form::Bare {
            return value.end;
        }
        let t = text.bytes;
        let word = &t[value.start..value.end];
        let scheme = is_scheme(word) && t.get(value.end) == Some(&b' ');
        let phrase = matches!(
            self.names.word(found.word),
            "passphrase" | "mnemonic" | "seedphrase"
        );
        if !(scheme || phrase || header) {
            return value.end;
        }
        let mut end = line_end(t, value.end);
        let opener = text.before(key.start);
        let in_quotes = matches!(opener, b'"' | b'\'' | b'`').then_some(opener);
        let stops = |byte: u8| match in_quotes {
            Some(quote) => byte == quote,
            None => scheme && !has_parameters(word) && matches!(byte, b'"' | b'\'' | b'`'),
        };
        if let Some(stop) = t[value.end..end].iter().position(|&b| stops(b)) {
            end = value.end + stop;
        }
        sink.charge(end - value.end);
        end - t[value.end..end]
            .iter()
            .rev()
            .take_while(|b| matches!(b, b' ' | b'\t' | b'\\'))
            .count()
    }

    /// In program source only literals are secrets. With an annotation (`password: str = "x"`) the value comes later.
    fn in_code(
        &self,
        text: &Text<'_>,
        behind: usize,
        value: Value,
        rule: Detector,
        sink: &mut Sink<'_>,
    ) {
        let literal = |v: &Value| {
            let bytes = &text.bytes[v.start..v.end];
            let number = v.form == Form::Bare && bytes.len() >= 4 && is_number(bytes);
            (v.form == Form::Quoted || number) && !is_placeholder(bytes)
        };
        if literal(&value) {
            sink.emit(text, value.start, value.end, rule);
            return;
        }
        if text.before(behind) == b'=' || value.form != Form::Bare {
            return;
        }
        let line =
            &text.bytes[value.after..line_end(text.bytes, value.after).min(value.after + 64)];
        let assignment = line
            .iter()
            .position(|b| matches!(b, b'=' | b',' | b'"' | b'\'' | b':'));
        if let Some(offset) = assignment
            && line[offset] == b'='
            && line.get(offset + 1) != Some(&b'=')
            && let Some(value) = value_after(text, value.after + offset + 1, false)
            && literal(&value)
        {
            sink.emit(text, value.start, value.end, rule);
        }
    }

    /// `?sig=...`: parameters that only a URL makes sensitive.
    fn parameter(&self, text: &Text<'_>, key: &Key<'_>, behind: usize, sink: &mut Sink<'_>) {
        let known = PARAMETERS
            .iter()
            .find(|p| key.bytes.eq_ignore_ascii_case(p.0));
        let Some(&(_, least)) = known else { return };
        let Some(mut value) = value_after(text, behind, false) else {
            return;
        };
        sink.charge(value.after - behind);
        value.end = parameter_end(text, &value);
        let bytes = &text.bytes[value.start..value.end];
        let long_enough = bytes.len() >= least || text.runs_into_cut(value.end);
        let random = least < 16 || entropy::is_mixed(bytes);
        if long_enough
            && random
            && !is_placeholder(bytes)
            && self.enabled.has(Detector::UrlParameter)
        {
            sink.emit(text, value.start, value.end, Detector::UrlParameter);
        }
    }

    /// `{"name": "password", "value": "x"}`: the value names what its sibling is.
    fn record(&self, text: &Text<'_>, key: &Key<'_>, behind: usize, sink: &mut Sink<'_>) {
        const NAMES: [&[u8]; 11] = [
            b"attribute",
            b"field",
            b"header",
            b"id",
            b"k",
            b"key",
            b"n",
            b"name",
            b"param",
            b"parameter",
            b"property",
        ];
        const VALUES: [&[u8]; 7] = [
            b"content", b"data", b"default", b"v", b"val", b"value", b"values",
        ];
        if key.bytes.len() > 9 || !NAMES.iter().any(|n| key.bytes.eq_ignore_ascii_case(n)) {
            return;
        }
        let Some(mut value) = value_after(text, behind, key.quoted) else {
            return;
        };
        if value.form == Form::Nested || value.end - value.start > KEY_LIMIT {
            return;
        }
        sink.charge(value.after - behind);
        let Some(found) = self.names.find(&text.bytes[value.start..value.end]) else {
            return;
        };
        let t = text.bytes;
        for _ in 0..6 {
            let gap = |b: &u8| {
                matches!(
                    b,
                    b',' | b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'\\' | b';'
                )
            };
            let start = value.after
                + t[value.after..]
                    .iter()
                    .take(64)
                    .take_while(|b| gap(b))
                    .count();
            let end = ByteSet::WORD.run(t, start, 32);
            let close = end
                + t[end..]
                    .iter()
                    .take_while(|b| matches!(b, b'\\' | b'"' | b'\'' | b' '))
                    .take(8)
                    .count();
            if end == start || !matches!(text.at(close), b':' | b'=') {
                return;
            }
            let Some(next) = value_after(text, skip_separator(text, close + 1), true) else {
                return;
            };
            sink.charge(next.after - value.after);
            if VALUES.iter().any(|v| t[start..end].eq_ignore_ascii_case(v)) {
                if !is_kept(text, &next, &found) {
                    self.emit(text, &next, &found, sink);
                }
                return;
            }
            value = next;
        }
    }
}

/// A query parameter also ends at the fragment.
fn parameter_end(text: &Text<'_>, value: &Value) -> usize {
    let bytes = &text.bytes[value.start..value.end];
    memchr::memchr(b'#', bytes).map_or(value.end, |i| value.start + i)
}

/// Whether a value under a sensitive name may be shown: it stands for a value, or its kind tells nothing.
pub(super) fn is_kept(text: &Text<'_>, value: &Value, found: &Found) -> bool {
    let bytes = &text.bytes[value.start..value.end];
    let placeholder = is_placeholder(bytes) && !text.runs_into_cut(value.end);
    let boolean = bytes.eq_ignore_ascii_case(b"true") || bytes.eq_ignore_ascii_case(b"false");
    if boolean && value.form == Form::Bare {
        return !found.hides.hides(ValueKind::Bool);
    }
    placeholder || (is_number(bytes) && !found.hides.hides(ValueKind::Number))
}

/// Skips the rest of `=>`, `:=`, `==`, and Markdown's emphasis.
fn skip_separator(text: &Text<'_>, mut at: usize) -> usize {
    for _ in 0..2 {
        if matches!(text.at(at), b'=' | b'>' | b'*') {
            at += 1;
        }
    }
    at
}

/// The key that ends before the separator at `at`.
fn key_before<'k>(text: &Text<'k>, at: usize) -> Option<Key<'k>> {
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
                .find(|n| end >= *n && value::quote_entity(t, end - n) == Some(*n))?;
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
    // A longer key is judged by its end.
    let start = memchr::memrchr(quote, &t[first..end]).map_or(first, |i| first + i + 1);
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
    let parameter = matches!(text.before(start), b'?' | b'&' | b'#');
    Some(Key {
        bytes: &text.bytes[start..end],
        start,
        quoted: false,
        parameter,
    })
}

/// What a percent-encoded key says: the last of the pairs that may be encoded in it.
fn decoded_key<'k>(raw: &Key<'_>, decoded: &'k mut [u8; KEY_LIMIT]) -> Option<Key<'k>> {
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
