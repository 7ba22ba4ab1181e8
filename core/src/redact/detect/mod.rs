//! The built-in detectors: what each candidate that the scan finds is checked with.
//!
//! Every check gets one text and a place in it, looks only at that text, says exactly which bytes are the secret, and pays
//! for what it looked at out of the scan's budget. None allocates.

pub(super) mod authorization;
pub(super) mod code;
pub(super) mod entropy;
pub(super) mod jwt;
pub(super) mod key;
pub(super) mod keyvalue;
pub(super) mod network;
pub(super) mod numbers;
pub(super) mod placeholder;
pub(super) mod private_key;
pub(super) mod structure;
pub(super) mod url;
pub(super) mod value;
pub(super) mod vendor;

use super::config::Action;
use super::hit::{Hit, RuleId};

/// One text of the arena.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
    /// The text goes on beyond its end.
    pub(super) cut: bool,
    /// The text is program source.
    pub(super) code: bool,
    pub(super) span: u32,
}

impl Text<'_> {
    /// The byte at `at`, or 0 outside of the text.
    #[inline]
    pub(super) fn at(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The byte before `at`, or 0 at the beginning.
    #[inline]
    pub(super) fn before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |i| self.at(i))
    }

    /// Whether something that ends at `end` runs into the cut.
    pub(super) fn runs_into_cut(&self, end: usize) -> bool {
        self.cut && end >= self.bytes.len()
    }
}

/// Takes hits and pays for looking.
pub(super) struct Sink<'a> {
    pub(super) hits: &'a mut Vec<Hit>,
    pub(super) work: u64,
}

impl Sink<'_> {
    /// Pays for `bytes` bytes looked at.
    #[inline]
    pub(super) fn charge(&mut self, bytes: usize) {
        self.work = self.work.saturating_sub(bytes as u64 + 8);
    }

    /// Reports that `start..end` of `text` must not be shown. Widened to whole characters.
    pub(super) fn emit(&mut self, text: &Text<'_>, start: usize, end: usize, rule: Detector) {
        self.emit_as(text, start, end, rule.id(), Action::Redact);
    }

    pub(super) fn emit_as(
        &mut self,
        text: &Text<'_>,
        mut start: usize,
        mut end: usize,
        rule: RuleId,
        action: Action,
    ) {
        let continues = |byte: u8| byte & 0xC0 == 0x80;
        end = end.min(text.bytes.len());
        while start > 0 && continues(text.at(start)) {
            start -= 1;
        }
        while end < text.bytes.len() && continues(text.at(end)) {
            end += 1;
        }
        if start < end {
            let span = text.span;
            self.hits.push(Hit {
                span,
                start: start as u32,
                end: end as u32,
                rule,
                action,
            });
        }
    }
}

/// The built-in rules, in the order of their ids; the vendors' tokens follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Detector {
    KeyValue,
    UrlUserinfo,
    UrlParameter,
    Authorization,
    Cookie,
    Jwt,
    PrivateKey,
    HighEntropy,
    AwsSecretKey,
    PaymentCard,
    Iban,
    UsSsn,
    Email,
    Ip,
    RemoteAddr,
    Alias,
}

impl Detector {
    pub(super) const fn id(self) -> RuleId {
        RuleId::from_raw(self as u16)
    }
}

/// How little a rule says about what it found: a vendor's token or a card is just that, a key says something of any value,
/// randomness says next to nothing.
pub(super) fn vagueness(rule: RuleId) -> u8 {
    const KEYED: [Detector; 4] = [
        Detector::KeyValue,
        Detector::UrlParameter,
        Detector::Authorization,
        Detector::Cookie,
    ];
    if rule == Detector::HighEntropy.id() {
        2
    } else {
        u8::from(KEYED.iter().any(|d| d.id() == rule))
    }
}

/// Name and default of each [`Detector`].
const BUILT_IN: [(&str, bool); 16] = [
    ("key_value", true),
    ("url_userinfo", true),
    ("url_parameter", true),
    ("authorization", true),
    ("cookie", true),
    ("jwt", true),
    ("private_key", true),
    ("high_entropy", true),
    ("aws_secret_key", true),
    ("payment_card", true),
    ("iban", true),
    ("us_ssn", true),
    ("email", false),
    ("ip", false),
    ("remote_addr", false),
    ("alias", true),
];

/// All built-in rule names with their defaults, in the order of their ids.
pub(super) fn built_in() -> impl Iterator<Item = (&'static str, bool)> {
    BUILT_IN
        .into_iter()
        .chain(vendor::rules().map(|name| (name, true)))
}

/// Which built-in rules are on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enabled(u128);

impl Enabled {
    pub(super) fn defaults() -> Enabled {
        let mut set = Enabled(0);
        for (i, (_, on)) in built_in().enumerate() {
            set.set(i as u16, on);
        }
        set
    }

    pub(super) fn set(&mut self, id: u16, on: bool) {
        let bit = 1 << (id & 127);
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }

    #[inline]
    pub(super) fn has(self, detector: Detector) -> bool {
        self.has_id(detector as u16)
    }

    #[inline]
    pub(super) fn has_id(self, id: u16) -> bool {
        self.0 >> (id & 127) & 1 == 1
    }
}

/// A set of bytes, made at compile time.
#[derive(Clone, Copy)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(super) const ALNUM: ByteSet = ByteSet::ranges(b"09AZaz", b"");
    pub(super) const WORD: ByteSet = ByteSet::ranges(b"09AZaz", b"_");
    pub(super) const HEX: ByteSet = ByteSet::ranges(b"09AFaf", b"");
    pub(super) const UPPER_DIGIT: ByteSet = ByteSet::ranges(b"09AZ", b"");
    pub(super) const BASE64: ByteSet = ByteSet::ranges(b"09AZaz", b"+/=");
    pub(super) const BASE64URL: ByteSet = ByteSet::ranges(b"09AZaz", b"_-");
    pub(super) const BASE64URL_DOT: ByteSet = ByteSet::ranges(b"09AZaz", b"_-.");
    pub(super) const TOKEN: ByteSet = ByteSet::ranges(b"09AZaz", b"_-.~+/=");

    /// Pairs of first and last byte, and single bytes.
    pub(super) const fn ranges(pairs: &[u8], singles: &[u8]) -> ByteSet {
        let mut set = [0u64; 4];
        let mut i = 0;
        while i + 1 < pairs.len() {
            let mut byte = pairs[i];
            while byte <= pairs[i + 1] {
                set[byte as usize >> 6] |= 1 << (byte & 63);
                byte += 1;
            }
            i += 2;
        }
        let mut i = 0;
        while i < singles.len() {
            set[singles[i] as usize >> 6] |= 1 << (singles[i] & 63);
            i += 1;
        }
        ByteSet(set)
    }

    #[inline]
    pub(super) const fn has(&self, byte: u8) -> bool {
        self.0[byte as usize >> 6] >> (byte & 63) & 1 == 1
    }

    /// Where the run of these bytes from `from` on ends, `most` bytes further at the latest.
    #[inline]
    pub(super) fn run(&self, bytes: &[u8], from: usize, most: usize) -> usize {
        let end = bytes.len().min(from.saturating_add(most));
        let mut at = from;
        while at < end && self.has(bytes[at]) {
            at += 1;
        }
        at
    }

    /// Where the run of these bytes before `to` begins, `most` bytes earlier at the earliest.
    #[inline]
    pub(super) fn run_back(&self, bytes: &[u8], to: usize, most: usize) -> usize {
        let first = to.saturating_sub(most);
        let mut at = to;
        while at > first && self.has(bytes[at - 1]) {
            at -= 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_names_and_bits_agree() {
        let names: Vec<_> = built_in().map(|b| b.0).collect();
        assert!(names.len() <= 128, "one bit each");
        assert_eq!(names[Detector::Alias as usize], "alias");
        assert_eq!(names[Detector::UsSsn as usize], "us_ssn");
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), names.len(), "names are unique");
    }

    #[test]
    fn hits_are_whole_characters() {
        let mut hits = Vec::new();
        let mut sink = Sink {
            hits: &mut hits,
            work: 10,
        };
        let bytes = "aäöb".as_bytes();
        let text = Text {
            bytes,
            cut: false,
            code: false,
            span: 7,
        };
        sink.emit(&text, 2, 4, Detector::Jwt);
        sink.emit(&text, 3, 3, Detector::Jwt);
        sink.emit(&text, 5, 99, Detector::Jwt);
        let places: Vec<_> = hits.iter().map(|h| (h.start, h.end)).collect();
        assert_eq!(places, [(1, 5), (5, 6)]);
    }
}
