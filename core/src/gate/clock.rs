//! Time for the gate: a coarse monotonic clock, and one that tests set by hand.
//!
//! A clock read is the most expensive step of a refusal, so the gate reads it once, and reads the coarse one: 6 ns against 30 to
//! 90 ns for `Instant::now` on a virtual machine. Its resolution (1 to 10 ms) is far finer than any interval the gate measures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A monotonic clock, in nanoseconds since an arbitrary but fixed instant.
pub trait Clock {
    /// The time now. Never goes back on one thread.
    fn now(&self) -> u64;
}

/// `CLOCK_MONOTONIC_COARSE` on Linux, [`std::time::Instant`] elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct CoarseClock {
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    anchor: std::time::Instant,
}

impl CoarseClock {
    /// The clock of this process.
    #[must_use]
    pub fn new() -> Self {
        Self {
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            anchor: std::time::Instant::now(),
        }
    }
}

impl Default for CoarseClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for CoarseClock {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[inline]
    fn now(&self) -> u64 {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `time` is a valid, writable timespec for the whole call. The clock exists since Linux 2.6.32, so the call
        // cannot fail; were it to, `time` would stay zero, which is a valid time.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
        #[expect(clippy::cast_sign_loss, reason = "a monotonic clock is never negative")]
        let (seconds, nanos) = (time.tv_sec as u64, time.tv_nsec as u64);
        seconds * 1_000_000_000 + nanos
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    #[inline]
    fn now(&self) -> u64 {
        nanos(self.anchor.elapsed())
    }
}

/// A clock that stands still until it is told to move. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use stillframe_core::gate::{Clock, ManualClock};
///
/// let clock = ManualClock::default();
/// let seen_by_the_gate = clock.clone();
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(seen_by_the_gate.now(), 1_000_000_000);
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(nanos(by), Ordering::SeqCst);
    }

    /// Moves the time to `since_start`. Going back is the caller's mistake; the gate survives it.
    pub fn set(&self, since_start: Duration) {
        self.0.store(nanos(since_start), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A duration in nanoseconds; 584 years if it is longer.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Clock, CoarseClock};

    #[test]
    fn the_coarse_clock_moves_forward() {
        let clock = CoarseClock::new();
        let start = clock.now();
        let mut last = start;
        while last == start {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
    }
}
