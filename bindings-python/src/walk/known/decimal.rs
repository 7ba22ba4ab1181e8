//! `decimal.Decimal`: coefficient in words of 19 decimal digits, sign, exponent.

use super::super::object::Obj;

/// `mpd_t` inside a `Decimal`, the same in all versions.
const FLAGS: usize = 24;
const EXPONENT: usize = 32;
const DIGITS: usize = 40;
const WORDS: usize = 48;
const ALLOCATED: usize = 56;
const DATA: usize = 64;

const NEGATIVE: u8 = 1;
const INFINITE: u8 = 2;
const NAN: u8 = 4;
const SIGNALING: u8 = 8;

const WORD_DIGITS: usize = 19;
const WORD_BASE: u64 = 10_u64.pow(19);
/// Words that are looked at: about 1,000 digits.
const MAX_WORDS: usize = 54;

/// What `str()` gives; digits beyond the first thousand are left out and told by dots.
pub(super) fn text(object: Obj<'_>) -> Option<String> {
    // SAFETY: a Decimal made in C of at least this size (checked with the type) begins so.
    let (flags, exponent, digits, words, allocated, data) = unsafe {
        (
            object.read::<u8>(FLAGS),
            object.read::<i64>(EXPONENT),
            object.read::<i64>(DIGITS),
            object.read::<usize>(WORDS),
            object.read::<usize>(ALLOCATED),
            object.read::<*const u64>(DATA),
        )
    };
    let sign = if flags & NEGATIVE != 0 { "-" } else { "" };
    if flags & INFINITE != 0 {
        return Some(format!("{sign}Infinity"));
    }
    if flags & (NAN | SIGNALING) != 0 {
        let signaling = if flags & SIGNALING != 0 { "s" } else { "" };
        return Some(format!("{sign}{signaling}NaN"));
    }
    let digits = usize::try_from(digits).ok()?;
    if data.is_null() || words == 0 || words > allocated || digits.div_ceil(WORD_DIGITS) != words {
        return None;
    }
    let kept = words.min(MAX_WORDS);
    // SAFETY: the coefficient is `words` words long; the most significant come last.
    let top = unsafe { std::slice::from_raw_parts(data.add(words - kept), kept) };
    if top.iter().any(|&word| word >= WORD_BASE) {
        return None;
    }
    let (last, rest) = top.split_last()?;
    let mut coefficient = last.to_string();
    for word in rest.iter().rev() {
        coefficient += &format!("{word:019}");
    }
    let whole = digits == coefficient.len();
    let more = if whole { "" } else { "..." };
    Some(sign.to_owned() + &place_point(&coefficient, exponent, digits, more))
}

/// The specification's to-scientific-string.
fn place_point(coefficient: &str, exponent: i64, digits: usize, more: &str) -> String {
    let left = i64::try_from(digits)
        .unwrap_or(i64::MAX)
        .saturating_add(exponent);
    if exponent <= 0 && left > -6 {
        return match usize::try_from(left) {
            Ok(left) if left > 0 => match coefficient.get(left..) {
                None | Some("") => format!("{coefficient}{more}"),
                Some(fraction) => format!("{}.{fraction}{more}", &coefficient[..left]),
            },
            _ => {
                let zeros = "0".repeat(usize::try_from(-left).unwrap_or(0));
                format!("0.{zeros}{coefficient}{more}")
            }
        };
    }
    let (first, rest) = coefficient.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    format!("{first}{point}{rest}{more}E{:+}", left - 1)
}

#[cfg(test)]
mod tests {
    use super::place_point;

    #[test]
    fn as_the_specification_says() {
        let text =
            |coefficient: &str, exponent| place_point(coefficient, exponent, coefficient.len(), "");
        assert_eq!(text("1990", -2), "19.90");
        assert_eq!(text("1", -7), "1E-7");
        assert_eq!(text("1", -6), "0.000001");
        assert_eq!(text("123", 0), "123");
        assert_eq!(text("123", 2), "1.23E+4");
        assert_eq!(text("0", 3), "0E+3");
        assert_eq!(text("0", -3), "0.000");
    }
}
