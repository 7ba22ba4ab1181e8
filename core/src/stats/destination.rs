//! What became of snapshots on the way to one destination.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::lock::Mutex;
use serde::{Deserialize, Serialize};

/// Counts of one destination in this process; shared by the threads that write and send.
#[derive(Debug, Default)]
pub struct DestinationCounters {
    address: String,
    pub(crate) sent: AtomicU64,
    pub(crate) waiting: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) last_sent_ns: AtomicU64,
    /// The last failure, and when it was.
    pub(crate) failure: Mutex<Option<(String, u64)>>,
}

/// The values of [`DestinationCounters`] at one time. What is counted are items: what stands for itself in a request, so one or a
/// few for each snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DestinationStats {
    /// Where to, without credentials.
    pub address: String,
    /// Items that were taken there.
    pub sent: u64,
    /// Items that wait: in the memory of this process, and on disk if this is the process that delivers for all of the service.
    pub waiting: u64,
    /// Items that were not taken and never will be.
    pub rejected: u64,
    /// Items that were given up here: the oldest where too much waited, damaged ones, those that only memory held at the end.
    pub dropped: u64,
    /// Requests that failed and were made again.
    pub retries: u64,
    /// When something was taken for the last time, in nanoseconds since the Unix epoch; 0 for never.
    pub last_sent_ns: u64,
    /// The last failure, for a person; stays when it works again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When that was, in nanoseconds since the Unix epoch; 0 for never.
    pub last_error_ns: u64,
}

impl DestinationCounters {
    /// All zero, for the destination at `address`, which holds no credentials.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            ..Self::default()
        }
    }

    /// The values now.
    #[must_use]
    pub fn stats(&self) -> DestinationStats {
        let load = |count: &AtomicU64| count.load(Relaxed);
        let failure = self.failure.lock().clone();
        let (last_error, last_error_ns) = failure.unzip();
        DestinationStats {
            address: self.address.clone(),
            sent: load(&self.sent),
            waiting: load(&self.waiting),
            rejected: load(&self.rejected),
            dropped: load(&self.dropped),
            retries: load(&self.retries),
            last_sent_ns: load(&self.last_sent_ns),
            last_error,
            last_error_ns: last_error_ns.unwrap_or_default(),
        }
    }

    /// Where to, without credentials.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}

/// Adds to one of the counts.
#[cfg(feature = "http")]
pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Relaxed);
}

/// Takes from one of the counts, which does not fall below 0.
#[cfg(feature = "http")]
pub(crate) fn count_down(counter: &AtomicU64, by: u64) {
    // An update that always gives a value cannot fail.
    let _ = counter.fetch_update(Relaxed, Relaxed, |value| Some(value.saturating_sub(by)));
}

impl DestinationStats {
    /// Adds the counts of another process; the later of the last success and failure stay.
    pub fn merge(&mut self, other: &Self) {
        if self.address.is_empty() {
            self.address.clone_from(&other.address);
        }
        for (mine, theirs) in [
            (&mut self.sent, other.sent),
            (&mut self.waiting, other.waiting),
            (&mut self.rejected, other.rejected),
            (&mut self.dropped, other.dropped),
            (&mut self.retries, other.retries),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        self.last_sent_ns = self.last_sent_ns.max(other.last_sent_ns);
        if other.last_error_ns > self.last_error_ns {
            self.last_error_ns = other.last_error_ns;
            self.last_error.clone_from(&other.last_error);
        }
    }
}
