//! What happened, counted by stage and reason: the numbers behind `stats` and `doctor`.
//!
//! One [`Stats`] per engine, shared by every stage. Counters are relaxed atomics that only grow; [`Stats::snapshot`] reads
//! them one by one, so a snapshot taken while captures run may be off by those in flight. The field names of
//! [`StatsSnapshot`] are the words used everywhere (configuration, docs, output).
//!
//! An exception that reaches the gate ends as exactly one [`Outcome`]. Everything else that is counted is a [`Counter`].
//!
//! # Costs
//!
//! Refusals are counted on the raising thread, up to millions of times a second, where a locked increment costs 12 ns, and 35 if
//! two threads fight for it. They go to one of several shards with a plain load and store (3 ns); two threads that are refused at
//! the same instant *and* share a shard may count once. Everything else is counted exactly.

mod destination;
mod histogram;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::lock::Mutex;
use serde::{Deserialize, Serialize};

use crate::reason::Reason;
pub use destination::{DestinationCounters, DestinationStats};
#[cfg(feature = "http")]
pub(crate) use destination::{count, count_down};
pub use histogram::Histogram;

/// Defines an enum of counters and the plain struct of their values, field by field.
macro_rules! counters {
    (
        $(#[$enum_doc:meta])* enum $enum:ident;
        $(#[$struct_doc:meta])* struct $values:ident;
        $($(#[$doc:meta])* $variant:ident = $field:ident,)+
    ) => {
        $(#[$enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $enum {
            $($(#[$doc])* $variant,)+
        }

        impl $enum {
            /// All of them, in the order of declaration.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// The word for it in `stats`, docs and output.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($field),)+
                }
            }
        }

        $(#[$struct_doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $values {
            $($(#[$doc])* pub $field: u64,)+
        }

        impl $values {
            /// The value of one of them.
            #[must_use]
            pub const fn get(&self, which: $enum) -> u64 {
                match which {
                    $($enum::$variant => self.$field,)+
                }
            }

            fn read(mut value: impl FnMut($enum) -> u64) -> Self {
                Self { $($field: value($enum::$variant),)+ }
            }

            /// Whether any of them is not zero.
            #[must_use]
            pub fn any(&self) -> bool {
                $enum::ALL.into_iter().any(|which| self.get(which) != 0)
            }

            /// Adds the values of another process.
            pub fn merge(&mut self, other: &Self) {
                $(self.$field = self.$field.saturating_add(other.$field);)+
            }
        }
    };
}

counters! {
    /// How one exception that reached the gate ended.
    enum Outcome;
    /// Exceptions by [`Outcome`].
    struct Outcomes;
    /// Captured and handed to the sink.
    Captured = captured,
    /// Capturing is switched off.
    RefusedDisabled = refused_disabled,
    /// The gate was closed: no capture was possible at that time, whatever the exception.
    RefusedClosed = refused_closed,
    /// This site was captured often or recently enough.
    RefusedSite = refused_site,
    /// The captures of this second were used up.
    RefusedRate = refused_rate,
    /// An exclusion rule matched.
    RefusedRule = refused_rule,
    /// A capture was running on the same thread.
    RefusedReentrant = refused_reentrant,
    /// Captured, but as many snapshots as may wait were waiting.
    DroppedQueue = dropped_queue,
    /// Captured, but the waiting snapshots held as many bytes as they may; or not begun, as the process had no memory left.
    DroppedMemory = dropped_memory,
    /// The tape was not valid.
    DroppedTape = dropped_tape,
    /// Redaction could not be done in full, so nothing was kept.
    DroppedRedaction = dropped_redaction,
    /// The sink could not take it.
    DroppedSink = dropped_sink,
    /// It was still waiting when the process had to end, or came after the engine had.
    DroppedDeadline = dropped_deadline,
    /// An error inside the engine.
    DroppedError = dropped_error,
    /// The host gave the capture up, or never came back with it.
    DroppedCancelled = dropped_cancelled,
}

counters! {
    /// Everything else that is counted.
    enum Counter;
    /// Values of every [`Counter`].
    struct Counters;
    /// Permits given by the gate.
    Admitted = admitted,
    /// Permits given to sites that the gate did not know.
    AdmittedNovel = admitted_novel,
    /// Permits given with raised limits, because somebody asked for that.
    AdmittedDeeper = admitted_deeper,
    /// Permits given to explicit calls, which are not rate limited.
    AdmittedExplicit = admitted_explicit,
    /// Values captured.
    Values = values,
    /// Bytes of tape captured.
    TapeBytes = tape_bytes,
    /// Records written to the spool.
    SpoolWritten = spool_written,
    /// Bytes written to the spool.
    SpoolBytes = spool_bytes,
    /// Records that could not be written to the spool.
    SpoolFailed = spool_failed,
    /// Records removed from the spool to keep its size.
    SpoolRemoved = spool_removed,
    /// Exceptions read through the host's public API, because its own layout is not known.
    Fallback = fallback,
    /// Errors inside the engine.
    InternalErrors = internal_errors,
    /// Panics inside the engine. The first one switches it off.
    InternalPanics = internal_panics,
    /// Snapshots that a callback of the program took.
    CallbackSent = callback_sent,
    /// Snapshots that a callback of the program failed to take.
    CallbackFailed = callback_failed,
    /// Snapshots that were not handed to a callback, because as many waited for it as may, or because the process ended first.
    CallbackDropped = callback_dropped,
}

/// Shards of the refusal counters.
const SHARDS: usize = 8;

#[derive(Debug)]
#[repr(align(128))]
struct Shard([AtomicU64; Outcome::ALL.len()]);

/// The counters of one engine.
///
/// ```
/// use stillframe_core::stats::{Counter, Outcome, Stats};
///
/// let stats = Stats::new();
/// stats.outcome(Outcome::Captured);
/// stats.add(Counter::Values, 240);
/// let snapshot = stats.snapshot();
/// assert_eq!(snapshot.outcomes.captured, 1);
/// assert_eq!(snapshot.counters.values, 240);
/// ```
#[derive(Debug)]
pub struct Stats {
    refusals: [Shard; SHARDS],
    outcomes: [AtomicU64; Outcome::ALL.len()],
    counters: [AtomicU64; Counter::ALL.len()],
    reasons: [AtomicU64; Reason::ALL.len() + 1],
    walk: Histogram,
    destinations: Mutex<Vec<(&'static str, Arc<DestinationCounters>)>>,
}

/// The counters at one time. Plain data; every field is named by its word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatsSnapshot {
    /// Exceptions by how they ended.
    #[serde(flatten)]
    pub outcomes: Outcomes,
    /// Everything else.
    #[serde(flatten)]
    pub counters: Counters,
    /// Values hidden, by reason (`redactedIdent`, ...).
    pub redacted: BTreeMap<String, u64>,
    /// Values missing or cut, by reason (`depth`, `length`, ...).
    pub cut: BTreeMap<String, u64>,
    /// How long walks took on the raising thread.
    pub walk: Durations,
    /// What became of snapshots on the way to each destination beyond this machine, by its name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub destinations: BTreeMap<String, DestinationStats>,
}

/// A distribution of durations, in nanoseconds. Quantiles are at most 7 % too high.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Durations {
    /// How many were recorded.
    pub count: u64,
    /// Half of them took at most this long.
    pub p50_ns: u64,
    /// 99 of 100 took at most this long.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

impl Default for Stats {
    fn default() -> Self {
        Self::new()
    }
}

impl Stats {
    /// All zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            refusals: std::array::from_fn(|_| Shard(zeroes())),
            outcomes: zeroes(),
            counters: zeroes(),
            reasons: zeroes(),
            walk: Histogram::new(),
            destinations: Mutex::default(),
        }
    }

    /// Counts how one exception ended.
    pub fn outcome(&self, outcome: Outcome) {
        self.outcomes[outcome as usize].fetch_add(1, Relaxed);
    }

    /// Counts a refusal on the raising thread, cheaply (see the module's costs).
    #[inline]
    pub fn refusal(&self, outcome: Outcome) {
        let count = &self.refusals[shard()].0[outcome as usize];
        count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Adds to a counter.
    pub fn add(&self, counter: Counter, by: u64) {
        self.counters[counter as usize].fetch_add(by, Relaxed);
    }

    /// Sets a counter that another part counts by itself (the spool's).
    pub fn set(&self, counter: Counter, value: u64) {
        self.counters[counter as usize].store(value, Relaxed);
    }

    /// Reads one counter.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.counters[counter as usize].load(Relaxed)
    }

    /// Counts values that are hidden, cut or missing for a reason.
    pub fn reason(&self, reason: Reason, by: u64) {
        self.reasons[reason as usize].fetch_add(by, Relaxed);
    }

    /// Records how long a walk took.
    pub fn walk(&self, nanos: u64) {
        self.walk.record(nanos);
    }

    /// Reads all of them.
    #[must_use]
    pub fn snapshot(&self) -> StatsSnapshot {
        let load = |count: &AtomicU64| count.load(Relaxed);
        let of_reasons = |hidden| {
            let wanted = |reason: &Reason| reason.is_redaction() == hidden;
            Reason::ALL
                .into_iter()
                .filter(wanted)
                .map(|reason| {
                    let count = load(&self.reasons[reason as usize]);
                    (reason.as_str().to_owned(), count)
                })
                .collect()
        };
        StatsSnapshot {
            outcomes: Outcomes::read(|outcome| {
                let at = outcome as usize;
                let refused: u64 = self.refusals.iter().map(|shard| load(&shard.0[at])).sum();
                refused + load(&self.outcomes[at])
            }),
            counters: Counters::read(|counter| load(&self.counters[counter as usize])),
            redacted: of_reasons(true),
            cut: of_reasons(false),
            walk: self.walk.durations(),
            destinations: self
                .destinations
                .lock()
                .iter()
                .map(|(name, counters)| ((*name).to_owned(), counters.stats()))
                .collect(),
        }
    }

    /// Adds a destination; what it counts is in every snapshot from now on.
    pub fn add_destination(&self, name: &'static str, counters: Arc<DestinationCounters>) {
        self.destinations.lock().push((name, counters));
    }
}

/// A shard that threads rarely share: stacks of different threads lie far apart. Which one it is only matters for speed, so a
/// stack address will do; a thread-local costs more where this is loaded as a library.
#[inline]
fn shard() -> usize {
    let here = 0u8;
    let address = std::hint::black_box(&raw const here).addr() as u64;
    ((address >> 17).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61) as usize
}

fn zeroes<const N: usize>() -> [AtomicU64; N] {
    std::array::from_fn(|_| AtomicU64::new(0))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Counter, Outcome, SHARDS, Stats, StatsSnapshot, shard};
    use crate::reason::Reason;

    #[test]
    fn every_word_is_counted_under_its_name() {
        let stats = Stats::new();
        for (n, outcome) in (1..).zip(Outcome::ALL) {
            (0..n).for_each(|_| stats.outcome(outcome));
            stats.refusal(outcome);
        }
        for (n, counter) in (1..).zip(Counter::ALL) {
            stats.set(counter, n * 90);
            stats.add(counter, n * 10);
        }
        for (n, reason) in (1..).zip(Reason::ALL) {
            stats.reason(reason, n * 1000);
        }
        stats.walk(5000);
        let snapshot = stats.snapshot();
        let json = serde_json::to_value(&snapshot).expect("plain data");
        for (n, outcome) in (1..).zip(Outcome::ALL) {
            assert_eq!(json[outcome.as_str()], n + 1, "{outcome:?}");
            assert_eq!(snapshot.outcomes.get(outcome), n + 1);
        }
        for (n, counter) in (1..).zip(Counter::ALL) {
            assert_eq!(json[counter.as_str()], n * 100, "{counter:?}");
        }
        for (n, reason) in (1..).zip(Reason::ALL) {
            let group = if reason.is_redaction() {
                "redacted"
            } else {
                "cut"
            };
            assert_eq!(json[group][reason.as_str()], n * 1000, "{reason:?}");
        }
        assert_eq!(json["walk"]["count"], 1);
        let back: StatsSnapshot = serde_json::from_value(json).expect("the same data");
        assert_eq!(back, snapshot);
    }

    #[test]
    fn an_older_snapshot_without_some_words_is_readable() {
        let old: StatsSnapshot =
            serde_json::from_str(r#"{"captured":3,"unknown":1}"#).expect("old");
        assert_eq!(old.outcomes.captured, 3);
        assert_eq!(old.outcomes.refused_rate, 0);
    }

    #[test]
    fn merging_adds() {
        let stats = Stats::new();
        assert!(!stats.snapshot().outcomes.any());
        stats.outcome(Outcome::Captured);
        let mut sum = stats.snapshot().outcomes;
        assert!(sum.any());
        sum.merge(&stats.snapshot().outcomes);
        assert_eq!(sum.captured, 2);
    }

    #[test]
    fn counters_are_exact_with_many_threads() {
        let stats = Stats::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        stats.outcome(Outcome::DroppedQueue);
                        stats.add(Counter::Values, 2);
                        stats.walk(100);
                    }
                });
            }
        });
        let snapshot = stats.snapshot();
        assert_eq!(snapshot.outcomes.dropped_queue, 40_000);
        assert_eq!(snapshot.counters.values, 80_000);
        assert_eq!(snapshot.walk.count, 40_000);
        assert!(shard() < SHARDS);
    }
}
