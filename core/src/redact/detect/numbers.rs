//! Numbers with a check digit or a fixed shape: payment cards, IBAN, US social security numbers.

use super::{ByteSet, Detector, Enabled, Sink, Text};

/// Issuer prefixes: first and last value of the leading digits, how many digits that is, and which lengths exist.
#[rustfmt::skip]
const ISSUERS: [(u32, u32, u32, &[usize]); 17] = [
    (4, 4, 1, &[13, 16, 19]),                      // Visa
    (51, 55, 2, &[16]),                            // Mastercard
    (2221, 2720, 4, &[16]),                        // Mastercard
    (34, 34, 2, &[15]), (37, 37, 2, &[15]),        // American Express
    (6011, 6011, 4, &[16, 17, 18, 19]),            // Discover
    (644, 659, 3, &[16, 17, 18, 19]),              // Discover
    (3528, 3589, 4, &[16, 17, 18, 19]),            // JCB
    (300, 305, 3, &[14, 15, 16, 17, 18, 19]),      // Diners Club
    (3095, 3095, 4, &[14, 15, 16, 17, 18, 19]),    // Diners Club
    (36, 36, 2, &[14, 15, 16, 17, 18, 19]),        // Diners Club
    (38, 39, 2, &[14, 15, 16, 17, 18, 19]),        // Diners Club
    (62, 62, 2, &[16, 17, 18, 19]),                // UnionPay
    (81, 82, 2, &[16]),                            // RuPay
    (2200, 2204, 4, &[16, 17, 18, 19]),            // Mir
    (5018, 5038, 4, &[13, 14, 15, 16, 17, 18, 19]),// Maestro
    (6759, 6763, 4, &[13, 14, 15, 16, 17, 18, 19]),// Maestro
];

const DIGIT: ByteSet = ByteSet::ranges(b"09", b"");

/// The most digit groups a card number is written in.
const MAX_GROUPS: usize = 7;

/// A digit at `at` that begins a group, with more digits, dashes and spaces behind it.
///
/// Tried from this group on only: the scan calls for every group that could begin a card, so a number that is rejected
/// never hides one that begins in its second group.
pub(in crate::redact) fn card(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let mut digits = [0u8; 19];
    let mut len = 0;
    let mut end = at;
    let mut best = None;
    let mut separator = 0;
    for group in 0..MAX_GROUPS {
        let stop = DIGIT.run(t, end, 20);
        let width = stop - end;
        if len + width > digits.len() {
            break;
        }
        digits[len..len + width].copy_from_slice(&t[end..stop]);
        len += width;
        end = stop;
        // Written in groups, a card begins with four digits; a date or a phone number does not.
        if group == 0 && width != 4 && width < 13 && !text.runs_into_cut(end) {
            sink.charge(width);
            return;
        }
        if is_card(&digits[..len]) {
            best = Some(end);
        }
        if text.runs_into_cut(end) && could_become_card(&digits[..len]) {
            best = Some(end);
        }
        let next = text.at(end);
        let follows = DIGIT.has(text.at(end + 1));
        let more = matches!(next, b' ' | b'-') && (separator == 0 || next == separator) && follows;
        if !more || (group > 0 && width < 3) {
            break;
        }
        separator = next;
        end += 1;
    }
    sink.charge(end - at);
    if let Some(end) = best
        && stands_alone(text, at, end)
    {
        sink.emit(text, at, end, Detector::PaymentCard);
    }
}

/// Not the fraction or the digits of a float, an international phone number, or part of a hexadecimal digest or UUID.
fn stands_alone(text: &Text<'_>, start: usize, end: usize) -> bool {
    let t = text.bytes;
    let fraction = text.before(start) == b'.' && start >= 2 && DIGIT.has(t[start - 2]);
    let phone = text.before(start) == b'+';
    let exponent = matches!(text.at(end), b'e' | b'E')
        && matches!(text.at(end + 1), b'+' | b'-' | b'0'..=b'9');
    if fraction || phone || exponent {
        return false;
    }
    const HEX_DASH: ByteSet = ByteSet::ranges(b"09AFaf", b"-");
    let glued = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    if !glued(text.before(start)) && !glued(text.at(end)) {
        return true;
    }
    let first = HEX_DASH.run_back(t, start, 40);
    let last = HEX_DASH.run(t, end, 40);
    let letters = t[first..last].iter().any(u8::is_ascii_alphabetic);
    !(letters && last - first >= 24)
}

fn issuer_fits(digits: &[u8], length: impl Fn(&[usize]) -> bool) -> bool {
    ISSUERS.iter().any(|&(first, last, places, lengths)| {
        let Some(prefix) = digits.get(..places as usize) else {
            return false;
        };
        let number = prefix.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
        (first..=last).contains(&number) && length(lengths)
    })
}

fn is_card(digits: &[u8]) -> bool {
    digits.len() >= 13 && issuer_fits(digits, |l| l.contains(&digits.len())) && luhn(digits)
}

/// Seven digits or more of a number that the cut took the end of.
fn could_become_card(digits: &[u8]) -> bool {
    digits.len() >= 7 && issuer_fits(digits, |l| l.iter().any(|&n| n > digits.len()))
}

/// The Luhn check over ASCII digits; other bytes are ignored.
pub(in crate::redact) fn luhn(digits: &[u8]) -> bool {
    let mut sum = 0u32;
    let values = digits.iter().rev().filter(|b| b.is_ascii_digit());
    for (i, digit) in values.enumerate() {
        let value = u32::from(digit - b'0') << (i & 1);
        sum += if value > 9 { value - 9 } else { value };
    }
    sum > 0 && sum.is_multiple_of(10)
}

/// Length of an IBAN by country.
#[rustfmt::skip]
const IBAN_LENGTHS: [(&[u8; 2], usize); 89] = [
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16),
    (b"BG", 22), (b"BH", 22), (b"BI", 27), (b"BR", 29), (b"BY", 28), (b"CH", 21), (b"CR", 22),
    (b"CY", 28), (b"CZ", 24), (b"DE", 22), (b"DJ", 27), (b"DK", 18), (b"DO", 28), (b"EE", 20),
    (b"EG", 29), (b"ES", 24), (b"FI", 18), (b"FK", 18), (b"FO", 18), (b"FR", 27), (b"GB", 22),
    (b"GE", 22), (b"GI", 23), (b"GL", 18), (b"GR", 27), (b"GT", 28), (b"HN", 28), (b"HR", 21),
    (b"HU", 28), (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IS", 26), (b"IT", 27), (b"JO", 30),
    (b"KW", 30), (b"KZ", 20), (b"LB", 28), (b"LC", 32), (b"LI", 21), (b"LT", 20), (b"LU", 20),
    (b"LV", 21), (b"LY", 25), (b"MC", 27), (b"MD", 24), (b"ME", 22), (b"MK", 19), (b"MN", 20),
    (b"MR", 27), (b"MT", 31), (b"MU", 30), (b"NI", 28), (b"NL", 18), (b"NO", 15), (b"OM", 23),
    (b"PK", 24), (b"PL", 28), (b"PS", 29), (b"PT", 25), (b"QA", 29), (b"RO", 24), (b"RS", 22),
    (b"RU", 33), (b"SA", 24), (b"SC", 31), (b"SD", 18), (b"SE", 24), (b"SI", 19), (b"SK", 24),
    (b"SM", 27), (b"SO", 23), (b"ST", 25), (b"SV", 28), (b"TL", 23), (b"TN", 24), (b"TR", 26),
    (b"UA", 29), (b"VA", 22), (b"VG", 24), (b"XK", 20), (b"YE", 30),
];

/// Two capitals and two digits at `at`, not inside a word.
pub(in crate::redact) fn iban(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let t = text.bytes;
    let Some(&wanted) = IBAN_LENGTHS
        .iter()
        .find(|(c, _)| t[at..].starts_with(*c))
        .map(|(_, n)| n)
    else {
        return;
    };
    let mut letters = [0u8; 34];
    let mut len = 0;
    let mut end = at;
    while end < t.len() && len < wanted {
        match t[end] {
            byte if ByteSet::UPPER_DIGIT.has(byte) => {
                letters[len] = byte;
                len += 1;
            }
            b' ' | b'-' if ByteSet::UPPER_DIGIT.has(text.at(end + 1)) && len % 4 == 0 => {}
            _ => break,
        }
        end += 1;
    }
    sink.charge(end - at);
    let cut = text.runs_into_cut(end) && len >= 8;
    let whole = len == wanted && !ByteSet::ALNUM.has(text.at(end)) && mod97(&letters[..len]);
    if whole || (cut && len < wanted) {
        sink.emit(text, at, end, Detector::Iban);
    }
}

/// ISO 7064 mod 97-10 over ASCII letters and digits, the first four moved to the end; other bytes are ignored.
pub(in crate::redact) fn mod97(code: &[u8]) -> bool {
    let plain = || code.iter().filter(|b| b.is_ascii_alphanumeric());
    if plain().count() < 5 {
        return false;
    }
    let rotated = plain().skip(4).chain(plain().take(4));
    let remainder = rotated.fold(0u32, |r, b| match b {
        b'0'..=b'9' => (r * 10 + u32::from(b - b'0')) % 97,
        _ => (r * 100 + u32::from(b.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    remainder == 1
}

/// The Verhoeff check over ASCII digits; other bytes are ignored.
pub(in crate::redact) fn verhoeff(code: &[u8]) -> bool {
    const MULTIPLY: [[u8; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    const PERMUTE: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut check = 0u8;
    let digits = || code.iter().rev().filter(|b| b.is_ascii_digit());
    for (i, digit) in digits().enumerate() {
        let permuted = (0..i % 8).fold(digit - b'0', |d, _| PERMUTE[d as usize]);
        check = MULTIPLY[check as usize][permuted as usize];
    }
    check == 0 && digits().next().is_some()
}

/// `ddd-dd-dddd` at `at`, not inside a word.
pub(in crate::redact) fn us_ssn(text: &Text<'_>, at: usize, sink: &mut Sink<'_>) {
    let Some(number) = text.bytes.get(at..at + 11) else {
        return;
    };
    sink.charge(11);
    let dash_before = text.before(at) == b'-' && at >= 2 && DIGIT.has(text.bytes[at - 2]);
    let dash_after = text.at(at + 11) == b'-' && DIGIT.has(text.at(at + 12));
    let (area, group, serial) = (&number[..3], &number[4..6], &number[7..]);
    let real =
        area != b"000" && area != b"666" && area[0] != b'9' && group != b"00" && serial != b"0000";
    if real && !dash_before && !dash_after {
        sink.emit(text, at, at + 11, Detector::UsSsn);
    }
}

/// The end of a cut text: digits that may be the beginning of a card or a social security number.
pub(in crate::redact) fn at_cut(text: &Text<'_>, enabled: Enabled, sink: &mut Sink<'_>) {
    const NUMBER: ByteSet = ByteSet::ranges(b"09", b"- ");
    let t = text.bytes;
    let start = NUMBER.run_back(t, t.len(), 26);
    sink.charge(t.len() - start);
    if enabled.has(Detector::PaymentCard) {
        let begins = |at: &usize| DIGIT.has(text.at(*at)) && !DIGIT.has(text.before(*at));
        for at in (start..t.len()).filter(begins) {
            card(text, at, sink);
        }
    }
    // `ddd-dd-`: from seven characters on.
    let at = ByteSet::ranges(b"09", b"-").run_back(t, t.len(), 11);
    let tail = &t[at..];
    let partial = (7..11).contains(&tail.len()) && !ByteSet::WORD.has(text.before(at));
    if enabled.has(Detector::UsSsn) && partial {
        let fits = |(&byte, &shape): (&u8, &u8)| {
            if shape == b'd' {
                DIGIT.has(byte)
            } else {
                byte == shape
            }
        };
        if tail.iter().zip(b"ddd-dd-dddd").all(fits) {
            sink.emit(text, at, t.len(), Detector::UsSsn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits() {
        assert!(luhn(b"4111111111111111"));
        assert!(luhn(b"4111 1111 1111 1111"));
        assert!(!luhn(b"4111111111111112"));
        assert!(!luhn(b"0000000000000000"));
        assert!(!luhn(b""));
        assert!(mod97(b"GB82WEST12345698765432"));
        assert!(!mod97(b"GB82WEST12345698765431"));
        assert!(!mod97(b""));
        assert!(verhoeff(b"2363"));
        assert!(verhoeff(b"2 3 6 3"));
        assert!(!verhoeff(b"2364"));
        assert!(!verhoeff(b""));
    }

    #[test]
    fn every_country_is_listed_once_in_order() {
        assert!(IBAN_LENGTHS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(IBAN_LENGTHS.iter().all(|&(_, n)| n <= 34));
    }
}
