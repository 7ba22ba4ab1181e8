//! Times, durations and sizes as people say them.

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The instant that "ago" counts from, and the local time zone.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Nanoseconds since the Unix epoch.
    pub now_ns: u64,
    /// Seconds east of UTC of an instant, given in seconds since the Unix epoch.
    pub offset: fn(i64) -> i32,
}

impl Clock {
    /// A clock that stands at `now_ns`, in UTC.
    pub fn utc(now_ns: u64) -> Self {
        Self {
            now_ns,
            offset: |_| 0,
        }
    }

    /// How long ago an instant was: `just now`, `12 s ago`, `2 min ago`, `5 h ago`, `3 days ago`, `on 2026-11-02`.
    pub fn ago(&self, ns: u64) -> String {
        let Some(age) = self.now_ns.checked_sub(ns) else {
            // Clocks of two machines, or one that was set back.
            return if ns - self.now_ns < MINUTE {
                "just now".into()
            } else {
                self.date_time(ns)
            };
        };
        match age {
            _ if age < 3 * SECOND => "just now".into(),
            _ if age < MINUTE => format!("{} s ago", age / SECOND),
            _ if age < HOUR => format!("{} min ago", age / MINUTE),
            _ if age < DAY => format!("{} h ago", age / HOUR),
            _ if age < 2 * DAY => "1 day ago".into(),
            _ if age < 14 * DAY => format!("{} days ago", age / DAY),
            _ => format!("on {}", self.date(ns)),
        }
    }

    /// Since when: `since 12:04` of today, `since yesterday`, else `since 2026-11-02`.
    pub fn since(&self, ns: u64) -> String {
        let day = |ns| self.local(ns).div_euclid(86_400);
        match day(self.now_ns) - day(ns) {
            0 => format!("since {}", &self.time(ns)[..5]),
            1 => "since yesterday".into(),
            _ => format!("since {}", self.date(ns)),
        }
    }

    fn local(&self, ns: u64) -> i64 {
        let seconds = i64::try_from(ns / SECOND).unwrap_or(i64::MAX / 2);
        seconds + i64::from((self.offset)(seconds))
    }

    /// `2026-11-21`, local.
    pub fn date(&self, ns: u64) -> String {
        let (year, month, day) = civil(self.local(ns).div_euclid(86_400));
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// `12:04:11`, local.
    pub fn time(&self, ns: u64) -> String {
        let second = self.local(ns).rem_euclid(86_400);
        format!(
            "{:02}:{:02}:{:02}",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }

    /// `2026-11-21 12:04:11 +01:00`, local with its offset.
    pub fn date_time(&self, ns: u64) -> String {
        let offset = (self.offset)(i64::try_from(ns / SECOND).unwrap_or(0));
        let zone = if offset == 0 {
            "UTC".to_owned()
        } else {
            let (sign, minutes) = (
                if offset < 0 { '-' } else { '+' },
                offset.unsigned_abs() / 60,
            );
            format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        };
        format!("{} {} {zone}", self.date(ns), self.time(ns))
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    // Years are counted from March, so that the leap day is the last one; eras are 400 years of 146,097 days.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// A duration with two significant digits: `0.09 ms`, `2.4 s`, `3 min`.
pub fn duration(ns: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let value = ns as f64;
    match ns {
        _ if ns < 10_000 => format!("{:.3} ms", value / 1e6),
        _ if ns < 1_000_000 => format!("{:.2} ms", value / 1e6),
        _ if ns < 10_000_000 => format!("{:.1} ms", value / 1e6),
        _ if ns < SECOND => format!("{:.0} ms", value / 1e6),
        _ if ns < MINUTE => format!("{:.1} s", value / 1e9),
        _ if ns < HOUR => format!("{} min", ns / MINUTE),
        _ if ns < DAY => format!("{} h", ns / HOUR),
        _ => format!("{} d", ns / DAY),
    }
}

/// A size: `812 bytes`, `3.1 kB`, `3.4 MB` (powers of 1000).
pub fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let value = bytes as f64;
    match bytes {
        1 => "1 byte".into(),
        _ if bytes < 1000 => format!("{bytes} bytes"),
        _ if bytes < 100_000 => format!("{:.1} kB", value / 1e3),
        _ if bytes < 1_000_000 => format!("{:.0} kB", value / 1e3),
        _ if bytes < 100_000_000 => format!("{:.1} MB", value / 1e6),
        _ if bytes < 1_000_000_000 => format!("{:.0} MB", value / 1e6),
        _ => format!("{:.1} GB", value / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 12:04:11 UTC.
    const NOW: u64 = 1_795_262_651 * SECOND;

    #[test]
    fn ages_are_human() {
        let clock = Clock::utc(NOW);
        for (age, said) in [
            (0, "just now"),
            (12 * SECOND, "12 s ago"),
            (2 * MINUTE + 5, "2 min ago"),
            (HOUR, "1 h ago"),
            (25 * HOUR, "1 day ago"),
            (3 * DAY, "3 days ago"),
            (19 * DAY, "on 2026-11-02"),
        ] {
            assert_eq!(clock.ago(NOW - age), said);
        }
        assert_eq!(clock.ago(NOW + SECOND), "just now");
        assert_eq!(clock.ago(NOW + DAY), "2026-11-22 12:04:11 UTC");
    }

    #[test]
    fn since_counts_calendar_days() {
        let clock = Clock::utc(NOW);
        assert_eq!(clock.since(NOW - HOUR), "since 11:04");
        assert_eq!(clock.since(NOW - 13 * HOUR), "since yesterday");
        assert_eq!(clock.since(NOW - 19 * DAY), "since 2026-11-02");
    }

    #[test]
    fn local_time_has_its_offset() {
        let clock = Clock {
            now_ns: NOW,
            offset: |_| -9_000,
        };
        assert_eq!(clock.date_time(NOW), "2026-11-21 09:34:11 -02:30");
        assert_eq!(Clock::utc(NOW).date_time(0), "1970-01-01 00:00:00 UTC");
    }

    #[test]
    fn the_calendar_knows_leap_years() {
        for (days, date) in [
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (-1, (1969, 12, 31)),
            (-719_162, (1, 1, 1)),
            (2_932_896, (9999, 12, 31)),
        ] {
            assert_eq!(civil(days), date);
        }
    }

    #[test]
    fn durations_and_sizes_have_about_two_digits() {
        for (ns, said) in [
            (900, "0.001 ms"),
            (90_000, "0.09 ms"),
            (1_234_567, "1.2 ms"),
            (34_000_000, "34 ms"),
            (2_400_000_000, "2.4 s"),
            (3 * MINUTE, "3 min"),
        ] {
            assert_eq!(duration(ns), said);
        }
        for (bytes, said) in [
            (1, "1 byte"),
            (812, "812 bytes"),
            (3_120, "3.1 kB"),
            (131_072, "131 kB"),
            (3_400_000, "3.4 MB"),
            (268_435_456, "268 MB"),
        ] {
            assert_eq!(size(bytes), said);
        }
        assert_eq!(size(5_000_000_000), "5.0 GB");
    }
}
