//! `--since`: an age (`90s`, `30m`, `2h`, `3d`, `1w`) or a date (`2026-11-20`, `2026-11-20T14:00`).

use crate::render::{Clock, SECOND};

/// The instant that `text` means, in nanoseconds since the Unix epoch.
///
/// # Errors
///
/// What would be understood.
pub(super) fn parse(text: &str, clock: &Clock) -> Result<u64, String> {
    let text = text.trim();
    age(text)
        .map(|age| clock.now_ns.saturating_sub(age))
        .or_else(|| date(text, clock))
        .ok_or_else(|| format!("--since {text:?}: not an age (90s, 30m, 2h, 3d, 1w) and not a date (2026-11-20, 2026-11-20T14:00)"))
}

fn age(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let number: u64 = digits.parse().ok()?;
    let seconds = match text[digits.len()..].trim() {
        "s" | "sec" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    number.checked_mul(seconds)?.checked_mul(SECOND)
}

fn date(text: &str, clock: &Clock) -> Option<u64> {
    let (day, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let mut parts = day.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let mut clock_parts = time.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute) = (clock_parts.next()??, clock_parts.next()??);
    let second = clock_parts.next().unwrap_or(Some(0))?;
    let valid = parts.next().is_none()
        && clock_parts.next().is_none()
        && (1970..=2500).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    if !valid {
        return None;
    }
    let local = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let offset = i64::from((clock.offset)(local));
    u64::try_from(local - offset).ok()?.checked_mul(SECOND)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years from March on, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_262_651 * SECOND;

    #[test]
    fn ages_and_dates() {
        let clock = Clock::utc(NOW);
        for (text, seconds) in [
            ("90s", 1_795_262_561),
            ("30m", 1_795_260_851),
            ("2 h", 1_795_255_451),
            ("1w", 1_794_657_851),
            ("2026-11-21", 1_795_219_200),
            ("2026-11-21T12:04:11", 1_795_262_651),
            ("2024-02-29 00:00", 1_709_164_800),
            ("1970-01-01", 0),
        ] {
            assert_eq!(parse(text, &clock), Ok(seconds * SECOND), "{text}");
        }
        let east = Clock {
            now_ns: NOW,
            offset: |_| 3600,
        };
        assert_eq!(parse("2026-11-21", &east), Ok(1_795_215_600 * SECOND));
        assert!(parse("9999999999999w", &clock).is_err());
    }

    #[test]
    fn anything_else_is_an_error_that_helps() {
        for text in [
            "",
            "yesterday",
            "2h30",
            "2026-13-01",
            "2026-11",
            "12:00",
            "-2h",
            "2026-11-21T25:00",
        ] {
            let error = parse(text, &Clock::utc(NOW)).expect_err(text);
            assert!(error.contains("30m"), "{error}");
        }
    }
}
