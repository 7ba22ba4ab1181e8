//! The system's clock and time zone.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::render::Clock;

/// Now, here.
pub(super) fn clock() -> Clock {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Clock {
        now_ns: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
        offset: local_offset,
    }
}

/// Seconds east of UTC at an instant.
fn local_offset(seconds: i64) -> i32 {
    let time: libc::time_t = seconds;
    // SAFETY: an all-zero `tm` is a valid value of that plain struct.
    let mut local: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of the right type; this command has no other thread that changes the environment.
    let filled = unsafe { libc::localtime_r(&raw const time, &raw mut local) };
    if filled.is_null() {
        0
    } else {
        i32::try_from(local.tm_gmtoff).unwrap_or(0)
    }
}
