//! Values as Python's `repr` writes them.

use stillframe_core::snapshot::Node;

use super::{Brackets, Look, Quotes, Rendered};
use crate::render::text;

/// Python's look.
pub(super) struct Python;

impl Look for Python {
    fn null(&self) -> &'static str {
        "None"
    }

    fn boolean(&self, value: bool) -> &'static str {
        if value { "True" } else { "False" }
    }

    fn float(&self, value: f64) -> String {
        let digits = format!("{value:e}");
        let Some((mantissa, exponent)) = digits.split_once('e') else {
            return digits;
        };
        match exponent.parse::<i32>() {
            Ok(exponent @ -4..16) => {
                let plain = format!("{value}");
                if exponent >= 0 && !plain.contains('.') {
                    format!("{plain}.0")
                } else {
                    plain
                }
            }
            Ok(exponent) => {
                let sign = if exponent < 0 { '-' } else { '+' };
                format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
            }
            Err(_) => digits,
        }
    }

    fn quotes(&self, text: &str, bytes: bool) -> Quotes {
        let double = text.contains('\'') && !text.contains('"');
        let (open, close) = match (bytes, double) {
            (false, false) => ("'", "'"),
            (false, true) => ("\"", "\""),
            (true, false) => ("b'", "'"),
            (true, true) => ("b\"", "\""),
        };
        Quotes { open, close, bytes }
    }

    fn escape(&self, c: char, quotes: &Quotes, out: &mut String) {
        if c == '\\' || quotes.close.starts_with(c) {
            out.push('\\');
            out.push(c);
        } else if text::is_printable(c) && (!quotes.bytes || c.is_ascii()) {
            out.push(c);
        } else {
            text::push_escape(out, c);
        }
    }

    fn rendered(&self, type_name: &str, text: &str) -> Rendered {
        let bare = match type_name {
            "int" | "float" | "complex" | "bool" | "range" | "ellipsis" => Some(text.to_owned()),
            // A word of the walker's own: a state, a shape, a data type.
            "str" => Some(text.to_owned()),
            "datetime.date" => date(text).map(|parts| format!("datetime.date({parts})")),
            "datetime.datetime" => {
                date_time(text).map(|parts| format!("datetime.datetime({parts})"))
            }
            "datetime.time" => time(text).map(|parts| format!("datetime.time({parts})")),
            "datetime.timedelta" => {
                duration(text).map(|parts| format!("datetime.timedelta({parts})"))
            }
            "fractions.Fraction" => Some(format!(
                "Fraction({})",
                text.split_once('/').map_or_else(
                    || text.to_owned(),
                    |(numerator, denominator)| format!("{numerator}, {denominator}"),
                )
            )),
            // Enum members, and what else brings its own brackets.
            _ if text.starts_with('<') && text.ends_with('>') => Some(text.to_owned()),
            _ if self.is_named(type_name) => Some(format!("<{} {text}>", kind_of(type_name))),
            _ => None,
        };
        bare.map_or(Rendered::Call, Rendered::Bare)
    }

    fn brackets(&self, node: &Node) -> Brackets {
        let type_name = node.type_name.as_deref().unwrap_or("object");
        let short = self.short_type(type_name);
        let plain = |open: &str, close, empty: &str| Brackets {
            open: open.to_owned(),
            close,
            empty: empty.to_owned(),
            single: if type_name == "tuple" { "," } else { "" },
        };
        let call = |open: &str, close| Brackets {
            open: format!("{short}({open}"),
            close,
            empty: format!("{short}()"),
            single: "",
        };
        match type_name {
            "list" => plain("[", "]", "[]"),
            "tuple" => plain("(", ")", "()"),
            "set" => plain("{", "}", "set()"),
            "dict" => plain("{", "}", "{}"),
            _ if node.elements.is_some() => {
                if type_name.ends_with("set") {
                    call("{", "})")
                } else {
                    call("[", "])")
                }
            }
            _ if node.entries.is_some() => call("{", "})"),
            _ => call("", ")"),
        }
    }

    fn is_text(&self, type_name: &str) -> bool {
        type_name == "str"
    }

    fn short_type<'t>(&self, type_name: &'t str) -> &'t str {
        // `module.outer.<locals>.Inner`
        type_name
            .rsplit('.')
            .next()
            .filter(|last| !last.is_empty())
            .unwrap_or(type_name)
    }

    fn is_named(&self, type_name: &str) -> bool {
        kind_of(type_name) != "class" || is_metaclass(type_name)
    }

    fn is_noise(&self, name: &str) -> bool {
        name.starts_with("__") && name.ends_with("__")
    }
}

/// What `<... name>` calls a value of which only its name is known.
fn kind_of(type_name: &str) -> &'static str {
    match type_name {
        "function" => "function",
        "method" | "method-wrapper" => "method",
        "builtin_function_or_method" | "wrapper_descriptor" | "method_descriptor" => "built-in",
        "module" => "module",
        _ => "class",
    }
}

/// Whether values of this type are classes.
fn is_metaclass(type_name: &str) -> bool {
    let last = type_name.rsplit('.').next().unwrap_or(type_name);
    last == "type" || last == "EnumType" || last.ends_with("Meta") || last.ends_with("Metaclass")
}

/// `P1DT2H30M` as `days=1, seconds=9000`; Python keeps no hours or minutes.
fn duration(text: &str) -> Option<String> {
    let (negative, text) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let (days, clock) = match text.strip_prefix('P')?.split_once('T') {
        Some((days, clock)) => (days, clock),
        None => (text.strip_prefix('P')?, ""),
    };
    let days = if days.is_empty() {
        0
    } else {
        days.strip_suffix('D')?.parse::<i64>().ok()?
    };
    let (mut seconds, mut micros, mut number) = (0_i64, 0_i64, String::new());
    for c in clock.chars() {
        let unit = match c {
            'H' => 3600,
            'M' => 60,
            'S' => 1,
            _ => {
                number.push(c);
                continue;
            }
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
        seconds += whole.parse::<i64>().ok()?.checked_mul(unit)?;
        let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
        micros = if fraction.is_empty() {
            micros
        } else {
            digits.parse().ok()?
        };
        number.clear();
    }
    let parts: Vec<String> = [
        ("days", days),
        ("seconds", seconds),
        ("microseconds", micros),
    ]
    .into_iter()
    .filter(|&(_, value)| value != 0)
    .map(|(name, value)| format!("{name}={}{value}", if negative { "-" } else { "" }))
    .collect();
    Some(if parts.is_empty() {
        "0".to_owned()
    } else {
        parts.join(", ")
    })
}

/// `2026-11-20` as `2026, 11, 20`.
fn date(text: &str) -> Option<String> {
    numbers(text, '-', 3)
}

/// `14:03:22.5` as `14, 3, 22, 500000`; what is zero at the end is left out, as Python does.
fn time(text: &str) -> Option<String> {
    let (clock, zone) = split_zone(text);
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = numbers(whole, ':', 3)?;
    if fraction.bytes().any(|byte| byte != b'0') {
        let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
        parts.push_str(&format!(", {}", micros.parse::<u32>().ok()?));
    } else if let Some(without_seconds) = parts.strip_suffix(", 0") {
        parts.truncate(without_seconds.len());
    }
    if let Some(zone) = zone {
        parts.push_str(&format!(", tzinfo={zone}"));
    }
    Some(parts)
}

/// `2026-11-20T14:03:22+01:00` as `2026, 11, 20, 14, 3, 22, tzinfo=+01:00`.
fn date_time(text: &str) -> Option<String> {
    let (day, clock) = text.split_once(['T', ' '])?;
    Some(format!("{}, {}", date(day)?, time(clock)?))
}

fn split_zone(clock: &str) -> (&str, Option<&str>) {
    if let Some(clock) = clock.strip_suffix('Z') {
        return (clock, Some("UTC"));
    }
    match clock.find(['+', '-']) {
        Some(at) if &clock[at + 1..] == "00:00" => (&clock[..at], Some("UTC")),
        Some(at) => (&clock[..at], Some(&clock[at..])),
        None => (clock, None),
    }
}

/// Numbers between separators, without leading zeros.
fn numbers(text: &str, separator: char, count: usize) -> Option<String> {
    let parts: Vec<String> = text
        .split(separator)
        .map(|part| part.parse::<u32>().ok().map(|number| number.to_string()))
        .collect::<Option<_>>()?;
    (parts.len() == count).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_those_of_repr() {
        for (value, repr) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (123_456.789, "123456.789"),
        ] {
            assert_eq!(Python.float(value), repr);
        }
    }

    #[test]
    fn what_has_a_name_is_told_from_what_has_a_value() {
        let bare = |type_name, text| match Python.rendered(type_name, text) {
            Rendered::Bare(text) => text,
            Rendered::Call => "a call".to_owned(),
        };
        assert_eq!(
            bare("function", "shop.views.checkout"),
            "<function shop.views.checkout>"
        );
        assert_eq!(bare("abc.ABCMeta", "shop.Cart"), "<class shop.Cart>");
        assert_eq!(bare("module", "flask"), "<module flask>");
        assert_eq!(bare("shop.Color", "<Color.RED: 1>"), "<Color.RED: 1>");
        assert_eq!(bare("fractions.Fraction", "1/3"), "Fraction(1, 3)");
        assert_eq!(bare("decimal.Decimal", "1.10"), "a call");
        assert!(Python.is_named("type") && !Python.is_named("shop.Prototype"));
    }

    #[test]
    fn times_are_written_as_their_constructors() {
        let bare = |type_name, text| match Python.rendered(type_name, text) {
            Rendered::Bare(text) => text,
            Rendered::Call => format!("call {text}"),
        };
        assert_eq!(
            bare("datetime.date", "2026-01-09"),
            "datetime.date(2026, 1, 9)"
        );
        for (text, repr) in [
            (
                "2026-11-20T14:03:22",
                "datetime.datetime(2026, 11, 20, 14, 3, 22)",
            ),
            (
                "2026-11-20T14:03:00",
                "datetime.datetime(2026, 11, 20, 14, 3)",
            ),
            (
                "2026-11-20T14:03:00.25",
                "datetime.datetime(2026, 11, 20, 14, 3, 0, 250000)",
            ),
            (
                "2026-11-20T14:03:22Z",
                "datetime.datetime(2026, 11, 20, 14, 3, 22, tzinfo=UTC)",
            ),
            (
                "2026-11-20T14:03:22-02:30",
                "datetime.datetime(2026, 11, 20, 14, 3, 22, tzinfo=-02:30)",
            ),
        ] {
            assert_eq!(bare("datetime.datetime", text), repr);
        }
        for (text, repr) in [
            ("PT0S", "datetime.timedelta(0)"),
            ("P3D", "datetime.timedelta(days=3)"),
            ("P1DT2H30M", "datetime.timedelta(days=1, seconds=9000)"),
            ("-PT0.250S", "datetime.timedelta(microseconds=-250000)"),
            ("PT1M", "datetime.timedelta(seconds=60)"),
            ("nonsense", "call nonsense"),
        ] {
            assert_eq!(bare("datetime.timedelta", text), repr);
        }
        assert_eq!(bare("datetime.time", "14:03:00"), "datetime.time(14, 3)");
        assert_eq!(bare("datetime.date", "not a date"), "call not a date");
    }
}
