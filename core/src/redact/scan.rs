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

use super::Rules;
use super::arena::{Arena, Span};
use super::budget::{ScanBudget, ScanOutcome};
use super::detect::keyvalue::KeyValue;
use super::detect::{
    Detector, Sink, Text, authorization, entropy, jwt, network, numbers, private_key, url, vendor,
};
use super::hit::{Hit, normalise};
use super::simd::{BLOCK, Block, Engine};
use super::targets::Target;
use super::triggers::{Carry, Triggers};
use super::user::CompiledRule;

/// Blocks per window.
const WINDOW: usize = 32;

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
            carry = Carry::out_of(block);
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
