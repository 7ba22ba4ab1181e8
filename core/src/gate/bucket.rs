//! A token bucket in one atomic word: the generic cell rate algorithm (GCRA).
//!
//! The word is the *theoretical arrival time*: when the bucket would be full again. Taking a token moves it one period
//! ahead; a token is there as long as it is at most `burst - 1` periods ahead of now. No refill task, no lock, and reading the
//! clock costs more than the algorithm.

use crate::sync::{AtomicU64, Ordering};

/// Bounds that keep every sum of a time, a window and a period below 2^64: 36 years for one token, and for all of them 146.
const MOST_PERIOD: u64 = 1 << 60;
const MOST_WINDOW: u64 = 1 << 62;

/// A token bucket. Times are nanoseconds of one [`Clock`](super::Clock).
#[derive(Debug)]
pub struct Bucket {
    arrival: AtomicU64,
    /// Nanoseconds per token.
    period: u64,
    /// How far ahead of now `arrival` may be for a token to be there.
    window: u64,
    never: bool,
}

impl Bucket {
    /// A full bucket of `burst` tokens, refilled at `per_second`.
    ///
    /// So slow a bucket that its tokens would take more than 146 years to come back holds fewer of them.
    ///
    /// A burst of zero, or a rate that is zero, negative or not a number, makes a bucket that never gives a token. A rate over
    /// one per nanosecond counts as one per nanosecond.
    #[must_use]
    pub fn new(per_second: f64, burst: u32) -> Self {
        let never = burst == 0 || per_second.is_nan() || per_second <= 0.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the float is positive, and the conversion saturates"
        )]
        let period = if never {
            u64::MAX
        } else {
            ((1e9 / per_second).ceil() as u64).clamp(1, MOST_PERIOD)
        };
        Self {
            arrival: AtomicU64::new(0),
            period,
            window: period
                .saturating_mul(u64::from(burst.saturating_sub(1)))
                .min(MOST_WINDOW),
            never,
        }
    }

    /// Takes a token if one is there.
    #[inline]
    pub fn try_take(&self, now: u64) -> bool {
        self.try_take_leaving(now, 0)
    }

    /// Takes a token if `keep` more would be left.
    #[inline]
    pub fn try_take_leaving(&self, now: u64, keep: u32) -> bool {
        if self.never {
            return false;
        }
        let kept = self.period.saturating_mul(u64::from(keep));
        let latest = now.saturating_add(self.window);
        let mut arrival = self.arrival.load(Ordering::Relaxed);
        loop {
            if arrival.max(now).saturating_add(kept) > latest {
                return false;
            }
            let next = arrival.max(now).saturating_add(self.period);
            match self.arrival.compare_exchange_weak(
                arrival,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(seen) => arrival = seen,
            }
        }
    }

    /// Gives back a token that was taken and not used.
    pub fn refund(&self) {
        let mut arrival = self.arrival.load(Ordering::Relaxed);
        while let Err(seen) = self.arrival.compare_exchange_weak(
            arrival,
            arrival.saturating_sub(self.period),
            Ordering::Relaxed,
            Ordering::Relaxed,
        ) {
            arrival = seen;
        }
    }

    /// From when on a token is there: at or before now if there is one already, the end of time if there never will be.
    pub fn next_at(&self) -> u64 {
        if self.never {
            return u64::MAX;
        }
        let arrival = self.arrival.load(Ordering::Relaxed);
        arrival.saturating_sub(self.window)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Bucket;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn take_all(bucket: &Bucket, now: u64) -> u32 {
        (0..1000).map(|_| u32::from(bucket.try_take(now))).sum()
    }

    #[test]
    fn gives_the_burst_at_once_and_then_one_per_period() {
        let bucket = Bucket::new(2.0, 3);
        assert_eq!(take_all(&bucket, 10 * SECOND), 3);
        assert_eq!(bucket.next_at(), 10 * SECOND + SECOND / 2);
        assert_eq!(take_all(&bucket, 10 * SECOND + SECOND / 2 - 1), 0);
        assert_eq!(take_all(&bucket, 10 * SECOND + SECOND / 2), 1);
        assert_eq!(
            take_all(&bucket, 99 * SECOND),
            3,
            "never more than the burst"
        );
    }

    #[test]
    fn works_from_time_zero() {
        let bucket = Bucket::new(1.0, 5);
        assert!(bucket.next_at() == 0);
        assert_eq!(take_all(&bucket, 0), 5);
    }

    #[test]
    fn keeps_tokens_for_whoever_may_take_the_last_ones() {
        let bucket = Bucket::new(1.0, 5);
        let modest = (0..10).filter(|_| bucket.try_take_leaving(0, 2)).count();
        assert_eq!(modest, 3);
        assert_eq!(take_all(&bucket, 0), 2);
        assert!(
            !Bucket::new(1.0, 2).try_take_leaving(0, 2),
            "more kept than the burst holds"
        );
    }

    #[test]
    fn a_refund_makes_one_more_take_possible() {
        let bucket = Bucket::new(1.0, 2);
        assert_eq!(take_all(&bucket, SECOND), 2);
        bucket.refund();
        assert_eq!(take_all(&bucket, SECOND), 1);
    }

    #[test]
    fn unusable_rates_never_give_and_extreme_ones_do_not_overflow() {
        for (rate, burst) in [
            (0.0, 1),
            (-1.0, 1),
            (f64::NAN, 1),
            (f64::NEG_INFINITY, 1),
            (1.0, 0),
        ] {
            let bucket = Bucket::new(rate, burst);
            assert_eq!(take_all(&bucket, u64::MAX), 0, "{rate} {burst}");
            assert_eq!(bucket.next_at(), u64::MAX);
        }
        assert!(take_all(&Bucket::new(f64::INFINITY, u32::MAX), SECOND) == 1000);
        let endless = Bucket::new(f64::MIN_POSITIVE, u32::MAX);
        assert!(
            (1..10).contains(&take_all(&endless, SECOND)),
            "fewer, never more"
        );
        let slow = Bucket::new(1e-30, 1);
        assert_eq!(take_all(&slow, 0), 1);
        assert_eq!(take_all(&slow, SECOND), 0);
    }

    proptest! {
        #[test]
        fn never_gives_more_than_burst_plus_rate(
            rate in 0.001f64..100.0,
            burst in 1u32..10,
            steps in proptest::collection::vec(0u64..3 * SECOND, 1..60),
        ) {
            let bucket = Bucket::new(rate, burst);
            let (mut now, mut taken) = (0u64, 0u32);
            for step in steps {
                now += step;
                taken += take_all(&bucket, now);
                let most = f64::from(burst) + rate * (now as f64 / 1e9) + 1e-6;
                prop_assert!(f64::from(taken) <= most, "{taken} > {most}");
            }
        }
    }
}
