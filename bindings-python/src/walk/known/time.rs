//! `datetime`: dates, times, durations, fixed offsets, from the packed bytes of their C structures.

use stillframe_core::tape::{TimeKind, TimeValue};

use super::super::capture::Walk;
use super::super::object::{Class, Obj};
use super::super::plan::Plan;
use super::Known;

// The same in all versions, and public (`datetime.h`).
const DAYS: usize = 24;
const SECONDS: usize = 28;
const MICROSECONDS: usize = 32;
const HAS_ZONE: usize = 24;
const DATA: usize = 25;
const TIME_ZONE: usize = 32;
const DATETIME_ZONE: usize = 40;
/// `datetime.timezone`: its offset, a duration.
const ZONE_OFFSET: usize = 16;

const SECONDS_PER_DAY: i64 = 86_400;

impl<'g, const DIRECT: bool> Walk<'_, 'g, DIRECT> {
    pub(super) fn time(&mut self, object: Obj<'g>, known: Known, plan: &Plan) {
        let (own, value): (&[u8], _) = match known {
            Known::DateTime => (b"datetime.datetime", self.date_time(object)),
            Known::Date => (b"datetime.date", date(object)),
            Known::TimeOfDay => (b"datetime.time", self.time_of_day(object)),
            _ => (b"datetime.timedelta", duration(object)),
        };
        if let (Some(TimeValue { offset: None, .. }), Some(zone)) = (&value, zone_of(object, known))
        {
            let text = self.local_time(object, known, zone);
            return self.rendered(plan, &text);
        }
        match value {
            Some(value) => {
                if *plan.name != *own {
                    let type_id = self.type_of(plan);
                    self.out.as_type(type_id);
                }
                self.out.time(value);
            }
            None => self.unexpected(plan),
        }
    }

    fn date_time(&mut self, object: Obj<'g>) -> Option<TimeValue> {
        // SAFETY: a datetime (least size checked) begins so.
        let data = unsafe { object.read::<[u8; 10]>(DATA) };
        let [year_high, year_low, month, day, clock @ ..] = data;
        let days = days_since_epoch([year_high, year_low, month, day])?;
        let (seconds, nanos) = clock_time(clock)?;
        let zone = zone_of(object, Known::DateTime);
        Some(TimeValue {
            kind: TimeKind::DateTime,
            seconds: days * SECONDS_PER_DAY + seconds,
            nanos,
            offset: zone.and_then(|zone| self.offset(zone)),
        })
    }

    fn time_of_day(&mut self, object: Obj<'g>) -> Option<TimeValue> {
        // SAFETY: a time (least size checked) begins so.
        let data = unsafe { object.read::<[u8; 6]>(DATA) };
        let (seconds, nanos) = clock_time(data)?;
        let zone = zone_of(object, Known::TimeOfDay);
        Some(TimeValue {
            kind: TimeKind::TimeOfDay,
            seconds,
            nanos,
            offset: zone.and_then(|zone| self.offset(zone)),
        })
    }

    /// The time on the clock and its zone, `2026-11-20T13:05:00[Europe/Berlin]`, where the zone would have to compute its offset: by the
    /// name that it was made from, else by its type.
    fn local_time(&mut self, object: Obj<'g>, known: Known, zone: Obj<'g>) -> String {
        let (date, clock): (_, [u8; 6]) = if known == Known::DateTime {
            // SAFETY: a datetime (least size checked) begins so.
            let [high, low, month, day, clock @ ..] = unsafe { object.read::<[u8; 10]>(DATA) };
            let year = u16::from_be_bytes([high, low]);
            (format!("{year:04}-{month:02}-{day:02}T"), clock)
        } else {
            // SAFETY: a time (least size checked) begins so.
            (String::new(), unsafe { object.read(DATA) })
        };
        let [hour, minute, second, a, b, c] = clock;
        let fraction = match u32::from_be_bytes([0, a, b, c]) {
            0 => String::new(),
            micros => format!(".{micros:06}"),
        };
        let zone = self.text_attribute(zone, b"key").unwrap_or_else(|| {
            let plan = self.plan(zone);
            String::from_utf8_lossy(&plan.name).into_owned()
        });
        format!("{date}{hour:02}:{minute:02}:{second:02}{fraction}[{zone}]")
    }

    /// Seconds east of UTC where the zone object has them stored: fixed zones, and those of `pytz`. Other zones would have to compute.
    fn offset(&mut self, zone: Obj<'g>) -> Option<i32> {
        let of = |delta: Obj<'g>| {
            let is_duration = delta
                .class()
                .line()
                .any(|class| class.c_name() == b"datetime.timedelta" && !class.is_heap());
            is_duration.then(|| duration(delta)).flatten()
        };
        let delta = if is_fixed_zone(zone.class()) {
            // SAFETY: a fixed zone has its offset there.
            unsafe { zone.slot(ZONE_OFFSET) }.and_then(of)
        } else {
            self.attribute(zone, b"_utcoffset").and_then(of)
        };
        i32::try_from(delta?.seconds).ok()
    }
}

/// The zone of a datetime or a time that has one.
fn zone_of(object: Obj<'_>, known: Known) -> Option<Obj<'_>> {
    let place = match known {
        Known::DateTime => DATETIME_ZONE,
        Known::TimeOfDay => TIME_ZONE,
        _ => return None,
    };
    // SAFETY: both begin so (least size checked), and the zone is stored where the flag says so.
    unsafe {
        let has_zone = object.read::<u8>(HAS_ZONE) != 0;
        if has_zone { object.slot(place) } else { None }
    }
}

fn is_fixed_zone(class: Class<'_>) -> bool {
    class.c_name() == b"datetime.timezone" && class.basic_size() >= 32
}

/// `UTC` or `UTC+02:00`, as `str()` of a fixed zone without a name.
pub(super) fn zone(object: Obj<'_>) -> Option<String> {
    // SAFETY: a fixed zone has its offset there, and its name or null behind it.
    let delta = unsafe { object.slot(ZONE_OFFSET) }?;
    let seconds = duration(delta)?.seconds;
    if seconds == 0 {
        return Some("UTC".into());
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, rest) = (seconds.abs() / 3600, seconds.abs() % 3600);
    let mut text = format!("UTC{sign}{hours:02}:{:02}", rest / 60);
    if rest % 60 != 0 {
        text += &format!(":{:02}", rest % 60);
    }
    Some(text)
}

fn date(object: Obj<'_>) -> Option<TimeValue> {
    // SAFETY: a date (least size checked) begins so.
    let data = unsafe { object.read::<[u8; 4]>(DATA) };
    Some(TimeValue {
        kind: TimeKind::Date,
        seconds: days_since_epoch(data)? * SECONDS_PER_DAY,
        nanos: 0,
        offset: None,
    })
}

fn duration(object: Obj<'_>) -> Option<TimeValue> {
    // SAFETY: a timedelta (least size checked, or its type was compared) begins so.
    let (days, seconds, micros) = unsafe {
        (
            object.read::<i32>(DAYS),
            object.read::<i32>(SECONDS),
            object.read::<u32>(MICROSECONDS),
        )
    };
    let valid = (0..86_400).contains(&seconds) && micros < 1_000_000;
    valid.then(|| TimeValue {
        kind: TimeKind::Duration,
        seconds: i64::from(days) * SECONDS_PER_DAY + i64::from(seconds),
        nanos: micros * 1000,
        offset: None,
    })
}

/// Days since 1970-01-01 of a year (two bytes), month and day in the Gregorian calendar.
fn days_since_epoch([year_high, year_low, month, day]: [u8; 4]) -> Option<i64> {
    let year = i64::from(u16::from_be_bytes([year_high, year_low]));
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March, so that the leap day is the last.
    let year = year - i64::from(month <= 2);
    let month = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    Some(days - 719_468)
}

/// Seconds since midnight and nanoseconds of hour, minute, second and three bytes of microseconds.
fn clock_time([hour, minute, second, a, b, c]: [u8; 6]) -> Option<(i64, u32)> {
    let micros = u32::from_be_bytes([0, a, b, c]);
    let valid = hour < 24 && minute < 60 && second < 60 && micros < 1_000_000;
    valid.then(|| {
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        (seconds, micros * 1000)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days() {
        let days = |year: u16, month, day| {
            let [high, low] = year.to_be_bytes();
            days_since_epoch([high, low, month, day])
        };
        assert_eq!(days(1970, 1, 1), Some(0));
        assert_eq!(days(2000, 2, 29), Some(11_016));
        assert_eq!(days(1, 1, 1), Some(-719_162));
        assert_eq!(days(9999, 12, 31), Some(2_932_896));
        assert_eq!(days(2000, 13, 1), None);
    }
}
