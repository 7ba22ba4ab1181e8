//! Sizes and times with their units, read and shown.

use std::time::Duration;

/// A number of bytes: `300000`, `256 MiB`, `1.5GB`. Units are powers of 1024 whichever way they are written.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (digits, unit) = split_unit(text);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return None,
    };
    if let Ok(value) = digits.parse::<u64>() {
        return value.checked_mul(1 << shift);
    }
    let value: f64 = digits.parse().ok()?;
    let value = value * f64::from(1_u32 << shift);
    // Exact up to 2^53, far above every bound.
    (shift > 0 && (0.0..=9e15).contains(&value)).then_some(value.round() as u64)
}

/// A length of time: `2 ms`, `1.5s`, `10 min`; without a unit, seconds.
pub(super) fn time(text: &str) -> Option<Duration> {
    let (digits, unit) = split_unit(text);
    let seconds = match unit {
        "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
        "ms" => 1e-3,
        "" | "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    let value: f64 = digits.parse().ok()?;
    // Whole microseconds: nothing here is finer, and "0.7 ms" is then exactly that.
    let micros = (value * seconds * 1e6).round();
    (0.0..=9e15)
        .contains(&micros)
        .then(|| Duration::from_micros(micros as u64))
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+')))
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    (digits, unit.trim())
}

/// `256 MiB`: the largest unit that shows it exactly.
pub(super) fn show_bytes(value: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if value > 0 && value.is_multiple_of(1 << shift) {
            return format!("{} {unit}", value >> shift);
        }
    }
    format!("{value} B")
}

/// `10 min`: the largest unit that shows it exactly.
pub(super) fn show_time(value: Duration) -> String {
    let micros = value.as_micros();
    for (unit, name) in [
        (3_600_000_000, "h"),
        (60_000_000, "min"),
        (1_000_000, "s"),
        (1_000, "ms"),
    ] {
        if micros > 0 && micros.is_multiple_of(unit) {
            return format!("{} {name}", micros / unit);
        }
    }
    format!("{micros} us")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_have_units() {
        for (written, value) in [
            ("0", 0),
            ("300000", 300_000),
            ("256 MiB", 256 << 20),
            ("256mb", 256 << 20),
            ("1.5 GiB", 3 << 29),
            ("16k", 16 << 10),
            ("7 B", 7),
        ] {
            assert_eq!(bytes(written), Some(value), "{written}");
            assert_eq!(bytes(&show_bytes(value)), Some(value), "{written}");
        }
        for wrong in [
            "",
            "MiB",
            "-1",
            "1.5",
            "1 parsec",
            "nan",
            "inf",
            "99999999999 GiB",
            "1e400 MiB",
        ] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
        for (written, micros) in [
            ("2 ms", 2_000),
            ("0.7ms", 700),
            ("50 us", 50),
            ("1.5", 1_500_000),
            ("10 min", 600_000_000),
            ("1h", 3_600_000_000),
            ("0", 0),
        ] {
            let value = Duration::from_micros(micros);
            assert_eq!(time(written), Some(value), "{written}");
            assert_eq!(time(&show_time(value)), Some(value), "{written}");
        }
        for wrong in [
            "",
            "ms",
            "-1 s",
            "2 parsecs",
            "nan",
            "inf",
            "1e300 d",
            "2 2",
        ] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }
}
