//! Where in a block of 64 bytes something may begin: shifts and ands over its class masks.

use super::Rules;
use super::detect::Detector;
use super::simd::Block;

/// The classes at the end of the block before, as far as triggers look back.
#[derive(Clone, Copy, Default)]
pub(super) struct Carry {
    digit: u64,
    word: u64,
    dash: u64,
    colon: u64,
    equals: u64,
}

/// Where something may begin. One bit per place.
#[derive(Clone, Copy, Default)]
pub(super) struct Triggers {
    pub(super) card: u64,
    pub(super) ssn: u64,
    pub(super) iban: u64,
    pub(super) scheme: u64,
    pub(super) separator: u64,
    pub(super) element: u64,
    pub(super) percent: u64,
    pub(super) flag: u64,
    pub(super) pair: u64,
    pub(super) email: u64,
    pub(super) ipv4: u64,
    pub(super) ipv6: u64,
    pub(super) digits: u64,
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

impl Carry {
    /// What the block after this one has to know.
    #[inline(always)]
    pub(super) fn out_of(block: &Block) -> Carry {
        Carry {
            digit: block.digit >> 63,
            word: block.word >> 63,
            dash: block.dash >> 63,
            colon: block.colon >> 63,
            equals: block.equals >> 63,
        }
    }
}

impl Triggers {
    /// `next` is the block behind `b`.
    #[inline(always)]
    pub(super) fn of(b: &Block, next: &Block, carry: &Carry, wanted: &Wanted) -> Triggers {
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
    pub(super) fn rare(&self) -> u64 {
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
