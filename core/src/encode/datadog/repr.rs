//! Values as Python's `repr` writes them, up to a number of characters.

use std::fmt::Write;

use super::scalar::Bounded;
use crate::encode::text::{civil, magnitude};
use crate::tape::{TimeKind, TimeValue};

/// A string in quotes; a string that was cut has no closing one.
pub(in crate::encode) fn string(out: &mut Bounded<'_>, text: &str, cut: bool) {
    let quote = quote_of(text.as_bytes());
    out.push(quote);
    for character in text.chars() {
        if out.overflowed {
            return;
        }
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            _ if character == quote => out.extend_escaped(quote),
            ' '..='~' => out.push(character),
            _ => other(out, character),
        }
    }
    if cut {
        out.overflowed = true;
    } else {
        out.push(quote);
    }
}

/// Bytes in `b` and quotes; bytes that were cut have no closing one.
pub(in crate::encode) fn bytes(out: &mut Bounded<'_>, bytes: &[u8], cut: bool) {
    let quote = quote_of(bytes);
    out.push('b');
    out.push(quote);
    for &byte in bytes {
        if out.overflowed {
            return;
        }
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\\' => out.push_str("\\\\"),
            _ if char::from(byte) == quote => out.extend_escaped(quote),
            0x20..0x7f => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    if cut {
        out.overflowed = true;
    } else {
        out.push(quote);
    }
}

impl Bounded<'_> {
    fn extend_escaped(&mut self, character: char) {
        self.push('\\');
        self.push(character);
    }
}

/// Double quotes only where single ones would need escapes and double ones would not.
fn quote_of(text: &[u8]) -> char {
    if text.contains(&b'\'') && !text.contains(&b'"') {
        '"'
    } else {
        '\''
    }
}

fn other(out: &mut Bounded<'_>, character: char) {
    if is_printable(character) {
        return out.push(character);
    }
    let _ = match u32::from(character) {
        code @ 0..0x100 => write!(out, "\\x{code:02x}"),
        code @ 0x100..0x1_0000 => write!(out, "\\u{code:04x}"),
        code => write!(out, "\\U{code:08x}"),
    };
}

/// Whether a character beyond ASCII is shown as it is. The standard library decides by the same categories (other, separator) for
/// its own escapes; behind a letter it leaves combining marks alone, as Python does.
fn is_printable(character: char) -> bool {
    let mut buffer = [b'a', 0, 0, 0, 0];
    let length = character.encode_utf8(&mut buffer[1..]).len();
    let pair = std::str::from_utf8(&buffer[..=length]).unwrap_or_default();
    character != '\u{7f}' && pair.escape_debug().nth(1) == Some(character)
}

/// A value of which the walker gives the text, in the form of its type's `repr`.
pub(in crate::encode) fn rendered(out: &mut Bounded<'_>, type_name: &str, text: &str) {
    let short = type_name.rsplit('.').next().unwrap_or(type_name);
    match short {
        "Decimal" | "UUID" | "PosixPath" | "WindowsPath" | "PurePosixPath" | "PureWindowsPath"
        | "Path" | "IPv4Address" | "IPv6Address" => {
            out.push_str(short);
            out.push('(');
            string(out, text, false);
            out.push(')');
        }
        "Fraction" => {
            let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
            let _ = write!(out, "Fraction({numerator}, {denominator})");
        }
        "Pattern" => {
            out.push_str("re.compile(");
            string(out, text, false);
            out.push(')');
        }
        "type" | "ABCMeta" | "EnumType" | "EnumMeta" => {
            let _ = write!(out, "<class '{text}'>");
        }
        _ => out.push_str(text),
    }
}

/// `datetime.datetime(2026, 11, 20, 9, 30)` and the like.
pub(super) fn time(out: &mut Bounded<'_>, time: &TimeValue) {
    const DAY: i64 = 86_400;
    let micros = time.nanos / 1000;
    match time.kind {
        TimeKind::Date => {
            let (year, month, day) = civil(time.seconds.div_euclid(DAY));
            let _ = write!(out, "datetime.date({year}, {month}, {day})");
        }
        TimeKind::DateTime => {
            let (year, month, day) = civil(time.seconds.div_euclid(DAY));
            let _ = write!(out, "datetime.datetime({year}, {month}, {day}, ");
            clock(out, time.seconds.rem_euclid(DAY), micros);
            zone(out, time.offset);
            out.push(')');
        }
        TimeKind::TimeOfDay => {
            let (_, seconds, nanos) = magnitude(time.seconds, time.nanos);
            out.push_str("datetime.time(");
            clock(out, seconds, nanos / 1000);
            zone(out, time.offset);
            out.push(')');
        }
        TimeKind::Duration => {
            out.push_str("datetime.timedelta(");
            let parts = [
                ("days", time.seconds.div_euclid(DAY)),
                ("seconds", time.seconds.rem_euclid(DAY)),
                ("microseconds", micros.into()),
            ];
            let mut first = true;
            for (name, value) in parts.into_iter().filter(|(_, value)| *value != 0) {
                let comma = if std::mem::take(&mut first) { "" } else { ", " };
                let _ = write!(out, "{comma}{name}={value}");
            }
            out.push_str(if first { "0)" } else { ")" });
        }
    }
}

fn clock(out: &mut Bounded<'_>, seconds: i64, micros: u32) {
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let _ = match (second, micros) {
        (0, 0) => write!(out, "{hour}, {minute}"),
        (_, 0) => write!(out, "{hour}, {minute}, {second}"),
        _ => write!(out, "{hour}, {minute}, {second}, {micros}"),
    };
}

fn zone(out: &mut Bounded<'_>, offset: Option<i32>) {
    let _ = match offset {
        None => Ok(()),
        Some(0) => write!(out, ", tzinfo=datetime.timezone.utc"),
        Some(offset) => {
            let days = if offset < 0 { "days=-1, " } else { "" };
            let seconds = offset.rem_euclid(86_400);
            write!(
                out,
                ", tzinfo=datetime.timezone(datetime.timedelta({days}seconds={seconds}))"
            )
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Bounded<'_>)) -> String {
        let mut out = String::new();
        write(&mut Bounded::new(&mut out, 255));
        out
    }

    /// Expected text from CPython 3.11.
    #[test]
    fn strings() {
        for (value, repr) in [
            ("", "''"),
            ("abc", "'abc'"),
            ("it's", "\"it's\""),
            ("it's \"x\"", "'it\\'s \"x\"'"),
            ("\"", "'\"'"),
            ("a\n\r\t\\", "'a\\n\\r\\t\\\\'"),
            ("\0\x1f\x7f", "'\\x00\\x1f\\x7f'"),
            ("\u{80}\u{a0}\u{ad}", "'\\x80\\xa0\\xad'"),
            ("größe €", "'größe €'"),
            ("e\u{301}", "'e\u{301}'"),
            ("\u{301}", "'\u{301}'"),
            ("\u{200b}\u{2028}\u{feff}", "'\\u200b\\u2028\\ufeff'"),
            (
                "\u{1f600}\u{e000}\u{10ffff}",
                "'\u{1f600}\\ue000\\U0010ffff'",
            ),
        ] {
            assert_eq!(text(|out| string(out, value, false)), repr);
        }
        assert_eq!(text(|out| string(out, "abc", true)), "'abc");
    }

    #[test]
    fn byte_strings() {
        assert_eq!(
            text(|out| bytes(out, b"\x00\xffabc", false)),
            "b'\\x00\\xffabc'"
        );
        assert_eq!(text(|out| bytes(out, b"it's", false)), "b\"it's\"");
        assert_eq!(text(|out| bytes(out, b"\n'\"", false)), "b'\\n\\'\"'");
    }

    /// Whole with 253 characters between the quotes, cut with one more, as ddtrace does.
    #[test]
    fn the_bound_counts_characters_of_the_repr() {
        for (length, overflowed) in [(253, false), (254, true), (5000, true)] {
            let mut out = String::new();
            let mut bounded = Bounded::new(&mut out, 255);
            string(&mut bounded, &"ä".repeat(length), false);
            assert_eq!(bounded.overflowed, overflowed);
            assert_eq!(out.chars().count(), 255);
        }
    }

    #[test]
    fn values_with_a_text_of_their_own() {
        for (type_name, value, repr) in [
            ("decimal.Decimal", "19.90", "Decimal('19.90')"),
            ("fractions.Fraction", "1/3", "Fraction(1, 3)"),
            ("pathlib.PosixPath", "/a b", "PosixPath('/a b')"),
            ("re.Pattern", "a'b", "re.compile(\"a'b\")"),
            ("type", "shop.models.Order", "<class 'shop.models.Order'>"),
            ("complex", "(3+4j)", "(3+4j)"),
            ("shop.Color", "<Color.RED: 1>", "<Color.RED: 1>"),
        ] {
            assert_eq!(text(|out| rendered(out, type_name, value)), repr);
        }
    }

    /// Expected text from CPython 3.11.
    #[test]
    fn times() {
        let repr = |kind, seconds, nanos, offset| {
            text(|out| {
                time(
                    out,
                    &TimeValue {
                        kind,
                        seconds,
                        nanos,
                        offset,
                    },
                )
            })
        };
        let moment = |seconds, nanos, offset| repr(TimeKind::DateTime, seconds, nanos, offset);
        assert_eq!(moment(0, 0, None), "datetime.datetime(1970, 1, 1, 0, 0)");
        assert_eq!(
            moment(1_795_225_363, 250_000_000, Some(0)),
            "datetime.datetime(2026, 11, 21, 1, 42, 43, 250000, tzinfo=datetime.timezone.utc)"
        );
        assert_eq!(
            moment(59, 0, Some(-3600)),
            "datetime.datetime(1970, 1, 1, 0, 0, 59, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=82800)))"
        );
        assert_eq!(
            repr(TimeKind::Date, 0, 0, None),
            "datetime.date(1970, 1, 1)"
        );
        assert_eq!(
            repr(TimeKind::TimeOfDay, 34_200, 0, None),
            "datetime.time(9, 30)"
        );
        let span = |seconds, nanos| repr(TimeKind::Duration, seconds, nanos, None);
        assert_eq!(span(0, 0), "datetime.timedelta(0)");
        assert_eq!(
            span(86_405, 1000),
            "datetime.timedelta(days=1, seconds=5, microseconds=1)"
        );
        assert_eq!(span(-1, 0), "datetime.timedelta(days=-1, seconds=86399)");
        // Beyond what Python has.
        assert_eq!(
            repr(TimeKind::Date, i64::MIN, 0, None),
            "datetime.date(-292277022657, 1, 27)"
        );
    }
}
