//! `--since`: an age (`90s`, `30m`, `2h`, `3d`, `1w`) or a date (`2026-11-20`, `2026-11-20T14:00`).

use crate::find::instant::{age, date};
use crate::render::Clock;

/// The instant that `text` means, in nanoseconds since the Unix epoch.
///
/// # Errors
///
/// What would be understood.
pub(super) fn parse(text: &str, clock: &Clock) -> Result<u64, String> {
    let text = text.trim();
    age(text)
        .map(|age| clock.now_ns.saturating_sub(age))
        .or_else(|| date(text).map(|span| span.bounds(clock).0))
        .ok_or_else(|| format!("--since {text:?}: not an age (90s, 30m, 2h, 3d, 1w) and not a date (2026-11-20, 2026-11-20T14:00)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::SECOND;

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
