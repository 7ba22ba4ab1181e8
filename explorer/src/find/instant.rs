//! Ages (`90s`, `30m`, `2h`, `3d`, `1w`) and dates (`2026-11-20`, `2026-11-20T14:00`) as people type them.

use crate::render::{Clock, SECOND};

/// An age in nanoseconds.
pub(crate) fn age(text: &str) -> Option<u64> {
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

/// What a date stands for: a day, a minute or a second of local time, as precise as it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Seconds from 1970-01-01 00:00, local time.
    start: i64,
    seconds: i64,
}

impl Span {
    /// Its first instant, and the first after it, in nanoseconds since the Unix epoch.
    pub(crate) fn bounds(self, clock: &Clock) -> (u64, u64) {
        let instant = |local: i64| {
            let offset = i64::from((clock.offset)(local));
            let seconds = u64::try_from(local - offset).unwrap_or(0);
            seconds.saturating_mul(SECOND)
        };
        (instant(self.start), instant(self.start + self.seconds))
    }
}

/// Reads a date, with or without a time of day.
pub(crate) fn date(text: &str) -> Option<Span> {
    let (day, time) = match text.split_once(['T', ' ']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let (year, month, day) = match numbers(day, '-')?[..] {
        [year, month, day] => (year, month, day),
        _ => return None,
    };
    let ((hour, minute, second), seconds) = match time {
        None => ((0, 0, 0), 86_400),
        Some(time) => match numbers(time, ':')?[..] {
            [hour, minute] => ((hour, minute, 0), 60),
            [hour, minute, second] => ((hour, minute, second), 1),
            _ => return None,
        },
    };
    let valid = (1970..=2500).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let start = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    valid.then_some(Span { start, seconds })
}

/// At most three numbers without signs.
fn numbers(text: &str, separator: char) -> Option<Vec<i64>> {
    let number = |part: &str| {
        let digits = (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    };
    text.split(separator).take(4).map(number).collect()
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
