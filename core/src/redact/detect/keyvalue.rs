//! Keys and values inside text: `"password": "x"`, `token=x`, `Authorization: Basic x`, `--api-key x`.
//!
//! At every separator the key before it is found by walking back, and the name table says whether it is sensitive. So the
//! cost does not depend on how many names there are, and text and variables follow the same rules for names.

use super::key::{KEY_LIMIT, Key, decoded_key, key_before};
use super::placeholder::{is_number, is_placeholder};
use super::value::{Form, Value, has_parameters, is_scheme, line_end, value_after};
use super::{ByteSet, Detector, Enabled, Sink, Text, entropy};
use crate::redact::names::{Found, NameTable, ValueKind};

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

/// How long the value of one must be that is a text of its own and has no other behind it.
const LEAST_ALONE: usize = 6;

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
        if ends_the_string(text, key, behind) {
            return;
        }
        let prose = width == 1 && text.at(at) == b':' && text.at(at + 1) == b' ' && !key.quoted;
        let Some(found) = self.judge_key(key, text, prose) else {
            if key.parameter {
                self.parameter(text, key, behind, sink);
                return;
            }
            if key.start == 0 && text.at(at) == b'=' {
                self.first_parameter(text, key, behind, sink);
            }
            self.record(text, key, behind, sink);
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
            self.in_code(text, at, behind, value, &found, sink);
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
            if prose
                && self.is_weak(&found)
                && word.len() < 16
                && word.iter().all(u8::is_ascii_alphabetic)
            {
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

    /// Whether the name is as common in prose and program text as it is sensitive.
    pub(super) fn is_weak(&self, found: &Found) -> bool {
        WEAK.contains(&self.names.word(found.word))
    }

    /// Which rule a value under this name belongs to.
    pub(super) fn rule_of(&self, found: &Found, parameter: bool) -> Detector {
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

    /// `?sig=...`: parameters that only a URL makes sensitive.
    fn parameter(&self, text: &Text<'_>, key: &Key<'_>, behind: usize, sink: &mut Sink<'_>) {
        if let Some(least) = least_of(key) {
            self.parameter_of(text, least, behind, sink);
        }
    }

    /// `code=...&scope=x`: the first parameter of a query that is a text of its own, as frameworks have it, or of a form.
    #[inline(never)]
    fn first_parameter(&self, text: &Text<'_>, key: &Key<'_>, behind: usize, sink: &mut Sink<'_>) {
        let Some(least) = least_of(key) else { return };
        let t = text.bytes;
        if key.quoted || text.code || t.iter().any(u8::is_ascii_whitespace) {
            return;
        }
        sink.charge(t.len());
        // With nothing behind it, it may as well be `sign=-1` or `pass=2`.
        let alone = memchr::memchr(b'&', t).is_none();
        let least = if alone { least.max(LEAST_ALONE) } else { least };
        self.parameter_of(text, least, behind, sink);
    }

    /// The value of such a parameter, which has at least `least` bytes if it is a secret.
    fn parameter_of(&self, text: &Text<'_>, least: usize, behind: usize, sink: &mut Sink<'_>) {
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

/// How long the value of a query parameter of this name must be, if it is one that is sensitive only as such.
fn least_of(key: &Key<'_>) -> Option<usize> {
    PARAMETERS
        .iter()
        .find(|p| key.bytes.eq_ignore_ascii_case(p.0))
        .map(|p| p.1)
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
    // An opening bracket alone goes on in another text; there is nothing in it to hide.
    if value.form == Form::Nested
        && !bytes
            .iter()
            .any(|b| b.is_ascii_alphanumeric() || *b >= 0x80)
    {
        return true;
    }
    let boolean = bytes.eq_ignore_ascii_case(b"true") || bytes.eq_ignore_ascii_case(b"false");
    if boolean && value.form == Form::Bare {
        return !found.hides.hides(ValueKind::Bool);
    }
    placeholder || (is_number(bytes) && !found.hides.hides(ValueKind::Number))
}

/// `prompt("Password: ")`: the separator is the last thing in a string that began with the key.
fn ends_the_string(text: &Text<'_>, key: &Key<'_>, behind: usize) -> bool {
    let opener = text.before(key.start);
    let spaces = text.bytes[behind..]
        .iter()
        .take(8)
        .take_while(|&&b| b == b' ')
        .count();
    !key.quoted && matches!(opener, b'"' | b'\'' | b'`') && text.at(behind + spaces) == opener
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
