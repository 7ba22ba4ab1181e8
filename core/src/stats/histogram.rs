//! A lock-free histogram with log-linear buckets: a fixed relative error, whatever the range.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Durations;

/// Each power of two is divided into this many buckets, so a bucket is at most a sixteenth of its values wide.
const PER_DOUBLING: u64 = 16;
const SUB_BITS: u32 = PER_DOUBLING.trailing_zeros();
/// Values of 2^40 ns (18 minutes) and more share the last bucket.
const MOST_BITS: u32 = 40;
const BUCKETS: usize = ((MOST_BITS - SUB_BITS + 1) as usize) * PER_DOUBLING as usize;

/// Counts of durations in nanoseconds. Recording is one relaxed increment; the memory is fixed (5 KiB).
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    max: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            max: AtomicU64::new(0),
        }
    }

    /// Counts one duration.
    pub fn record(&self, nanos: u64) {
        self.buckets[bucket(nanos)].fetch_add(1, Relaxed);
        self.max.fetch_max(nanos, Relaxed);
    }

    /// The smallest duration that at least `quantile` (0 to 1) of those recorded do not exceed, at most 7 % too high. 0 if
    /// nothing was recorded.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> u64 {
        let counts: Vec<u64> = self
            .buckets
            .iter()
            .map(|count| count.load(Relaxed))
            .collect();
        let total: u64 = counts.iter().sum();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank of at most the total; the conversion saturates"
        )]
        let rank = ((total as f64 * quantile).ceil() as u64).clamp(1, total.max(1));
        let mut below = 0;
        for (index, count) in counts.into_iter().enumerate() {
            below += count;
            if below >= rank {
                return upper_end(index).min(self.max.load(Relaxed));
            }
        }
        0
    }

    /// Count, median, 99th percentile and maximum.
    #[must_use]
    pub fn durations(&self) -> Durations {
        Durations {
            count: self.buckets.iter().map(|count| count.load(Relaxed)).sum(),
            p50_ns: self.quantile(0.5),
            p99_ns: self.quantile(0.99),
            max_ns: self.max.load(Relaxed),
        }
    }
}

/// The bucket of a value: its exponent and the next `SUB_BITS` bits.
fn bucket(nanos: u64) -> usize {
    let nanos = nanos.min((1 << MOST_BITS) - 1);
    let index = if nanos < PER_DOUBLING {
        nanos
    } else {
        let shift = nanos.ilog2() - SUB_BITS;
        u64::from(shift) * PER_DOUBLING + (nanos >> shift)
    };
    usize::try_from(index).map_or(BUCKETS - 1, |index| index.min(BUCKETS - 1))
}

/// The largest value of a bucket.
fn upper_end(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < PER_DOUBLING {
        return bucket;
    }
    let shift = bucket / PER_DOUBLING - 1;
    ((bucket % PER_DOUBLING + PER_DOUBLING + 1) << shift) - 1
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{BUCKETS, Histogram, MOST_BITS, bucket, upper_end};
    use proptest::prelude::*;

    #[test]
    fn buckets_are_contiguous() {
        let mut next = 0;
        for index in 0..BUCKETS {
            assert_eq!(bucket(next), index);
            assert_eq!(bucket(upper_end(index)), index);
            next = upper_end(index) + 1;
        }
        assert_eq!(next, 1 << MOST_BITS);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn nothing_recorded_is_zero() {
        assert_eq!(Histogram::new().durations(), super::Durations::default());
    }

    #[test]
    fn the_maximum_is_exact() {
        let histogram = Histogram::new();
        (1..=1000).for_each(|n| histogram.record(n * 1000));
        let durations = histogram.durations();
        assert_eq!((durations.count, durations.max_ns), (1000, 1_000_000));
        assert!((500_000..=535_000).contains(&durations.p50_ns));
        assert!((990_000..=1_000_000).contains(&durations.p99_ns));
    }

    proptest! {
        #[test]
        fn quantiles_are_within_the_promised_error(
            mut values in proptest::collection::vec(0u64..1 << MOST_BITS, 1..200),
            quantile in 0.01f64..=1.0,
        ) {
            let histogram = Histogram::new();
            values.iter().for_each(|&value| histogram.record(value));
            values.sort_unstable();
            let rank = (values.len() as f64 * quantile).ceil() as usize;
            let exact = values[rank.max(1) - 1];
            let told = histogram.quantile(quantile);
            prop_assert!(told >= exact, "{told} < {exact}");
            prop_assert!(told as f64 <= exact as f64 * 1.07 + 1.0, "{told} > {exact}");
        }
    }
}
