//! What a spool did, readable from any thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::lock::Mutex;

/// Counts of one [`Spool`](super::Spool); shared, and read at any time without disturbing it.
#[derive(Debug, Default)]
pub struct SpoolCounters {
    pub(super) written: AtomicU64,
    pub(super) written_bytes: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) segments: AtomicU64,
    pub(super) compactions: AtomicU64,
    pub(super) removed: AtomicU64,
    pub(super) removed_bytes: AtomicU64,
    pub(super) unavailable: AtomicBool,
    pub(super) last_error: Mutex<Option<String>>,
}

/// The values of [`SpoolCounters`] at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SpoolStats {
    /// Records in the file system.
    pub written: u64,
    /// Their bytes, as stored.
    pub written_bytes: u64,
    /// Records lost: too large, or no room left to keep them until the store works again.
    pub dropped: u64,
    /// Failed attempts to write.
    pub errors: u64,
    /// Segments begun.
    pub segments: u64,
    /// Runs of retention that removed or merged something.
    pub compactions: u64,
    /// Snapshots that retention removed.
    pub removed: u64,
    /// Bytes that retention freed.
    pub removed_bytes: u64,
    /// Whether the store does not work now; what is captured waits in memory, within a bound.
    pub unavailable: bool,
    /// The last failure, for a person.
    pub last_error: Option<String>,
}

impl SpoolCounters {
    /// The values now.
    pub fn stats(&self) -> SpoolStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SpoolStats {
            written: get(&self.written),
            written_bytes: get(&self.written_bytes),
            dropped: get(&self.dropped),
            errors: get(&self.errors),
            segments: get(&self.segments),
            compactions: get(&self.compactions),
            removed: get(&self.removed),
            removed_bytes: get(&self.removed_bytes),
            unavailable: self.unavailable.load(Ordering::Relaxed),
            last_error: self.last_error.lock().clone(),
        }
    }

    pub(super) fn count(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }
}
