//! When one site may be captured again: the first few times at once, then at growing intervals.

use std::time::Duration;

use super::State;
use super::clock::nanos;

/// Time as the site table keeps it: units of 2^20 ns, 1.05 ms, which a shift computes from nanoseconds.
pub(super) const TICK_SHIFT: u32 = 20;

/// How many captures are spaced by the first interval before the later one takes over: with the defaults, one hour of them.
const SHORT_INTERVALS: u32 = 6;

/// More captures at once than this cannot be configured: the site table counts no further.
const MOST_FIRST: u32 = State::MOST - SHORT_INTERVALS;

/// The schedule of every site.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    first: u32,
    interval: u64,
    later: u64,
}

impl Schedule {
    pub(super) fn new(first: u32, interval: Duration, later: Duration) -> Self {
        let ticks = |interval| nanos(interval) >> TICK_SHIFT;
        Self {
            first: first.clamp(1, MOST_FIRST),
            interval: ticks(interval),
            later: ticks(later),
        }
    }

    /// How long after its `captured`-th capture a site waits, in ticks.
    pub(super) fn wait(&self, captured: u32) -> u64 {
        if captured < self.first {
            0
        } else if captured - self.first < SHORT_INTERVALS {
            self.interval
        } else {
            self.later
        }
    }

    /// How many more captures a site has before it has to wait.
    pub(super) fn left(&self, captured: u32) -> u32 {
        self.first.saturating_sub(captured)
    }

    /// Counts beyond this make no difference.
    pub(super) fn settled(&self) -> u32 {
        self.first.saturating_add(SHORT_INTERVALS)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Schedule, State, TICK_SHIFT};
    use std::time::Duration;

    #[test]
    fn three_at_once_then_an_hour_of_tens_of_minutes_then_hours() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        let schedule = Schedule::new(3, minutes(10), minutes(60));
        let waits: Vec<u64> = (1..=12)
            .map(|n| (schedule.wait(n) << TICK_SHIFT).div_ceil(60_000_000_000))
            .collect();
        assert_eq!(waits, [0, 0, 10, 10, 10, 10, 10, 10, 60, 60, 60, 60]);
        assert_eq!(
            (1..5).map(|n| schedule.left(n)).collect::<Vec<_>>(),
            [2, 1, 0, 0]
        );
    }

    #[test]
    fn a_schedule_without_first_ones_still_captures_the_first() {
        let schedule = Schedule::new(0, Duration::from_secs(1), Duration::MAX);
        assert!(schedule.wait(1) > 0);
        assert_eq!(schedule.wait(u32::MAX), u64::MAX >> TICK_SHIFT);

        let endless = Schedule::new(u32::MAX, Duration::from_secs(1), Duration::from_secs(2));
        assert!(endless.settled() <= State::MOST);
    }
}
