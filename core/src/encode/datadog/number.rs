//! Floats as the languages print them.

use std::fmt::Write;
use std::io::Write as _;

use super::Dialect;

impl Dialect {
    /// A float as the language prints it; `single` for one of 32 bits.
    pub(super) fn float(self, out: &mut impl Write, value: f64, single: bool) {
        if !value.is_finite() {
            let words = match self {
                Self::Python | Self::Native => ["nan", "inf", "-inf"],
                Self::Java | Self::Dotnet => ["NaN", "Infinity", "-Infinity"],
            };
            let word = match (value.is_nan(), value > 0.0) {
                (true, _) => words[0],
                (false, true) => words[1],
                (false, false) => words[2],
            };
            let _ = out.write_str(word);
            return;
        }
        // Rust's own form has the shortest digits that read back as the same number, as those of all three languages do; with sign,
        // point and exponent at most 25 characters.
        let mut buffer = [0; 32];
        let mut rest = &mut buffer[..];
        let _ = if single {
            write!(rest, "{:e}", value as f32)
        } else {
            write!(rest, "{value:e}")
        };
        let unused = rest.len();
        let text = std::str::from_utf8(&buffer[..buffer.len() - unused]).unwrap_or_default();
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let plain = match self {
            Self::Python | Self::Native => -4..16,
            Self::Java => -3..7,
            Self::Dotnet => -4..if single { 7 } else { 15 },
        };
        let _ = if value == 0.0 || plain.contains(&exponent) {
            positional(out, mantissa, exponent, self != Self::Dotnet)
        } else {
            self.scientific(out, mantissa, exponent)
        };
    }

    fn scientific(self, out: &mut impl Write, mantissa: &str, exponent: i32) -> std::fmt::Result {
        let sign = if exponent < 0 { '-' } else { '+' };
        let size = exponent.unsigned_abs();
        match self {
            Self::Python | Self::Native => write!(out, "{mantissa}e{sign}{size:02}"),
            Self::Dotnet => write!(out, "{mantissa}E{sign}{size:02}"),
            Self::Java if mantissa.contains('.') => write!(out, "{mantissa}E{exponent}"),
            Self::Java => write!(out, "{mantissa}.0E{exponent}"),
        }
    }
}

/// Digits with the point in its place; `.0` behind a whole number if `point`.
fn positional(
    out: &mut impl Write,
    mantissa: &str,
    exponent: i32,
    point: bool,
) -> std::fmt::Result {
    let digits = match mantissa.strip_prefix('-') {
        Some(digits) => {
            out.write_char('-')?;
            digits
        }
        None => mantissa,
    };
    if exponent < 0 {
        out.write_str("0.")?;
        for _ in 1..-exponent {
            out.write_char('0')?;
        }
        return digits.split('.').try_for_each(|part| out.write_str(part));
    }
    let whole = exponent as usize + 1;
    let mut written = 0;
    for digit in digits.chars().filter(|digit| *digit != '.') {
        if written == whole {
            out.write_char('.')?;
        }
        out.write_char(digit)?;
        written += 1;
    }
    for _ in written..whole {
        out.write_char('0')?;
    }
    if point && written <= whole {
        out.write_str(".0")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected text from CPython 3.11, the documentation of Java's `Double.toString` and .NET's `Double.ToString`.
    #[test]
    fn floats_as_each_language_prints_them() {
        for (value, python, java, dotnet) in [
            (0.0, "0.0", "0.0", "0"),
            (-0.0, "-0.0", "-0.0", "-0"),
            (1.0, "1.0", "1.0", "1"),
            (0.1, "0.1", "0.1", "0.1"),
            (-1234.5, "-1234.5", "-1234.5", "-1234.5"),
            (9_999_999.0, "9999999.0", "9999999.0", "9999999"),
            (1e7, "10000000.0", "1.0E7", "10000000"),
            (0.001, "0.001", "0.001", "0.001"),
            (0.000_9, "0.0009", "9.0E-4", "0.0009"),
            (0.000_01, "1e-05", "1.0E-5", "1E-05"),
            (1e14, "100000000000000.0", "1.0E14", "100000000000000"),
            (1e15, "1000000000000000.0", "1.0E15", "1E+15"),
            (1e16, "1e+16", "1.0E16", "1E+16"),
            (
                1.234_567_890_123_456_8e17,
                "1.2345678901234568e+17",
                "1.2345678901234568E17",
                "1.2345678901234568E+17",
            ),
            (f64::NAN, "nan", "NaN", "NaN"),
            (f64::INFINITY, "inf", "Infinity", "Infinity"),
            (f64::NEG_INFINITY, "-inf", "-Infinity", "-Infinity"),
        ] {
            let text = |dialect: Dialect| {
                let mut out = String::new();
                dialect.float(&mut out, value, false);
                out
            };
            assert_eq!(text(Dialect::Python), python);
            assert_eq!(text(Dialect::Native), python);
            assert_eq!(text(Dialect::Java), java);
            assert_eq!(text(Dialect::Dotnet), dotnet);
        }
        let mut out = String::new();
        Dialect::Java.float(&mut out, f64::from(0.1f32), true);
        assert_eq!(out, "0.1");
    }
}
