//! The scan: one pass over the arena that finds candidates, and the dispatch of each to its detector.
//!
//! ```text
//! 64 bytes -> class masks, literal windows (simd) -> trigger masks -> candidates, in order -> detectors -> hits
//! ```
//!
//! Bytes are classified in windows of 2 KiB that stay in the first-level cache. Triggers are shifts and ands over the
//! masks: "thirteen digits, dashes or spaces that begin with a digit" is five operations for 64 places. Only a place
//! where a trigger or a literal fires costs more, and there a detector looks at a few bytes and decides exactly.
//!
//! Everything a detector looks at is paid for out of a budget; where it is spent, the texts from there on are reported as
//! not scanned, and the caller drops them.

use std::time::Instant;

use super::Rules;
use super::arena::{Arena, Span};
use super::detect::keyvalue::KeyValue;
use super::detect::{
    Detector, Sink, Text, authorization, entropy, jwt, network, numbers, private_key, url, vendor,
};
use super::hit::{Hit, normalise};
use super::literals::{Literal, LiteralSet};
use super::required::Anchor;
use super::simd::{BLOCK, Block, Engine};
use super::user::CompiledRule;

/// Blocks per window.
const WINDOW: usize = 32;

/// How much looking one scan may cost.
///
/// The unit is a byte looked at. Ordinary text costs two to four units per byte; only text made to be expensive, or
/// user rules without a literal, cost many.
#[derive(Clone, Copy, Debug)]
pub struct ScanBudget {
    work: u64,
    slow: u64,
    deadline: Option<Instant>,
}

impl Default for ScanBudget {
    /// Enough for a megabyte of ordinary text: about ten milliseconds at most.
    fn default() -> Self {
        ScanBudget::new(16 << 20, 16 << 20)
    }
}

impl ScanBudget {
    /// A budget of `work` units, and of `slow` more for user rules that have to look at every byte.
    pub fn new(work: u64, slow: u64) -> ScanBudget {
        ScanBudget {
            work,
            slow,
            deadline: None,
        }
    }

    /// The same budget, and an end in time, looked at every 2 KiB.
    pub fn with_deadline(self, deadline: Instant) -> ScanBudget {
        ScanBudget {
            deadline: Some(deadline),
            ..self
        }
    }

    /// Units that are left.
    pub fn work_left(&self) -> u64 {
        self.work
    }

    /// Units that are left for rules without a literal.
    pub fn slow_left(&self) -> u64 {
        self.slow
    }

    fn is_over(&self) -> bool {
        self.deadline.is_some_and(|end| Instant::now() >= end)
    }
}

/// How far a scan came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "texts that were not scanned must not be shown"]
pub struct ScanOutcome {
    first_unscanned: u32,
    texts: u32,
}

impl ScanOutcome {
    pub(super) fn complete(texts: usize) -> ScanOutcome {
        ScanOutcome {
            first_unscanned: texts as u32,
            texts: texts as u32,
        }
    }

    /// Whether every text was scanned by every rule.
    pub fn is_complete(&self) -> bool {
        self.first_unscanned >= self.texts
    }

    /// Whether the text with this index was. What was not must be dropped whole.
    pub fn is_scanned(&self, index: u32) -> bool {
        index < self.first_unscanned
    }

    /// The texts that were not scanned.
    pub fn unscanned(&self) -> std::ops::Range<u32> {
        self.first_unscanned..self.texts
    }
}

/// What a literal stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Vendor(u16),
    Jwt,
    Bearer,
    Basic,
    /// The credential begins so many bytes behind the literal's beginning.
    RestOfLine(u8),
    Begin(u8),
    End(u8),
    Putty,
    EncodedKey,
    SecretWord,
    DriverAddress,
    OracleUser(u8),
    User(u16),
}

/// Literals and what they stand for, for the detectors that are on and the user's rules.
pub(super) fn literals(rules: &Rules) -> (LiteralSet, Vec<Target>) {
    let mut targets = Vec::new();
    let mut literals = Vec::new();
    let mut add = |bytes: &[u8], ignore_case: bool, target: Target| {
        let index = targets.len() as u16;
        targets.push(target);
        literals.push(Literal::new(bytes, ignore_case, index));
    };
    let on = |detector| rules.enabled.has(detector);
    if on(Detector::Authorization) {
        add(b"bearer ", true, Target::Bearer);
        add(b"basic ", true, Target::Basic);
        add(b"digest username", true, Target::RestOfLine(7));
        add(b"AWS4-HMAC-SHA256 Cred", true, Target::RestOfLine(17));
        add(b"NTLM TlRM", false, Target::RestOfLine(5));
        add(b"Negotiate YI", false, Target::RestOfLine(10));
    }
    if on(Detector::PrivateKey) {
        add(b"-----BEGIN ", false, Target::Begin(11));
        add(b"---- BEGIN ", false, Target::Begin(11));
        add(b"-----END ", false, Target::End(9));
        add(b"---- END ", false, Target::End(9));
        add(b"PuTTY-User-Key-File-", false, Target::Putty);
        add(b"LS0tLS1CRUdJTi", false, Target::EncodedKey);
    }
    if on(Detector::HighEntropy) {
        for word in [
            &b"token"[..],
            b"secret",
            b"passw",
            b"apikey",
            b"api key",
            b"api_key",
        ] {
            add(word, true, Target::SecretWord);
        }
    }
    if on(Detector::UrlUserinfo) {
        add(b"@tcp(", false, Target::DriverAddress);
        add(b"@unix(", false, Target::DriverAddress);
        add(b"oracle:thin:", true, Target::OracleUser(12));
    }
    for (i, rule) in rules.user.iter().enumerate() {
        if let Some(Anchor::Literals { literals, .. }) = &rule.anchor {
            for (bytes, ignore_case) in literals {
                add(bytes, *ignore_case, Target::User(i as u16));
            }
        }
    }
    if on(Detector::Jwt) {
        let index = targets.len() as u16;
        targets.push(Target::Jwt);
        literals
            .push(Literal::new(b"eyJ", false, index).followed_by(|b| b.is_ascii_alphanumeric()));
    }
    for (i, row) in vendor::VENDORS.iter().enumerate() {
        if rules.enabled.has_id(rules.vendor_ids[i].raw()) {
            let index = targets.len() as u16;
            targets.push(Target::Vendor(i as u16));
            let literal = Literal::new(row.literal.as_bytes(), false, index);
            literals.push(literal.followed_by(row.next()));
        }
    }
    (LiteralSet::new(literals), targets)
}

/// The classes at the end of the block before, as far as triggers look back.
#[derive(Clone, Copy, Default)]
struct Carry {
    digit: u64,
    word: u64,
    dash: u64,
    colon: u64,
    equals: u64,
}

/// Where something may begin. One bit per place.
#[derive(Clone, Copy, Default)]
struct Triggers {
    card: u64,
    ssn: u64,
    iban: u64,
    scheme: u64,
    separator: u64,
    element: u64,
    percent: u64,
    flag: u64,
    pair: u64,
    email: u64,
    ipv4: u64,
    ipv6: u64,
    digits: u64,
}

/// Which triggers are wanted, as masks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    card: u64,
    ssn: u64,
    iban: u64,
    scheme: u64,
    keys: u64,
    email: u64,
    ip: u64,
    digits: u64,
}

impl Wanted {
    pub(super) fn new(rules: &Rules) -> Wanted {
        let mask = |on: bool| if on { u64::MAX } else { 0 };
        let has = |detector| mask(rules.enabled.has(detector));
        let keyed = [
            Detector::KeyValue,
            Detector::UrlParameter,
            Detector::Authorization,
            Detector::Cookie,
        ];
        Wanted {
            card: has(Detector::PaymentCard),
            ssn: has(Detector::UsSsn),
            iban: has(Detector::Iban),
            scheme: has(Detector::UrlUserinfo),
            keys: keyed.into_iter().fold(0, |m, d| m | has(d)),
            email: has(Detector::Email),
            ip: has(Detector::Ip),
            digits: mask(rules.digit_rules().next().is_some()),
        }
    }
}

impl Triggers {
    /// `next` is the block behind `b`.
    #[inline(always)]
    fn of(b: &Block, next: &Block, carry: &Carry, wanted: &Wanted) -> Triggers {
        // What stands `k` places further on, and one place before.
        macro_rules! ahead {
            ($class:ident, $k:expr) => {
                (b.$class >> $k) | (next.$class << (64 - $k))
            };
        }
        macro_rules! behind {
            ($class:ident) => {
                (b.$class << 1) | carry.$class
            };
        }
        let word_before = behind!(word);
        let digit_before = behind!(digit);
        let dash_before = behind!(dash);
        let starts_number = b.digit & !digit_before;

        let loose = |x: &Block| x.digit | x.dash | x.space;
        let wide = u128::from(loose(b)) | u128::from(loose(next)) << 64;
        let two = wide & (wide >> 1);
        let four = two & (two >> 2);
        let eight = four & (four >> 4);
        let thirteen = (eight & (four >> 8) & (wide >> 12)) as u64;

        let ssn = b.digit
            & ahead!(digit, 1)
            & ahead!(digit, 2)
            & ahead!(dash, 3)
            & ahead!(digit, 4)
            & ahead!(digit, 5)
            & ahead!(dash, 6)
            & ahead!(digit, 7)
            & ahead!(digit, 8)
            & ahead!(digit, 9)
            & ahead!(digit, 10)
            & !ahead!(word, 11)
            & !word_before;
        let iban = b.upper & ahead!(upper, 1) & ahead!(digit, 2) & ahead!(digit, 3) & !word_before;

        let scheme = b.colon & ahead!(slash, 1) & ahead!(slash, 2);
        // `::` names a member or is part of an address, `://` belongs to a URL.
        let colon = b.colon & !behind!(colon) & !ahead!(colon, 1) & !scheme;
        let equals = b.equals & !behind!(equals);
        let element = b.greater & !behind!(equals) & !dash_before;
        let flag = b.dash & ahead!(dash, 1) & ahead!(word, 2) & !dash_before & !word_before;
        let pair = b.quote & ahead!(comma, 1);

        let five =
            b.digit & ahead!(digit, 1) & ahead!(digit, 2) & ahead!(digit, 3) & ahead!(digit, 4);
        Triggers {
            card: thirteen & starts_number & wanted.card,
            ssn: ssn & wanted.ssn,
            iban: iban & wanted.iban,
            scheme: scheme & wanted.scheme,
            separator: (colon | equals) & wanted.keys,
            element: element & wanted.keys,
            percent: b.percent & wanted.keys,
            flag: flag & wanted.keys,
            pair: pair & wanted.keys,
            email: b.at & wanted.email,
            ipv4: b.digit & ahead!(dot, 1) & ahead!(digit, 2) & wanted.ip,
            ipv6: b.colon & wanted.ip,
            digits: five & !digit_before & wanted.digits,
        }
    }

    /// All but separators, which are common enough for a way of their own.
    #[inline(always)]
    fn rare(&self) -> u64 {
        self.card
            | self.ssn
            | self.iban
            | self.scheme
            | self.element
            | self.percent
            | self.flag
            | self.pair
            | self.email
            | self.ipv4
            | self.ipv6
            | self.digits
    }
}

/// Walks the texts as the scan comes to them.
struct Cursor<'a> {
    arena: &'a Arena,
    index: usize,
}

impl<'a> Cursor<'a> {
    /// The text that holds the byte at `at`; places only move forward.
    #[inline]
    fn advance_to(&mut self, at: usize) -> Option<(&'a Span, Text<'a>)> {
        let spans = self.arena.spans();
        while spans.get(self.index)?.end as usize <= at {
            self.index += 1;
        }
        let text = text_of(self.arena, self.index)?;
        Some((&spans[self.index], text))
    }
}

fn text_of(arena: &Arena, index: usize) -> Option<Text<'_>> {
    let span = arena.spans().get(index)?;
    let bytes = arena.text(index as u32)?;
    Some(Text {
        bytes,
        cut: span.flags.cut,
        code: span.flags.is_code,
        span: index as u32,
    })
}

/// Scans the whole arena. `hits` is emptied first; it comes back sorted and merged.
pub(super) fn scan(
    rules: &Rules,
    engine: Engine,
    arena: &Arena,
    budget: &mut ScanBudget,
    hits: &mut Vec<Hit>,
) -> ScanOutcome {
    hits.clear();
    let mut sink = Sink {
        hits,
        work: budget.work,
    };
    let mut reached = main_lane(rules, engine, arena, budget, &mut sink);
    reached = reached.min(cut_numbers(rules, arena, reached, &mut sink));
    budget.work = sink.work;
    sink.work = budget.slow;
    reached = reached.min(slow_lane(rules, arena, reached, budget, &mut sink));
    budget.slow = sink.work;
    normalise(hits);
    let first_unscanned = reached as u32;
    hits.retain(|h| h.span < first_unscanned);
    ScanOutcome {
        first_unscanned,
        texts: arena.len() as u32,
    }
}

/// Masks, triggers and literals over all texts. Returns the first text that was not scanned to its end.
fn main_lane(
    rules: &Rules,
    engine: Engine,
    arena: &Arena,
    budget: &ScanBudget,
    sink: &mut Sink<'_>,
) -> usize {
    let bytes = arena.padded();
    let total = arena.bytes_used().div_ceil(BLOCK);
    let mut blocks = [Block::default(); WINDOW + 1];
    let mut literals = [0u64; WINDOW];
    let mut carry = Carry::default();
    let mut cursor = Cursor { arena, index: 0 };
    let keys = KeyValue {
        names: &rules.names,
        enabled: rules.enabled,
    };
    let mut first = 0;
    while first < total {
        let count = WINDOW.min(total - first);
        let window = &bytes[first * BLOCK..];
        if sink.work < (count * BLOCK) as u64 || budget.is_over() {
            sink.work = 0;
            return text_at(arena, first * BLOCK);
        }
        sink.work -= (count * BLOCK) as u64;
        // One block more, for what triggers look ahead at; its own turn comes with the next window.
        engine.classify(
            window,
            rules.literals.filter(),
            &mut blocks[..count + 1],
            &mut literals[..count],
        );
        for i in 0..count {
            let (block, next) = (&blocks[i], &blocks[i + 1]);
            let triggers = Triggers::of(block, next, &carry, &rules.wanted);
            carry = Carry {
                digit: block.digit >> 63,
                word: block.word >> 63,
                dash: block.dash >> 63,
                colon: block.colon >> 63,
                equals: block.equals >> 63,
            };
            let rare = triggers.rare();
            let mut places = rare | triggers.separator | literals[i];
            while places != 0 {
                let bit = places & places.wrapping_neg();
                places &= places - 1;
                let at = (first + i) * BLOCK + bit.trailing_zeros() as usize;
                let Some((span, text)) = cursor.advance_to(at) else {
                    break;
                };
                if literals[i] & bit != 0 {
                    at_literal(rules, bytes, at, span, &text, sink);
                }
                let Some(local) = at.checked_sub(span.start as usize) else {
                    continue;
                };
                if triggers.separator & bit != 0 {
                    keys.at_separator(&text, local, 1, sink);
                }
                if rare & bit != 0 {
                    at_trigger(rules, &triggers, bit, local, span, &text, sink);
                }
                if sink.work == 0 {
                    return cursor.index;
                }
            }
        }
        first += count;
    }
    arena.spans().len()
}

/// The text that the byte at `at` lies in, or the next one.
fn text_at(arena: &Arena, at: usize) -> usize {
    arena.spans().partition_point(|s| s.end as usize <= at)
}

/// Everything that a trigger mask can mean but separators. Out of the scan's loop, which has no registers to spare.
#[inline(never)]
fn at_trigger(
    rules: &Rules,
    triggers: &Triggers,
    bit: u64,
    at: usize,
    span: &Span,
    text: &Text<'_>,
    sink: &mut Sink<'_>,
) {
    let keys = KeyValue {
        names: &rules.names,
        enabled: rules.enabled,
    };
    if triggers.pair & bit != 0 {
        keys.at_pair(text, at, sink);
    }
    if triggers.element & bit != 0 {
        keys.at_element(text, at, sink);
    }
    if triggers.scheme & bit != 0 {
        url::at_scheme(text, at, sink);
    }
    if triggers.card & bit != 0 {
        numbers::card(text, at, sink);
    }
    if triggers.percent & bit != 0
        && let Some(width) = encoded_separator(text, at)
    {
        keys.at_separator(text, at, width, sink);
    }
    if triggers.flag & bit != 0 {
        keys.at_flag(text, at, sink);
    }
    if triggers.ssn & bit != 0 {
        numbers::us_ssn(text, at, sink);
    }
    if triggers.iban & bit != 0 {
        numbers::iban(text, at, sink);
    }
    if triggers.email & bit != 0 {
        network::email(text, at, sink);
    }
    if triggers.ipv4 & bit != 0 {
        network::ipv4(text, at, sink);
    }
    if triggers.ipv6 & bit != 0 {
        network::ipv6(text, at, sink);
    }
    if triggers.digits & bit != 0 {
        let end = at
            + text.bytes[at..]
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count();
        for rule in rules.digit_rules().filter(|r| r.applies(span)) {
            rule.matches_near(text, at, end, sink);
        }
    }
}

/// The length of a percent-encoded `:` or `=` at `at`, encoded once or twice.
fn encoded_separator(text: &Text<'_>, at: usize) -> Option<usize> {
    let is_separator = |code: &[u8]| code[0] == b'3' && matches!(code[1] | 0x20, b'a' | b'd');
    match text.bytes.get(at + 1..at + 3)? {
        b"25" => text
            .bytes
            .get(at + 3..at + 5)
            .filter(|c| is_separator(c))
            .map(|_| 5),
        code => is_separator(code).then_some(3),
    }
}

/// A window of a literal begins at `at` in the arena.
#[inline(never)]
fn at_literal(
    rules: &Rules,
    bytes: &[u8],
    at: usize,
    span: &Span,
    text: &Text<'_>,
    sink: &mut Sink<'_>,
) {
    rules.literals.confirm(bytes, at, |target, place| {
        let Some(at) = place.checked_sub(span.start as usize) else {
            return;
        };
        match rules.targets[target as usize] {
            Target::Vendor(row) => {
                let id = rules.vendor_ids[row as usize];
                let end = vendor::check(text, row as usize, at, id, sink);
                if let Some(end) = end
                    && id == rules.aws_access_key
                    && rules.enabled.has(Detector::AwsSecretKey)
                {
                    authorization::aws_secret_near(text, end, sink);
                }
            }
            Target::Jwt => jwt::check(text, at, sink),
            Target::Bearer => authorization::bearer(text, at, sink),
            Target::Basic => authorization::basic(text, at, sink),
            Target::RestOfLine(skip) => authorization::rest_of_line(text, at + skip as usize, sink),
            Target::Begin(width) => private_key::begin(text, at, width as usize, sink),
            Target::End(width) => private_key::end(text, at, width as usize, sink),
            Target::Putty => private_key::putty(text, at, sink),
            Target::EncodedKey => private_key::encoded(text, at, sink),
            Target::SecretWord => entropy::beside_word(text, at, sink),
            Target::DriverAddress => url::at_driver_address(text, at, sink),
            Target::OracleUser(width) => url::at_oracle_user(text, at + width as usize, sink),
            Target::User(index) => {
                let rule = &rules.user[index as usize];
                if rule.applies(span) {
                    rule.matches_near(text, at, at, sink);
                }
            }
        }
    });
}

/// Numbers that a cut has shortened are too short for the triggers: the end of every cut text is looked at by itself.
fn cut_numbers(rules: &Rules, arena: &Arena, reached: usize, sink: &mut Sink<'_>) -> usize {
    for (index, span) in arena.spans().iter().enumerate().take(reached) {
        if !span.flags.cut {
            continue;
        }
        let Some(text) = text_of(arena, index) else {
            return index;
        };
        if sink.work == 0 {
            return index;
        }
        numbers::at_cut(&text, rules.enabled, sink);
    }
    reached
}

/// User rules that have no anchor look at every byte of every text, until their own budget is spent.
fn slow_lane(
    rules: &Rules,
    arena: &Arena,
    reached: usize,
    budget: &ScanBudget,
    sink: &mut Sink<'_>,
) -> usize {
    if !rules.user.iter().any(CompiledRule::is_slow) {
        return reached;
    }
    for (index, span) in arena.spans().iter().enumerate().take(reached) {
        let Some(text) = text_of(arena, index) else {
            return index;
        };
        if budget.is_over() {
            return index;
        }
        for rule in rules.user.iter().filter(|r| r.is_slow() && r.applies(span)) {
            if sink.work < text.bytes.len() as u64 {
                sink.work = 0;
                return index;
            }
            rule.matches_in(&text, sink);
        }
        if sink.work == 0 && !text.bytes.is_empty() {
            return index;
        }
    }
    reached
}
