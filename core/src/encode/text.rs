//! Values that are written as text though they are none: times, bytes, big integers, floats that JSON has no number for.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::language::Language;
use crate::tape::{BigInt, Text, TimeKind, TimeValue};

const SECONDS_PER_DAY: i64 = 86_400;

/// Shown text, and its true length if less is shown.
pub(super) struct Shown<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) cut_from: Option<u32>,
    pub(super) lossy: bool,
}

impl<'a> Shown<'a> {
    #[inline]
    pub(super) fn of(text: &Text<'a>, language: Language) -> Self {
        match text.as_utf8() {
            Some(shown) => Self {
                text: Cow::Borrowed(shown),
                cut_from: cut_from(text, shown, language),
                lossy: text.flagged_lossy(),
            },
            None => Self::decoded(text, language),
        }
    }

    #[cold]
    fn decoded(text: &Text<'a>, language: Language) -> Self {
        let shown = text.shown();
        Self {
            cut_from: cut_from(text, &shown, language),
            // What is not UTF-8 on the tape may turn out to be no Unicode only when it is decoded.
            lossy: text.flagged_lossy() || shown.contains(char::REPLACEMENT_CHARACTER),
            text: shown,
        }
    }
}

/// The length before cutting, if it was cut, in characters of the host's string type.
#[inline]
fn cut_from(text: &Text<'_>, shown: &str, language: Language) -> Option<u32> {
    if text.is_whole_form() {
        return None;
    }
    let total = text.total() as usize;
    // A character takes at least one byte, so fewer bytes than characters in all means cut. The reverse needs counting,
    // except for ASCII.
    let length = match language {
        _ if shown.len() < total || shown.is_ascii() => shown.len(),
        Language::Java | Language::Dotnet => shown.encode_utf16().count(),
        _ => shown.chars().count(),
    };
    (length < total).then_some(total as u32)
}

/// A name for a number that JSON has none for.
pub(super) const fn non_finite(value: f64) -> Option<&'static str> {
    if value.is_finite() {
        None
    } else if value.is_nan() {
        Some("nan")
    } else if value > 0.0 {
        Some("inf")
    } else {
        Some("-inf")
    }
}

/// A big integer in decimal if the tape has all of it, else as `≈0x<head>… (<bits> bits)`.
pub(super) fn big(out: &mut String, value: &BigInt<'_>) {
    if value.negative {
        out.push('-');
    }
    // Writing to a string does not fail.
    let _ = match value.exact() {
        Some(magnitude) => write!(out, "{magnitude}"),
        None => {
            out.push_str("0x");
            for byte in value.head {
                let _ = write!(out, "{byte:02x}");
            }
            write!(out, "… ({} bits)", value.bits)
        }
    };
}

/// A time in the form of ISO 8601.
///
/// `2026-11-20T09:30:00.250+01:00`, `2026-11-20`, `09:30:00.000001`, `P1DT2H30M`. The fraction has 0, 3, 6 or 9 digits; years
/// outside 0 to 9999 have a sign and as many digits as they need; a time of day beyond one day keeps counting hours.
pub(super) fn time(out: &mut String, time: &TimeValue) {
    let seconds = time.seconds;
    match time.kind {
        TimeKind::DateTime => {
            date(out, seconds.div_euclid(SECONDS_PER_DAY));
            out.push('T');
            clock(out, seconds.rem_euclid(SECONDS_PER_DAY), time.nanos);
        }
        TimeKind::Date => date(out, seconds.div_euclid(SECONDS_PER_DAY)),
        TimeKind::TimeOfDay => {
            let (negative, seconds, nanos) = magnitude(seconds, time.nanos);
            if negative {
                out.push('-');
            }
            clock(out, seconds, nanos);
        }
        TimeKind::Duration => duration(out, seconds, time.nanos),
    }
    if let Some(offset) = time.offset {
        zone(out, offset);
    }
}

/// Sign, whole seconds and nanoseconds of `seconds + nanos`, where nanoseconds count upwards also below zero.
pub(super) fn magnitude(seconds: i64, nanos: u32) -> (bool, i64, u32) {
    match (seconds, nanos) {
        (0.., _) => (false, seconds, nanos),
        (_, 0) => (true, seconds.saturating_neg(), 0),
        _ => (true, -(seconds + 1), 1_000_000_000 - nanos),
    }
}

/// Year, month and day of a number of days since 1970-01-01 in the proleptic Gregorian calendar (after Howard Hinnant's
/// `civil_from_days`: a year that begins in March has its leap day at the end).
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_PER_ERA: i64 = 146_097;
    let days = days + 719_468;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn date(out: &mut String, days: i64) {
    let (year, month, day) = civil(days);
    let _ = match year {
        0..=9999 => write!(out, "{year:04}-{month:02}-{day:02}"),
        _ => write!(out, "{year:+05}-{month:02}-{day:02}"),
    };
}

fn clock(out: &mut String, seconds: i64, nanos: u32) {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let _ = write!(out, "{hours:02}:{minutes:02}:{seconds:02}");
    fraction(out, nanos);
}

fn fraction(out: &mut String, nanos: u32) {
    let _ = match nanos {
        0 => Ok(()),
        _ if nanos.is_multiple_of(1_000_000) => write!(out, ".{:03}", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1000) => write!(out, ".{:06}", nanos / 1000),
        _ => write!(out, ".{nanos:09}"),
    };
}

fn zone(out: &mut String, offset: i32) {
    let sign = if offset < 0 { '-' } else { '+' };
    let offset = offset.unsigned_abs();
    let _ = write!(out, "{sign}{:02}:{:02}", offset / 3600, offset / 60 % 60);
    if !offset.is_multiple_of(60) {
        let _ = write!(out, ":{:02}", offset % 60);
    }
}

fn duration(out: &mut String, seconds: i64, nanos: u32) {
    let (negative, seconds, nanos) = magnitude(seconds, nanos);
    out.push_str(if negative { "-P" } else { "P" });
    let (days, rest) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY);
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    if days > 0 {
        let _ = write!(out, "{days}D");
    }
    if days > 0 && rest == 0 && nanos == 0 {
        return;
    }
    out.push('T');
    if hours > 0 {
        let _ = write!(out, "{hours}H");
    }
    if minutes > 0 {
        let _ = write!(out, "{minutes}M");
    }
    if seconds > 0 || nanos > 0 || (hours == 0 && minutes == 0) {
        let _ = write!(out, "{seconds}");
        fraction(out, nanos);
        out.push('S');
    }
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BytesForm {
    /// Printable ASCII as it is, the rest as `\n`, `\r`, `\t`, `\\` or `\xNN`.
    Escaped,
    /// Base64 with padding.
    Base64,
}

impl BytesForm {
    /// Escaped text if at least three of four bytes are printable or white space.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let printable = |byte: &&u8| matches!(byte, 0x20..0x7f | b'\n' | b'\r' | b'\t');
        let count = bytes.iter().filter(printable).count();
        if count * 4 >= bytes.len() * 3 {
            Self::Escaped
        } else {
            Self::Base64
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Escaped => "escaped",
            Self::Base64 => "base64",
        }
    }

    pub(super) fn write(self, out: &mut String, bytes: &[u8]) {
        match self {
            Self::Escaped => bytes.iter().for_each(|&byte| escaped_byte(out, byte)),
            Self::Base64 => base64(out, bytes),
        }
    }
}

/// A byte of binary data as Python and others write it inside quotes.
pub(super) fn escaped_byte(out: &mut String, byte: u8) {
    match byte {
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        b'\\' => out.push_str("\\\\"),
        0x20..0x7f => out.push(char::from(byte)),
        _ => {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
}

fn base64(out: &mut String, bytes: &[u8]) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = (at(0) << 16) | (at(1) << 8) | at(2);
        for index in 0..4 {
            let digit = (group >> (18 - 6 * index)) & 63;
            let padding = index > chunk.len();
            out.push(if padding {
                '='
            } else {
                char::from(ALPHABET[digit as usize])
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time_text(kind: TimeKind, seconds: i64, nanos: u32, offset: Option<i32>) -> String {
        let mut out = String::new();
        time(
            &mut out,
            &TimeValue {
                kind,
                seconds,
                nanos,
                offset,
            },
        );
        out
    }

    #[test]
    fn times_as_iso_8601() {
        let moment = |seconds, nanos, offset| time_text(TimeKind::DateTime, seconds, nanos, offset);
        assert_eq!(moment(0, 0, None), "1970-01-01T00:00:00");
        assert_eq!(moment(-1, 0, Some(0)), "1969-12-31T23:59:59+00:00");
        assert_eq!(
            moment(951_782_400, 250_000_000, Some(3600)),
            "2000-02-29T00:00:00.250+01:00"
        );
        assert_eq!(
            moment(1_795_225_363, 1000, Some(-12_645)),
            "2026-11-21T01:42:43.000001-03:30:45"
        );
        assert_eq!(
            moment(253_402_300_800, 1, None),
            "+10000-01-01T00:00:00.000000001"
        );
        assert_eq!(moment(-62_167_219_201, 0, None), "-0001-12-31T23:59:59");
        assert_eq!(
            time_text(TimeKind::Date, 86_400 * 59, 0, None),
            "1970-03-01"
        );
        let of_day = |seconds, nanos| time_text(TimeKind::TimeOfDay, seconds, nanos, None);
        assert_eq!(of_day(86_399, 999_999_999), "23:59:59.999999999");
        assert_eq!(of_day(90_000, 0), "25:00:00");
        assert_eq!(of_day(-1, 500_000_000), "-00:00:00.500");
    }

    #[test]
    fn durations_as_iso_8601() {
        let span = |seconds, nanos| time_text(TimeKind::Duration, seconds, nanos, None);
        for (seconds, nanos, text) in [
            (0, 0, "PT0S"),
            (5, 0, "PT5S"),
            (60, 0, "PT1M"),
            (3600, 0, "PT1H"),
            (86_400, 0, "P1D"),
            (86_400, 1, "P1DT0.000000001S"),
            (95_405, 20_000_000, "P1DT2H30M5.020S"),
            (-1, 500_000_000, "-PT0.500S"),
            (-60, 0, "-PT1M"),
            (86_460, 0, "P1DT1M"),
        ] {
            assert_eq!(span(seconds, nanos), text);
        }
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        for kind in [
            TimeKind::DateTime,
            TimeKind::Date,
            TimeKind::TimeOfDay,
            TimeKind::Duration,
        ] {
            for seconds in [i64::MIN, i64::MIN + 1, i64::MAX] {
                for offset in [None, Some(i32::MIN + 1), Some(i32::MAX)] {
                    assert!(!time_text(kind, seconds, 999_999_999, offset).is_empty());
                    assert!(!time_text(kind, seconds, 0, offset).is_empty());
                }
            }
        }
    }

    #[test]
    fn bytes_in_the_form_that_reads_best() {
        let text = |bytes: &[u8]| {
            let form = BytesForm::of(bytes);
            let mut out = String::new();
            form.write(&mut out, bytes);
            (form.as_str(), out)
        };
        assert_eq!(text(b""), ("escaped", String::new()));
        assert_eq!(
            text(b"GET /\r\n\t\\\x07\""),
            ("escaped", "GET /\\r\\n\\t\\\\\\x07\"".into())
        );
        assert_eq!(text(b"\x00\xff"), ("base64", "AP8=".into()));
        assert_eq!(text(b"\x00\xffabc"), ("base64", "AP9hYmM=".into()));
        assert_eq!(text(b"\x00\xff\x80"), ("base64", "AP+A".into()));
        assert_eq!(text(b"\x89PNG"), ("escaped", "\\x89PNG".into()));
        assert_eq!(text(b"\xfb"), ("base64", "+w==".into()));
    }

    #[test]
    fn big_integers_whole_and_not() {
        let text = |negative, bits, head: &[u8]| {
            let mut out = String::new();
            big(
                &mut out,
                &BigInt {
                    negative,
                    bits,
                    head,
                },
            );
            out
        };
        assert_eq!(
            text(false, 128, &[0xff; 16]),
            "340282366920938463463374607431768211455"
        );
        assert_eq!(
            text(true, 65, &[1, 0, 0, 0, 0, 0, 0, 0, 0]),
            "-18446744073709551616"
        );
        let head = [0x80, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        assert_eq!(
            text(true, 4000, &head),
            "-0x800102030405060708090a0b0c0d0e0f… (4000 bits)"
        );
    }
}
